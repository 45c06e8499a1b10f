"""The connector contract: what the bus asks of a channel, and what a channel may ask of the bus."""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from typing import Protocol, runtime_checkable

from bot.core.commands import CommandAnswer
from bot.core.events import AttachmentKind, Channel, Event, Place, ReceiptStatus, Sender
from bot.core.ids import AccountId, Clock, OrgId, utc_now
from bot.core.outbound import Mark, Outbound, Sent

MAX_BODY = 4 * 1024 * 1024  # bytes; a larger body is refused before it is read. Meta's webhooks reach 3 MB


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
    headers: Mapping[str, str] = field(default_factory=dict)  # such as Location


@dataclass(frozen=True, slots=True)
class ChatCommand:
    """The words after the slash command, who typed them and where."""

    place: Place
    sender: Sender
    text: str


class Inbox(Protocol):
    """The part of the bus that a connector uses."""

    async def accept(self, events: Sequence[Event]) -> None:
        """Store the events. When it returns they are committed; only then may the platform get its 200.

        Idempotent: an event that is known already changes nothing. Raises UnknownAccount, StorageUnavailable.
        """

    async def known(self, threads: Sequence[Place]) -> frozenset[Place]:
        """Return the threads in which somebody has written. Raises UnknownAccount, StorageUnavailable."""

    async def command(self, command: ChatCommand) -> CommandAnswer:
        """Run a `/desk` command, and return its answer, only for the person who asked. Never raises."""


@dataclass(frozen=True, slots=True)
class Route:
    """A path below `AccountSettings.path` to be served. A DeskError of its handler becomes an HTTP status."""

    path: str
    handle: Callable[[RawRequest], Awaitable[RawResponse]]
    methods: tuple[str, ...] = ("POST",)


class Unit(StrEnum):
    """The unit in which a platform counts the length of a text."""

    CHARACTERS = "characters"  # Unicode code points
    UTF16 = "UTF-16 units"
    BYTES = "bytes"  # of UTF-8


@dataclass(frozen=True, slots=True)
class Media:
    """A kind of file that the channel carries. `types` are MIME types, perhaps with `*`: "image/*"."""

    kind: AttachmentKind
    types: tuple[str, ...]
    max_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """The abilities of a channel, by its documentation. What it cannot do is degraded, never dropped.

    Rendered into docs/channels.md by `desk channels --markdown`.
    """

    text_limit: int  # length of one message, in `text_unit`
    text_unit: Unit
    formatting: str  # what Markdown is turned into, in a word: "mrkdwn", "HTML", "none"
    buttons: int  # at most this many on one message; 0: none at all
    button_label: int = 0  # characters of a button's label
    list_rows: int = 0  # at most this many choices in a list, used when buttons are too few; 0: no lists
    list_label: int = 0  # characters of a row's title
    media_in: tuple[Media, ...] = ()
    media_out: tuple[Media, ...] = ()
    edits: bool  # our messages can be edited
    erases: bool
    hears_edits: bool = True  # the platform reports edits by the other side
    hears_deletions: bool = True
    reacts: bool = False  # we can put an emoji on a message
    marks: tuple[tuple[Mark, str], ...] = ()  # the emoji that shows each mark to staff
    hears_reactions: bool = False
    receipts: frozenset[ReceiptStatus] = frozenset()  # what it reports after it has accepted a message
    typing: bool
    typing_lasts: bool = False  # it is shown until `Typing.over`: said once, not over and over
    whispers: bool = False
    forms: bool = False
    emails: bool = False  # staff are also recognized by the e-mail address that the platform has verified
    window: timedelta | None = None  # free text is accepted so long after the customer's last message
    human_window: timedelta | None = None  # the same for a person's messages, where that is longer
    charges: bool = False  # each message costs: automatic texts of a turn leave as one message if they fit
    asks_number: bool = False  # a button of the channel's own can ask for a hidden phone number
    templates: bool = False  # approved messages are accepted when the window is closed
    addresses: bool = False  # one account is reached under several addresses
    robots: bool = False  # programs may write here: automatic replies are counted and limited
    keeps: str = ""  # what a staff chat still shows when everything that we posted there is deleted
    reconciles: bool  # after a crash the platform can be asked whether a delivery arrived
    per_second: float  # messages of one account: the limit that the platform publishes
    chat_interval: timedelta  # between two messages into one chat: the limit that the platform publishes
    chat_burst: int = 1  # so many messages may be sent at once into a chat that has rested long enough


