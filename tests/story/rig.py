"""A whole desk on real servers, with the stand-ins for the platforms around it."""

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from aiohttp import web

from bot.core.ids import new_id
from bot.run.embedded import Servers
from bot.run.embedded.kept import free_port
from bot.run.processes import listening, running
from bot.run.settings import Settings, parse
from bot.run.web import web_app
from bot.run.wiring import House, house
from connectors.sandbox.server import Sandbox
from orgs.articles import Article
from orgs.documents import from_document, to_document
from orgs.loading import Loaded, load
from storage.database import Database
from storage.keys import Keys
from storage.organizations import apply
from storage.sealing import Keyring

ROOT = Path(__file__).parents[2]
KEY = base64.b64encode(b"k" * 32).decode()
SAMPLE = ROOT / "orgs" / "samples" / "saas-support"
Change = Callable[[dict[str, object]], None]


@dataclass
class Rig:
    """The people around a desk, and the desk."""

    sandbox: Sandbox
    settings: Settings
    desks: list[House] = field(default_factory=list)
    maya: object = None
    page: str = ""  # the sandbox's page, for a browser

    @property
    def phone(self):
        return self.sandbox.telegram

    @property
    def slack(self):
        return self.sandbox.slack

    def heard(self, user: object = None) -> list[str]:
        """What the customer reads from us, oldest first."""
        chat = self.phone.chat(user or self.maya)
        return [message.text for message in chat if message.from_bot]

    def threads(self, channel: str) -> list[Mapping[str, object]]:
        """The cards of a channel."""
        return [message for message in self.slack.messages(channel) if "blocks" in message]

    def card(self, channel: str) -> str:
        """The ts of a channel's first card, which is the ts of its thread."""
        return str(self.threads(channel)[0]["ts"])

    async def press(self, person: str, channel: str, ts: str, action: str, message: str = "") -> None:
        """Press a button of a card (or of a message in its thread); its place among the others is ours."""
        found = self.slack.messages(channel, ts) if message else self.slack.messages(channel)
        blocks = next(m for m in found if m["ts"] == (message or ts)).get("blocks", [])
        for block in blocks:
            for element in block.get("elements", []):
                name = str(element.get("action_id", ""))
                if name == action or name.startswith(f"{action}:"):
                    outcome = await self.slack.click(person, channel, message or ts, name)
                    assert outcome.taken, outcome
                    return
        raise AssertionError(f"there is no button {action!r} on {message or ts}")

    def in_thread(self, channel: str, ts: str) -> list[str]:
        return [str(message.get("text", "")) for message in self.slack.messages(channel, ts)]


async def until(true: Callable[[], object], *, seconds: float = 20.0, what: str = "") -> object:
    """Wait until it is true, and say what never was. Polls: what is waited for lives in other tasks."""
    async with asyncio.timeout(seconds + 1):
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while not (value := true()):
            if loop.time() > end:
                raise AssertionError(f"never true within {seconds} s: {what or true}")
            await asyncio.sleep(0.01)
        return value


def quick(document: dict[str, object]) -> None:
    """The sample with waits that a test can bear, and no limits of the platforms."""
    document["quiet_window"] = "40ms"
    policies = dict(document.get("policies") or {})  # type: ignore[call-overload]
    policies["undo"] = "150ms"
    document["policies"] = policies
    document["hours"] = None
    for team in document["teams"]:  # type: ignore[attr-defined]
        team["hours"] = None
    for account in document["accounts"]:  # type: ignore[attr-defined]
        account["limits"] = {"per_second": 10000.0, "per_chat_per_second": 1000.0}


def webhooks(document: dict[str, object]) -> None:
    """Events come by HTTP in place of polling and a socket."""
    for account in document["accounts"]:  # type: ignore[attr-defined]
        account["mode"] = "webhook"


def organization(*changes: Change) -> Loaded:
    """The sample organization, changed."""
    loaded = load(SAMPLE)
    document: dict[str, object] = dict(to_document(loaded.organization))
    for change in changes:
        change(document)
    articles: tuple[Article, ...] = loaded.articles
    return Loaded(organization=from_document(document), articles=articles, warnings=(), digest="test")  # type: ignore[arg-type]


def environment(
    database_url: str, redis_url: str, port: int, sandbox_port: int, sandbox: Sandbox
) -> dict[str, str]:
    known = sandbox.credentials
    base = f"http://127.0.0.1:{sandbox_port}/sandbox"
    return {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "ENCRYPTION_KEY": KEY,
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "TELEGRAM_API_URL": f"{base}/telegram",
        "SLACK_API_URL": f"{base}/slack/api",
        "TELEGRAM_BOT_TOKEN": known.telegram_token,
        "TELEGRAM_WEBHOOK_SECRET": "test-webhook-secret",
        "SLACK_BOT_TOKEN": known.slack_bot_token,
        "SLACK_APP_TOKEN": known.slack_app_token,
        "SLACK_SIGNING_SECRET": known.slack_signing_secret,
        "LOG_LEVEL": "WARNING",
    }


async def install(database_url: str, loaded: Loaded) -> None:
    database = Database(database_url, pool=1)
    try:
        async with database.begin() as connection:
            await apply(connection, Keys(Keyring((b"k" * 32,))), new_id, loaded, by="test", digest="test")
    finally:
        await database.close()


@asynccontextmanager
async def serving(app: web.Application, port: int) -> AsyncIterator[None]:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield
    finally:
        await runner.cleanup()


@asynccontextmanager
async def rig(
    database_url: str,
    redis_url: str,
    *changes: Change,
    customers: tuple[str, ...] = ("Maya Fischer",),
    workers: int = 1,
    sandbox: Sandbox | None = None,
) -> AsyncIterator[Rig]:
    """One process that serves and `workers` that work, all on this loop."""
    await install(database_url, organization(quick, *changes))
    around = sandbox or Sandbox(customers=customers)
    ports = free_port(), free_port()
    settings = parse(environment(database_url, redis_url, ports[0], ports[1], around))
    known = Servers(database_url=database_url, redis_url=redis_url)
    root = web.Application()
    root.add_subapp("/sandbox", around.app())
    built = Rig(around, settings, page=f"http://127.0.0.1:{ports[1]}/sandbox")
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(serving(root, ports[1]))
        base = settings.public_url + "/hooks/slack"
        if any(change is webhooks for change in changes):
            around.configure_slack(f"{base}/events", f"{base}/interactions", f"{base}/commands")
        for n in range(max(1, workers)):
            h = await stack.enter_async_context(house(settings, known))
            if n == 0:
                await stack.enter_async_context(listening(settings, web_app(h)))
            stop = asyncio.Event()
            await stack.enter_async_context(running(h, serves=n == 0, works=True, stop=stop))
            built.desks.append(h)
        if not any(change is webhooks for change in changes):
            async with asyncio.timeout(20):
                await around.slack.socket_connected()  # a press before that would reach nobody
        built.maya = next(iter(around.telegram.users()), None)
        yield built


def seconds(value: float) -> timedelta:
    return timedelta(seconds=value)


Waiter = Awaitable[object]
