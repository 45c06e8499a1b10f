"""Lines of a mail, each with what it is. Text and HTML meet here, before what is new is told from what is
not.
"""

import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "quote", "attribution", "signature", "rest"]

# A picture that came with the mail is written [image], with its Content-ID between these two.
PICTURE, PICTURE_END = "\ue005", "\ue006"
_PICTURE = re.compile(f"{PICTURE}([^{PICTURE}{PICTURE_END}]*){PICTURE_END}")

_QUOTED = re.compile(r"^ {0,3}[>＞] ?")


@dataclass(frozen=True, slots=True)
class Line:
    text: str  # of a quote: without its first `>`
    kind: Kind = "text"
    certain: bool = False  # the mail program marked it; otherwise it only looks so

    @property
    def blank(self) -> bool:
        return not self.text.strip()

    @property
    def shown(self) -> str:
        """As Markdown."""
        if self.kind != "quote":
            return self.text
        return f"> {self.text}".rstrip() if self.text[:1] != ">" else f">{self.text}"


def text_lines(text: str) -> list[Line]:
    """Lines of plain text or Markdown. `>` is a quote, and so is the full-width one."""
    return [_line(line.rstrip()) for line in text.split("\n")]


def _line(line: str) -> Line:
    mark = _QUOTED.match(line)
    return Line(line) if mark is None else Line(line[mark.end() :], "quote")


def unflow(text: str, *, delete_space: bool) -> str:
    """Paragraphs that a mail program folded for transport (format=flowed, RFC 3676) in one line again."""
    folded: list[tuple[int, str]] = []
    open_at = -1  # depth of a paragraph that goes on
    for line in text.split("\n"):
        marks = re.match(r">*", line)
        depth = marks.end() if marks is not None else 0
        content = line[depth:].removeprefix(" ")
        if open_at == depth and content != "-- ":
            folded[-1] = (depth, folded[-1][1] + content)
        else:
            folded.append((depth, content))
        flows = content.endswith(" ") and content != "-- "
        if flows and delete_space:
            folded[-1] = (depth, folded[-1][1][:-1])
        open_at = depth if flows else -1
    return "\n".join(f"{'>' * depth} {content}" if depth else content for depth, content in folded)


def without_pictures(text: str) -> tuple[str, frozenset[str]]:
    """The text as it is shown, and the Content-IDs that were in it."""
    return _PICTURE.sub("", text), frozenset(_PICTURE.findall(text))
