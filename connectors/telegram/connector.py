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
from functools import partial
from urllib.parse import urlencode

import structlog
from telegram import Bot
from telegram.error import ChatMigrated, TelegramError

from bot.core.connector import AccountSettings, Capabilities, Inbox, RawRequest, RawResponse, Resources, Route
from bot.core.errors import ForgedRequest, Refused, SettingsError
from bot.core.events import Channel, Event, Place
from bot.core.outbound import Emote, Erase, Outbound, Post, React, Revise, Sent, Typing
from connectors.background import BackgroundTasks
from connectors.telegram.capabilities import CHANNEL, GROUP_REST, capabilities_of
from connectors.telegram.confirming import SURE, Press, RecentPresses
from connectors.telegram.desk import DeskChat
from connectors.telegram.ephemeral import UNSEEN, Ephemeral
from connectors.telegram.failures import as_send_error
from connectors.telegram.heard_chats import HeardChats
from connectors.telegram.identity import BotInspector
from connectors.telegram.markdown import rendered
from connectors.telegram.moved import Moved
from connectors.telegram.outgoing import Outgoing
from connectors.telegram.polling import POLL_SECONDS, Pause, Poller
from connectors.telegram.request import AiohttpRequest, AnswerLost
from connectors.telegram.rich_cards import RichCards
from connectors.telegram.updates import ALLOWED_UPDATES, Aside, ReadUpdate, UpdateReader, decode
from connectors.telegram.uploads import known_file

SECRET_HEADER = "x-telegram-bot-api-secret-token"  # noqa: S105 - the name of a header
_API_URL = "https://api.telegram.org"
_CONNECTIONS = 64
_WEBHOOK_CONNECTIONS = 100  # the most Telegram opens
_TAP_ANSWER = timedelta(seconds=2)
_REFUSAL = timedelta(seconds=2)  # how long a refusal may take; after that the tap is answered
_GRACE = timedelta(seconds=5)  # for taps and commands still being answered when the program ends
_SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")  # https://core.telegram.org/bots/api#setwebhook
_TOKEN = re.compile(r"([0-9]{1,19}):[A-Za-z0-9_-]+")

_log = structlog.get_logger()


