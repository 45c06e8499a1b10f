"""Take a conversation from a holder who cannot answer any more, and return it to the team's queue."""

from dataclasses import replace

from bot.core.conversation import Escalation, EscalationState, HolderLeft, Status
from bot.core.effects import AddStep, ChangeEscalation, ClearTimers
from bot.core.ids import TeamId
from bot.core.outbound import Post
from bot.turns.escalating import ANSWER_DUE, ask_team, call_next, deadline_of, person_asked, set_clocks
from bot.turns.ownership import Cause
from bot.turns.turn import Turn
from orgs.routing import escalation_target


def hear(turn: Turn, left: HolderLeft) -> bool:
    """Return the conversation to the queue if the person holds it or has been assigned it.

    If they were only asked to take it, call the next target of the ladder. Return whether any of this
    applied.
    """
    escalation = turn.escalation
    if escalation is None:
        _forget_last_holder(turn, left)
        return False
    if escalation.state is EscalationState.WAITING and escalation.assignee == left.person:
        _unassign(turn, left)
        return True
    if escalation.state is EscalationState.WAITING and _is_asked(turn, escalation, left):
        _ask_next(turn, left)
        return True
    if escalation.state is not EscalationState.HELD or escalation.holder != left.person:
        return False
    gone = f"{left.name} {left.reason}"
    turn.tell_room(Post(f"⚠️ {gone}. Nobody is handling this now: press **Take** on the card to go on."))
    back_to_queue(turn, gone)
    return True


def not_there(turn: Turn, left: HolderLeft) -> None:
    """Handle a call that the person cannot notice in time.

    If they were called because they had the conversation last, before it was reopened, ask their team
    instead.
    """
    escalation = turn.escalation
    if hear(turn, left) or escalation is None:
        return
    if escalation.state is EscalationState.WAITING and escalation.assignee is None:
        turn.tell_room(
            Post(f"⚠️ {left.name}, who had this last, {left.reason}: nobody is handling it. {ask_team(turn)}")
        )
        turn.explain(f"person {left.person}", f"was called in vain: {left.reason}")


def _forget_last_holder(turn: Turn, left: HolderLeft) -> None:
    """Make sure that undoing a closing leads to the team's queue when the last holder cannot answer."""
    closed = turn.closed
    if closed is not None and closed.holder == left.person:
        turn.closed = replace(closed, holder=None)
        turn.add(ChangeEscalation(turn.closed))
        turn.explain(f"person {left.person}", f"would not hold it again: {left.name} {left.reason}")


def _is_asked(turn: Turn, escalation: Escalation, left: HolderLeft) -> bool:
    """Return whether the escalation waits for this person because a rule or the ladder names them."""
    if left.step is not None:
        return escalation.assignee is None and escalation.step == left.step
    return person_asked(turn) == left.person


def _ask_next(turn: Turn, left: HolderLeft) -> None:
    gone = f"{left.name} {left.reason}"
    turn.tell_room(Post(f"⚠️ {gone}, and was asked to take this: whoever is next is called now."))
    turn.explain(f"person {left.person}", f"is asked no longer: {gone}")
    # The organization file in force names somebody else at this step, or moved the next step here.
    call_next(turn, f"{gone}.", left.step)


def _unassign(turn: Turn, left: HolderLeft) -> None:
    """Let anybody of the team take what waited for this person. Its clocks continue."""
    gone = f"{left.name} {left.reason}"
    turn.tell_room(Post(f"⚠️ {gone}, so this is assigned to nobody now. {ask_team(turn)}"))
    escalation = turn.change_escalation(assignee=None)
    turn.add(AddStep(escalation.id, left.person, escalation.team, gone))
    turn.show_card()
    turn.explain(f"person {left.person}", f"no longer assigned: {gone}")
    turn.audit("desk", "escalation.assignee_left", assignee=left.person, team=escalation.team)


def back_to_queue(turn: Turn, reason: str, team: TeamId | None = None) -> None:
    """Return a held conversation to the queue of `team`, or of the escalation's own.

    The ladder's clock starts again. The customer is told nothing: they hear of a delay when that clock is
    due. Messages that the holder has already written leave after their undo time, as usual.
    """
    escalation = turn.escalation
    assert escalation is not None  # noqa: S101  callers look first
    assert escalation.holder is not None  # noqa: S101
    team = team or escalation.team
    target = escalation_target(turn.organization, escalation.agent, escalation.trigger)
    deadline = deadline_of(turn, replace(target, team_id=team))
    turn.change_escalation(state=EscalationState.WAITING, holder=None, team=team, deadline=deadline)
    turn.add(AddStep(escalation.id, escalation.holder, team, reason))
    turn.add(ClearTimers(ANSWER_DUE))
    set_clocks(turn, team, deadline, target.timeout)
    turn.give(Cause.HOLDER_LEFT, team, Status.ESCALATED)
    turn.show_card()
    turn.explain(f"person {escalation.holder}", f"no longer holds it: {reason}")
    turn.audit("desk", "escalation.holder_left", holder=escalation.holder, team=team)
