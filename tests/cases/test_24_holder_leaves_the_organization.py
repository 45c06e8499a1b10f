"""A new organization file names the holder no more."""

import json
from pathlib import Path

from tests.rooms.sides import OnTelegram, SlackThread
from tests.story.rig import rig, until
from tests.story.shell import desk, without_person, written


async def test_the_steps(case: Path, database_url: str, redis_url: str, tmp_path: Path) -> None:
    steps = [line.partition(": ")[::2] for line in (case / "steps.txt").read_text().splitlines()]
    async with rig(database_url, redis_url) as r:
        customer, room = OnTelegram(r, "Maya Fischer"), SlackThread(r)
        for who, what in steps:
            if who == "customer":
                await customer.say(what)
                await until(lambda said=what: room.find(said), what="their words in the room")  # type: ignore[misc]
            elif who == "Hugo":
                await room.press("hugo", what.casefold())
                await until(lambda: any("has taken this" in x for x in room.lines()), what="who speaks")
            else:
                file = written(r, tmp_path / "mine", without_person("hugo"))
                assert (await desk(r, "org", "apply", str(file), "--yes")).code == 0
        card = lambda: str(r.threads("billing-escalations")[-1])  # noqa: E731
        await until(lambda: "Nobody is talking to Maya Fischer yet" in card(), what="the card says so")
        assert "in good hands" not in card()
        [conversation] = json.loads((await desk(r, "conversations", "--json")).out)
        assert conversation["owner"] == {"kind": "queue", "name": "billing"}
