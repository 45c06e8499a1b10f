"""Parse CommonMark into words, each of which knows the elements around it.

A flat list of words can be cut anywhere: the elements around a piece are opened and closed again when it is
written. The parser is markdown-it (https://spec.commonmark.org/0.31.2/), with tables and ~~strikethrough~~,
and without HTML: tags are shown as they were written.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache, lru_cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

from connectors.rendering.density import bounded

# At more levels the parser drops content. Nobody means such a text as markup.
_DEEPEST = 90

HARD_BREAK = "\\\n"
# White space at which a line may break. No-break spaces belong to their words.
_WORD = re.compile(r"([^\S\u00a0\u2007\u202f]*)((?:\S|[\u00a0\u2007\u202f])*)")
# In a language without spaces, the next sentence begins a new word.
_IDEOGRAPHIC_END = re.compile(r"[。！？．]+[」』”’）】》\"')]*(?=.)")
_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")


class Kind(Enum):
    QUOTE = auto()
    LIST = auto()
    ITEM = auto()
    PARAGRAPH = auto()
    HEADING = auto()
    FENCE = auto()
    RULE = auto()
    TABLE = auto()
    ROW = auto()
    CELL = auto()
    STRONG = auto()
    EMPHASIS = auto()
    STRIKE = auto()
    CODE = auto()
    LINK = auto()
    IMAGE = auto()


LEAVES = frozenset({Kind.PARAGRAPH, Kind.HEADING, Kind.FENCE, Kind.RULE, Kind.CELL})
INLINE = frozenset({Kind.STRONG, Kind.EMPHASIS, Kind.STRIKE, Kind.CODE, Kind.LINK, Kind.IMAGE})


@dataclass(frozen=True, slots=True, eq=False)
class Box:
    """An element around words. Two boxes are equal only if they are the same object."""

    kind: Kind
    mark: str = ""  # as written: "*", "-", ")"; the language of a fence
    number: int = 0  # of an item in an ordered list (-1 in others); a heading's level
    tight: bool = False
    url: str = ""


@dataclass(frozen=True, slots=True)
class Atom:
    """A word, or a line of a code block. `before` is what separates it from the one before it."""

    text: str
    before: str
    path: tuple[Box, ...]  # from the outside in

    @property
    def code(self) -> bool:
        return self.path[-1].kind in (Kind.CODE, Kind.FENCE)

    @property
    def leaf(self) -> int:
        """Return the index in the path of the block that holds the words. Everything after it is inline."""
        return next(index for index, box in enumerate(self.path) if box.kind in LEAVES)


@cache
def parser() -> MarkdownIt:
    found = MarkdownIt("commonmark", {"html": False, "maxNesting": _DEEPEST + 10, "breaks": True})
    return found.enable(["table", "strikethrough"])


def escaped(text: str) -> str:
    """Return CommonMark that shows `text` as it is, on one line."""
    return _PUNCTUATION.sub(r"\\\1", " ".join(text.split()))


def tokens(markdown: str) -> list[Token]:
    markdown = bounded(markdown)
    found = parser().parse(markdown)
    if any(token.level >= _DEEPEST for token in found) or _is_deep_inside(found):
        return parser().parse("\n".join(escaped(line) for line in markdown.split("\n")))
    return found


def _is_deep_inside(found: Sequence[Token]) -> bool:
    """Return True for inline markup nested too deeply, such as bold within bold.

    The parser has no limit for that.
    """
    return any(child.level >= _DEEPEST for token in found for child in token.children or ())


@lru_cache(maxsize=8)  # each part is parsed to check it, to measure it, and to send it
def atoms(markdown: str) -> Sequence[Atom]:
    return tuple(_Reader().read(tokens(markdown)))


class _Reader:
    def __init__(self) -> None:
        self._path: list[Box] = []
        self._gap = ""

    def read(self, found: Sequence[Token]) -> Iterator[Atom]:
        for index, token in enumerate(found):
            match token.type:
                case "inline":
                    self._gap = ""
                    yield from self._inline(token.children or [])
                case "fence" | "code_block":
                    box = Box(Kind.FENCE, mark=token.info.strip().split(" ")[0])
                    for line in token.content.rstrip("\n").split("\n"):
                        yield Atom(line, "\n", (*self._path, box))
                case "hr":
                    yield Atom("", "", (*self._path, Box(Kind.RULE)))
                case "thead_open" | "thead_close" | "tbody_open" | "tbody_close":
                    pass
                case _ if token.nesting == 1:
                    self._path.append(self._box(found, index))
                case _ if token.nesting == -1:
                    self._path.pop()

    def _box(self, found: Sequence[Token], index: int) -> Box:
        token = found[index]
        match token.type:
            case "blockquote_open":
                return Box(Kind.QUOTE)
            case "bullet_list_open" | "ordered_list_open":
                return Box(Kind.LIST, tight=_is_tight(found, index))
            case "list_item_open":
                number = int(token.info) if token.info else -1
                return Box(Kind.ITEM, mark=token.markup, number=number, tight=self._path[-1].tight)
            case "heading_open":
                return Box(Kind.HEADING, number=int(token.tag[1:]))
            case "table_open":
                return Box(Kind.TABLE)
            case "tr_open":
                return Box(Kind.ROW)
            case "th_open" | "td_open":
                return Box(Kind.CELL)
            case _:
                return Box(Kind.PARAGRAPH)

    def _inline(self, children: Sequence[Token]) -> Iterator[Atom]:
        opened_empty = False  # keeps a link without a word in it
        for token in children:
            match token.type:
                case "text":
                    yield from self._words(token.content)
                    opened_empty = opened_empty and not token.content.strip()
                case "code_inline":
                    self._path.append(Box(Kind.CODE))
                    yield from self._words(token.content) if token.content.strip() else [self._atom(" ")]
                    self._path.pop()
                    opened_empty = False
                case "softbreak":
                    self._gap = "\n"
                case "hardbreak":
                    self._gap = HARD_BREAK
                case "image":
                    self._path.append(Box(Kind.IMAGE, url=str(token.attrGet("src") or "")))
                    if token.content.strip():
                        yield from self._words(_shown(token.children or []))
                    else:
                        yield self._atom("")
                    self._path.pop()
                    opened_empty = False
                case "link_open":
                    self._path.append(Box(Kind.LINK, url=str(token.attrGet("href") or "")))
                    opened_empty = True
                case "link_close":
                    if opened_empty:
                        yield self._atom("")
                    opened_empty = False
                    self._path.pop()
                case "strong_open":
                    self._path.append(Box(Kind.STRONG, mark=token.markup))
                case "em_open":
                    self._path.append(Box(Kind.EMPHASIS, mark=token.markup))
                case "s_open":
                    self._path.append(Box(Kind.STRIKE, mark=token.markup))
                case "strong_close" | "em_close" | "s_close":
                    self._path.pop()
                case _:
                    yield from self._words(token.content)

    def _words(self, text: str) -> Iterator[Atom]:
        for gap, word in _WORD.findall(text):
            if gap:
                self._gap = self._gap if "\n" in self._gap else " "
            start = 0
            for end in _IDEOGRAPHIC_END.finditer(word):
                yield self._atom(word[start : end.end()])
                start = end.end()
            if word[start:]:
                yield self._atom(word[start:])

    def _atom(self, text: str) -> Atom:
        gap, self._gap = self._gap, ""
        return Atom(text, gap, tuple(self._path))


def _shown(children: Sequence[Token]) -> str:
    """Return the words of an image's description without its markup."""
    return "".join(
        " " if token.type.endswith("break") else _shown(token.children) if token.children else token.content
        for token in children
    )


def _is_tight(found: Sequence[Token], index: int) -> bool:
    """Return True if the items of the list have no empty lines between them: markdown-it then hides their
    paragraphs.
    """
    level = found[index].level
    for token in found[index + 1 :]:
        if token.level <= level:
            break
        if token.type == "paragraph_open" and token.level == level + 2:
            return token.hidden
    return True
