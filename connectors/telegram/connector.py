"""One Telegram bot as an account of an organization."""

import asyncio
import hashlib
import hmac
import json
import logging
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import timedelta
from urllib.parse import quote, urlencode

import structlog
from telegram import Bot
from telegram.error import ChatMigrated, TelegramError

from bot.core.connector import AccountSettings, Capabilities, Files, Inbox, RawRequest, RawResponse, Route
from bot.core.errors import ForgedRequest, Refused, SettingsError
from bot.core.events import Channel, Event
from bot.core.ids import Clock, utc_now
from bot.core.outbound import Erase, Outbound, React, Revise, Sent, Typing
from connectors.telegram.buttons import MAX_BUTTONS
from connectors.telegram.failures import as_send_error
from connectors.telegram.outgoing import Outgoing
from connectors.telegram.polling import POLL_SECONDS, Pause, Poller
from connectors.telegram.request import AiohttpRequest, AnswerLost
from connectors.telegram.updates import ALLOWED_UPDATES, ReadUpdate, UpdateReader, decode
from connectors.telegram.uploads import known_file

CHANNEL = Channel("telegram")
SECRET_HEADER = "x-telegram-bot-api-secret-token"  # noqa: S105 - the name of a header
_API_URL = "https://api.telegram.org"
_CONNECTIONS = 64
_WEBHOOK_CONNECTIONS = 100  # the most Telegram opens
_TAP_ANSWER = timedelta(seconds=2)
_SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")  # https://core.telegram.org/bots/api#setwebhook
_TOKEN = re.compile(r"([0-9]{1,19}):[A-Za-z0-9_-]+")

_log = structlog.get_logger()


