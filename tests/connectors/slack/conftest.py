"""The connector between a Slack stand-in on one side and a bus that takes notes on the other."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web

from bot.core.commands import CommandAnswer, Table
from bot.core.connector import AccountSettings, ChatCommand, RawRequest, RawResponse, Resources, Route
from bot.core.errors import DeskError, ForgedRequest, MalformedPayload, StorageUnavailable
from bot.core.events import Channel, Event, Place
from bot.core.ids import DeliveryId, new_id
from bot.core.outbound import Operation, Outbound
from connectors.sandbox.fault import Fault
from connectors.sandbox.slack import SlackStandIn
from connectors.slack.connector import SlackConnector
from connectors.slack.signature import sign

BOT_TOKEN, APP_TOKEN, SECRET = "xoxb-test", "xapp-test", "a-signing-secret"
BOT = "U0SANDBOX"


@dataclass
class NotedInbox:
    """A bus that keeps what it is given, once for each id, and can be told to fail first."""

    events: list[Event] = field(default_factory=list)
    commands: list[ChatCommand] = field(default_factory=list)
    failures: int = 0
    answer: str = "**Fine**"
    words: str = ""
    tables: tuple[Table, ...] = ()
    gate: asyncio.Event | None = None  # a command waits for it
    arrived: asyncio.Condition = field(default_factory=asyncio.Condition)
    calls: int = 0

    async def accept(self, events: Sequence[Event]) -> None:
        self.calls += 1
        if self.failures:
            self.failures -= 1
            raise StorageUnavailable("the database is away")
        known = {event.external_id for event in self.events}
        self.events += [event for event in events if event.external_id not in known]
        async with self.arrived:
            self.arrived.notify_all()

    async def command(self, command: ChatCommand) -> CommandAnswer:
        self.commands.append(command)
        if self.gate is not None:
            await self.gate.wait()
        return CommandAnswer(self.answer, self.words, self.tables)

    async def event(self, number: int = 1) -> Event:
        """The event of that number, as soon as it is there."""
        async with asyncio.timeout(120), self.arrived:
            await self.arrived.wait_for(lambda: len(self.events) >= number)
        return self.events[number - 1]


@dataclass
class Script:
    """Faults by the call they hit, each once, and what people do just before a call; every call that came."""

    faults: dict[str, list[Fault]] = field(default_factory=dict)
    deeds: dict[str, Callable[[], None]] = field(default_factory=dict)
    copies: tuple[float, ...] = (0.0,)
    calls: list[str] = field(default_factory=list)
    came: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def called(self, call: str, times: int) -> None:
        async with asyncio.timeout(120), self.came:
            await self.came.wait_for(lambda: self.calls.count(call) >= times)

    async def before(self, platform: str, call: str) -> Fault | None:  # noqa: ARG002
        self.calls.append(call)
        if deed := self.deeds.pop(call, None):
            deed()
        async with self.came:
            self.came.notify_all()
        waiting = self.faults.get(call, [])
        return waiting.pop(0) if waiting else None

    def deliveries(self, platform: str, kind: str) -> Sequence[float]:  # noqa: ARG002
        return self.copies


async def until(true: Callable[[], object]) -> None:
    """Wait for what other tasks bring about."""
    async with asyncio.timeout(120):
        while not true():  # noqa: ASYNC110 - it lives on the other side of a wire
            await asyncio.sleep(0.01)


@dataclass
class Kept:
    """A file store in memory."""

    files: dict[str, bytes]
    url: str = ""

    async def open(self, file: str) -> AsyncIterator[bytes]:
        content = self.files[file]
        for start in range(0, len(content), 1000):
            yield content[start : start + 1000]

    def link(self, file: str) -> str:
        return f"{self.url}/{file}" if self.url else ""


@dataclass
class Safe:
    """A vault in memory, which lets others come between two calls as a database does."""

    values: dict[str, str] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)  # how often it is away when a name is swapped

    async def get(self, name: str) -> str | None:
        await asyncio.sleep(0)
        return self.values.get(name)

    async def put(self, name: str, value: str) -> None:
        await asyncio.sleep(0)
        self.values[name] = value

    async def swap(self, name: str, known: str | None, value: str) -> bool:
        await asyncio.sleep(0)
        if self.failures.get(name, 0):
            self.failures[name] -= 1
            raise StorageUnavailable("the database is away")
        if self.values.get(name) != known:
            return False
        self.values[name] = value
        return True

    async def delete(self, name: str) -> None:
        self.values.pop(name, None)

    async def names(self, prefix: str) -> Sequence[str]:
        return sorted(name for name in self.values if name.startswith(prefix))


def status_of(error: DeskError) -> int:
    match error:
        case ForgedRequest():
            return 401
        case MalformedPayload():
            return 400
        case _:
            return 503


def web_handler(route: Route) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        try:
            answer = await route.handle(
                RawRequest(headers, await request.read(), request.method, dict(request.query))
            )
        except DeskError as error:
            return web.Response(status=status_of(error))
        return web.Response(
            status=answer.status, body=answer.body, content_type=answer.content_type, headers=answer.headers
        )

    return handle


async def started(app: web.Application) -> tuple[web.AppRunner, str]:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    return runner, f"http://{host}:{port}"


@dataclass
class Desk:
    slack: SlackStandIn
    connector: SlackConnector
    inbox: NotedInbox
    script: Script
    settings: AccountSettings
    support: str
    files: dict[str, bytes]

    def place(self, thread: str = "", chat: str = "") -> Place:
        return Place(Channel("slack"), self.settings.account, chat or self.support, thread)

    def outbound(self, operation: Operation, thread: str = "", *, chat: str = "", part: int = 0) -> Outbound:
        return Outbound(DeliveryId(new_id()), self.place(thread, chat), operation, part)

    def other(self, *, mode: str) -> SlackConnector:
        return connector_of(replace(self.settings, mode=mode), self.files)


def connector_of(
    settings: AccountSettings, files: dict[str, bytes], answer_within: timedelta = timedelta(seconds=2)
) -> SlackConnector:
    return SlackConnector(settings, Resources(files=Kept(files), vault=Safe()), answer_within=answer_within)


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with a_desk() as made:
        yield made


@pytest.fixture
async def slow_desk() -> AsyncIterator[Desk]:
    """A desk whose commands are never answered in time."""
    async with a_desk(answer_within=timedelta()) as made:
        yield made


@asynccontextmanager
async def a_desk(
    answer_within: timedelta = timedelta(seconds=2), ack_timeout: timedelta = timedelta(seconds=5)
) -> AsyncIterator[Desk]:
    """Over HTTP, with everything real but Slack and the bus."""
    script = Script()
    slack = SlackStandIn(
        bot_token=BOT_TOKEN,
        app_token=APP_TOKEN,
        signing_secret=SECRET,
        bot_user=BOT,
        faults=script,
        ack_timeout=ack_timeout,
        retry_delays=(timedelta(0),) * 3,
    )
    slack.add_user("ana", real_name="Ana Duarte", user_id="U0ANA")
    slack.add_user("ben", real_name="Ben Okoye", user_id="U0BEN")
    support = slack.add_channel("support", private=True, members=["ana", "ben"]).id
    sandbox = web.Application()
    sandbox.add_subapp("/sandbox/slack", slack.app())
    slack_runner, slack_url = await started(sandbox)
    settings = AccountSettings(
        account="slack",
        serves="staff",
        mode="webhook",
        api_url=f"{slack_url}/sandbox/slack/api/",
        path="/hooks/slack",
        secrets={"bot_token": BOT_TOKEN, "app_token": APP_TOKEN, "signing_secret": SECRET},
    )
    files: dict[str, bytes] = {}
    connector, inbox = connector_of(settings, files, answer_within), NotedInbox()
    ours = web.Application()
    for route in connector.routes(inbox):
        ours.router.add_post(route.path, web_handler(route))
    runner, url = await started(ours)
    slack.configure_http(
        events_url=f"{url}/hooks/slack/events",
        interactions_url=f"{url}/hooks/slack/interactions",
        commands_url=f"{url}/hooks/slack/commands",
    )
    await slack.settled()  # the joining of the channel, which nobody needs to know
    yield Desk(slack, connector, inbox, script, settings, support, files)
    await slack.settled()
    await runner.cleanup()
    await connector.close()
    await slack_runner.cleanup()


@dataclass
class Hook:
    """One of the connector's handlers, called with bytes that we sign ourselves."""

    handle: Callable[[RawRequest], Awaitable[RawResponse]]

    async def post(
        self,
        body: bytes,
        *,
        content_type: str = "application/json",
        secret: str = SECRET,
        age: timedelta = timedelta(),
        **headers: str,
    ) -> RawResponse:
        stamp = str(int((datetime.now(UTC) - age).timestamp()))
        signed = {
            "content-type": content_type,
            "x-slack-request-timestamp": stamp,
            "x-slack-signature": sign(secret, stamp, body),
        }
        return await self.handle(
            RawRequest(signed | {name.replace("_", "-"): value for name, value in headers.items()}, body)
        )

    async def send(self, payload: object) -> RawResponse:
        return await self.post(json.dumps(payload).encode())


@pytest.fixture
def hook(desk: Desk) -> Hook:
    return Hook(desk.connector.routes(desk.inbox)[0].handle)
