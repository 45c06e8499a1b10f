"""Define events: what a channel reported, as facts, without clients, database ids or behaviour."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NewType

from bot.core.lines import FILE_NAME, one_line

# The token of an invitation to another channel: in a deep link's payload, or in the text that the link types.
INVITATION = re.compile(r"\bgo-[A-Za-z0-9_-]{22}(?![A-Za-z0-9_-])")

ADDRESS = 320  # characters: the longest address of email

Channel = NewType("Channel", str)  # "telegram", "slack", …: the name of a folder in `connectors`


@dataclass(frozen=True, slots=True)
class Place:
    """The chat or thread where something is said. The strings are the channel's: never parse them."""

    channel: Channel
    account: str  # the account's id in the organization file
    chat: str  # Telegram chat id, Slack channel id
    thread: str = ""  # Slack thread ts, Telegram topic id; "" outside of threads


@dataclass(frozen=True, slots=True)
class Sender:
    external_id: str
    display_name: str = ""
    handle: str = ""  # a user name; shown, never trusted to identify anybody
    language: str = ""  # BCP 47, as the channel tells it
    verified: bool = True  # False: the channel cannot guarantee that `external_id` wrote this
    aliases: tuple[str, ...] = ()  # other ids of the same person; another event may have only one of them
    address: str = ""  # as people write it: "maya@a.example", "+491511234", "@maya (id 7)"

    def __post_init__(self) -> None:
        """Reduce each name to one line without hidden characters: on every channel, outsiders choose them."""
        object.__setattr__(self, "display_name", one_line(self.display_name))
        object.__setattr__(self, "handle", one_line(self.handle, ADDRESS))
        object.__setattr__(self, "address", one_line(self.address or self.external_id, ADDRESS))


class AttachmentKind(StrEnum):
    PHOTO = "photo"
    DOCUMENT = "document"
    VOICE = "voice"
    AUDIO = "audio"
    VIDEO = "video"
    STICKER = "sticker"
    LOCATION = "location"  # `ref` is a geo: URI (RFC 5870)
    CONTACT = "contact"  # `ref` is a tel: URI (RFC 3966), `name` is the person's
    ORIGINAL = "original"  # the whole message for staff, where `Said.text` has only the new part of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file, or a fact that is no text. `ref` is the channel's own handle and may expire.

    `file` is the file store's id once the file is stored. Until then it is "", and `mime_type` and `size` are
    what the channel claims. `failure` says why it will never be stored.
    """

    kind: AttachmentKind
    ref: str
    mime_type: str = ""
    name: str = ""
    size: int | None = None  # bytes
    file: str = ""
    failure: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", one_line(self.name, FILE_NAME))

    @property
    def is_file(self) -> bool:
        return self.kind not in (AttachmentKind.LOCATION, AttachmentKind.CONTACT)


@dataclass(frozen=True, slots=True)
class Said:
    """Somebody wrote something. A caption is text; what has no words is described in `Event.reference`."""

    text: str
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True)
class Edited:
    """The message `message` was edited: this is its new content."""

    message: str
    text: str
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True)
class Deleted:
    message: str


OPTION: Final = "option"
"""The action of every button shown to customers: a choice of a clarifying question."""

SEND_ALL: Final = "send_all_again"
"""The action of a button for many conversations: all those in the notice that its value names."""

OPEN_NEXT: Final = "open_next"
"""The action of a button for the first few conversations of a notice: each gets a room of its own."""

PRESSED_LATE: Final = "late"
"""The last part of the value of a press on a notice, when nothing that it listed waits for that any more."""


@dataclass(frozen=True, slots=True)
class Tapped:
    """A button was pressed. `action` and `value` are what we put into it, `label` is what the person saw."""

    action: str
    value: str
    label: str = ""
    message: str = ""  # the message that carries the button


@dataclass(frozen=True, slots=True)
class Submitted:
    """A form was sent. `form` is its name, `subject` is what we hid in it, `values` are by field name."""

    form: str
    subject: str
    values: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Started:
    """The customer opened the chat, perhaps through a deep link that carries `payload`."""

    payload: str = ""


@dataclass(frozen=True, slots=True)
class Reacted:
    message: str
    emoji: str
    added: bool


@dataclass(frozen=True, slots=True)
class ReachabilityChanged:
    """The customer blocked us (False) or let us in again (True)."""

    reachable: bool


@dataclass(frozen=True, slots=True)
class Called:
    """The customer calls, or called and was answered (for so many `seconds`), by whoever takes calls there.

    A missed call is a `Said` without text that is described as MISSED_CALL.
    """

    seconds: int | None = None  # None: it is ringing


@dataclass(frozen=True, slots=True)
class Stopped:
    """Somebody pressed the platform's own button that stops an agent, where the customer reads it."""


