"""A mail provider on loopback, a mailbox of ours on it, and the connector as the world meets it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from bot.core.commands import CommandAnswer
from bot.core.connector import AccountSettings, ChatCommand, Resources
from bot.core.events import Event, Place, Said
from bot.core.ids import DeliveryId
from bot.core.outbound import Operation, Outbound, Post, Speaker
from connectors.email.connector import EmailConnector
from connectors.email.domain import TxtRecords
from connectors.email.intake import ReadingBudget
from connectors.sandbox.mail import MailServer
from storage.platform_ids import check_ids

ADDRESS = "support@brightdesk.example"
PASSWORD = 'a password, with "quotes" and \\ in it'
UNREADABLE = "[A mail came that cannot be read, nor whom it is from. Open the original to see what it says.]"
AGENT = Speaker("Ava", human=False)
HUGO = Speaker("Hugo", human=True)


@dataclass
class Inbox:
    """Keeps what it accepts, once, and refuses what the storage does; first it raises what it is told to."""

    raises: list[Exception] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    accepted: int = 0
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def accept(self, events: Sequence[Event]) -> None:
        if self.raises:
            raise self.raises.pop(0)
        for event in events:
            check_ids(event)
        known = {event.external_id for event in self.events}
        self.events.extend(event for event in events if event.external_id not in known)
        self.accepted += len(events)
        async with self.changed:
            self.changed.notify_all()

    async def known(self, threads: Sequence[Place]) -> frozenset[Place]:
        return frozenset(threads) & {event.place for event in self.events}

    async def command(self, command: ChatCommand) -> CommandAnswer:
        raise AssertionError(f"no command is typed in a mail: {command.text}")

    async def until(self, ready: Callable[["Inbox"], bool], timeout: float = 120.0) -> None:
        async with asyncio.timeout(timeout), self.changed:
            await self.changed.wait_for(lambda: ready(self))

    async def has(self, count: int) -> list[Event]:
        await self.until(lambda inbox: len(inbox.events) >= count)
        return list(self.events)


@dataclass
class Files:
    """Means.files."""

    kept: dict[str, bytes] = field(default_factory=dict)

    async def open(self, file: str) -> AsyncIterator[bytes]:
        content = self.kept[file]
        for start in range(0, len(content), 1000):
            yield content[start : start + 1000]

    def link(self, file: str) -> str:
        return f"https://files.example/{file}"


@dataclass
class Vault:
    """Means.vault; `puts` are what was put, in order."""

    kept: dict[str, str] = field(default_factory=dict)
    puts: list[tuple[str, str]] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def get(self, name: str) -> str | None:
        return self.kept.get(name)

    async def put(self, name: str, value: str) -> None:
        self.kept[name] = value
        self.puts.append((name, value))
        async with self.changed:
            self.changed.notify_all()

    async def swap(self, name: str, known: str | None, value: str) -> bool:
        if self.kept.get(name) != known:
            return False
        await self.put(name, value)
        return True

    async def delete(self, name: str) -> None:
        self.kept.pop(name, None)

    async def names(self, prefix: str) -> Sequence[str]:
        return [name for name in self.kept if name.startswith(prefix)]

    async def until(self, ready: Callable[["Vault"], bool]) -> None:
        async with asyncio.timeout(120), self.changed:
            await self.changed.wait_for(lambda: ready(self))


def options(server: MailServer, **changes: str) -> dict[str, str]:
    return {
        "address": ADDRESS,
        "imap": f"127.0.0.1:{server.imap.port}",
        "smtp": f"127.0.0.1:{server.smtp.port}",
        "security": "none",
        "trusted_servers": server.authserv,
        "name": "Bright Desk",
        "signature": "Bright Desk · *always there*",
        **changes,
    }


def settings(
    options: dict[str, str], mode: str = "polling", account: str = "support", **secrets: str
) -> AccountSettings:
    return AccountSettings(
        account=account,
        serves="customers",
        mode=mode,
        secrets=secrets or {"password": PASSWORD},
        options=options,
    )


class Line:
    """The connector, and what it was lent."""

    def __init__(
        self,
        server: MailServer,
        given: AccountSettings,
        vault: Vault | None = None,
        *,
        limits: ReadingBudget | None = None,
        look_up: TxtRecords | None = None,
    ) -> None:
        self.server = server
        self.files = Files()
        self.vault = vault or Vault()
        self.inbox = Inbox()
        self.now = datetime.now(UTC)
        self.pauses: list[float] = []
        self._rested = asyncio.Event()
        self.port: asyncio.Future[int] = asyncio.get_running_loop().create_future()  # of the listener
        self.ahead = timedelta()  # how far the connector's clock is before the real one
        resources = Resources(
            files=self.files, vault=self.vault, clock=lambda: datetime.now(UTC) + self.ahead
        )
        self.connector = EmailConnector(
            given,
            resources,
            look_up=look_up or no_dns,
            pause=self.pause,
            limits=limits,
            listening=self.port.set_result,
        )
        self._listening: asyncio.Task[None] | None = None

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self._rested.set()
        await asyncio.sleep(0.01)

    async def paused(self, times: int) -> None:
        """Wait until the connector has paused so often."""
        async with asyncio.timeout(120):
            while len(self.pauses) < times:
                self._rested.clear()
                await self._rested.wait()

    async def listen(self) -> None:
        """Begin, and wait until a folder was looked at once."""
        self.begin_listening()
        await self.vault.until(lambda vault: any(name.startswith("uid:") for name in vault.kept))

    def begin_listening(self) -> None:
        self._listening = asyncio.create_task(self.connector.listen(self.inbox))

    async def stop(self) -> None:
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.wait([self._listening])
            self._listening = None

    def answer(
        self,
        event: Event,
        said: str | Operation,
        *,
        delivery: int = 7,
        part: int = 0,
        speaker: Speaker = AGENT,
    ) -> Outbound:
        operation = Post(said, speaker=speaker) if isinstance(said, str) else said
        return Outbound(
            DeliveryId(UUID(int=delivery)), event.place, operation, part, context=event.reply_context
        )

    async def fetched(self, ref: str) -> bytes:
        return b"".join([piece async for piece in self.connector.open(ref)])


async def no_dns(name: str) -> tuple[bytes, ...]:
    return ()


def said(event: Event) -> Said:
    assert isinstance(event.content, Said)
    return event.content


@asynccontextmanager
async def line(
    server: MailServer,
    given: AccountSettings,
    vault: Vault | None = None,
    *,
    limits: ReadingBudget | None = None,
    look_up: TxtRecords | None = None,
) -> AsyncIterator[Line]:
    made = Line(server, given, vault, limits=limits, look_up=look_up)
    try:
        yield made
    finally:
        await made.stop()
        await made.connector.close()
