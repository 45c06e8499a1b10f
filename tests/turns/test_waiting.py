"""Waiting customers: they are told once when to expect an answer, and again when it takes longer."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.core.conversation import EscalationState, MessageState
from bot.core.events import Said
from bot.turns.turn import SYSTEM
from tests.turns.desk import BACK, CLOSED, HANDOFF, LATER, NUMBER, ModelDesk, organization
from tests.turns.test_one_turn import HUGO, Story

MINUTE = timedelta(minutes=1)
SAID = (MessageState.RELEASED, MessageState.DELIVERED, MessageState.SENT)
SATURDAY = datetime(2026, 3, 7, 10, tzinfo=UTC)


class Waiting(Story):
    """A conversation of a customer who waits."""

    heard = 0

    def told(self) -> list[str]:
        """Return what the organization itself has told the customer since the last call."""
        ours = [m.text for m in self.desk.state.messages.values() if m.sender == SYSTEM and m.state in SAID]
        new, self.heard = ours[self.heard :], len(ours)
        return new


@pytest.fixture
def story() -> Waiting:
    return Waiting(ModelDesk(organization()))


def ask(story: Waiting, trigger: str = "billing_inquiry") -> None:
    story.put(Said("Help!"), ref="1")
    story.turn(trigger)


def after(story: Waiting, minutes: int) -> list[str]:
    """Let the minutes pass one by one, as the clocks ring."""
    for _ in range(minutes):
        story.desk.pass_time(MINUTE)
        story.turn()
    return story.told()


def test_the_handoff_says_when_an_answer_can_be_expected(story: Waiting) -> None:
    ask(story)  # five minutes to be taken, ten more for an answer
    assert story.told() == [f"{HANDOFF} You hear from us within 15 minutes. {NUMBER}"]


def test_a_delay_is_told_when_the_promised_time_is_over_and_not_before(story: Waiting) -> None:
    ask(story)
    story.told()
    assert after(story, 14) == []
    [later] = after(story, 2)
    assert later.startswith(f"{LATER} You hear from us within ")


def test_a_delay_is_told_twice_and_the_second_time_nothing_is_promised(story: Waiting) -> None:
    ask(story)
    story.told()
    first, second = after(story, 6 * 60)
    assert "within" in first
    assert second == LATER
    assert story.desk.state.escalation is not None
    assert story.desk.state.escalation.state is EscalationState.WAITING


def test_a_customer_whose_holder_does_not_answer_is_told_of_the_delay_too(story: Waiting) -> None:
    story.held()
    story.told()
    delays = after(story, 60)
    assert len(delays) == 2
    assert all(LATER in text for text in delays)


def test_an_answer_keeps_the_promise(story: Waiting) -> None:
    story.held()
    story.told()
    story.put(Said("Here is your refund."), HUGO, ref="s1")
    story.turn()
    assert after(story, 120) == []


def test_the_customers_next_words_are_waited_for_as_well(story: Waiting) -> None:
    story.held()
    story.put(Said("Here is your refund."), HUGO, ref="s1")
    story.turn()
    after(story, 30)
    story.put(Said("And what about the second invoice?"), ref="2")
    story.turn()
    assert after(story, 9) == []
    assert len(after(story, 2)) == 1


def test_a_wait_after_an_answer_is_told_anew(story: Waiting) -> None:
    story.held()
    story.told()
    assert len(after(story, 60)) == 2
    story.put(Said("Here is your refund."), HUGO, ref="s1")
    story.turn()
    after(story, 30)
    story.put(Said("And what about the second invoice?"), ref="2")
    story.turn()
    assert len(after(story, 60)) == 2


def test_thanks_need_no_answer(story: Waiting) -> None:
    story.held()
    story.put(Said("Here is your refund."), HUGO, ref="s1")
    story.turn()
    after(story, 30)
    story.put(Said("Thank you!"), ref="2")
    story.turn()
    assert after(story, 60) == []


def answered_with(story: Waiting, text: str, answer: str = "Here is your refund.") -> None:
    story.held()
    story.put(Said(answer), HUGO, ref="s1")
    story.turn()
    after(story, 30)
    story.put(Said(text), ref="2")
    story.turn()


@pytest.mark.parametrize("text", ["Thank you!", "Thank you so much, have a nice evening!", "Bye"])
def test_nobody_is_reminded_of_mere_thanks(story: Waiting, text: str) -> None:
    answered_with(story, text)
    assert ("answer_due", "") not in story.desk.state.timers


@pytest.mark.parametrize("text", ["I need help", "can you help me?", "hello?", "Hello, anyone there?"])
def test_a_customer_who_asks_for_an_answer_in_few_words_waits_for_it(story: Waiting, text: str) -> None:
    answered_with(story, text)
    assert {"answer_due", "promised"} <= {kind for kind, _ in story.desk.state.timers}


def test_yes_to_a_question_of_the_holder_waits_for_what_follows(story: Waiting) -> None:
    answered_with(story, "yes", "Shall I refund the second charge?")
    assert {"answer_due", "promised"} <= {kind for kind, _ in story.desk.state.timers}


def test_more_words_of_a_waiting_customer_do_not_put_off_the_notice(story: Waiting) -> None:
    ask(story)
    story.told()
    for n in range(3):
        after(story, 4)
        story.put(Said("Is anybody there?"), ref=f"more{n}")
        story.turn()
    assert len(after(story, 4)) == 1


@pytest.mark.long
def test_no_delay_is_told_out_of_hours_before_the_team_is_back() -> None:
    story = Waiting(ModelDesk(organization()))
    story.desk.now = SATURDAY
    ask(story)
    assert story.told() == [f"{CLOSED} {NUMBER}"]
    assert after(story, 60) == []
    [(_, timer)] = [(k, t) for k, t in story.desk.state.timers.items() if k[0] == "promised"]
    assert timer.due_at > SATURDAY + timedelta(days=1), "their clock starts when the team is in"


def test_a_customer_who_waits_beyond_the_hours_is_told_when_the_team_is_back() -> None:
    story = Waiting(ModelDesk(organization()))
    story.desk.now = datetime(2026, 3, 2, 16, 50, tzinfo=UTC)  # ten minutes before they leave, in Berlin
    story.put(Said("Help!"), ref="1")
    story.turn("billing_inquiry")
    assert story.told() == [f"{HANDOFF} You hear from us within 15 minutes. {NUMBER}"]
    story.press(HUGO, "take")
    story.turn()
    story.desk.now += timedelta(minutes=20)
    story.turn()
    [later] = story.told()
    assert later == f"{LATER} {BACK.format(opens='tomorrow at 09:00 (CET)')}"


def test_closing_ends_the_waiting(story: Waiting) -> None:
    story.held()
    story.told()
    story.press(HUGO, "resolve")
    story.turn()
    assert not any(LATER in text for text in after(story, 120))


def test_a_room_that_is_lost_is_no_news_for_the_customer(story: Waiting) -> None:
    ask(story)
    story.told()
    story.desk.pass_time(6 * MINUTE)  # the ladder goes on: colleagues are called, and the time is not over
    story.turn()
    assert story.told() == []
