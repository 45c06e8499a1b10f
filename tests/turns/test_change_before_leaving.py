"""Words that a person changes or takes back after their undo, before anything of them has left."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.core.answering import HandOver
from bot.core.conversation import MessageState, View
from bot.core.errors import Superseded
from bot.core.events import Content, Deleted, Edited, Reacted
from bot.core.outbound import Mark
from storage.delivery_outcomes import Dead, Later, Result
from storage.outbox_items import Item
from tests.turns.bench import HUGO, Bench, Left, message, to_customers
from tests.turns.test_private_part import left, marks, story, taken, whispers

NOTE, WITHDRAWN, SENT = MessageState.NOTE, MessageState.WITHDRAWN, MessageState.DELIVERED


async def released(desk: Bench, words: str) -> View:
    """Written by the holder as `s1`; the undo is over, and the outbox has not been looked at since."""
    view = await taken(desk)
    await left(desk)
    await desk.staff(words, view, ref="s1")
    await desk.undo_is_over()
    return view


def refused(item: Item) -> Result | None:
    return Dead(item, "failed", "send.refused", "no") if item.room is None else None


async def failed(desk: Bench, words: str) -> View:
    view = await released(desk, words)
    await desk.deliver(refused)
    await desk.turn()
    return view


async def sent_again(desk: Bench, view: View, text: str) -> list[Left]:
    words = message(await desk.view(view.conversation.id), text)
    await desk.press("send_again", view, value=str(words.id))
    return await desk.deliver()


def for_customers(leaving: list[Left]) -> list[tuple[str, str]]:
    """All that leaves for customers: what is done, and the words."""
    return [(one.item.kind, one.text) for one in leaving if one.item.room is None]


@pytest.mark.long
@pytest.mark.parametrize("edits", [True, False])
async def test_send_again_sends_the_words_as_they_read_since(desk: Bench, *, edits: bool) -> None:
    desk.capabilities["telegram"] = replace(desk.capabilities["telegram"], edits=edits)
    view = await failed(desk, "It is 90 EUR.\nCarla says she always complains.")
    await desk.staff(Edited("s1", "It is 90 EUR.\n// Carla says she always complains."), view)
    assert for_customers(await sent_again(desk, view, "It is 90 EUR.")) == [("post", "It is 90 EUR.")]


async def test_send_again_tells_no_change_of_words_that_were_changed_within_their_undo(desk: Bench) -> None:
    desk.capabilities["telegram"] = replace(desk.capabilities["telegram"], edits=False)
    view = await taken(desk)
    await left(desk)
    await desk.staff("It is 9 EUR.", view, ref="s1")
    await desk.staff(Edited("s1", "It is 90 EUR."), view)
    await desk.undo_is_over()
    await desk.deliver(refused)
    await desk.turn()
    assert for_customers(await sent_again(desk, view, "It is 90 EUR.")) == [("post", "It is 90 EUR.")]


@pytest.mark.long
@pytest.mark.parametrize("change", [Deleted("s1"), Edited("s1", "// mine"), Reacted("s1", "👎", added=True)])
async def test_an_operator_cannot_revive_words_that_failed_and_were_taken_back(
    desk: Bench, change: Content
) -> None:
    view = await failed(desk, "by mistake")
    [[dead]] = await desk.rows("select id from outbox where state = 'failed'")
    await desk.staff(change, view)
    async with desk.database.begin() as connection:
        assert not await desk.outbox.again(connection, desk.tenant, dead)  # type: ignore[arg-type]
    assert for_customers(await desk.deliver()) == []


@pytest.mark.long
@pytest.mark.parametrize("change", [Deleted("s1"), Reacted("s1", "👎", added=True)])
async def test_a_message_taken_back_before_it_leaves_never_leaves(desk: Bench, change: Content) -> None:
    view = await released(desk, "by mistake")
    await desk.staff(change, view)
    leaving = await left(desk)
    assert for_customers(leaving) == []
    assert whispers(leaving) == []
    assert await story(desk, view, "s1") == [(WITHDRAWN, "by mistake")]


async def test_only_the_public_part_of_an_edit_leaves(desk: Bench) -> None:
    view = await released(desk, "It is 90 EUR.\nShe always complains.")
    await desk.staff("And thank you.", view, ref="s2")
    await desk.staff(Edited("s1", "It is 90 EUR.\n// She always complains."), view)
    leaving = await left(desk)
    await desk.turn()
    assert for_customers(leaving) == [("post", "It is 90 EUR."), ("post", "And thank you.")]
    assert await story(desk, view, "s1") == [(SENT, "It is 90 EUR."), (NOTE, "// She always complains.")]


async def test_an_edit_that_makes_all_private_keeps_all_inside_and_says_so(desk: Bench) -> None:
    view = await released(desk, "She always complains.")
    await desk.staff(Edited("s1", "// She always complains."), view)
    leaving = await left(desk)
    assert for_customers(leaving) == []
    assert await story(desk, view, "s1") == [(NOTE, "// She always complains.")]
    assert marks(leaving)[-1].mark is Mark.INSIDE
    [said] = whispers(leaving)
    assert "stays inside" in said


async def test_words_that_the_platform_put_off_can_still_be_stopped(desk: Bench) -> None:
    view = await released(desk, "by mistake")
    [item] = [item for item in await desk.claim() if item.room is None]
    await desk.settle(Later(item, timedelta(hours=1), "send.rate_limited", "429", counts=False))
    await desk.staff(Deleted("s1"), view)
    await desk.rested()
    assert for_customers(await left(desk)) == []


async def test_a_message_taken_back_while_it_leaves_is_deleted_at_the_customers(desk: Bench) -> None:
    view = await released(desk, "by mistake")
    room = desk.room(view)
    there = {"on": room.account, "chat": room.chat, "thread": room.thread, "in_our_thread": True}
    await desk.hear(desk.event(Deleted("s1"), HUGO, **there))  # type: ignore[arg-type]
    [(_, commit)] = await desk.decided()
    [item] = [item for item in await desk.claim() if item.room is None]
    with pytest.raises(Superseded):
        await desk.commit(commit)
    await desk.settle(desk.taken(item))
    async with desk.database.begin() as connection:
        await desk.turns.release(connection, commit.lease, after=None, failed=False)
    await desk.turn()
    assert for_customers(await desk.deliver()) == [("retract", "")]


async def test_a_parked_message_that_was_edited_leaves_as_edited(desk: Bench) -> None:
    accepted = await desk.hear(desk.event("Help!", on="whatsapp"))
    await desk.turn(lambda _: HandOver("A reason.", "why", trigger="security"))
    view = await desk.held(accepted.wakes[0].conversation)
    await desk.staff("one\nmine", view, ref="s1")
    await desk.undo_is_over()
    await desk.deliver(desk.closed)
    await desk.turn()
    await desk.staff(Edited("s1", "one\n// mine"), view)
    await desk.deliver(desk.closed)
    await desk.say("I am back", on="whatsapp")
    assert to_customers(await desk.deliver()) == ["one"]
