"""What a turn decided, as data. A turn commits all of its effects or none; see `bot.turns`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from bot.core.conversation import Counted, Escalation, Memory, Message, MessageState, Owner, Room, Status
from bot.core.events import Place
from bot.core.ids import EscalationId, MessageId, TeamId
from bot.core.outbound import DirectMessage, Operation, Post


@dataclass(frozen=True, slots=True)
class AddMessage:
    """A new entry of the log, in the place that was kept free for it or at the end.

    `written_at` is where its files are fetched from, if not from the room in which it was written. `contents`
    are those of files that are fetched from nowhere, in the order of the attachments: texts of ours.
    """

    message: Message
    position: int | None = None
    written_at: Place | None = None
    contents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ChangeMessage:
    """None leaves a part as it is."""

    message: MessageId
    state: MessageState | None = None
    text: str | None = None
    reply_to: MessageId | None = None
    disclosed: str | None = None  # of words of ours, which refer to nothing else


@dataclass(frozen=True, slots=True)
class Deliver:
    """Send a message of the log to the customer. The row of the message exists or is among the effects."""

    message: MessageId
    post: Post
    report: bool = False  # tell the conversation when it is delivered, too, not only when it failed


@dataclass(frozen=True, slots=True)
class CountReply:
    """Count an automatic reply to where the customer's answers go, or what `subject` did.

    If other conversations have left no room for it when this is committed (`most` within `window`), the turn
    is decided again.
    """

    kind: Counted
    most: int
    window: timedelta
    subject: bytes = b""


@dataclass(frozen=True, slots=True)
class Amend:
    """Change at the customer what was delivered of a message."""

    message: MessageId
    post: Post


@dataclass(frozen=True, slots=True)
class Retract:
    """Delete at the customer what was delivered of a message."""

    message: MessageId


@dataclass(frozen=True, slots=True)
class SendAgain:
    """Put a dead delivery of a message back into the outbox. Does nothing if there is none."""

    message: MessageId


@dataclass(frozen=True, slots=True)
class JoinNotice:
    """List a message whose fate nobody knows in the notice of its team, at that place, and show that."""

    message: MessageId
    team: TeamId
    place: Place


@dataclass(frozen=True, slots=True)
class Gather:
    """List an escalation without a room in the notice of its team for such, at that place, and show that."""

    escalation: EscalationId
    team: TeamId
    place: Place


@dataclass(frozen=True, slots=True)
class ShowGathered:
    """Let the notice that lists an escalation show how things stand, now that it has a room."""

    escalation: EscalationId


@dataclass(frozen=True, slots=True)
class LeaveNotice:
    """List a message in no notice any more, and let the one that did show that: staff have it in a room."""

    message: MessageId


@dataclass(frozen=True, slots=True)
class ShowNotice:
    """Let a notice show how things stand now."""

    notice: UUID
    pressed_by: str = ""  # the name of who has pressed its button; the first is kept


@dataclass(frozen=True, slots=True)
class Fail:
    """What the platform took of a message and could not deliver is dead, from the part `ref` on."""

    message: MessageId
    ref: str  # the platform's id of that part
    reason: str


@dataclass(frozen=True, slots=True)
class Park:
    """What the platform took of a message and refused afterwards waits until the customer writes again."""

    message: MessageId


@dataclass(frozen=True, slots=True)
class Unpark:
    """The customer has written again: let what was parked leave, each once, in its order."""


@dataclass(frozen=True, slots=True)
class Drop:
    """Never send what has not left of a message: what waits, is parked or is dead.

    `unsent`: it was decided in the belief that nothing of it has begun to leave. If that is no longer true
    when it is committed, the turn is decided again.
    """

    message: MessageId
    unsent: bool = False


@dataclass(frozen=True, slots=True)
class Replace:
    """Let what waits, is parked or is dead of a message read like this, in its place.

    `unsent`: as in `Drop`.
    """

    message: MessageId
    post: Post
    unsent: bool = False


@dataclass(frozen=True, slots=True)
class Prove:
    """Write a code to an address that nobody has proved to be this customer's: as to a stranger."""

    subject: str  # a new id
    place: Place
    context: str
    address: str
    post: Post


@dataclass(frozen=True, slots=True)
class GoOn:
    """The address is proved: it is the customer's, and the conversation goes on there, with this message.

    `address` is masked; the real one stands, sealed, where `subject` began.
    """

    subject: str
    address: str
    message: MessageId
    post: Post


