"""What a channel told us, in our words. Facts only: no clients, no database ids, no behaviour."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NewType

from bot.core.lines import FILE_NAME, one_line

# The token of an invitation to go on elsewhere: in a deep link's payload, or in the text which it fills in.
INVITATION = re.compile(r"\bgo-[A-Za-z0-9_-]{22}(?![A-Za-z0-9_-])")

ADDRESS = 320  # characters: the longest address of email

Channel = NewType("Channel", str)  # "telegram", "slack", …: the name of a folder in `connectors`


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is said. The strings belong to the channel: compare them, never parse them."""

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
    verified: bool = True  # False: the channel cannot vouch that `external_id` is who wrote this
    aliases: tuple[str, ...] = ()  # other ids of the same person, who may be named by one alone another time
    address: str = ""  # as people write it: "maya@a.example", "+491511234", "@maya (id 7)"

    def __post_init__(self) -> None:
        """Names come from outside: on whatever channel, they are one line that hides nothing."""
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
    CONTACT = "contact"  # `ref` is a tel: URI (RFC 3966), `name` whose it is
    ORIGINAL = "original"  # the message as it came, where `Said.text` is only what is new in it; for staff


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file, or a fact that is no text. `ref` is the channel's own handle and may expire.

    `file` is the file store's id once the file is kept; until then it is "", and what `mime_type` and `size`
    say is the channel's claim. `failure` says why it never will be kept.
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
    """Somebody wrote something. Captions are text; what came without words is told in `Event.reference`."""

    text: str
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True)
class Edited:
    """The message `message` now reads like this."""

    message: str
    text: str
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True)
class Deleted:
    message: str


OPTION: Final = "option"
"""The action of every button that customers are shown: a choice of a clarifying question."""

SEND_ALL: Final = "send_all_again"
"""The action of a button that is for many conversations: all that its value, a notice, lists."""

OPEN_NEXT: Final = "open_next"
"""The same for the first few that the notice lists: each gets a room of its own."""


@dataclass(frozen=True, slots=True)
class Tapped:
    """A button was pressed. `action` and `value` are what we put there, `label` what the person saw."""

    action: str
    value: str
    label: str = ""
    message: str = ""  # the message that carries the button


@dataclass(frozen=True, slots=True)
class Submitted:
    """A form was sent. `form` names it, `subject` is what we hid in it, `values` by field name."""

    form: str
    subject: str
    values: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Started:
    """The customer opened the chat, perhaps through a deep link which carries `payload`."""

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

    A call that nobody answered is `Said` without words, with MISSED_CALL as what came.
    """

    seconds: int | None = None  # None: it rings


@dataclass(frozen=True, slots=True)
class ThreadControl:
    """Of several programs that serve one chat, another has the word there from now on (False), or we do."""

    ours: bool


@dataclass(frozen=True, slots=True)
class Unsupported:
    """Said by somebody, and nothing that we can show. Stored anyway: the transcript has no holes."""

    kind: str


@dataclass(frozen=True, slots=True)
class Ignored:
    """Told by the platform, and nobody's words: a service message, a changed setting, an empty item.

    Counted where it arrives, and never stored.
    """

    kind: str


class ReceiptStatus(StrEnum):
    SENT = "sent"  # the platform has it
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Price:
    """How the platform charges a message of ours, in its own labels: "service", "regular"."""

    category: str
    rate: str
    billed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What became of messages of ours, in any order: a later status says all that an earlier one does.

    `messages` are platform ids; `until` is a watermark: everything sent up to then. `code` is that of the
    SendError which `Connector.send` would have raised, `reason` the platform's own words for staff. `copied`
    is the address of somebody in copy, where nothing but their copy failed. `price` is that of each message.
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
    """The platform vouches that the sender is from now on known as `address` (a changed phone number)."""

    address: str


class WorkplaceChange(StrEnum):
    """What the platform tells of the chats and accounts of staff. `detail` is what `WorkplaceChanged` has."""

    CHAT_CLOSED = "chat_closed"  # nobody can be written to there any more; detail: why, for staff
    CHAT_RENAMED = "chat_renamed"  # detail: the new name
    CHAT_MOVED = "chat_moved"  # detail: the platform's new id of it
    CARD_DELETED = "card_deleted"  # of the room in the place's thread
    THREAD_CLOSED = "thread_closed"  # nobody can write there until it is opened again
    CHAT_EXPOSED = "chat_exposed"  # others than staff can read there; detail: who, for staff
    CHAT_MADE_PUBLIC = "chat_made_public"  # everybody, perhaps of the workplace alone, can; detail: the same
    PERSON_DEACTIVATED = "person_deactivated"  # the sender can use the channel no more
    PERSON_LEFT = "person_left"  # the sender is in the chat no more; detail: how, for staff


@dataclass(frozen=True, slots=True)
class WorkplaceChanged:
    """Something changed where staff work. A place without a chat means all chats of the account."""

    change: WorkplaceChange
    detail: str = ""
    tells_admins: bool = True  # of all conversations that hear of it, one does


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
    | ThreadControl
    | Unsupported
    | Ignored
    | WorkplaceChanged
)

# What somebody does of their own will: it is counted, and too much of it within a minute is a flood.
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
    | Unsupported
)


class Standing(StrEnum):
    """As whom somebody speaks in a customer's place."""

    CUSTOMER = "customer"
    INSIDER = "insider"  # one of the organization's own people, where the customer reads it
    STRANGER = "stranger"  # somebody who has got into a customer's thread: what they write is a note to staff


