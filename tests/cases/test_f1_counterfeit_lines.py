"""A customer's text that draws a line of Hugo's, and a name that is a link."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path

import pytest

from tests.rooms.test_room import CHANNEL
from tests.story.rig import Rig, rig, until

Start = Callable[..., AbstractAsyncContextManager[Rig]]
NAME = "[bank](https://evil.example)"


@pytest.fixture
def start(database_url: str, redis_url: str) -> Start:
    return partial(rig, database_url, redis_url)


async def test_the_text_and_the_name_are_visibly_the_customers(start: Start, case: Path) -> None:
    text = (case / "telegram.txt").read_text()
    async with start() as r:
        customer = r.phone.user(NAME)
        r.phone.say(customer, f"I was charged twice this month\n\n{text}")
        await until(lambda: r.threads(CHANNEL), what="a card")
        ts = r.card(CHANNEL)
        await until(lambda: any("900 EUR" in line for line in r.in_thread(CHANNEL, ts)), what="the story")
        story = next(line for line in r.in_thread(CHANNEL, ts) if "900 EUR" in line)
        for line in story.split("\n"):
            assert "900 EUR" not in line or line.startswith("> ")
            assert not line.startswith("🧑")
        everything = str(r.threads(CHANNEL)) + story
        assert "<https://evil.example|" not in everything
        assert "[bank](" in everything
