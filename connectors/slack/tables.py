"""Tables of an answer as Block Kit: https://docs.slack.dev/reference/block-kit/blocks/data-table-block

A reader can sort and filter them, and turn their pages. The documentation of July 2026 allows 100 rows
besides the headings and 10,000 characters in all cells of a message; later versions allow twice that. We use
the smaller limits.
"""

from collections.abc import Sequence
from typing import Final

from bot.core.commands import Table
from connectors.slack.blocks import Block
from connectors.slack.splitting import cut_plain

ROWS: Final = 100
COLUMNS: Final = 20
CHARACTERS: Final = 10_000
CAPTION: Final = 150
PAGE: Final = 10  # rows shown at once
_NOTHING: Final = "-"  # no cell may be empty


def fits(tables: Sequence[Table]) -> bool:
    cells = [cell for table in tables for row in (table.columns, *table.rows) for cell in row]
    sizes = (len(cell) or len(_NOTHING) for cell in cells)
    small = all(1 <= len(each.columns) <= COLUMNS and 1 <= len(each.rows) <= ROWS for each in tables)
    return small and sum(sizes) <= CHARACTERS


def data_table(table: Table, title: str) -> Block:
    """Return a table as a block. Its cells are plain text. `title` stands above a table that has no title."""
    return {
        "type": "data_table",
        "caption": table.title or cut_plain(title.strip(), CAPTION),
        "rows": [_row(table.columns), *map(_row, table.rows)],
        "page_size": PAGE,
    }


def _row(cells: Sequence[str]) -> list[Block]:
    return [{"type": "raw_text", "text": cell or _NOTHING} for cell in cells]
