"""Define effects: what a turn decided, as data. A turn commits all of them or none; see `bot.turns`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from bot.core.conversation import Counted, Escalation, Memory, Message, MessageState, Owner, Room, Status
from bot.core.events import Place, Reference
from bot.core.ids import EscalationId, MessageId, TeamId
from bot.core.outbound import DirectMessage, Operation, Post


@dataclass(frozen=True, slots=True)
class AddMessage:
    """Add an entry to the log, at the position that was reserved for it or at the end.

    `written_at` is the place from which its files are fetched, if not the room in which it was written.
    `contents` are the contents of files that need no fetching, because we made them, in the order of the
    attachments. `extends` is an earlier entry of the same writer, to which this one adds files.
    """

    message: Message
    position: int | None = None
    written_at: Place | None = None
    contents: tuple[str, ...] = ()
    extends: MessageId | None = None


@dataclass(frozen=True, slots=True)
class ChangeMessage:
    """Change a message of the log. A field that is None stays as it is.

    A new text is an edit, unless the `reference` says that the customer stopped the message: then it is what
    they were shown.
    """

    message: MessageId
    state: MessageState | None = None
    text: str | None = None
    reply_to: MessageId | None = None
    reference: Reference | None = None

    @property
    def edits(self) -> bool:
        """Return whether this is an edit of the text."""
        return self.text is not None and not (self.reference is not None and self.reference.stopped)


@dataclass(frozen=True, slots=True)
class Deliver:
    """Send a message of the log to the customer. Its row exists or is among the effects."""

    message: MessageId
    post: Post
    report: bool = False  # report to the conversation also a success, not only a failure


@dataclass(frozen=True, slots=True)
class CountReply:
    """Count an automatic reply to where the customer's answers go, or a request by `subject`.

    If other conversations have used up the limit when this is committed (`most` within `window`), the turn is
    decided again.
    """

    kind: Counted
    most: int
    window: timedelta
    subject: bytes = b""


@dataclass(frozen=True, slots=True)
class Amend:
    """Edit a delivered message where the customer reads it."""

    message: MessageId
    post: Post


@dataclass(frozen=True, slots=True)
class Retract:
    """Delete a delivered message, or its delivered parts, where the customer reads it."""

    message: MessageId


@dataclass(frozen=True, slots=True)
class SendAgain:
    """Put the dead delivery of a message back into the outbox. Does nothing if there is none."""

    message: MessageId


@dataclass(frozen=True, slots=True)
class JoinNotice:
    """List a message in doubt in the notice of its team, at that place, and update the notice."""

    message: MessageId
    team: TeamId
    place: Place


@dataclass(frozen=True, slots=True)
class Gather:
    """List an escalation without a room in the notice of its team, at that place, and update the notice."""

    escalation: EscalationId
    team: TeamId
    place: Place


@dataclass(frozen=True, slots=True)
class ShowGathered:
    """Update the notice that lists an escalation, now that the escalation has a room."""

    escalation: EscalationId


@dataclass(frozen=True, slots=True)
class LeaveNotice:
    """Remove a message from its notice, and update the notice: staff have the message in a room."""

    message: MessageId


@dataclass(frozen=True, slots=True)
class ShowNotice:
    """Update a notice to the present state."""

    notice: UUID
    pressed_by: str = ""  # the name of the person who pressed its button; the first one is kept


@dataclass(frozen=True, slots=True)
class Fail:
    """Record that the platform accepted a message and could not deliver it, from the part `ref` on."""

    message: MessageId
    ref: str  # the platform's id of that part
    reason: str


@dataclass(frozen=True, slots=True)
class Park:
    """Park a message that the platform accepted and then refused, until the customer writes again."""

    message: MessageId


@dataclass(frozen=True, slots=True)
class Unpark:
    """Let the parked messages leave because the customer has written: each once, in their order."""


@dataclass(frozen=True, slots=True)
class Drop:
    """Never send what has not left of a message, whether it waits, is parked or is dead.

    `unsent`: the turn assumed that nothing of it has begun to leave. If that is no longer true when this is
    committed, the turn is decided again.
    """

    message: MessageId
    unsent: bool = False


@dataclass(frozen=True, slots=True)
class Replace:
    """Replace the text of what has not left of a message, in its place in the outbox.

    `unsent`: as in `Drop`.
    """

    message: MessageId
    post: Post
    unsent: bool = False


@dataclass(frozen=True, slots=True)
class StartVerification:
    """Send a code to an address that is not verified as this customer's, as if to a stranger."""

    subject: str  # a new id
    place: Place
    context: str
    address: str
    post: Post