@dataclass(frozen=True, slots=True)
class ThreadControl:
    """Several apps serve one chat: from now on we control it (True), or another app does (False)."""

    ours: bool


@dataclass(frozen=True, slots=True)
class Unsupported:
    """Somebody sent something that we cannot show. It is stored, so that the transcript has no holes."""

    kind: str


@dataclass(frozen=True, slots=True)
class Ignored:
    """The platform reported something that nobody said: a service message, a changed setting, an empty item.

    Counted where it arrives, and never stored.
    """

    kind: str


class ReceiptStatus(StrEnum):
    SENT = "sent"  # the platform accepted it
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Price:
    """The price of a message of ours, in its own labels: "service", "regular"."""

    category: str
    rate: str
    billed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The outcome of messages of ours. Receipts come in any order; a later status includes the earlier ones.

    `messages` are platform ids. `until` is a watermark: it means everything sent up to then. `code` is that
    of the SendError which `Connector.send` would have raised, `reason` the platform's own words for staff.
    `copied` is the address of somebody in copy, if only their copy failed. `price` is that of each message.
    """

    status: ReceiptStatus
    messages: tuple[str, ...] = ()
    until: datetime | None = None
    code: str = ""
    reason: str = ""
    copied: str = ""
    price: Price | None = None


@dataclass(frozen=True, slots=True)
class AddressChanged:
    """The platform guarantees that the sender is known as `address` from now on (a changed phone number)."""

    address: str


class WorkplaceChange(StrEnum):
    """A change of a chat or account of staff that the platform reports. `WorkplaceChanged` has its detail."""

    CHAT_CLOSED = "chat_closed"  # nobody can be reached there any more; detail: why, for staff
    CHAT_RENAMED = "chat_renamed"  # detail: the new name
    CHAT_MOVED = "chat_moved"  # detail: its new id at the platform
    CARD_DELETED = "card_deleted"  # the card of the room in the place's thread
    THREAD_CLOSED = "thread_closed"  # nobody can write there until it is opened again
    CHAT_EXPOSED = "chat_exposed"  # others than staff can read there; detail: who, for staff
    CHAT_MADE_PUBLIC = "chat_made_public"  # everybody, perhaps only of the workplace, can; detail: the same
    PERSON_DEACTIVATED = "person_deactivated"  # the sender cannot use the channel any more
    PERSON_LEFT = "person_left"  # the sender is not in the chat any more; detail: how, for staff


@dataclass(frozen=True, slots=True)
class WorkplaceChanged:
    """Something changed where staff work. A place without a chat means all chats of the account."""

    change: WorkplaceChange
    detail: str = ""
    tells_admins: bool = True  # set for one of the conversations that are told of it


Content = (
    Said
    | Edited
    | Deleted
    | Tapped
    | Submitted
    | Started
    | Reacted
    | ReachabilityChanged
    | Receipt
    | AddressChanged
    | Called
    | Stopped
    | ThreadControl
    | Unsupported
    | Ignored
    | WorkplaceChanged
)

# What somebody does on purpose. It is counted, and too much of it within a minute is a flood.
Deeds = (
    Said
    | Edited
    | Deleted
    | Tapped
    | Submitted
    | Started
    | Reacted
    | ReachabilityChanged
    | Called
    | Stopped
    | Unsupported
)


class SenderRole(StrEnum):
    """The role in which somebody writes in a customer's chat."""

    CUSTOMER = "customer"
    INSIDER = "insider"  # one of the organization's own people
    STRANGER = "stranger"  # somebody else in a customer's thread: what they write is a note to staff


MISSED_CALL: Final = "📞 Missed call"
QUOTE = 300  # characters of the text that a message answers


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """The facts about a message besides its text: what it answers, and who wrote it first.

    The writer of the message may have chosen these words, so show them like a customer's. `described` is
    something that came with the message and is no text of it: an order, a card, a shared link, the ad above
    it. Two are of messages of ours: `disclosed` is the disclosure that stood above an automatic one, and
    `stopped` whether the customer stopped it midway.
    """

    writer: str = ""  # `Sender.display_name` of who wrote it, where several people share a thread
    address: str = ""  # `Sender.address` of the same person
    quote: str = ""  # the text that is answered: what the writer chose of it, else its beginning
    kind: str = ""  # what is answered, if that is no text: "photo", "story"
    author: str = ""  # who wrote what is answered, if it is from another chat
    forwarded: bool = False  # somebody else, or another program, wrote the message first
    origin: str = ""  # who that was, if the channel reports it
    often: bool = False  # it was forwarded many times, like a chain letter
    described: str = ""
    shortened: bool = False  # quotes or the signature were left out of the text: the original has them
    disclosed: str = ""
    stopped: bool = False
    edited_at: datetime | None = None  # by the platform's clock; an older edit is passed over

    def __post_init__(self) -> None:
        object.__setattr__(self, "quote", one_line(self.quote, QUOTE))
        object.__setattr__(self, "address", one_line(self.address, ADDRESS))
        for name in ("writer", "kind", "author", "origin"):
            object.__setattr__(self, name, one_line(getattr(self, name)))


