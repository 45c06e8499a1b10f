"""What is new at Meta in 2026, all the way round: calls, prices, and who has the word."""

from datetime import timedelta

from tests.story.rig import rig, until
from tests.story.sides import OnMessenger, OnWhatsApp
from tests.story.test_moving import command


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


async def test_who_writes_by_an_ad_on_messenger_is_answered_days_later(
    database_url: str, redis_url: str
) -> None:
    async with rig(database_url, redis_url, every_channel=True) as r:
        side, maya = OnMessenger(r), r.on_messenger()
        maya.say("Hello", written=timedelta(days=3), referral={"source": "ADS", "ad_id": "6"})
        await until(side.heard, what="an answer after three days")
