"""Read YAML (and so JSON) as plain values, with the line and column of each.

Accept only what a configuration needs: no tags, no merge keys, no dates, no `yes` for true, no base 60
(`09:00` is text). Limit hostile input before it is built, in size, depth, and what aliases may add up to.
"""

import re
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import yaml

MAX_BYTES: Final = 256 * 1024
MAX_DEPTH: Final = 24
MAX_ALIASES: Final = 100
MAX_VALUES: Final = 50_000

Scalar = str | int | float | bool | None
Value = Scalar | list["Value"] | dict[str, "Value"]
Path = tuple[str | int, ...]
Mark = tuple[int, int]

_INTEGER = re.compile(r"[-+]?\d{1,18}")
_NUMBER = re.compile(r"[-+]?(\d{1,18}\.\d{0,18}|\.\d{1,18}|\d{1,18})([eE][-+]?\d{1,3})?")
_COMMENT = re.compile(r"\s*(#[^\s#=-].*)")  # "## part", "#---" and "#===" draw a line
_COMMENT_IN_BRACKETS = re.compile(r"[:,\[{]\s+(#\w[^\s,\]}]*)")
_WORDS: Final[dict[str, Scalar]] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment that has swallowed a value, or the end of one, because its `#` is not in quotes.

    `whole`: no value is left. `lost`: text was lost. After a number or `true` nothing was, since it may be a
    real comment.
    """

    mark: Mark
    text: str
    whole: bool
    lost: bool = True

    @property
    def found(self) -> str:
        return f"{'no value' if self.whole else 'a value that ends'} before `{self._word}`"

    @property
    def expected(self) -> str:
        quoted = f'"{self._word}"' if self.whole else f'"… {self._word}"'
        return f"{quoted} in quotes: an unquoted # begins a comment (write `# `, with a space, if it is one)"

    @property
    def _word(self) -> str:
        return self.text.split()[0].rstrip(",]}")[:60]


@dataclass(frozen=True, slots=True)
class Tree:
    """The values of a file. `values` and `keys` hold the position of each path's value, and of its key.

    `comments` are those that were probably meant as a value or a part of one: `#name`, not `# why`.
    """

    root: Value
    values: dict[Path, Mark]
    keys: dict[Path, Mark]
    comments: "dict[Path, Comment]"

    def mark(self, path: Path) -> Mark:
        """Return the position of `path`, or of the nearest value around it."""
        while path and path not in self.values:
            path = path[:-1]
        return self.values.get(path, (1, 1))

    def key_mark(self, path: Path) -> Mark:
        return self.keys.get(path) or self.mark(path)

    def at(self, path: Path) -> Value:
        """Return the value at `path`, or None if there is none."""
        value = self.root
        for step in path:
            if isinstance(value, dict) and isinstance(step, str):
                value = value.get(step)
            elif isinstance(value, list) and isinstance(step, int) and 0 <= step < len(value):
                value = value[step]
            else:
                return None
        return value


class Unreadable(Exception):
    """The bytes are not a tree. Caught by `orgs.loading`, which knows the file's name."""

    def __init__(self, code: str, mark: Mark, found: str, expected: str, path: Path = ()) -> None:
        super().__init__(f"{code} at {mark}: found {found}, expected {expected}")
        self.code, self.mark, self.found, self.expected, self.path = code, mark, found, expected, path


def read_tree(data: bytes) -> Tree:
    """Read bytes as a tree. Raise Unreadable, and nothing else, whatever the bytes are."""
    text = decode(data)
    try:
        node = _composed(text)
    except yaml.MarkedYAMLError as error:
        raise _syntax(error, text) from None
    except yaml.reader.ReaderError as error:
        raise Unreadable(
            "yaml.character", _mark_of(text, error.position), "a control character", "printable text"
        ) from None
    if node is None:
        raise Unreadable("file.empty", (1, 1), "nothing", "an organization")
    builder = _Builder(text.splitlines())
    return Tree(builder.build(node, (), 0), builder.values, builder.keys, builder.comments)


