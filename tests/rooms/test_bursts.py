"""A customer who writes without end, as staff see it on each of their platforms."""

import re

import pytest

from connectors.sandbox.faults import Mischief
from connectors.slack.emoji import code_for
from tests.rooms.test_leak import in_telegram
from tests.rooms.test_room import CHANNEL, Room, Start, start  # noqa: F401 (a fixture)
from tests.rooms.test_topic import Topic
from tests.story.rig import rig, until

ALLOWED, WRITTEN = 5, 120


def limited(document: dict[str, object]) -> None:
    document["policies"] |= {"customer_messages_per_minute": ALLOWED, "undo": "1s"}  # type: ignore[operator]


def bursts(told: list[str]) -> list[int]:
    """Return how many messages each post of a burst tells of."""
    return [int(found[1]) for one in told if (found := re.search(r"shown line by line: \**(\d+)\**", one))]


@pytest.mark.long
async def test_a_burst_in_slack_is_one_post_and_a_reaction_to_it_means_the_newest_line(
    start: Start,  # noqa: F811
) -> None:
    async with start(limited) as r:
        room = await (await Room(r).open()).taken()
        said = [r.phone.say(r.maya, f"line {n:03}") for n in range(WRITTEN)]
        await until(
            lambda: (
                sum(bursts(room.told())) >= WRITTEN - ALLOWED and f"line {WRITTEN - 1:03}" in room.told()[-1]
            ),
            what="that all of it is told of",
        )
        told = room.told()
        assert len(bursts(told)) == 1
        singly = [one for one in told if re.search(r"line \d{3}", one)]
        assert len(singly) <= ALLOWED + 1
        post = next(
            str(m["ts"]) for m in r.slack.messages(CHANNEL, room.ts) if bursts([str(m.get("text", ""))])
        )
        r.slack.react_as("hugo", CHANNEL, post, code_for("👍"))
        await until(lambda: "white_check_mark" in room.marks(post), what="that it was delivered")
        reacted = [m.message_id for m in r.phone.chat(r.maya) if m.reactions]
        assert reacted == [said[-1].message_id]
        room.write("hugo", "One at a time, please.")
        await room.hears("One at a time, please.")


@pytest.mark.long
async def test_a_burst_in_telegram_is_one_post_that_grows(database_url: str, redis_url: str) -> None:
    async with rig(database_url, redis_url, in_telegram, limited, every_channel=True) as r:
        topic = await (await Topic(r).opened()).taken()
        for n in range(WRITTEN // 4):
            await topic.maya.say(f"line {n:03}")
        await topic.shows(f"line {WRITTEN // 4 - 1:03}")
        told = [m.text for m in topic.group.messages(topic.id)]
        assert len(bursts(told)) == 1
        assert len([one for one in told if re.search(r"line \d{3}", one)]) <= ALLOWED + 1


def shown(told: list[str]) -> list[str]:
    """Return the posts of bursts that show the newest line, and say what a reply to them means."""
    last = f"line {WRITTEN // 4 - 1:03}"
    return [one for one in told if bursts([one]) and last in one and "means the newest message" in one]


@pytest.mark.long
async def test_in_slack_the_newest_of_very_long_messages_are_shown_in_one_post(
    start: Start,  # noqa: F811
) -> None:
    async with start(limited) as r:
        room = await (await Room(r).open()).taken()
        for n in range(WRITTEN // 4):
            r.phone.say(r.maya, f"line {n:03} " + "<&>" * 110)
        await until(lambda: shown(room.told()), what="the newest line")
        assert len(bursts(room.told())) == 1


@pytest.mark.long
async def test_in_telegram_the_newest_of_very_long_messages_are_shown_in_one_post(
    database_url: str, redis_url: str
) -> None:
    async with rig(database_url, redis_url, in_telegram, limited, every_channel=True) as r:
        topic = await (await Topic(r).opened()).taken()
        for n in range(WRITTEN // 4):
            await topic.maya.say(f"line {n:03} " + "😀😡" * 170)

        def told() -> list[str]:
            return [m.text for m in topic.group.messages(topic.id)]

        await until(lambda: shown(told()), what="the newest line")
        assert len(bursts(told())) == 1


@pytest.mark.long
async def test_a_post_that_slack_will_not_change_holds_up_no_other_card(start: Start) -> None:  # noqa: F811
    async with start(limited, customers=("Maya Fischer", "Noor Hassan")) as r:
        room = await (await Room(r).open()).taken()
        for n in range(ALLOWED * 2):
            r.phone.say(r.maya, f"line {n:03}")
        await until(lambda: any("line 009" in one for one in room.told()), what="the post of the burst")
        faults = r.sandbox.faults
        faults.add("slack", Mischief.RATE_LIMITED, pattern="chat.update", seconds=600)
        r.phone.say(r.maya, "line 010")
        await until(lambda: faults.injected, what="that it is refused")
        for n in range(11, 20):
            r.phone.say(r.maya, f"line {n:03}")
        noor = r.phone.user("Noor Hassan")
        r.phone.say(noor, "I was charged twice this month")
        await until(lambda: len(r.threads(CHANNEL)) == 2, what="the other card")
        r.phone.say(noor, "Are you there?")
        others = next(str(card["ts"]) for card in r.threads(CHANNEL) if card["ts"] != room.ts)
        await until(
            lambda: any("Are you there?" in one for one in r.in_thread(CHANNEL, others)), what="her words"
        )
        assert faults.injected.total() <= 2, "one call for each card or post that is to be changed"


@pytest.mark.long
async def test_slack_is_not_asked_before_the_time_it_names(start: Start) -> None:  # noqa: F811
    async with start(limited, customers=("Maya Fischer", "Noor Hassan")) as r:
        room = await (await Room(r).open()).taken()
        faults = r.sandbox.faults
        faults.add("slack", Mischief.RATE_LIMITED, pattern="chat.postMessage", seconds=600)
        r.phone.say(r.maya, "line 000")
        await until(lambda: faults.injected, what="that it is refused")
        for n in range(1, ALLOWED):
            r.phone.say(r.maya, f"line {n:03}")
        r.phone.say(r.phone.user("Noor Hassan"), "I was charged twice this month")
        await until(lambda: r.heard(r.phone.user("Noor Hassan")), what="that she is told who helps her")
        room.write("hugo", "One at a time, please.")
        await room.hears("One at a time, please.")
        assert faults.injected.total() == 1
