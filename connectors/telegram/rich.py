"""The card as a rich message: its facts are a table, and its long sections fold.

https://core.telegram.org/bots/api#rich-messages. The library has no types for these yet, so that they are
made as JSON.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime

from telegram import MessageEntity

from bot.core.outbound import Card
from connectors.payload import clean
from connectors.telegram.markdown import Rendered, in_utc, is_long, moments, rendered

# https://core.telegram.org/bots/api#rich-message-limits
_MAX_CHARS = 32_768
_MAX_BLOCKS = 500
_TITLE_SIZE = 4  # of the headings 1 to 6: as large as a title in a chat should be
_MARKS = {
    MessageEntity.BOLD: "bold",
    MessageEntity.ITALIC: "italic",
    MessageEntity.UNDERLINE: "underline",
    MessageEntity.STRIKETHROUGH: "strikethrough",
    MessageEntity.SPOILER: "spoiler",
    MessageEntity.CODE: "code",
}
_BLOCKS = (MessageEntity.PRE, MessageEntity.BLOCKQUOTE)
_WORDED = ("text", "summary", "blocks", "cells")  # only fields with these names contain text
_UNIT = 2  # bytes of a UTF-16 unit, in which entities are counted

Json = dict[str, object]
RichText = str | list[object]  # a text, or a list of texts and marked texts


def rich_card(card: Card) -> Json | None:
    """Return the card as an InputRichMessage; None for a card that is too long."""
    blocks: list[Json] = [{"type": "heading", "text": clean(card.title), "size": _TITLE_SIZE}]
    if card.speaking:
        blocks.append({"type": "paragraph", "text": clean(card.speaking)})
    rows = [_row(name, clean(value)) for name, value in card.facts]
    rows += [_row(name, _moment(when)) for name, when in moments(card)]
    if rows:
        blocks.append({"type": "table", "cells": rows, "is_striped": True})
    for heading, markdown in card.sections:
        title: Json = {"type": "bold", "text": clean(heading)}
        words = list(_blocks(rendered(markdown)))
        if is_long(markdown):
            blocks.append({"type": "details", "summary": title, "blocks": words})
        else:
            blocks += [{"type": "paragraph", "text": title}, *words]
    fits = _characters(blocks) <= _MAX_CHARS and _count(blocks) <= _MAX_BLOCKS
    return {"blocks": blocks} if fits else None


def _row(name: str, value: RichText | Json) -> list[Json]:
    head: Json = {"text": clean(name), "is_header": True, "align": "left", "valign": "top"}
    return [head, {"text": value, "align": "left", "valign": "top"}]


def _moment(when: datetime) -> Json:
    text, unix_time = in_utc(when), int(when.timestamp())
    return {"type": "date_time", "text": text, "unix_time": unix_time, "date_time_format": "r"}


def _blocks(content: Rendered) -> Iterator[Json]:
    """Yield the blocks of a text with entities.

    Each line is a paragraph, as a paragraph has no line breaks.
    """
    words = content.text.encode("utf-16-le")
    entities = content.entities
    at = 0
    for block in (each for each in entities if each.type in _BLOCKS):
        if block.offset < at:  # inside the previous block
            continue
        end = block.offset + block.length
        yield from _paragraphs(words, at, block.offset, entities)
        if block.type == MessageEntity.PRE:
            code: Json = {"type": "pre", "text": _decoded(words, block.offset, end).strip("\n")}
            yield code | ({"language": block.language} if block.language else {})
        else:
            quoted = list(_paragraphs(words, block.offset, end, entities))
            if quoted:
                yield {"type": "blockquote", "blocks": quoted}
        at = end
    yield from _paragraphs(words, at, len(words) // _UNIT, entities)


def _paragraphs(words: bytes, start: int, end: int, entities: Sequence[MessageEntity]) -> Iterator[Json]:
    at = start
    for line in _decoded(words, start, end).split("\n"):
        stop = at + len(line.encode("utf-16-le")) // _UNIT
        if line.strip():
            yield {"type": "paragraph", "text": _marked(words, at, stop, entities)}
        at = stop + 1


def _marked(words: bytes, start: int, end: int, entities: Sequence[MessageEntity]) -> RichText:
    """Return the text between two places with its marks. The entities nest, and are sorted."""
    inside = [each for each in entities if each.offset < end and each.offset + each.length > start]
    inside = [each for each in inside if each.type not in _BLOCKS]
    parts: list[object] = []
    at = start
    for position, entity in enumerate(inside):
        begin, stop = max(entity.offset, start), min(entity.offset + entity.length, end)
        if begin < at:
            continue
        parts += filter(None, [_decoded(words, at, begin)])
        parts.append(_mark(entity, _marked(words, begin, stop, inside[position + 1 :])))
        at = stop
    parts += filter(None, [_decoded(words, at, end)])
    return parts[0] if len(parts) == 1 and isinstance(parts[0], str) else parts


def _mark(entity: MessageEntity, text: RichText) -> object:
    if entity.type == MessageEntity.DATE_TIME and entity.unix_time is not None:
        moment: Json = {"type": "date_time", "text": text, "unix_time": int(entity.unix_time.timestamp())}
        return moment | {"date_time_format": entity.date_time_format or ""}
    if entity.type == MessageEntity.TEXT_LINK and entity.url:
        return _link(entity.url, text)
    kind = _MARKS.get(entity.type)
    return {"type": kind, "text": text} if kind else text


def _link(url: str, text: RichText) -> Json:
    if address := re.fullmatch(r"mailto:([^?]+)", url):
        return {"type": "email_address", "text": text, "email_address": address[1]}
    if number := re.fullmatch(r"tel:(.+)", url):
        return {"type": "phone_number", "text": text, "phone_number": number[1]}
    return {"type": "url", "text": text, "url": url}


def _decoded(words: bytes, start: int, end: int) -> str:
    return words[start * _UNIT : end * _UNIT].decode("utf-16-le")


def _characters(value: object) -> int:
    """Count the characters of all texts in a block."""
    match value:
        case str():
            return len(value)
        case list():
            return sum(map(_characters, value))
        case dict():
            return sum(_characters(value[name]) for name in _WORDED if name in value)
        case _:
            return 0


def _count(blocks: Sequence[Json]) -> int:
    """Count the blocks, including nested ones and the rows of tables."""
    total = len(blocks)
    for block in blocks:
        inner, cells = block.get("blocks"), block.get("cells")
        total += _count(inner) if isinstance(inner, list) else 0
        total += len(cells) if isinstance(cells, list) else 0
    return total
