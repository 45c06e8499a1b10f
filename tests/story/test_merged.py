"""Two customers are found to be one person while staff have rooms about them."""

import json

import pytest

from tests.rooms.sides import OnTelegram, SlackThread
from tests.story.rig import Rig, rig, until
from tests.story.shell import desk

CUSTOMERS = ("Maya Fischer", "Tom Weber")


async def escalated(r: Rig, name: str, words: str, taken_by: str = "") -> tuple[OnTelegram, SlackThread]:
    """A customer whom people look after: in the queue, or held by one of them."""
    customer, room = OnTelegram(r, name), SlackThread(r)
    await customer.say(words)
    await until(lambda: room.find(words), what=f"a room about {name}")
    if taken_by:
        await room.press(taken_by, "take")
        await says(room, "has taken this")
        await until(lambda: "Take over" in room.card(), what="a card that shows who holds it")
    return customer, room


async def says(room: SlackThread, words: str) -> None:
    await until(lambda: any(words in line for line in room.lines()), what=f"{words!r} in the thread")


async def card_says(room: SlackThread, *words: str) -> None:
    await until(lambda: all(each in room.card() for each in words), what=f"{words} on the card")


async def speaks(room: SlackThread, who: str, text: str, to: OnTelegram, other: OnTelegram) -> None:
    room.post(who, text)
    await until(lambda: text in to.heard(), what="what the holder says")
    assert text not in other.heard()


async def made_one(r: Rig, kept: str, merged: str) -> dict[str, str]:
    """Returns the ids of the customers by their names."""
    ids = {one["name"]: str(one["id"]) for one in json.loads((await desk(r, "customers", "--json")).out)}
    assert (await desk(r, "customers", "merge", ids[kept], ids[merged])).code == 0
    return ids


def link(room: SlackThread) -> str:
    return f"/p{room.ts.replace('.', '')}|thread>"


@pytest.mark.long
async def test_two_held_conversations_of_one_customer_go_on_and_know_of_each_other(
    database_url: str, redis_url: str
) -> None:
    async with rig(database_url, redis_url, customers=CUSTOMERS) as r:
        tom, his = await escalated(r, "Tom Weber", "My card was declined", "carla")
        maya, hers = await escalated(r, "Maya Fischer", "I was charged twice this month", "hugo")
        ids = await made_one(r, kept="Maya Fischer", merged="Tom Weber")
        await says(hers, f"the customer `{ids['Tom Weber'][:13]}` are the same customer")
        await says(his, f"the customer `{ids['Maya Fischer'][:13]}` are the same customer")
        await card_says(hers, "Hugo Martin is talking to Maya Fischer", "open, with Carla Mendes", link(his))
        await card_says(his, "Carla Mendes is talking to Tom Weber", "open, with Hugo Martin", link(hers))
        await card_says(his, "Same customer as", f"Maya Fischer ({ids['Maya Fischer'][:13]})")
        assert "Same customer as" not in hers.card(), "she is the one who was kept"

        await speaks(hers, "hugo", "Hugo looks into it.", to=maya, other=tom)
        await speaks(his, "carla", "Carla looks into it.", to=tom, other=maya)
        await his.press("carla", "resolve")
        await card_says(his, "solved")
        await card_says(hers, "Hugo Martin is talking to Maya Fischer")
        await hers.press("hugo", "return")
        await card_says(hers, "back with the agent")


@pytest.mark.long
async def test_merged_while_one_is_held_and_one_waits_nothing_changes_hands_until_somebody_takes_it(
    database_url: str, redis_url: str
) -> None:
    async with rig(database_url, redis_url, customers=CUSTOMERS) as r:
        tom, his = await escalated(r, "Tom Weber", "My card was declined")
        maya, hers = await escalated(r, "Maya Fischer", "I was charged twice this month", "hugo")
        heard = len(maya.heard()), len(tom.heard())
        ids = await made_one(r, kept="Maya Fischer", merged="Tom Weber")
        await says(hers, "are the same customer")
        await says(his, "are the same customer")
        await card_says(hers, "waiting for Billing Specialists", link(his))
        await card_says(his, "Tom Weber needs a person", "Same customer as", "open, with Hugo Martin")
        assert (len(maya.heard()), len(tom.heard())) == heard, "customers hear nothing of it"
        await his.press("carla", "take")
        await says(his, "has taken this")
        await speaks(his, "carla", "Carla looks into it.", to=tom, other=maya)
        await speaks(hers, "hugo", "Hugo looks into it.", to=maya, other=tom)

        assert (await desk(r, "customers", "unmerge", ids["Tom Weber"])).code == 0
        await says(hers, "separate customers again")
        await until(lambda: "Same customer as" not in his.card(), what="his card names him alone")
