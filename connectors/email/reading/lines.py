"""The lines of a mail, each with its kind.

Text and HTML both become such lines before quotes are separated.
"""

import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "quote", "attribution", "signature", "rest"]

# A picture that came with the mail becomes [image], with its Content-ID between these two characters.
PICTURE, PICTURE_END = "\ue005", "\ue006"
_PICTURE = re.compile(f"{PICTURE}([^{PICTURE}{PICTURE_END}]*){PICTURE_END}")

_QUOTED = re.compile(r"^ {0,3}[>＞] ?")


@dataclass(frozen=True, slots=True)
class MailLine:
    text: str  # a quote's text lacks its first `>`
    kind: Kind = "text"
    certain: bool = False  # the mail program marked the kind; otherwise the text only looks so

    @property
    def blank(self) -> bool:
        return not self.text.strip()

    @property
    def shown(self) -> str:
        """Return the line as Markdown."""
        if self.kind != "quote":
            return self.text
        return f"> {self.text}".rstrip() if self.text[:1] != ">" else f">{self.text}"


def text_lines(text: str) -> list[MailLine]:
    """Return the lines of plain text or Markdown.

    A line that begins with `>`, also the full-width one, is a quote.
    """
    return [_line(line.rstrip()) for line in text.split("\n")]


def _line(line: str) -> MailLine:
    mark = _QUOTED.match(line)
    return MailLine(line) if mark is None else MailLine(line[mark.end() :], "quote")


def unflow(text: str, *, delete_space: bool) -> str:
    """Join paragraphs that were folded for transport (format=flowed, RFC 3676) into one line each."""
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
    """Return the text without the marks of pictures, and the Content-IDs that were in it."""
    return _PICTURE.sub("", text), frozenset(_PICTURE.findall(text))
