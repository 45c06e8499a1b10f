"""Rooms that staff can use no more: nothing stays with somebody who cannot answer, and the card is true."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial

import pytest

from tests.rooms.test_room import CHANNEL, Room
from tests.story.rig import Rig, rig, until

Start = Callable[..., AbstractAsyncContextManager[Rig]]
PRIVATE = "billing-team"


@pytest.fixture
def start(database_url: str, redis_url: str) -> Start:
    return partial(rig, database_url, redis_url)


def directly(r: Rig, who: str) -> list[str]:
    """What somebody was told in their direct messages with the app."""
    return [str(m.get("text", "")) for m in r.slack.messages(r.slack.open_direct(who).id)]


async def told_directly(r: Rig, who: str, words: str) -> None:
    await until(lambda: any(words in text for text in directly(r, who)), what=f"{words!r} to {who}")


async def moved(room: Room, channel: str) -> Room:
    """The room in which the conversation goes on."""
    await until(lambda: room.r.threads(channel), what=f"a card in {channel}")
    found = Room(room.r, channel)
    found.ts = room.r.card(channel)
    return found


async def test_an_archived_channel_moves_the_conversation_and_its_holder_to_the_teams_other_channel(
    start: Start,
) -> None:
    async with start() as r:
        room = await (await Room(r).open()).taken()
        heard = len(r.heard())
        r.slack.archive(CHANNEL)
        there = await moved(room, PRIVATE)
        await there.says("#billing-escalations cannot be used any more: the channel was archived")
        await told_directly(r, "hugo", "goes on in #billing-team")
        await there.card_says("Hugo Martin")
        there.write("hugo", "I have refunded one of them.")
        await there.hears("I have refunded one of them.")
        assert len(r.heard()) == heard + 1, "the customer is not told of channels"
