"""A clock that is set back keeps no account from sending until the time comes again."""

from storage.account_rates import Allowance
from storage.outbox_items import Item
from tests.turns.bench import LEASE, Bench


async def _claim(desk: Bench, allowance: Allowance) -> list[Item]:
    async with desk.database.begin() as connection:
        return list((await desk.outbox.claim(connection, lambda _: allowance, 50, LEASE)).items)


async def _sent_by_a_clock_an_hour_ahead(desk: Bench) -> None:
    await desk.execute("update accounts set free_at = clock_timestamp() + interval '1 hour'")


async def test_an_account_that_sent_by_a_later_clock_sends_by_the_earlier_one(desk: Bench) -> None:
    await desk.say("Hello")
    await _sent_by_a_clock_an_hour_ahead(desk)
    assert len(await _claim(desk, Allowance(30.0, 3))) == 1
    later = (
        "select a.id from lanes l join accounts a on a.id = l.account_id where a.free_at > clock_timestamp()"
    )
    assert not await desk.rows(f"{later} + interval '10 minutes'")


async def test_a_slow_account_still_waits_until_it_may_send_again(desk: Bench) -> None:
    await desk.say("Hello")
    await _sent_by_a_clock_an_hour_ahead(desk)
    assert await _claim(desk, Allowance(1 / 7_200, 1)) == []
