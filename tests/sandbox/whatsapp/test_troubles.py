"""Windows, limits, refusals and faults: what the platform does on its bad days."""

import json
from datetime import timedelta

import aiohttp
import pytest

from bot.core.errors import CommandError
from connectors.sandbox.faults import Mischief
from connectors.sandbox.rate_limit import Rate
from connectors.sandbox.whatsapp import Limits, Phone, Tick, Trouble, WhatsAppStandIn
from tests.sandbox.whatsapp.conftest import NOON, QUICK, Rig, running


async def test_after_a_day_free_text_fails_by_a_status_and_a_template_arrives(rig: Rig, maya: Phone) -> None:
    rig.stand_in.clock.move(timedelta(hours=24))
    await rig.text(maya, "Just in time")
    rig.stand_in.clock.move(timedelta(seconds=1))
    wamid = await rig.text(maya, "Too late")
    failed = (await rig.told()).statuses()[-1]
    assert (failed["id"], failed["status"], failed["errors"][0]["code"]) == (wamid, "failed", 131047)
    hello = {"name": "hello_world", "language": {"code": "en_US"}}
    assert (await rig.send(maya, "template", template=hello))[0] == 200
    assert [each.text[:12] for each in maya.chat[1:]] == ["Just in time", "Welcome and "]


async def test_the_window_opens_when_the_customer_writes_again(rig: Rig, maya: Phone) -> None:
    rig.stand_in.clock.move(timedelta(days=2))
    assert rig.stand_in.window(maya) < timedelta()
    maya.say("I am back")
    await rig.text(maya, "So are we")
    assert maya.chat[-1].tick is Tick.DELIVERED


async def test_a_late_webhook_opens_the_window_only_from_when_it_was_written(rig: Rig) -> None:
    hugo = rig.stand_in.customer("Hugo", "+49 30 5555555")
    hugo.say("Written yesterday", written=timedelta(hours=23))
    assert rig.stand_in.window(hugo) == timedelta(hours=1)


async def test_refusals_come_at_once_where_that_is_wanted(rig: Rig, maya: Phone) -> None:
    rig.stand_in.late_refusals = False
    rig.stand_in.troubles.switch(Trouble.WINDOW_EXPIRED, times=1)
    assert (await rig.refused(maya, text={"body": "x"}))[0] == 131047
    assert (await rig.refused("15005550000", text={"body": "x"}))[0] == 131026
    await rig.text(maya)


async def test_forty_five_at_once_to_one_person_and_then_one_in_six_seconds() -> None:
    stand_in = WhatsAppStandIn(clock=lambda: NOON, limits=Limits(), pauses=QUICK)
    async with running(stand_in) as rig:
        maya, hugo = stand_in.customer("Maya", "491511234567"), stand_in.customer("Hugo", "491517654321")
        maya.say("Hi")
        hugo.say("Hi")
        for _ in range(45):
            await rig.text(maya)
        assert (await rig.refused(maya, text={"body": "x"}))[0] == 131056
        await rig.text(hugo)
        stand_in.clock.move(timedelta(seconds=6))
        await rig.text(maya)
        assert (await rig.refused(maya, text={"body": "x"}))[0] == 131056


async def test_eighty_a_second_from_one_number() -> None:
    stand_in = WhatsAppStandIn(clock=lambda: NOON, limits=Limits(number=Rate(2.0, 2)), pauses=QUICK)
    async with running(stand_in) as rig:
        for number in ("15005550001", "15005550002"):
            await rig.text(number)
        status, answer = await rig.send("15005550003", text={"body": "x"})
        assert (status, answer["error"]["code"]) == (429, 130429)


@pytest.mark.parametrize("code", [368, 131031, 131048, 131056, 130429, 80007, 190, 131000, 131016])
async def test_any_code_of_the_table_can_be_asked_for(rig: Rig, maya: Phone, code: int) -> None:
    rig.stand_in.refuse_next(code)
    assert (await rig.refused(maya, text={"body": "x"}))[0] == code
    await rig.text(maya)


async def test_a_code_can_come_as_a_failed_status(rig: Rig, maya: Phone) -> None:
    rig.stand_in.refuse_next(131049, late=True)
    await rig.text(maya)
    assert (await rig.told()).statuses()[-1]["errors"][0]["code"] == 131049


async def test_strangers_get_nothing(rig: Rig, maya: Phone) -> None:
    body = {"messaging_product": "whatsapp", "to": maya.wa_id, "text": {"body": "x"}}
    status, answer = await rig.call("POST", "106540352242922/messages", body, token="stolen")
    assert (status, answer["error"]["code"]) == (401, 190)
    status, answer = await rig.call("POST", "106540352242922/messages", body, token="")
    assert (status, answer["error"]["code"]) == (401, 104)
    status, answer = await rig.call("GET", "999/message_templates")
    assert (status, answer["error"]["error_subcode"]) == (400, 33)


async def test_a_token_expires(rig: Rig, maya: Phone) -> None:
    rig.stand_in.troubles.switch(Trouble.TOKEN_EXPIRED)
    status, answer = await rig.call("GET", "106540352242922")
    assert (status, answer["error"]["code"], answer["error"]["error_subcode"]) == (401, 190, 463)
    rig.stand_in.troubles.switch(Trouble.TOKEN_EXPIRED, on=False)
    assert (await rig.call("GET", "106540352242922"))[0] == 200


async def test_throttling_says_how_long_to_wait(rig: Rig, maya: Phone) -> None:
    rig.faults.add("*", Mischief.RATE_LIMITED, pattern="messages", seconds=180.0, count=1)
    headers = {"Authorization": f"Bearer {rig.stand_in.token}"}
    async with rig.session.post(rig.url("106540352242922/messages"), json={}, headers=headers) as answer:
        usage = json.loads(answer.headers["X-Business-Use-Case-Usage"])
        assert (answer.status, (await answer.json())["error"]["code"]) == (429, 80007)
    assert usage["102290129340398"][0]["estimated_time_to_regain_access"] == 3


