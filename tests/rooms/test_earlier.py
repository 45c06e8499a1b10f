"""A customer who comes back: the card leads to what became of the matter before."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial

import pytest

from tests.rooms.test_room import CHANNEL, Room, undo
from tests.story.rig import Rig, rig, until

Start = Callable[..., AbstractAsyncContextManager[Rig]]


@pytest.fixture
def start(database_url: str, redis_url: str) -> Start:
    return partial(rig, database_url, redis_url)


def never_reopened(document: dict[str, object]) -> None:
    document["reopen_window"] = "1ms"


@pytest.mark.long
async def test_the_next_card_links_to_the_thread_before(start: Start) -> None:
    async with start(undo("100ms"), never_reopened) as r:
        first = await (await Room(r).open()).taken()
        await r.press("hugo", CHANNEL, first.ts, "resolve")
        await first.card_says("solved")
        again = "I was charged twice again"

        def comes_back() -> bool:
            r.phone.say(r.maya, again)
            return len(r.threads(CHANNEL)) == 2

        await until(comes_back, what="a second card")
        card = str(r.threads(CHANNEL)[1]["blocks"])
        thread = first.ts.replace(".", "")
        assert "solved by Hugo Martin" in card
        assert f"/p{thread}|thread>" in card
        assert ".slack.com/archives/" in card
