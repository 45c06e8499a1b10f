"""Two customers are found to be one person while staff have rooms about them."""

import json

from tests.rooms.sides import OnTelegram, SlackThread
from tests.story.rig import rig, until
from tests.story.shell import desk


async def test_rooms_go_on_and_are_told_who_their_customer_is(database_url: str, redis_url: str) -> None:
    async with rig(database_url, redis_url, customers=("Maya Fischer", "Tom Weber")) as r:
        maya, tom = OnTelegram(r, "Maya Fischer"), OnTelegram(r, "Tom Weber")
        room = SlackThread(r)
        await tom.say("My card was declined")
        await until(lambda: room.find("declined"), what="a room about Tom")
        theirs = room.ts
        await maya.say("I was charged twice this month")
        await until(lambda: room.find("charged twice"), what="a room about Maya")
        await room.press("hugo", "take")
        await until(lambda: any("has taken this" in line for line in room.lines()), what="who speaks")

        ids = {one["name"]: one["id"] for one in json.loads((await desk(r, "customers", "--json")).out)}
        merged = await desk(r, "customers", "merge", ids["Maya Fischer"], ids["Tom Weber"])
        assert merged.code == 0
        await until(lambda: any("are one person" in line for line in room.lines()), what="hers is told")
        assert ids["Tom Weber"][:13] in "".join(room.lines())
        await until(
            lambda: any("are one person" in line for line in r.in_thread(room.channel, theirs)),
            what="his is told",
        )
        room.post("hugo", "I look into it.")
        await until(lambda: "I look into it." in maya.heard(), what="the conversation goes on")
        assert "I look into it." not in tom.heard()

        assert (await desk(r, "customers", "unmerge", ids["Tom Weber"])).code == 0
        await until(lambda: any("two people again" in line for line in room.lines()), what="and parted")
