"""A holder who cannot answer any more: the conversation goes back to the team's queue."""

from dataclasses import replace
from datetime import timedelta

from bot.core.conversation import EscalationState, HolderLeft, MessageState, OwnerKind
from bot.core.effects import ShowCard, TellRoom
from bot.core.events import Said
from bot.core.ids import PersonId
from bot.core.outbound import Mark, Post, React
from bot.turns.assigning import assign
from bot.turns.holder_left import hear
from bot.turns.lost_rooms import leave_channel
from bot.turns.removed_staff import keep_staffed
from bot.turns.turn import Turn
from bot.turns.undo import release
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


def test_a_conversation_assigned_to_somebody_who_left_waits_for_anybody() -> None:
    story = held_by_hugo()
    view = story.desk.load()
    turn = Turn(view, story.desk.rules(edits=True))
    assign(turn, PersonId("carla"), PersonId("hugo"))
    before = len(turn.effects)
    hear(turn, HolderLeft(PersonId("carla"), "Carla Mendes", "was deactivated in Slack"))
    assert turn.escalation is not None
    assert (turn.escalation.state, turn.escalation.assignee) == (EscalationState.WAITING, None)
    told = [e.operation for e in turn.effects[before:] if isinstance(e, TellRoom)]
    assert told == [
        Post(
            "⚠️ Carla Mendes was deactivated in Slack, so this is assigned to nobody now. **Escalation Team**:"
            " press **Take** on the card to answer Maya."
        )
    ]
    assert any(isinstance(e, ShowCard) for e in turn.effects)
    assert any(kind == "ladder" for kind, _ in turn.timers), "the team's time goes on"


def test_a_person_whom_the_file_no_longer_names_is_assigned_nothing() -> None:
    story = held_by_hugo()
    rules = story.desk.rules(edits=True)
    turn = Turn(story.desk.load(), rules)
    assign(turn, PersonId("somebody-removed"), PersonId("hugo"))
    keep_staffed(turn)
    assert turn.escalation is not None
    assert turn.escalation.assignee is None


def test_words_that_wait_when_their_room_is_left_get_a_line_and_their_marks_in_the_new_one() -> None:
    story = held_by_hugo()
    story.put(Said("The refund is on its way."), HUGO, ref="s1")
    story.turn()
    turn = Turn(story.desk.load(), story.desk.rules(edits=True))
    turn.messages = {
        id_: replace(m, room=turn.open_room.id if turn.open_room else None) if m.ref == "s1" else m
        for id_, m in turn.messages.items()
    }
    leave_channel(turn, "is_archived: the channel is archived")
    assert turn.open_room is not None
    [words] = [m for m in turn.messages.values() if m.ref == "s1"]
    about = [e.operation for e in turn.effects if isinstance(e, TellRoom) and e.about == words.id]
    assert about == [Post("🧑 **Hugo Martin**\n\n> The refund is on its way."), React("", Mark.WAITING)]
    before = len(turn.effects)
    turn.now += timedelta(minutes=1)
    release(turn)
    told = [e for e in turn.effects[before:] if isinstance(e, TellRoom) and isinstance(e.operation, Post)]
    assert told == [], "it is told once"
