"""One operation as the messages it takes. The same operation makes the same parts, on whichever replica."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from telegram import InlineKeyboardMarkup, MessageEntity

from bot.core.connector import Unit
from bot.core.errors import Refused
from bot.core.events import Attachment
from bot.core.outbound import Button, Card, Post
from connectors import rendering
from connectors.telegram.buttons import Keyboard, keyboard
from connectors.telegram.capabilities import CAPABILITIES, MAX_UNITS
from connectors.telegram.fields import INVISIBLE
from connectors.telegram.markdown import Rendered, card_markdown, card_text, placed, rendered

_GOES_ON = "\n\n…"


@dataclass(frozen=True, slots=True)
class TextPart:
    content: Rendered
    markup: InlineKeyboardMarkup | None = None


@dataclass(frozen=True, slots=True)
class FilePart:
    attachment: Attachment


Part = TextPart | FilePart


def parts_of(post: Post, link: Callable[[str], str]) -> tuple[Part, ...]:
    """Return the messages of a post: texts, the last with the buttons, then attachments.

    Raises Refused when there is nothing to send.
    """
    shown: dict[str, Rendered] = {}  # each text is measured, and then sent

    def render(markdown: str) -> str:
        if markdown not in shown:
            shown[markdown] = rendered(markdown)
        return shown[markdown].text

    planned = rendering.plan(
        post, CAPABILITIES, render=render, link=link, choice_limit=MAX_UNITS - len(INVISIBLE)
    )
    return tuple(
        _text(shown[part.markdown], keyboard(part.buttons))
        if isinstance(part, rendering.TextPart)
        else FilePart(part.attachment)
        for part in planned
    )


def texts_of(markdown: str) -> tuple[Rendered, ...]:
    """Split a text into messages; return none if it shows nothing."""
    return tuple(rendered(piece) for piece in _pieces(markdown, MAX_UNITS))


def revised(body: Post | Card, link: Callable[[str], str]) -> TextPart:
    """Return the new content of an existing message.

    An edit adds no messages, so a longer text ends in "…".
    """
    if isinstance(body, Card):
        return _card(body)
    texts = [part for part in parts_of(body, link) if isinstance(part, TextPart)]
    return texts[0] if len(texts) == 1 else one_text(body.text, body.buttons)


def _card(card: Card) -> TextPart:
    whole = card_text(card)
    if rendering.length(whole.text, Unit.UTF16) <= MAX_UNITS - len(INVISIBLE):
        return _text(whole, keyboard(card.buttons))
    return one_text(card_markdown(card), card.buttons)


def one_text(markdown: str, buttons: Sequence[Button] = ()) -> TextPart:
    """Return a single message, shortened if it is too long. Raises Refused for a text that shows nothing."""
    room = MAX_UNITS - len(INVISIBLE)
    pieces = _pieces(markdown, room)
    if not pieces:
        raise Refused("message text is empty")
    whole = len(pieces) == 1
    content = rendered(pieces[0] if whole else _pieces(markdown, room - len(_GOES_ON))[0] + _GOES_ON)
    return _text(content, keyboard(buttons))


def _pieces(markdown: str, limit: int) -> tuple[str, ...]:
    if not rendered(markdown).text.strip():
        return ()
    return rendering.split(markdown, limit, _size) or (
        markdown,
    )  # a lone bullet has no words, but is visible


def _size(markdown: str) -> int:
    return rendering.length(rendered(markdown).text, Unit.UTF16)


def _text(content: Rendered, keys: Keyboard | None) -> TextPart:
    if keys is None:
        return TextPart(content)
    if not keys.link:
        return TextPart(content, keys.markup)
    hidden = MessageEntity(type=MessageEntity.TEXT_LINK, offset=0, length=len(INVISIBLE), url=keys.link)
    moved = (placed(entity, entity.offset + len(INVISIBLE), entity.length) for entity in content.entities)
    return TextPart(Rendered(INVISIBLE + content.text, (hidden, *moved)), keys.markup)
