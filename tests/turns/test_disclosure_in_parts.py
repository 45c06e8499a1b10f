"""Automatic words say that an AI writes: what arrived in parts, was tried again, or was written beside the
desk.
"""

from datetime import timedelta

import pytest

from bot.core.events import Edited, SenderRole
from bot.core.outbound import Post, Sent
from storage.delivery_outcomes import Dead, Delivered, Result
from storage.outbox_items import Item
from tests.turns.bench import Bench, message
from tests.turns.test_disclosure import OURS, held, hours_pass, read

ANSWER = f"{OURS}\n\nAn answer."


def refused(item: Item) -> Result | None:
    if item.kind == "post" and item.room is None:
        return Dead(item, "failed", "send.refused", "bad request")
    return None


async def first_part_leaves(desk: Bench) -> Item:
    """Let a part of what is next for the customer arrive, while another one waits."""
    [item] = [item for item in await desk.claim() if item.room is None]
    async with desk.database.begin() as connection:
        await desk.outbox.begin(connection, [item])
    await desk.settle(Delivered(item, Sent("p1", more=True), timedelta()))
    await desk.rested()
    return item


@pytest.mark.parametrize("on", ["messenger", "whatsapp"])
async def test_automatic_words_disclose_after_a_colleague_in_the_pages_inbox(desk: Bench, on: str) -> None:
    id_ = await desk.say("My boards are gone", on=on)
    assert await read(desk) == [ANSWER]
    await desk.say("I am Pia, I look into it.", on=on, sender_role=SenderRole.INSIDER, name="Pia")
    await desk.deliver()
    await desk.press("take", await desk.view(id_))
    await desk.press("return", await desk.view(id_))
    await desk.undo_is_over()
    [returned] = await read(desk)
    assert returned.startswith(f"{OURS}\n\n")


async def test_automatic_words_disclose_once_after_a_colleague_in_a_shared_thread(desk: Bench) -> None:
    there = {"on": "slack-customers", "chat": "C1", "thread": "1.1", "shared": True}
    await desk.say("My boards are gone", "U1", **there)
    assert await read(desk) == [ANSWER]
    await desk.say("I am Pia, I look into it.", "U0PIA", name="Pia", sender_role=SenderRole.INSIDER, **there)
    await desk.say("And now?", "U1", **there)
    assert await read(desk) == [ANSWER]
    await desk.say("And then?", "U1", **there)
    assert await read(desk) == ["An answer."]


async def test_automatic_words_disclose_after_a_part_of_a_persons_words(desk: Bench) -> None:
    view = await held(desk)
    await desk.staff("Long words of Hugo", view, ref="s1")
    await desk.undo_is_over()
    await first_part_leaves(desk)
    await desk.deliver(refused)
    await desk.turn()
    await desk.press("return", await desk.view(view.conversation.id))
    await desk.undo_is_over()
    [returned] = await read(desk)
    assert returned.startswith(f"{OURS}\n\n")


async def test_a_message_whose_first_part_arrived_counts_as_disclosed(desk: Bench) -> None:
    await desk.say("My boards are gone")
    await first_part_leaves(desk)
    await desk.deliver(refused)
    await desk.turn()
    await desk.say("Hello?")
    assert not any(text.startswith(OURS) for text in await read(desk))


async def test_the_day_is_counted_from_the_part_that_discloses(desk: Bench) -> None:
    """The window closes between two parts."""
    await desk.say("My boards are gone", on="whatsapp")
    item = await first_part_leaves(desk)
    assert isinstance(item.operation, Post)
    assert item.operation.text == ANSWER
    await desk.deliver(desk.closed)
    await desk.turn()
    await hours_pass(desk, 72)
    await desk.say("Hello?", on="whatsapp")
    rest, answer = await read(desk)
    assert rest == ANSWER, "the text is the same for each part"
    assert answer == ANSWER


async def test_automatic_words_disclose_after_a_correction_by_a_person(desk: Bench) -> None:
    view = await held(desk, "whatsapp")
    await desk.staff("I have refunded it.", view, ref="s1")
    await desk.undo_is_over()
    await desk.say("And now?", on="whatsapp")
    await desk.rings("promised")
    _, later = await read(desk)
    assert later.startswith(f"{OURS}\n\n")
    await desk.staff(Edited("s1", "I have refunded half of it."), view)
    await desk.rings("promised")
    correction, later = await read(desk)
    assert "half" in correction
    assert later.startswith(f"{OURS}\n\n")


async def test_a_retry_that_leaves_without_the_disclosure_removes_it_from_the_log(desk: Bench) -> None:
    id_ = await desk.say("My boards are gone")
    await desk.deliver(refused)
    [[delivery]] = await desk.rows("select id from outbox where state = 'failed' and room_id is null")
    await desk.turn()
    await desk.say("Hello?")
    await desk.deliver()
    async with desk.database.begin() as connection:
        assert await desk.outbox.again(connection, desk.tenant, delivery)  # type: ignore[arg-type]
    assert await read(desk) == ["An answer."]
    assert message(await desk.view(id_), "An answer.").reference.disclosed == ""


async def test_a_worker_that_lost_its_lane_writes_nothing_into_the_log(desk: Bench) -> None:
    id_ = await desk.say("My boards are gone")
    [item] = await desk.claim()
    await desk.execute("update lanes set fence = fence + 1 where lease_until is not null")
    async with desk.database.begin() as connection:
        assert await desk.outbox.begin(connection, [item]) == [False]
    assert message(await desk.view(id_), "An answer.").reference.disclosed == ""
