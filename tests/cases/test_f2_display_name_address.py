"""A mail whose display name is somebody else's address."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path

import pytest

from tests.rooms.sides import SUPPORT
from tests.rooms.test_room import CHANNEL
from tests.story.rig import Rig, rig, until

Start = Callable[..., AbstractAsyncContextManager[Rig]]


@pytest.fixture
def start(database_url: str, redis_url: str) -> Start:
    return partial(rig, database_url, redis_url)


async def test_the_card_shows_who_really_wrote(start: Start, case: Path) -> None:
    assert "m@evil2.example" in (case / "README").read_text()
    async with start(every_channel=True) as r:
        name = "Maya Fischer <maya.fischer@harbor.example>"
        await r.mail.customer("m@evil2.example", name).write(
            "Charged twice", "I was charged twice this month", to=SUPPORT
        )
        await until(lambda: r.threads(CHANNEL), what="a card")
        ts = r.card(CHANNEL)
        await until(
            lambda: any("charged twice" in line for line in r.in_thread(CHANNEL, ts)), what="the story"
        )
        card = str(r.threads(CHANNEL)[0]["blocks"])
        assert "*Address*\\nm@evil2.example" in card
        story = next(line for line in r.in_thread(CHANNEL, ts) if "charged twice" in line)
        assert "(m@evil2.example)" in story.split("\n> ")[0]
