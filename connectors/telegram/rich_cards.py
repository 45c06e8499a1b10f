"""Sends cards as rich messages, where the server takes them."""

import structlog
from telegram import Bot, InlineKeyboardMarkup, Message
from telegram.error import BadRequest, InvalidToken

from bot.core.errors import Refused
from bot.core.ids import Clock
from bot.core.outbound import Card
from connectors.telegram.buttons import keyboard
from connectors.telegram.failures import as_send_error, unknown_method
from connectors.telegram.refused_features import RefusedFeatures
from connectors.telegram.request import AnswerLost
from connectors.telegram.rich import Json, rich_card

_FEATURE = "rich messages"
_OF_THE_MESSAGE = ("message is not modified", "message to edit not found", "message_id_invalid")

_log = structlog.get_logger()


class RichCards:
    """Sends the cards of one account as rich messages. A card that is refused here is sent as text.

    `off`: send none, because some apps are too old to show them.
    """

    def __init__(self, bot: Bot, clock: Clock, *, off: bool = False) -> None:
        self._bot = bot
        self._off = off
        self._newer = RefusedFeatures(clock)

    async def send(self, card: Card, chat: int | str, thread: int | None) -> Message | None:
        """Return the new message; None where the card must be a text."""
        made = self._made(card)
        if made is None:
            return None
        rich, markup = made
        parameters: Json = {"chat_id": chat, "message_thread_id": thread, "rich_message": rich}
        try:
            sent: object = await self._bot.do_api_request(
                "sendRichMessage", parameters | {"reply_markup": markup}, return_type=Message
            )
        except (BadRequest, InvalidToken) as error:
            self._note(error)
            return None
        if not isinstance(sent, Message):
            raise AnswerLost("unreadable answer")
        self._newer.took(_FEATURE)
        return sent

    async def edit(self, card: Card, chat: int | str, message: int) -> bool:
        """Return whether it is done. Raises the library's BadRequest for what is about the message."""
        made = self._made(card)
        if made is None:
            return False
        rich, markup = made
        try:
            await self._bot.edit_message_text(
                None,  # type: ignore[arg-type]  # left out of the call: a rich message has no text
                chat,
                message,
                reply_markup=markup,
                api_kwargs={"rich_message": rich},
            )
        except BadRequest as error:
            if any(words in error.message.lower() for words in _OF_THE_MESSAGE):
                raise
            self._note(error)
            return False
        self._newer.took(_FEATURE)
        return True

    def _made(self, card: Card) -> tuple[Json, InlineKeyboardMarkup | None] | None:
        """Return the parameters of a call; None if the card must be sent as text, such as when a button's
        value is too long.
        """
        keys = keyboard(card.buttons)
        if self._off or (keys and keys.link) or not self._newer.worth_trying(_FEATURE):
            return None
        rich = rich_card(card)
        return None if rich is None else (rich, keys.markup if keys else None)

    def _note(self, error: BadRequest | InvalidToken) -> None:
        """Remember a refusal. Raises it where a text would be refused, too."""
        unknown = isinstance(error, InvalidToken)
        if isinstance(error, InvalidToken) and not unknown_method(error):
            raise error
        if isinstance(error, BadRequest) and not isinstance(as_send_error(error), Refused):
            raise error
        _log.info("rich message refused", reason="no such method" if unknown else error.message)
        self._newer.refused(_FEATURE, wholly=unknown)
