"""A bot on Telegram, by webhook: in a private chat with a customer, and in a topic of the staff's group."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

from bot.core.connector import AccountSettings, Connector, RawRequest, Registers
from bot.core.events import AttachmentKind
from connectors.sandbox.telegram import GroupChat, RetryPauses, TelegramStandIn
from connectors.sandbox.telegram.model import ChatMessage, TelegramUser
from connectors.telegram import channel
from connectors.telegram.connector import SECRET_HEADER
from tests.connectors.contract.platform import Bubble, NotingInbox, Platform, Script, open_webhook, served
from tests.connectors.resources import MemoryMeans, memory_resources

TOKEN = "700000001:sandbox-telegram-token"
SECRET = "a-secret_of-ours"
_FACTS: Mapping[AttachmentKind, Mapping[str, object]] = {
    AttachmentKind.LOCATION: {"latitude": 52.52, "longitude": 13.4},
    AttachmentKind.CONTACT: {"phone_number": "+4930123", "first_name": "Maya"},
}


@dataclass
class Telegram(Platform):
    stand_in: TelegramStandIn = None  # type: ignore[assignment]
    maya: TelegramUser = None  # type: ignore[assignment]

    def _request(self, body: object, secret: str = SECRET) -> RawRequest:
        return RawRequest({SECRET_HEADER: secret}, json.dumps(body).encode())

    def forged(self) -> Sequence[RawRequest]:
        said = {"update_id": 1, "message": {"message_id": 1, "date": 1, "text": "Let me in"}}
        return (
            self._request(said, "another-secret"),
            self._request(said, ""),
            RawRequest({}, json.dumps(said).encode()),
        )

    def empty(self) -> Sequence[RawRequest]:
        return (self._request({"update_id": 5}),)

    async def tell_unknown(self) -> None:
        self.stand_in.inject("thought_read", {"thought": "hm"}, self.maya.id)

    async def say(self, text: str) -> str:
        return str(self.stand_in.say(self.maya, text).message_id)

    async def attach(self, kind: AttachmentKind, content: bytes, mime_type: str) -> tuple[str, bytes]:
        details = _FACTS.get(kind)
        sent = self.stand_in.send_media(
            self.maya, kind.value, content, name="a file", mime_type=mime_type, details=details
        )
        return str(sent.message_id), content

    async def tap(self, bubble: Bubble, label: str) -> None:
        self.stand_in.tap(self.maya, int(bubble.id), label)

    async def edit(self, message: str, text: str) -> None:
        self.stand_in.edit(self.maya, int(message), text)

    async def react(self, bubble: Bubble) -> None:
        self.stand_in.react(self.maya, int(bubble.id), "👍")

    async def leave(self) -> None:
        self.stand_in.block(self.maya)

    def shown(self) -> list[Bubble]:
        return [self._bubble(each) for each in self.stand_in.chat(self.maya) if each.from_bot]

    def _bubble(self, message: ChatMessage) -> Bubble:
        return Bubble(
            id=str(message.message_id),
            text=message.text,
            buttons=tuple(str(button["text"]) for row in message.buttons for button in row),
            file=self.stand_in.file(message.file_id) if message.file_id else None,
            links=" ".join(str(entity.get("url", "")) for entity in message.entities),
            is_fact=message.kind in ("location", "venue", "contact"),
        )

    def reactions(self, message: str) -> Sequence[str]:
        found = next(each for each in self.stand_in.chat(self.maya) if str(each.message_id) == message)
        return [emoji for who, emoji in found.reactions if who == "bot"]

    def typing(self) -> bool:
        return bool(self.stand_in.typing(self.maya))

    def whispers(self) -> Sequence[str]:
        return [bubble.text for bubble in self.shown()]

    def is_post(self, call: str) -> bool:
        return call.startswith("send") and call != "sendChatAction"

    def is_download(self, call: str) -> bool:
        return call == "getFile"

    async def settled(self) -> None:
        await self.stand_in.settled()


@dataclass
class TelegramRoom(Telegram):
    """Maya is of the staff here, and writes in a topic of their group."""

    group: GroupChat = None  # type: ignore[assignment]
    topic: int = 0

    async def tell_unknown(self) -> None:
        self.stand_in.inject("thought_read", {"thought": "hm"}, self.group.id)

    async def say(self, text: str) -> str:
        return str(self.group.say(self.maya, text, topic=self.topic).message_id)

    async def attach(self, kind: AttachmentKind, content: bytes, mime_type: str) -> tuple[str, bytes]:
        sent = self.group.send_media(
            self.maya,
            kind.value,
            content,
            topic=self.topic,
            name="a file",
            mime_type=mime_type,
            details=_FACTS.get(kind),
        )
        return str(sent.message_id), content

    async def tap(self, bubble: Bubble, label: str) -> None:
        self.group.tap(self.maya, int(bubble.id), label)

    async def edit(self, message: str, text: str) -> None:
        self.group.edit(self.maya, int(message), text)

    async def react(self, bubble: Bubble) -> None:
        self.group.react(self.maya, int(bubble.id), "👍")

    def shown(self) -> list[Bubble]:
        return [self._bubble(each) for each in self.group.messages(self.topic) if each.from_bot]

    def reactions(self, message: str) -> Sequence[str]:
        found = next(each for each in self.group.messages() if str(each.message_id) == message)
        return [emoji for who, emoji in found.reactions if who == "bot"]

    def typing(self) -> bool:
        topics = [call.params.get("message_thread_id") for call in self.stand_in.sent("sendChatAction")]
        return topics == [str(self.topic)]

    def whispers(self) -> Sequence[str]:
        return [each.text for each in self.group.seen_alone(self.maya, self.topic)]


@asynccontextmanager
async def telegram() -> AsyncIterator[Platform]:
    async with _telegram("customers") as (stand_in, connector, inbox, resources, script):
        maya = stand_in.user("Maya Fischer")
        yield Telegram(channel, connector, inbox, resources, script, stand_in=stand_in, maya=maya)


@asynccontextmanager
async def telegram_of_staff() -> AsyncIterator[Platform]:
    async with _telegram("staff") as (stand_in, connector, inbox, resources, script):
        maya = stand_in.user("Maya Fischer")
        group = stand_in.group("Billing", [maya])
        topic = group.begin_topic(maya, "A matter").id
        stand_in.say(maya, "/start")  # without which no bot may write to anybody
        await stand_in.settled()
        inbox.accepted.clear()
        yield TelegramRoom(
            channel,
            connector,
            inbox,
            resources,
            script,
            stand_in=stand_in,
            maya=maya,
            group=group,
            topic=topic,
        )


_Parts = tuple[TelegramStandIn, Connector, NotingInbox, MemoryMeans, Script]


@asynccontextmanager
async def _telegram(serves: str) -> AsyncIterator[_Parts]:
    script, inbox, resources = Script(), NotingInbox(), memory_resources()
    stand_in = TelegramStandIn(TOKEN, faults=script, pauses=RetryPauses(first=0.005, longest=0.02))
    root = web.Application()
    root.add_subapp("/sandbox/telegram", stand_in.app())
    async with served(root) as url, open_webhook() as webhook:
        settings = AccountSettings(
            account="support-bot",
            serves=serves,
            mode="webhook",
            api_url=f"{url}/sandbox/telegram",
            public_url=webhook.url,
            secrets={"bot_token": TOKEN, "webhook_secret": SECRET},
        )
        connector = channel.open(settings, resources)
        webhook.serve(connector.routes(inbox))
        assert isinstance(connector, Registers)
        await connector.register()
        yield stand_in, connector, inbox, resources, script
        await stand_in.close()
        await connector.close()
