"""Words that never arrived are told to nobody as said; those that a room may have missed are told again."""

import pytest

from bot.core.answering import HandOver
from bot.core.conversation import MessageState, View
from bot.core.events import Deleted, Edited, SenderRole
from bot.core.outbound import Post
from bot.turns.story import lines
from storage.delivery_outcomes import Dead, Result
from storage.outbox_items import Item
from tests.turns.bench import CODE, Bench, Left, to_rooms
from tests.turns.test_card import drawn
from tests.turns.test_channel_switch import ASK, there

THREAD: dict[str, object] = {"on": "slack-customers", "chat": "C1", "thread": "1.0", "shared": True}


async def taken(desk: Bench, **more: object) -> View:
    accepted = await desk.hear(desk.event("Help!", name="Maya", message="c1", **more))
    await desk.turn(lambda _: HandOver("A reason.", "why", trigger="security"))
    return await desk.held(accepted.wakes[0].conversation)


def refused(item: Item) -> Result | None:
    return Dead(item, "failed", "send.refused", "no") if item.room is None else None


async def test_an_undelivered_answer_is_shown_as_undelivered_and_never_as_said(desk: Bench) -> None:
    view = await taken(desk)
    await desk.staff("You get 20 EUR.", view, ref="s1")
    await desk.undo_is_over()
    await desk.deliver(refused)
    await desk.turn()
    now = await desk.view(view.conversation.id)
    assert not any("20 EUR" in line.text for line in lines(now.story)), "no agent goes on from it"
    short = dict((await drawn(desk, view.conversation.id)).sections)["In short"]
    assert "🧑 **Hugo Martin** ❌ _not delivered_\n\n> You get 20 EUR." in short
    await desk.say(ASK)
    await desk.say(CODE)
    [mail] = [text for text in there(await desk.deliver()) if "Help!" in text]
    assert "20 EUR" not in mail


class Lost:
    """The first line of a room with these words: nobody knows whether it came."""

    def __init__(self, words: str) -> None:
        self._words = words
        self._times = 0

    def __call__(self, item: Item) -> Result | None:
        post = item.operation
        if item.room is None or not isinstance(post, Post) or self._words not in post.text:
            return None
        self._times += 1
        return Dead(item, "unknown", "send.unknown", "the connection broke") if self._times == 1 else None


async def told_again(desk: Bench, words: str) -> str:
    await desk.deliver(Lost(words))
    await desk.turn()
    [again] = [text for text in to_rooms(await desk.deliver()) if "This may be missing above" in text]
    return again


async def test_a_strangers_line_that_may_be_lost_is_told_again_as_a_strangers(desk: Bench) -> None:
    await taken(desk, **THREAD)
    await desk.deliver()
    await desk.say("Ask me!", "U2", name="Karl", sender_role=SenderRole.STRANGER, message="c2", **THREAD)
    told = await told_again(desk, "Ask me!")
    assert told.endswith("⚠️ Karl (U2), who is not Maya, answered in this thread:\n\n> Ask me!")


async def test_when_the_words_are_gone_meanwhile_the_story_is_told_again(desk: Bench) -> None:
    await taken(desk)
    await desk.deliver()
    await desk.say("Where is it?", message="c2")
    await desk.say(Deleted("c2"))
    told = await told_again(desk, "Where is it?")
    assert "> Help!" in told
    assert "Nothing has been said" not in told


async def changed(desk: Bench, change: Edited | Deleted, who: str = "U2") -> list[Left]:
    await desk.say(change, who, name="Karl", sender_role=SenderRole.STRANGER, **THREAD)
    return await desk.deliver()


@pytest.mark.parametrize("holds", [True, False])
async def test_changes_and_deletions_of_a_stranger_are_told_to_the_room(desk: Bench, *, holds: bool) -> None:
    view = await taken(desk, **THREAD)
    if not holds:
        await desk.press("return", view)
    await desk.deliver()
    await desk.say("Old", "U2", name="Karl", sender_role=SenderRole.STRANGER, message="c2", **THREAD)
    await desk.deliver()
    assert to_rooms(await changed(desk, Edited("c2", "New"))) == [
        "✏️ Karl (U2), who is not Maya, changed what they wrote:\n\n> New\n\n_Before:_\n\n> Old"
    ]
    assert not to_rooms(await changed(desk, Edited("c2", "New"))), "a preview was added"
    assert not to_rooms(await changed(desk, Deleted("c2"), "U3")), "somebody else cannot"
    assert to_rooms(await changed(desk, Deleted("c2"))) == [
        "🗑 Karl (U2), who is not Maya, deleted what they wrote:\n\n> New"
    ]
    now = await desk.view(view.conversation.id)
    assert [m.state for m in now.story if m.ref == "c2"] == [MessageState.DELETED]


async def test_a_stranger_changes_nothing_of_the_customers(desk: Bench) -> None:
    view = await taken(desk, **THREAD)
    await desk.deliver()
    assert not to_rooms(await changed(desk, Edited("c1", "Forged")))
    now = await desk.view(view.conversation.id)
    assert [m.text for m in now.story if m.ref == "c1"] == ["Help!"]