async def test_a_reset_happens_before_and_a_lost_answer_after_the_effect(rig: Rig, maya: Phone) -> None:
    for kind, shown in ((Mischief.RESET, 0), (Mischief.LOST_RESPONSE, 1)):
        rig.faults.add("*", kind, pattern="messages", count=1)
        with pytest.raises(aiohttp.ClientError):
            await rig.text(maya, kind.value)
        assert [each.text for each in maya.chat].count(kind.value) == shown


async def test_a_server_error_has_no_effect(rig: Rig, maya: Phone) -> None:
    rig.faults.add("*", Mischief.SERVER_ERROR, pattern="messages", count=1)
    status, answer = await rig.send(maya, text={"body": "x"})
    assert (status, answer["error"]["code"], answer["error"]["is_transient"]) == (500, 2, True)
    assert len(maya.chat) == 1


async def test_a_burst_comes_in_one_request_with_an_entry_for_each_person(rig: Rig, maya: Phone) -> None:
    await rig.told()
    rig.stand_in.troubles.switch(Trouble.BATCHES)
    hugo = rig.stand_in.customer("Hugo", "491517654321")
    for phone in (maya, hugo, maya):
        phone.say("One of several")
    told = await rig.told()
    entries = told.bodies[-1]["entry"]
    assert [len(entry["changes"][0]["value"]["messages"]) for entry in entries] == [2, 1]
    assert len(told.messages()) == 4


async def test_a_burst_that_was_refused_comes_again_in_order(rig: Rig, maya: Phone) -> None:
    await rig.told()
    rig.stand_in.troubles.switch(Trouble.BATCHES)
    rig.listener.answer = lambda number: 500 if number < 4 else 200
    hugo = rig.stand_in.customer("Hugo", "491517654321")
    for n in range(3):
        maya.say(str(n))
        hugo.say(str(n))
    messages = (await rig.told()).messages()[1:]
    for phone in (maya, hugo):
        assert [each["text"]["body"] for each in messages if each["from"] == phone.wa_id] == ["0", "1", "2"]


async def test_receipts_come_in_the_wrong_order(rig: Rig, maya: Phone) -> None:
    rig.stand_in.troubles.switch(Trouble.RECEIPTS_SHUFFLED)
    await rig.text(maya)
    assert [each["status"] for each in (await rig.told()).statuses()] == ["delivered", "sent"]
    assert maya.chat[-1].tick is Tick.DELIVERED


async def test_a_webhook_comes_twice(rig: Rig, maya: Phone) -> None:
    await rig.told()
    rig.faults.add("*", Mischief.DUPLICATE, pattern="text", count=1, seconds=0.01)
    message = maya.say("Once")
    assert [each["id"] for each in (await rig.told()).messages()[1:]] == [message.id] * 2


async def test_webhooks_are_tried_again_until_they_are_taken_in_order(rig: Rig, maya: Phone) -> None:
    await rig.told()
    rig.listener.answer = lambda number: 500 if number < 3 else 200
    maya.say("first")
    maya.say("second")
    told = await rig.told()
    assert [each["text"]["body"] for each in told.messages()[1:]] == ["first", "second"]


async def test_webhooks_are_given_up_after_the_last_try(rig: Rig, maya: Phone) -> None:
    await rig.told()
    rig.listener.answer = lambda _: 503
    maya.say("To nobody")
    await rig.told()
    assert (rig.stand_in.undelivered, rig.listener.posts, maya.chat[-1].tick) == (1, 6, Tick.SENT)


async def test_a_callback_url_must_answer_the_challenge(rig: Rig) -> None:
    await rig.stand_in.configure(rig.hook_url)
    rig.listener.verify_token = "another"
    with pytest.raises(CommandError):
        await rig.stand_in.configure(rig.hook_url)
    body = {"override_callback_uri": rig.hook_url, "verify_token": "another"}
    assert await rig.call("POST", "102290129340398/subscribed_apps", body) == (200, {"success": True})
    status, answer = await rig.call(
        "POST", "102290129340398/subscribed_apps", {**body, "verify_token": "wrong"}
    )
    assert (status, answer["error"]["code"]) == (400, 2200)


async def test_an_app_that_is_not_subscribed_is_told_nothing(rig: Rig, maya: Phone) -> None:
    await rig.told()
    await rig.call("DELETE", "102290129340398/subscribed_apps")
    maya.say("Unheard")
    assert len((await rig.told()).messages()) == 1
    assert await rig.call("GET", "102290129340398/subscribed_apps") == (200, {"data": []})


async def test_events_while_nobody_listens_wait(rig: Rig) -> None:
    rig.stand_in.point_at("")
    rig.stand_in.customer("Maya", "491511234567").say("Anybody there?")
    assert rig.stand_in.pending() == 1
    rig.stand_in.point_at(rig.hook_url)
    assert len((await rig.told()).messages()) == 1


async def test_an_address_that_changes_at_once_loses_nothing(rig: Rig, maya: Phone) -> None:
    await rig.told()
    maya.say("first")
    rig.stand_in.point_at("")
    maya.say("second")
    rig.stand_in.point_at(rig.hook_url)
    messages = (await rig.told()).messages()[1:]
    assert [each["text"]["body"] for each in messages] == ["first", "second"]


async def test_an_error_of_the_account_itself_is_told(rig: Rig) -> None:
    rig.stand_in.report(130429)
    (value,) = (await rig.told()).values()
    assert value["errors"][0]["code"] == 130429