class TelegramConnector:
    """A Telegram bot. Implements Connector, Listens, Registers, HasFiles and HasPermalinks."""

    begins = True

    def __init__(
        self, settings: AccountSettings, resources: Resources, *, pause: Pause = asyncio.sleep
    ) -> None:
        token = settings.secrets.get("bot_token", "")
        own = _TOKEN.fullmatch(token)
        if own is None:
            raise SettingsError(f"the token of the telegram account {settings.account!r} is not a bot token")
        # A secret is required, so that nobody else can post to the webhook.
        derived = hmac.new(token.encode(), b"webhook secret", hashlib.sha256).hexdigest()
        self._secret = settings.secrets.get("webhook_secret") or derived
        if not _SECRET.fullmatch(self._secret):
            raise SettingsError(
                f"the webhook_secret of the telegram account {settings.account!r} may have 1 to 256 of"
                " A-Z a-z 0-9 _ -"
            )
        self._settings = settings
        self._clock = resources.clock
        self._pause = pause
        self._reader = UpdateReader(
            channel=CHANNEL, account=settings.account, own_id=int(own[1]), heard_chats=HeardChats.of(settings)
        )
        platform_itself = not settings.api_url
        self._request = AiohttpRequest(connections=_CONNECTIONS, use_proxy=platform_itself)
        self._poll_request = AiohttpRequest(connections=2, use_proxy=platform_itself)
        logging.getLogger("telegram.Bot").setLevel(logging.INFO)  # its DEBUG lines contain what people write
        api = settings.api_url.rstrip("/") or _API_URL
        self._bot = Bot(
            token,
            base_url=f"{api}/bot",
            base_file_url=f"{api}/file/bot",
            request=self._request,
            get_updates_request=self._poll_request,
        )
        self._capabilities = capabilities_of(settings)
        usual = settings.serves == "staff" or settings.chat_interval is not None
        self._group_rest = timedelta() if usual else GROUP_REST
        self._ephemeral = Ephemeral(self._bot, resources.clock)
        rich = RichCards(self._bot, resources.clock, off=settings.options.get("cards") == "text")
        self._outgoing = Outgoing(self._bot, resources.files, self._ephemeral, rich)
        self._moved = Moved(resources.vault) if settings.serves == "customers" else None
        self._identity = BotInspector(self._bot, settings, int(own[1]), resources.clock)
        self._desk = DeskChat(self._bot, settings.account, self._identity.username)
        self._background = BackgroundTasks()
        self._asked = RecentPresses(resources.clock)

    @property
    def channel(self) -> Channel:
        return CHANNEL

    @property
    def account(self) -> str:
        return self._settings.account

    @property
    def capabilities(self) -> Capabilities:
        return self._capabilities

    # What comes in

    def verify(self, request: RawRequest) -> None:
        """Raise ForgedRequest unless Telegram sent this. Pure, in constant time."""
        given = request.headers.get(SECRET_HEADER, "").encode("utf-8", "surrogatepass")
        if not hmac.compare_digest(given, self._secret.encode()):
            raise ForgedRequest(f"wrong or no secret token for the telegram account {self.account!r}")

    def parse(self, request: RawRequest) -> tuple[Event, ...]:
        """Return the events of one webhook request, perhaps none.

        Does no I/O; raises only MalformedPayload.
        """
        return self._read(decode(request.body)).events

    def _read(self, data: object) -> ReadUpdate:
        return self._reader.read(data, self._clock())

    def _take(self, data: object) -> ReadUpdate:
        """Read an update as `_read` does, but return no event for a press that must still be repeated."""
        update = self._read(data)
        match self._asked.heard(update.press, update.update_id) if update.press else Press.SECOND:
            case Press.FIRST:
                return replace(update, events=(), unsure=update.events[-1])
            case Press.FIRST_AGAIN:  # it is being asked already
                return replace(update, events=(), callback="")
            case Press.SECOND:
                return update

    def routes(self, inbox: Inbox) -> Sequence[Route]:
        if self._settings.mode != "webhook":
            return ()

        async def handle(request: RawRequest) -> RawResponse:
            self.verify(request)
            update = self._take(await self._told(decode(request.body)))
            if update.events:
                await inbox.accept(update.events)
            self._accepted(update, inbox)
            return RawResponse()

        return (Route(self._settings.path, handle),)

    async def register(self) -> None:
        if not self._settings.public_url:
            raise Refused("public_url is not set")
        try:
            await self._bot.set_webhook(
                self._settings.public_url.rstrip("/") + self._settings.path,
                secret_token=self._secret,
                allowed_updates=ALLOWED_UPDATES,
                max_connections=_WEBHOOK_CONNECTIONS,
            )
        except TelegramError as error:
            raise as_send_error(error, idempotent=True) from error
        await self._introduce()

    async def listen(self, inbox: Inbox) -> None:
        poller = Poller(
            self.account,
            begin=self._begin_polling,
            fetch=self._updates,
            read=self._take,
            accepted=partial(self._accepted, inbox=inbox),
            pause=self._pause,
        )
        await poller.run(inbox)

    async def _begin_polling(self) -> None:
        await self._bot.delete_webhook()
        await self._introduce()

    async def _introduce(self) -> None:
        if self._settings.serves == "staff":
            await self._desk.offer()

    async def _updates(self, offset: int | None) -> Sequence[object]:
        # Bot.get_updates is not used: one unreadable update would block the whole batch for ever.
        query: dict[str, str | int] = {"timeout": POLL_SECONDS}
        query["allowed_updates"] = json.dumps(ALLOWED_UPDATES)
        if offset is not None:
            query["offset"] = offset
        url = f"{self._bot.base_url}/getUpdates?{urlencode(query)}"
        found: object = await self._poll_request.post(url, read_timeout=POLL_SECONDS + 10.0)
        return [await self._told(update) for update in found] if isinstance(found, list) else ()

    async def _told(self, update: object) -> object:
        """Return an update with the id that its chat had first.

        Staff's groups need no such change: they have topics, so they were supergroups from the beginning.
        """
        return update if self._moved is None else await self._moved.as_first(update)

    def _accepted(self, update: ReadUpdate, inbox: Inbox) -> None:
        """Begin what nobody waits for: answering a tap, a command, or words to the bot alone."""
        if update.unsure:
            self._background.begin(self._ask(update.callback, update.unsure))
        elif update.callback:
            refusable = any(event.press for event in update.events)
            self._background.begin(self._stop_spinner(update.callback, refusable=refusable))
        if update.command:
            self._background.begin(self._desk.run(update.update_id, update.command, inbox))
        if update.aside:
            self._background.begin(self._answer_aside(update.aside))

    async def _stop_spinner(self, callback: str, *, refusable: bool) -> None:
        """Answer a tap. A tap can be answered only once, so one that may be refused is answered later."""
        if refusable:
            await asyncio.sleep(_REFUSAL.total_seconds())
        await self._answer_tap(callback)

    async def _ask(self, callback: str, press: Event) -> None:
        """Ask the person who pressed to press again: in the topic and on the button.

        Where the topic cannot show it, the question stays on the button until they close it.
        """
        place, person = press.place, int(press.sender.external_id)
        thread = int(place.thread) if place.thread else None
        asked = ""
        try:
            async with asyncio.timeout(_TAP_ANSWER.total_seconds()):
                asked = await self._ephemeral.send(int(place.chat), thread, person, rendered(SURE), callback)
        except (TelegramError, TimeoutError) as error:
            _log.info("not asked in the topic", account=self.account, code=type(error).__name__)
        await self._answer_tap(callback, SURE, stays=not asked)

    async def _answer_tap(self, callback: str, text: str = "", *, stays: bool = False) -> None:
        """Answer a tap, with a text if there is one. `stays`: show the text until the person closes it."""
        try:
            async with asyncio.timeout(_TAP_ANSWER.total_seconds()):
                await self._bot.answer_callback_query(callback, text=text or None, show_alert=stays)
        except (TelegramError, TimeoutError) as error:
            _log.info("tap not answered", account=self.account, code=type(error).__name__)

    async def _answer_aside(self, aside: Aside) -> None:
        try:
            await self._ephemeral.answer(aside.chat, aside.thread, aside.person, aside.message, UNSEEN)
        except TelegramError as error:
            _log.warning("aside not answered", account=self.account, code=type(error).__name__)

    # What goes out

    async def send(self, outbound: Outbound) -> Sent:
        harmless_twice = isinstance(outbound.operation, (Revise, Erase, React, Emote, Typing))
        in_group = outbound.place.chat.startswith("-") and isinstance(outbound.operation, Post)
        rest = self._group_rest if in_group else timedelta()
        chat = self._moved.today(outbound.place.chat) if self._moved else outbound.place.chat
        try:
            try:
                return replace(await self._outgoing.do(outbound, chat), rest=rest)
            except ChatMigrated as moved:
                # The group became a supergroup with another id: nothing was done under the old one.
                chat = str(moved.new_chat_id)
                if self._moved:
                    self._moved.goes_by(outbound.place.chat, chat)
                return replace(await self._outgoing.do(outbound, chat), chat=chat, rest=rest)
        except TelegramError as error:
            raise as_send_error(error, idempotent=harmless_twice) from error
        except (KeyError, TypeError) as error:
            # The library raises this for a 200 whose JSON is no answer of the Bot API.
            lost = AnswerLost("unreadable answer")
            raise as_send_error(lost, idempotent=harmless_twice) from error

    async def open(self, ref: str) -> AsyncIterator[bytes]:
        """Stream a file. Telegram hands out at most 20 MB."""
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

    async def check(self) -> str:
        return await self._identity.check()

    async def exposure(self, room: str, *, public: bool) -> str:
        return await self._identity.exposure(room, public=public)

    async def invitation(self, token: str) -> str:
        """Return the link that opens the bot and brings `token` back in a `Started`. Raises SendError."""
        return await self._identity.invitation(token)

    async def permalink(self, place: Place) -> str:
        """Return the link to a topic: https://core.telegram.org/api/links#message-links"""
        return f"https://t.me/c/{place.chat.removeprefix('-100')}/{place.thread}"

    async def close(self) -> None:
        await self._background.finish(_GRACE)
        await self._request.shutdown()
        await self._poll_request.shutdown()
