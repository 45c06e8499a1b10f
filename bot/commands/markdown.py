"""Render the output of a command as CommonMark of limited length. No text in it acts as markup of its own."""

import re
from dataclasses import replace
from typing import Final

from bot.core.commands import CommandAnswer, Output, Table

LONGEST: Final = 3_500  # characters: one message on every channel that staff use

_SPECIAL = re.compile(r"([\\*_\[\]<>~|&])")
_LINE_START = re.compile(r"^(\s*)([-+#=]|\d+(?=[.)]))", re.M)
_CODE = re.compile(r"(`[^`\n]+`)")
_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def to_markdown(output: Output) -> str:
    parts = [to_text(words)] if (words := _words(output)) else []
    parts += [_list(table) for table in output.tables]
    return bounded("\n\n".join(parts) or "Done.")


def to_answer(output: Output) -> CommandAnswer:
    words = _words(output)
    told = bounded(to_text(words)) if words else ""
    return CommandAnswer(to_markdown(output), told, tuple(map(_plain, output.tables)), output.about)


def _words(output: Output) -> str:
    return "\n".join(filter(None, (output.text, output.problem)))


def _plain(table: Table) -> Table:
    rows = tuple(tuple(_UNSEEN.sub("\ufffd", _one_line(cell)) for cell in row) for row in table.rows)
    return replace(table, rows=rows)


def to_text(text: str) -> str:
    """Return plain text as Markdown that shows it unchanged.

    Only `backticks` work: they mark what can be typed.
    """
    return "  \n".join(map(_line, text.split("\n")))


def escaped(text: str) -> str:
    clean = _SPECIAL.sub(r"\\\1", _UNSEEN.sub("\ufffd", text))
    return _LINE_START.sub(lambda found: _quiet(found[1], found[2]), clean)


def bounded(markdown: str) -> str:
    """Return the text cut to whole lines if it is too long, with a line that says how much is missing."""
    if len(markdown) <= LONGEST:
        return markdown
    lines = markdown.split("\n")
    room = LONGEST - 80
    kept: list[str] = []
    for line in lines:
        if len(line) + 1 > room:
            break
        room -= len(line) + 1
        kept.append(line)
    if not kept:
        kept = [lines[0][:room].rstrip("\\")]
    return "\n".join(
        (*kept, "", f"… {len(lines) - len(kept)} more lines: narrow it down, or ask on the shell.")
    )


def _list(table: Table) -> str:
    """Return a table as a heading and one item per row: phones can show lists, but no tables."""
    head = f"**{escaped(table.title)}**\n\n" if table.title else ""
    return head + ("\n".join(_item(table.columns, row) for row in table.rows) or escaped(table.empty))


def _item(columns: tuple[str, ...], row: tuple[str, ...]) -> str:
    first, *rest = row
    cells = [
        f"{escaped(column)} {_cell(cell)}".strip()
        for column, cell in zip(columns[1:], rest, strict=True)
        if cell not in ("", "-")
    ]
    return " · ".join((f"- **{_cell(first)}**", *cells))


def _cell(text: str) -> str:
    """Return a cell on one line. Staff read only a list here; the full text is in the thread."""
    return escaped(_one_line(text)).replace("`", "\\`")


def _one_line(text: str) -> str:
    return " / ".join(line.strip() for line in text.split("\n") if line.strip())


def _line(line: str) -> str:
    parts = _CODE.split(line)
    return "".join(_UNSEEN.sub("\ufffd", part) if at % 2 else escaped(part) for at, part in enumerate(parts))


def _quiet(space: str, sign: str) -> str:
    return f"{space}{sign}\\" if sign.isdigit() else f"{space}\\{sign}"
