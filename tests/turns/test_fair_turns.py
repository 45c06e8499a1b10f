"""Conversations that share a channel of the staff take turns in it."""

import pytest

from bot.core.answering import HandOver
from bot.core.ids import ConversationId
from storage.outbox_items import Item
from tests.turns.bench import Bench

BACKLOG = 30


async def escalated(desk: Bench, who: str) -> ConversationId:
    accepted = await desk.hear(desk.event("Help!", who))
    await desk.turn(lambda _: HandOver("A reason.", "why", trigger="security"))
    return accepted.wakes[0].conversation


async def shown(desk: Bench) -> list[tuple[ConversationId, str]]:
    """Deliver everything; of which conversation each thing in rooms was, in the order it left."""
    return [(item.conversation, item.kind) for item in await left_in_rooms(desk)]


async def left_in_rooms(desk: Bench) -> list[Item]:
    items: list[Item] = []

    def fate(item: Item) -> None:
        items.extend([item] if item.room is not None else [])

    await desk.deliver(fate)
    return items


async def test_a_card_does_not_wait_behind_what_another_customer_has_said(desk: Bench) -> None:
    noisy = await escalated(desk, "noisy")
    await desk.deliver()
    for n in range(BACKLOG):
        await desk.hear(desk.event(f"And another thing {n}", "noisy", message=f"n{n}"))
        await desk.turn()
    quiet = await escalated(desk, "quiet")
    order = await shown(desk)
    assert len([1 for conversation, _ in order if conversation == noisy]) >= BACKLOG
    assert order.index((quiet, "card")) <= 2
    last = max(n for n, (conversation, _) in enumerate(order) if conversation == quiet)
    assert last < BACKLOG, "nor does the rest of its room"


@pytest.mark.long
async def test_a_card_does_not_wait_behind_many_conversations_of_another_customer(desk: Bench) -> None:
    for n in range(BACKLOG):
        await desk.hear(desk.event("Help!", "noisy@a.example", on="email", chat=f"thread-{n}", shared=True))
        await desk.turn(lambda _: HandOver("A reason.", "why", trigger="security"))
    quiet = await escalated(desk, "quiet")
    items = await left_in_rooms(desk)
    assert len({item.conversation for item in items}) == BACKLOG + 1
    card = next(item for item in items if (item.conversation, item.kind) == (quiet, "card"))
    there = [item for item in items if item.lane == card.lane]  # other channels go on beside it
    assert there.index(card) <= 2


async def test_the_posts_of_one_conversation_keep_their_order(desk: Bench) -> None:
    ids = [await escalated(desk, who) for who in ("maya", "noor")]
    await desk.deliver()
    for n in range(10):
        for who in ("maya", "noor")[: 1 + n % 2]:
            await desk.hear(desk.event(f"word-{n:02}", who, message=f"{who}{n}"))
            await desk.turn()
    texts: dict[ConversationId, list[str]] = {id_: [] for id_ in ids}
    for left in await desk.deliver():
        if left.item.room is not None and "word-" in str(left.operation):
            texts[left.item.conversation].append(str(left.operation).partition("word-")[2][:2])
    assert texts[ids[0]] == [f"{n:02}" for n in range(10)]
    assert texts[ids[1]] == [f"{n:02}" for n in range(1, 10, 2)]


async def test_messages_to_a_customer_leave_in_one_order_across_conversations(desk: Bench) -> None:
    await desk.say("One", "maya")
    await desk.say("Two", "maya")
    await desk.deliver()
    assert await desk.rows("select distinct turn from outbox where room_id is null") == [(0,)]
