"""Who is assigned a conversation and does not take it in time is asked no more."""

from bot.core.conversation import EscalationState
from bot.core.ids import PersonId
from bot.turns.assigning import assign
from bot.turns.draft import Draft
from bot.turns.escalating import LADDER, call_next
from tests.turns.test_lost_rooms import waiting


def test_when_the_ladder_goes_on_it_is_assigned_to_nobody() -> None:
    story = waiting()
    draft = Draft(story.desk.load(), story.desk.rules(edits=True))
    assign(draft, PersonId("carla"), PersonId("hugo"))
    assert draft.escalation is not None
    step = draft.escalation.step
    call_next(draft, "Nobody took it in time.")
    assert draft.escalation.assignee is None
    assert draft.escalation.state is EscalationState.WAITING
    assert draft.escalation.step == step + 1
    assert (LADDER, "") in draft.timers