def _composed(text: str) -> yaml.Node | None:
    """Read a text with libyaml, which takes a tenth of the time of PyYAML.

    If libyaml refuses it, read it again with PyYAML for its error messages.
    """
    with suppress(yaml.YAMLError, UnicodeError):
        _measure(text, yaml.CSafeLoader)
        return yaml.compose(text, Loader=yaml.CSafeLoader)
    _measure(text, yaml.SafeLoader)
    return yaml.compose(text, Loader=yaml.SafeLoader)


def decode(data: bytes) -> str:
    """Return the text of UTF-8 bytes, with or without a byte order mark.

    Raise Unreadable, also for more than MAX_BYTES.
    """
    if len(data) > MAX_BYTES:
        raise Unreadable("file.size", (1, 1), f"{len(data)} bytes", f"at most {MAX_BYTES} bytes")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8", "replace")
        found = f"byte 0x{data[error.start]:02x}"
        raise Unreadable("file.encoding", _mark_of(before, len(before)), found, "text in UTF-8") from None


def write_path(path: Path) -> str:
    """Return a path as text: `agents[2].escalation_rules[0].target`. It is one line, whatever the
    keys are.
    """
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            shown = step if step.isprintable() else step.encode("unicode_escape").decode()
            text += f".{shown}" if text else shown
    return text


def _mark_of(text: str, position: int) -> Mark:
    line_start = text.rfind("\n", 0, position) + 1
    return text.count("\n", 0, position) + 1, position - line_start + 1


def _measure(text: str, loader: type[yaml.CSafeLoader | yaml.SafeLoader]) -> None:
    """Check the limits on the stream of events, which is not recursive as building the tree is."""
    depth = aliases = documents = 0
    for event in yaml.parse(text, Loader=loader):
        mark = _start(event)
        match event:
            case yaml.AliasEvent():
                aliases += 1
                if aliases > MAX_ALIASES:
                    raise Unreadable("yaml.aliases", mark, "one more alias", f"at most {MAX_ALIASES}")
            case yaml.CollectionStartEvent():
                depth += 1
                if depth > MAX_DEPTH:
                    raise Unreadable("yaml.depth", mark, "one more level", f"at most {MAX_DEPTH} levels")
            case yaml.CollectionEndEvent():
                depth -= 1
            case yaml.DocumentStartEvent():
                documents += 1
                if documents > 1:
                    raise Unreadable("yaml.documents", mark, "a second document", "one document in the file")
            case _:
                pass


def _syntax(error: yaml.MarkedYAMLError, text: str) -> Unreadable:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line, mark.column) if mark else (0, 0)
    lines = text.splitlines()
    here = lines[line] if line < len(lines) else ""
    if "\t" in here[: column + 1]:
        return Unreadable("yaml.tab", (line + 1, here.index("\t") + 1), "a tab", "spaces to indent with")
    if "flow" in (error.context or "") and (comment := _comment_in_brackets(lines[: line + 1])) is not None:
        return Unreadable("yaml.comment", comment.mark, comment.found, comment.expected)
    found = " ".join(filter(None, (error.context, error.problem))) or "something else"
    found = f"bad YAML ({found})"
    return Unreadable("yaml.syntax", (line + 1, column + 1), found, "well-formed YAML or JSON")


def _comment_in_brackets(lines: list[str]) -> Comment | None:
    """Return the last comment that swallows the closing bracket of its line, or None."""
    for number in range(len(lines) - 1, -1, -1):
        found = _COMMENT_IN_BRACKETS.search(lines[number])
        if found is None:
            continue
        before = lines[number][: found.start(1)]
        if sum(map(before.count, "[{")) > sum(map(before.count, "]}")):
            return Comment((number + 1, found.start(1) + 1), found.group(1), whole=True)
    return None


