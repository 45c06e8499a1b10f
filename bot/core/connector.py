"""The connector contract: what the bus asks of a channel, and what a channel may ask of the bus."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol, runtime_checkable

from bot.core.events import Channel, Event, Place, Sender
from bot.core.outbound import Outbound, Sent

MAX_BODY = 1024 * 1024  # bytes; more is refused before it is read


@dataclass(frozen=True, slots=True)
class RawRequest:
    headers: Mapping[str, str]  # lower-case names
    body: bytes
    method: str = "POST"
    query: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RawResponse:
    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class ChatCommand:
    """Words after the slash command, and who typed them where."""

    place: Place
    sender: Sender
    text: str


class Inbox(Protocol):
    """The bus, as a connector sees it."""

    async def accept(self, events: Sequence[Event]) -> None:
        """Keep the events. When it returns they are committed, and only then may the platform get its 200.

        Idempotent: an event known already changes nothing. Raises UnknownAccount, StorageUnavailable.
        """

    async def command(self, command: ChatCommand) -> str:
        """Run a `/desk` command; the answer is Markdown, for the asker's eyes alone. Never raises."""


@dataclass(frozen=True, slots=True)
class Route:
    """A path the channel wants served. What DeskError the handler raises becomes a status."""

    path: str
    handle: Callable[[RawRequest], Awaitable[RawResponse]]
    methods: tuple[str, ...] = ("POST",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a channel can do. The bus degrades what a channel cannot."""

    edits: bool
    erases: bool
    buttons: int  # at most this many on one message; 0: none at all
    typing: bool
    reconciles: bool  # after a crash it can be asked whether a delivery arrived
    per_second: float  # messages of one account, the platform's published limit
    chat_interval: timedelta  # between two messages into one chat, the platform's published limit


class Connector(Protocol):
    """One account of one channel. Knows nothing of organizations, flows or storage.

    Built once per account and process; `close` ends its connections.
    """

    @property
    def channel(self) -> Channel: ...

    @property
    def account(self) -> str: ...

    @property
    def capabilities(self) -> Capabilities: ...

    def routes(self, inbox: Inbox) -> Sequence[Route]:
        """The webhooks of this account; none for a channel that is polled."""

    async def send(self, outbound: Outbound) -> Sent:
        """Do one operation once, or raise a SendError. Never retries, never logs and returns."""

    async def check(self) -> None:
        """Ask the platform whether the account works; raises SendError with the reason."""

    async def close(self) -> None: ...


@runtime_checkable
class Listens(Protocol):
    """A connector that fetches its events itself: polling, a socket, IMAP. One process at a time does."""

    async def listen(self, inbox: Inbox) -> None:
        """Fetch and accept until cancelled. Reconnects by itself; an event is let go only once accepted."""


@runtime_checkable
class Registers(Protocol):
    """A connector that must tell its platform where the webhook is."""

    async def register(self) -> None:
        """Idempotent. Raises SendError."""


@runtime_checkable
class Reconciles(Protocol):
    """A connector whose platform can be asked what arrived (`capabilities.reconciles`)."""

    async def find(self, outbound: Outbound) -> Sent | None:
        """What `send` would have returned if this very delivery arrived; None if it certainly did not.

        Raises SendError when the platform cannot be asked now.
        """


@runtime_checkable
class HasFiles(Protocol):
    """A connector whose attachments can be fetched."""

    def open(self, ref: str) -> AsyncIterator[bytes]:
        """Stream a file. Raises SendError."""


Files = Callable[[str, str], AsyncIterator[bytes]]  # account id, attachment ref: another account's file


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSettings:
    """All a connector gets to know. Secrets by their names in the organization file."""

    account: str
    serves: str  # "customers" or "staff"
    mode: str  # "webhook", "polling" or "socket"
    api_url: str = ""  # "" is the platform's own
    public_url: str = ""  # where the platform reaches us, without a slash at the end
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    per_second: float | None = None  # None: the published limit
    chat_interval: timedelta | None = None
    groups: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelKind:
    """The registration line of a channel in `bot.run.wiring`."""

    name: Channel
    secrets: tuple[str, ...]  # the names which must be given
    optional_secrets: tuple[str, ...] = ()
    open: Callable[[AccountSettings, Files], Connector]
