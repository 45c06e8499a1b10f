"""A conversation as a turn sees it: frozen values, decrypted, of one moment."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
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
    """Who has the word. `name` is the id of the flow, agent, team or person."""

    kind: OwnerKind
    name: str


class Status(StrEnum):
    """`resolutionStatus` of the specification."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    ESCALATED = "escalated"
    RESOLVED = "resolved"


class Role(StrEnum):
    """Beside the specification's sender_type (human, agent, system) this tells customer from staff."""

    CUSTOMER = "customer"
    STAFF = "staff"
    AGENT = "agent"
    SYSTEM = "system"


class MessageState(StrEnum):
    RECEIVED = "received"  # from the customer
    NOTE = "note"  # stays inside
    HELD = "held"  # a person's words, waiting for their undo
    RELEASED = "released"  # given to the outbox
    PARKED = "parked"  # the channel takes no free text now: it leaves when the customer has written again
    SENT = "sent"  # the platform has it, and will tell more
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"  # never sent
    DELETED = "deleted"  # sent or received, then deleted


class Origin(StrEnum):
    """Where something comes from: the customer's place, a room of staff, or ourselves."""

    CUSTOMER = "customer"
    ROOM = "room"
    SELF = "self"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    id: MessageId
    role: Role
    sender: str  # customer id, agent id, person id
    text: str
    state: MessageState
    at: datetime
    ref: str = ""  # the platform's id where it was written
    room: UUID | None = None  # where staff wrote it
    attachments: tuple[Attachment, ...] = ()
    edited: bool = False
    reply_to: MessageId | None = None  # the message of the log that it answers
    reference: Reference = NO_REFERENCE


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """What became of a message's delivery, told to its conversation as an event of our own."""

    message: MessageId | None  # None: it was about no single message
    delivery: DeliveryId
    # "delivered", "failed", "unknown", "parked", "delayed" (it is tried again), or "unchanged": what was to
    # be changed or deleted at the customer, or deleted where staff see it, still stands there.
    outcome: str
    reason: str = ""  # the platform's code
    unreachable: bool = False  # the customer cannot be written to at all
    room: UUID | None = None  # it was shown there, to staff
    code: str = ""  # of the SendError
    card: bool = True  # of what was shown in a room: its card, else a line
    absent: str = ""  # whom it called, as the room's channel knows them: they are not in that chat
    direct: DirectMessage | None = None  # it was written to one person of the staff, and did not reach them
    grows: UUID | None = None  # it was this post of a burst, or a change of it
    notice: UUID | None = None  # that lists the message


@dataclass(frozen=True, slots=True)
class FileReport:
    """What became of fetching an attachment, told to its conversation as an event of our own."""

    message: MessageId
    position: int  # among the attachments of the message
    outcome: str  # "stored", "refused" (too large, infected) or "failed" (gone, never to be had)
    reason: str = ""


@dataclass(frozen=True, slots=True)
class HolderLeft:
    """A person can hold no conversation any more, told to each conversation which they may hold.

    `reason` goes on where `name` ends: "was removed from the organization". `step` is set for one who holds
    nothing and was asked at that step of the ladder, as an earlier organization file had it.
    """

    person: PersonId
    name: str
    reason: str
    step: int | None = None


@dataclass(frozen=True, slots=True)
class TeamChanged:
    """A new organization file took the team of an open escalation away, or gave it another channel."""

    team: TeamId


@dataclass(frozen=True, slots=True)
class CustomerErased:
    """The customer was erased, with all that they wrote."""


@dataclass(frozen=True, slots=True)
class Erased:
    """When a customer was erased, and by whom: as the audit log names them, "" where nobody asked for it."""

    at: datetime
    by: str = ""


@dataclass(frozen=True, slots=True)
class OrganizationRetired:
    """The organization has ended: nothing is sent for it any more."""


@dataclass(frozen=True, slots=True)
class CustomerMerged:
    """The customer was found to be one with another, or was `parted` from them again."""

    other: CustomerId
    parted: bool = False


