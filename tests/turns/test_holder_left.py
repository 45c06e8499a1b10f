"""A holder who cannot answer any more: the conversation goes back to the team's queue."""

from datetime import timedelta

from bot.core.conversation import EscalationState, HolderLeft, MessageState, OwnerKind
from bot.core.events import Said
from bot.core.ids import PersonId
from tests.turns.desk import LATER, ModelDesk, organization
from tests.turns.test_one_turn import HUGO, Story


def left(story: Story, person: str = "hugo", name: str = "Hugo Martin") -> None:
    story.desk.report(HolderLeft(PersonId(person), name, "was removed from the organization"))
    story.turn()


def held_by_hugo() -> Story:
    story = Story(ModelDesk(organization()))
    story.held()
    return story


def told_customer(story: Story) -> list[str]:
    return [story.desk.state.messages[out.message].text for out in story.desk.state.outbox if out.message]


def test_the_conversation_goes_to_the_queue_and_the_ladder_starts_again() -> None:
    story = held_by_hugo()
    before = told_customer(story)
    left(story)
    state = story.desk.state
    assert state.owner.kind is OwnerKind.QUEUE
    assert state.escalation is not None
    assert (state.escalation.state, state.escalation.holder) == (EscalationState.WAITING, None)
    assert told_customer(story) == before, "nothing is late yet"
    story.desk.pass_time(timedelta(hours=1))
    story.turn()
    assert any(LATER in text for text in told_customer(story)), "now it is"


def test_somebody_elses_leaving_changes_nothing() -> None:
    story = held_by_hugo()
    left(story, "carla", "Carla Mendes")
    assert story.desk.state.owner.kind is OwnerKind.PERSON


def test_words_written_before_still_leave_after_their_undo() -> None:
    story = held_by_hugo()
    story.put(Said("The refund is on its way."), HUGO, ref="s1")
    story.turn()
    left(story)
    assert [m.state for m in story.desk.state.staff_lines()] == [MessageState.HELD]
    story.desk.pass_time(timedelta(minutes=1))
    story.turn()
    assert story.leave() == ["The refund is on its way."]
