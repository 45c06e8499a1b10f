"""Rich messages as a bot sends them: https://core.telegram.org/bots/api#inputrichmessage.

The Bot API also accepts HTML and Markdown, which are refused here. So are media, as the phones show only
text.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from connectors.sandbox.telegram.model import JsonObject, bad_request

# https://core.telegram.org/bots/api#rich-message-limits
MAX_CHARS = 32_768
MAX_BLOCKS = 500
MAX_DEPTH = 16
MAX_COLUMNS = 20

# The required and optional fields of each block, with the kind of their content.
_TEXT, _BLOCKS, _CELLS, _FLAG, _WORD, _NUMBER = "RichText", "blocks", "cells", "Boolean", "String", "Integer"
_BLOCK: Mapping[str, tuple[Mapping[str, str], Mapping[str, str]]] = {
    "paragraph": ({"text": _TEXT}, {}),
    "heading": ({"text": _TEXT, "size": _NUMBER}, {}),
    "pre": ({"text": _TEXT}, {"language": _WORD}),
    "footer": ({"text": _TEXT}, {}),
    "divider": ({}, {}),
    "blockquote": ({"blocks": _BLOCKS}, {"credit": _TEXT}),
    "expandable_blockquote": ({"text": _TEXT}, {"credit": _TEXT}),
    "details": ({"summary": _TEXT, "blocks": _BLOCKS}, {"is_open": _FLAG}),
    "table": (
        {"cells": _CELLS},
        {"is_bordered": _FLAG, "is_striped": _FLAG, "is_compact": _FLAG, "caption": _TEXT},
    ),
}
_STYLES = """
    bold italic underline strikethrough spoiler subscript superscript marked code
    """.split()  # noqa: SIM905
# The fields of a marked text besides `type` and `text`.
_MARKED: Mapping[str, Mapping[str, str]] = {
    **{kind: {} for kind in _STYLES},
    "url": {"url": _WORD},
    "email_address": {"email_address": _WORD},
    "phone_number": {"phone_number": _WORD},
    "date_time": {"unix_time": _NUMBER, "date_time_format": _WORD},
}
_CELL = {"text": _TEXT, "is_header": _FLAG, "colspan": _NUMBER, "rowspan": _NUMBER}
_ALIGNED = {"align": ("left", "center", "right"), "valign": ("top", "middle", "bottom")}
_PLAIN: Mapping[str, type] = {_WORD: str, _NUMBER: int, _FLAG: bool}


@dataclass(slots=True)
class _Measure:
    chars: int = 0
    blocks: int = 0


def rich_message(given: JsonObject, version: tuple[int, int]) -> JsonObject:
    """Return the RichMessage that is stored for an InputRichMessage. Raises the platform's 400."""
    known = {"html", "markdown", *(("blocks",) if version >= (10, 2) else ())}
    used = [name for name in known if given.get(name)]
    if len(used) != 1:
        # Reported in https://github.com/openclaw/openclaw/pull/99745.
        raise bad_request("RICH_MESSAGE_CONTENT_REQUIRED")
    if used != ["blocks"]:
        raise bad_request("the sandbox reads the blocks of a rich message alone")
    measure = _Measure()
    blocks = _blocks(given["blocks"], 1, measure)
    # Neither of these has a published wording.
    if measure.chars > MAX_CHARS:
        raise bad_request("RICH_MESSAGE_TEXT_TOO_LONG")
    if measure.blocks > MAX_BLOCKS:
        raise bad_request("RICH_MESSAGE_BLOCKS_TOO_MUCH")
    return {"blocks": blocks, **({"is_rtl": True} if given.get("is_rtl") else {})}


def words_of(message: Mapping[str, object]) -> str:
    """Return the text of a rich message, one block per line. A table's row becomes `name: value`."""
    return "\n".join(_lines(_list(message.get("blocks"))))


def _lines(blocks: Sequence[object]) -> Iterator[str]:
    for block in blocks:
        if not isinstance(block, dict):
            continue
        for name in ("summary", "text", "caption"):
            if name in block:
                yield _said(block[name])
        yield from (
            ": ".join(_said(cell.get("text", "")) for cell in _list(row) if isinstance(cell, dict))
            for row in _list(block.get("cells"))
        )
        yield from _lines(_list(block.get("blocks")))


def _said(text: object) -> str:
    if isinstance(text, list):
        return "".join(map(_said, text))
    return _said(text["text"]) if isinstance(text, dict) else str(text)


def _blocks(given: object, depth: int, measure: _Measure) -> list[JsonObject]:
    if not isinstance(given, list) or not given:
        raise bad_request("can't parse InputRichBlock: expected a non-empty Array of blocks")
    return [_block(block, depth, measure) for block in given]


def _block(block: object, depth: int, measure: _Measure) -> JsonObject:
    kind = block.get("type") if isinstance(block, dict) else None
    if not isinstance(block, dict) or not isinstance(kind, str) or kind not in _BLOCK:
        raise bad_request(f"can't parse InputRichBlock: unsupported type {kind!r} specified")
    measure.blocks += 1
    required, optional = _BLOCK[kind]
    _fields(f"InputRichBlock {kind}", block, required, optional, depth, measure)
    return block


def _fields(
    what: str,
    given: JsonObject,
    required: Mapping[str, str],
    optional: Mapping[str, str],
    depth: int,
    measure: _Measure,
) -> None:
    if depth > MAX_DEPTH:
        raise bad_request("RICH_MESSAGE_DEPTH_TOO_BIG")
    for name in required:
        if name not in given:
            raise bad_request(f"can't parse {what}: can't find field {name!r}")
    kinds = {**required, **optional}
    for name, value in given.items():
        if name == "type":
            continue
        if name not in kinds:
            raise bad_request(f"can't parse {what}: there is no field {name!r}")
        match kinds[name]:
            case "RichText":
                _text(value, depth, measure)
            case "blocks":
                _blocks(value, depth + 1, measure)
            case "cells":
                _cells(value, depth, measure)
            case plain:
                if not isinstance(value, _PLAIN[plain]):
                    raise bad_request(f"can't parse {what}: field {name!r} must be of type {plain}")


def _text(value: object, depth: int, measure: _Measure) -> None:
    if isinstance(value, str):
        measure.chars += len(value)
    elif isinstance(value, list):
        for each in value:
            _text(each, depth, measure)
    elif isinstance(value, dict) and value.get("type") in _MARKED:
        kind = str(value["type"])
        _fields(f"RichText {kind}", value, {"text": _TEXT, **_MARKED[kind]}, {}, depth + 1, measure)
    else:
        raise bad_request("can't parse RichText: unsupported type specified")


def _cells(rows: object, depth: int, measure: _Measure) -> None:
    for row in _list(rows):
        measure.blocks += 1
        if len(_list(row)) > MAX_COLUMNS:
            raise bad_request("RICH_MESSAGE_TABLE_COLUMNS_TOO_MUCH")
        for cell in _list(row):
            if not isinstance(cell, dict):
                raise bad_request("can't parse RichBlockTableCell: object expected")
            plain = {name: value for name, value in cell.items() if name not in _ALIGNED}
            _fields("RichBlockTableCell", plain, {}, _CELL, depth, measure)
            for name, allowed in _ALIGNED.items():
                if cell.get(name) not in allowed:
                    raise bad_request(f"can't parse RichBlockTableCell: invalid {name!r} specified")


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
