"""A whole desk on real servers, with the stand-ins for the platforms around it."""

import asyncio
import base64
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from aiohttp import web

from bot.app.embedded import Servers
from bot.app.health import listening
from bot.app.processes import running
from bot.app.settings import Settings, parse
from bot.app.web import web_app
from bot.app.wiring import Services, services
from bot.core.ids import new_id
from connectors.sandbox.credentials import environment as accounts
from connectors.sandbox.mail import Customer, MailServer
from connectors.sandbox.messenger import MessengerStandIn
from connectors.sandbox.messenger import Phone as MessengerPhone
from connectors.sandbox.people import SHARED_CHANNEL, TEAM, identity
from connectors.sandbox.server import Sandbox
from connectors.sandbox.slack import SlackStandIn, Tenant
from connectors.sandbox.staff import NIGHT_WATCH
from connectors.sandbox.telegram import GroupChat, TelegramStandIn
from connectors.sandbox.whatsapp import Phone as WhatsAppPhone
from connectors.sandbox.whatsapp import WhatsAppStandIn
from orgs.articles import Article
from orgs.documents import from_document, to_document
from orgs.loading import Loaded, load
from storage.database import Database
from storage.keys import Keys
from storage.organizations import apply
from storage.sealing import Keyring
from storage.vault import AccountVault
from tests.accounts import hooks
from tests.disclosure import undisclosed

ROOT = Path(__file__).parents[2]
KEY = base64.b64encode(b"k" * 32).decode()
SAMPLE = ROOT / "orgs" / "samples" / "saas-support"
Change = Callable[[dict[str, object]], None]


@dataclass
class Rig:
    """The people around a desk, and the desk."""

    sandbox: Sandbox
    settings: Settings
    desks: list[Services] = field(default_factory=list)
    maya: object = None
    page: str = ""  # the sandbox's page, for a browser
    ahead: timedelta = timedelta()  # how far the desk's clock is before the real one

    def now(self) -> datetime:
        """Return the time by which the desk measures windows."""
        return datetime.now(UTC) + self.ahead

    # The stand-ins

    @property
    def telegram(self) -> TelegramStandIn:
        return self.sandbox.telegram

    @property
    def phone(self) -> TelegramStandIn:
        return self.sandbox.telegram

    @property
    def slack(self) -> SlackStandIn:
        """The staff's."""
        return self.sandbox.slack

    @property
    def slack_customers(self) -> SlackStandIn:
        """The customers' app. Its first workspace is ours, with the channel that customers share with us."""
        return self.sandbox.slack_customers

    @property
    def telegram_staff(self) -> TelegramStandIn:
        return self.sandbox.telegram_staff

    @property
    def night_watch(self) -> GroupChat:
        """The staff's group on Telegram; `people.telegram` of the sample is who is in it."""
        return self.telegram_staff.group(NIGHT_WATCH)

    @property
    def whatsapp(self) -> WhatsAppStandIn:
        return self.sandbox.whatsapp

    @property
    def messenger(self) -> MessengerStandIn:
        return self.sandbox.messenger

    @property
    def mail(self) -> MailServer:
        return self.sandbox.mail

    # A customer on each channel; all of them are one person to themselves, and strangers to the desk

    def on_whatsapp(self, name: str = "Maya Fischer") -> WhatsAppPhone:
        return self.whatsapp.customer(name, self.sandbox.customer(name)["whatsapp"])

    def on_messenger(self, name: str = "Maya Fischer") -> MessengerPhone:
        return self.messenger.customer(name, self.sandbox.customer(name)["messenger"])

    def by_mail(self, name: str = "Maya Fischer") -> Customer:
        return self.mail.customer(self.sandbox.customer(name)["email"], name)

    def in_slack(self, name: str = "Maya Fischer") -> tuple[Tenant, str]:
        """The customers' own workspace, and the person's id in it and in the shared channel."""
        self.sandbox.customer(name)
        return self.slack_customers.workspace(TEAM), identity(name).slack

    @property
    def shared_channel(self) -> str:
        """By its name in `slack_customers`."""
        return SHARED_CHANNEL

    def heard(self, user: object = None) -> list[str]:
        """Return what the customer reads from us, oldest first, without what says that an AI writes."""
        return [undisclosed(text) for text in self.heard_whole(user)]

    def heard_whole(self, user: object = None) -> list[str]:
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
                    # On a busy machine the answer may come after three seconds: it was heard all the same.
                    assert outcome.taken or outcome.reason == "http_timeout", outcome
                    return
        raise AssertionError(f"there is no button {action!r} on {message or ts}")

    def in_thread(self, channel: str, ts: str) -> list[str]:
        return [str(message.get("text", "")) for message in self.slack.messages(channel, ts)]


async def until(true: Callable[[], object], *, seconds: float = 120.0, what: str = "") -> object:
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
        if account["channel"] in ("telegram", "slack") and account["id"] != "telegram-staff":
            account["mode"] = "webhook"
        if account["id"] == "telegram":
            account["secrets"] = {**account["secrets"], "webhook_secret": "TELEGRAM_WEBHOOK_SECRET"}


