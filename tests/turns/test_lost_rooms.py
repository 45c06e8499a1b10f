"""Leaving a room that staff cannot use: who has the conversation then, and who is called where it goes on."""

from collections.abc import Callable

import pytest

from bot.core.conversation import DeliveryReport, EscalationState, Owner, OwnerKind
from bot.core.effects import TellPerson, TellRoom
from bot.core.errors import AccountSuspended, PlaceGone
from bot.core.events import Said
from bot.core.ids import PersonId
from bot.core.outbound import Post
from bot.turns import delivery_reports
from bot.turns.assigning import assign
from bot.turns.lost_rooms import begin_anew, leave_channel
from bot.turns.turn import Turn
from orgs.routing import room_choices
from tests.turns.desk import ModelDesk, delivery, organization
from tests.turns.test_holder_left import held_by_hugo
from tests.turns.test_one_turn import CARLA, Story

LOST = "is_archived: the channel is archived"


def waiting() -> Story:
    """A billing matter, whose team has two channels, that nobody has taken."""
    story = Story(ModelDesk(organization()))
    story.put(Said("Help!"), ref="1")
    story.turn("billing_inquiry")
    return story


def test_a_conversation_with_no_channel_left_is_queued_and_its_holder_told_directly() -> None:
    story = held_by_hugo()
    turn = Turn(story.desk.load(), story.desk.rules(edits=True))
    assert turn.escalation is not None
    team = turn.escalation.team
    channels = [choice.room for choice in room_choices(turn.organization, team)]
    turn.remember(lost=tuple((room.account_id, room.channel) for room in channels))
    leave_channel(turn, LOST)
    assert turn.owner == Owner(OwnerKind.QUEUE, team)
    assert (turn.escalation.state, turn.escalation.holder) == (EscalationState.WAITING, None)
    told = [e.message for e in turn.effects if isinstance(e, TellPerson) and e.message.person == "hugo"]
    assert ["no other channel is left" in message.post.text for message in told] == [True]


def test_an_unheld_conversation_goes_to_the_default_team_when_its_channels_are_lost() -> None:
    story = waiting()
    turn = Turn(story.desk.load(), story.desk.rules(edits=True))
    assert turn.escalation is not None
    choices = room_choices(turn.organization, turn.escalation.team)
    own = [choice.room for choice in choices if choice.team_id == turn.escalation.team]
    last = next(choice for choice in choices if choice.room not in own)
    turn.remember(lost=tuple((room.account_id, room.channel) for room in own))
    leave_channel(turn, LOST)
    assert turn.owner == Owner(OwnerKind.QUEUE, last.team_id)
    assert turn.escalation.team == last.team_id
    assert turn.open_room is not None
    assert (turn.open_room.team, turn.open_room.name) == (last.team_id, last.room.channel)


def deleted_card(turn: Turn) -> None:
    begin_anew(turn, "somebody has deleted the card", readable=True)


def lost_channel(turn: Turn) -> None:
    leave_channel(turn, LOST)


@pytest.mark.parametrize("loss", [deleted_card, lost_channel])
def test_an_assignee_is_called_again_in_the_room_where_the_conversation_goes_on(
    loss: Callable[[Turn], None],
) -> None:
    story = waiting()
    turn = Turn(story.desk.load(), story.desk.rules(edits=True))
    assign(turn, PersonId("carla"), PersonId("hugo"))
    before = turn.open_room
    loss(turn)
    assert turn.open_room is not None
    assert turn.open_room != before
    told = [e.operation for e in turn.effects if isinstance(e, TellRoom) and e.room == turn.open_room.id]
    calls = [each.text for each in told if isinstance(each, Post) and each.calls == CARLA]
    assert calls == ["🔔 **Carla Mendes** is asked to take this."]


def test_a_conversation_leaves_all_channels_of_an_account_without_a_valid_token() -> None:
    story = waiting()
    escalation = story.desk.state.escalation
    assert escalation is not None
    assert escalation.room is not None
    story.desk.report(
        DeliveryReport(
            None,
            delivery(),
            "failed",
            "invalid_auth: the token is not valid",
            room=escalation.room.id,
            code=AccountSuspended.code,
        )
    )
    story.turn()
    assert not any(room.open for room in story.desk.state.rooms.values()), "there is no other account"
    assert ("open_room", "") in story.desk.state.timers


@pytest.mark.parametrize(("mended", "stays"), [(0, True), (5, False)])
def test_a_thread_that_is_gone_again_and_again_is_left_for_another_channel(
    *, mended: int, stays: bool
) -> None:
    story = waiting()
    [room] = story.desk.state.rooms
    story.desk.room_opened(room, "t.1")
    turn = Turn(story.desk.load(), story.desk.rules(edits=True))
    before = turn.open_room
    assert before is not None
    turn.remember(mended=mended)
    report = DeliveryReport(
        None, delivery(), "failed", "card_gone: it is gone", room=before.id, card=True, code=PlaceGone.code
    )
    delivery_reports.hear(turn, report)
    assert turn.open_room is not None
    assert turn.open_room != before
    assert (turn.open_room.name == before.name) is stays
