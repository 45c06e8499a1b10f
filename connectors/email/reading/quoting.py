"""Separate what is new in a mail from what it quotes and from the signature.

Nothing is lost: what is cut goes to `quoted`, and in doubt a line stays new. Answers between quotes keep the
lines that they answer. A forwarded mail is content.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from connectors.email.reading import attribution, phrases
from connectors.email.reading.lines import Kind, MailLine

MAX_LINES = 20_000
MAX_QUOTED = 200_000
_MAX_SIGNATURE = 25
_MAX_CLOSING = 14
_MAX_POINTING = 500  # characters of a text that points to answers below it


@dataclass(frozen=True, slots=True)
class Quoted:
    new: str
    quoted: str
    passed_on: tuple[MailLine, ...] = ()  # the forwarded mail at the end of `new`


@dataclass(frozen=True, slots=True)
class _Block:
    kind: Kind
    lines: tuple[MailLine, ...]

    @property
    def blank(self) -> bool:
        return all(line.blank or phrases.RULE_LINE.match(line.text.strip()) for line in self.lines)


def divide(
    lines: Sequence[MailLine], *, subject: str, forwarding: bool, is_reply: bool, has_files: bool
) -> Quoted:
    """Divide the lines of a mail into new text and quoted text.

    `forwarding` means that the subject says it is a forwarded mail. `is_reply` means that the headers say it
    answers one.
    """
    lines = list(lines[:MAX_LINES])
    start = _forwarded_from(lines, forwarding)
    own, content = lines[:start], lines[start:]
    answers = is_reply or phrases.REPLY_PREFIX.match(subject) is not None
    blocks = _blocks(_without_signature(attribution.mark(own, answers=answers)))
    cut = _cut(blocks, answers=answers)
    new = _joined(
        [line for block, is_cut in zip(blocks, cut, strict=True) if not is_cut for line in block.lines]
    )
    quoted = _joined(
        [line for block, is_cut in zip(blocks, cut, strict=True) if is_cut for line in block.lines]
    )
    if len(new) <= _MAX_POINTING and phrases.ANSWERS_WITHIN.search(new) and not content:
        return Quoted(_joined([line for block in blocks for line in block.lines]), "")
    if not new and not content:
        kept = _in_doubt(blocks, answers=answers, has_files=has_files)
        if kept is not None:
            whole = _joined([line for block in blocks for line in block.lines])
            return Quoted(kept, quoted[:MAX_QUOTED] if kept != whole else "")
    forwarded = _joined(content)
    return Quoted("\n\n".join(filter(None, (new, forwarded))), quoted[:MAX_QUOTED], tuple(content))


def everything(lines: Sequence[MailLine]) -> str:
    return _joined(list(lines[:MAX_LINES]))


def _forwarded_from(lines: list[MailLine], forwarding: bool) -> int:
    """Return the line at which a forwarded mail begins, or the number of lines if there is none."""
    finder = attribution.Finder(lines)
    for at, line in enumerate(lines):
        if line.blank or line.kind not in ("text", "attribution"):
            continue
        if phrases.FORWARDED.match(finder.bare(at)):
            return at
        if line.kind == "text":
            begins = finder.beginning(at)
            if begins is not None:
                return at if forwarding else len(lines)
    return len(lines)


def _without_signature(lines: list[MailLine]) -> list[MailLine]:
    """Return the lines, with the signature in each stretch of text marked."""
    result: list[MailLine] = []
    for kind, group in groupby(lines, key=lambda line: line.kind):
        stretch = list(group)
        result += _sign(stretch) if kind == "text" else stretch
    return result


def _sign(stretch: list[MailLine]) -> list[MailLine]:
    signing = _Stretch(stretch)
    end = below = len(stretch)
    for at in range(end - 1, -1, -1):  # the last `-- ` counts, above the footers of lists and scanners
        if end < below and not signing.is_footer(end, below):
            break
        text = stretch[at].text.strip()
        if (
            text in ("--", "—", "---")
            and (text != "---" or signing.is_footer(at, len(stretch)))
            and signing.is_short(at, end)
            and (signing.is_footer(at, len(stretch)) or signing.signs(at, end))
        ) or (phrases.RULE_LINE.match(text) and signing.is_footer(at, end)):
            below, end = end, at
    end = min(end, signing.closing(end))
    return [
        replace(line, kind="signature")
        if at >= end or (not line.blank and (phrases.is_mobile(line.text) or _is_notice(line.text)))
        else line
        for at, line in enumerate(stretch)
    ]


def _is_notice(text: str) -> bool:
    text = phrases.bare(text)
    return len(text) < 200 and phrases.NOTICE.match(text) is not None


class _Stretch:
    """Consecutive lines of one kind. A question about a span of them costs the same however long it is."""

    def __init__(self, lines: Sequence[MailLine]) -> None:
        self._lines = lines
        self._filled = [at for at, line in enumerate(lines) if not line.blank]

    def is_short(self, start: int, end: int) -> bool:
        filled = bisect_left(self._filled, end) - bisect_left(self._filled, start)
        return filled <= _MAX_SIGNATURE

    def is_footer(self, start: int, end: int) -> bool:
        if not self.is_short(start, end):
            return False
        filled = self._filled[bisect_left(self._filled, start) : bisect_left(self._filled, end)]
        text = "\n".join(self._lines[at].text for at in filled)
        return phrases.FOOTER.search(text[:3_000]) is not None

    def signs(self, at: int, end: int) -> bool:
        """Return True if a signature stands below the two dashes at `at`, and not the rest of a text."""
        number = bisect_left(self._filled, at)
        introduced = number > 0 and self._lines[self._filled[number - 1]].text.rstrip().endswith((":", "："))
        below = self._filled[number + 1 : bisect_left(self._filled, end)]
        lines = [self._lines[each] for each in below]
        small = len(lines) > 1 and all(line.text.lstrip()[:1].islower() for line in lines)
        return not introduced and not small and _looks_signed(lines)

    def closing(self, end: int) -> int:
        """Return the line where `Kind regards` and a signature begin, or `end` if there is none.

        There must be some text above it, and nothing below it that looks like more text.
        """
        filled = self._filled[: bisect_left(self._filled, end)]
        for number in range(1, len(filled)):
            following = (self._lines[filled[later]] for later in range(number + 1, len(filled)))
            closes = phrases.CLOSING.match(phrases.bare(self._lines[filled[number]].text))
            if closes and _looks_signed(following):
                return filled[number]
        return end


def _looks_signed(lines: Iterable[MailLine]) -> bool:
    count, reachable = 0, False
    for line in lines:
        text = phrases.bare(line.text)
        if not text:
            continue
        if phrases.DISCLAIMER.search(text):
            return True  # a legal notice follows
        count += 1
        # Below contact details, a sentence is an advertisement.
        reachable = reachable or phrases.REACHED.search(text) is not None
        if count > _MAX_CLOSING or len(text) > 90 or phrases.asks(text):
            return False
        if not reachable and phrases.says(text):
            return False
    return True


def _blocks(lines: list[MailLine]) -> list[_Block]:
    """Return the blocks of adjacent lines of one kind. Blank lines belong to the block before them."""
    kinds: list[Kind] = []
    for line in lines:
        kinds.append(kinds[-1] if line.blank and kinds and line.kind in ("text", kinds[-1]) else line.kind)
    pairs = zip(kinds, lines, strict=True)
    return [
        _Block(kind, tuple(line for _, line in group))
        for kind, group in groupby(pairs, key=lambda pair: pair[0])
    ]


def _cut(blocks: Sequence[_Block], *, answers: bool) -> list[bool]:
    """Return for each block whether it is cut, because it is not new."""
    texts = [at for at, block in enumerate(blocks) if block.kind == "text" and not block.blank]
    last = texts[-1] if texts else -1
    quotes = [at for at in range(last) if blocks[at].kind == "quote" and not blocks[at].blank]
    introduced = any(block.kind in ("attribution", "rest") or block.lines[0].certain for block in blocks)
    pasted = not answers and not introduced  # the mail answers none: somebody marked lines with `>` by hand
    between = len(quotes) > 1 or (len(quotes) == 1 and texts[0] < quotes[0])
    return [
        not (block.kind == "text" or (block.kind == "quote" and (pasted or (between and at < last))))
        for at, block in enumerate(blocks)
    ]


def _in_doubt(blocks: Sequence[_Block], *, answers: bool, has_files: bool) -> str | None:
    """Return the new text of a mail in which everything was cut, or None if nothing in it is new."""
    if any(block.kind == "rest" for block in blocks):
        return _joined([line for block in blocks for line in block.lines])
    quotes = [block for block in blocks if block.kind == "quote"]
    certain = any(block.lines[0].certain for block in blocks)
    introduced = bool(quotes) and any(block.kind == "attribution" for block in blocks)
    if not certain and not (answers and introduced) and any(block.kind != "signature" for block in blocks):
        return _joined([line for block in blocks for line in block.lines])
    signed = [line for block in blocks if block.kind == "signature" for line in block.lines]
    words = [line for line in signed if not phrases.is_mobile(line.text)]
    return _joined(words) if words and not has_files else None


def _joined(lines: Sequence[MailLine]) -> str:
    shown = [line.shown.rstrip() for line in lines]
    begin = next((at for at, line in enumerate(shown) if not _is_edge(line)), len(shown))
    shown = shown[begin:]
    while shown and _is_edge(shown[-1]):
        shown.pop()
    if shown and not shown[0].startswith("    "):
        shown[0] = shown[0].lstrip()
    result: list[str] = []
    for line in shown:
        if line.strip() or (result and result[-1]):
            result.append(line if line.strip() else "")
    return "\n".join(result)


def _is_edge(line: str) -> bool:
    """Return True for a line without meaning at the beginning or the end of a text: a blank one or a rule."""
    return not line.strip() or phrases.RULE_LINE.match(line.strip()) is not None
