"""Promises 7 and 8, walked: whatever customers, agents, people, clocks and failures do, in any order."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from bot.core.answering import Answer, Answered, Clarify, HandOver, Option
from bot.core.conversation import (
    DeliveryReport,
    Escalation,
    EscalationState,
    HolderLeft,
    Input,
    MessageState,
    Origin,
    OwnerKind,
    Role,
    View,
)
from bot.core.effects import AddMessage, Amend, Deliver, Effect, Move, OpenRoom, ReopenRoom, TellRoom
from bot.core.errors import AnswererUnavailable
from bot.core.events import (
    Content,
    Deleted,
    Edited,
    Event,
    Place,
    ReachabilityChanged,
    Reacted,
    Receipt,
    ReceiptStatus,
    Said,
    Sender,
    SenderRole,
    Started,
    Stopped,
    Submitted,
    Tapped,
    Unsupported,
)
from bot.core.ids import PersonId
from bot.turns.closing import REOPEN
from bot.turns.customer import OPTION
from bot.turns.decide import MAX_HOPS, Decision, conclude, decide, decide_guarded, give_up, question
from bot.turns.staff_buttons import ASSIGN, RESOLVE, RETURN, TAKE
from bot.turns.turn import SYSTEM, Turn
from bot.turns.underway import SEND_AGAIN
from bot.turns.window import DISCARD, HOLD
from tests.lengths import times
from tests.turns.desk import (
    CLOSED,
    HANDOFF,
    LATER,
    ModelDesk,
    Stored,
    StoredDesk,
    delivery,
    organization,
    platform_id,
)
from tests.turns.world import Out

ORGANIZATION = organization()
STAFF = {person.slack: person.id for person in ORGANIZATION.people if person.slack}
SUPERVISORS = {"anna", "ben", "grace"}
parts = st.sampled_from(["{}", "{}", "// {}", "{}\n// private"])  # of what staff write
people = st.sampled_from(["U0HUGO0008", "U0CARLA003", "U0BEN00002", "U0STRANGER"])
fates = st.sampled_from(["delivered", "delivered", "failed", "unknown", "unreachable", "parked", "parked"])
ROOM_FAILURES = {
    "failed": "send.refused",
    "unknown": "send.outcome_unknown",
    "unreachable": "send.unreachable",
    "parked": "send.place_gone",
    "suspended": "send.account_suspended",
}
deeds = st.sampled_from(
    ["answer", "courtesy", "clarify", "billing_inquiry", "security", "unanswered", "ping", "fail", "crash"]
)
pauses = st.sampled_from([timedelta(seconds=6), timedelta(minutes=4), timedelta(minutes=11)])


@dataclass
class Line:
    """Something that one of the staff wrote."""

    author: str
    ref: str
    place: Place
    at: datetime


@dataclass
class Word:
    """The law of promise 7, told once more: who may speak, where, and since when."""

    holder: str = ""
    since: datetime | None = None

    def speaks(self, person: str, place: Place, at: datetime, open_at: Place | None) -> bool:
        return bool(self.holder) and STAFF.get(person) == self.holder and place == open_at and at > self.since  # type: ignore[operator]


class Walk(RuleBasedStateMachine):
    """Rules put things into the inbox; a turn deals with all that lies there."""

    make: Callable[[], ModelDesk] = staticmethod(lambda: ModelDesk(ORGANIZATION))
    knows_refs = True  # what a platform calls our messages: the stored desk sends nothing

    def __init__(self) -> None:
        super().__init__()
        self.desk = self.make()
        self.numbers = count(1)
        self.pending: list[tuple[Origin, Event | DeliveryReport | HolderLeft]] = []
        self.said: list[str] = []  # refs of the customer
        self.lines: list[Line] = []
        self.word = Word()
        self.may_leave: set[str] = set()
        self.left: list[str] = []  # what staff said to the customer, in the order in which it left
        self.written: list[str] = []  # refs whose words became public, in the order of the log
        self.old: list[str] = []  # ids of escalations that are over
        self.notices = self.delays = 0
        self.unsure = False

    @initialize(who=people, start=st.sampled_from(["new", "waits", "held", "held", "parked", "parked"]))
    def begin(self, who: str, start: str) -> None:
        """Most walks begin in the middle of things, or few would ever get far."""
        if start == "new":
            return
        self.customer_writes(1)
        self._turn(["security"])
        self.delivery_has_a_fate("delivered")
        if start in ("held", "parked"):
            self._accept(Origin.ROOM, self._threads()[-1], who, Tapped(TAKE, self._escalation_id()))
            self._turn(["answer"])
        if start == "parked":
            self._parked(who)

    def _parked(self, who: str) -> None:
        """Write a line as the holder that comes too late for the channel, so that it is parked."""
        number, place = next(self.numbers), self._threads()[-1]
        at = self._accept(Origin.ROOM, place, who, Said(f"line {number}"), message=f"s{number}")
        self.lines.append(Line(who, f"s{number}", place, at))
        self._turn(["answer"])
        self.desk.pass_time(timedelta(seconds=6))
        self._turn(["answer"])
        while any(not out.tried for out in self.desk.state.outbox):
            self.delivery_has_a_fate("parked")
        self._turn(["answer"])

    def _escalation_id(self) -> str:
        escalation = self.desk.state.escalation
        return str(escalation.id) if escalation else "nothing"

    # What comes in

    def _accept(self, origin: Origin, place: Place, sender: str, content: Content, **more: str) -> datetime:
        at = self.desk.tick()
        event = Event(
            external_id=f"e{next(self.numbers)}",
            place=place,
            sender=Sender(sender, "Maya" if origin is Origin.CUSTOMER else ""),
            content=content,
            occurred_at=at,
            in_our_thread=True,
            message=more.get("message", ""),
        )
        self._put(origin, event)
        return at

    def _put(self, origin: Origin, event: Event) -> None:
        self.pending.append((origin, event))
        self.desk.accept(event, origin)

    def _customer(self, content: Content, message: str = "") -> None:
        self._accept(Origin.CUSTOMER, self.desk.place, self.desk.place.chat, content, message=message)

    @rule(n=st.integers(1, 3))
    def customer_writes(self, n: int) -> None:
        for _ in range(n):
            number = next(self.numbers)
            self.said.append(f"c{number}")
            self._customer(Said(f"question {number}"), f"c{number}")

    @rule()
    def customer_taps(self) -> None:
        self._customer(Tapped(OPTION, "2", f"option {next(self.numbers)}"))

    @rule(other=st.sampled_from([Started(), Stopped(), Unsupported("poll"), ReachabilityChanged(False)]))
    def customer_does_something_else(self, other: Content) -> None:
        self._customer(other)

    @precondition(lambda self: self.said)
    @rule(data=st.data(), gone=st.booleans(), overtakes=st.booleans())
    def customer_changes_their_words(self, data: st.DataObject, gone: bool, overtakes: bool) -> None:
        if overtakes:
            number = next(self.numbers)
            self._customer(Edited(f"c{number}", f"question {number}, better"))
            self.said.append(f"c{number}")
            self._customer(Said(f"question {number}"), f"c{number}")
            return
        ref = data.draw(st.sampled_from(self.said))
        self._customer(Deleted(ref) if gone else Edited(ref, f"changed {next(self.numbers)}"))

    @precondition(lambda self: self.said)
    @rule(who=st.sampled_from([SenderRole.STRANGER, SenderRole.INSIDER]))
    def somebody_else_writes_there(self, who: SenderRole) -> None:
        self._put(Origin.CUSTOMER, self._there(Said("Let me in"), "eve", sender_role=who))

    @rule()
    def a_program_answers_for_the_customer(self) -> None:
        self._put(Origin.CUSTOMER, self._there(Said("I am away"), self.desk.place.chat, automatic=True))

    @precondition(lambda self: self.knows_refs and any(o.message and o.tried for o in self.desk.state.outbox))
    @rule(
        data=st.data(),
        status=st.sampled_from(ReceiptStatus),
        code=st.sampled_from(["send.window_closed", "send.refused", "send.unreachable"]),
    )
    def a_receipt_comes(self, data: st.DataObject, status: ReceiptStatus, code: str) -> None:
        sent = [o.message for o in self.desk.state.outbox if o.message and o.tried and not o.parked]
        if sent:
            ref = platform_id(data.draw(st.sampled_from(sent)))
            failed = code if status is ReceiptStatus.FAILED else ""
            told = Receipt(status=status, messages=(ref,), code=failed)
            self._put(Origin.CUSTOMER, self._there(told, self.desk.place.chat))

    def _there(self, content: Content, who: str, **more: object) -> Event:
        number = next(self.numbers)
        return Event(
            external_id=f"e{number}",
            place=self.desk.place,
            sender=Sender(who, "Eve"),
            content=content,
            occurred_at=self.desk.tick(),
            message=f"x{number}",
            **more,  # type: ignore[arg-type]
        )

    def _threads(self) -> list[Place]:
        return [room.place for room in self.desk.state.rooms.values() if room.place.thread]

    @precondition(lambda self: self._threads())
    @rule(data=st.data(), who=people, inside=parts, late=st.booleans(), newest=st.booleans())
    def staff_write(self, data: st.DataObject, who: str, inside: str, late: bool, newest: bool) -> None:
        place = self._threads()[-1] if newest else data.draw(st.sampled_from(self._threads()))
        number = next(self.numbers)
        text = inside.format(f"line {number}")
        at = self.desk.tick()
        if late and self.word.since is not None:  # written before the word was taken, brought now
            at = self.word.since - timedelta(microseconds=1)
        event = Event(
            external_id=f"e{number}",
            place=place,
            sender=Sender(who),
            content=Said(text),
            occurred_at=at,
            message=f"s{number}",
            in_our_thread=True,
        )
        self._put(Origin.ROOM, event)
        self.lines.append(Line(who, f"s{number}", place, at))

    @precondition(lambda self: self._threads())
    @rule(who=people, gone=st.booleans())
    def a_change_overtakes_its_line(self, who: str, gone: bool) -> None:
        number, place = next(self.numbers), self._threads()[-1]
        at = self.desk.tick()
        change = Deleted(f"s{number}") if gone else Edited(f"s{number}", f"better line {number}")
        self._accept(Origin.ROOM, place, who, change)
        event = Event(
            external_id=f"e{number}",
            place=place,
            sender=Sender(who),
            content=Said(f"line {number}"),
            occurred_at=at,
            message=f"s{number}",
            in_our_thread=True,
        )
        self._put(Origin.ROOM, event)
        self.lines.append(Line(who, f"s{number}", place, at))

    @precondition(lambda self: self.lines)
    @rule(data=st.data(), deed=st.sampled_from(["edit", "edit", "delete", "take back"]), inside=parts)
    def staff_change_their_words(self, data: st.DataObject, deed: str, inside: str) -> None:
        line = data.draw(st.sampled_from(self.lines))
        text = inside.format(f"changed {next(self.numbers)}")
        change: Content = Deleted(line.ref) if deed == "delete" else Edited(line.ref, text)
        if deed == "take back":
            change = Reacted(line.ref, "👎", added=True)
        self._accept(Origin.ROOM, line.place, line.author, change)

    def _waiting(self) -> list[Line]:
        refs = {m.ref for m in self.desk.state.messages.values() if m.state is MessageState.PARKED}
        return [line for line in self.lines if line.ref in refs]

    @precondition(lambda self: self._waiting())
    @rule(data=st.data(), deed=st.sampled_from(["edit", "delete", "take back"]))
    def staff_change_what_waits(self, data: st.DataObject, deed: str) -> None:
        line = data.draw(st.sampled_from(self._waiting()))
        change: Content = Edited(line.ref, f"changed {next(self.numbers)}")
        if deed != "edit":
            change = Deleted(line.ref) if deed == "delete" else Reacted(line.ref, "👎", added=True)
        self._accept(Origin.ROOM, line.place, line.author, change)
        self._turn(["answer"])

    @precondition(lambda self: self._threads())
    @rule(
        data=st.data(),
        who=people,
        action=st.sampled_from([TAKE, TAKE, TAKE, ASSIGN, RESOLVE, RETURN, SEND_AGAIN, HOLD, DISCARD]),
        current=st.sampled_from([True, True, True, False]),
    )
    def staff_press(self, data: st.DataObject, who: str, action: str, current: bool) -> None:
        escalation = self.desk.state.escalation
        ids = [str(escalation.id)] if escalation and current else self.old or ["nothing"]
        value = data.draw(st.sampled_from(ids))
        if action in (TAKE, ASSIGN):  # the card tells who holds it, perhaps not who does by now
            holder = escalation.holder if escalation else None
            value += data.draw(st.sampled_from([f":{holder}", f":{holder}", ":hugo", ""]))
        place = self._threads()[-1] if current else data.draw(st.sampled_from(self._threads()))
        if action == ASSIGN:
            chosen = data.draw(people)
            self._accept(Origin.ROOM, place, who, Submitted(ASSIGN, value, (("person", chosen),)))
            return
        if action == SEND_AGAIN:
            failed = [m for m in self.desk.state.messages.values() if m.state is MessageState.FAILED]
            value = str(data.draw(st.sampled_from(failed)).id) if failed else value
        if action in (HOLD, DISCARD):
            parked = [m for m in self.desk.state.messages.values() if m.state is MessageState.PARKED]
            value = str(data.draw(st.sampled_from(parked)).id) if parked else value
        self._accept(Origin.ROOM, place, who, Tapped(action, value))

    @precondition(lambda self: self.desk.state.closed is not None and self._threads())
    @rule(data=st.data(), who=people, where=st.sampled_from(["there", "there", "there", "elsewhere", "old"]))
    def staff_reopen(self, data: st.DataObject, who: str, where: str) -> None:
        self._turn(["answer"])
        closed = self.desk.state.closed
        if closed is None or closed.room is None or not self._threads():
            return
        place = data.draw(st.sampled_from(self._threads())) if where == "elsewhere" else closed.room.place
        value = data.draw(st.sampled_from(self.old)) if where == "old" else str(closed.id)
        if place.thread:
            self._accept(Origin.ROOM, place, who, Tapped(REOPEN, value))
            self._turn(["answer"])

    @precondition(lambda self: self.desk.state.escalation is not None and self._threads())
    @rule(who=people, action=st.sampled_from([RESOLVE, RETURN]), by=pauses)
    def staff_close(self, who: str, action: str, by: timedelta) -> None:
        """And the customer, or a clock, is quick or slow."""
        self._turn(["answer"])
        if self._threads():
            self._accept(Origin.ROOM, self._threads()[-1], who, Tapped(action, self._escalation_id()))
            self._turn(["answer"])
            self.desk.pass_time(by / 2)

    @precondition(lambda self: any(not out.tried for out in self.desk.state.outbox))
    @rule(fate=fates)
    def delivery_has_a_fate(self, fate: str) -> None:
        out = next(out for out in self.desk.state.outbox if not out.tried)
        out.tried = True
        out.parked = fate == "parked" and out.room is None
        out.dead = fate != "delivered" and not out.parked
        if out.room is not None:
            self._card(out, fate)
        elif fate != "delivered" or out.report:
            outcome = "failed" if fate == "unreachable" else fate
            self._report(DeliveryReport(out.message, delivery(), outcome, "code", fate == "unreachable"))

    def _card(self, out: Out, fate: str) -> None:
        assert out.room is not None
        if fate != "delivered":
            code = ROOM_FAILURES[fate]
            self._report(
                DeliveryReport(None, delivery(), "failed", "channel_not_found", room=out.room, code=code)
            )
        elif not self.desk.state.rooms[out.room].place.thread:
            self.desk.room_opened(out.room, f"{self.desk.place.chat}.{next(self.numbers)}")

    @precondition(lambda self: self.desk.state.escalation is not None)
    @rule(code=st.sampled_from(["", *ROOM_FAILURES.values()]), times=st.sampled_from([1, 3]))
    def lines_do_not_reach_the_room(self, code: str, times: int) -> None:
        escalation = self.desk.state.escalation
        assert escalation is not None
        if escalation.room is not None and escalation.room.place.thread:
            for _ in range(times):
                room = escalation.room.id
                self._report(
                    DeliveryReport(None, delivery(), "failed", "gone", room=room, code=code, card=False)
                )

    def _report(self, report: DeliveryReport | HolderLeft) -> None:
        self.pending.append((Origin.SELF, report))
        self.desk.report(report)

    @precondition(lambda self: self.desk.state.owner.kind is OwnerKind.PERSON)
    @rule(who=people)
    def somebody_leaves(self, who: str) -> None:
        if who in STAFF:
            self._report(HolderLeft(PersonId(STAFF[who]), who, "was removed from the organization"))

    # What is made of it

    @rule(deeds=st.lists(deeds, min_size=1, max_size=4))
    def turn(self, deeds: list[str]) -> None:
        self._turn(deeds)

    @precondition(lambda self: self.desk.state.timers)
    @rule(by=pauses, deeds=st.lists(deeds, min_size=1, max_size=4))
    def time_passes(self, by: timedelta, deeds: list[str]) -> None:
        self.desk.pass_time(by)
        self._turn(deeds)

    @precondition(lambda self: len(self.pending) > 0)
    @rule()
    def last_try(self) -> None:
        self._turn(["guarded"])

    def _turn(self, deeds: list[str]) -> None:
        view = self.desk.load()
        rules = self.desk.rules(edits=deeds[0] != "courtesy")
        self._expect(view)
        decision = decide_guarded(view, rules) if deeds == ["guarded"] else decide(view, rules)
        asked, agents = set(decision.asked), 0
        while decision.agent:
            agents += 1
            assert agents <= MAX_HOPS, "agents hand on to each other for ever"
            assert question(decision).agent == decision.agent
            deed = deeds[min(agents, len(deeds)) - 1]
            if deed == "crash":
                return  # nothing is committed; the inputs are still there
            failed = deed == "fail"
            decision = (
                give_up(decision, AnswererUnavailable()) if failed else conclude(decision, _answer(deed))
            )
        self._judge(view, decision.turn, asked)
        was = self.desk.state.escalation
        self.desk.commit(view, decision)
        self._after(decision, was.id if was else None)

    def _expect(self, view: View) -> None:
        """Follow the word through the inputs, and note which of the staff's words may leave."""
        escalation = view.escalation
        state = escalation.state if escalation else None
        place = escalation.room.place if escalation and escalation.room else None
        # Where one is closed, several things may open one: the turn itself says who speaks then.
        self.unsure = view.closed is not None and len(view.inputs) > 1
        for item in view.inputs:
            if isinstance(item.body, HolderLeft) and item.body.person == self.word.holder:
                state, self.word = EscalationState.WAITING, Word()
            if item.origin is not Origin.ROOM or not isinstance(item.body, Event):
                # What fails in a room may end it: what is pressed there later in the turn counts no more.
                leaves = isinstance(item.body, DeliveryReport) and item.body.room is not None
                self.unsure = self.unsure or leaves or (state is None and escalation is not None)
                continue
            event, sender = item.body, item.body.sender.external_id
            match event.content:
                case Said(text=text) | Edited(text=text):
                    public, private, _ = text.partition("//")
                    speaks = self.word.speaks(sender, event.place, event.occurred_at, place)
                    unsure = self.unsure and sender in STAFF
                    if (speaks or unsure) and (public or not private):
                        self.may_leave.add(public.removesuffix("\n"))
                case Tapped(action="reopen", value=value):
                    self._reopened(view, event, value)
                case Tapped(action="take" | "resolve" | "return") | Submitted() if event.place != place:
                    pass  # pressed on the card of a room that was left meanwhile
                case Tapped(action="take", value=value):
                    if self._may_pass(escalation, state, value, sender):
                        self._taken(sender, event)
                case Submitted(subject=value, values=values):
                    chosen = dict(values)["person"]
                    if self._may_pass(escalation, state, value, sender) and chosen in STAFF:
                        if chosen == sender:
                            self._taken(sender, event)
                        elif STAFF[chosen] != self.word.holder:  # they speak once they take it
                            state, self.word = EscalationState.WAITING, Word()
                case Tapped(action="resolve" | "return", value=value):
                    person = STAFF.get(sender)
                    may = state is EscalationState.WAITING or person in {self.word.holder, *SUPERVISORS}
                    if escalation and value == str(escalation.id) and state and person and may:
                        state, self.word = None, Word()
                case _:
                    pass
            if self.word.holder:
                state = EscalationState.HELD

    def _reopened(self, view: View, event: Event, value: str) -> None:
        """Expect the person who pressed as holder, or the former one if the customer was told nothing yet."""
        closed, person = view.closed, STAFF.get(event.sender.external_id)
        if closed is None or value != str(closed.id) or person is None:
            return
        told = view.conversation.memory.closing not in {str(message.id) for message in view.held}
        self.word = Word(person if told else closed.holder or "", event.occurred_at)

    def _may_pass(self, escalation: Escalation | None, state: object, value: str, sender: str) -> bool:
        """Return whether a press counts: the first of several people who press on one card wins."""
        id_, _, seen = value.partition(":")
        if escalation is None or state is None or id_ != str(escalation.id) or sender not in STAFF:
            return False
        return self.word.holder in ("", seen, STAFF[sender])

    def _taken(self, sender: str, event: Event) -> None:
        if self.word.holder != STAFF[sender]:
            self.word = Word(STAFF[sender], event.occurred_at)

    def _judge(self, view: View, turn: Turn, asked: set[object]) -> None:
        """One turn by itself: nothing private leaves, nothing the customer said is passed over, no loop."""
        told = {effect.about for effect in turn.effects if isinstance(effect, TellRoom)}
        # A room that is opened later tells the whole story.
        opened = any(isinstance(effect, OpenRoom | ReopenRoom) for effect in turn.effects) or (
            turn.escalation is not None and turn.open_room is None
        )
        for effect in turn.effects:
            if isinstance(effect, Deliver | Amend):
                message = turn.messages[effect.message]
                if message.role is Role.STAFF or isinstance(effect, Amend):
                    assert effect.post.text in self.may_leave, "private words leave"
                elif effect.post.text.startswith("Correction: "):
                    assert effect.post.text.removeprefix("Correction: ") in self.may_leave
        stops = [n for n, item in enumerate(view.inputs) if _is_stop(item)]
        for n, item in enumerate(view.inputs):
            message = turn.messages.get(item.message) if item.message else None
            if stops and n < stops[-1] and turn.escalation is None:
                continue  # they want no answer to it any more
            if isinstance(item.body, Event) and item.body.automatic:
                continue  # a program is not answered by a program
            if isinstance(item.body, Event) and isinstance(item.body.content, Unsupported):
                continue  # what nobody can read is answered once in a row: see test_unreadable
            if message is not None and message.state is MessageState.RECEIVED:
                heard = message.id in asked or message.id in told or message.id in turn.memory.owed
                assert heard or opened, "nobody heard the customer"
        if asked:
            spoke = any(
                isinstance(effect, Deliver) and turn.messages[effect.message].role is not Role.STAFF
                for effect in turn.effects
            )
            assert spoke or turn.escalation is not None, "the customer is left without an answer"
        moves = sum(isinstance(effect, Move) for effect in turn.effects)
        assert moves <= len(view.inputs) * 2 + len(view.timers) + MAX_HOPS + 2, "the word goes in circles"

    def _after(self, decision: Decision, was: object) -> None:
        self.pending.clear()
        state, effects = self.desk.state, decision.turn.effects
        escalation = state.escalation
        if was is not None and (escalation is None or escalation.id != was):
            self.old.append(str(was))
        if escalation is None or escalation.id != was:
            self.notices = self.delays = 0
        if self.unsure and escalation is not None and escalation.state is EscalationState.HELD:
            takes = [
                m for m in state.messages.values() if m.sender == SYSTEM and m.state is MessageState.NOTE
            ]
            self.word = Word(str(escalation.holder), takes[-1].at)
        if escalation is None or escalation.state is not EscalationState.HELD:
            self.word = Word()
        elif self.word.holder:
            assert escalation.holder == self.word.holder
        self._count(effects)
        order = [str(id_) for id_ in state.messages]
        for effect in effects:
            if isinstance(effect, Deliver) and state.messages[effect.message].role is Role.STAFF:
                again = str(effect.message) in self.written  # changed while it waited for the customer
                self.written += [] if again else [str(effect.message)]
        places = [order.index(id_) for id_ in self.written]
        assert places == sorted(places), "the words left in another order than they were written in"

    def _count(self, effects: list[Effect]) -> None:
        posts = [e.message.text for e in effects if isinstance(e, AddMessage) and e.message.sender == SYSTEM]
        self.notices += sum(HANDOFF in text or CLOSED in text for text in posts)
        self.delays += sum(LATER in text for text in posts)
        assert self.notices <= 1, "a handoff is told once"
        assert self.delays <= 2, "a delay is told twice at most"

    @invariant()
    def one_owner(self) -> None:
        self.desk.state.check()

    @invariant()
    def nothing_is_left_behind(self) -> None:
        """The escalation that is open has a card, or one on its way, or a clock that will send it again."""
        escalation = self.desk.state.escalation
        if escalation is not None and escalation.room is not None and not escalation.room.place.thread:
            on_its_way = any(o.room == escalation.room.id and not o.tried for o in self.desk.state.outbox)
            told = any(isinstance(b, DeliveryReport) and b.room for _, b in self.pending)
            assert on_its_way or told or self.desk.state.timers, "nobody will ever see it"


