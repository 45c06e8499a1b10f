"""Forwards of the holder are not the holder's words: they stay inside, and the room says so."""

import pytest

from connectors.sandbox.slack.files import Upload
from tests.rooms.sides import reached_customers
from tests.rooms.test_leak import in_telegram
from tests.rooms.test_room import CHANNEL, Room, Start, start  # noqa: F401 (a fixture)
from tests.rooms.test_topic import Topic
from tests.story.rig import rig

SAYS_SO = "What is forwarded stays inside"


@pytest.mark.long
async def test_in_slack_a_shared_message_and_what_is_written_beside_it_stay_inside(
    start: Start,  # noqa: F811
) -> None:
    async with start() as r:
        room = await (await Room(r).open()).taken()
        secret = room.write("carla", "margin is 40 %")
        bare = r.slack.share_as("hugo", CHANNEL, secret, CHANNEL, thread_ts=room.ts)
        beside = r.slack.share_as("hugo", CHANNEL, secret, CHANNEL, "see her note", room.ts)
        await room.marked(bare, "lock")
        await room.marked(beside, "lock")
        r.slack.edit_as("hugo", CHANNEL, beside, "see her other note")
        room.write("hugo", "You get 20 €.")
        await room.hears("You get 20 €.")
        assert r.heard()[1:] == ["You get 20 €."]
        await room.says(SAYS_SO)
        assert sum(SAYS_SO in line for line in room.told()) == 1


@pytest.mark.long
async def test_in_slack_a_file_of_somebody_else_stays_inside(start: Start) -> None:  # noqa: F811
    async with start() as r:
        room = await (await Room(r).open()).taken()
        theirs = room.write("carla", "", files=[Upload("margin.pdf", b"%PDF margin")])
        shared = r.slack.share_files_as("hugo", CHANNEL, theirs, CHANNEL, "here", room.ts)
        await room.marked(shared, "lock")
        await room.says(SAYS_SO)
        room.write("hugo", "Look here.", files=[Upload("credit.pdf", b"%PDF credit")])
        await room.hears("Look here.")
        assert "margin" not in str(r.phone.sent())
        assert "here" not in r.heard()


ORIGINS = [
    {"type": "user", "date": 1, "sender_user": {"id": 9, "is_bot": False, "first_name": "Bo"}},
    {"type": "hidden_user", "date": 1, "sender_user_name": "Bo"},
    {"type": "chat", "date": 1, "sender_chat": {"id": -9, "type": "supergroup", "title": "Staff"}},
    {"type": "channel", "date": 1, "chat": {"id": -8, "type": "channel", "title": "News"}, "message_id": 3},
    {"type": "of_tomorrow", "date": 1},
]


@pytest.mark.long
async def test_in_telegram_a_forwarded_message_of_any_origin_stays_inside(
    database_url: str, redis_url: str
) -> None:
    async with rig(database_url, redis_url, in_telegram, every_channel=True) as r:
        topic = await (await Topic(r).opened()).taken()
        farid = topic.person("Farid")
        for number, origin in enumerate(ORIGINS):
            message = topic.group.forward(farid, f"forwarded{number} words", origin, topic=topic.id)
            await topic.marked(message.message_id, "🙈")
        await topic.shows(SAYS_SO)
        composed = topic.group.say_by_bot(farid, "forwarded by a bot", "currency_bot", topic=topic.id)
        await topic.marked(composed.message_id, "🙈")
        topic.write("Farid", "My own words.")
        await topic.hears("My own words.")
        assert "forwarded" not in reached_customers(r)
        assert sum(SAYS_SO in line for line in topic.told()) == 1