Body = (
    Event
    | DeliveryReport
    | FileReport
    | HolderLeft
    | TeamChanged
    | CustomerErased
    | CustomerMerged
    | OrganizationRetired
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One accepted thing which the conversation has not dealt with yet."""

    seq: int
    origin: Origin
    body: Body
    message: MessageId | None = None  # the entry of the log that it made when it was accepted
    position: int | None = None  # kept free in the log for the entry that a turn makes of it
    at: datetime | None = None  # when it was accepted


@dataclass(frozen=True, slots=True)
class Timer:
    """A clock of the conversation. At most one for each kind and subject."""

    kind: str
    subject: str
    due_at: datetime


class Counted(StrEnum):
    """What is counted whatever conversation it belongs to: automatic replies by where they go, and more."""

    REPLY = "reply"  # to one address
    ACKNOWLEDGEMENT = "acknowledgement"  # of mail that nobody vouches for, to one address
    DOMAIN = "domain"  # the same, to all addresses of one domain
    TRY = "try"  # of a number that is not the asker's, by whoever asks
    TRIES = "tries"  # the same, by everybody who asks the organization
    COPY = "copy"  # of their messages, for one customer


TRIES: Mapping[Counted, int] = MappingProxyType({Counted.TRY: 5, Counted.TRIES: 300})
"""So many numbers may be tried within a day: by one identity, and by all of an organization's."""


class EscalationState(StrEnum):
    WAITING = "waiting"
    HELD = "held"
    RESOLVED = "resolved"
    RETURNED = "returned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """Where staff handle an escalation. `place.thread` is "" until the card has been posted.

    `name` is the chat as the organization file names it, `place.chat` the platform's id once that is known.
    """

    id: UUID
    team: TeamId
    place: Place
    name: str = ""
    open: bool = True


class Urgency(StrEnum):
    """How much an escalation presses, as the organization file says of its trigger."""

    NORMAL = "normal"
    HIGH = "high"  # stands out on the card
    CRITICAL = "critical"  # as high, and the hours of the team are not waited for


@dataclass(frozen=True, slots=True, kw_only=True)
class Escalation:
    id: EscalationId
    state: EscalationState
    agent: AgentId  # from whom; to whom it may return
    team: TeamId
    reason: str
    why: str
    tried: str
    urgency: Urgency
    opened_at: datetime
    deadline: datetime | None
    step: int  # index into the ladder
    holder: PersonId | None = None  # once it is closed: who had it last
    closed_by: PersonId | None = None
    assignee: PersonId | None = None  # for whom it waits in the queue
    trigger: str = ""
    room: Room | None = None


@dataclass(frozen=True, slots=True)
class Proof:
    """A code was sent to an address. `subject` names the place that was begun there, `digest` is of both.

    `address` is masked: it is for the customer's eyes.
    """

    subject: str
    digest: str
    expires_at: datetime
    address: str
    tries: int = 0
    settled: bool = False  # it was used or is too old, and is kept so that the code is known when typed again

    def missed(self) -> "Proof":
        return replace(self, tries=self.tries + 1)

    def done(self) -> "Proof":
        return replace(self, settled=True)


@dataclass(frozen=True, slots=True)
class Early:
    """A receipt that came before it was recorded as what the message left; looked at again `tries` times."""

    status: str
    message: str  # the platform's id
    code: str = ""
    reason: str = ""
    tries: int = 0
    copied: str = ""


@dataclass(frozen=True, slots=True)
class Deed:
    """The newest of its kind that is no message: a reaction, a block. Kept in clear, so it holds no words."""

    kind: str
    value: str = ""
    message: MessageId | None = None
    times: int = 1  # how many of that kind there were


@dataclass(frozen=True, slots=True)
class Burst:
    """What is written faster than it is shown line by line: one post in a room, which grows."""

    room: str
    post: UUID | None = None  # names its post; None: it was begun before posts had names
    newest: MessageId | None = None  # what staff do with the post means this one
    theirs: tuple[datetime, datetime] | None = None  # when the customer wrote the first and the newest of it
    others: tuple[datetime, datetime] | None = None  # the same of strangers in the thread
    messages: int = 0
    changed: tuple[MessageId, ...] = ()  # that stood in the room before, and read otherwise now: the newest
    changes: int = 0  # of such messages, all of them
    deeds: tuple[Deed, ...] = ()  # one of each kind
    over: bool = False  # the next one is a burst of its own
    earlier: tuple[UUID, ...] = ()  # posts of it that could not be changed any more, or never arrived
    stale: bool = False  # its post cannot be changed, and the next one waits for a moment
    files: tuple[tuple[MessageId, int], ...] = ()  # fetched, by position, and still to be shown together
    more_files: int = 0  # fetched, and too many to be shown, or not to be had


@dataclass(frozen=True, slots=True)
class OutgoingReaction:
    """An emoji of the holder for a customer's message. `line` shows that message to staff, in `room`."""

    message: str  # the id of the customer's message
    emoji: str
    line: str  # the platform's id
    room: str
    person: PersonId
    left: bool = False  # False: it waits for its undo


@dataclass(frozen=True, slots=True)
class Album:
    """Messages of staff that belong together. `private`: the words of one of them keep all of them inside."""

    id: str  # the platform's
    messages: tuple[str, ...] = ()  # the platform's ids
    private: bool = False


@dataclass(frozen=True, slots=True)
class Control:
    """Who has the word in the customer's chat since `at`, where several programs serve it."""

    ours: bool
    at: datetime  # by the platform's clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What a conversation remembers between turns beside its log."""

    misses: int = 0
    awaiting_option: bool = False
    told_waiting: int = 0  # how often the customer was told that it takes longer
    unreachable: bool = False
    proof: Proof | None = None
    early: tuple[Early, ...] = ()
    parked: int = 0  # messages that wait until the customer writes again
    options: tuple[tuple[str, str], ...] = ()  # value and label of what the last question offered
    channel: str = ""  # where the customer wrote last
    language: str = ""  # in which the customer surely wrote last; "" while no words of theirs tell it
    advised: tuple[str, ...] = ()  # what staff were told once: persons that their words stay inside, and more
    reactions: tuple[OutgoingReaction, ...] = ()
    albums: tuple[Album, ...] = ()
    failures: int = 0
    closing: str = ""  # the message that tells the customer of the last Resolve or Return
    owed: tuple[MessageId, ...] = ()  # for an agent, once the words have left that were written before
    unwanted: tuple[tuple[MessageId, int], ...] = ()  # files, by position, that shall leave no more
    lost: tuple[tuple[str, str], ...] = ()  # account and channel (""; all) where the escalation cannot go on
    burst: Burst | None = None  # the newest
    automatic: bool = False  # a program wrote last, and no agent answers that
    gathered: bool = False  # the escalation has no room, and is in its team's notice of such
    control: Control | None = None  # None: nobody but we was ever heard of
    mended: int = 0  # how often the escalation's room was begun anew, or told again what perhaps got lost


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
    number: int = 0  # short, for people: see `bot.core.numbers`
    memory: Memory = field(default_factory=Memory)
    verified: bool = True  # False: nobody vouches that this customer is who they say
    return_verified: bool = True  # False: answers may reach somebody who never wrote
    address: str = ""  # where `place` is theirs: `Sender.address` of who wrote there first
    heard_at: datetime | None = None  # when the customer last wrote in `place`, by the platform's clock
    open_until: datetime | None = None  # free text is taken there till then, whenever they wrote
    continued_in: ConversationId | None = None  # another conversation has been begun in `place` since
    erased: Erased | None = None  # then nothing the customer wrote can be read, and `place` is nowhere


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A conversation whose customer asks how it stands, and has proved to be that."""

    id: ConversationId
    number: int
    customer: CustomerId  # of those who were merged, the one that was kept
    status: Status
    created_at: datetime
    resolved_at: datetime | None
    room: UUID | None = None  # where staff handle it now
    log: tuple[Message, ...] = ()  # what its customer wrote and was told, if a copy was asked for


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asked by a number: the identity, as tries are counted, and what is theirs of what was asked for.

    `case` is None for whoever has not proved to be its customer, exactly as if there were none.
    """

    identity: bytes
    case: Case | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """All that a turn knows, read in one moment under the lease."""

    now: datetime
    conversation: Conversation
    escalation: Escalation | None  # the open one
    inputs: tuple[Input, ...]  # in the order in which they were accepted
    timers: tuple[Timer, ...]  # those that came due
    story: tuple[Message, ...]  # the newest messages, oldest first, with those of `inputs`
    # What a platform id (or the ISO form of a receipt's watermark) in the inputs means in our log: of what
    # left for the customer, and of what rooms show. The ids of two chats may be the same.
    refs: Mapping[str, tuple[MessageId, ...]] = field(default_factory=dict)
    shown: Mapping[str, tuple[MessageId, ...]] = field(default_factory=dict)
    leaving: frozenset[MessageId] = frozenset()  # with files, and not all of them has left for the customer
    # Of the words of staff that an input may change: those of which nothing has begun to leave, and those of
    # which the customer has something already. What is under way, or may have arrived, is in neither.
    unsent: frozenset[MessageId] = frozenset()
    begun: frozenset[MessageId] = frozenset()
    # The platform's ids of the lines in the open room that show what the inputs answer.
    lines: Mapping[MessageId, str] = field(default_factory=dict)
    parts: frozenset[str] = frozenset()  # those of them which are not the last part of what they belong to
    closed: Escalation | None = None  # the newest escalation, when none is open
    rooms: tuple[Room, ...] = ()  # all of this conversation, also closed ones, oldest first
    # When automatic replies left for where answers go, in this and in other conversations, within a day.
    replies: Mapping[Counted, tuple[datetime, ...]] = field(default_factory=dict)
    # How many messages of the organization are in doubt since a minute, by the agent that has the word. Known
    # when a clock asks for it.
    in_doubt: Mapping[str, int] = field(default_factory=dict)
    # Of the messages that clocks hold for in doubt, those that a worker believed dead has delivered.
    arrived: frozenset[MessageId] = frozenset()
    more: bool = False  # inputs wait that are not among these: one turn takes so many at most
    # Until when the customer, others in their thread, and all who write to the account count as writing
    # faster than the organization allows.
    customer_floods: datetime | None = None
    others_flood: datetime | None = None
    account_floods: datetime | None = None
    # How many conversations were begun within the hour before this one that are of the same origin and need
    # people as well: of its customer, if they flood us, or of all at its account for whom nobody vouches.
    crowd: int = 0

    askers: Mapping[int, Asker] = field(default_factory=dict)  # by `Input.seq`: who asked by a number

    def message(self, ref: str, *, roles: tuple[Role, ...]) -> Message | None:
        """The newest message that the platform knows as `ref` and one of the roles wrote."""
        return next((m for m in reversed(self.story) if m.ref == ref and m.role in roles), None)

    @property
    def held(self) -> tuple[Message, ...]:
        return tuple(message for message in self.story if message.state is MessageState.HELD)
