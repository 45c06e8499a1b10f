"""Write a document of atoms: what all markups have in common, and CommonMark itself."""

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

from connectors.rendering.document import Atom, Box, Kind

_INLINE_SPECIAL = re.compile(r"[\\`*_\[\]<>&~|]")
_OPENS_A_BLOCK = re.compile(r"[#+\-=:]|\d{1,9}(?=[.)]$)")
_NO_BREAK = re.compile(r"[\u00a0\u2007\u202f]")
_PIPE = re.compile(r"(?<!\\)\|")
_TICKS = re.compile(r"`+")


class Writer:
    """Walks the boxes from the outside in. A subclass for each markup writes a box, given its content."""

    def write(self, found: Sequence[Atom]) -> str:
        return self.join(self._blocks(found, 0), tight=False)

    # For each markup to define.

    def word(self, text: str) -> str:
        raise NotImplementedError

    def code(self, text: str) -> str:
        raise NotImplementedError

    def fence(self, content: str, language: str) -> str:
        raise NotImplementedError

    def heading(self, text: str, level: int) -> str:
        raise NotImplementedError

    def marked(self, box: Box, text: str) -> str:
        """Return a bold, italic or struck-out text in the markup."""
        raise NotImplementedError

    def link(self, box: Box, label: str) -> str:
        raise NotImplementedError

    def table(self, rows: Sequence[Sequence[str]]) -> str:
        raise NotImplementedError

    def rule(self) -> str:
        return "---"

    def bullet(self, item: Box) -> str:
        return f"{item.number}. " if item.number >= 0 else "- "

    def indent(self, bullet: str) -> str:
        return " " * len(bullet)

    def line_break(self, before: str) -> str:
        return before and "\n" if "\n" in before else before

    def run(self, found: Sequence[Atom], depth: int) -> str:
        """Return the text of a leaf, or of an inline box at `depth - 1`."""
        return "".join(before + text for before, text, _ in self.pieces(found, depth))

    # Common to all markups.

    def pieces(self, found: Sequence[Atom], depth: int) -> Iterator[tuple[str, str, Box | None]]:
        """Yield the adjacent pieces at this depth: what separates a piece from the last one, its text, its
        box.
        """
        for box, group in _grouped(found, depth):
            before = self.line_break(group[0].before)
            if box is None:
                for atom in group:
                    yield self.line_break(atom.before), self.word(atom.text), None
            elif box.kind is Kind.CODE:
                rest = "".join(atom.before + atom.text for atom in group[1:])
                yield before, self.code(group[0].text + rest), box
            else:
                inside = self.run((_first_of_its_box(group[0]), *group[1:]), depth + 1)
                shown = self.link if box.kind in (Kind.LINK, Kind.IMAGE) else self.marked
                yield before, shown(box, inside), box

    def join(self, blocks: Sequence[str], *, tight: bool) -> str:
        return ("\n" if tight else "\n\n").join(blocks)

    def _blocks(self, found: Sequence[Atom], depth: int) -> list[str]:
        return [self._block(box, group, depth) for box, group in _grouped(found, depth) if box]

    def _block(self, box: Box, found: Sequence[Atom], depth: int) -> str:
        match box.kind:
            case Kind.QUOTE:
                inside = self.join(self._blocks(found, depth + 1), tight=False)
                return _prefixed(inside, lambda _: "> ")
            case Kind.LIST:
                return self.join(self._blocks(found, depth + 1), tight=box.tight)
            case Kind.ITEM:
                bullet = self.bullet(box)
                rest = self.indent(bullet)
                inside = self.join(self._blocks(found, depth + 1), tight=box.tight)
                return _prefixed(inside, lambda index: rest if index else bullet)
            case Kind.FENCE:
                return self.fence("\n".join(atom.text for atom in found), box.mark)
            case Kind.RULE:
                return self.rule()
            case Kind.TABLE:
                rows = [
                    [cell for _, cell in self._cells(row, depth + 2)] for _, row in _grouped(found, depth + 1)
                ]
                return self.table(rows)
            case Kind.HEADING:
                return self.headline(found, depth + 1, box.number)
            case _:
                return self.paragraph(found, depth + 1)

    def headline(self, found: Sequence[Atom], depth: int, level: int) -> str:
        return self.heading(self.paragraph(found, depth), level)

    def paragraph(self, found: Sequence[Atom], depth: int) -> str:
        return self.run((_first_of_its_box(found[0]), *found[1:]), depth)

    def _cells(self, row: Sequence[Atom], depth: int) -> Iterator[tuple[Box | None, str]]:
        for box, cell in _grouped(row, depth):
            yield box, self.paragraph(cell, depth + 1)


class _CommonMark(Writer):
    def word(self, text: str) -> str:
        shown = _INLINE_SPECIAL.sub(lambda sign: "\\" + sign[0], text)
        if opening := _OPENS_A_BLOCK.match(text):
            end = opening.end() if opening[0].isdigit() else 0
            shown = f"{shown[:end]}\\{shown[end:]}"
        return _NO_BREAK.sub(lambda sign: f"&#{ord(sign[0])};", shown)

    def code(self, text: str) -> str:
        ticks = "`" * (max((len(run) for run in _TICKS.findall(text)), default=0) + 1)
        pad = " " if not text.strip() or text[0] in "` " or text[-1] in "` " else ""
        return f"{ticks}{pad}{text}{pad}{ticks}"

    def fence(self, content: str, language: str) -> str:
        ticks = "`" * max(3, max((len(run) for run in _TICKS.findall(content)), default=0) + 1)
        return f"{ticks}{language.replace('`', '')}\n{content}\n{ticks}"

    def heading(self, text: str, level: int) -> str:
        return f"{'#' * level} {' '.join(text.replace(chr(92) + chr(10), ' ').split())}"

    def marked(self, box: Box, text: str) -> str:
        return f"{box.mark}{text}{box.mark}"

    def link(self, box: Box, label: str) -> str:
        address = re.sub(r"[\\<>]", lambda sign: "\\" + sign[0], box.url).replace("&", "&amp;")
        return f"{'!' if box.kind is Kind.IMAGE else ''}[{label}](<{address}>)"

    def table(self, rows: Sequence[Sequence[str]]) -> str:
        width = max(len(row) for row in rows)
        lines = [
            "| " + " | ".join(_PIPE.sub(r"\|", cell.replace("\n", " ")) for cell in row) + " |"
            for row in ([*row, *[""] * (width - len(row))] for row in rows)
        ]
        return "\n".join([lines[0], "|" + " --- |" * width, *lines[1:]])

    def bullet(self, item: Box) -> str:
        return f"{item.number}{item.mark} " if item.number >= 0 else f"{item.mark} "

    def line_break(self, before: str) -> str:
        return before


def to_commonmark(found: Sequence[Atom]) -> str:
    return _CommonMark().write(found)


def _grouped(found: Sequence[Atom], depth: int) -> Iterator[tuple[Box | None, list[Atom]]]:
    """Yield runs of atoms that are in the same box at this depth."""
    for box, group in groupby(found, lambda atom: atom.path[depth] if len(atom.path) > depth else None):
        yield box, list(group)


def _first_of_its_box(atom: Atom) -> Atom:
    return Atom(atom.text, "", atom.path)


def _prefixed(text: str, prefix: Callable[[int], str]) -> str:
    return "\n".join((prefix(index) + line).rstrip() for index, line in enumerate(text.split("\n")))
