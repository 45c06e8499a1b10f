"""Receipts in any order, answers that never came, files that fail: what the log and the room say at last."""

from collections.abc import Callable

import psycopg
import pytest

from connectors.sandbox.faults import Mischief
from connectors.sandbox.meta import Trouble
from connectors.sandbox.slack import Upload
from tests.story.rig import Rig, rig, until
from tests.story.sides import PNG, OnMessenger, OnWhatsApp, Side

ROOM = "billing-escalations"
WORDS = "It is refunded."
META = pytest.mark.parametrize("kind", [OnWhatsApp, OnMessenger], ids=lambda kind: kind.title)


def states(database_url: str) -> list[str]:
    """Return the states of what staff and agents said, oldest first."""
    asked = "select state from messages where role in ('staff', 'agent', 'system') and state <> 'note'"
    with psycopg.connect(database_url) as connection:
        return [str(row[0]) for row in connection.execute(f"{asked} order by conversation_id, position")]


def all_handled(database_url: str) -> bool:
    """Return whether every input was dealt with, a receipt among them."""
    asked = "select count(*) filter (where kind = 'Receipt') > 0 from inbox"
    left = "select count(*) = 0 from conversations where last_handled < last_accepted"
    with psycopg.connect(database_url) as connection:
        rows = [connection.execute(query).fetchone() for query in (asked, left)]
    return all(row is not None and row[0] for row in rows)


async def taken(r: Rig, side: Side) -> str:
    await side.say("I was charged twice this month")
    await until(lambda: r.threads(ROOM) and side.heard(), what="a card and the notice")
    ts = r.card(ROOM)
    await r.press("hugo", ROOM, ts, "take")
    await until(lambda: any("has taken this" in t for t in r.in_thread(ROOM, ts)), what="who speaks")
    return ts


def marks(r: Rig, ts: str, message: str) -> list[str]:
    """Our reactions on a message of the thread."""
    found = next(m for m in r.slack.messages(ROOM, ts) if m["ts"] == message)
    return [str(each["name"]) for each in found.get("reactions", ())]  # type: ignore[attr-defined]


def read(side: Side) -> list[str]:
    """The customer looks at the chat."""
    phone = side.rig.on_whatsapp() if isinstance(side, OnWhatsApp) else side.rig.on_messenger()
    return phone.read()


async def settled(r: Rig) -> None:
    await r.whatsapp.settled()
    await r.messenger.settled()


@pytest.mark.long
@META
async def test_receipts_in_the_wrong_order_and_in_batches_end_as_read(
    database_url: str, redis_url: str, kind: type[Side]
) -> None:
    async with rig(database_url, redis_url, every_channel=True) as r:
        side = kind(r)
        ts = await taken(r, side)
        for troubles in (r.whatsapp.troubles, r.messenger.troubles):
            troubles.switch(Trouble.RECEIPTS_SHUFFLED)
            troubles.switch(Trouble.BATCHES)
        said = [r.slack.post_as("hugo", ROOM, f"{WORDS} {n}", thread_ts=ts) for n in range(4)]
        await until(lambda: f"{WORDS} 3" in side.heard(), what="all his words")
        await until(lambda: len(read(side)) or states(database_url)[-1] == "read", what="they are read")
        await settled(r)
        await until(lambda: set(states(database_url)) == {"read"}, what="the log knows it")
        await until(lambda: all(list(marks(r, ts, each)) == ["eyes"] for each in said), what="read, on all")


@pytest.mark.long
@META
async def test_receipts_that_come_twice_and_late_change_nothing(
    database_url: str, redis_url: str, kind: type[Side]
) -> None:
    async with rig(database_url, redis_url, every_channel=True) as r:
        side = kind(r)
        platform = "whatsapp" if kind is OnWhatsApp else "messenger"
        pattern = "status" if kind is OnWhatsApp else "delivery"
        ts = await taken(r, side)
        r.sandbox.faults.add(platform, Mischief.DELAY, pattern=pattern, seconds=0.6)
        r.sandbox.faults.add(platform, Mischief.DUPLICATE, pattern=pattern, seconds=0.1)
        said = r.slack.post_as("hugo", ROOM, WORDS, thread_ts=ts)
        await until(lambda: WORDS in side.heard(), what="his words")
        if kind is OnMessenger:
            read(side)  # the watermark overtakes what was delivered
            await until(lambda: states(database_url)[-1] == "read", what="the watermark")
            await settled(r)
            assert states(database_url)[-1] == "read"
        else:
            await settled(r)
            await until(lambda: states(database_url)[-1] == "delivered", what="the receipt")
        assert len(marks(r, ts, said)) == 1


