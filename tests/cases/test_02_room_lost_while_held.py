"""The channel of a conversation is lost while somebody holds it: another channel goes on with it."""

from pathlib import Path

import pytest

from tests.rooms.test_lost_rooms import CHANNEL, PRIVATE, moved, told_directly
from tests.rooms.test_room import Room
from tests.story.rig import Rig, rig


@pytest.mark.parametrize("loss", ["archive", "archive_unheard", "remove_app"])
async def test_a_lost_room_goes_on_in_another_channel(
    case: Path, loss: str, database_url: str, redis_url: str
) -> None:
    async with rig(database_url, redis_url) as r:
        room = there = Room(r)
        for step in case.joinpath("steps.txt").read_text().splitlines():
            who, _, said = step.partition(": ")
            match who, said:
                case "customer", text if not r.threads(CHANNEL):
                    r.phone.say(r.maya, text)
                    await room.opened()
                case "customer", text:
                    r.phone.say(r.maya, text)
                    there = await moved(room, PRIVATE)
                    await there.says(text)
                case "Hugo", "Take":
                    await room.taken("hugo")
                case lost, _ if lost.startswith("archive"):
                    _lose(r, loss)
        await told_directly(r, "hugo", "goes on in #billing-team")
        there.write("hugo", "I am here.")
        await there.hears("I am here.")
        assert len(r.threads(PRIVATE)) == 1


def _lose(r: Rig, loss: str) -> None:
    getattr(r.slack, loss)(CHANNEL)