MODEST = Capabilities(
    text_limit=1000,
    text_unit=Unit.CHARACTERS,
    formatting="none",
    buttons=0,
    edits=False,
    erases=False,
    typing=False,
    reconciles=False,
    per_second=1.0,
    chat_interval=timedelta(seconds=1),
)
"""The capabilities that every channel has. Assumed while the connector of an account is not open."""


class Connector(Protocol):
    """A connection to one account of one channel. Knows nothing of organizations, flows or storage.

    Built once per account and process; `close` ends its connections.
    """

    @property
    def channel(self) -> Channel: ...

    @property
    def account(self) -> str: ...

    @property
    def capabilities(self) -> Capabilities: ...

    def routes(self, inbox: Inbox) -> Sequence[Route]:
        """Return the webhooks of this account; none for a channel that is polled."""

    async def send(self, outbound: Outbound) -> Sent:
        """Carry out one operation once, or raise a SendError.

        Never retries, and never only logs a failure.
        """

    async def check(self) -> str:
        """Ask the platform whether the account works. Return as whom, in a few words ("@brightdesk_bot").

        Raises SendError whose reason is a sentence: what is wrong, and what to do.
        """

    async def close(self) -> None: ...


class Connectors(Protocol):
    """The connectors of this process, opened when they are first needed."""

    @property
    def failed(self) -> Collection[AccountId]:
        """Return the accounts that could not be opened here, and are not tried again yet."""

    def opened(self, account: AccountId) -> Connector | None:
        """Return the connector of an account if it is open now."""

    async def get(self, account: AccountId) -> Connector | None:
        """Return the connector of an account; None if it cannot be opened, which is logged."""

    async def named(self, organization: OrgId, account: str) -> Connector | None:
        """Return the connector of the account with this name in the organization's file; None as in `get`."""


@runtime_checkable
class Listens(Protocol):
    """A connector that fetches its events itself, by polling, a socket or IMAP.

    One process at a time does.
    """

    async def listen(self, inbox: Inbox) -> None:
        """Fetch and accept events until cancelled.

        Reconnects by itself. Acknowledges an event to the platform only once it is accepted.
        """


@runtime_checkable
class Registers(Protocol):
    """A connector that must tell its platform the address of the webhook."""

    async def register(self) -> None:
        """Register the webhook at the platform. Idempotent. Raises SendError."""


@runtime_checkable
class Reconciles(Protocol):
    """A connector whose platform can be asked what arrived (`capabilities.reconciles`)."""

    async def find(self, outbound: Outbound) -> Sent | None:
        """Return what `send` would have returned if this delivery arrived; None if it certainly did not.

        Raises SendError when the platform cannot be asked now.
        """


@runtime_checkable
class Begins(Protocol):
    """A connector that awaits `bot.core.beginning.begin` itself, when it has a connection.

    A delivery of any other connector counts as begun before `send` is called.
    """

    begins: bool


@runtime_checkable
class HasFiles(Protocol):
    """A connector whose attachments can be fetched."""

    def open(self, ref: str) -> AsyncIterator[bytes]:
        """Stream a file. Raises SendError."""


@runtime_checkable
class TellsExposure(Protocol):
    """A connector whose platform can be asked who reads a staff channel."""

    async def exposure(self, room: str, *, public: bool) -> str:
        """Return who else can read the channel besides its members, as half a sentence; "" if nobody can.

        `public`: the organization file says that everybody in the company may. Raises SendError when the
        platform cannot be asked.
        """


@runtime_checkable
class Invites(Protocol):
    """A connector that can offer a link which opens a chat with us and carries a token."""

    async def invitation(self, token: str) -> str:
        """Return the link.

        If somebody follows it, `Started.payload` or a first `Said.text` contains the token.

        Raises SendError when the platform must be asked and cannot be.
        """


class Approved(Protocol):
    """A template as the platform has approved it."""

    @property
    def name(self) -> str: ...

    @property
    def language(self) -> str: ...

    @property
    def body(self) -> str: ...


@runtime_checkable
class HasPermalinks(Protocol):
    """A connector whose platform has web addresses for threads."""

    async def permalink(self, place: Place) -> str:
        """Return the web address of a thread, which opens for whoever may read it. Raises SendError."""


