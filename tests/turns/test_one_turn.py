"""Events that come together in one turn, decided and written to PostgreSQL."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from bot.core.answering import HandOver
from bot.core.conversation import DeliveryReport, EscalationState, MessageState, Origin, OwnerKind, Role
from bot.core.effects import Effect
from bot.core.events import Content, Edited, Event, Place, Said, Sender, Tapped
from bot.turns.decide import conclude, decide
from tests.turns.desk import ModelDesk, Stored, StoredDesk, delivery, organization

ORGANIZATION = organization()
HUGO, CARLA = "U0HUGO0008", "U0CARLA003"


class Story:
    """A conversation that is told in a few lines."""

    def __init__(self, desk: ModelDesk) -> None:
        self.desk = desk
        self._events = 0

    def put(self, content: Content, who: str = "", *, ref: str = "", place: Place | None = None) -> None:
        self._events += 1
        self.desk.accept(
            Event(
                external_id=f"x{self._events}",
                place=place or (self.room if who else self.desk.place),
                sender=Sender(who or self.desk.place.chat, "Maya"),
                content=content,
                occurred_at=self.desk.tick(),
                message=ref,
                in_our_thread=True,
            ),
            Origin.ROOM if who else Origin.CUSTOMER,
        )

    @property
    def room(self) -> Place:
        escalation = self.desk.state.escalation
        assert escalation is not None
        assert escalation.room is not None
        return escalation.room.place

    def press(self, who: str, action: str) -> None:
        escalation = self.desk.state.escalation
        assert escalation is not None
        self.put(Tapped(action, f"{escalation.id}:{escalation.holder or ''}"), who)

    def turn(self, trigger: str = "security") -> list[Effect]:
        view = self.desk.load()
        decision = decide(view, self.desk.rules(edits=True))
        while decision.agent:
            decision = conclude(decision, HandOver("A reason.", "why", trigger=trigger))
        self.desk.commit(view, decision)
        self.desk.state.check()
        return decision.turn.effects

    def escalated(self) -> None:
        self.put(Said("Help!"), ref="1")
        self.turn()
        escalation = self.desk.state.escalation
        assert escalation is not None
        assert escalation.room is not None
        self.desk.room_opened(escalation.room.id, f"{self.desk.place.chat}.1")

    def held(self, by: str = HUGO) -> None:
        self.escalated()
        self.press(by, "take")
        self.turn()

    def leave(self) -> list[str]:
        """Deliver what waits. Return what staff said to the customer, in the order in which it left."""
        ours = {m.id: m.text for m in self.desk.state.messages.values() if m.role is Role.STAFF}
        return [ours[out.message] for out in self.desk.state.outbox if out.message in ours]


@pytest.fixture
def stored(database_url: str) -> Iterator[Story]:
    known = Stored(database_url, ORGANIZATION)
    yield Story(StoredDesk(known))
    known.close()


@pytest.fixture
def story() -> Story:
    return Story(ModelDesk(ORGANIZATION))


def test_one_escalation_may_end_and_another_begin_in_one_turn(stored: Story) -> None:
    stored.held()
    stored.press(HUGO, "return")
    stored.put(Said("And somebody is in my account!"), ref="2")
    stored.turn()
    assert stored.desk.state.owner.kind is OwnerKind.AGENT, "asked when the closing words have left"
    stored.desk.pass_time(timedelta(seconds=6))
    stored.turn()
    assert stored.desk.state.owner.kind is OwnerKind.QUEUE
    assert len(stored.desk.state.known) == 2


def test_words_written_and_resolved_in_one_turn_leave_no_clock_behind(stored: Story) -> None:
    stored.held()
    stored.put(Said("All done."), HUGO, ref="s1")
    stored.press(HUGO, "resolve")
    stored.turn()
    assert stored.leave() == []
    stored.desk.pass_time(timedelta(seconds=6))
    stored.turn()
    assert stored.leave() == ["All done."]
    assert stored.desk.state.timers == {}


def test_a_line_written_before_it_was_taken_stays_inside_however_late_it_comes(story: Story) -> None:
    story.escalated()
    at = story.desk.tick()
    story.press(HUGO, "take")
    story.turn()
    late = Event(
        external_id="late",
        place=story.room,
        sender=Sender(HUGO),
        content=Said("what a fuss"),
        occurred_at=at,
        message="s1",
        in_our_thread=True,
    )
    story.desk.accept(late, Origin.ROOM)
    story.turn()
    assert [m.state for m in story.desk.state.staff_lines()] == [MessageState.NOTE]


def test_a_former_holder_cannot_change_what_the_customer_reads(story: Story) -> None:
    story.held()
    story.put(Said("I refunded it."), HUGO, ref="s1")
    story.turn()
    story.desk.pass_time(timedelta(seconds=6))
    story.press(CARLA, "take")
    story.turn()
    story.desk.state.deliver()
    story.put(Edited("s1", "she is lying"), HUGO)
    story.turn()
    assert [m.text for m in story.desk.state.staff_lines()] == ["I refunded it."]


def test_a_change_that_comes_before_its_line_waits_for_it(story: Story) -> None:
    story.held()
    written = Event(
        external_id="written",
        place=story.room,
        sender=Sender(HUGO),
        content=Said("I refnded it."),
        occurred_at=story.desk.tick(),
        message="s1",
        in_our_thread=True,
    )
    story.put(Edited("s1", "I refunded it."), HUGO)
    story.turn()
    assert [m.state for m in story.desk.state.staff_lines()] == [MessageState.NOTE]
    story.desk.accept(written, Origin.ROOM)
    story.turn()
    story.desk.pass_time(timedelta(seconds=6))
    story.turn()
    assert story.leave() == ["I refunded it."]


def test_an_edit_of_the_first_message_holds_up_the_second(story: Story) -> None:
    story.held()
    story.put(Said("one"), HUGO, ref="s1")
    story.turn()
    story.desk.pass_time(timedelta(seconds=3))
    story.put(Said("two"), HUGO, ref="s2")
    story.turn()
    story.desk.pass_time(timedelta(seconds=1))
    story.put(Edited("s1", "first"), HUGO)
    story.turn()
    for _ in range(4):
        story.desk.pass_time(timedelta(seconds=2))
        story.turn()
    assert story.leave() == ["first", "two"]


def test_a_room_that_cannot_be_opened_is_tried_again_by_the_clock_and_not_at_once(story: Story) -> None:
    story.put(Said("Help!"), ref="1")
    story.turn()
    tries = 0
    while untried := [out for out in story.desk.state.outbox if out.room and not out.tried]:
        tries += 1
        assert tries < 20, "opening the room is tried for ever"
        untried[0].tried = True
        story.desk.report(
            DeliveryReport(None, delivery(), "failed", "channel_not_found", room=untried[0].room)
        )
        story.turn()
    escalation = story.desk.state.escalation
    assert escalation is not None
    assert escalation.state is EscalationState.WAITING
    story.desk.pass_time(timedelta(minutes=16))
    story.turn()
    assert any(out.room and not out.tried for out in story.desk.state.outbox), "nobody will ever see it"


def test_a_new_holder_is_reminded_when_the_customer_waits(story: Story) -> None:
    story.held()
    assert ("answer_due", "") in story.desk.state.timers
