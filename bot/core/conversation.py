"""A conversation as a turn sees it: frozen values, decrypted, of one moment."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from bot.core.events import NO_REFERENCE, Attachment, Event, Place, Reference
from bot.core.ids import (
    AgentId,
    ConversationId,
    CustomerId,
    DeliveryId,
    EscalationId,
    MessageId,
    OrgId,
    PersonId,
    TeamId,
)
from bot.core.outbound import DirectMessage


class OwnerKind(StrEnum):
    FLOW = "flow"
    AGENT = "agent"
    QUEUE = "queue"
    PERSON = "person"


@dataclass(frozen=True, slots=True)
class Owner:
    """The one who handles a conversation. `name` is the id of the flow, agent, team or person."""

    kind: OwnerKind
    name: str


class Status(StrEnum):
    """The `resolutionStatus` of the specification."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    ESCALATED = "escalated"
    RESOLVED = "resolved"


class Role(StrEnum):
    """The kind of author of a message.

    The specification's sender_type (human, agent, system) has one value for two of these.
    """

    CUSTOMER = "customer"
    STAFF = "staff"
    AGENT = "agent"
    SYSTEM = "system"


class MessageState(StrEnum):
    RECEIVED = "received"  # from the customer
    NOTE = "note"  # stays inside
    HELD = "held"  # waits for its undo time, or behind a message that does
    RELEASED = "released"  # given to the outbox
    PARKED = "parked"  # the channel accepts no free text now: it leaves when the customer has written again
    SENT = "sent"  # the platform accepted it, and will report more
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"  # never sent
    DELETED = "deleted"  # sent or received, then deleted


class Origin(StrEnum):
    """The source of an input: the customer's chat, a room of staff, or ourselves."""

    CUSTOMER = "customer"
    ROOM = "room"
    SELF = "self"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    id: MessageId
    role: Role
    sender: str  # the id of the customer, agent or person
    text: str
    state: MessageState
    at: datetime
    ref: str = ""  # the platform's id of the message, in the chat where it was written
    room: UUID | None = None  # the room in which staff wrote it
    attachments: tuple[Attachment, ...] = ()
    edited: bool = False
    reply_to: MessageId | None = None  # the message of the log that it answers
    reference: Reference = NO_REFERENCE


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """The outcome of a message's delivery, as an event of our own for its conversation."""

    message: MessageId | None  # None: the delivery was for no single message
    delivery: DeliveryId
    # "delivered", "failed", "unknown", "parked", "delayed" (it is tried again), "stopped" (the customer did,
    # midway), or "unchanged": a message that should be edited or deleted at the customer, or deleted where
    # staff see it, is still there.
    outcome: str
    reason: str = ""  # the platform's code
    unreachable: bool = False  # the customer cannot be reached at all
    room: UUID | None = None  # the room for which the delivery was
    code: str = ""  # the code of the SendError
    card: bool = True  # whether a delivery for a room was its card, else a line
    absent: str = ""  # whom the line called, by their id in the room's channel, if they are not in that chat
    direct: DirectMessage | None = None  # a direct message that did not reach its person of the staff
    grows: UUID | None = None  # the post of a burst that was sent or edited
    notice: UUID | None = None  # the notice that lists the message
    shown: str = ""  # what the customer was shown of a message that they "stopped"


@dataclass(frozen=True, slots=True)
class FileReport:
    """The outcome of fetching an attachment, as an event of our own for its conversation."""

    message: MessageId
    position: int  # among the attachments of the message
    outcome: str  # "stored", "refused" (too large, infected) or "failed" (cannot be fetched)
    reason: str = ""


@dataclass(frozen=True, slots=True)
class HolderLeft:
    """A person can hold no conversation any more. Sent to each conversation that they may hold.

    `reason` continues a sentence after `name`: "was removed from the organization". `step` is set for a
    person who holds nothing and was asked at that step of the ladder, as an earlier organization file had it.
    """

    person: PersonId
    name: str
    reason: str
    step: int | None = None


@dataclass(frozen=True, slots=True)
class TeamChanged:
    """A new organization file removed the team of an open escalation, or gave it another channel."""

    team: TeamId


@dataclass(frozen=True, slots=True)
class WatchRequested:
    """A person asked for a room in which staff watch the conversation of an agent."""

    by: PersonId


@dataclass(frozen=True, slots=True)
class CustomerErased:
    """The customer was erased, with all that they wrote."""