@runtime_checkable
class HasTemplates(Protocol):
    """A connector whose platform can be asked which templates it has approved."""

    async def approved_templates(self) -> Sequence[Approved]:
        """Return the templates that need parameters only for their body. Raises SendError."""


Begin = Callable[[str, str], tuple[Place, str]]


@runtime_checkable
class Initiates(Protocol):
    """A connector that can write to an address that never wrote to it."""

    def begin(self, address: str, subject: str) -> tuple[Place, str]:
        """Return a place for a new conversation with that address, and its reply context. Raises Refused.

        Sends nothing. Pure, except that it makes the id of a new thread.
        """


class FileAccess(Protocol):
    """The part of the file store that a connector uses. It finds files by `Attachment.file`."""

    def open(self, file: str) -> AsyncIterator[bytes]:
        """Stream a file. Raises Refused when it is gone, PlatformDown when the store is away."""

    def link(self, file: str) -> str:
        """Return a web address where the file can be fetched for some days; "" without a public URL."""


class Vault(Protocol):
    """The store of one account: tokens of installations, how far a mailbox was read. Sealed at rest."""

    async def get(self, name: str) -> str | None:
        """Return the value stored under a name, or None. Every method here raises StorageUnavailable."""

    async def put(self, name: str, value: str) -> None: ...

    async def swap(self, name: str, known: str | None, value: str) -> bool:
        """Store the value if `known` is stored now (None: nothing), and return whether it did.

        Of several processes that try it at once, one succeeds.
        """

    async def delete(self, name: str) -> None: ...

    async def names(self, prefix: str) -> Sequence[str]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """The parts of the program that a connector uses."""

    files: FileAccess
    vault: Vault
    clock: Clock = utc_now


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSettings:
    """Everything that a connector is told.

    Secrets and options have their names from the organization file.
    """

    account: str
    serves: str  # "customers" or "staff"
    mode: str  # "webhook", "polling" or "socket"
    api_url: str = ""  # "" is the platform's own
    public_url: str = ""  # where the platform reaches us, without a slash at the end
    path: str = "/hooks"  # the path below which the routes of this account alone are served
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    options: Mapping[str, str] = field(default_factory=dict)
    per_second: float | None = None  # None: the published limit
    chat_interval: timedelta | None = None
    groups: bool = False
    name: str = ""  # the organization's name, as customers see it
    languages: tuple[str, ...] = ()  # the languages in which the organization writes to customers
    signature: str = ""  # the organization's, for channels whose messages are signed (Markdown)

    def limited(self, published: Capabilities) -> Capabilities:
        """Return a channel's capabilities with this account's own limits in place of the published ones."""
        rate, interval = self.per_second, self.chat_interval
        return replace(
            published,
            per_second=published.per_second if rate is None else rate,
            chat_interval=published.chat_interval if interval is None else interval,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionMode:
    """A mode of connecting an account, and what it needs. The first of a channel's modes is the usual one."""

    mode: str  # "webhook", "polling" or "socket"
    secrets: tuple[str, ...] = ()  # names that must be given
    options: tuple[str, ...] = ()
    optional_secrets: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()  # options that may be given
    servers: tuple[str, ...] = ()  # those of `options` that name a server, which may be elsewhere


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelKind:
    """The registration of a channel in `bot.app.channels`: all that the rest of the product knows of it."""

    name: Channel
    title: str  # "WhatsApp"
    modes: tuple[ConnectionMode, ...]
    serves: tuple[str, ...]  # of "customers" and "staff"
    capabilities: Capabilities  # as published; those of a connector have the limits of its account
    open: Callable[[AccountSettings, Resources], Connector]
    room_form: str = ""  # a regular expression for names of staff channels; "": it has no rooms
    room_example: str = ""  # the same in words, for the message about another name
    registers: bool = False  # its connectors tell the platform where the webhook is: see `Registers`
    usual_room: str = ""  # the room that is assumed where the organization file names none
    # Return a reply context without whoever was erased, "" if nobody is left in it. The second argument says
    # whether an address, or the platform's id of a message, is theirs. None: contexts name nobody else.
    forget: Callable[[str, Callable[[str], bool]], str] | None = None

    def connection_mode(self, mode: str) -> ConnectionMode | None:
        return next((each for each in self.modes if each.mode == mode), None)