MISSED_CALL: Final = "📞 Missed call"
QUOTE = 300  # characters of the words that a message answers


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """What a message answers, whose it is, and who wrote it first, as the channel tells beside `reply_to`.

    The writer of the message may have chosen these words: show them as a customer's. What is `described` came
    with the message and is none of its words: an order, a card, a shared link, the ad above it. What is
    `disclosed` is ours: it stood above words of a program, and told the customer so.
    """

    writer: str = ""  # whose message it is, where several people share a thread: their `Sender.display_name`
    address: str = ""  # and their `Sender.address`
    quote: str = ""  # the words answered: those that the writer chose, else how the message begins
    kind: str = ""  # what was answered, where it is no text: "photo", "story"
    author: str = ""  # who wrote what was answered, where it is none of this chat
    forwarded: bool = False  # somebody else, or another program, wrote the message first
    origin: str = ""  # who that was, where the channel tells it
    often: bool = False  # it has gone through many hands, as a chain letter does
    described: str = ""
    shortened: bool = False  # the channel left out what its writer quoted or signs with: the original has it
    disclosed: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "quote", one_line(self.quote, QUOTE))
        object.__setattr__(self, "address", one_line(self.address, ADDRESS))
        for name in ("writer", "kind", "author", "origin"):
            object.__setattr__(self, name, one_line(getattr(self, name)))


NO_REFERENCE = Reference()


_SAYS_NOTHING = re.compile(r"[\w+-]{0,16}")  # of a tag
_WITHOUT_DOTS = frozenset({"gmail.com", "googlemail.com"})  # one provider; dots tell no mailboxes apart
# Below which many countries register names: example.co.uk, example.com.br.
_SECOND_LEVELS = frozenset(
    {"ac", "co", "com", "edu", "gen", "go", "gob", "gouv", "gov", "gv", "id", "ltd", "me", "mil", "ne", "net"}
    | {"nhs", "nom", "or", "org", "plc", "sch", "web"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnAddress:
    """Where answers to an event go, on a channel where anybody can name any address as theirs.

    `mailbox` is the same for all spellings of one mailbox, `domain` for all domains below one that somebody
    registered: automatic replies to them are counted together.
    """

    mailbox: str  # "" where nobody can be written to
    domain: str
    verified: bool = True  # False: answers may reach somebody who never wrote to us
    acknowledged: bool = True  # False: then no program of ours writes there at all


def return_address(address: str, *, verified: bool) -> ReturnAddress:
    """Return the address without case and tag: name+anything@example.com reaches name@example.com.

    The owner of the mailbox reads the tag above our mail. One that can say something gets none.
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
    """Return the domain that somebody registered, or nearly so: there are more such suffixes than these."""
    labels = domain.split(".")
    below = 3 if len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _SECOND_LEVELS else 2
    return ".".join(labels[-below:])


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing one person did. `(place.channel, place.account, external_id)` is its identity for ever.

    `external_id` identifies the event, however often the platform delivers it; `message` is the platform's id
    of the message it made, by which edits, deletions and replies will name it.

    A place that is `shared` (a thread) is one conversation whoever speaks in it. One that is not `private` (a
    group) has one for each who speaks there, and others read along: no matter that this customer has
    elsewhere goes on there. What is `automatic` a program wrote: kept, and never answered by a program. What
    is `overheard` was said while another app has the word there: no program of ours answers it either.
    `addressed` is the address of ours that it was sent to, on a channel where an account has several.
    `opens` is how long the channel takes free text after it, where that is longer than its window.

    `reply_context` is what the channel needs to answer there and could not find out again (a mail's subject
    and references): opaque, at most 16 KiB; the newest that is not "" is kept, sealed, and handed back in
    `Outbound.context`. `returns` says where such an answer goes. Once an event with a verified one has come
    from a place, others do not change how it is answered.
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
    standing: Standing = Standing.CUSTOMER
    automatic: bool = False
    addressed: str = ""
    overheard: bool = False
    opens: timedelta | None = None
    reply_context: str = ""
    returns: ReturnAddress | None = None  # None: answers reach who wrote, and nobody else
    press: str = ""  # the channel's id of a button's press, where that itself can be answered within seconds
    in_our_thread: bool = False  # the channel says that the thread was begun by this very account
    album: str = ""  # the channel's id of the album to which the message belongs

    def __post_init__(self) -> None:
        if not self.external_id or not self.sender.external_id:
            raise ValueError(f"an event of {self.place.channel} needs an event id and a sender id")
        if self.occurred_at.utcoffset() is None:
            raise ValueError(f"occurred_at must be timezone-aware, got {self.occurred_at!r}")
