"""A Page's connector, requests signed as Meta signs them, and a server that answers as the Graph API does."""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from aiohttp import web

from bot.core.commands import CommandAnswer
from bot.core.connector import AccountSettings, ChatCommand, RawRequest, Resources
from bot.core.events import Event, Place
from bot.core.ids import DeliveryId
from bot.core.outbound import Operation, Outbound
from connectors.messenger import channel
from connectors.messenger.connector import MessengerConnector
from tests.connectors.resources import memory_resources

Json = dict[str, object]

PAGE = "112233445566778"
PSID = "24871550012345678"
TOKEN = "EAAG-page-token"
SECRET = "app-secret-of-ours"
VERIFY = "a verify token"
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SENT_AT = datetime(2026, 11, 22, 11, 59, 30, 250_000, tzinfo=UTC)
STAMP = 1795348770250  # SENT_AT, as Messenger counts
ACCOUNT = "page"


def settings(api_url: str = "http://127.0.0.1:1", **changes: object) -> AccountSettings:
    values: dict[str, object] = {
        "account": ACCOUNT,
        "serves": "customers",
        "mode": "webhook",
        "api_url": api_url,
        "public_url": "https://desk.example",
        "path": "/hooks/messenger/page",
        "secrets": {"page_token": TOKEN, "app_secret": SECRET, "verify_token": VERIFY},
        "options": {"page_id": PAGE},
    }
    return AccountSettings(**(values | changes))  # type: ignore[arg-type]


def connector(
    api_url: str = "http://127.0.0.1:1", resources: Resources | None = None, **changes: object
) -> MessengerConnector:
    opened = channel.open(settings(api_url, **changes), resources or memory_resources(clock=lambda: NOW))
    assert isinstance(opened, MessengerConnector)
    return opened


# What comes in


def entry(*items: Json, page: str = PAGE, **more: object) -> Json:
    return {"id": page, "time": STAMP + 400, "messaging": list(items), **more}


def item(*, sender: str = PSID, recipient: str = PAGE, **what: object) -> Json:
    return {"sender": {"id": sender}, "recipient": {"id": recipient}, "timestamp": STAMP, **what}


def body(*entries: Json) -> bytes:
    return json.dumps({"object": "page", "entry": list(entries)}).encode()


def signed(content: bytes, secret: str = SECRET) -> RawRequest:
    signature = hmac.new(secret.encode(), content, hashlib.sha256).hexdigest()
    return RawRequest(headers={"x-hub-signature-256": f"sha256={signature}"}, body=content)


def parsed(*items: Json, page: MessengerConnector | None = None) -> tuple[Event, ...]:
    return (page or connector()).parse(signed(body(entry(*items))))


def one(**what: object) -> Event:
    """The event of one item from Maya to the Page."""
    (event,) = parsed(item(**what))
    return event


@dataclass
class Inbox:
    """Keeps what it accepts, or raises what it is told to."""

    raises: list[Exception] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    async def accept(self, events: Sequence[Event]) -> None:
        if self.raises:
            raise self.raises.pop(0)
        self.events.extend(events)

    async def command(self, command: ChatCommand) -> CommandAnswer:
        raise AssertionError(f"no command is typed on Messenger: {command.text}")


# What goes out


def outbound(operation: Operation, part: int = 0) -> Outbound:
    return Outbound(DeliveryId(UUID(int=7)), Place(channel.name, ACCOUNT, PSID), operation, part)


@dataclass(frozen=True, slots=True)
class Call:
    method: str
    path: str  # without the version
    query: Mapping[str, str]
    token: str
    json: Json = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)
    file: bytes = b""
    file_name: str = ""
    file_type: str = ""


@dataclass
class Graph:
    """Answers what the tests put into `answers`, by turns, and else as when all is well."""

    answers: list[web.StreamResponse | Exception] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    page: Json = field(default_factory=lambda: {"id": PAGE, "name": "Brightdesk"})
    apps: list[Json] = field(default_factory=list)
    people: dict[str, Json] = field(default_factory=dict)
    profile: list[Json] = field(default_factory=list)

    def app(self) -> web.Application:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_get("/cdn/{name:.*}", self._file)
        app.router.add_route("*", "/{version:v[0-9.]+}/{path:.*}", self._graph)
        return app

    def refuse(self, code: int, subcode: int = 0, status: int = 400, **headers: str) -> None:
        error = {"message": "(#" + str(code) + ") secret words", "code": code, "error_subcode": subcode}
        self.answers.append(web.json_response({"error": error}, status=status, headers=headers))

    async def _file(self, request: web.Request) -> web.StreamResponse:
        self.calls.append(await _call(request, "cdn/" + request.match_info["name"]))
        if self.answers:
            return self._scripted(request)
        content = self.files.get(request.match_info["name"])
        return web.Response(body=content) if content is not None else web.Response(status=404)

    async def _graph(self, request: web.Request) -> web.StreamResponse:
        call = await _call(request, request.match_info["path"])
        self.calls.append(call)
        if self.answers:
            return self._scripted(request)
        if call.path.endswith("/subscribed_apps"):
            return web.json_response({"success": True} if call.method == "POST" else {"data": self.apps})
        if call.path.endswith("/message_attachments"):
            return web.json_response({"attachment_id": "1857777774821032"})
        if call.path.endswith("/messenger_profile"):
            self.profile += [call.json] if call.method == "POST" else []
            return web.json_response({"data": self.profile})
        if call.path in self.people:
            return web.json_response(self.people[call.path])
        if call.path == "me":
            return web.json_response(self.page)
        if "sender_action" in call.json:
            return web.json_response({"recipient_id": PSID})
        return web.json_response({"recipient_id": PSID, "message_id": f"m_{len(self.calls)}"})

    def _scripted(self, request: web.Request) -> web.StreamResponse:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            assert request.transport is not None
            request.transport.abort()
            raise answer
        return answer

    @property
    def sent(self) -> list[Json]:
        """The bodies that were posted as messages."""
        return [call.json for call in self.calls if call.path == f"{PAGE}/messages"]


async def _call(request: web.Request, path: str) -> Call:
    query, token = dict(request.query), request.headers.get("Authorization", "")
    if request.content_type == "application/json" and request.can_read_body:
        return Call(request.method, path, query, token, json=await request.json())
    if request.content_type != "multipart/form-data":
        return Call(request.method, path, query, token)
    posted = await request.post()
    files = [value for value in posted.values() if isinstance(value, web.FileField)]
    return Call(
        request.method,
        path,
        query,
        token,
        form={name: value for name, value in posted.items() if isinstance(value, str)},
        file=files[0].file.read() if files else b"",
        file_name=files[0].filename if files else "",
        file_type=files[0].content_type if files else "",
    )
