"""The product's main job on every channel: a question is answered, people take over, files go both ways."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from connectors.sandbox.people import TEAM
from connectors.sandbox.slack import Upload
from tests.accounts import hooks
from tests.story.rig import Rig, rig, until
from tests.story.sides import PNG, SIDES, DirectlyInSlack, Side

ROOM = "billing-escalations"
CHARGED = "I was charged twice this month"

channels = pytest.mark.parametrize("kind", SIDES, ids=lambda kind: kind.__name__)


@asynccontextmanager
async def story(database_url: str, redis_url: str, kind: type[Side]) -> AsyncIterator[tuple[Rig, Side]]:
    async with rig(database_url, redis_url, every_channel=True) as r:
        yield r, kind(r)


async def taken(r: Rig, side: Side) -> str:
    """The customer was charged twice, and Hugo has taken it. Returns the thread."""
    await side.say(CHARGED)
    await until(lambda: r.threads(ROOM), what="a card in the staff's channel")
    await until(side.heard, what="the notice of the handoff")
    ts = r.card(ROOM)
    await r.press("hugo", ROOM, ts, "take")
    await until(lambda: any("has taken this" in t for t in r.in_thread(ROOM, ts)), what="who speaks")
    return ts


@pytest.mark.long
@channels
async def test_an_article_answers_a_question(database_url: str, redis_url: str, kind: type[Side]) -> None:
    async with story(database_url, redis_url, kind) as (_, side):
        await side.say("How do I invite my team?")
        await until(side.heard, what="an answer")
        assert "invite" in side.heard()[0].casefold()


@pytest.mark.long
@channels
async def test_people_take_over_and_their_private_words_stay_inside(
    database_url: str, redis_url: str, kind: type[Side]
) -> None:
    async with story(database_url, redis_url, kind) as (r, side):
        ts = await taken(r, side)
        assert side.title in str(r.threads(ROOM)[0]["blocks"])
        r.slack.post_as("hugo", ROOM, "I refunded the second charge.", thread_ts=ts)
        r.slack.post_as("carla", ROOM, "she is lying", thread_ts=ts)
        r.slack.post_as("hugo", ROOM, "// what a fuss", thread_ts=ts)
        await until(lambda: len(side.heard()) == 2, what="the person's answer")
        assert "I refunded the second charge." in side.heard()[1]
        await side.say("Thank you, Hugo!")
        await until(lambda: any("Thank you, Hugo!" in t for t in r.in_thread(ROOM, ts)), what="in the thread")
        await r.press("hugo", ROOM, ts, "return")
        await until(lambda: len(side.heard()) == 3, what="the agent is back")
        await side.say("How do I invite my team?")
        await until(lambda: len(side.heard()) == 4, what="the agent answers again")
        assert not any("lying" in text or "fuss" in text for text in side.heard())


@pytest.mark.long
@channels
async def test_a_picture_reaches_the_room_and_one_of_staff_the_customer(
    database_url: str, redis_url: str, kind: type[Side]
) -> None:
    async with story(database_url, redis_url, kind) as (r, side):
        ts = await taken(r, side)
        await side.send_picture("this is the bill")

        def shared() -> list[object]:
            return [f for m in r.slack.messages(ROOM, ts) for f in m.get("files", ())]  # type: ignore[attr-defined]

        await until(shared, what="the picture in the thread")
        assert any("this is the bill" in text for text in r.in_thread(ROOM, ts))
        r.slack.post_as("hugo", ROOM, "See", ts, files=[Upload("refund.png", PNG, "image/png")])
        await until(lambda: PNG in side.files(), what="the picture at the customer's")
        assert any("See" in text for text in side.heard())


@pytest.mark.long
async def test_a_workspace_that_removed_the_app_is_told_of_and_written_to_once_it_is_back(
    database_url: str, redis_url: str
) -> None:
    async with story(database_url, redis_url, DirectlyInSlack) as (r, side):
        ts = await taken(r, side)
        heard = side.heard()
        r.slack_customers.uninstall(TEAM)
        await r.slack_customers.settled()
        r.slack.post_as("hugo", ROOM, "I refunded the second charge.", thread_ts=ts)
        told = "whoever runs that workspace can add it again"
        await until(lambda: any(told in text for text in r.in_thread(ROOM, ts)), what="what is wrong")
        (line,) = [m for m in r.slack.messages(ROOM, ts) if told in str(m.get("text"))]
        assert f"the workspace {TEAM}" in str(line["text"])
        assert side.heard() == heard
        await r.sandbox.connect(hooks(database_url, r.settings.public_url))
        await r.press("hugo", ROOM, ts, "send_again", str(line["ts"]))
        await until(lambda: len(side.heard()) == len(heard) + 1, what="the words, sent again")
