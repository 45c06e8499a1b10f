"""Platforms that misbehave, and a desk that neither loses a word, nor repeats one, nor hides a failure."""

import json
from datetime import timedelta

import psycopg
import pytest

from connectors.sandbox.faults import Mischief
from connectors.sandbox.rate_limit import Rate
from connectors.sandbox.server import Sandbox
from connectors.sandbox.telegram import Limits
from tests.story.rig import Rig, rig, until, webhooks

CHANNEL = "billing-escalations"
FAILED = "It is not certain that the last words reached the customer"


async def taken(r: Rig) -> str:
    """Maya has a matter for people, and Hugo holds it. Returns the ts of the thread."""
    r.phone.say(r.maya, "I was charged twice this month")
    await until(lambda: r.threads(CHANNEL) and r.heard(), what="a card, and a word to the customer")
    ts = r.card(CHANNEL)
    await r.press("hugo", CHANNEL, ts, "take")
    await has_line(r, ts, "has taken this")
    return ts


async def has_line(r: Rig, ts: str, words: str) -> None:
    await until(lambda: any(words in text for text in r.in_thread(CHANNEL, ts)), what=words)


def stored(database_url: str) -> tuple[int, int]:
    """Return how many inputs and messages of customers there are."""
    with psycopg.connect(database_url) as connection:
        inputs = connection.execute("select count(*) from inbox where origin = 'customer'").fetchone()
        messages = connection.execute("select count(*) from messages where role = 'customer'").fetchone()
    return int(inputs[0]), int(messages[0])  # type: ignore[index]


def dead(database_url: str) -> int:
    """Return how many deliveries were given up."""
    with psycopg.connect(database_url) as connection:
        given_up = "select count(*) from outbox where state in ('failed', 'unknown')"
        found = connection.execute(given_up).fetchone()
    return int(found[0])  # type: ignore[index]


async def whispered(r: Rig, user: str, channel: str, command: str) -> str:
    """Return what `/desk …` answers."""
    before = len(r.slack.ephemerals(user))
    outcome = await r.slack.slash(user, channel, "/desk", command)
    assert outcome.taken, outcome
    await until(lambda: len(r.slack.ephemerals(user)) > before, what=f"an answer to {command}")
    answer = r.slack.ephemerals(user)[-1]
    return answer.text + json.dumps(answer.blocks, ensure_ascii=False)


@pytest.mark.long
async def test_telegram_is_left_alone_for_as_long_as_it_asks(database_url: str, redis_url: str) -> None:
    async with rig(database_url, redis_url) as r:
        r.sandbox.faults.add("telegram", Mischief.RATE_LIMITED, pattern="sendMessage", count=1, seconds=2)
        r.phone.say(r.maya, "How do I invite my team?")
        await until(r.heard, what="an answer after the pause")
        refused, sent = r.phone.sent("sendMessage")
        assert (refused.status, sent.status) == (429, 200)
        assert sent.at - refused.at >= timedelta(seconds=2)


@pytest.mark.long
async def test_slack_is_left_alone_for_as_long_as_it_asks(database_url: str, redis_url: str) -> None:
    async with rig(database_url, redis_url) as r:
        before = r.desks[0].desk.clock().timestamp()
        r.sandbox.faults.add("slack", Mischief.RATE_LIMITED, pattern="chat.postMessage", count=1, seconds=3)
        ts = await taken(r)
        assert float(ts) - before >= 3.0
        assert r.slack.double_posts() == {}


@pytest.mark.long
async def test_errors_of_the_platforms_are_tried_again_and_nothing_is_said_twice(
    database_url: str, redis_url: str
) -> None:
    async with rig(database_url, redis_url) as r:
        r.sandbox.faults.add("telegram", Mischief.SERVER_ERROR, pattern="sendMessage", count=2)
        r.sandbox.faults.add("slack", Mischief.SERVER_ERROR, pattern="chat.*", count=2)
        r.sandbox.faults.add("slack", Mischief.RESET, pattern="chat.*", count=1)
        ts = await taken(r)
        r.slack.post_as("hugo", CHANNEL, "I refunded it.", thread_ts=ts)
        await until(lambda: len(r.heard()) == 2, what="the person's answer")
        assert r.heard()[1] == "I refunded it."
        assert len(r.threads(CHANNEL)) == 1
        assert r.slack.double_posts() == {}
        assert sum(r.sandbox.faults.injected.values()) == 5