NO_REFERENCE = Reference()


_SAYS_NOTHING = re.compile(r"[\w+-]{0,16}")  # a tag of an address that can carry no message
_WITHOUT_DOTS = frozenset(
    {"gmail.com", "googlemail.com"}
)  # one provider, which ignores dots in mailbox names
# Labels below which many countries register names: example.co.uk, example.com.br.
_SECOND_LEVELS = frozenset(
    {"ac", "co", "com", "edu", "gen", "go", "gob", "gouv", "gov", "gv", "id", "ltd", "me", "mil", "ne", "net"}
    | {"nhs", "nom", "or", "org", "plc", "sch", "web"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnAddress:
    """The address for answers to an event, on a channel where anybody can claim any address as theirs.

    `mailbox` is equal for all spellings of one mailbox, `domain` for all domains below one registered domain:
    automatic replies to them are counted together.
    """

    mailbox: str  # "" if no answer is possible
    domain: str
    verified: bool = True  # False: answers may reach somebody who never wrote to us
    acknowledged: bool = True  # False: no program of ours writes there at all, if it is not verified


def return_address(address: str, *, verified: bool) -> ReturnAddress:
    """Return the address without case and tag: name+anything@example.com reaches name@example.com.

    The owner of the mailbox reads the tag above our mail. So an address whose tag could carry a message is
    never acknowledged.
    """
    local, at, domain = address.casefold().rpartition("@")
    name, _, tag = local.partition("+")
    domain = domain.rstrip(".")
    if domain in _WITHOUT_DOTS:
        name, domain = name.replace(".", ""), "gmail.com"
    return ReturnAddress(
        mailbox=f"{name or local}{at}{domain}",
        domain=_registered(domain),
        verified=verified,
        acknowledged=bool(address) and _SAYS_NOTHING.fullmatch(tag) is not None,
    )


def _registered(domain: str) -> str:
    """Return the domain that somebody registered.

    An approximation: there are more such suffixes than these.
    """
    labels = domain.split(".")
    below = 3 if len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _SECOND_LEVELS else 2
    return ".".join(labels[-below:])


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that one person did. `(place.channel, place.account, external_id)` identifies it for ever.

    `external_id` identifies the event, however often the platform delivers it. `message` is the platform's id
    of the message it made; edits, deletions and replies refer to it.

    A `shared` place (a thread) is one conversation, whoever speaks in it. A place that is not `private` (a
    group) has one conversation for each person who speaks there, and others read along: no conversation that
    this customer has elsewhere continues there. An answer to `sole_reader` reaches the sender alone, although
    the place is shared (a mail with nobody in copy). An `automatic` event was written by a program: it is
    stored, and no program answers it. An `overheard` event was said while another app controls the chat: it
    is that app's to answer, until it gives us the chat. `addressed` is our address that it was sent to, on a
    channel where an account has several. `opens` is how long the channel accepts free text after it, if
    longer than its window.

    `reply_context` is what the channel needs for an answer and could not find out again (a mail's subject and
    references). It is opaque, at most 16 KiB. The newest that is not "" is stored, sealed, and handed back in
    `Outbound.context`. `returns` says where such an answer goes. Once a verified one has come from a place,
    an unverified one does not change how the place is answered.
    """

    external_id: str
    place: Place
    sender: Sender
    content: Content
    occurred_at: datetime  # the channel's clock
    message: str = ""
    reply_to: str = ""  # the platform's id of the message answered
    reference: Reference = NO_REFERENCE
    shared: bool = False
    private: bool = True
    sole_reader: bool = False
    sender_role: SenderRole = SenderRole.CUSTOMER
    automatic: bool = False
    addressed: str = ""
    overheard: bool = False
    opens: timedelta | None = None
    reply_context: str = ""
    returns: ReturnAddress | None = None  # None: answers reach the writer, and nobody else
    press: str = ""  # the channel's id of a button press, if the press itself can be answered within seconds
    in_our_thread: bool = False  # the channel says that this account began the thread
    album: str = ""  # the channel's id of the album to which the message belongs

    def __post_init__(self) -> None:
        if not self.external_id or not self.sender.external_id:
            raise ValueError(f"an event of {self.place.channel} needs an event id and a sender id")
        if self.occurred_at.utcoffset() is None:
            raise ValueError(f"occurred_at must be timezone-aware, got {self.occurred_at!r}")
