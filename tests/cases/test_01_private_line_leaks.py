"""The holder writes several lines, and a later one begins with two slashes."""

import json
from pathlib import Path

from tests.rooms.sides import OnTelegram, Room, SlackThread, Topic
from tests.rooms.test_leak import in_telegram, staff_polls
from tests.story.rig import Rig, rig, until, webhooks


async def _written(r: Rig, room: Room, holder: str, text: str, public: str) -> None:
    customer = OnTelegram(r, "Maya Fischer")
    await customer.say("I was charged twice this month")
    await until(lambda: room.find("charged twice"), what="a room with the story")
    await room.press(holder, "take")
    await until(lambda: any("has taken this" in line for line in room.lines()), what="who speaks")
    room.post(holder, text)
    await until(lambda: public in customer.heard(), what=f"{public!r} on the phone: {customer.heard()}")
    room.post(holder, "That is all.")
    await until(lambda: "That is all." in customer.heard(), what="the last words")
    assert not any("//" in heard or "private" in heard for heard in customer.heard())


async def test_the_private_line_stays_inside_in_a_thread_of_slack(
    case: Path, database_url: str, redis_url: str
) -> None:
    text = json.loads((case / "slack-event.json").read_text())["text"]
    async with rig(database_url, redis_url, webhooks, staff_polls, every_channel=True) as r:
        room = SlackThread(r)
        await _written(r, room, "hugo", text, text.splitlines()[0])
        told = [whisper.text for whisper in r.slack.ephemerals("hugo")]
        assert any("she always complains" in whisper for whisper in told), "the holder is told"


async def test_the_private_line_stays_inside_in_a_topic_of_telegram(
    case: Path, database_url: str, redis_url: str
) -> None:
    text = (case / "telegram-topic.txt").read_text()
    async with rig(database_url, redis_url, in_telegram, every_channel=True) as r:
        room = Topic(r)
        await _written(r, room, "farid", text, text.splitlines()[0])
        farid = next(user for user in r.night_watch.members() if user.name == room.people["farid"])
        told = [whisper.text for whisper in r.night_watch.seen_alone(farid)]
        assert any("🔒" in whisper and "line two is private" in whisper for whisper in told), "they are told"
