"""A group of customers on Telegram: each who writes there is somebody, and everybody reads along."""

import pytest

from connectors.sandbox.telegram import GroupChat
from connectors.sandbox.telegram.stand_in import FIRST_GROUP_ID
from tests.story.rig import Rig, rig, until

ROOM = "billing-escalations"


def in_their_group(document: dict[str, object]) -> None:
    for account in document["accounts"]:  # type: ignore[attr-defined]
        if account["id"] == "telegram":
            account["groups"] = [str(FIRST_GROUP_ID)]


def group_of(r: Rig) -> GroupChat:
    return r.phone.group("Harbor & Brightdesk", [r.phone.user("Maya Fischer"), r.phone.user("Tom Weber")])


async def test_two_in_one_group_have_two_conversations(database_url: str, redis_url: str) -> None:
    async with rig(database_url, redis_url, in_their_group) as r:
        group = group_of(r)
        group.say(r.phone.user("Maya Fischer"), "I was charged twice this month")
        await until(lambda: r.threads(ROOM), what="a card")
        group.say(r.phone.user("Tom Weber"), "How do I invite my team?")
        await until(
            lambda: [m for m in group.messages() if m.from_bot and "invite" in m.text], what="an answer"
        )
        assert not any("invite my team" in text for text in r.in_thread(ROOM, r.card(ROOM)))


@pytest.mark.long
async def test_a_private_conversation_does_not_go_on_in_the_group(database_url: str, redis_url: str) -> None:
    async with rig(database_url, redis_url, in_their_group) as r:
        maya, group = r.phone.user("Maya Fischer"), group_of(r)
        r.phone.say(maya, "I was charged twice this month")
        await until(lambda: r.threads(ROOM) and r.heard(maya), what="a card")
        ts = r.card(ROOM)
        await r.press("hugo", ROOM, ts, "take")
        await until(lambda: any("has taken this" in t for t in r.in_thread(ROOM, ts)), what="Hugo has it")
        group.say(maya, "How do I invite my team?")
        await until(lambda: [m for m in group.messages() if m.from_bot], what="an answer in the group")
        r.slack.post_as("hugo", ROOM, "Your card ends in 4711.", thread_ts=ts)
        await until(lambda: any("4711" in text for text in r.heard(maya)), what="the answer in private")
        assert not any("4711" in m.text for m in group.messages())
