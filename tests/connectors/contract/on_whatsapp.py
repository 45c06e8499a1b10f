"""A business number on WhatsApp, and the phone of one customer."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from aiohttp import web

from bot.core.connector import AccountSettings, RawRequest
from bot.core.events import AttachmentKind
from bot.core.outbound import Template
from connectors.meta import sign
from connectors.sandbox.meta.clock import MovableClock
from connectors.sandbox.whatsapp import Phone, RetryPauses, WhatsAppStandIn
from connectors.sandbox.whatsapp.model import ChatMessage
from connectors.whatsapp import channel
from tests.connectors.contract.platform import Bubble, NotingInbox, Platform, Script, open_webhook, served
from tests.connectors.resources import memory_resources

_WIRE = {AttachmentKind.PHOTO: "image", AttachmentKind.VOICE: "audio"}


@dataclass
class WhatsApp(Platform):
    stand_in: WhatsAppStandIn = None  # type: ignore[assignment]
    maya: Phone = None  # type: ignore[assignment]
    clock: MovableClock = None  # type: ignore[assignment]

    def _request(self, body: object, secret: str = "") -> RawRequest:
        raw = json.dumps(body).encode()
        return RawRequest({"x-hub-signature-256": sign(secret or self.stand_in.app_secret, raw)}, raw)

    def forged(self) -> Sequence[RawRequest]:
        said = {"object": "whatsapp_business_account", "entry": []}
        unsigned = RawRequest({}, json.dumps(said).encode())
        return self._request(said, "another-secret"), unsigned

    def empty(self) -> Sequence[RawRequest]:
        nothing = {"object": "whatsapp_business_account"}
        return tuple(
            self._request({**nothing, "entry": entry}) for entry in ([], [{"id": "1", "changes": []}])
        )

    async def tell_unknown(self) -> None:
        self.stand_in.tell("thought_read", {"thought": "hm"})
        self.maya.send_unsupported()

    async def say(self, text: str) -> str:
        return self.maya.say(text).id

    async def attach(self, kind: AttachmentKind, content: bytes, mime_type: str) -> tuple[str, bytes]:
        if kind is AttachmentKind.LOCATION:
            return self.maya.location(52.52, 13.4).id, content
        if kind is AttachmentKind.CONTACT:
            return self.maya.contact("Maya Fischer", "+49 30 123").id, content
        voice = kind is AttachmentKind.VOICE
        return self.maya.send_media(content, mime_type, _WIRE.get(kind, kind.value), voice=voice).id, content

    async def tap(self, bubble: Bubble, label: str) -> None:
        if label in bubble.rows:
            self.maya.choose(bubble.id, label)
        else:
            self.maya.tap(bubble.id, label)

    async def react(self, bubble: Bubble) -> None:
        self.maya.react(bubble.id, "👍")

    async def read(self) -> None:
        self.maya.read()

    async def leave(self) -> None:
        self.stand_in.refuse_next(131026, late=True)

    async def pass_time(self, seconds: float) -> None:
        self.clock.move(timedelta(seconds=seconds))

    def shown(self) -> list[Bubble]:
        return [self._bubble(each) for each in self.maya.chat if each.from_business]

    def _bubble(self, message: ChatMessage) -> Bubble:
        return Bubble(
            id=message.id,
            text=message.text,
            buttons=tuple(each.title for each in message.choices if each.kind in ("reply", "quick_reply")),
            rows=tuple(each.title for each in message.choices if each.kind == "row"),
            file=self.maya.file(message) if message.file_id else None,
            is_fact=message.kind in ("location", "contacts"),
        )

    def reactions(self, message: str) -> Sequence[str]:
        return [emoji for who, emoji in self.maya.message(message).reactions if who == "business"]

    def typing(self) -> bool:
        return self.maya.typing

    def template(self) -> Template:
        found = next(each for each in self.stand_in.templates if each.name == "hello_world")
        return Template(found.name, found.language)

    def is_post(self, call: str) -> bool:
        return call == "messages"

    def is_download(self, call: str) -> bool:
        return call == "media_url"

    async def settled(self) -> None:
        await self.stand_in.settled()


@asynccontextmanager
async def whatsapp() -> AsyncIterator[Platform]:
    script, inbox, clock = Script(), NotingInbox(), MovableClock()
    resources = memory_resources(clock=clock)
    stand_in = WhatsAppStandIn(
        clock=clock,
        faults=script,
        pauses=RetryPauses(first=0.005, longest=0.02, tries=50),
        late_refusals=False,
    )
    root = web.Application()
    root.add_subapp("/graph", stand_in.app())
    async with served(root) as url, open_webhook() as webhook:
        settings = AccountSettings(
            account="support-number",
            serves="customers",
            mode="webhook",
            api_url=f"{url}/graph",
            public_url=webhook.url,
            secrets={
                "access_token": stand_in.token,
                "app_secret": stand_in.app_secret,
                "verify_token": stand_in.verify_token,
            },
            options={"phone_number_id": "106540352242922", "business_account_id": "102290129340398"},
        )
        connector = channel.open(settings, resources)
        webhook.serve(connector.routes(inbox))
        await stand_in.configure(f"{webhook.url}{connector.routes(inbox)[0].path}")
        maya = stand_in.customer("Maya Fischer", "+49 151 1234567")
        yield WhatsApp(
            channel, connector, inbox, resources, script, stand_in=stand_in, maya=maya, clock=clock
        )
        await stand_in.close()
        await connector.close()
