"""A platform asks to wait: what was refused waits, and what comes after it; nobody else's words do."""

import re
from datetime import timedelta

from storage.delivery_outcomes import Later
from storage.outbox_items import Item
from tests.turns.bench import Bench, Left
from tests.turns.test_bursts import limited, write
from tests.turns.test_fair_turns import escalated

WHILE = timedelta(minutes=1)


def refused(item: Item, rest: timedelta = timedelta()) -> Later:
    return Later(item, WHILE, "send.rate_limited", "slowly", counts=False, rest=rest)


async def to_rooms(desk: Bench) -> list[Item]:
    """Claim what may leave for the staff now, one delivery of each channel."""
    return [item for item in await desk.claim() or await desk.claim() if item.room is not None]


async def all_that_leaves(desk: Bench) -> list[Item]:
    """Deliver what no pause keeps, for rooms; in the order in which it left."""
    left: list[Item] = []
    while items := await desk.claim() or await desk.claim():
        for item in items:
            await desk.settle(desk.taken(item))
            left += [item] if item.room is not None else []
    return left


def lines(left: list[Item] | list[Left]) -> list[str]:
    texts = [str(one.operation) for one in left]
    return [found[-1] for text in texts if (found := re.findall(r"line \d{3}", text))]


async def test_a_pause_of_the_chat_outlives_what_others_put_into_it(desk: Bench) -> None:
    await escalated(desk, "noor")
    [card] = await to_rooms(desk)
    await desk.settle(refused(card, rest=WHILE))
    await escalated(desk, "maya")
    assert await to_rooms(desk) == []
    await desk.rested()
    assert [item.id for item in await to_rooms(desk)] == [card.id]


async def test_a_pause_outlives_what_comes_after_it_in_its_conversation(desk: Bench) -> None:
    await limited(desk)
    await write(desk, range(1, 7))
    await desk.deliver()
    await write(desk, range(7, 8))
    [grown] = await to_rooms(desk)
    await desk.settle(refused(grown))
    for n in range(8, 12):
        await write(desk, range(n, n + 1))
        assert await to_rooms(desk) == []
    await desk.rested()
    assert lines(await all_that_leaves(desk))[-1] == "line 011"


async def test_a_change_that_is_refused_holds_up_no_other_card(desk: Bench) -> None:
    noisy = await limited(desk)
    await write(desk, range(1, 7))
    await desk.deliver()
    await write(desk, range(7, 8))
    [grown] = await to_rooms(desk)
    await desk.settle(refused(grown))
    quiet = await escalated(desk, "noor")
    await write(desk, range(8, 9))
    left = await all_that_leaves(desk)
    assert {item.conversation for item in left} == {quiet}
    assert left[0].kind == "card"
    await desk.rested()
    assert {item.conversation for item in await all_that_leaves(desk)} == {noisy}


async def test_later_posts_of_the_room_stay_behind_a_refused_one(desk: Bench) -> None:
    await escalated(desk, "maya")
    await desk.deliver()
    await write(desk, range(1, 2))
    [first] = await to_rooms(desk)
    await desk.settle(refused(first))
    for n in range(2, 6):
        await write(desk, range(n, n + 1))
        await escalated(desk, f"other {n}")
        assert lines(await all_that_leaves(desk)) == []
    await desk.rested()
    assert lines(await all_that_leaves(desk)) == [f"line {n:03}" for n in range(1, 6)]


async def test_in_a_customers_chat_all_that_comes_later_waits(desk: Bench) -> None:
    first = await desk.say("One", "maya")
    [item] = await desk.claim()
    await desk.settle(refused(item))
    await desk.execute("update conversations set reopen_until = now() - interval '1 day'")
    await desk.say("Two", "maya")
    await desk.execute("update outbox set conversation_id = gen_random_uuid() where id <> :id", id=item.id)
    assert await desk.claim() == []
    assert await desk.claim() == [], "although it is of another conversation"
    await desk.rested()
    order = [one.item.conversation for one in await desk.deliver()]
    assert order[0] == first


async def test_when_the_pause_ends_the_chat_is_ready_again_by_itself(desk: Bench) -> None:
    await escalated(desk, "noor")
    [card] = await to_rooms(desk)
    await desk.settle(refused(card))
    [[pauses, ready]] = await desk.rows(
        "select o.not_before - now() > interval '50 seconds', l.ready_at = o.not_before"
        " from outbox o join lanes l on l.id = o.lane_id where o.id = :id",
        id=card.id,
    )
    assert (pauses, ready) == (True, True)
    await escalated(desk, "maya")
    await all_that_leaves(desk)
    [[ready]] = await desk.rows(
        "select l.ready_at = o.not_before from outbox o join lanes l on l.id = o.lane_id where o.id = :id",
        id=card.id,
    )
    assert ready, "also when others have left meanwhile"


async def test_a_delivery_sent_again_does_not_wait_for_one_refused_since(desk: Bench) -> None:
    await desk.say("One", "maya")
    [one] = await desk.claim()
    await desk.execute("update outbox set state = 'failed' where id = :id", id=one.id)
    await desk.execute("update lanes set lease_until = null")
    await desk.say("Two", "maya")
    [two] = await desk.claim()
    await desk.settle(refused(two))
    async with desk.database.begin() as connection:
        assert await desk.outbox.again(connection, one.organization, one.id)
    assert [item.id for item in await desk.claim()] == [one.id]
