"""Assigning a conversation: whoever cannot be reached or let in, comes too late or does not take it."""

from bot.core.conversation import DeliveryReport, EscalationState
from bot.core.effects import TellPerson, TellRoom
from bot.core.events import Said, Submitted
from bot.core.ids import PersonId
from bot.core.outbound import Invite, Post, Whisper
from bot.turns import delivery_reports
from bot.turns.assigning import assign, join
from bot.turns.escalating import LADDER, call_next
from bot.turns.turn import Turn
from orgs.specification.organization import Person
from tests.turns.desk import ModelDesk, delivery, organization
from tests.turns.test_holder_left import held_by_hugo
from tests.turns.test_lost_rooms import waiting
from tests.turns.test_one_turn import CARLA, HUGO, Story

NORA = "nora@brightdesk.example"


def drafted(story: Story) -> Turn:
    return Turn(story.desk.load(), story.desk.rules(edits=True))


def told_in_room(turn: Turn) -> list[str]:
    told = [effect.operation for effect in turn.effects if isinstance(effect, TellRoom)]
    return [each.text for each in told if isinstance(each, Post)]


def absent(turn: Turn, person: str, outcome: str, reason: str = "") -> DeliveryReport:
    """Return the report of a post that calls somebody who is not in the room's channel."""
    assert turn.open_room is not None
    return DeliveryReport(None, delivery(), outcome, reason, room=turn.open_room.id, absent=person)


def test_a_conversation_is_assigned_to_nobody_when_the_ladder_goes_on() -> None:
    turn = drafted(waiting())
    assign(turn, PersonId("carla"), PersonId("hugo"))
    assert turn.escalation is not None
    step = turn.escalation.step
    call_next(turn, "Nobody took it in time.")
    assert turn.escalation.assignee is None
    assert turn.escalation.state is EscalationState.WAITING
    assert turn.escalation.step == step + 1
    assert (LADDER, "") in turn.timers


def test_the_room_is_told_of_somebody_who_is_not_in_the_channel_and_cannot_be_told_directly() -> None:
    desk = ModelDesk(organization())
    people = (*desk.organization.people, Person(id="nora", name="Nora", email=NORA))
    desk.organization = desk.organization.model_copy(update={"people": people})
    story = Story(desk)
    story.put(Said("Help!"), ref="1")
    story.turn("billing_inquiry")
    turn = drafted(story)
    delivery_reports.hear(turn, absent(turn, NORA, "delivered"))
    assert not any(isinstance(effect, TellPerson) for effect in turn.effects)
    assert told_in_room(turn) == [
        "⚠️ **Nora** is not in this channel and could not be told: the organization file names no other way to"
        " reach them."
    ]


def test_a_conversation_assigned_to_somebody_who_cannot_be_told_waits_for_anybody() -> None:
    desk = ModelDesk(organization())
    people = (*desk.organization.people, Person(id="nora", name="Nora", email=NORA))
    desk.organization = desk.organization.model_copy(update={"people": people})
    story = Story(desk)
    story.put(Said("Help!"), ref="1")
    story.turn("billing_inquiry")
    turn = drafted(story)
    assign(turn, PersonId("nora"), PersonId("hugo"))
    delivery_reports.hear(turn, absent(turn, NORA, "delivered"))
    assert turn.escalation is not None
    assert turn.escalation.assignee is None
    assert told_in_room(turn)[-1].startswith("⚠️ Nora is not in this channel and could not be told")
    assert "so this is assigned to nobody now" in told_in_room(turn)[-1]


def test_a_holder_who_is_not_in_the_channel_any_more_holds_nothing() -> None:
    turn = drafted(held_by_hugo())
    delivery_reports.hear(turn, absent(turn, HUGO, "delivered"))
    assert turn.escalation is not None
    assert (turn.escalation.state, turn.escalation.holder) == (EscalationState.WAITING, None)
    assert any("Hugo Martin is not in this channel any more" in text for text in told_in_room(turn))
    [told] = [effect.message.post.text for effect in turn.effects if isinstance(effect, TellPerson)]
    assert "Until then anybody may take it." in told


def test_the_room_is_told_of_somebody_who_could_not_be_added_to_the_channel() -> None:
    turn = drafted(waiting())
    delivery_reports.hear(turn, absent(turn, CARLA, "failed", "cant_invite: the app may not invite here"))
    assert not any(isinstance(effect, TellPerson) for effect in turn.effects)
    [told] = told_in_room(turn)
    assert told.startswith("⚠️ **Carla Mendes** couldn't be added to this channel")
    assert told.endswith("Invite them by hand.")


def test_somebody_who_joins_a_conversation_that_was_closed_or_handed_over_is_told_so() -> None:
    turn = drafted(waiting())
    join(turn, "of a conversation before", PersonId("carla"))
    assert not any(isinstance(e, TellRoom) and isinstance(e.operation, Invite) for e in turn.effects)
    [told] = [effect.message for effect in turn.effects if isinstance(effect, TellPerson)]
    assert told.person == "carla"
    assert told.post.text == "This conversation was closed or handed over in the meantime."


def assigned(story: Story, by: str, to: str, *, seen: str) -> list[str]:
    """`by` sends the form that was opened while `seen` held it. Returns what they are told."""
    escalation = story.desk.state.escalation
    assert escalation is not None
    story.put(Submitted("assign", f"{escalation.id}:{seen}", (("person", to),)), by)
    told = [e.operation for e in story.turn() if isinstance(e, TellRoom)]
    return [each.text for each in told if isinstance(each, Whisper) and each.person == by]


def held_by(story: Story) -> str | None:
    escalation = story.desk.state.escalation
    assert escalation is not None
    return escalation.holder if escalation.state is EscalationState.HELD else None


def test_an_assignment_form_sent_after_somebody_took_the_conversation_does_nothing() -> None:
    story = held_by_hugo()
    [told] = assigned(story, CARLA, CARLA, seen="")
    assert told.startswith("**Hugo Martin** has just taken this.")
    assert held_by(story) == "hugo"


def test_assigning_a_conversation_to_yourself_takes_it() -> None:
    story = held_by_hugo()
    assert assigned(story, CARLA, CARLA, seen="hugo") == []
    assert held_by(story) == "carla"


def test_the_holder_cannot_be_assigned_the_conversation_again() -> None:
    story = held_by_hugo()
    assert assigned(story, CARLA, HUGO, seen="hugo") == ["**Hugo Martin** is handling this already."]
    assert held_by(story) == "hugo"


def test_a_person_whom_the_file_does_not_name_cannot_be_assigned() -> None:
    story = held_by_hugo()
    told = assigned(story, CARLA, "U0STRANGER", seen="hugo")
    assert told == ["That person is not named in the organization file."]
    assert held_by(story) == "hugo"
