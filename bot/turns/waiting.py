"""Tell a customer who waits for people when they will hear from us, and when it takes longer.

A timer watches each promise. A customer who has no answer when it is due is told so, whether the conversation
waits in a queue or a person holds it; at most TELL_CUSTOMER times until they have an answer.
"""

from datetime import datetime, timedelta

from bot.core.conversation import EscalationState
from bot.core.effects import ClearTimers, SetTimer
from bot.core.ids import TeamId
from bot.core.numbers import shown
from bot.turns.turn import Turn
from orgs.opening import is_open, opens_at, zone_of
from orgs.routing import Target, escalation_target, find_team
from orgs.specification.texts import fill
from orgs.translations.times import duration, moment

PROMISED = "promised"  # the timer of the time by which the customer was promised an answer
TO_ANSWER = timedelta(minutes=10)  # for a person to answer, after taking it or after the customer's message
TELL_CUSTOMER = 2  # how often at most they are told that it takes longer


def tell_handoff(turn: Turn, target: Target, deadline: datetime, notice: str = "") -> None:
    """Tell the customer that people have the conversation, and when they will hear from them."""
    texts, organization, now = turn.texts, turn.organization, turn.now
    if target.immediate or is_open(organization, target.team_id, now):
        text = f"{_filled(turn, texts.handoff, target.team_id)} {_promise(turn, deadline + TO_ANSWER)}"
    else:
        text = _filled(turn, texts.out_of_hours, target.team_id)
        turn.add(SetTimer(PROMISED, "", deadline + TO_ANSWER))
    number = fill(texts.case_number, number=shown(turn.view.conversation.number))
    parts = (_filled(turn, notice, target.team_id), f"{text} {number}")
    turn.say("\n\n".join(filter(None, parts)))


def expect_answer(turn: Turn) -> None:
    """Start the clock for an answer by people: the customer has written to them."""
    if turn.escalation is None or (PROMISED, "") in turn.timers:
        return
    if turn.memory.told_waiting < TELL_CUSTOMER:
        turn.add(SetTimer(PROMISED, "", _next_due(turn)))


def answered(turn: Turn) -> None:
    """Stop the clock: nothing is owed to the customer now, and the next wait is a new one."""
    turn.add(ClearTimers(PROMISED))
    if turn.memory.told_waiting:
        turn.remember(told_waiting=0)


def overdue(turn: Turn) -> None:
    """Tell the customer that it takes longer: the promised time is over, and nobody has answered."""
    escalation = turn.escalation
    if escalation is None or turn.memory.told_waiting >= TELL_CUSTOMER:
        return
    told = turn.memory.told_waiting + 1
    parts = [_filled(turn, turn.texts.not_taken_in_time, escalation.team)]
    more = told < TELL_CUSTOMER  # another promise is made only if a timer will watch it
    if not _is_in(turn, escalation.team):
        parts.append(_filled(turn, turn.texts.team_is_back, escalation.team))
        if more:
            turn.add(SetTimer(PROMISED, "", _next_due(turn)))
    elif more:
        parts.append(_promise(turn, _next_due(turn)))
    turn.say(" ".join(parts))
    turn.remember(told_waiting=told)
    turn.explain("desk", "told the customer that it takes longer")


def _promise(turn: Turn, due: datetime) -> str:
    """Return the sentence that says within what time the customer will hear from us, and set its clock."""
    wait = _rounded_up(due - turn.now)
    turn.add(SetTimer(PROMISED, "", turn.now + wait))
    return fill(turn.texts.answer_expected, wait=duration(wait, turn.language))


def _rounded_up(wait: timedelta) -> timedelta:
    """Round up to five minutes, or to a whole hour if it is longer than one."""
    step = timedelta(minutes=5) if wait <= timedelta(hours=1) else timedelta(hours=1)
    return max(step, -(-wait // step) * step)


def _next_due(turn: Turn) -> datetime:
    """Return when the person who holds it, or who is called now, should have answered."""
    escalation, now = turn.escalation, turn.now
    assert escalation is not None  # noqa: S101  callers look first
    waiting = escalation.state is EscalationState.WAITING
    start = max(escalation.deadline or now, now) if waiting else now
    if not _is_in(turn, escalation.team):
        start = max(start, opens_at(turn.organization, escalation.team, now) or start)
    return start + TO_ANSWER


def _is_in(turn: Turn, team: TeamId) -> bool:
    escalation = turn.escalation
    assert escalation is not None  # noqa: S101  callers look first
    target = escalation_target(turn.organization, escalation.agent, escalation.trigger)
    return target.immediate or is_open(turn.organization, team, turn.now)


def _filled(turn: Turn, template: str, team: TeamId) -> str:
    organization, texts = turn.organization, turn.texts
    found = find_team(organization, team)
    opens = opens_at(organization, team, turn.now)
    zone = zone_of(organization, team)
    return fill(
        template,
        team=found.name if found else "",
        organization=organization.display_name,
        opens=moment(opens, turn.now, zone, turn.language, texts) if opens else "",
    )
