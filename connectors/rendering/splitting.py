"""Split a text that is too long for one message into several that read like the whole."""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import accumulate

from connectors.rendering.document import INLINE, Atom, Box, Kind, atoms
from connectors.rendering.units import graphemes
from connectors.rendering.writing import to_commonmark

Size = Callable[[str], int]

# Places to cut, best first.
_BLOCK, _LINE, _SENTENCE, _WORD, _INSIDE_A_WORD = range(5)
_BARE = Box(Kind.PARAGRAPH)
_RUN = 64  # characters
_SENTENCE_END = re.compile(r"[.!?…。！？．؟۔।॥][\"'”’»›)\]」』】）*_]*$")
_INITIAL = re.compile(r"^[\"'(\[]*\w\.$")


def split(markdown: str, limit: int, size: Size) -> tuple[str, ...]:
    """Split CommonMark into parts, each with `size(part) <= limit`.

    Return none for a text that shows nothing.

    `size` measures what the platform will get, so it renders. A cut is made after a paragraph, else a line, a
    sentence, a word, else between two graphemes. A link, emphasis or a code block is cut only if it alone is
    too long. It is then closed, and opened again in the next part. A text that fits is returned unchanged.
    Pure. Only a single character can exceed the limit.
    """
    found = atoms(markdown)
    if size(markdown) <= limit:
        # A rule has no words, and the bullet of an empty list may be shown; white space never is.
        wordless = all(atom.path[-1].kind is Kind.RULE for atom in found)
        shows = bool(size(markdown)) if wordless else _shows_something(found)
        return (markdown,) if shows else ()
    return tuple(_Splitter(found, limit, size).parts())


def joined(*texts: str) -> str:
    """Join texts so that none continues in the next, not even a code block that was never closed."""
    shown = [text for text in texts if text.strip()]
    if len(shown) < 2:
        return "".join(shown)
    whole = "\n\n".join(shown)
    apart = "\n\n".join(faithful(atoms(text)) for text in shown)
    return whole if faithful(atoms(whole)) == apart else apart


def faithful(found: Sequence[Atom]) -> str:
    """Return CommonMark that reads as these atoms.

    Drop bold and similar marks if they would be read as text.
    """
    written = to_commonmark(found)
    if _words(atoms(written)) == _words(found):
        return written
    # The marks are nested so that they read differently when written again. The words matter more.
    return to_commonmark(_unmarked(found))


class _Splitter:
    def __init__(self, found: Sequence[Atom], limit: int, size: Size) -> None:
        self._atoms = _without_endless_links(found, limit, size)
        self._limit = limit
        self._size = size
        self._measure()

    def parts(self) -> Iterator[str]:
        start = 0
        while start < len(self._atoms):
            furthest = self._furthest(start)
            if furthest == start and self._broken(start):
                continue
            end = self._end(start, max(furthest, start + 1))
            part = faithful(_piece(self._atoms, start, end))
            while self._size(part) > self._limit and end > start + 1:
                end = self._end(start, end - 1)
                part = faithful(_piece(self._atoms, start, end))
            if _shows_something(self._atoms[start:end]):
                yield part
            start = end

    def _furthest(self, start: int) -> int:
        """Return about where the longest part from `start` ends, or `start` if not even one atom fits."""
        low, high = start, len(self._atoms)
        aim = self._filled[start] + self._limit
        enough = self._limit - self._limit // 32  # a closer search would cost more than it gains
        too_long = False
        while low < high:
            middle = min(high, max(low + 1, bisect_right(self._filled, aim) - 1))
            size = self._size(to_commonmark(_piece(self._atoms, start, middle)))
            begin, end = self._filled[start], self._filled[middle]
            off = int((self._limit - size) * (end - begin) / max(1, size))  # in the units of `_filled`
            if size > self._limit:
                high = middle - 1
                aim = (self._filled[low] + end) // 2 if too_long else end + off
                too_long = True
            else:
                low, aim = middle, end + off
                if size >= enough:
                    break
        return low

    def _end(self, start: int, furthest: int) -> int:
        """Return where the part that begins at `start` ends: at `furthest` or before it."""
        if furthest >= len(self._atoms):
            return furthest
        filled = self._filled[furthest] - self._filled[start]
        # A cut after a short first paragraph would leave a message of two words.
        half, fifth = self._filled[start] + filled // 2, self._filled[start] + filled // 5
        wanted = [
            (whole, worst, floor)
            for whole in (True, False)
            for worst, floor in (
                (_BLOCK, half),
                (_LINE, half),
                (_SENTENCE, half),
                (_SENTENCE, fifth),
                (_WORD, 0),
            )
        ]
        best = furthest
        for end in range(furthest, start, -1):  # one pass, however few good places there are
            rank, inside, reached = self._rank(end), self._is_inside(end), self._filled[end]
            for index, (whole, worst, floor) in enumerate(wanted):
                if reached >= floor and rank <= worst and not (whole and inside):
                    best, wanted = end, wanted[:index]
                    break
            if all(reached < floor for _, _, floor in wanted):
                break
        return best

    def _rank(self, at: int) -> int:
        before, after = self._atoms[at - 1], self._atoms[at]
        if before.path is not after.path and before.path[before.leaf] is not after.path[after.leaf]:
            return _LINE if _shared(before, after, {Kind.LIST, Kind.TABLE}) else _BLOCK
        if "\n" in after.before:
            return _LINE
        if _ends_a_sentence(before.text, after):
            return _SENTENCE
        return _WORD if after.before else _INSIDE_A_WORD

    def _is_inside(self, at: int) -> bool:
        return _shared(self._atoms[at - 1], self._atoms[at], INLINE | {Kind.FENCE, Kind.ROW})

    def _broken(self, at: int) -> bool:
        """Replace an atom that is too long by smaller ones. Return False if there are none."""
        smaller = _smaller(self._atoms[at])
        if not smaller:
            return False
        self._atoms[at : at + 1] = smaller
        self._measure()
        return True

    def _measure(self) -> None:
        # An atom without words, such as a rule, takes room as well.
        sizes = (len(atom.text) + len(atom.before) + 1 for atom in self._atoms)
        self._filled = list(accumulate(sizes, initial=0))


