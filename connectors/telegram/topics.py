"""A room is a topic of a group: https://core.telegram.org/bots/api#createforumtopic and its like."""

from collections.abc import Awaitable

from telegram import Bot
from telegram.constants import ForumIconColor
from telegram.error import BadRequest

from bot.core.outbound import Card, CardTone
from connectors.payload import clean

_NAME_CHARS = 128
_MARKS = {CardTone.CALM: "🟢", CardTone.PRESSING: "🟡", CardTone.URGENT: "🔴", CardTone.DONE: "✅"}
_COLORS = {
    CardTone.CALM: ForumIconColor.GREEN,
    CardTone.PRESSING: ForumIconColor.YELLOW,
    CardTone.URGENT: ForumIconColor.RED,
    CardTone.DONE: ForumIconColor.BLUE,
}


def topic_name(card: Card) -> str:
    """Return the name of a room's topic: a sign for its state, then the card's title."""
    name = " ".join(f"{_MARKS[card.tone]} {clean(card.title)}".split())
    return name if len(name) <= _NAME_CHARS else name[: _NAME_CHARS - 1] + "…"


async def begin_topic(bot: Bot, chat: int, card: Card) -> int:
    """Create a topic and return its id."""
    topic = await bot.create_forum_topic(chat, topic_name(card), icon_color=_COLORS[card.tone])
    return topic.message_thread_id


async def show_topic(bot: Bot, chat: int, topic: int, card: Card) -> None:
    """Let the topic's name tell what the card tells, and close it once all is done. Idempotent.

    What this process did before is not remembered: another one may have changed it since.
    """
    if card.tone is CardTone.DONE:
        await _unless_so(bot.edit_forum_topic(chat, topic, name=topic_name(card)))
        await _unless_so(bot.close_forum_topic(chat, topic))
    else:
        await _unless_so(bot.reopen_forum_topic(chat, topic))
        await _unless_so(bot.edit_forum_topic(chat, topic, name=topic_name(card)))


async def _unless_so(call: Awaitable[bool]) -> None:
    """Await a call, and ignore Telegram's error that nothing would change."""
    try:
        await call
    except BadRequest as error:
        if "not_modified" not in error.message.lower():
            raise
