"""Deeds of people on Messenger, what the product is told of them, and Messenger's bad days."""

from datetime import timedelta

import aiohttp
import pytest

from bot.core.errors import CommandError
from connectors.sandbox.faults import Mischief
from connectors.sandbox.messenger import Limits, MessengerStandIn, Phone, Tick, Trouble
from connectors.sandbox.rate_limit import Rate
from tests.sandbox.messenger.conftest import Rig, running
from tests.sandbox.whatsapp.conftest import NOON, PNG, QUICK

HUMAN = {"messaging_type": "MESSAGE_TAG", "tag": "HUMAN_AGENT"}


async def test_a_message_comes_with_both_ends_and_milliseconds(rig: Rig, maya: Phone) -> None:
    (event,) = await rig.told()
    assert event["sender"] == {"id": maya.psid}
    assert event["recipient"] == {"id": rig.stand_in.page_id}
    assert event["timestamp"] == int(NOON.timestamp() * 1000)
    assert (event["message"]["text"], event["message"]["mid"]) == ("Hello?", maya.chat[0].id)
    assert maya.chat[0].tick is Tick.DELIVERED


async def test_an_attachment_can_be_read_by_anybody_with_the_link_for_a_while(rig: Rig, maya: Phone) -> None:
    maya.send_media(PNG, "image/png")
    url = (await rig.told_of("message"))[-1]["attachments"][0]["payload"]["url"]
    assert await fetched(url) == (200, PNG)
    assert (await fetched(url.replace("oh=", "oh=0")))[0] == 403
    rig.stand_in.clock.move(timedelta(days=6))
    assert (await fetched(url))[0] == 403


async def test_starts_links_reactions_edits_and_quotes_are_told(rig: Rig, maya: Phone) -> None:
    maya.start(ref="spring")
    maya.follow("autumn")
    mid = await rig.text(maya)
    maya.react(mid, "❤")
    maya.react(mid, "")
    maya.edit(maya.say("Typo", reply_to=mid), "No typo")
    (postback,) = await rig.told_of("postback")
    assert postback["referral"] == {"ref": "spring", "source": "SHORTLINK", "type": "OPEN_THREAD"}
    assert [each["ref"] for each in await rig.told_of("referral")] == ["autumn"]
    put, taken = await rig.told_of("reaction")
    assert put == {"mid": mid, "action": "react", "reaction": "love", "emoji": "❤"}
    assert taken == {"mid": mid, "action": "unreact"}
    assert (await rig.told_of("message"))[-1]["reply_to"] == {"mid": mid}
    assert [each["text"] for each in await rig.told_of("message_edit")] == ["No typo"]


async def test_reads_are_told_by_a_watermark(rig: Rig, maya: Phone) -> None:
    await rig.text(maya, "one")
    last = await rig.text(maya, "two")
    maya.read()
    assert await rig.told_of("read") == [{"watermark": maya.message(last).at}]
    assert [each.tick for each in maya.chat[1:]] == [Tick.READ, Tick.READ]


async def test_a_phone_that_was_off_gets_all_in_one_receipt(rig: Rig, maya: Phone) -> None:
    maya.go_offline()
    mids = [await rig.text(maya, text) for text in ("one", "two")]
    assert len(maya.chat) == 1
    maya.go_online()
    assert [each["mids"] for each in await rig.told_of("delivery")] == [mids]


async def test_a_message_of_staff_in_the_page_inbox_is_an_echo_of_another_app(rig: Rig, maya: Phone) -> None:
    rig.stand_in.answer_from_inbox(maya, "I am on it")
    echo = (await rig.told_of("message"))[-1]
    assert (echo["is_echo"], echo["app_id"]) == (True, 263902037430900)


async def test_a_read_receipt_can_overtake_the_delivery(rig: Rig, maya: Phone) -> None:
    rig.stand_in.troubles.switch(Trouble.RECEIPTS_SHUFFLED)
    await rig.text(maya)
    maya.read()
    kinds = [
        next(kind for kind in ("read", "delivery", "message") if kind in each) for each in await rig.told()
    ]
    assert kinds == ["message", "message", "read", "delivery"]


async def test_after_a_day_only_a_person_may_answer_and_after_a_week_nobody(rig: Rig, maya: Phone) -> None:
    rig.stand_in.clock.move(timedelta(hours=24))
    await rig.text(maya, "Just in time")
    rig.stand_in.clock.move(timedelta(seconds=1))
    assert await rig.refused(maya, {"text": "x"}, messaging_type="RESPONSE") == (10, 2018278)
    assert (await rig.send(maya, {"text": "By a person"}, **HUMAN))[0] == 200
    rig.stand_in.clock.move(timedelta(days=6))
    assert await rig.refused(maya, {"text": "x"}, **HUMAN) == (10, 2018278)
    maya.say("Still there?")
    await rig.text(maya, "Yes")


async def test_the_tag_must_be_granted() -> None:
    stand_in = MessengerStandIn(clock=lambda: NOON, pauses=QUICK, human_agent=False)
    async with running(stand_in) as rig:
        maya = stand_in.customer("Maya")
        maya.say("Hi")
        assert await rig.refused(maya, {"text": "x"}, **HUMAN) == (100, 2018276)


