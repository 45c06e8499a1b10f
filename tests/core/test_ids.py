"""Ids sort in the order in which they were made, whatever the clock does."""

from hypothesis import given
from hypothesis import strategies as st

from bot.core.ids import Uuid7


@given(st.lists(st.integers(0, 2**48 - 2**20), min_size=2, max_size=60))
def test_ids_of_one_maker_increase_even_when_the_clock_steps_back(times: list[int]) -> None:
    clock = iter(times)
    make = Uuid7(milliseconds=lambda: next(clock), randomness=lambda n: b"\x00" * n)
    made = [make() for _ in times]
    assert made == sorted(made)
    assert len(set(made)) == len(made)


@given(st.integers(0, 2**48 - 2), st.binary(min_size=8, max_size=8))
def test_an_id_is_a_version_7_uuid_that_tells_its_millisecond(now: int, noise: bytes) -> None:
    made = Uuid7(milliseconds=lambda: now, randomness=lambda _: noise)()
    assert made.version == 7
    assert made.variant == "specified in RFC 4122"
    assert made.int >> 80 == now


def test_a_standing_clock_still_makes_increasing_ids() -> None:
    make = Uuid7(milliseconds=lambda: 1_700_000_000_000, randomness=lambda n: b"\xff" * n)
    made = [make() for _ in range(10_000)]
    assert made == sorted(set(made))
