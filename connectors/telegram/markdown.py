"""Render CommonMark as Telegram's text with entities."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import pyromark
from telegram import MessageEntity
from telegramify_markdown import RenderConfig, convert
from telegramify_markdown.entity import MessageEntity as Entity

from bot.core.outbound import Card
from connectors.payload import clean
from connectors.rendering import bounded, escaped
from connectors.telegram.fields import INVISIBLE

_GLANCE_CHARS, _GLANCE_LINES = 280, 4
_MOMENT = "tg://time?format=r&unix="
# Telegram opens only these and its own `tg:`, with which a text could mention somebody.
_LINKS = ("http://", "https://", "mailto:", "tel:", _MOMENT)
# Plain signs here, but for the renderer: a formula, a tag to drop, and the marks of a spoiler.
_FOREIGN = re.compile(rb"\$|\|\||<")
_OPTIONS = (
    pyromark.Options.ENABLE_TABLES | pyromark.Options.ENABLE_STRIKETHROUGH | pyromark.Options.ENABLE_TASKLISTS
)


@dataclass(frozen=True, slots=True)
class Rendered:
    """A text with its entities, sorted by offset. Offsets and lengths are in UTF-16 units."""

    text: str
    entities: tuple[MessageEntity, ...] = ()


def rendered(markdown: str) -> Rendered:
    """Return the text and entities that a Telegram app shows for the Markdown.

    HTML tags and formulas are shown as written, so that nothing is lost.
    """
    text, found = convert(_plain_signs(clean(bounded(markdown))), latex_escape=False, config=_plain_symbols())
    end = _units(text.rstrip())
    entities = [
        _shown(entity, min(entity.length, end - entity.offset))
        for entity in found
        if entity.offset < end and (entity.url is None or entity.url.startswith(_LINKS))
    ]
    return Rendered(text.rstrip(), _in_order(entities))


def placed(entity: MessageEntity, offset: int, length: int) -> MessageEntity:
    """Return a copy of an entity with another offset and length."""
    return MessageEntity(
        type=entity.type,
        offset=offset,
        length=length,
        url=entity.url,
        language=entity.language,
        unix_time=entity.unix_time,
        date_time_format=entity.date_time_format,
    )


def calling(content: Rendered, person: int, name: str = INVISIBLE) -> Rendered:
    """Return the content with a mention of the person before it, so that Telegram notifies them.

    https://core.telegram.org/bots/api#formatting-options
    """
    length = _units(name)
    link = MessageEntity(type=MessageEntity.TEXT_LINK, offset=0, length=length, url=f"tg://user?id={person}")
    moved = (placed(entity, entity.offset + length, entity.length) for entity in content.entities)
    return Rendered(name + content.text, (link, *moved))


def card_markdown(card: Card) -> str:
    """Return the card as CommonMark, for a message without rich content."""
    return "\n\n".join((_head(card), *(_section(*section) for section in card.sections)))


def card_text(card: Card) -> Rendered:
    """Return the card as one text whose long sections are expandable quotations."""
    parts = [rendered(_head(card))]
    for heading, words in card.sections:
        part = rendered(_section(heading, words))
        parts.append(_folded(part, rendered(words)) if is_long(words) else part)
    return _joined(parts)


def is_long(markdown: str) -> bool:
    """Return whether a section of a card is too long to be read at a glance."""
    shown = rendered(markdown).text
    return len(shown) > _GLANCE_CHARS or shown.count("\n") >= _GLANCE_LINES


def moments(card: Card) -> tuple[tuple[str, datetime], ...]:
    """Return the card's times with their names."""
    named = (("Due", card.deadline), ("Window closes", card.window))
    return tuple((name, when) for name, when in named if when is not None)


def in_utc(when: datetime) -> str:
    """Return the time as an old app shows it, which cannot show the reader's own time zone."""
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _head(card: Card) -> str:
    head = f"**{escaped(card.title)}**\n{escaped(card.speaking)}".rstrip()
    facts = [f"**{escaped(name)}:** {escaped(value)}" for name, value in card.facts]
    facts += [f"**{name}:** {_moment(when)}" for name, when in moments(card)]
    return "\n\n".join(filter(None, (head, "\n".join(facts))))


def _section(heading: str, words: str) -> str:
    return f"**{escaped(heading)}**\n\n{words}"


def _moment(when: datetime) -> str:
    """Return the time as a Markdown link, the form in which it passes through the renderer."""
    return f"[{in_utc(when)}]({_MOMENT}{int(when.timestamp())})"


