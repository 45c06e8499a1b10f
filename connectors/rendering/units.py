"""Measure how long a text is for a platform, and shorten it."""

from collections.abc import Iterator

import regex

from bot.core.connector import Unit

ELLIPSIS = "…"
# Flags first: in a run of their letters, `\X` looks back to the beginning from each of them.
_GRAPHEME = regex.compile(r"\p{Regional_Indicator}{2}[\p{Grapheme_Extend}\u200d]*|\X")


def length(text: str, unit: Unit) -> int:
    """Return the length of a text as the platform counts it.

    A lone surrogate counts as if it were encoded.
    """
    match unit:
        case Unit.CHARACTERS:
            return len(text)
        case Unit.UTF16:
            return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2
        case Unit.BYTES:
            return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def graphemes(text: str) -> Iterator[str]:
    """Yield what readers take for single characters: a family emoji is one (Unicode Annex 29)."""
    return (found[0] for found in _GRAPHEME.finditer(text))


def shortened(text: str, limit: int, unit: Unit = Unit.CHARACTERS) -> str:
    """Return `text` if it fits, else its beginning and "…", cut between two graphemes.

    Use it for texts without markup: labels, titles, names. Idempotent. Return "" if not even the ellipsis
    fits.
    """
    if length(text, unit) <= limit:
        return text
    room = limit - length(ELLIPSIS, unit)
    if room < 0:
        return ""
    kept = ""
    for grapheme in graphemes(text):
        room -= length(grapheme, unit)
        if room < 0:
            break
        kept += grapheme
    return kept.rstrip() + ELLIPSIS
