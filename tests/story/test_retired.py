"""An organization ends while it has conversations, and another one takes its place on the same accounts."""

import shutil
from pathlib import Path

import pytest

from tests.rooms.sides import OnTelegram, SlackThread
from tests.story.rig import ROOT, rig, until
from tests.story.shell import desk

NAME = "Brightdesk Support"


@pytest.mark.long
async def test_rooms_are_told_and_nobody_is_answered_any_more_until_another_organization_comes(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    mine = tmp_path / "mine"
    shutil.copytree(ROOT / "orgs" / "samples" / "minimal", mine)
    file = mine / "organization.yaml"
    text = file.read_text("utf-8").replace("sam@corner-shop.example", "anna@brightdesk.example")
    file.write_text(text.replace("secrets:", "limits: {per_chat_per_second: 1000}, secrets:"), "utf-8")
    async with rig(database_url, redis_url) as r:
        customer, room = OnTelegram(r, "Maya Fischer"), SlackThread(r)
        await customer.say("I was charged twice this month")
        await until(lambda: room.find("charged twice"), what="a room with the story")
        heard = list(customer.heard())
        refused = await desk(r, "org", "retire", NAME)
        assert refused.code == 1
        assert (await desk(r, "org", "retire", NAME, "--yes")).code == 0
        await until(lambda: any("was retired" in line for line in room.lines()), what="the room is told")
        await until(lambda: "take" not in str(r.threads(room.channel)[0]["blocks"]), what="the card is over")
        await until(lambda: not len(r.desks[0].directory), what="its accounts are closed")

        assert (await desk(r, "org", "apply", str(mine), "--yes")).code == 0
        await until(lambda: len(r.desks[0].directory) == 2, what="the new one's are opened")
        await customer.say("I want to talk to a person")
        await until(lambda: r.threads("escalation"), what="a card of the new organization")
        assert "Shop Team" in str(r.threads("escalation")[0])
        assert not any("charged" in line for line in customer.heard()[len(heard) :])