def _folded(section: Rendered, words: Rendered) -> Rendered:
    """Return the section with its words in an expandable quotation: an app shows its first lines until it is
    opened.

    Quotations inside it are removed, as they cannot nest:
    https://core.telegram.org/bots/api#formatting-options
    """
    length = _units(words.text)
    start = _units(section.text) - length
    fold = MessageEntity(type=MessageEntity.EXPANDABLE_BLOCKQUOTE, offset=start, length=length)
    others = (each for each in section.entities if each.type != MessageEntity.BLOCKQUOTE)
    return Rendered(section.text, _in_order((fold, *others)))


def _joined(parts: Sequence[Rendered]) -> Rendered:
    """Join the parts with an empty line between them."""
    text, entities = "", list[MessageEntity]()
    for part in parts:
        text = f"{text}\n\n" if text else ""
        start = _units(text)
        entities += [placed(each, each.offset + start, each.length) for each in part.entities]
        text += part.text
    return Rendered(text, tuple(entities))


def _in_order(entities: Iterable[MessageEntity]) -> tuple[MessageEntity, ...]:
    return tuple(sorted(entities, key=lambda entity: (entity.offset, -entity.length)))


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _shown(entity: Entity, length: int) -> MessageEntity:
    """Return the library's entity as Telegram's. A link that holds a time becomes a date entity.

    An app shows it as the time left, and after a tap in the reader's own time zone.
    https://core.telegram.org/bots/api#date-time-entity-formatting
    """
    seconds = re.fullmatch(rf"{re.escape(_MOMENT)}([0-9]{{1,11}})", entity.url or "")
    if seconds is None:
        return MessageEntity(
            type=entity.type, offset=entity.offset, length=length, url=entity.url, language=entity.language
        )
    return MessageEntity(
        type=MessageEntity.DATE_TIME,
        offset=entity.offset,
        length=length,
        unix_time=datetime.fromtimestamp(int(seconds[1]), UTC),
        date_time_format="r",
    )


def _plain_symbols() -> RenderConfig:
    """Return a renderer configuration without pictures before headings, so that text reads as it was written.

    It is created on each call because it is mutable.
    """
    config = RenderConfig.isolated()
    symbols = config.markdown_symbol
    symbols.heading_level_1 = symbols.heading_level_2 = symbols.heading_level_3 = symbols.heading_level_4 = ""
    symbols.image = symbols.link = ""
    symbols.unordered_list_item = "\u2022"
    symbols.task_uncompleted = "\u2610"  # the library's own is a box with a tick in it
    config.cite_expandable = False
    return config


def _plain_signs(markdown: str) -> str:
    """Escape with a backslash each sign that the renderer would swallow, except where a backslash would be
    visible.
    """
    source = markdown.encode()
    if not _FOREIGN.search(source):
        return markdown
    verbatim, html = _regions(markdown)
    out = bytearray()
    at = 0
    for start, end in [*verbatim, (len(source), len(source))]:
        if start >= at:
            _escape(source, at, start, html, out)
            out += source[start:end]
            at = end
    return out.decode()


def _regions(markdown: str) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Return the byte ranges where a backslash would be visible (code, bare links, tables), and those of HTML
    tags.
    """
    verbatim: list[tuple[int, int]] = []
    html: list[tuple[int, int]] = []
    for event, span in pyromark.events_with_range(markdown, options=_OPTIONS):
        match event:
            case {"Start": {"CodeBlock": _} | {"Table": _} | {"Link": {"link_type": "Autolink" | "Email"}}}:
                verbatim.append((span["start"], span["end"]))
            case {"Code": _}:
                verbatim.append((span["start"], span["end"]))
            case {"Html": _} | {"InlineHtml": _}:
                html.append((span["start"], span["end"]))
            case _:
                pass
    return verbatim, html


def _escape(source: bytes, at: int, end: int, html: list[tuple[int, int]], out: bytearray) -> None:
    """Write the bytes from `at` to `end`."""
    for found in _FOREIGN.finditer(source, at, end):
        place = found.start()
        out += source[at:place]
        nearest = bisect_right(html, (place, len(source))) - 1
        is_tag = nearest >= 0 and place < html[nearest][1]
        if not _is_escaped(source, place) and (found[0] != b"<" or is_tag):
            out += b"\\"
        at = place
    out += source[at:end]


def _is_escaped(source: bytes, place: int) -> bool:
    start = place
    while start > 0 and source[start - 1] == ord("\\"):
        start -= 1
    return (place - start) % 2 == 1