@dataclass(frozen=True, slots=True)
class WriterErased:
    """Somebody else who wrote in the customer's thread was erased, with what they wrote there."""


@dataclass(frozen=True, slots=True)
class Erased:
    """The time of a customer's erasure, and who asked for it as the audit log names them; "" for nobody."""

    at: datetime
    by: str = ""


@dataclass(frozen=True, slots=True)
class OrganizationRetired:
    """The organization was retired: nothing is sent for it any more."""


@dataclass(frozen=True, slots=True)
class CustomerMerged:
    """The customer was found to be the same person as another one, or was `parted` from them again."""

    other: CustomerId
    parted: bool = False


Body = (
    Event
    | DeliveryReport
    | FileReport
    | HolderLeft
    | TeamChanged
    | WatchRequested
    | CustomerErased
    | WriterErased
    | CustomerMerged
    | OrganizationRetired
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """An accepted thing that the conversation has not handled yet."""

    seq: int
    origin: Origin
    body: Body
    message: MessageId | None = None  # the log's entry that was made from it when it was accepted
    position: int | None = None  # the position in the log that is reserved for what a turn makes of it
    at: datetime | None = None  # when it was accepted


@dataclass(frozen=True, slots=True)
class Timer:
    """A timer of the conversation. There is at most one for each kind and subject."""

    kind: str
    subject: str
    due_at: datetime


class Counted(StrEnum):
    """A thing that is counted across conversations: automatic replies by where they go, and requests."""

    REPLY = "reply"  # automatic replies to one address
    ACKNOWLEDGEMENT = "acknowledgement"  # acknowledgements of unverified mail, to one address
    DOMAIN = "domain"  # the same, to all addresses of one domain
    TRY = "try"  # numbers of conversations that are not theirs, tried by one identity
    COPY = "copy"  # copies of their messages, for one customer


TRIES: Final = 5
"""The limit of numbers that are not theirs which one identity may try within a day."""


class EscalationState(StrEnum):
    WAITING = "waiting"
    HELD = "held"
    RESOLVED = "resolved"
    RETURNED = "returned"


class RoomPurpose(StrEnum):
    """The purpose of a room. A conversation may have several rooms open at once, one for each purpose."""

    ESCALATION = "escalation"  # people answer a matter that needs them
    SUPERVISION = "supervision"  # people watch what an agent says, and may take over
    CO_PILOT = "co-pilot"  # a person answers, and an agent drafts for them
    TRAINING = "training"  # people show an agent how it should have answered


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """A thread where staff see and handle a conversation. `place.thread` is "" until the card is posted.

    `name` is the chat's name in the organization file, `place.chat` its platform's id once that is known.
    """

    id: UUID
    team: TeamId
    place: Place
    name: str = ""
    open: bool = True
    purpose: RoomPurpose = RoomPurpose.ESCALATION


class Urgency(StrEnum):
    """The urgency of an escalation, as the organization file gives it for its trigger."""

    NORMAL = "normal"
    HIGH = "high"  # stands out on the card
    CRITICAL = "critical"  # like high, and it does not wait for the team's opening hours


@dataclass(frozen=True, slots=True, kw_only=True)
class Escalation:
    id: EscalationId
    state: EscalationState
    agent: AgentId  # who escalated, and to whom it may be returned
    team: TeamId
    reason: str
    why: str
    tried: str
    urgency: Urgency
    opened_at: datetime
    deadline: datetime | None
    step: int  # index into the ladder
    holder: PersonId | None = None  # if the escalation is closed, the last holder
    closed_by: PersonId | None = None
    assignee: PersonId | None = None  # the person for whom it waits in the queue
    trigger: str = ""
    room: Room | None = None


@dataclass(frozen=True, slots=True)
class Proof:
    """The verification of an address by a code that was sent there.

    `subject` names the place that was begun at the address; `digest` is a hash of subject and code. `address`
    is masked, as the customer sees it.
    """

    subject: str
    digest: str
    expires_at: datetime
    address: str
    tries: int = 0
    settled: bool = False  # it was used or is too old, and is kept to recognize the code when typed again

    def missed(self) -> "Proof":
        return replace(self, tries=self.tries + 1)

    def done(self) -> "Proof":
        return replace(self, settled=True)


@dataclass(frozen=True, slots=True)
class PendingReceipt:
    """A receipt that came before its delivery was recorded.

    `tries` counts how often it was looked at again.
    """

    status: str
    message: str  # the platform's id
    code: str = ""
    reason: str = ""
    tries: int = 0
    copied: str = ""


@dataclass(frozen=True, slots=True)
class Deed:
    """The newest act of its kind that is no message: a reaction, a block.

    Stored in clear, so it has no text.
    """

    kind: str
    value: str = ""
    message: MessageId | None = None
    times: int = 1  # how many acts of that kind there were


@dataclass(frozen=True, slots=True)
class Burst:
    """Messages that come faster than they are shown line by line: one post in a room, which grows."""

    room: str
    post: UUID | None = None  # the name of its post; None: an older version began it, without a name
    newest: MessageId | None = None  # a reply or reaction of staff to the post is meant for this message
    theirs: tuple[datetime, datetime] | None = None  # times of the customer's first and newest message in it
    others: tuple[datetime, datetime] | None = None  # the same for strangers in the thread
    messages: int = 0
    changed: tuple[
        MessageId, ...
    ] = ()  # the newest messages from before the burst that were edited or deleted
    changes: int = 0  # how many such edits and deletions there were
    deeds: tuple[Deed, ...] = ()  # one of each kind
    over: bool = False  # the burst has ended: what comes next begins another one
    earlier: tuple[UUID, ...] = ()  # its earlier posts, which could not be edited any more or never arrived
    stale: bool = False  # its post cannot be edited, and the next one waits for a moment
    files: tuple[tuple[MessageId, int], ...] = ()  # fetched files, by position, still to be shown together
    more_files: int = 0  # files that are too many to be shown, or could not be fetched


@dataclass(frozen=True, slots=True)
class OutgoingReaction:
    """An emoji of the holder for a customer's message. `line` shows that message to staff, in `room`."""

    message: str  # the id of the customer's message
    emoji: str
    line: str  # the platform's id
    room: str
    person: PersonId
    left: bool = False  # False: it waits for its undo time


@dataclass(frozen=True, slots=True)
class Album:
    """Messages of staff that belong together. `private`: the text of one of them keeps all of them inside."""

    id: str  # the platform's
    messages: tuple[str, ...] = ()  # the platform's ids
    private: bool = False


@dataclass(frozen=True, slots=True)
class Control:
    """The control over the customer's chat on an account since `at`, where several apps serve that chat."""

    account: str
    ours: bool
    at: datetime  # by the platform's clock
    passed: datetime | None = None  # when another app last gave it to us: what it was told before is ours


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """The values that a conversation remembers between turns besides its log."""

    misses: int = 0
    awaiting_option: bool = False
    told_waiting: int = 0  # how often the customer was told that it takes longer
    unreachable: bool = False
    proof: Proof | None = None
    early: tuple[PendingReceipt, ...] = ()
    parked: int = 0  # messages that wait until the customer writes again
    options: tuple[tuple[str, str], ...] = ()  # values and labels that the last question offered
    channel: str = ""  # where the customer wrote last
    language: str = ""  # the language that the customer surely wrote in last; "" while it is not known
    advised: tuple[str, ...] = ()  # keys of advice that staff were given once, such as a person's id
    reactions: tuple[OutgoingReaction, ...] = ()
    albums: tuple[Album, ...] = ()
    failures: int = 0
    closing: str = ""  # the message that tells the customer of the last Resolve or Return
    owed: tuple[MessageId, ...] = ()  # what an agent must answer once the earlier messages have left
    unwanted: tuple[tuple[MessageId, int], ...] = ()  # files, by position, that must not leave any more
    lost: tuple[tuple[str, str], ...] = ()  # accounts and channels ("": all) that the escalation cannot use
    burst: Burst | None = None  # the newest burst
    automatic: bool = False  # a program wrote last, which no agent answers
    gathered: bool = False  # the escalation has no room, and is listed in a notice of its team
    controls: tuple[Control, ...] = ()  # one for each account where something has been told of it
    kept: tuple[MessageId, ...] = ()  # messages of the customer that another app is to answer now
    beside: MessageId | None = None  # what a colleague wrote last where the customer reads, beside the desk
    mended: int = 0  # how often the escalation's room was replaced, or a line repeated that may be lost


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    id: ConversationId
    organization: OrgId
    customer: CustomerId
    customer_name: str
    language: str
    place: Place  # where the customer is: we answer there
    owner: Owner
    status: Status
    created_at: datetime
    number: int = 0  # a short number for people: see `bot.core.numbers`
    memory: Memory = field(default_factory=Memory)
    verified: bool = True  # False: it is not verified that this customer is who they say
    return_verified: bool = True  # False: answers may reach somebody who never wrote
    address: str = ""  # `Sender.address` of who wrote first in `place`, if that is theirs
    heard_at: datetime | None = None  # when the customer last wrote in `place`, by the platform's clock
    open_until: datetime | None = None  # free text is accepted there until then, whenever they wrote
    continued_in: ConversationId | None = None  # a later conversation that was begun in `place`
    erased: Erased | None = None  # if set, nothing the customer wrote can be read, and `place` is empty


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A conversation whose status is asked for by somebody who has proved to be its customer."""

    id: ConversationId
    number: int
    customer: CustomerId  # if customers were merged, the one that was kept
    status: Status
    created_at: datetime
    resolved_at: datetime | None
    room: UUID | None = None  # the room in which staff handle it now
    name: str = ""  # of the customer who wrote in it, if they asked for a copy
    log: tuple[Message, ...] = ()  # what its customer wrote and was told, if they asked for a copy


@dataclass(frozen=True, slots=True)
class Asker:
    """The one who asks by a number: the identity by which tries count, and the conversation if it is theirs.

    `case` is None for whoever has not proved to be its customer, exactly as for an unknown number. `own` is
    true if they have proved to be the customer of the conversation in which they ask.
    """

    identity: bytes
    case: Case | None = None
    own: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Everything that a turn knows, read at one moment under the lease."""

    now: datetime
    conversation: Conversation
    escalation: Escalation | None  # the open one
    inputs: tuple[Input, ...]  # in the order in which they were accepted
    timers: tuple[Timer, ...]  # those that came due
    story: tuple[Message, ...]  # the newest messages, in order, with those of `inputs`
    # Our messages by the platform ids in the inputs (or by the ISO form of a receipt's watermark): `refs` for
    # what left for the customer, `shown` for what rooms show. Two chats may have equal ids.
    refs: Mapping[str, tuple[MessageId, ...]] = field(default_factory=dict)
    shown: Mapping[str, tuple[MessageId, ...]] = field(default_factory=dict)
    leaving: frozenset[MessageId] = frozenset()  # messages with files, of which a part has yet to leave
    # Of our messages that an input may change: `unsent` are those of which nothing has begun to leave,
    # `begun` those of which the customer has a part already. What is being sent, or may have arrived, is in
    # neither.
    unsent: frozenset[MessageId] = frozenset()
    begun: frozenset[MessageId] = frozenset()
    # The platform's ids of the lines in the open room that show the messages that inputs answer.
    lines: Mapping[MessageId, str] = field(default_factory=dict)
    parts: frozenset[str] = frozenset()  # keys of `refs` that are not the last part of their message
    closed: Escalation | None = None  # the newest escalation, when none is open
    rooms: tuple[Room, ...] = ()  # all rooms of this conversation, also closed ones, oldest first
    # When things were counted within a day, in this and in other conversations: see `Counted`.
    replies: Mapping[Counted, tuple[datetime, ...]] = field(default_factory=dict)
    # How many messages of the organization became in doubt within a minute, by the owning agent. Read only
    # when a due timer needs it.
    in_doubt: Mapping[str, int] = field(default_factory=dict)
    # Messages with a timer for being in doubt that have been delivered after all.
    arrived: frozenset[MessageId] = frozenset()
    more: bool = False  # more inputs wait than one turn takes
    # Until when the customer, others in their thread, and all who write to the account count as writing
    # faster than the organization allows.
    customer_floods: datetime | None = None
    others_flood: datetime | None = None
    account_floods: datetime | None = None
    # How many other conversations of the same origin, begun within the hour before this one, need people
    # too. The origin is its customer, if they flood us, or all unverified senders at its account.
    crowd: int = 0

    askers: Mapping[int, Asker] = field(default_factory=dict)  # by `Input.seq`: who asked by a number
    # Inputs of earlier turns whose messages may have to be answered now: those that memory keeps, and the
    # newest ones if another app may have taken the chat over before our answers left.
    heard: tuple[Input, ...] = ()

    @property
    def held(self) -> tuple[Message, ...]:
        return tuple(message for message in self.story if message.state is MessageState.HELD)
