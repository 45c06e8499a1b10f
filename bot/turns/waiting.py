"""What a customer who waits for people is told: when they will hear from us, and that it takes longer.

What is promised is kept by a clock: who has no answer when it rings is told so, whether it waits in a
queue or a person holds it; TELL_CUSTOMER times at most until they have an answer.
"""

from datetime import datetime, timedelta

from bot.core.conversation import EscalationState
from bot.core.effects import ClearTimers, SetTimer
from bot.core.ids import TeamId
from bot.core.numbers import shown
from bot.turns.draft import Draft
from orgs.opening import is_open, opens_at, zone_of
from orgs.routing import Target, escalation_target, find_team
from orgs.specification.texts import fill
from orgs.translations.times import duration, moment

PROMISED = "promised"  # when the customer was told that they will hear from us
TO_ANSWER = timedelta(minutes=10)  # a person has, from taking a conversation or the customer's next words on
TELL_CUSTOMER = 2  # times at most that it takes longer


def tell_handoff(draft: Draft, target: Target, deadline: datetime, notice: str = "") -> None:
    """Tell the customer that people have it, and when they will hear from them."""
    texts, organization, now = draft.texts, draft.organization, draft.now
    if target.immediate or is_open(organization, target.team_id, now):
        text = f"{_filled(draft, texts.handoff, target.team_id)} {_promise(draft, deadline + TO_ANSWER)}"
    else:
        text = _filled(draft, texts.out_of_hours, target.team_id)
        draft.add(SetTimer(PROMISED, "", deadline + TO_ANSWER))
    number = fill(texts.case_number, number=shown(draft.view.conversation.number))
    parts = (_filled(draft, notice, target.team_id), f"{text} {number}")
    draft.say("\n\n".join(filter(None, parts)))


def expect_answer(draft: Draft) -> None:
    """The customer has written to people: they are told when there is no answer in time."""
    if draft.escalation is None or (PROMISED, "") in draft.timers:
        return
    if draft.memory.told_waiting < TELL_CUSTOMER:
        draft.add(SetTimer(PROMISED, "", _next_due(draft)))


def answered(draft: Draft) -> None:
    """Nothing is owed to the customer now: the next wait is a new one."""
    draft.add(ClearTimers(PROMISED))
    if draft.memory.told_waiting:
        draft.remember(told_waiting=0)


def overdue(draft: Draft) -> None:
    """What was promised is due, and nobody has answered."""
    escalation = draft.escalation
    if escalation is None or draft.memory.told_waiting >= TELL_CUSTOMER:
        return
    told = draft.memory.told_waiting + 1
    parts = [_filled(draft, draft.texts.not_taken_in_time, escalation.team)]
    more = told < TELL_CUSTOMER  # promised only if somebody will see to it
    if not _is_in(draft, escalation.team):
        parts.append(_filled(draft, draft.texts.team_is_back, escalation.team))
        if more:
            draft.add(SetTimer(PROMISED, "", _next_due(draft)))
    elif more:
        parts.append(_promise(draft, _next_due(draft)))
    draft.say(" ".join(parts))
    draft.remember(told_waiting=told)
    draft.because("desk", "told the customer that it takes longer")


def _promise(draft: Draft, due: datetime) -> str:
    """Say within what time the customer will hear from us, and let a clock see to it."""
    wait = _rounded_up(due - draft.now)
    draft.add(SetTimer(PROMISED, "", draft.now + wait))
    return fill(draft.texts.answer_expected, wait=duration(wait, draft.language))


def _rounded_up(wait: timedelta) -> timedelta:
    """To five minutes, from an hour on to a whole hour."""
    step = timedelta(minutes=5) if wait <= timedelta(hours=1) else timedelta(hours=1)
    return max(step, -(-wait // step) * step)


def _next_due(draft: Draft) -> datetime:
    """When who is called now, or holds it, should have answered."""
    escalation, now = draft.escalation, draft.now
    assert escalation is not None  # noqa: S101  callers look first
    waiting = escalation.state is EscalationState.WAITING
    start = max(escalation.deadline or now, now) if waiting else now
    if not _is_in(draft, escalation.team):
        start = max(start, opens_at(draft.organization, escalation.team, now) or start)
    return start + TO_ANSWER


def _is_in(draft: Draft, team: TeamId) -> bool:
    escalation = draft.escalation
    assert escalation is not None  # noqa: S101  callers look first
    target = escalation_target(draft.organization, escalation.agent, escalation.trigger)
    return target.immediate or is_open(draft.organization, team, draft.now)


def _filled(draft: Draft, template: str, team: TeamId) -> str:
    organization, texts = draft.organization, draft.texts
    found = find_team(organization, team)
    opens = opens_at(organization, team, draft.now)
    zone = zone_of(organization, team)
    return fill(
        template,
        team=found.name if found else "",
        organization=organization.display_name,
        opens=moment(opens, draft.now, zone, draft.language, texts) if opens else "",
    )
