"""Counting who writes too fast."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from storage.floods import Floods

ONE, OTHER = UUID(int=1), UUID(int=2)
MOST = 300.0  # seconds


class Now:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@given(st.integers(min_value=1, max_value=1000))
def test_a_minutes_worth_may_come_at_once_and_one_more_is_too_much(per_minute: int) -> None:
    floods = Floods(clock=Now())
    found = [floods.count(ONE, per_minute, MOST) for _ in range(per_minute + 2)]
    assert found[:per_minute] == [0.0] * per_minute
    assert found[-1] > 30


@given(st.integers(min_value=1, max_value=600), st.integers(min_value=1, max_value=500))
def test_a_writer_who_keeps_to_the_rate_is_never_too_fast(per_minute: int, events: int) -> None:
    now = Now()
    floods = Floods(clock=now)
    for _ in range(events):
        assert floods.count(ONE, per_minute, MOST) == 0
        now.seconds += 60 / per_minute + 1e-6


@given(st.lists(st.floats(min_value=0, max_value=100), min_size=1, max_size=80))
def test_events_of_one_writer_count_for_nobody_else(pauses: list[float]) -> None:
    now = Now()
    pipeline, alone = Floods(clock=now), Floods(clock=now)
    for pause in pauses:
        now.seconds += pause
        pipeline.count(OTHER, 3, MOST)
        assert pipeline.count(ONE, 3, MOST) == alone.count(ONE, 3, MOST)


def test_a_flood_is_over_when_half_of_the_allowance_is_free_again() -> None:
    now = Now()
    floods = Floods(clock=now)
    lasts = [floods.count(ONE, 10, MOST) for _ in range(20)][-1]
    assert lasts == 20 * 6 - 30
    now.seconds += lasts
    assert floods.count(ONE, 10, MOST) == 0


def test_only_those_heard_last_are_remembered() -> None:
    floods = Floods(remembered=1, clock=Now())
    for _ in range(10):
        assert floods.count(ONE, 1, MOST) == floods.count(OTHER, 1, MOST) == 0


def test_a_flood_never_lasts_longer_than_the_most() -> None:
    floods = Floods(clock=Now())
    assert [floods.count(ONE, 1, MOST) for _ in range(5000)][-1] == MOST