def _piece(found: Sequence[Atom], start: int, end: int) -> list[Atom]:
    """Return the atoms from `start` to `end`. The rest of a list item continues without its bullet."""
    if start == 0:
        return list(found[start:end])
    first, last = found[start], found[start - 1]
    begun = [box for box in first.path if box.kind is Kind.ITEM and any(box is other for other in last.path)]
    if not begun:
        return list(found[start:end])
    outside: dict[tuple[Box, ...], tuple[Box, ...]] = {}  # once for all the words of a paragraph
    for atom in found[start:end]:
        if atom.path not in outside:
            outside[atom.path] = _without(atom.path, begun)
    return [Atom(atom.text, atom.before, outside[atom.path]) for atom in found[start:end]]


def _without(path: tuple[Box, ...], items: Sequence[Box]) -> tuple[Box, ...]:
    inside = [*path[1:], None]
    return tuple(
        box
        for box, next_box in zip(path, inside, strict=True)
        if not any(box is item or (box.kind is Kind.LIST and next_box is item) for item in items)
    )


def _shared(before: Atom, after: Atom, kinds: set[Kind] | frozenset[Kind]) -> bool:
    return any(
        box.kind in kinds and box is other for box, other in zip(before.path, after.path, strict=False)
    )


def _ends_a_sentence(text: str, after: Atom) -> bool:
    if not _SENTENCE_END.search(text) or _INITIAL.match(text):
        return False
    # "e.g. this": a sentence that continues in lower case has not ended.
    return not after.text[:1].islower() if after.before else text[-1] not in ".!?…"


def _smaller(atom: Atom) -> list[Atom]:
    """Return an atom as smaller ones: words, then characters, then without the elements around it."""
    pieces = re.findall(r"\s*\S+\s*?(?=\s|$)", atom.text)
    if len(pieces) < 2:
        pieces = _runs(list(graphemes(atom.text)))
    if len(pieces) < 2 and len(atom.path) > 1:
        return [replace(atom, path=(_BARE,))]
    if len(pieces) < 2:
        pieces = _runs(list(atom.text))
    if len(pieces) < 2:
        return []
    smaller = [Atom(pieces[0], atom.before, atom.path)]
    for piece in pieces[1:]:
        gap = piece[: len(piece) - len(piece.lstrip())] if piece.strip() else ""
        smaller.append(Atom(piece[len(gap) :], gap, atom.path))
    return smaller


def _runs(characters: Sequence[str]) -> list[str]:
    """Return the characters; if there are many, runs of them. A run that is too long is split again."""
    if len(characters) <= _RUN:
        return list(characters)
    return ["".join(characters[start : start + _RUN]) for start in range(0, len(characters), _RUN)]


def _without_endless_links(found: Sequence[Atom], limit: int, size: Size) -> list[Atom]:
    """Return the atoms without links whose address takes more than half a message.

    Such a link becomes its words, followed by the address as text.
    """
    endless: dict[Box, bool] = {}
    kept: list[Atom] = []
    for index, atom in enumerate(found):
        links = [box for box in atom.path if box.url]
        for box in links:
            if box not in endless:
                alone = to_commonmark([Atom("x", "", (_BARE, box))])
                endless[box] = size(alone) > limit // 2
        long = [box for box in links if endless[box]]
        if not long:
            kept.append(atom)
            continue
        path = tuple(box for box in atom.path if box not in long)
        if atom.text:
            kept.append(replace(atom, path=path))
        after = found[index + 1].path if index + 1 < len(found) else ()
        for box in reversed(long):
            if not any(box is other for other in after):
                kept.append(Atom(f"({box.url})" if atom.text else box.url, " ", path))
    return kept


def _unmarked(piece: Sequence[Atom]) -> list[Atom]:
    """Return the atoms without bold and similar marks. Links, images and code stay."""
    marks = INLINE - {Kind.LINK, Kind.IMAGE, Kind.CODE}
    return [replace(atom, path=tuple(box for box in atom.path if box.kind not in marks)) for atom in piece]


def _words(found: Sequence[Atom]) -> str:
    return "".join("".join(atom.text.split()) for atom in found)


def _shows_something(found: Sequence[Atom]) -> bool:
    return any(atom.text.strip() or atom.path[-1].url for atom in found)
