"""A stand-in behind a real server, and slack_sdk pointed at it."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web
from slack_sdk.web.async_client import AsyncWebClient

from connectors.sandbox.fault import Fault
from connectors.sandbox.rate_limit import Rate
from connectors.sandbox.slack import CountedIds, SlackStandIn

BOT_TOKEN = "xoxb-sandbox"
APP_TOKEN = "xapp-sandbox"
SECRET = "8f742231b10e8888abcd99yyyzzz85a5"


class HandClock:
    """A clock that stands until it is pushed."""

    def __init__(self) -> None:
        self.now = datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def push(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass
class Script:
    """Faults in the order they are to strike; a good day when the list is empty."""

    calls: list[Fault] = field(default_factory=list)
    events: list[Sequence[float]] = field(default_factory=list)

    async def before(self, platform: str, call: str) -> Fault | None:  # noqa: ARG002
        return self.calls.pop(0) if self.calls else None

    def deliveries(self, platform: str, kind: str) -> Sequence[float]:  # noqa: ARG002
        return self.events.pop(0) if self.events else (0.0,)


class Server:
    """Runs one aiohttp application on a free loopback port."""

    def __init__(self, app: web.Application) -> None:
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        self.url = ""

    async def start(self) -> str:
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return self.url

    async def stop(self) -> None:
        await self._runner.cleanup()


@dataclass
class Sandbox:
    slack: SlackStandIn
    client: AsyncWebClient
    clock: HandClock
    script: Script
    url: str
    support: str
    random: str


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def rate() -> Rate | None:
    return None


@pytest.fixture
async def sandbox(script: Script, clock: HandClock, rate: Rate | None) -> AsyncIterator[Sandbox]:
    """Mounted below a path, as the product mounts it."""
    slack = SlackStandIn(
        bot_token=BOT_TOKEN,
        app_token=APP_TOKEN,
        signing_secret=SECRET,
        faults=script,
        clock=clock,
        ids=CountedIds(),
        post_rate=rate,
        ack_timeout=timedelta(seconds=2),
        retry_delays=(timedelta(0),) * 3,
    )
    slack.add_user("ana", real_name="Ana Duarte", email="ana@example.com", user_id="U0ANA")
    slack.add_user("ben", real_name="Ben Okoye", email="ben@example.com", user_id="U0BEN")
    support = slack.add_channel("support", private=True, members=["ana", "ben"]).id
    random = slack.add_channel("random", members=["ana"], with_app=False).id
    app = web.Application()
    app.add_subapp("/sandbox/slack", slack.app())
    server = Server(app)
    url = f"{await server.start()}/sandbox/slack"
    client = AsyncWebClient(token=BOT_TOKEN, base_url=f"{url}/api/")
    yield Sandbox(slack, client, clock, script, url, support, random)
    await server.stop()
