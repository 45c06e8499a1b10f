"""Convert CommonMark to WhatsApp's markup: https://faq.whatsapp.com/539178204879377.

WhatsApp has no escapes. A word with characters that WhatsApp would read as marks is shown as code. So a
customer called `*x*` is shown as such, and a password is copied as it was written, without invisible
characters.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from connectors.rendering.document import Atom, Box, Kind, atoms
from connectors.rendering.plain import PlainWriter

_NOTHING = "\u200b"
_MARKS = {Kind.STRONG: "*", Kind.EMPHASIS: "_", Kind.STRIKE: "~"}
# Matches only at the start of a word, so that a long word is scanned once, not from each letter.
_ADDRESS = re.compile(r"https?://\S+|(?<![^\s@])[^\s@]{1,64}@[^\s@.]{1,63}(?:\.[\w-]{1,63}){1,8}")
# A sign between two letters is no mark: an_order_number.
_SIGN = re.compile(r"(?<![^\W_])[*_~`]|[*_~`](?![^\W_])")
_STOPS = ",.;:!?"
_OPENS_A_LINE = re.compile(r"[-*>]+$")


class _WhatsAppWriter(PlainWriter):
    def __init__(self) -> None:
        self._pairs: set[str] = set()  # signs that WhatsApp could read as marks in the paragraph

    def word(self, text: str) -> str:
        """Return a word, as code if it has a mark that WhatsApp would read.

        A single sign and a link are left as they are.
        """
        if "`" in text:
            return self.code(text)
        if len(text) == 1 or _ADDRESS.search(text):
            return text
        if not any(sign in self._pairs for sign in _SIGN.findall(text)):
            return text
        end = len(text.rstrip(_STOPS)) or len(text)
        return self.code(text[:end]) + text[end:]

    def code(self, text: str) -> str:
        return f"```{_fenced(text)}```" if "`" in text else f"`{text}`"

    def fence(self, content: str, language: str) -> str:  # noqa: ARG002
        return f"```\n{_fenced(content)}\n```"

    def heading(self, text: str, level: int) -> str:  # noqa: ARG002
        return _each_line("*", text)

    def headline(self, found: Sequence[Atom], depth: int, level: int) -> str:
        # The whole headline is bold. Bold within it would end that.
        return super().headline([_without_bold(atom) for atom in found], depth, level)

    def marked(self, box: Box, text: str) -> str:
        return _each_line(_MARKS[box.kind], text)

    def run(self, found: Sequence[Atom], depth: int) -> str:
        return "".join(self._parted(found, depth))

    def paragraph(self, found: Sequence[Atom], depth: int) -> str:
        first = found[0]
        self._pairs = _pairs(found)
        opens = len(first.path) == depth and not first.code and _OPENS_A_LINE.match(first.text)
        return (_NOTHING if opens else "") + super().paragraph(found, depth)

    def _parted(self, found: Sequence[Atom], depth: int) -> Iterator[str]:
        """Yield the pieces of a leaf.

        Put a zero-width space where a mark touches a letter: it would not count there.
        """
        last, last_box = "", None
        for before, text, box in self.pieces(found, depth):
            touching = not before and last[-1:] and text
            beside = (box or last_box) is not None and touching
            if beside and (last[-1:].isalnum() if box else text[0].isalnum()):
                yield _NOTHING
            yield before
            if "\n" in before and not box and _OPENS_A_LINE.match(text):
                yield _NOTHING
            yield text
            last, last_box = text, box


def to_whatsapp(markdown: str) -> str:
    """Return CommonMark in WhatsApp's markup. Never raise. Return "" if there is nothing to show."""
    return _WhatsAppWriter().write(atoms(markdown)).strip("\n")


def _pairs(found: Sequence[Atom]) -> set[str]:
    """Return the signs that WhatsApp could read as marks in this paragraph.

    One sign alone marks nothing, and a path like ~/notes should be copied as it is.
    """
    used = {_MARKS[box.kind] for atom in found for box in atom.path if box.kind in _MARKS}
    if any(box.kind is Kind.HEADING for box in found[0].path):
        used.add("*")
    literal = Counter(sign for atom in found if not atom.code for sign in atom.text if sign in "*_~`")
    return {sign for sign, count in literal.items() if count > 1 or sign in used or sign == "`"}


def _fenced(text: str) -> str:
    """Return a text without three backticks in a row, and without a backtick beside the fence."""
    parted = text.replace("```", _NOTHING.join("```"))
    before = _NOTHING if parted.startswith("`") else ""
    return before + parted + (_NOTHING if parted.endswith("`") else "")


def _without_bold(atom: Atom) -> Atom:
    return replace(atom, path=tuple(box for box in atom.path if box.kind is not Kind.STRONG))


def _each_line(mark: str, text: str) -> str:
    """Mark each line of a text separately: WhatsApp's marks end with their line."""
    return "\n".join(f"{mark}{line.strip()}{mark}" if line.strip() else line for line in text.split("\n"))
