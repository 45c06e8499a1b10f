"""A Page on Messenger, and the phone of one customer."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from aiohttp import web

from bot.core.connector import AccountSettings, RawRequest, Registers
from bot.core.events import AttachmentKind
from connectors.messenger import channel
from connectors.meta import sign
from connectors.sandbox.messenger import MessengerStandIn, Phone
from connectors.sandbox.messenger.model import ChatMessage
from connectors.sandbox.meta.clock import MovableClock
from connectors.sandbox.webhook_queue import RetryPauses
from tests.connectors.contract.platform import Bubble, NotingInbox, Platform, Script, open_webhook, served
from tests.connectors.resources import memory_resources

_WIRE = {
    AttachmentKind.PHOTO: "image",
    AttachmentKind.VIDEO: "video",
    AttachmentKind.AUDIO: "audio",
    AttachmentKind.DOCUMENT: "file",
}


@dataclass
class Messenger(Platform):
    stand_in: MessengerStandIn = None  # type: ignore[assignment]
    maya: Phone = None  # type: ignore[assignment]
    clock: MovableClock = None  # type: ignore[assignment]

    def _request(self, body: object, secret: str = "") -> RawRequest:
        raw = json.dumps(body).encode()
        return RawRequest({"x-hub-signature-256": sign(secret or self.stand_in.app_secret, raw)}, raw)

    def forged(self) -> Sequence[RawRequest]:
        said = {"object": "page", "entry": []}
        unsigned = RawRequest({}, json.dumps(said).encode())
        return self._request(said, "another-secret"), unsigned

    def empty(self) -> Sequence[RawRequest]:
        page = {"id": self.stand_in.page_id, "time": 1_795_348_770_250}
        entries: Sequence[list[dict[str, object]]] = ([], [page], [{**page, "messaging": []}])
        return tuple(self._request({"object": "page", "entry": entry}) for entry in entries)

    async def tell_unknown(self) -> None:
        self.stand_in.tell(self.maya, "thought_read", {"thought_read": {"thought": "hm"}})

    async def say(self, text: str) -> str:
        return self.maya.say(text).id

    async def attach(self, kind: AttachmentKind, content: bytes, mime_type: str) -> tuple[str, bytes]:
        if kind is AttachmentKind.STICKER:
            thumb = self.maya.like()
            return thumb.id, self.maya.file(thumb)
        return self.maya.send_media(content, mime_type, _WIRE[kind]).id, content

    async def tap(self, bubble: Bubble, label: str) -> None:
        if label in bubble.rows:
            self.maya.choose(bubble.id, label)
        else:
            self.maya.tap(bubble.id, label)

    async def edit(self, message: str, text: str) -> None:
        self.maya.edit(message, text)

    async def react(self, bubble: Bubble) -> None:
        self.maya.react(bubble.id, "👍")

    async def read(self) -> None:
        self.maya.read()

    async def pass_time(self, seconds: float) -> None:
        self.clock.move(timedelta(seconds=seconds))

    def shown(self) -> list[Bubble]:
        return [self._bubble(each) for each in self.maya.chat if each.from_page]

    def _bubble(self, message: ChatMessage) -> Bubble:
        template = message.template or {}
        return Bubble(
            id=message.id,
            text=message.text or str(template.get("text", "")),
            buttons=tuple(each.title for each in message.buttons),
            rows=tuple(each.title for each in message.quick_replies),
            file=self.maya.file(message) if message.attachments else None,
        )

    def reactions(self, message: str) -> Sequence[str]:
        return [emoji for who, emoji in self.maya.message(message).reactions if who == "page"]

    def typing(self) -> bool:
        return self.maya.typing

    def is_post(self, call: str) -> bool:
        return call == "messages"

    def is_download(self, call: str) -> bool:
        return call == "attachment"

    async def settled(self) -> None:
        await self.stand_in.settled()


@asynccontextmanager
async def messenger() -> AsyncIterator[Platform]:
    script, inbox, clock = Script(), NotingInbox(), MovableClock()
    resources = memory_resources(clock=clock)
    stand_in = MessengerStandIn(
        clock=clock, faults=script, pauses=RetryPauses(first=0.005, longest=0.02, tries=50)
    )
    root = web.Application()
    root.add_subapp("/graph", stand_in.app())
    async with served(root) as url, open_webhook() as webhook:
        stand_in.url = f"{url}/graph"
        settings = AccountSettings(
            account="page",
            serves="customers",
            mode="webhook",
            api_url=f"{url}/graph",
            public_url=webhook.url,
            secrets={
                "page_token": stand_in.token,
                "app_secret": stand_in.app_secret,
                "verify_token": stand_in.verify_token,
            },
            options={"page_id": stand_in.page_id},
        )
        connector = channel.open(settings, resources)
        webhook.serve(connector.routes(inbox))
        await stand_in.configure(f"{webhook.url}{connector.routes(inbox)[0].path}")
        if isinstance(connector, Registers):
            await connector.register()
        maya = stand_in.customer("Maya Fischer")
        yield Messenger(
            channel, connector, inbox, resources, script, stand_in=stand_in, maya=maya, clock=clock
        )
        await stand_in.close()
        await connector.close()
