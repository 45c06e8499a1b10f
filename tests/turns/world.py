"""A model of the world that a turn's effects change: rows, rooms, clocks and the outbox, without any of them.

`State.apply` is strict. An effect that refers to something that is not there, or that no world could obey,
fails at once; so do steps that the table of owners and the life of a message do not have.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from uuid import UUID

from bot.core.conversation import (
    Counted,
    Escalation,
    EscalationState,
    Memory,
    Message,
    MessageState,
    Owner,
    OwnerKind,
    Role,
    Room,
    Status,
    Timer,
    View,
)
from bot.core.effects import (
    AddMessage,
    AddStep,
    Amend,
    Audit,
    ChangeEscalation,
    ChangeMessage,
    ClearTimers,
    CloseRoom,
    CountReply,
    Deliver,
    Drop,
    Effect,
    Fail,
    GrowPost,
    Introduce,
    JoinNotice,
    Move,
    Offer,
    OpenEscalation,
    OpenRoom,
    Park,
    Remember,
    ReopenRoom,
    Replace,
    Retract,
    SendAgain,
    SetTimer,
    SettleOffer,
    Show,
    ShowCard,
    ShowNotice,
    TellPerson,
    TellRoom,
    Unpark,
)
from bot.core.ids import EscalationId, MessageId
from bot.core.outbound import Post, React, Whisper
from bot.turns.ownership import TRANSITIONS, Impossible
from bot.turns.story import said

_S = MessageState
LIFE = {
    _S.RECEIVED: {_S.DELETED, _S.NOTE},  # a one-time code is no word of the matter
    _S.NOTE: {_S.DELETED, _S.HELD},
    _S.HELD: {_S.RELEASED, _S.NOTE, _S.WITHDRAWN},
    _S.RELEASED: {
        _S.RELEASED,
        _S.PARKED,
        _S.SENT,
        _S.DELIVERED,
        _S.READ,
        _S.FAILED,
        _S.DELETED,
        _S.WITHDRAWN,
        _S.NOTE,
    },
    _S.PARKED: {_S.RELEASED, _S.WITHDRAWN, _S.NOTE},
    _S.SENT: {_S.RELEASED, _S.DELIVERED, _S.READ, _S.FAILED, _S.DELETED},
    _S.DELIVERED: {_S.READ, _S.FAILED, _S.DELETED},
    _S.READ: {_S.FAILED, _S.DELETED},
    _S.FAILED: {_S.NOTE, _S.RELEASED, _S.PARKED, _S.SENT, _S.DELIVERED, _S.DELETED, _S.WITHDRAWN},
    _S.WITHDRAWN: {_S.DELETED},
    _S.DELETED: {_S.DELETED},
}
STEPS = {(before, after) for (before, _), after in TRANSITIONS.items() if not isinstance(after, Impossible)}
AHEAD = ("Correction: ", "Please disregard")  # they are about what has left
OVER = (EscalationState.RESOLVED, EscalationState.RETURNED)


@dataclass
class Out:
    """One thing that must leave. `message` is None for a card, `room` for words to the customer."""

    message: MessageId | None
    room: UUID | None
    report: bool
    post: Post | None = None
    tried: bool = False
    dead: bool = False
    parked: bool = False

    @property
    def waits(self) -> bool:
        """Nothing of it has left."""
        return not self.tried or self.dead or self.parked


@dataclass
class State:
    """One conversation and what belongs to it."""

    owner: Owner
    status: Status
    memory: Memory
    escalation: Escalation | None
    messages: dict[MessageId, Message]
    timers: dict[tuple[str, str], Timer]
    closed: Escalation | None = None  # the newest one, when none is open
    rooms: dict[UUID, Room] = field(default_factory=dict)
    known: set[EscalationId] = field(default_factory=set)
    outbox: list[Out] = field(default_factory=list)
    offers: set[MessageId] = field(default_factory=set)  # of which messages staff may choose what becomes
    replies: dict[Counted, tuple[timedelta, ...]] = field(default_factory=dict)  # how long ago

    @classmethod
    def of(cls, view: View) -> "State":
        """Return it as the view tells it; of what is over and of what has left a view tells nothing."""
        state = cls(
            view.conversation.owner,
            view.conversation.status,
            view.conversation.memory,
            view.escalation,
            {message.id: message for message in view.story},
            {(timer.kind, timer.subject): timer for timer in view.timers},
        )
        state.closed = view.closed
        state.rooms = {room.id: room for room in view.rooms}
        if view.escalation is not None:
            state.known.add(view.escalation.id)
        return state

    def apply(self, effects: Iterable[Effect]) -> None:
        for effect in effects:
            self._apply(effect)

    def _apply(self, effect: Effect) -> None:
        match effect:
            case AddMessage(message=message):
                assert message.id not in self.messages, "a message is added once"
                self.messages[message.id] = message
            case ChangeMessage():
                self._change(effect)
            case Deliver(message=id_, report=report, post=post):
                assert self.messages[id_].state is _S.RELEASED, "only what is released leaves"
                assert not self._left(id_), "a message leaves at most once"
                before = list(self.messages)[: list(self.messages).index(id_)]
                waiting = any(self.messages[b].state is _S.HELD for b in before)
                assert not waiting or self.messages[id_].text.startswith(AHEAD), "words overtake others"
                self.outbox.append(Out(id_, None, report, post))
            case CountReply(kind=kind, most=most, window=window):
                recent = [age for age in self.replies.get(kind, ()) if age < window]
                assert len(recent) < most, "there is no room for one more automatic reply"
                self.replies[kind] = (*recent, timedelta())
            case Amend(message=id_) | Retract(message=id_):
                assert id_ in self.messages
                assert self._left(id_), "what never left cannot be changed at the customer"
            case SendAgain(message=id_):
                dead = [out for out in self._left(id_) if out.dead]
                assert dead, "only what died is sent again"
                for out in dead:
                    out.dead = out.tried = False
            case JoinNotice(message=id_, place=place):
                assert self.escalation is None, "people have it: they are told in its room"
                assert any(out.dead for out in self._left(id_)), "nothing of it is in doubt"
                assert place.chat
            case ShowNotice(pressed_by=name):
                assert name, "a notice names who pressed"
            case Fail(message=id_):
                for out in self._left(id_):
                    out.dead = out.tried = True
            case Park() | Unpark() | Drop() | Replace():
                self._park(effect)
            case Show(message=id_):
                assert self.messages[id_].role is Role.CUSTOMER, "we react to what a customer wrote"
            case OpenEscalation() | ChangeEscalation() | AddStep():
                self._escalate(effect)
            case OpenRoom() | CloseRoom() | ReopenRoom() | ShowCard() | TellRoom():
                self._room(effect)
            case GrowPost(room=room, first=first, newest=newest):
                assert room in self.rooms
                assert first in self.messages
                assert newest in self.messages
            case Offer(room=room, message=id_):
                assert self.rooms[room].open, "who cannot answer is offered nothing"
                assert self.messages[id_].state in (_S.PARKED, _S.FAILED)
                self.offers.add(id_)
            case SettleOffer(message=id_):
                assert id_ in self.messages
                self.offers.discard(id_)
            case TellPerson(message=direct):
                assert direct.place.chat, "a direct message goes to somebody"
            case Move(owner=owner, status=status):
                same = (self.owner, OwnerKind.AGENT) == (owner, owner.kind)  # a status alone: PENDING is over
                assert same or (self.owner.kind, owner.kind) in STEPS, f"{self.owner} cannot become {owner}"
                self.owner, self.status = owner, status
            case SetTimer(kind=kind, subject=subject, due_at=due_at):
                self.timers[kind, subject] = Timer(kind, subject, due_at)
            case ClearTimers(kind=kind, subject=subject):
                gone = [key for key in self.timers if key[0] == kind and subject in (None, key[1])]
                for key in gone:
                    del self.timers[key]
            case Remember(memory=memory):
                self.memory = memory
            case Introduce(name=name):
                assert name, "somebody is introduced by a name"
            case Audit():
                assert effect.subject

    def _park(self, effect: Park | Unpark | Drop | Replace) -> None:
        match effect:
            case Park(message=id_):
                for out in self._left(id_):
                    out.parked = out.tried = True
            case Unpark():
                for out in self.outbox:
                    if out.parked:
                        out.parked = out.tried = False
            case Drop(message=id_, unsent=unsent):
                self._is_unsent(id_, believed=unsent)
                gone = [out for out in self._left(id_) if out.waits]
                self.outbox = [out for out in self.outbox if not any(out is one for one in gone)]
            case Replace(message=id_, post=post, unsent=unsent):
                self._is_unsent(id_, believed=unsent)
                assert any(out.waits for out in self._left(id_)), "there is nothing to be replaced"
                assert post.text == said(self.messages[id_]), "what leaves is what the log says"
                for out in self._left(id_):
                    out.post = post

    def _is_unsent(self, id_: MessageId, *, believed: bool) -> None:
        assert not believed or id_ not in self.begun(), "it is stopped as unsent, and has left"

    def deliver(self) -> None:
        """Everything that waits has left."""
        for out in self.outbox:
            out.tried = True

    def unsent(self) -> frozenset[MessageId]:
        """Messages of which nothing has begun to leave."""
        return frozenset(self.messages) - self.begun()

    def begun(self) -> frozenset[MessageId]:
        return frozenset(out.message for out in self.outbox if out.message and not out.waits)

    def _left(self, id_: MessageId) -> list[Out]:
        return [out for out in self.outbox if out.message == id_]

    def _change(self, effect: ChangeMessage) -> None:
        before = self.messages[effect.message]
        assert effect.state is None or effect.state in LIFE[before.state], (before.state, effect.state)
        self.messages[before.id] = replace(
            before,
            state=effect.state or before.state,
            text=before.text if effect.text is None else effect.text,
            edited=before.edited or effect.edits,
            reply_to=effect.reply_to or before.reply_to,
            reference=effect.reference or before.reference,
        )

    def _escalate(self, effect: OpenEscalation | ChangeEscalation | AddStep) -> None:
        match effect:
            case OpenEscalation(escalation=value):
                assert self.escalation is None or self.escalation.state in OVER, "one escalation at a time"
                assert value.id not in self.known
                self.known.add(value.id)
                self.escalation, self.closed = value, None
            case ChangeEscalation(escalation=value):
                if self.escalation is None:
                    assert value.state not in OVER, "what is over is changed by reopening it"
                    self.escalation, self.closed = self.closed, None
                assert self.escalation is not None
                assert value.id == self.escalation.id
                self.escalation = replace(value, room=self.escalation.room)
            case AddStep(escalation=id_):
                assert id_ in self.known

    def _room(self, effect: OpenRoom | CloseRoom | ReopenRoom | ShowCard | TellRoom) -> None:
        match effect:
            case OpenRoom(room=room, escalation=id_):
                assert self.escalation is not None
                assert self.escalation.id == id_
                assert room.id not in self.rooms
                assert not any(known.open for known in self.rooms.values()), "two rooms that speak"
                self.rooms[room.id] = room
                self.escalation = replace(self.escalation, room=room)
                self.outbox.append(Out(None, room.id, report=False))
            case CloseRoom(room=id_):
                assert self.rooms[id_].open
                self.rooms[id_] = replace(self.rooms[id_], open=False)
                room = self.escalation.room if self.escalation else None
                if self.escalation is not None and room is not None and room.id == id_:
                    self.escalation = replace(self.escalation, room=self.rooms[id_])
            case ReopenRoom(room=id_):
                assert not any(known.open for known in self.rooms.values()), "two rooms that speak"
                self.rooms[id_] = replace(self.rooms[id_], open=True)
                assert self.escalation is not None
                assert self.escalation.room is not None
                assert self.escalation.room.id == id_
                self.escalation = replace(self.escalation, room=self.rooms[id_])
            case ShowCard(room=id_):
                assert self.rooms[id_].open, "a closed room says nothing"
                if not any(out.room == id_ and not out.tried for out in self.outbox):
                    self.outbox.append(Out(None, id_, report=False))
            case TellRoom(room=id_, operation=operation, about=about):
                answers = isinstance(operation, React | Whisper) or about is not None
                assert self.rooms[id_].open or answers, "a closed room only answers"
                assert about is None or about in self.messages

    def settle(self) -> None:
        """Take what is over out of what a turn sees."""
        if self.escalation is not None and self.escalation.state in OVER:
            self.escalation, self.closed = None, self.escalation

    # What must always be true

    def check(self) -> None:
        match self.owner.kind, self.escalation:
            case OwnerKind.AGENT, None:
                assert self.status is not Status.ESCALATED
            case OwnerKind.QUEUE, Escalation(state=EscalationState.WAITING, team=team):
                assert (self.owner.name, self.status) == (team, Status.ESCALATED)
                assert ("ladder", "") in self.timers, "an escalation that waits has a clock"
            case OwnerKind.PERSON, Escalation(state=EscalationState.HELD, holder=holder):
                assert (self.owner.name, self.status) == (holder, Status.ESCALATED)
                assert not {"ladder", "remind"} & {kind for kind, _ in self.timers}
            case _:
                raise AssertionError(f"{self.owner} and {self.escalation} cannot be true together")
        self._check_room()
        self._check_timers()
        self._check_parked()

    def _check_room(self) -> None:
        speaking = [room for room in self.rooms.values() if room.open]
        if self.escalation is None:
            assert not speaking, "a room speaks and nothing is escalated"
        elif not speaking:
            assert ("open_room", "") in self.timers, "a clock opens a room as soon as one can be opened"
        else:
            assert speaking == [self.escalation.room]

    def _check_timers(self) -> None:
        held = {str(message.id) for message in self.messages.values() if message.state is _S.HELD}
        leaving = {subject for kind, subject in self.timers if kind == "release"}
        assert held == leaving, "what is held leaves, and nothing else does"
        if self.memory.owed:
            assert held, "an agent is asked when all has left that was written before"
            assert self.owner.kind is OwnerKind.AGENT
        if self.escalation is None:
            allowed = {"release", "in_doubt", "noticed"}
            assert {kind for kind, _ in self.timers} <= allowed, "only words wait where no room is open"

    def _check_parked(self) -> None:
        waiting = {message.id for message in self.messages.values() if message.state is _S.PARKED}
        assert self.memory.parked == len(waiting), "what waits is counted, or it is forgotten"
        undecided = waiting | {m.id for m in self.messages.values() if m.state is _S.FAILED}
        assert self.offers <= undecided, "buttons that are about nothing any more"
        for id_ in waiting:
            assert any(out.parked for out in self._left(id_)), "it waits for nothing"

    def staff_lines(self) -> list[Message]:
        return [message for message in self.messages.values() if message.role is Role.STAFF]
