"""The organization file says how urgent a trigger is, and nothing else does."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.core.conversation import Escalation, Urgency
from bot.core.events import Said
from orgs.specification.organization import Organization
from tests.turns.desk import CLOSED, HANDOFF, NUMBER, ModelDesk, organization
from tests.turns.test_waiting import Waiting

SATURDAY = datetime(2026, 3, 7, 10, tzinfo=UTC)
MONDAY = datetime(2026, 3, 9, tzinfo=UTC)


def with_urgency(trigger: str, urgency: Urgency) -> Organization:
    known = organization()
    triggers = tuple(
        each.model_copy(update={"urgency": urgency}) if each.id == trigger else each
        for each in known.triggers
    )
    return known.model_copy(update={"triggers": triggers})


def escalated(trigger: str, urgency: Urgency) -> tuple[Escalation, list[str]]:
    """Return what a customer's message on a Saturday becomes, and what they are told."""
    story = Waiting(ModelDesk(with_urgency(trigger, urgency)))
    story.desk.now = SATURDAY
    story.put(Said("URGENT! We were hacked, production down, emergency!"), ref="1")
    story.turn(trigger)
    escalation = story.desk.state.escalation
    assert escalation is not None
    return escalation, story.told()


@pytest.mark.parametrize("urgency", Urgency)
def test_an_escalation_is_as_urgent_as_its_trigger_whatever_the_customer_shouts(urgency: Urgency) -> None:
    assert escalated("billing_inquiry", urgency)[0].urgency is urgency


@pytest.mark.parametrize("urgency", [Urgency.NORMAL, Urgency.HIGH])
def test_an_escalation_that_is_not_critical_waits_for_the_hours_of_the_team(urgency: Urgency) -> None:
    escalation, told = escalated("billing_inquiry", urgency)
    assert escalation.deadline is not None
    assert escalation.deadline > MONDAY
    assert told == [f"{CLOSED} {NUMBER}"]


def test_a_critical_escalation_calls_people_at_any_hour() -> None:
    escalation, [told] = escalated("billing_inquiry", Urgency.CRITICAL)
    assert escalation.deadline is not None
    assert escalation.deadline - escalation.opened_at == timedelta(minutes=5)
    assert told.startswith(HANDOFF)


def test_a_rule_that_is_immediate_is_of_high_urgency_at_least() -> None:
    assert escalated("security", Urgency.NORMAL)[0].urgency is Urgency.HIGH
    assert escalated("security", Urgency.CRITICAL)[0].urgency is Urgency.CRITICAL
