"""A customer is erased who wrote in the thread of another one, in a channel that several people share."""

import asyncio
import json

import pytest

from tests.rooms.sides import InSlack, SlackThread
from tests.story.rig import Rig, rig, until
from tests.story.shell import desk

MAYA, TOM = "Maya Fischer", "Tom Quandtmueller"
WORDS = "my zeppelin number is 4711 0815"
GONE = "Somebody who wrote in this thread was erased; their words are gone."


async def _said(r: Rig) -> str:
    """Return all that `desk conversations show` prints."""
    listed = json.loads((await desk(r, "conversations", "--json")).out)
    return "".join([(await desk(r, "conversations", "show", one["id"])).out for one in listed])


@pytest.mark.long
async def test_words_of_an_erased_writer_are_gone_from_the_other_customers_room_too(
    database_url: str, redis_url: str
) -> None:
    async with rig(database_url, redis_url, customers=(MAYA, TOM), every_channel=True) as r:
        maya, tom = InSlack(r, MAYA), InSlack(r, TOM)
        await tom.say("How do I invite my team?")
        await until(tom.heard, what="Tom has a conversation of his own")
        await maya.say("I was charged twice this month")
        room = SlackThread(r)
        await until(lambda: room.find("charged twice"), what="a room with the story")
        r.slack_customers.post_as(tom.ids["slack"], r.shared_channel, WORDS, thread_ts=maya.root)
        await until(lambda: any("zeppelin" in line for line in room.lines()), what="his words in her room")
        [line] = [line for line in (await _said(r)).splitlines() if "zeppelin" in line]
        assert "tom" in line.lower(), "his words are his"
        assert "maya" not in line.lower()

        everybody = json.loads((await desk(r, "customers", "--json")).out)
        [his] = [one["id"] for one in everybody if "tom" in one["name"].lower()]
        ran = await desk(r, "customers", "erase", his, "--yes")
        assert "in 1 conversation of other customers is deleted there" in ran.out
        assert "nothing they wrote in their own conversations can be read again" in ran.out

        await until(lambda: any(GONE in line for line in room.lines()), what="the room is told")
        ours = lambda: [m for m in r.slack.messages(room.channel, room.ts) if m.get("bot_id")]  # noqa: E731
        await until(lambda: "zeppelin" not in str(ours()), what="what the desk posted is deleted")
        [anew] = [line for line in room.lines() if GONE in line]
        assert "charged twice" in anew, "her story is told anew"
        for theirs in ("zeppelin", "Quandtmueller", "quandtmueller"):
            assert theirs not in str(r.slack.messages(room.channel, room.ts))
            assert theirs not in await _said(r)

        async def left() -> list[object]:
            shown = json.loads((await desk(r, "customers", "show", his, "--json")).out)
            return list(shown["remains"])

        for _ in range(1200):
            if not await left():  # the last deletion is recorded
                return
            await asyncio.sleep(0.1)
        raise AssertionError("the desk still names posts that are gone")