@pytest.mark.long
async def test_a_post_whose_answer_was_lost_is_found_in_slack_and_not_posted_again(
    database_url: str, redis_url: str
) -> None:
    async with rig(database_url, redis_url) as r:
        r.sandbox.faults.add("slack", Mischief.LOST_RESPONSE, pattern="chat.postMessage", count=3)
        ts = await taken(r)
        r.slack.post_as("hugo", CHANNEL, "I refunded it.", thread_ts=ts)
        await until(lambda: len(r.heard()) == 2, what="the thread goes on")
        r.phone.say(r.maya, "Thank you, Hugo!")
        await has_line(r, ts, "Thank you, Hugo!")
        assert r.sandbox.faults.injected["slack", Mischief.LOST_RESPONSE] == 3
        assert r.slack.double_posts() == {}
        assert len(r.threads(CHANNEL)) == 1
        lines = r.in_thread(CHANNEL, ts)
        assert len(lines) == len(set(lines))


@pytest.mark.long
async def test_a_post_stays_in_doubt_while_slack_will_not_say_whether_it_arrived(
    database_url: str, redis_url: str
) -> None:
    """Slack lets some apps look into a channel once a minute."""
    async with rig(database_url, redis_url) as r:
        r.sandbox.faults.add("slack", Mischief.LOST_RESPONSE, pattern="chat.postMessage", count=1)
        r.sandbox.faults.add(
            "slack", Mischief.RATE_LIMITED, pattern="conversations.history", count=1, seconds=1
        )
        ts = await taken(r)
        r.slack.post_as("hugo", CHANNEL, "I refunded it.", thread_ts=ts)
        await until(lambda: len(r.heard()) == 2, what="the thread goes on")
        assert r.sandbox.faults.injected["slack", Mischief.RATE_LIMITED] == 1
        assert r.slack.double_posts() == {}
        assert len(r.threads(CHANNEL)) == 1


@pytest.mark.long
@pytest.mark.parametrize(("mischief", "arrived"), [(Mischief.LOST_RESPONSE, 1), (Mischief.RESET, 0)], ids=str)
async def test_words_whose_fate_telegram_cannot_tell_are_sent_again_by_people_alone(
    database_url: str, redis_url: str, mischief: Mischief, arrived: int
) -> None:
    async with rig(database_url, redis_url) as r:
        ts = await taken(r)
        r.sandbox.faults.add("telegram", mischief, pattern="sendMessage", count=1)
        r.slack.post_as("hugo", CHANNEL, "I refunded it.", thread_ts=ts)
        await has_line(r, ts, FAILED)
        assert r.heard()[1:] == ["I refunded it."] * arrived
        assert "unknown" in await whispered(r, "hugo", CHANNEL, "deliveries")
        line = next(m for m in r.slack.messages(CHANNEL, ts) if FAILED in str(m.get("text")))
        await r.press("hugo", CHANNEL, ts, "send_again", str(line["ts"]))
        await until(lambda: len(r.heard()) == 2 + arrived, what="the words, sent again")
        await until(lambda: dead(database_url) == 0, what="nothing is left undelivered")
        await until(lambda: "send_again" not in str(r.slack.messages(CHANNEL, ts)), what="a button that went")
        r.slack.post_as("hugo", CHANNEL, "Is all well now?", thread_ts=ts)
        await until(lambda: "Is all well now?" in r.heard(), what="the next words")
        assert r.heard()[1:] == [*["I refunded it."] * (1 + arrived), "Is all well now?"]


@pytest.mark.long
async def test_an_agents_answer_that_may_be_lost_calls_people(database_url: str, redis_url: str) -> None:
    async with rig(database_url, redis_url) as r:
        r.sandbox.faults.add("telegram", Mischief.LOST_RESPONSE, pattern="sendMessage", count=1)
        r.phone.say(r.maya, "How do I invite my team?")
        channels = [str(channel["name"]) for channel in r.slack.channels()]
        await until(lambda: any(r.threads(name) for name in channels), what="a card")
        cards = [card for name in channels for card in r.threads(name)]
        assert len(cards) == 1
        assert FAILED in json.dumps(cards[0])
        assert sum("invite" in text.casefold() for text in r.heard()) == 1


@pytest.mark.long
@pytest.mark.parametrize("changes", [(), (webhooks,)], ids=["polling and a socket", "webhooks"])
async def test_events_that_come_twice_and_late_are_heard_once_and_in_order(
    database_url: str, redis_url: str, changes: tuple[object, ...]
) -> None:
    async with rig(database_url, redis_url, *changes) as r:  # type: ignore[arg-type]
        ts = await taken(r)
        known = stored(database_url)
        for platform in ("telegram", "slack"):
            r.sandbox.faults.add(platform, Mischief.DUPLICATE, seconds=0.05)
            r.sandbox.faults.add(platform, Mischief.DELAY, seconds=0.1)
        said = [f"I have a remark, number {n}." for n in range(5)]
        answered = [f"I have an answer, number {n}." for n in range(5)]
        for question, answer in zip(said, answered, strict=True):
            r.phone.say(r.maya, question)
            r.slack.post_as("hugo", CHANNEL, answer, thread_ts=ts)
            await has_line(r, ts, question)
        await until(lambda: len(r.heard()) == 6, what="all answers")
        await r.slack.settled()
        assert r.heard()[1:] == answered
        lines = "\n".join(r.in_thread(CHANNEL, ts))
        places = [lines.index(question) for question in said]
        assert places == sorted(places)
        assert [lines.count(question) for question in said] == [1] * 5
        assert stored(database_url) == (known[0] + 5, known[1] + 5)
        assert r.slack.undelivered == 0


