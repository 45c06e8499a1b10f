"""Words that wait for their undo when their room is lost: the new room shows what becomes of them."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial

import pytest

from tests.rooms.test_lost_rooms import PRIVATE, begun_anew, moved, pass_time
from tests.rooms.test_room import CHANNEL, Room, undo
from tests.story.rig import Rig, rig, until

Start = Callable[..., AbstractAsyncContextManager[Rig]]
WORDS = "I have refunded one of them."
WAITING, DELIVERED, FAILED = "hourglass_flowing_sand", "white_check_mark", "x"
WITHDRAWN = "leftwards_arrow_with_hook"


@pytest.fixture
def start(database_url: str, redis_url: str) -> Start:
    return partial(rig, database_url, redis_url)


async def line(room: Room) -> str:
    """The line of the room that shows the words."""
    await room.says(WORDS)
    lines = [m for m in room.r.slack.messages(room.channel, room.ts) if WORDS in str(m.get("text", ""))]
    assert len(lines) == 1, "they are told once"
    return str(lines[0]["ts"])


async def left_with_words(r: Rig) -> tuple[Room, str]:
    """The new room and its line of what Hugo wrote a moment before the channel was archived."""
    room = await (await Room(r).open()).taken()
    written = room.write("hugo", WORDS)
    await room.marked(written, WAITING)
    r.slack.archive(CHANNEL)
    there = await moved(room, PRIVATE)
    shown = await line(there)
    await there.marked(shown, WAITING)
    return there, shown


@pytest.mark.long
async def test_words_that_leave_after_their_channel_was_archived_are_marked_in_the_new_room(
    start: Start,
) -> None:
    async with start(undo("5m")) as r:
        there, shown = await left_with_words(r)
        assert WORDS not in r.heard()
        await pass_time(r, "release")
        await there.hears(WORDS)
        await there.marked(shown, DELIVERED)
        assert await line(there) == shown


@pytest.mark.long
async def test_words_that_fail_after_their_channel_was_archived_can_be_sent_again_from_the_new_room(
    start: Start,
) -> None:
    async with start(undo("5m")) as r:
        there, shown = await left_with_words(r)
        r.phone.block(r.maya)
        await pass_time(r, "release")
        await there.marked(shown, FAILED)
        await there.says("they may have blocked us")


@pytest.mark.long
async def test_the_author_of_waiting_words_takes_them_back_in_the_new_room(start: Start) -> None:
    async with start(undo("5m")) as r:
        there, shown = await left_with_words(r)
        r.slack.react_as("carla", PRIVATE, shown, "-1")  # who is not their author cannot
        r.slack.react_as("hugo", PRIVATE, shown, "-1")
        await until(lambda: WITHDRAWN in there.marks(shown), what="the mark of what was taken back")
        more = there.write("hugo", "Where were we?")
        await there.marked(more, WAITING)
        await pass_time(r, "release")
        await there.hears("Where were we?")
        assert WORDS not in r.heard()


@pytest.mark.long
async def test_waiting_words_deleted_in_the_old_thread_are_marked_in_the_new_one(start: Start) -> None:
    async with start(undo("5m")) as r:
        room = await (await Room(r).open()).taken()
        written = room.write("hugo", WORDS)
        await room.marked(written, WAITING)
        r.slack.delete_any(CHANNEL, room.ts)
        there = await begun_anew(room)
        shown = await line(there)
        r.slack.delete_as("hugo", CHANNEL, written)
        await there.marked(shown, WITHDRAWN)
