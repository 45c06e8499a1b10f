"""The fault plan alone."""

import pytest

from connectors.sandbox.fault import Fault, FaultKind
from connectors.sandbox.faults import FaultPlan, Mischief


async def test_nothing_happens_without_rules() -> None:
    plan = FaultPlan()
    assert await plan.before("slack", "chat.postMessage") is None
    assert plan.deliveries("slack", "message") == (0.0,)


async def test_the_next_n_fitting_calls_are_hit_and_counted() -> None:
    plan = FaultPlan()
    plan.add("telegram", Mischief.RATE_LIMITED, pattern="send*", count=2, seconds=3)
    assert await plan.before("slack", "sendMessage") is None
    assert await plan.before("telegram", "getMe") is None
    hits = [await plan.before("telegram", "sendMessage") for _ in range(3)]
    assert hits == [Fault(FaultKind.RATE_LIMITED, 3)] * 2 + [None]
    assert plan.injected == {("telegram", Mischief.RATE_LIMITED): 2}
    assert plan.rules() == []


def test_events_are_doubled_and_delayed_together() -> None:
    plan = FaultPlan()
    plan.add("*", Mischief.DUPLICATE, seconds=0.5)
    plan.add("slack", Mischief.DELAY, seconds=2)
    assert plan.deliveries("slack", "message") == (2.0, 2.5)
    assert plan.deliveries("telegram", "message") == (0.0, 0.5)


def test_the_same_seed_gives_the_same_faults() -> None:
    def run(seed: int) -> list[tuple[float, ...]]:
        plan = FaultPlan(seed)
        plan.add("slack", Mischief.REORDER, probability=0.5)
        return [tuple(plan.deliveries("slack", "message")) for _ in range(50)]

    assert run(7) == run(7) != run(8)


def test_a_switch_replaces_its_standing_rule_and_clear_forgets_all() -> None:
    plan = FaultPlan()
    plan.switch("slack", Mischief.RESET, 0.5)
    plan.switch("slack", Mischief.RESET, 0.1)
    assert [rule.probability for rule in plan.rules()] == [0.1]
    plan.switch("slack", Mischief.RESET, 0)
    assert plan.rules() == []
    plan.add("slack", Mischief.DELAY)
    plan.deliveries("slack", "message")
    plan.clear()
    assert plan.rules() == []
    assert not plan.injected


@pytest.mark.parametrize(("platform", "probability"), [("fax", 1.0), ("slack", 1.5)])
def test_a_rule_that_makes_no_sense_is_refused(platform: str, probability: float) -> None:
    with pytest.raises(ValueError, match=r"platform|probability"):
        FaultPlan().add(platform, Mischief.DELAY, probability=probability)
