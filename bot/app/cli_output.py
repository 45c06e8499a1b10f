"""Print what a command says: rich tables with colours on a terminal, plain text into files and pipes."""

import json
import re
import sys
from typing import TextIO

from bot.core.commands import Output, Table

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_GAP = "  "


def show(output: Output, *, as_json: bool) -> int:
    """Print the result of a command and return the exit code."""
    if as_json:
        sys.stdout.write(json.dumps(output.data, ensure_ascii=True, indent=2) + "\n")
    elif sys.stdout.isatty():
        _rich(output, sys.stdout)
    else:
        _plain(output, sys.stdout)
    if output.problem:
        sys.stdout.flush()
        return fail(output.problem, 1)
    return 0 if output.ok else 1


def fail(sentence: str, code: int) -> int:
    """Print one sentence on stderr and return the exit code."""
    sys.stderr.write(f"desk: {printable(sentence)}\n")
    return code


def printable(text: str) -> str:
    """Replace control characters, so that a terminal shows customers' text and does not obey it."""
    return _CONTROL.sub("\ufffd", text)


def _rich(output: Output, stream: TextIO) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

    console = Console(file=stream)
    if output.text:
        console.print(Text(printable(output.text)), soft_wrap=True)
    for table in output.tables:
        if not table.rows:
            console.print(Text(table.empty, style="dim"))
            continue
        drawn = RichTable(
            title=printable(table.title) or None,
            title_justify="left",
            box=SIMPLE_HEAD,
            header_style="bold cyan",
        )
        for index, column in enumerate(table.columns):
            drawn.add_column(Text(column), overflow="fold", no_wrap=index == 0)
        for row in table.rows:
            drawn.add_row(*(Text(printable(cell)) for cell in row))
        console.print(drawn)


def _plain(output: Output, stream: TextIO) -> None:
    parts = [printable(output.text)] if output.text else []
    parts += [_columns(table) for table in output.tables]
    stream.write("\n\n".join(parts) + "\n")


def _columns(table: Table) -> str:
    """Return a table as aligned columns. A cell of several lines continues in the lines below it."""
    title = f"{printable(table.title)}\n" if table.title else ""
    if not table.rows:
        return title + table.empty
    rows = [[cell.split("\n") for cell in map(printable, row)] for row in (table.columns, *table.rows)]
    widths = [max(len(line) for row in rows for line in row[at]) for at in range(len(table.columns))]
    lines = []
    for row in rows:
        for level in range(max(len(cell) for cell in row)):
            parts = [
                (cell[level] if level < len(cell) else "").ljust(width)
                for cell, width in zip(row, widths, strict=True)
            ]
            lines.append(_GAP.join(parts).rstrip())
    return title + "\n".join(lines)