async def test_media_are_limited_more_than_texts() -> None:
    stand_in = MessengerStandIn(
        clock=lambda: NOON, pauses=QUICK, limits=Limits(media=Rate(1.0), texts=Rate(3.0, 3))
    )
    async with running(stand_in) as rig:
        maya = stand_in.customer("Maya")
        maya.say("Hi")
        message = {"attachment": {"type": "audio", "payload": {}}}
        body = {"recipient": {"id": maya.psid}, "message": message}
        assert (await rig.form("me/messages", PNG, "audio/mpeg", **body))[0] == 200
        status, answer = await rig.form("me/messages", PNG, "audio/mpeg", **body)
        assert (status, answer["error"]["code"]) == (429, 613)
        await rig.text(maya)


@pytest.mark.parametrize(
    ("name", "code"), [("blocked", 368), ("temporary", 1200), ("throttled", 613), ("permission", 200)]
)
async def test_any_refusal_of_the_table_can_be_asked_for(rig: Rig, maya: Phone, name: str, code: int) -> None:
    rig.stand_in.refuse_next(name)
    assert (await rig.refused(maya, {"text": "x"}))[0] == code
    await rig.text(maya)


async def test_strangers_get_nothing(rig: Rig, maya: Phone) -> None:
    status, answer = await rig.call("GET", "me", token="stolen")
    assert (status, answer["error"]["code"]) == (401, 190)
    rig.stand_in.troubles.switch(Trouble.TOKEN_EXPIRED, times=1)
    status, answer = await rig.call("GET", "me")
    assert (status, answer["error"]["error_subcode"]) == (401, 463)


async def test_faults_of_the_drawer_strike_calls_and_webhooks(rig: Rig, maya: Phone) -> None:
    rig.faults.add("*", Mischief.RATE_LIMITED, pattern="messages", count=1)
    assert (await rig.refused(maya, {"text": "x"}))[0] == 613
    rig.faults.add("*", Mischief.LOST_RESPONSE, pattern="messages", count=1)
    with pytest.raises(aiohttp.ClientError):
        await rig.text(maya, "Lost answer")
    assert maya.chat[-1].text == "Lost answer"
    await rig.told()
    rig.faults.add("*", Mischief.DUPLICATE, pattern="message", count=1, seconds=0.01)
    maya.say("Twice")
    texts = [each.get("text") for each in await rig.told_of("message")]
    assert texts.count("Twice") == 2


async def test_a_burst_comes_in_one_request(rig: Rig, maya: Phone) -> None:
    await rig.told()
    rig.stand_in.troubles.switch(Trouble.BATCHES)
    hugo = rig.stand_in.customer("Hugo")
    for phone in (maya, hugo, maya):
        phone.say("One of several")
    await rig.told()
    assert len(rig.listener.bodies[-1]["entry"]) == 3


async def test_only_subscribed_fields_are_told(rig: Rig, maya: Phone) -> None:
    await rig.told()
    path = f"{rig.stand_in.page_id}/subscribed_apps"
    assert await rig.call("POST", path, subscribed_fields="messages") == (200, {"success": True})
    await rig.text(maya)
    maya.read()
    maya.say("Heard")
    assert [list(each)[-1] for each in await rig.told()] == ["message", "message"]
    _, answer = await rig.call("GET", path)
    assert answer["data"][0]["subscribed_fields"] == ["messages"]


async def test_a_callback_url_must_answer_the_challenge(rig: Rig) -> None:
    await rig.stand_in.configure(rig.hook_url)
    rig.listener.verify_token = "another"
    with pytest.raises(CommandError):
        await rig.stand_in.configure(rig.hook_url)


async def test_a_stand_in_goes_on_where_it_was(rig: Rig, maya: Phone) -> None:
    maya.send_media(PNG, "image/png")
    await rig.text(maya, "Welcome back")
    await rig.told()
    again = MessengerStandIn(clock=lambda: NOON)
    again.restore(rig.stand_in.snapshot())
    phone = again.phone(maya.psid)
    assert phone is not None
    assert phone.chat == maya.chat
    assert phone.file(phone.chat[1]) == PNG


async def fetched(url: str) -> tuple[int, bytes]:
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status, await answer.read()


async def test_a_customer_who_writes_by_an_ad_may_be_answered_for_seven_days(rig: Rig, maya: Phone) -> None:
    maya.say("Is it still there?", referral={"source": "ADS", "ad_id": "6", "type": "OPEN_THREAD"})
    rig.stand_in.clock.moved += timedelta(days=6)
    assert rig.stand_in.window(maya) == timedelta(days=1)
    await rig.text(maya, "It is")
    restored = MessengerStandIn(clock=lambda: NOON)
    restored.restore(rig.stand_in.snapshot())
    [phone] = [phone for phone in restored.phones() if phone.name == maya.name]
    assert restored.window(phone) == timedelta(days=1)
    rig.stand_in.clock.moved += timedelta(days=2)
    assert rig.stand_in.window(maya) < timedelta()