@dataclass(frozen=True, slots=True)
class CompleteVerification:
    """Continue the conversation at the verified address, which is the customer's now, with this message.

    `address` is masked; the real one is stored, sealed, under `subject`.
    """

    subject: str
    address: str
    message: MessageId
    post: Post


@dataclass(frozen=True, slots=True)
class Show:
    """Show something on a message of the customer where they see it: our emoji. The outcome is reported."""

    message: MessageId
    operation: Operation


@dataclass(frozen=True, slots=True)
class OpenEscalation:
    escalation: Escalation


@dataclass(frozen=True, slots=True)
class ChangeEscalation:
    """Store the whole new value of an escalation. Only rooms are changed by effects of their own."""

    escalation: Escalation


@dataclass(frozen=True, slots=True)
class AddStep:
    """Add a step to the escalation's path: the specification's `EscalationStep`, with the story so far."""

    escalation: EscalationId
    from_: str
    to: str
    reason: str
    snapshot: str = ""


@dataclass(frozen=True, slots=True)
class OpenRoom:
    """Post the card, which begins a thread. Whatever is told to the room follows it.

    `escalation` None: the room has another purpose.
    """

    room: Room
    escalation: EscalationId | None = None


@dataclass(frozen=True, slots=True)
class CloseRoom:
    """Close a room: nothing that staff write there reaches anybody any more."""

    room: UUID


@dataclass(frozen=True, slots=True)
class ReopenRoom:
    """Open a closed room again, in the same thread."""

    room: UUID


@dataclass(frozen=True, slots=True)
class ShowCard:
    """Update the card. It is rendered when it is sent, and several updates in a row are sent as one."""

    room: UUID


@dataclass(frozen=True, slots=True)
class TellRoom:
    """Carry out an operation in the room's thread, whether the room is open or closed.

    `about` is the message whose text or outcome it shows.
    """

    room: UUID
    operation: Operation
    about: MessageId | None = None
    grows: UUID | None = None  # the name under which `GrowPost` edits the post later


@dataclass(frozen=True, slots=True)
class TellOtherRoom:
    """Post into the room of another conversation of the same organization.

    Does nothing if the room is gone.
    """

    room: UUID
    post: Post


@dataclass(frozen=True, slots=True)
class GrowPost:
    """Edit a post that grows, and let it stand for the message `newest`.

    Several in a row are sent as one. The conversation gets a report when the post cannot be edited, or never
    arrived.
    """

    room: UUID
    grows: UUID  # as in `TellRoom`
    newest: MessageId | None
    post: Post


@dataclass(frozen=True, slots=True)
class DeletePosts:
    """Delete everything that we posted to staff about this conversation, in rooms and to single persons.

    Cards stay. What later effects post stays, too.
    """


@dataclass(frozen=True, slots=True)
class Offer:
    """Offer staff buttons in the room that decide about a message. `SettleOffer` replaces them."""

    room: UUID
    post: Post
    message: MessageId


@dataclass(frozen=True, slots=True)
class SettleOffer:
    """Replace the newest offer about a message by this post. Does nothing if there is none."""

    message: MessageId
    post: Post


@dataclass(frozen=True, slots=True)
class TellPerson:
    """Write to one person of the staff directly. A failure is reported to the conversation."""

    message: DirectMessage


@dataclass(frozen=True, slots=True)
class Move:
    """Set the owner and the status. `reopen`: how long a resolved conversation can be continued."""

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
    """Clear the timers of a kind, of one subject or of all."""

    kind: str
    subject: str | None = None


@dataclass(frozen=True, slots=True)
class Remember:
    memory: Memory


@dataclass(frozen=True, slots=True)
class Introduce:
    """Store the customer's name, if the channel could not tell it when they first wrote."""

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
    | StartVerification
    | CompleteVerification
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