class TelegramConnector:
    """Connector, Listens, Registers and HasFiles."""

    def __init__(
        self, settings: AccountSettings, files: Files, *, clock: Clock = utc_now, pause: Pause = asyncio.sleep
    ) -> None:
        token = settings.secrets.get("bot_token", "")
        own = _TOKEN.fullmatch(token)
        if own is None:
            raise SettingsError(f"the token of the telegram account {settings.account!r} is not a bot token")
        # A secret always, so that there is no webhook which anybody could post to.
        derived = hmac.new(token.encode(), b"webhook secret", hashlib.sha256).hexdigest()
        self._secret = settings.secrets.get("webhook_secret") or derived
        if not _SECRET.fullmatch(self._secret):
            raise SettingsError(
                f"the webhook_secret of the telegram account {settings.account!r} may have 1 to 256 of"
                " A-Z a-z 0-9 _ -"
            )
        self._settings = settings
        self._clock = clock
        self._pause = pause
        self._reader = UpdateReader(
            channel=CHANNEL, account=settings.account, own_id=int(own[1]), groups=settings.groups
        )
        self._path = f"/hooks/telegram/{quote(settings.account, safe='')}"
        platform_itself = not settings.api_url
        self._request = AiohttpRequest(connections=_CONNECTIONS, use_proxy=platform_itself)
        self._poll_request = AiohttpRequest(connections=2, use_proxy=platform_itself)
        logging.getLogger("telegram.Bot").setLevel(logging.INFO)  # its DEBUG lines hold what people write
        api = settings.api_url.rstrip("/") or _API_URL
        self._bot = Bot(
            token,
            base_url=f"{api}/bot",
            base_file_url=f"{api}/file/bot",
            request=self._request,
            get_updates_request=self._poll_request,
        )
        self._outgoing = Outgoing(self._bot, settings.account, files)
        self._tap_answers: set[asyncio.Task[None]] = set()

    @property
    def channel(self) -> Channel:
        return CHANNEL

    @property
    def account(self) -> str:
        return self._settings.account

    @property
    def capabilities(self) -> Capabilities:
        """Limits: https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this"""
        per_second, chat_interval = self._settings.per_second, self._settings.chat_interval
        return Capabilities(
            edits=True,
            erases=True,
            buttons=MAX_BUTTONS,
            typing=True,
            reconciles=False,
            per_second=30.0 if per_second is None else per_second,
            chat_interval=timedelta(seconds=1) if chat_interval is None else chat_interval,
        )

    # What comes in

    def verify(self, request: RawRequest) -> None:
        """Raise ForgedRequest unless Telegram sent this. Pure, in constant time."""
        given = request.headers.get(SECRET_HEADER, "").encode("utf-8", "surrogatepass")
        if not hmac.compare_digest(given, self._secret.encode()):
            raise ForgedRequest(f"wrong or no secret token for the telegram account {self.account!r}")

    def parse(self, request: RawRequest) -> tuple[Event, ...]:
        """The events of one webhook request, perhaps none. No I/O; raises MalformedPayload alone."""
        return self._read(decode(request.body)).events

    def _read(self, data: object) -> ReadUpdate:
        return self._reader.read(data, self._clock())

    def routes(self, inbox: Inbox) -> Sequence[Route]:
        if self._settings.mode != "webhook":
            return ()

        async def handle(request: RawRequest) -> RawResponse:
            self.verify(request)
            update = self._read(decode(request.body))
            if update.events:
                await inbox.accept(update.events)
            self._answer_tap(update)
            return RawResponse()

        return (Route(self._path, handle),)

    async def register(self) -> None:
        if not self._settings.public_url:
            raise Refused("public_url is not set")
        try:
            await self._bot.set_webhook(
                self._settings.public_url.rstrip("/") + self._path,
                secret_token=self._secret,
                allowed_updates=ALLOWED_UPDATES,
                max_connections=_WEBHOOK_CONNECTIONS,
            )
        except TelegramError as error:
            raise as_send_error(error, idempotent=True) from error

    async def listen(self, inbox: Inbox) -> None:
        poller = Poller(
            self.account,
            begin=self._bot.delete_webhook,
            fetch=self._updates,
            read=self._read,
            accepted=self._answer_tap,
            pause=self._pause,
        )
        await poller.run(inbox)

    async def _updates(self, offset: int | None) -> Sequence[object]:
        # Not Bot.get_updates: one update it cannot read would keep back the whole batch, for ever.
        query: dict[str, str | int] = {"timeout": POLL_SECONDS}
        query["allowed_updates"] = json.dumps(ALLOWED_UPDATES)
        if offset is not None:
            query["offset"] = offset
        url = f"{self._bot.base_url}/getUpdates?{urlencode(query)}"
        found: object = await self._poll_request.post(url, read_timeout=POLL_SECONDS + 10.0)
        return found if isinstance(found, list) else ()

    def _answer_tap(self, update: ReadUpdate) -> None:
        """Let the button stop spinning, while nobody waits for that."""
        if update.callback:
            task = asyncio.create_task(self._stop_spinner(update.callback))
            self._tap_answers.add(task)
            task.add_done_callback(self._tap_answers.discard)

    async def _stop_spinner(self, callback: str) -> None:
        try:
            async with asyncio.timeout(_TAP_ANSWER.total_seconds()):
                await self._bot.answer_callback_query(callback)
        except (TelegramError, TimeoutError) as error:
            _log.info("tap not answered", account=self.account, code=type(error).__name__)

    # What goes out

    async def send(self, outbound: Outbound) -> Sent:
        harmless_twice = isinstance(outbound.operation, (Revise, Erase, React, Typing))
        try:
            try:
                return await self._outgoing.do(outbound, outbound.place.chat)
            except ChatMigrated as moved:
                # The group became a supergroup with another id: nothing was done under the old one.
                chat = str(moved.new_chat_id)
                return replace(await self._outgoing.do(outbound, chat), chat=chat)
        except TelegramError as error:
            raise as_send_error(error, idempotent=harmless_twice) from error
        except (KeyError, TypeError) as error:
            # So the library tells of a 200 whose JSON is no answer of the Bot API.
            lost = AnswerLost("unreadable answer")
            raise as_send_error(lost, idempotent=harmless_twice) from error

    async def open(self, ref: str) -> AsyncIterator[bytes]:
        """Stream a file; Telegram hands out 20 MB at most."""
        _, file_id = known_file(ref)
        try:
            file = await self._bot.get_file(file_id)
            if not file.file_path:
                raise Refused("file has expired")
            async with aclosing(self._request.stream(file.file_path)) as pieces:
                async for piece in pieces:
                    yield piece
        except TelegramError as error:
            raise as_send_error(error, idempotent=True) from error

    async def check(self) -> None:
        try:
            await self._bot.get_me()
        except TelegramError as error:
            raise as_send_error(error, idempotent=True) from error

    async def close(self) -> None:
        if self._tap_answers:
            await asyncio.wait(self._tap_answers)  # each ends by itself within two seconds
        await self._request.shutdown()
        await self._poll_request.shutdown()
