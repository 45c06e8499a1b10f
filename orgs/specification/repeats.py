"""Find regular expressions that take exponentially long on a text that almost matches.

These are the ones whose repeats can match the same text in two ways: `(a+)+`, `(a|aa)+`. A pattern is read
here as a Glushkov automaton: it has a position for each character that it takes, and an edge from each
position to every possible next one. Two ways are two edges between the same positions, or two paths that take
the same characters, split, and meet again, within positions that lead to each other. Counted repeats are
treated as endless ones.

The cost of a message is also limited where patterns are searched (`orgs.answering.triggers`), whatever they
are.
"""

import re._parser as parser  # type: ignore[import-not-found]
import string
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from re import _constants as op  # type: ignore[attr-defined]
from typing import Any, Final, TypeVar, cast

TWO_WAYS: Final = (
    "a regular expression without a repeat that can go round the same text in two ways, as (a+)+ and (a|aa)+"
    " can: on a text that almost matches it would take minutes"
)
SIDE_BY_SIDE: Final = (
    "a regular expression with at most three repeats side by side that take the same characters, as .*.*.*.*"
    " do: on a long text they would take minutes"
)
TOO_LARGE: Final = (
    "a regular expression that stands for at most {most} characters, as a{{100}} stands for 100"
)
MOST_CHARACTERS: Final = 5_000

_MOST_SIDE_BY_SIDE = 3
_MOST_POSITIONS = 200  # up to this many, an exact repeat such as a{3} is written out as aaa
_SAMPLE = frozenset(string.printable.lower()) | frozenset("éпß中٣\u00a0")
_Positions = frozenset[int]
T = TypeVar("T")


@lru_cache(maxsize=1_000)  # a file is checked again and again while somebody writes it
def expected_instead(pattern: str) -> str:
    """Return what to write instead of a pattern, or "" if nothing is wrong with it. The pattern must
    compile.
    """
    tree = parser.parse(pattern)
    if _size(tree) > MOST_CHARACTERS:
        return TOO_LARGE.format(most=MOST_CHARACTERS)
    automaton = _Automaton()
    automaton.sequence(tree)
    if automaton.side_by_side > _MOST_SIDE_BY_SIDE:
        return SIDE_BY_SIDE
    return TWO_WAYS if automaton.goes_two_ways() else ""


def is_too_large(pattern: str) -> bool:
    """Return whether a pattern stands for so many characters that compiling it would use up the memory."""
    return _size(parser.parse(pattern)) > MOST_CHARACTERS


def _size(items: Iterable[Any]) -> int:
    """Return the number of characters of a pattern with its repeats written out, as `regex` compiles it."""
    size = 0
    for kind, value in items:
        if kind in _REPEATS:
            least, most, repeated = value
            size += _size(repeated) * (least + (most > least))
        else:
            size += 1 + sum(map(_size, _within(kind, value)))
    return size


def _within(kind: object, value: Any) -> Sequence[Any]:
    """Return the sequences inside a part of a pattern."""
    if kind == op.SUBPATTERN:
        return (value[3],)
    if kind == op.BRANCH:
        return cast(Sequence[Any], value[1])
    if kind == op.ATOMIC_GROUP:
        return (value,)
    if kind in (op.ASSERT, op.ASSERT_NOT):
        return (value[1],)
    if kind == op.GROUPREF_EXISTS:
        return (value[1], value[2] or ())
    return ()


@dataclass(frozen=True, slots=True)
class _Piece:
    """A part of a pattern: the positions where it may begin and end, and whether it may match nothing."""

    first: _Positions = frozenset()
    last: _Positions = frozenset()
    empty: bool = True


