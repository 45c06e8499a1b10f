"""Long texts cut into messages of 4096 UTF-16 units: https://core.telegram.org/bots/api#sendmessage."""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate

from telegram import MessageEntity

from connectors.telegram.markdown import Rendered

MAX_UNITS = 4096
MAX_ENTITIES = 100  # what lies beyond, Telegram shows unformatted
# From the best place to cut to the worst: after a paragraph, a line, a sentence, a word.
_BREAKS = tuple(
    re.compile(pattern)
    for pattern in (r"\n[ \t]*\n\s*", r"\n\s*", r"[.!?…。！？][\"'”’)\]]*(?:\s+|(?<=[。！？]))", r"\s+")
)
_JOINER = "\u200d"


def split(whole: Rendered, limit: int = MAX_UNITS) -> tuple[Rendered, ...]:
    """Parts of at most `limit` units whose texts, one after the other, are the whole text.

    A cut is made between paragraphs, else lines, sentences or words, outside of every entity if there is
    such a place at all; an entity longer than a message goes on in the next one. A character, also one of
    several code points, is never cut, unless it alone is longer than `limit`. `limit` is 2 at least.
    """
    if not whole.entities and len(whole.text) * 2 <= limit:
        return (whole,)
    cutter = _Cutter(whole, limit)
    return tuple(cutter.parts())


def shortened(whole: Rendered, limit: int = MAX_UNITS) -> Rendered:
    """The whole if it fits one message, else its beginning and an ellipsis."""
    parts = split(whole, limit)
    if len(parts) == 1:
        return parts[0]
    first = split(whole, limit - 2)[0]
    kept = first.text.rstrip()
    units = _units(kept)
    entities = (_moved(entity, 0, 0, units) for entity in first.entities)
    return Rendered(kept + " …", tuple(entity for entity in entities if entity))


class _Cutter:
    """Works on code points; `_offset[i]` is the UTF-16 offset of code point i."""

    def __init__(self, whole: Rendered, limit: int) -> None:
        self._text = whole.text
        self._limit = limit
        self._entities = whole.entities
        astral = not whole.text.isascii() and max(whole.text) > "\uffff"
        self._offset: Sequence[int] = (
            list(accumulate((2 if sign > "\uffff" else 1 for sign in whole.text), initial=0))
            if astral
            else range(len(whole.text) + 1)
        )
        self._spans = [
            (self._index(entity.offset), self._index(entity.offset + entity.length))
            for entity in whole.entities
        ]

    def _index(self, units: int) -> int:
        return max(0, bisect_right(self._offset, units) - 1)

    def parts(self) -> Iterator[Rendered]:
        start = 0
        while True:
            end = self._end(start)
            yield self._part(start, end)
            if end >= len(self._text):
                return
            start = end

    def _part(self, start: int, end: int) -> Rendered:
        first, last = self._offset[start], self._offset[end]
        moved = (_moved(entity, first, first, last) for entity in self._entities)
        return Rendered(self._text[start:end], tuple(entity for entity in moved if entity)[:MAX_ENTITIES])

    def _end(self, start: int) -> int:
        """Where the part that begins at `start` ends."""
        furthest = self._index(self._offset[start] + self._limit)
        inside = [span for span in self._spans if span[1] > start]
        if len(inside) > MAX_ENTITIES and inside[MAX_ENTITIES][0] > start:
            furthest = min(furthest, inside[MAX_ENTITIES][0])
        if furthest >= len(self._text):
            return len(self._text)
        near = [span for span in inside if span[0] < furthest]
        # A paragraph's end right at the beginning would leave a message of two words: half full at least.
        half = start + (furthest - start) // 2
        for unbroken in (near, []):
            for floor, pattern in zip((half, half, half, start), _BREAKS, strict=True):
                if place := self._last(pattern, floor, furthest, start, unbroken):
                    return place
        return self._between_characters(start, furthest)

    def _last(
        self, pattern: re.Pattern[str], floor: int, furthest: int, start: int, unbroken: list[tuple[int, int]]
    ) -> int | None:
        """The last place at or before `furthest` and beyond `floor` that lies behind the pattern."""
        best = None
        for found in pattern.finditer(self._text, floor, furthest):
            place = found.end()
            # White space alone makes no message: it stays with the words before it.
            if place <= start or not self._text[start:place].strip():
                continue
            if not any(begin < place < end for begin, end in unbroken):
                best = place
        return best

    def _between_characters(self, start: int, furthest: int) -> int:
        place = furthest
        while place > start + 1 and _joined(self._text[place - 1], self._text[place]):
            place -= 1
        # Where everything is joined to everything there is no good place, and going on matters more.
        return place if place > start + 1 or furthest == start + 1 else furthest


def _joined(before: str, after: str) -> bool:
    return _JOINER in (before, after) or unicodedata.category(after) in {"Mn", "Mc", "Me"}


def _moved(entity: MessageEntity, origin: int, first: int, last: int) -> MessageEntity | None:
    """The piece of the entity between `first` and `last`, counted from `origin`; None if there is none."""
    begin, end = max(entity.offset, first), min(entity.offset + entity.length, last)
    if begin >= end:
        return None
    return MessageEntity(
        type=entity.type, offset=begin - origin, length=end - begin, url=entity.url, language=entity.language
    )


def _units(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2
