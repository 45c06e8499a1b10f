"""A worker that dies leaves in doubt what it had begun to send, and nothing else that it had claimed."""

from datetime import timedelta

import pytest

from storage.account_rates import Allowance
from storage.delivery_outcomes import Later
from storage.outbox_items import Item
from tests.turns.bench import Bench

LEASE = timedelta(milliseconds=10)  # shorter than the server has been up: see `_CLAIM`


async def _claim(desk: Bench) -> dict[str, Item]:
    """Return what a worker gets, by the chat that it is for."""
    async with desk.database.begin() as connection:
        claimed = await desk.outbox.claim(connection, lambda _: Allowance(1000.0, 100), 50, LEASE)
    return {item.place.chat: item for item in claimed.items}


async def _begin(desk: Bench, *items: Item) -> list[bool]:
    async with desk.database.begin() as connection:
        return await desk.outbox.begin(connection, items)


async def _leases_end(desk: Bench) -> None:
    await desk.execute("update accounts set free_at = clock_timestamp() - interval '1 minute'")
    await desk.execute("update lanes set lease_until = clock_timestamp() - interval '1 minute'")


async def test_only_deliveries_that_had_begun_are_in_doubt(desk: Bench) -> None:
    for name in ("ada", "ben", "cem"):
        await desk.say("Hello", name)
    dead = await _claim(desk)
    assert set(dead) == {"ada", "ben", "cem"}
    assert await _begin(desk, dead["ben"]) == [True]
    await _leases_end(desk)
    second = await _claim(desk)
    assert {chat: item.interrupted for chat, item in second.items()} == {
        "ada": False,
        "ben": True,
        "cem": False,
    }
    await _leases_end(desk)  # the second dies as well, before it begins anything: the doubt stays
    assert [chat for chat, item in (await _claim(desk)).items() if item.interrupted] == ["ben"]


async def test_a_worker_that_slept_through_its_lease_sends_nothing(desk: Bench) -> None:
    await desk.say("Hello")
    [slept] = (await _claim(desk)).values()
    await _leases_end(desk)
    assert await _begin(desk, slept) == [True], "nobody has claimed it meanwhile: it is still its own"
    await _leases_end(desk)
    [next_] = (await _claim(desk)).values()
    assert next_.interrupted
    assert await _begin(desk, slept) == [False]
    assert await _begin(desk, next_) == [True]


@pytest.mark.parametrize("first", ["claim", "begin"])
async def test_a_claim_and_a_beginning_at_once_agree(desk: Bench, first: str) -> None:
    """Whichever is committed first, the other sees it although it looked before."""
    await desk.say("Hello")
    [slept] = (await _claim(desk)).values()
    await _leases_end(desk)
    async with desk.database.begin() as one, desk.database.begin() as other:
        allow = Allowance(1000.0, 100)
        if first == "claim":
            claimed = await desk.outbox.claim(one, lambda _: allow, 1, LEASE)
            await one.commit()
            assert await desk.outbox.begin(other, [slept]) == [False]
            assert not claimed.items[0].interrupted
        else:
            assert await desk.outbox.begin(one, [slept]) == [True]
            await one.commit()
            claimed = await desk.outbox.claim(other, lambda _: allow, 1, LEASE)
            assert claimed.items[0].interrupted


async def test_a_delivery_that_is_tried_again_begins_anew(desk: Bench) -> None:
    """An earlier try that certainly did not arrive leaves no doubt to the next."""
    await desk.say("Hello")
    [item] = (await _claim(desk)).values()
    await _begin(desk, item)
    await desk.execute("update outbox set state = 'waiting'")
    await desk.execute("update lanes set lease_until = null")
    [again] = (await _claim(desk)).values()
    assert not again.interrupted
    await _leases_end(desk)
    [last] = (await _claim(desk)).values()
    assert not last.interrupted


@pytest.mark.parametrize("how", ["given back", "put off"])
async def test_a_delivery_sent_by_an_earlier_version_after_ours_gave_it_back_is_in_doubt(
    desk: Bench, how: str
) -> None:
    """An earlier version marks what it claims as `sending`, and does not say when it begins."""
    await desk.say("Hello")
    [item] = (await _claim(desk)).values()
    async with desk.database.begin() as connection:
        if how == "given back":
            await desk.outbox.unclaim(connection, [item])
        else:
            await desk.outbox.settle(connection, [Later(item, timedelta(), "send.platform_down", "")])
    await desk.execute("update outbox set state = 'sending', attempts = attempts + 1")
    await _leases_end(desk)
    [next_] = (await _claim(desk)).values()
    assert next_.interrupted