@dataclass(frozen=True, slots=True)
class Show:
    """Do something to a message of the customer where they see it: put our emoji on it. Its fate is told."""

    message: MessageId
    operation: Operation


@dataclass(frozen=True, slots=True)
class OpenEscalation:
    escalation: Escalation


@dataclass(frozen=True, slots=True)
class ChangeEscalation:
    """The whole new value; only rooms are changed by effects of their own."""

    escalation: Escalation


@dataclass(frozen=True, slots=True)
class AddStep:
    """`EscalationStep` of the specification: one step of the escalation's path, the story as it stood."""

    escalation: EscalationId
    from_: str
    to: str
    reason: str
    snapshot: str = ""


@dataclass(frozen=True, slots=True)
class OpenRoom:
    """Post the card and let a thread begin. What is told to the room comes after it."""

    room: Room
    escalation: EscalationId


@dataclass(frozen=True, slots=True)
class CloseRoom:
    """Nothing that staff write there reaches anybody any more."""

    room: UUID


@dataclass(frozen=True, slots=True)
class ReopenRoom:
    """Let a closed room speak again, in the same thread."""

    room: UUID


@dataclass(frozen=True, slots=True)
class ShowCard:
    """Let the card show how things stand when it is sent; several in a row are one."""

    room: UUID


@dataclass(frozen=True, slots=True)
class TellRoom:
    """Do something in the room's thread, whether the room is open or closed.

    `about` is the message whose fate or words it shows.
    """

    room: UUID
    operation: Operation
    about: MessageId | None = None
    grows: UUID | None = None  # by that name `GrowPost` changes it later


@dataclass(frozen=True, slots=True)
class TellOtherRoom:
    """Post into the room of another conversation of the same organization. Does nothing if that is gone."""

    room: UUID
    post: Post


@dataclass(frozen=True, slots=True)
class GrowPost:
    """Let a post that grows read like this, and mean `newest`.

    Several in a row are one. The conversation hears when it cannot be changed, or never arrived.
    """

    room: UUID
    grows: UUID  # as in `TellRoom`
    newest: MessageId | None
    post: Post


@dataclass(frozen=True, slots=True)
class DeletePosts:
    """Delete all that we posted to staff about this conversation, in rooms and to single persons.

    Cards stay. What is posted by effects that come after it stays, too.
    """


@dataclass(frozen=True, slots=True)
class Offer:
    """Let staff choose in the room, by buttons, what becomes of a message: `SettleOffer` replaces them."""

    room: UUID
    post: Post
    message: MessageId


@dataclass(frozen=True, slots=True)
class SettleOffer:
    """Let the newest offer about a message read like this. Does nothing if there is none."""

    message: MessageId
    post: Post


@dataclass(frozen=True, slots=True)
class TellPerson:
    """Write to one person of the staff directly. The conversation is told when that fails."""

    message: DirectMessage


@dataclass(frozen=True, slots=True)
class Move:
    """Give the word to somebody. `reopen`: how long a resolved conversation can be gone on with."""

    owner: Owner
    status: Status
    reopen: timedelta | None = None


@dataclass(frozen=True, slots=True)
class SetTimer:
    kind: str
    subject: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class ClearTimers:
    """Stop the timers of a kind; of one subject, or of all."""

    kind: str
    subject: str | None = None


@dataclass(frozen=True, slots=True)
class Remember:
    memory: Memory


@dataclass(frozen=True, slots=True)
class Introduce:
    """What the customer is called, where the channel could not say so when they first wrote."""

    name: str
    handle: str
    language: str


@dataclass(frozen=True, slots=True)
class Audit:
    actor: str
    action: str
    subject: str
    details: Mapping[str, str | int | bool | None] = field(default_factory=dict)


Effect = (
    AddMessage
    | ChangeMessage
    | Deliver
    | CountReply
    | Amend
    | Retract
    | SendAgain
    | JoinNotice
    | Gather
    | ShowGathered
    | LeaveNotice
    | ShowNotice
    | Fail
    | Park
    | Unpark
    | Drop
    | Replace
    | Prove
    | GoOn
    | Show
    | OpenEscalation
    | ChangeEscalation
    | AddStep
    | OpenRoom
    | CloseRoom
    | ReopenRoom
    | ShowCard
    | TellRoom
    | TellOtherRoom
    | GrowPost
    | DeletePosts
    | Offer
    | SettleOffer
    | TellPerson
    | Move
    | SetTimer
    | ClearTimers
    | Remember
    | Introduce
    | Audit
)
