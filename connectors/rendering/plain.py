"""Convert CommonMark to text without markup: for Messenger, and for the text part of a mail."""

import re
from collections.abc import Sequence

from connectors.rendering.document import Box, atoms
from connectors.rendering.writing import Writer

_OPENS = re.compile(r"(?:https?|mailto|tel):", re.IGNORECASE)
_SCHEME = re.compile(r"^(?:mailto:|tel:|https?://)")


class PlainWriter(Writer):
    def word(self, text: str) -> str:
        return text

    def code(self, text: str) -> str:
        return text

    def fence(self, content: str, language: str) -> str:  # noqa: ARG002
        return content

    def heading(self, text: str, level: int) -> str:  # noqa: ARG002
        return text

    def marked(self, box: Box, text: str) -> str:  # noqa: ARG002
        return text

    def link(self, box: Box, label: str) -> str:
        return linked(box.url, label)

    def table(self, rows: Sequence[Sequence[str]]) -> str:
        # On a phone, columns made of spaces wrap and get lost. Bars stay readable.
        return "\n".join(" | ".join(cell.replace("\n", " ") for cell in row) for row in rows)

    def rule(self) -> str:
        return "──────────"


def linked(url: str, label: str) -> str:
    """Return `label (url)`, or only one of them if the other adds nothing."""
    label = label.strip()
    if not label:
        return url
    if not _OPENS.match(url) or _bare(url) == _bare(label):
        return label
    return f"{label} ({url})"


def _bare(address: str) -> str:
    return _SCHEME.sub("", address).rstrip("/")


def to_plain(markdown: str) -> str:
    """Return the words of CommonMark and the addresses of its links. Never raise.

    Return "" if there is nothing to show.
    """
    return PlainWriter().write(atoms(markdown)).strip("\n")
