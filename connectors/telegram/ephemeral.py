"""Messages in a group that only one person sees.

A bot that is an administrator may send one to any member of the group. Any bot may send one within 15 seconds
to a person who pressed one of its buttons. They may disappear at any time, and nobody is told whether they
arrived. https://core.telegram.org/bots/api#ephemeral-messages-and-commands
"""

import re

import structlog
from telegram import Bot, LinkPreviewOptions, Message
from telegram.error import BadRequest, Forbidden, InvalidToken, TelegramError

from bot.core.errors import Refused
from bot.core.ids import Clock
from connectors.telegram.failures import as_send_error, unknown_method
from connectors.telegram.markdown import Rendered
from connectors.telegram.refused_features import RefusedFeatures

UNSEEN = "Nobody but me sees what you wrote there, so it went nowhere. Write it in the topic itself."
_SENT = re.compile(r"ephemeral:([0-9]{1,19}):([0-9]{1,19})")
_FEATURE = "ephemeral messages"
_NO_ADMINISTRATOR = "bot_not_admin"

_log = structlog.get_logger()


class Ephemeral:
    """Sends, answers and deletes the ephemeral messages of one account."""

    def __init__(self, bot: Bot, clock: Clock) -> None:
        self._bot = bot
        self._newer = RefusedFeatures(clock)

    async def send(
        self, chat: int | str, thread: int | None, person: int, content: Rendered, press: str = ""
    ) -> str:
        """Return the id of the new message; "" if Telegram takes none, so that it must be said in another
        way.

        `press` is the callback query that this answers. With it, the message is shown in the very app in
        which the button was pressed.
        """
        if not isinstance(chat, int) or chat >= 0 or not self._newer.worth_trying(_FEATURE):
            return ""
        if press and (sent := await self._try(chat, thread, person, content, press)):
            return sent
        group = f"{_FEATURE} in {chat}"
        if not self._newer.worth_trying(_FEATURE, group):
            return ""
        sent = await self._try(chat, thread, person, content, "")
        if sent:
            self._newer.took(group)
        return sent

    async def answer(self, chat: int, thread: int | None, person: int, message: int, text: str) -> None:
        """Answer an ephemeral message; any bot may, within 15 seconds. Raises the library's errors."""
        await self._bot.send_message(
            chat,
            text,
            message_thread_id=thread,
            api_kwargs={
                "ephemeral_message_parameters": {"receiver_user_id": person},
                "reply_parameters": {"ephemeral_message_id": message},
            },
        )

    async def _try(self, chat: int, thread: int | None, person: int, content: Rendered, press: str) -> str:
        parameters: dict[str, object] = {"receiver_user_id": person}
        if press:
            parameters["callback_query_id"] = press
        try:
            message = await self._bot.send_message(
                chat,
                content.text,
                entities=content.entities or None,
                message_thread_id=thread,
                link_preview_options=LinkPreviewOptions(is_disabled=True),
                api_kwargs={"ephemeral_message_parameters": parameters},
            )
        except (BadRequest, Forbidden) as error:
            self._note(chat, error, pressed=bool(press))
            return ""
        number = message.api_kwargs.get("ephemeral_message_id")
        if isinstance(number, int):
            return f"ephemeral:{person}:{number}"
        await self._take_back(chat, message)
        return ""

    def _note(self, chat: int, error: BadRequest | Forbidden, *, pressed: bool) -> None:
        """Note that the group refused an ephemeral message.

        A refusal because of a press or of the topic says nothing about the group, and is only logged.
        """
        _log.info("ephemeral message refused", reason=error.message, pressed=pressed)
        if not pressed and isinstance(as_send_error(error), Refused):
            wholly = _NO_ADMINISTRATOR in error.message.lower()
            self._newer.refused(f"{_FEATURE} in {chat}", wholly=wholly)

    async def _take_back(self, chat: int, message: Message) -> None:
        """Delete a message that everybody in the topic saw, and send no more ephemeral messages to this
        server.

        A server older than 10.3 ignores the parameters that make a message ephemeral.
        """
        self._newer.lacks(_FEATURE)
        _log.warning("the Bot API server knows no ephemeral messages")
        try:
            await self._bot.delete_message(chat, message.message_id)
        except TelegramError as error:
            _log.warning("message not taken back", code=type(error).__name__)

    async def erase(self, chat: int | str, message: str) -> bool:
        """Delete a message that `send` made. Return False for the id of another kind of message.

        Telegram keeps ephemeral messages only briefly: one that it does not find is already gone.
        """
        found = _SENT.fullmatch(message)
        if found is None:
            return False
        try:
            await self._bot.do_api_request(
                "deleteEphemeralMessage",
                {"chat_id": chat, "receiver_user_id": int(found[1]), "ephemeral_message_id": int(found[2])},
            )
        except (BadRequest, Forbidden) as error:
            _log.info("ephemeral message not deleted", reason=error.message)
        except InvalidToken as error:
            if not unknown_method(error):
                raise
        return True