@pytest.mark.long
@META
async def test_a_receipt_that_comes_before_we_have_recorded_the_message_counts(
    database_url: str, redis_url: str, kind: type[Side]
) -> None:
    async with rig(database_url, redis_url, every_channel=True) as r:
        side = kind(r)
        platform = "whatsapp" if kind is OnWhatsApp else "messenger"
        r.sandbox.faults.add(platform, Mischief.SLOW, pattern="messages", seconds=1.0)
        await side.say("How do I invite my team?")
        with psycopg.connect(database_url) as connection:
            sending = "select id from outbox where state = 'sending' and begun for update"
            await until(
                lambda: connection.execute(sending).fetchall() or connection.rollback(), what="it leaves"
            )
            await until(side.heard, what="the answer")
            await settled(r)
            await until(lambda: all_handled(database_url), what="the receipts are dealt with")
        await until(lambda: states(database_url) == ["delivered"], seconds=15, what="the receipt")


@pytest.mark.long
@META
async def test_an_answer_that_is_lost_is_told_to_the_holder_and_never_repeated_unasked(
    database_url: str, redis_url: str, kind: type[Side]
) -> None:
    async with rig(database_url, redis_url, every_channel=True) as r:
        side = kind(r)
        platform = "whatsapp" if kind is OnWhatsApp else "messenger"
        ts = await taken(r, side)
        r.sandbox.faults.add(platform, Mischief.LOST_RESPONSE, pattern="messages", count=1)
        r.slack.post_as("hugo", ROOM, WORDS, thread_ts=ts)
        await until(
            lambda: any("It is not certain" in text for text in r.in_thread(ROOM, ts)), what="the doubt"
        )
        await settled(r)
        assert side.heard().count(WORDS) == 1
        r.slack.post_as("hugo", ROOM, "And more.", thread_ts=ts)
        await until(lambda: "And more." in side.heard(), what="what follows")
        assert side.heard().count(WORDS) == 1


@pytest.mark.long
@META
async def test_a_message_that_the_platform_cannot_take_for_now_arrives_once(
    database_url: str, redis_url: str, kind: type[Side]
) -> None:
    async with rig(database_url, redis_url, every_channel=True) as r:
        side = kind(r)
        platform = "whatsapp" if kind is OnWhatsApp else "messenger"
        ts = await taken(r, side)
        r.sandbox.faults.add(platform, Mischief.SERVER_ERROR, pattern="messages", count=2)
        r.slack.post_as("hugo", ROOM, WORDS, thread_ts=ts)
        await until(lambda: WORDS in side.heard(), what="his words", seconds=40)
        await settled(r)
        await until(lambda: states(database_url)[-1] == "delivered", what="the receipt")
        assert side.heard().count(WORDS) == 1


@pytest.mark.long
async def test_a_picture_that_cannot_be_fetched_delays_no_word_and_the_room_says_so(
    database_url: str, redis_url: str
) -> None:
    async with rig(database_url, redis_url, every_channel=True) as r:
        side = OnWhatsApp(r)
        ts = await taken(r, side)
        r.whatsapp.troubles.switch(Trouble.MEDIA_EXPIRED)
        await side.send_picture("this is the bill")
        told: Callable[[], str] = lambda: "\n".join(r.in_thread(ROOM, ts))  # noqa: E731
        await until(lambda: "this is the bill" in told(), what="her words")
        await until(lambda: "could not" in told() or "cannot" in told(), what=f"its fate: {told()}")
        await side.say("Did you see it?")
        await until(lambda: "Did you see it?" in told(), what="what follows")


@pytest.mark.long
async def test_a_picture_that_cannot_be_uploaded_is_told_and_can_be_sent_again(
    database_url: str, redis_url: str
) -> None:
    async with rig(database_url, redis_url, every_channel=True) as r:
        side = OnWhatsApp(r)
        ts = await taken(r, side)
        r.whatsapp.troubles.switch(Trouble.UPLOAD_FAILED, times=1)
        r.slack.post_as("hugo", ROOM, "See", ts, files=[Upload("refund.png", PNG, "image/png")])
        failed: Callable[[], list[str]] = lambda: [  # noqa: E731
            str(m["ts"]) for m in r.slack.messages(ROOM, ts) if "send_again" in str(m.get("blocks", ""))
        ]
        await until(failed, what="the failure")
        await r.press("hugo", ROOM, ts, "send_again", message=failed()[0])
        await until(lambda: PNG in side.files(), what="the picture")
        assert side.files().count(PNG) == 1
