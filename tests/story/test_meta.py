"""News of Meta in 2026, all the way round: calls, prices, and which app controls a chat."""

from datetime import timedelta

import pytest

from tests.story.rig import rig, until
from tests.story.sides import OnMessenger, OnWhatsApp
from tests.story.test_moving import CHARGED, ROOM, command
from tests.story.test_window import said_freely, taken


async def test_a_missed_call_is_answered_and_what_that_costs_is_counted(
    database_url: str, redis_url: str
) -> None:
    async with rig(database_url, redis_url, every_channel=True) as r:
        side = OnWhatsApp(r)
        r.on_whatsapp().call()
        await until(lambda: any("missed your call" in text for text in side.heard()), what="an answer")
        assert len(side.heard()) == 1
        assert r.whatsapp.bill() == {"service": 1}
        await r.whatsapp.settled()  # the receipt is told after the message
        told = await command(r, "status")
        assert "messages of the last 30 days" in told
        assert "service" in told


async def test_another_app_is_heard_and_gives_back_what_it_could_not_answer(
    database_url: str, redis_url: str
) -> None:
    async with rig(database_url, redis_url, every_channel=True) as r:
        side, maya = OnWhatsApp(r), r.on_whatsapp()
        maya.say("Hello")
        await until(side.heard, what="a greeting")
        greeted = len(side.heard())
        r.whatsapp.hand_over(maya, elsewhere=True)
        maya.say("How do I reset my password?")
        await r.whatsapp.settled()
        r.whatsapp.hand_over(maya, elsewhere=False)
        await until(lambda: len(side.heard()) > greeted, what="the answer to what was asked meanwhile")
        assert "password" in side.heard()[-1].lower()


@pytest.mark.long
async def test_a_waiting_message_leaves_when_another_app_that_heard_the_customer_passes_back(
    database_url: str, redis_url: str
) -> None:
    async with rig(database_url, redis_url, every_channel=True) as r:
        _, ts = await taken(r)
        told = lambda words: any(words in line for line in r.in_thread(ROOM, ts))  # noqa: E731
        r.slack.post_as("hugo", ROOM, "I refunded it.", thread_ts=ts)
        await until(lambda: told("takes no free text"), what="it waits")
        r.ahead = timedelta()
        maya = r.on_whatsapp()
        r.whatsapp.hand_over(maya, elsewhere=True)
        await until(lambda: told("Another app is answering"), what="the other app")
        maya.say("Hello? Anybody?")
        await until(lambda: told("Hello? Anybody?"), what="what the other app was told")
        assert "I refunded it." not in said_freely(r)
        r.whatsapp.hand_over(maya, elsewhere=False)
        await until(lambda: "I refunded it." in said_freely(r), what="what waited")
        await until(lambda: told("what waited leaves now."), what="what became of it")
        assert said_freely(r).count("I refunded it.") == 1


async def test_a_customer_who_writes_by_an_ad_on_messenger_is_answered_days_later(
    database_url: str, redis_url: str
) -> None:
    async with rig(database_url, redis_url, every_channel=True) as r:
        side, maya = OnMessenger(r), r.on_messenger()
        maya.say("Hello", written=timedelta(days=3), referral={"source": "ADS", "ad_id": "6"})
        await until(side.heard, what="an answer after three days")


@pytest.mark.long
async def test_the_holder_asks_a_customer_who_hides_their_number_for_it(
    database_url: str, redis_url: str
) -> None:
    async with rig(database_url, redis_url, every_channel=True) as r:
        side, maya = OnWhatsApp(r), r.on_whatsapp()
        maya.take_username("maya.f")
        await side.say(CHARGED)
        await until(lambda: r.threads(ROOM) and side.heard(), what="a card")
        ts = r.card(ROOM)
        assert "ask_number" not in str(r.threads(ROOM)[0])
        await r.press("hugo", ROOM, ts, "take")
        await until(lambda: "ask_number" in str(r.threads(ROOM)[0]), what="the button on the card")
        assert maya.wa_id not in str(r.threads(ROOM)[0])

        await r.press("hugo", ROOM, ts, "ask_number")
        await until(lambda: any("button below" in text for text in side.heard()), what="the question")
        told = "asked for the phone number"
        await until(lambda: any(told in line for line in r.in_thread(ROOM, ts)), what="the line in the room")
        maya.share_number(next(m for m in maya.chat if "button below" in m.text))

        await until(lambda: f"+{maya.wa_id}" in str(r.threads(ROOM)[0]), what="the number on the card")
        r.slack.post_as("hugo", ROOM, "Thank you, I will call.", thread_ts=ts)
        await until(lambda: "Thank you, I will call." in side.heard(), what="the answer")
