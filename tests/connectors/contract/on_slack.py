"""An app over HTTP: for the staff in #support, and for customers who come into #acme by Slack Connect."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from bot.core.connector import AccountSettings, Connector, RawRequest
from bot.core.events import AttachmentKind, Event
from bot.core.outbound import Button, Card, CardTone
from connectors.sandbox.slack import SlackStandIn, User
from connectors.sandbox.slack.files import Upload
from connectors.slack import channel
from connectors.slack.signature import sign
from tests.connectors.contract.platform import Bubble, NotingInbox, Platform, Script, open_webhook, served
from tests.connectors.resources import MemoryMeans, memory_resources

BOT_TOKEN, APP_TOKEN, SECRET = "xoxb-test", "xapp-test", "a-signing-secret"
BOT = "U0SANDBOX"
_NAMES = {
    AttachmentKind.PHOTO: "a.png",
    AttachmentKind.DOCUMENT: "a.pdf",
    AttachmentKind.AUDIO: "a.mp3",
    AttachmentKind.VIDEO: "a.mp4",
    AttachmentKind.VOICE: "a.m4a",
}


@dataclass
class Slack(Platform):
    slack: SlackStandIn = None  # type: ignore[assignment]
    who: str = ""
    room: str = ""

    def _request(self, body: object, secret: str = SECRET, age: timedelta = timedelta()) -> RawRequest:
        raw = json.dumps(body).encode()
        stamp = str(int((datetime.now(UTC) - age).timestamp()))
        return RawRequest(
            {
                "content-type": "application/json",
                "x-slack-request-timestamp": stamp,
                "x-slack-signature": sign(secret, stamp, raw),
            },
            raw,
        )

    def _event(self, event: dict[str, Any], number: int = 1) -> dict[str, Any]:
        return {
            "type": "event_callback",
            "event_id": f"Ev{number:08d}",
            "event_time": 1,
            "team_id": "T0SANDBOX",
            "api_app_id": "A0SANDBOX",
            "event": event,
        }

    def forged(self) -> Sequence[RawRequest]:
        said = self._event(
            {"type": "message", "channel": self.room, "user": self.who, "text": "x", "ts": "1.1"}
        )
        unsigned = RawRequest({"content-type": "application/json"}, json.dumps(said).encode())
        return self._request(said, "another-secret"), self._request(said, age=timedelta(hours=1)), unsigned

    def empty(self) -> Sequence[RawRequest]:
        return (self._request(self._event({})),)

    async def tell_unknown(self) -> None:
        await self.connector.routes(self.inbox)[0].handle(
            self._request(
                self._event({"type": "thought_read", "user": self.who, "channel": self.room, "ts": "1.1"})
            )
        )

    async def say(self, text: str) -> str:
        return self.slack.post_as(self.who, self.room, text)

    async def attach(self, kind: AttachmentKind, content: bytes, mime_type: str) -> tuple[str, bytes]:
        ts = self.slack.post_as(self.who, self.room, "", files=[Upload(_NAMES[kind], content, mime_type)])
        return await self._recorded(ts) if kind is AttachmentKind.VOICE else ts, content

    async def _recorded(self, ts: str) -> str:
        """The same file, said to have been recorded in Slack: the stand-in has no microphone."""
        message = next(each for each in self._messages() if each["ts"] == ts)
        files = [{**file, "subtype": "slack_audio"} for file in message["files"]]
        event = {**message, "files": files, "ts": "1900000000.000100", "channel": self.room}
        await self.connector.routes(self.inbox)[0].handle(self._request(self._event(event, 2)))
        return str(event["ts"])

    async def tap(self, bubble: Bubble, label: str) -> None:
        found = next(message for message in self._ours() if message["ts"] == bubble.id)
        button = next(each for each in _buttons(found) if each["text"]["text"] == label)
        assert (await self.slack.click(self.who, self.room, bubble.id, button["action_id"])).taken

    async def edit(self, message: str, text: str) -> None:
        self.slack.edit_as(self.who, self.room, message, text)

    async def delete(self, message: str) -> None:
        self.slack.delete_as(self.who, self.room, message)

    async def react(self, bubble: Bubble) -> None:
        self.slack.react_as(self.who, self.room, bubble.id, "thumbsup")

    async def submit_form(self) -> None:
        hello = await self.greeted()
        card = Card(
            title="A matter",
            speaking="Nobody",
            tone=CardTone.CALM,
            facts=(),
            buttons=(Button("assign", "e-1", "Assign"),),
        )
        (sent,) = await self.deliver(hello, card)
        assert (await self.slack.click(self.who, self.room, sent.message, "assign:0")).taken
        (view,) = self.slack.views(self.who)
        outcome = await self.slack.submit_view(self.who, view["id"], {"person": {"answer": "U0ANA"}})
        assert outcome.taken

    def _messages(self) -> list[dict[str, Any]]:
        """Those in threads as well, each once."""
        roots = self.slack.messages(self.room)
        threads = [self.slack.messages(self.room, root["ts"]) for root in roots]
        return list({each["ts"]: each for thread in threads for each in thread}.values())

    def _ours(self) -> list[dict[str, Any]]:
        return [each for each in self._messages() if each.get("bot_id")]

    def shown(self) -> list[Bubble]:
        return [self._bubble(message) for message in self._ours()]

    def _bubble(self, message: dict[str, Any]) -> Bubble:
        files = message.get("files") or []
        return Bubble(
            id=message["ts"],
            text=message.get("text", ""),
            buttons=tuple(button["text"]["text"] for button in _buttons(message)),
            file=self.slack.file_content(files[0]["id"]) if files else None,
        )

    def reactions(self, message: str) -> Sequence[str]:
        found = next(each for each in self._messages() if each["ts"] == message)
        return [each["name"] for each in found.get("reactions", []) if BOT in each["users"]]

    def whispers(self) -> Sequence[str]:
        return [each.text for each in self.slack.ephemerals(self.who)]

    def is_post(self, call: str) -> bool:
        return call in ("chat.postMessage", "files.completeUploadExternal")

    def is_download(self, call: str) -> bool:
        return call == "download"

    async def settled(self) -> None:
        await self.slack.settled()


def _buttons(message: dict[str, Any]) -> list[dict[str, Any]]:
    rows = [block for block in message.get("blocks", []) if block["type"] == "actions"]
    return [element for row in rows for element in row["elements"]]


@dataclass
class SlackOfCustomers(Slack):
    _pane: tuple[str, str] = ("", "")

    async def where_typing_shows(self, hello: Event) -> Event:
        self._pane = (self.room, hello.place.thread)
        return hello

    def typing(self) -> bool:
        return self.slack.pane(*self._pane).get("session") == "processing"


@asynccontextmanager
async def slack_of_staff() -> AsyncIterator[Platform]:
    async with _slack("staff") as (stand_in, connector, inbox, resources, script):
        stand_in.add_user("ana", real_name="Ana Duarte", user_id="U0ANA")
        room = stand_in.add_channel("support", private=True, members=["ana"]).id
        await stand_in.settled()
        yield Slack(channel, connector, inbox, resources, script, slack=stand_in, who="U0ANA", room=room)


@asynccontextmanager
async def slack_of_customers() -> AsyncIterator[Platform]:
    async with _slack("customers") as (stand_in, connector, inbox, resources, script):
        stand_in.add_user("ana", real_name="Ana Duarte", user_id="U0ANA")
        ada = User(id="U0ACME", name="ada", real_name="Ada", team_id="T0ACME")
        room = stand_in.connect_channel("acme", [ada], ["ana"]).id
        await stand_in.settled()
        yield SlackOfCustomers(
            channel, connector, inbox, resources, script, slack=stand_in, who="U0ACME", room=room
        )


_Parts = tuple[SlackStandIn, Connector, NotingInbox, MemoryMeans, Script]


@asynccontextmanager
async def _slack(serves: str) -> AsyncIterator[_Parts]:
    script, inbox, resources = Script(), NotingInbox(), memory_resources()
    stand_in = SlackStandIn(
        bot_token=BOT_TOKEN,
        app_token=APP_TOKEN,
        signing_secret=SECRET,
        bot_user=BOT,
        faults=script,
        ack_timeout=timedelta(seconds=5),
        retry_delays=(timedelta(0),) * 3,
    )
    root = web.Application()
    root.add_subapp("/sandbox/slack", stand_in.app())
    async with served(root) as url, open_webhook() as webhook:
        settings = AccountSettings(
            account="slack",
            serves=serves,
            mode="webhook",
            api_url=f"{url}/sandbox/slack/api/",
            path="/hooks/slack",
            public_url=webhook.url,
            secrets={"bot_token": BOT_TOKEN, "app_token": APP_TOKEN, "signing_secret": SECRET},
        )
        connector = channel.open(settings, resources)
        webhook.serve(connector.routes(inbox))
        base = f"{webhook.url}/hooks/slack"
        stand_in.configure_http(
            events_url=f"{base}/events",
            interactions_url=f"{base}/interactions",
            commands_url=f"{base}/commands",
        )
        await connector.check()  # by which the stand-in learns its own address
        yield stand_in, connector, inbox, resources, script
        await stand_in.settled()
        await connector.close()