@pytest.mark.long
@pytest.mark.parametrize("changes", [(), (webhooks,)], ids=["polling and a socket", "webhooks"])
async def test_events_that_overtake_each_other_are_heard_once(
    database_url: str, redis_url: str, changes: tuple[object, ...]
) -> None:
    async with rig(database_url, redis_url, *changes) as r:  # type: ignore[arg-type]
        ts = await taken(r)
        known = stored(database_url)
        for platform in ("telegram", "slack"):
            r.sandbox.faults.add(platform, Mischief.DUPLICATE, seconds=0.05)
            r.sandbox.faults.add(platform, Mischief.REORDER, seconds=0.3)
        said = [f"I have a remark, number {n}." for n in range(6)]
        answered = [f"I have an answer, number {n}." for n in range(6)]
        for question, answer in zip(said, answered, strict=True):
            r.phone.say(r.maya, question)
            r.slack.post_as("hugo", CHANNEL, answer, thread_ts=ts)
        await until(lambda: len(r.heard()) == 7, what="all answers")
        for question in said:
            await has_line(r, ts, question)
        await r.slack.settled()
        assert sorted(r.heard()[1:]) == answered
        lines = "\n".join(r.in_thread(CHANNEL, ts))
        assert [lines.count(question) for question in said] == [1] * 6
        assert stored(database_url) == (known[0] + 6, known[1] + 6)


@pytest.mark.long
async def test_a_customer_who_blocked_us_is_not_pursued_and_the_staff_know(
    database_url: str, redis_url: str
) -> None:
    async with rig(database_url, redis_url) as r:
        ts = await taken(r)
        r.phone.block(r.maya)
        r.slack.post_as("hugo", CHANNEL, "Are you there?", thread_ts=ts)
        await has_line(r, ts, "cannot be reached (blocked)")
        refused = [call for call in r.phone.sent("sendMessage") if call.status == 403]
        assert len(refused) == 1
        line = next(m for m in r.slack.messages(CHANNEL, ts) if "cannot be reached" in str(m.get("text")))
        r.phone.unblock(r.maya)
        await r.press("hugo", CHANNEL, ts, "send_again", str(line["ts"]))
        await until(lambda: r.heard()[-1] == "Are you there?", what="the words after all")


@pytest.mark.long
async def test_a_long_answer_leaves_in_parts_and_in_order(database_url: str, redis_url: str) -> None:
    async with rig(database_url, redis_url) as r:
        ts = await taken(r)
        words = " ".join(f"word{n:04}" for n in range(1000))  # 9,000 characters: Telegram takes 4,096
        r.sandbox.faults.add("telegram", Mischief.SERVER_ERROR, pattern="sendMessage", count=1)
        r.slack.post_as("hugo", CHANNEL, words, thread_ts=ts)
        r.slack.post_as("hugo", CHANNEL, "That was all.", thread_ts=ts)
        await until(lambda: r.heard()[-1] == "That was all.", what="the last words")
        parts = r.heard()[1:-1]
        assert len(parts) == 3
        assert all(len(part) <= 4096 for part in parts)
        assert " ".join(parts).split() == words.split()


def published(document: dict[str, object]) -> None:
    """The platforms' own limits, in place of the rig's."""
    for account in document["accounts"]:  # type: ignore[attr-defined]
        account.pop("limits", None)


@pytest.mark.long
async def test_the_published_limits_of_both_platforms_are_kept(database_url: str, redis_url: str) -> None:
    customers = [f"Customer {n:02}" for n in range(60)]
    sandbox = Sandbox(
        customers=customers,
        telegram_limits=Limits(bot=Rate(30.0, 6), chat=Rate(1.0)),
        slack_post_rate=Rate(per_second=1.0),
    )
    async with rig(database_url, redis_url, published, sandbox=sandbox) as r:
        people = r.phone.users()
        for person in people[3:]:
            r.phone.say(person, "How do I invite my team?")
        for person in people[:3]:
            r.phone.say(person, "I was charged twice this month")
            r.phone.say(person, "And I want a refund")
        await until(lambda: all(r.heard(person) for person in people), seconds=60, what="an answer for each")
        await until(
            lambda: (
                len(r.threads(CHANNEL)) == 3
                and all(len(r.in_thread(CHANNEL, str(card["ts"]))) > 1 for card in r.threads(CHANNEL))
            ),
            seconds=60,
            what="three cards and their stories, at one post a second",
        )
        assert [call.method for call in r.phone.sent() if call.status == 429] == []
        assert r.slack.posts_refused == 0
