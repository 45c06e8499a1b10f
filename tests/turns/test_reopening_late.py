"""Reopening in the very moment in which the customer begins another conversation."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from bot.core.answering import HandOver
from bot.core.conversation import Status
from bot.core.effects import TellRoom
from bot.core.events import Tapped
from bot.core.ids import ConversationId
from bot.core.outbound import Whisper
from bot.turns.staff_buttons import RESOLVE
from storage.turns import Commit
from tests.turns.bench import HUGO, Bench, bench_of


@pytest.fixture
async def desk(database_url: str) -> AsyncIterator[Bench]:
    async with bench_of(database_url) as bench:
        yield bench


async def about_to_reopen(desk: Bench) -> tuple[ConversationId, Commit]:
    """Hugo presses Reopen on what was solved long ago; the turn is decided and not yet committed."""
    heard = await desk.hear(desk.event("I was charged twice"))
    await desk.turn(lambda _: HandOver("A reason.", "why", trigger="security"))
    before = heard.wakes[0].conversation
    view = await desk.held(before)
    await desk.press(RESOLVE, view)
    await desk.undo_is_over()
    await desk.end(before)
    assert view.escalation is not None
    room, button = desk.room(view), Tapped("reopen", str(view.escalation.id))
    where = {"on": room.account, "chat": room.chat, "thread": room.thread, "in_our_thread": True}
    await desk.hear(desk.event(button, HUGO, **where))  # type: ignore[arg-type]
    [(_, commit)] = await desk.decided()
    return before, commit


async def test_a_conversation_that_the_customer_has_left_meanwhile_is_not_reopened(desk: Bench) -> None:
    before, commit = await about_to_reopen(desk)
    after = (await desk.hear(desk.event("Something else"))).wakes[0].conversation
    assert after != before
    assert await desk.commit(commit) == "superseded"

    decisions = await desk.turn()
    assert (await desk.view(before)).conversation.status is Status.RESOLVED
    [again] = [d.turn for d in decisions if d.turn.view.conversation.id == before]
    whispers = [
        e.operation.text
        for e in again.effects
        if isinstance(e, TellRoom) and isinstance(e.operation, Whisper)
    ]
    assert whispers == ["This thread is closed: Maya has begun a new conversation since."]


async def test_words_that_come_during_a_reopening_go_to_the_reopened_conversation(desk: Bench) -> None:
    before, commit = await about_to_reopen(desk)
    async with desk.database.begin() as connection:
        assert await desk.turns.commit(connection, [commit]) == ["committed"]
        hearing = asyncio.create_task(desk.hear(desk.event("Something else")))
        while not await desk.rows("select 1 from pg_locks where not granted"):
            assert not hearing.done(), hearing.result()
    assert [wake.conversation for wake in (await hearing).wakes] == [before]
    assert await desk.conversations() == 1