class _Builder:
    def __init__(self, lines: list[str]) -> None:
        self._lines = lines
        self.values: dict[Path, Mark] = {}
        self.keys: dict[Path, Mark] = {}
        self.comments: dict[Path, Comment] = {}

    def build(self, node: yaml.Node, path: Path, depth: int) -> Value:
        mark = _start(node)
        self.values[path] = mark
        if len(self.values) > MAX_VALUES:
            raise Unreadable("yaml.values", mark, "one more value", f"at most {MAX_VALUES}, aliases followed")
        if depth > MAX_DEPTH:  # happens only if an alias refers to a value around it
            raise Unreadable("yaml.depth", mark, "one more level", f"at most {MAX_DEPTH} levels")
        match node:
            case yaml.MappingNode():
                return self._mapping(node, path, depth)
            case yaml.SequenceNode():
                _refuse_tag(node, "tag:yaml.org,2002:seq", path)
                return [self.build(item, (*path, i), depth + 1) for i, item in enumerate(node.value)]
            case yaml.ScalarNode():
                self._look_for_comment(node, path)
                return _scalar(node, path)
            case _:
                raise AssertionError(f"yaml.compose made a {type(node).__name__}")

    def _look_for_comment(self, node: yaml.ScalarNode, path: Path) -> None:
        end = node.end_mark
        if node.style or end is None or end.line >= len(self._lines):
            return
        if (found := _COMMENT.match(self._lines[end.line], end.column)) is not None:
            self.comments[path] = Comment(
                (end.line + 1, found.start(1) + 1),
                found.group(1),
                whole=not node.value,
                lost=not node.value or isinstance(_scalar(node, path), str),
            )

    def _mapping(self, node: yaml.MappingNode, path: Path, depth: int) -> Value:
        _refuse_tag(node, "tag:yaml.org,2002:map", path)
        result: dict[str, Value] = {}
        for key_node, value_node in node.value:
            mark = _start(key_node)
            if not isinstance(key_node, yaml.ScalarNode):
                raise Unreadable("yaml.key", mark, "a key that is no text", "a name as the key", path)
            key = _join_surrogates(key_node)
            inner = (*path, key)
            if key == "<<" and not key_node.style:
                raise Unreadable("yaml.merge", mark, "a merge key <<", "the keys written out", path)
            if key in result:
                first = self.keys[inner][0]
                found = f"the key {key[:60]!r} again"
                raise Unreadable("yaml.duplicate-key", mark, found, f"it once (first on line {first})", path)
            self.keys[inner] = mark
            result[key] = self.build(value_node, inner, depth + 1)
        return result


def _start(node: yaml.Node | yaml.Event) -> Mark:
    mark = node.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


def _refuse_tag(node: yaml.Node, usual: str, path: Path) -> None:
    if node.tag != usual:
        raise Unreadable("yaml.tag", _start(node), f"the tag {node.tag[:60]!r}", "no tags", path)


def _scalar(node: yaml.ScalarNode, path: Path) -> Scalar:
    text = _join_surrogates(node)
    if node.style:  # quoted or a block: text, whatever it looks like
        _refuse_tag(node, "tag:yaml.org,2002:str", path)
        return text
    if not node.tag.startswith("tag:yaml.org,2002:") or node.tag.endswith(("binary", "set", "omap", "pairs")):
        raise Unreadable("yaml.tag", _start(node), f"the tag {node.tag[:60]!r}", "no tags", path)
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _NUMBER.fullmatch(text):
        return float(text)
    return text


def _join_surrogates(node: yaml.ScalarNode) -> str:
    """Return the text of a scalar, with pairs of surrogates joined.

    JSON writes a character beyond U+FFFF as two escapes, which YAML reads as two characters.
    """
    text: str = node.value
    try:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
    except UnicodeDecodeError:
        raise Unreadable("yaml.character", _start(node), "half a character", "whole characters") from None
