"""A Telegram stand-in behind a real server, a bot on the real library, and a webhook that listens."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from telegram import Bot

from connectors.sandbox.telegram import RetryPauses, TelegramStandIn

Refuse = Callable[[int, dict[str, object]], int]


@dataclass
class Rig:
    stand_in: TelegramStandIn
    server: TestServer
    bot: Bot

    @property
    def api(self) -> str:
        return str(self.server.make_url(f"/telegram/bot{self.stand_in.token}"))


@dataclass
class Listener:
    """The product's end of the webhook. `answer` gives the status for the n-th post (from 0) of an update."""

    answer: Refuse = lambda _, __: 200
    updates: list[dict[str, object]] = field(default_factory=list)  # those answered with 200
    posts: int = 0
    secrets: list[str | None] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    hold: Awaitable[None] | None = None

    async def take(self, request: web.Request) -> web.Response:
        update = json.loads(await request.read())
        number, self.posts = self.posts, self.posts + 1
        self.secrets.append(request.headers.get("X-Telegram-Bot-Api-Secret-Token"))
        status = self.answer(number, update)
        if status == 200:
            self.updates.append(update)
        self.arrived.set()
        return web.Response(status=status)

    async def until(self, count: int) -> None:
        async with asyncio.timeout(120):
            while len(self.updates) < count:
                self.arrived.clear()
                await self.arrived.wait()


@asynccontextmanager
async def running(stand_in: TelegramStandIn) -> AsyncIterator[Rig]:
    root = web.Application()
    root.add_subapp("/telegram", stand_in.app())
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(TestServer(root))
        base = str(server.make_url("/telegram"))
        bot = Bot(stand_in.token, base_url=f"{base}/bot", base_file_url=f"{base}/file/bot")
        await stack.enter_async_context(bot)
        yield Rig(stand_in, server, bot)


@pytest.fixture(autouse=True)
def _durations_as_timedelta(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PTB_TIMEDELTA", "true")  # else the library warns of its own future


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with running(TelegramStandIn(pauses=RetryPauses(first=0.005, longest=0.02))) as made:
        yield made


@pytest.fixture
async def listener() -> AsyncIterator[tuple[Listener, str]]:
    heard = Listener()
    app = web.Application()
    app.router.add_post("/hook", heard.take)
    async with TestServer(app) as server:
        yield heard, str(server.make_url("/hook"))
