"""A customer is erased while a person holds the conversation."""

import json
from pathlib import Path

from tests.rooms.sides import OnTelegram, SlackThread
from tests.story.rig import rig, until
from tests.story.shell import desk


async def test_the_steps(case: Path, database_url: str, redis_url: str) -> None:
    steps = [line.partition(": ") for line in (case / "steps.txt").read_text().splitlines()]
    async with rig(database_url, redis_url) as r:
        customer, room = OnTelegram(r, "Maya Fischer"), SlackThread(r)
        for who, _, what in steps:
            match who, what:
                case "customer", said:
                    await customer.say(said)
                    await until(lambda said=said: room.find(said), what="a room")  # type: ignore[misc]
                case "Hugo", "Take":
                    await room.press("hugo", "take")
                    await until(lambda: any("has taken this" in x for x in room.lines()), what="who speaks")
                case "admin", _:
                    [known] = json.loads((await desk(r, "customers", "--json")).out)
                    assert (await desk(r, "customers", "erase", known["id"], "--yes")).code == 0
                    await until(lambda: any("was erased" in x for x in room.lines()), what="the room is told")
                    await until(lambda: "was erased" in str(r.threads(room.channel)[0]), what="the card")
                    assert "Maya" not in str(r.threads(room.channel)[0])
                case "Hugo writes", words:
                    room.post("hugo", words)
                    await until(lambda: r.slack.ephemerals("hugo"), what="a word that it went nowhere")
                    assert "was erased" in r.slack.ephemerals("hugo")[-1].text
                case "Hugo", "Resolve":
                    assert "resolve" not in str(r.threads(room.channel)[0]).casefold(), "there is no button"
                case step:
                    raise AssertionError(step)
        [conversation] = json.loads((await desk(r, "conversations", "--json")).out)
        assert conversation["status"] == "resolved"
