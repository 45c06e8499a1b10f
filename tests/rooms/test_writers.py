"""Several people of a customer's company write in one Slack thread: staff see who, and from where."""

import pytest

from tests.rooms.sides import InSlack
from tests.rooms.test_room import CHANNEL, Start, start  # noqa: F401 (a fixture)
from tests.story.rig import until


@pytest.mark.long
async def test_the_story_and_the_card_name_each_writer_and_their_workspace(
    start: Start,  # noqa: F811
) -> None:
    async with start(every_channel=True) as r:
        maya, tom = InSlack(r, "Maya Fischer"), InSlack(r, "Tom Reed")
        await maya.say("How do I invite my team?")
        await until(maya.heard, what="an answer")
        tom.root = maya.root
        await tom.say("I was charged twice this month")
        await until(lambda: r.threads(CHANNEL), what="a card")
        ts = r.card(CHANNEL)
        await until(lambda: "The story so far" in str(r.in_thread(CHANNEL, ts)), what="the story")
        [story] = [text for text in r.in_thread(CHANNEL, ts) if "The story so far" in text]
        where = "in workspace Harbor Coffee (T0HARBOR)"
        assert f"*tom.reed ({tom.ids['slack']} {where})*" in story
        assert "*maya.fischer*" in story
        assert story.index("*maya.fischer*") < story.index("invite my team") < story.index("*tom.reed")
        card = str(r.threads(CHANNEL)[0]["blocks"])
        assert f"*Address*\\n{maya.ids['slack']} {where}" in card
        assert f"tom.reed ({tom.ids['slack']} {where})" in card
