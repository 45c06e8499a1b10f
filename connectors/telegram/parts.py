"""One operation as the messages it takes. The same operation makes the same parts, on whichever replica."""

from dataclasses import dataclass, replace

from telegram import InlineKeyboardMarkup, MessageEntity

from bot.core.errors import Refused
from bot.core.events import Attachment
from bot.core.outbound import Card, Post
from connectors.telegram.buttons import INVISIBLE, Keyboard, keyboard
from connectors.telegram.markdown import Rendered, rendered, rendered_card
from connectors.telegram.split import MAX_UNITS, shortened, split


@dataclass(frozen=True, slots=True)
class TextPart:
    content: Rendered
    markup: InlineKeyboardMarkup | None = None


@dataclass(frozen=True, slots=True)
class FilePart:
    attachment: Attachment
    markup: InlineKeyboardMarkup | None = None


Part = TextPart | FilePart


def parts_of(body: Post | Card) -> tuple[Part, ...]:
    """Texts, then attachments. Buttons stand under the last text, or under the last attachment without text.

    Raises Refused when there is nothing to send.
    """
    keys = keyboard(body.buttons)
    texts = [part for part in split(_content(body), _limit(keys)) if part.text.strip()]
    parts: list[Part] = [TextPart(text) for text in texts]
    if texts and keys:
        parts[-1] = TextPart(_linked(texts[-1], keys), keys.markup)
    attachments = body.attachments if isinstance(body, Post) else ()
    files = [FilePart(attachment) for attachment in attachments]
    if files and not texts and keys:
        if keys.link:
            raise Refused("button values too long for a message without text")
        files[-1] = replace(files[-1], markup=keys.markup)
    if not parts and not files:
        raise Refused("message text is empty")
    return (*parts, *files)


def revised(body: Post | Card) -> TextPart:
    """What an existing message shall read. An edit adds no messages, so a longer text ends in an ellipsis."""
    keys = keyboard(body.buttons)
    content = shortened(_content(body), _limit(keys))
    if not content.text.strip():
        raise Refused("message text is empty")
    return TextPart(_linked(content, keys), keys.markup) if keys else TextPart(content)


def _content(body: Post | Card) -> Rendered:
    return rendered(body.text if isinstance(body, Post) else rendered_card(body))


def _limit(keys: Keyboard | None) -> int:
    return MAX_UNITS - len(INVISIBLE) if keys and keys.link else MAX_UNITS


def _linked(content: Rendered, keys: Keyboard) -> Rendered:
    if not keys.link:
        return content
    link = MessageEntity(type=MessageEntity.TEXT_LINK, offset=0, length=len(INVISIBLE), url=keys.link)
    moved = (
        MessageEntity(
            type=entity.type,
            offset=entity.offset + len(INVISIBLE),
            length=entity.length,
            url=entity.url,
            language=entity.language,
        )
        for entity in content.entities
    )
    return Rendered(INVISIBLE + content.text, (link, *moved))