class _Automaton:
    def __init__(self) -> None:
        self._signs: list[frozenset[str]] = []  # the characters that each position takes
        self._edges: Counter[tuple[int, int]] = Counter()
        self._rounds: list[range] = []  # the positions of each repeat
        self.side_by_side = 0  # the most repeats of the same characters in a row

    def sequence(self, items: Iterable[Any]) -> _Piece:
        whole, beside, taken = _Piece(), 0, _SAMPLE
        for kind, value in items:
            piece = self._item(kind, value)
            whole = self._joined(whole, piece)
            if kind in _REPEATS and value[1] == op.MAXREPEAT:
                taken = taken & self._taken(piece) if beside else self._taken(piece)
                beside = beside + 1 if taken else 1
                taken = taken or self._taken(piece)
                self.side_by_side = max(self.side_by_side, beside)
            elif kind != op.AT:
                beside = 0
        return whole

    def _item(self, kind: object, value: Any) -> _Piece:
        if kind in _REPEATS:
            return self._repeated(*value)
        if kind in (op.ASSERT, op.ASSERT_NOT):
            self.sequence(value[1])
            return _Piece()
        if within := _within(kind, value):
            return _either([self.sequence(each) for each in within])
        if kind == op.AT:
            return _Piece()
        if kind == op.GROUPREF:  # may match any text
            return self._round(self._position(_SAMPLE), 1)
        return self._position(_signs(kind, value))

    def _repeated(self, least: int, most: int, items: Sequence[Any]) -> _Piece:
        before = len(self._signs)
        piece = self.sequence(items)
        if most == 0:
            return _Piece()
        size = len(self._signs) - before
        if least == most and before + size * most <= _MOST_POSITIONS:
            for _ in range(most - 1):
                piece = self._joined(piece, self.sequence(items))
        elif most > 1:
            piece = self._round(piece, size)
        return _Piece(piece.first, piece.last, piece.empty or least == 0)

    def _position(self, signs: frozenset[str]) -> _Piece:
        self._signs.append(signs)
        here = frozenset({len(self._signs) - 1})
        return _Piece(here, here, empty=False)

    def _joined(self, one: _Piece, other: _Piece) -> _Piece:
        self._edges.update(product(one.last, other.first))
        return _Piece(
            one.first | other.first if one.empty else one.first,
            other.last | one.last if other.empty else other.last,
            one.empty and other.empty,
        )

    def _round(self, piece: _Piece, size: int) -> _Piece:
        self._edges.update(product(piece.last, piece.first))
        self._rounds.append(range(len(self._signs) - size, len(self._signs)))
        return piece

    def _taken(self, piece: _Piece) -> frozenset[str]:
        return frozenset[str]().union(*(self._signs[at] for at in piece.first))

    def goes_two_ways(self) -> bool:
        outermost: list[range] = []
        for one in reversed(self._rounds):  # an inner repeat was added before the one around it
            if not (outermost and one.start >= outermost[-1].start):
                outermost.append(one)
        return any(self._parts_and_meets(one) for one in outermost)

    def _parts_and_meets(self, knot: range) -> bool:
        """Return whether two paths through these positions take the same characters, split, and meet
        again.
        """
        edges = {edge: times for edge, times in self._edges.items() if edge[0] in knot and edge[1] in knot}
        if any(times > 1 for times in edges.values()):
            return True
        after: dict[int, list[int]] = {}
        for one, other in edges:
            after.setdefault(one, []).append(other)
        before: dict[
            tuple[int, int], set[tuple[int, int]]
        ] = {}  # the pairs that lead to a pair, both reached from one position
        together = {(one, one) for one in knot}
        open_, seen = list(together), set(together)
        while open_:
            pair = open_.pop()
            for new in product(after.get(pair[0], ()), after.get(pair[1], ())):
                if self._signs[new[0]] & self._signs[new[1]]:
                    before.setdefault(new, set()).add(pair)
                    if new not in seen:
                        seen.add(new)
                        open_.append(new)
        return any(one != other for one, other in _leading(before, together))


_REPEATS = (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT)


def _either(pieces: Sequence[_Piece]) -> _Piece:
    none: _Positions = frozenset()
    return _Piece(
        none.union(*(piece.first for piece in pieces)),
        none.union(*(piece.last for piece in pieces)),
        any(piece.empty for piece in pieces),
    )


def _signs(kind: object, value: Any) -> frozenset[str]:
    """Return the characters that one position takes, at least those in the sample."""
    if kind == op.LITERAL:
        return frozenset({chr(value).lower()})
    if kind == op.NOT_LITERAL:
        return _SAMPLE - {chr(value).lower()}
    if kind == op.RANGE:
        low, high = map(chr, value)
        within = (sign for sign in _SAMPLE if low <= sign <= high or low <= sign.upper() <= high)
        return frozenset((*within, low.lower(), high.lower()))
    if kind == op.CATEGORY:
        return frozenset(sign for sign in _SAMPLE if _CATEGORIES[value](sign))
    if kind == op.IN:
        taken = frozenset[str]().union(*(_signs(*each) for each in value if each[0] != op.NEGATE))
        return _SAMPLE - taken if value[0][0] == op.NEGATE else taken
    return _SAMPLE


def _is_word(sign: str) -> bool:
    return sign.isalnum() or sign == "_"


_CATEGORIES: Final[dict[object, Callable[[str], bool]]] = {
    op.CATEGORY_DIGIT: str.isdecimal,
    op.CATEGORY_NOT_DIGIT: lambda sign: not sign.isdecimal(),
    op.CATEGORY_SPACE: str.isspace,
    op.CATEGORY_NOT_SPACE: lambda sign: not sign.isspace(),
    op.CATEGORY_WORD: _is_word,
    op.CATEGORY_NOT_WORD: lambda sign: not _is_word(sign),
}


def _leading(before: Mapping[T, Iterable[T]], ends: Iterable[T]) -> set[T]:
    """Return everything that leads to any of the ends."""
    found: set[T] = set()
    open_ = list(ends)
    while open_:
        new = set(before.get(open_.pop(), ())) - found
        found |= new
        open_ += new
    return found