def spine(document: dict[str, object]) -> None:
    """Only what the product began with: customers on Telegram, staff in Slack."""
    document["accounts"] = [
        account
        for account in document["accounts"]  # type: ignore[attr-defined]
        if account["id"] in ("telegram", "slack")
    ]
    document["teams"] = [team for team in document["teams"] if team["id"] != "night-watch"]  # type: ignore[attr-defined]
    rules = document["escalation_rules"]
    document["escalation_rules"] = [rule for rule in rules if rule["target"] != "night-watch"]  # type: ignore[attr-defined]
    document["triggers"] = [each for each in document["triggers"] if each["id"] != "on_call"]  # type: ignore[attr-defined]
    for ladder in document["ladders"]:  # type: ignore[attr-defined]
        ladder["steps"] = [step for step in ladder["steps"] if step["target"] != "night-watch"]
    for agent in document["agents"]:  # type: ignore[attr-defined]
        agent["channels"] = [
            ref
            for ref in agent["channels"]
            if ref == "telegram" or (isinstance(ref, dict) and "slack" in ref)
        ]


def mail_at(smtp: int, imap: int) -> Change:
    """Return where the sandbox's mail server listens."""

    def change(document: dict[str, object]) -> None:
        for account in document["accounts"]:  # type: ignore[attr-defined]
            if account["channel"] == "email":
                ports = {"smtp": f"127.0.0.1:{smtp}", "imap": f"127.0.0.1:{imap}"}
                account["options"] = {**account["options"], **ports}

    return change


@cache
def sample() -> Loaded:
    """Load the sample organization once in a process: it takes a quarter of a second, and never changes."""
    return load(SAMPLE)


def organization(*changes: Change, every_channel: bool = False) -> Loaded:
    """The sample organization, changed; with the channels of the spine alone, unless it is asked for all."""
    loaded = sample()
    document: dict[str, object] = dict(to_document(loaded.organization))
    for change in changes if every_channel else (spine, *changes):
        change(document)
    articles: tuple[Article, ...] = loaded.articles
    return Loaded(organization=from_document(document), articles=articles, warnings=(), digest="test")  # type: ignore[arg-type]


def files_of(port: int) -> Path:
    """The file store of the desk at that port."""
    return Path(tempfile.gettempdir(), f"desk-tests-files-{port}")


def environment(
    database_url: str, redis_url: str, port: int, sandbox_port: int, sandbox: Sandbox
) -> dict[str, str]:
    """For the accounts of all channels; those that an organization does not have need nothing."""
    return {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "ENCRYPTION_KEY": KEY,
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        **accounts(sandbox.credentials, f"http://127.0.0.1:{sandbox_port}/sandbox"),
        "TELEGRAM_WEBHOOK_SECRET": "test-webhook-secret",
        "LOG_LEVEL": "WARNING",
        "FILES_URL": files_of(port).as_uri(),
    }


async def install(database_url: str, loaded: Loaded) -> None:
    database = Database(database_url, pool=1)
    try:
        async with database.begin() as connection:
            await apply(connection, Keys(Keyring((b"k" * 32,))), new_id, loaded, by="test", digest="test")
    finally:
        await database.close()


@contextmanager
def reserved_port() -> Iterator[int]:
    """A free port which nobody else is given until our own server listens there."""
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


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
    every_channel: bool = False,
) -> AsyncIterator[Rig]:
    """One process that serves and `workers` that work, all on this loop.

    With `every_channel` the organization has the sample's accounts on all of them, and the platforms know
    where the product is; without it, there are customers on Telegram and staff in Slack.
    """
    around = sandbox or Sandbox(customers=customers)
    known = Servers(database_url=database_url, redis_url=redis_url)
    root = web.Application()
    root.add_subapp("/sandbox", around.app())
    async with AsyncExitStack() as stack:
        ports = [stack.enter_context(reserved_port()) for _ in range(2)]
        settings = parse(environment(database_url, redis_url, ports[0], ports[1], around))
        built = Rig(around, settings, page=f"http://127.0.0.1:{ports[1]}/sandbox")
        stack.callback(shutil.rmtree, files_of(ports[0]), ignore_errors=True)
        await stack.enter_async_context(serving(root, ports[1]))
        mail = mail_at(around.mail.smtp.port, around.mail.imap.port)
        await install(database_url, organization(quick, mail, *changes, every_channel=every_channel))
        if any(change is webhooks for change in changes):
            base = hooks(database_url, settings.public_url)["slack"]
            around.configure_slack(f"{base}/events", f"{base}/interactions", f"{base}/commands")
        for n in range(max(1, workers)):
            h = await stack.enter_async_context(services(settings, known, clock=built.now))
            if n == 0:
                await stack.enter_async_context(listening(settings.host, settings.port, web_app(h)))
            stop = asyncio.Event()
            await stack.enter_async_context(running(h, serves=n == 0, works=True, stop=stop))
            built.desks.append(h)
        if not any(change is webhooks for change in changes):
            async with asyncio.timeout(120):
                await around.slack.socket_connected()  # a press before that would reach nobody
        if every_channel:
            await around.connect(hooks(database_url, settings.public_url))
            await first_look(built.desks[0])
        built.maya = next(iter(around.telegram.users()), None)
        yield built


async def first_look(h: Services) -> None:
    """Until each mailbox was looked into for the first time: what comes before that is nobody's."""
    mailboxes = [AccountVault(h.database, each) for each in h.directory if each.account == "email"]
    async with asyncio.timeout(120):
        for vault in mailboxes:
            while await vault.get("uid:INBOX") is None:  # noqa: ASYNC110 (nobody tells)
                await asyncio.sleep(0.01)


def seconds(value: float) -> timedelta:
    return timedelta(seconds=value)


Waiter = Awaitable[object]