def _is_stop(item: Input) -> bool:
    return isinstance(item.body, Event) and isinstance(item.body.content, Stopped)


def _answer(deed: str) -> Answer:
    match deed:
        case "answer" | "courtesy":
            return Answered("An answer.", "an article", settled=deed == "answer")
        case "clarify":
            return Clarify("Which one?", (Option("1", "this"), Option("2", "that")), "two articles")
        case trigger:
            return HandOver("They need a person.", "a rule", trigger=trigger.replace("unanswered", ""))


WALKS = times(120)
_calm = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


def test_a_conversation_has_one_owner_and_is_never_mute() -> None:
    run_state_machine_as_test(
        Walk,
        settings=settings(
            max_examples=WALKS, stateful_step_count=40, deadline=None, suppress_health_check=_calm
        ),
    )


@pytest.fixture
def stored(database_url: str) -> Iterator[Stored]:
    known = Stored(database_url, ORGANIZATION)
    yield known
    known.close()


@pytest.mark.long
def test_postgresql_and_the_model_agree_on_every_step(stored: Stored) -> None:
    class StoredWalk(Walk):
        make = staticmethod(lambda: StoredDesk(stored))
        knows_refs = False

    run_state_machine_as_test(
        StoredWalk,
        settings=settings(
            max_examples=max(6, WALKS // 15),
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=_calm,
        ),
    )


def test_an_agent_that_names_itself_or_another_is_left_after_three() -> None:
    desk = ModelDesk(ORGANIZATION)
    at = desk.tick()
    said = Event(
        external_id="1", place=desk.place, sender=Sender("77"), content=Said("?"), occurred_at=at, message="1"
    )
    desk.accept(said, Origin.CUSTOMER)
    decision, asked = decide(desk.load(), desk.rules(edits=True)), []
    while decision.agent:
        asked.append(decision.agent)
        decision = conclude(decision, HandOver("No.", "no", trigger="ping"))
    assert asked == ["onboarding-specialist", "technical-troubleshooter", "onboarding-specialist"]
    assert decision.turn.owner.kind is OwnerKind.QUEUE
