"""`/desk …` typed in a staff chat, and the answer to it: a reply in the same topic."""

import re
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog
from telegram import Bot, LinkPreviewOptions, ReplyParameters
from telegram.error import TelegramError

from bot.core.connector import ChatCommand, Inbox
from bot.core.errors import SendError, StorageUnavailable
from connectors.telegram.parts import texts_of

COMMAND = "desk"
SUMMARY = "Everything about your organization; /desk help lists it all"
_TYPED = re.compile(rf"/{COMMAND}(?:@(\w{{1,64}}))?(?:\s+(.*))?", re.DOTALL | re.IGNORECASE)
_ANSWER_PARTS = 4
_CUT = "The answer is longer than fits here. Run the same command on the shell for all of it."
_REMEMBERED = 4096  # updates; Telegram repeats one within seconds or minutes

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Typed:
    """A command as it was typed in the chat.

    `bot` is the username of the bot it was typed for, "" if it names none.
    """

    command: ChatCommand
    message: str
    bot: str


def words_of(text: str) -> tuple[str, str] | None:
    """Return the bot that a `/desk` command names, and the text after `/desk`; None for any other text."""
    found = _TYPED.fullmatch(text.strip())
    return (found[1] or "", (found[2] or "").strip()) if found else None


class DeskChat:
    """Runs each command once in this process, even if Telegram delivers it several times."""

    def __init__(self, bot: Bot, account: str, username: Callable[[], Awaitable[str]]) -> None:
        self._bot = bot
        self._account = account
        self._username = username
        self._done: deque[int] = deque(maxlen=_REMEMBERED)

    async def offer(self) -> None:
        """Show the command in Telegram's menu. Does not raise: the command also works without the menu."""
        try:
            await self._bot.set_my_commands([(COMMAND, SUMMARY)])
        except TelegramError as error:
            _log.warning("commands not offered", account=self._account, code=type(error).__name__)

    async def run(self, update_id: int, typed: Typed, inbox: Inbox) -> None:
        """Run a typed command and answer it.

        A failure is only logged, as losing the answer loses no message.
        """
        if update_id in self._done:
            return
        self._done.append(update_id)
        try:
            if typed.bot and typed.bot.lower() != (await self._username()).lower():
                return  # meant for another bot in the group
            answer = await inbox.command(typed.command)
            sent: list[str] = []
            try:
                await self._answer(typed, answer.markdown, sent)
            finally:
                if answer.posted is not None and sent:
                    await answer.posted(sent)
        except (TelegramError, SendError, StorageUnavailable) as error:
            _log.warning("command not answered", account=self._account, code=type(error).__name__)

    async def _answer(self, typed: Typed, markdown: str, sent: list[str]) -> None:
        """Answer a command, and add the ids of the messages to `sent`."""
        parts = texts_of(markdown) or texts_of("Done.")
        if len(parts) > _ANSWER_PARTS:
            parts = (*parts[: _ANSWER_PARTS - 1], *texts_of(_CUT))
        place = typed.command.place
        for part in parts:
            message = await self._bot.send_message(
                int(place.chat),
                part.text,
                entities=part.entities or None,
                message_thread_id=int(place.thread) if place.thread else None,
                reply_parameters=ReplyParameters(int(typed.message), allow_sending_without_reply=True),
                link_preview_options=LinkPreviewOptions(is_disabled=True),
            )
            sent.append(str(message.message_id))
