"""Deeds of people on WhatsApp, and what the product is told of them."""

import base64
import hashlib
from datetime import timedelta

import aiohttp
import pytest

from bot.core.errors import CommandError
from connectors.sandbox.whatsapp import Phone, Tick, Trouble, WhatsAppStandIn
from tests.sandbox.whatsapp.conftest import NOON, PNG, Rig


async def test_a_message_has_its_sender_and_both_ticks_when_it_was_taken(rig: Rig, maya: Phone) -> None:
    (value,) = (await rig.told()).values()
    assert value["metadata"] == {"display_phone_number": "15550783881", "phone_number_id": "106540352242922"}
    (contact,) = value["contacts"]
    (message,) = value["messages"]
    user_id, parent = contact.pop("user_id"), contact.pop("parent_user_id")
    assert parent.startswith("DE.ENT.")
    assert contact == {"profile": {"name": "Maya Fischer"}, "wa_id": "491511234567"}
    assert user_id.startswith("DE.")
    assert message["from_user_id"] == user_id
    assert (message["from"], message["text"]) == ("491511234567", {"body": "Hello?"})
    assert message["timestamp"] == str(int(NOON.timestamp()))
    assert maya.chat[0].tick is Tick.DELIVERED


async def test_a_late_message_carries_the_time_it_was_written(rig: Rig, maya: Phone) -> None:
    maya.say("From the tunnel", written=timedelta(hours=3))
    late = (await rig.told()).messages()[-1]
    assert int(late["timestamp"]) == int((NOON - timedelta(hours=3)).timestamp())


async def test_media_can_be_downloaded_with_the_token_and_have_the_hash_that_was_told(
    rig: Rig, maya: Phone
) -> None:
    maya.send_media(PNG, "image/png", caption="Broken", name="a.png")
    image = (await rig.told()).messages()[-1]["image"]
    assert image["sha256"] == base64.b64encode(hashlib.sha256(PNG).digest()).decode()
    status, about = await rig.call("GET", image["id"])
    assert (status, about["sha256"], about["file_size"]) == (200, hashlib.sha256(PNG).hexdigest(), len(PNG))
    assert await fetched(rig, about["url"]) == (200, PNG)
    assert (await fetched(rig, about["url"], token="wrong"))[0] == 401


async def test_a_download_url_lives_five_minutes_and_media_a_month(rig: Rig, maya: Phone) -> None:
    media_id = await uploaded(rig)
    _, about = await rig.call("GET", media_id)
    rig.stand_in.clock.move(timedelta(minutes=6))
    assert (await fetched(rig, about["url"]))[0] == 404
    assert (await rig.call("GET", media_id))[0] == 200
    rig.stand_in.clock.move(timedelta(days=31))
    status, answer = await rig.call("GET", media_id)
    assert (status, answer["error"]["code"], answer["error"]["error_subcode"]) == (400, 100, 33)


async def test_spoiled_media_do_not_match_their_hash(rig: Rig, maya: Phone) -> None:
    media_id = await uploaded(rig)
    _, about = await rig.call("GET", media_id)
    rig.stand_in.troubles.switch(Trouble.HASH_MISMATCH, times=1)
    _, content = await fetched(rig, about["url"])
    assert hashlib.sha256(content).hexdigest() != about["sha256"]
    assert await fetched(rig, about["url"]) == (200, PNG)


async def test_expired_media_are_known_no_more(rig: Rig, maya: Phone) -> None:
    media_id = await uploaded(rig)
    rig.stand_in.troubles.switch(Trouble.MEDIA_EXPIRED)
    assert (await rig.call("GET", media_id))[0] == 400


@pytest.mark.parametrize(
    ("content", "mime", "code"), [(PNG, "application/x-sh", 100), (b"x" * 5_242_881, "image/png", 131053)]
)
async def test_a_file_that_the_platform_does_not_keep_cannot_be_uploaded(
    rig: Rig, content: bytes, mime: str, code: int
) -> None:
    status, answer = await rig.upload(content, mime)
    assert (status, answer["error"]["code"]) == (400, code)


async def test_a_changed_number_is_told_under_the_old_one(rig: Rig, maya: Phone) -> None:
    maya.change_number("+1 219 555 5358")
    told = (await rig.told()).values()[-1]
    assert "contacts" not in told
    (system,) = told["messages"]
    assert system["from"] == "491511234567"
    ids = [system["system"].pop(name) for name in ("previous_user_id", "user_id")]
    assert len(set(ids)) == 2
    assert system["system"] == {
        "body": "User Maya Fischer changed from 491511234567 to 12195555358",
        "wa_id": "12195555358",
        "type": "user_changed_number",
    }
    await rig.text("12195555358", "There you are")
    assert maya.chat[-1].text == "There you are"
    await rig.text("491511234567", "Anybody?")
    assert (await rig.told()).statuses()[-1]["errors"][0]["code"] == 131026


async def test_a_customer_with_a_username_is_named_and_written_to_by_an_id(rig: Rig, maya: Phone) -> None:
    maya.take_username("maya.f")
    maya.say("Who am I?")
    told = (await rig.told()).values()[-1]
    [contact], [message] = told["contacts"], told["messages"]
    assert contact == {
        "profile": {"name": "Maya Fischer", "username": "maya.f"},
        "user_id": contact["user_id"],
        "parent_user_id": contact["user_id"].replace("DE.", "DE.ENT."),
    }
    assert ("from" in message, message["from_user_id"]) == (False, contact["user_id"])
    body = {"messaging_product": "whatsapp", "recipient": contact["user_id"], "text": {"body": "Maya"}}
    status, answer = await rig.call("POST", "106540352242922/messages", {**body, "type": "text"})
    assert (status, answer["contacts"]) == (
        200,
        [{"input": contact["user_id"], "user_id": contact["user_id"]}],
    )
    assert maya.chat[-1].text == "Maya"
    status = (await rig.told()).statuses()[-1]
    assert ("recipient_id" in status, status["recipient_user_id"]) == (False, contact["user_id"])
    maya.change_number("+1 219 555 5358")
    [system] = (await rig.told()).messages()[-1:]
    assert system["system"]["type"] == "user_changed_user_id"
    assert system["system"]["previous_user_id"] == contact["user_id"]
    assert not {"from", "wa_id"} & {*system, *system["system"]}


async def test_an_id_as_a_number_reaches_nobody(rig: Rig, maya: Phone) -> None:
    user_id = (await rig.told()).messages()[0]["from_user_id"]
    await rig.text(user_id[:15], "Lost")
    assert (await rig.told()).statuses()[-1]["errors"][0]["code"] == 131026


async def test_reactions_places_contacts_and_orders_are_told(rig: Rig, maya: Phone) -> None:
    wamid = await rig.text(maya)
    maya.react(wamid, "🎉")
    maya.react(wamid, "")
    maya.location(52.5, 13.4, name="Home")
    maya.contact("Hugo Klein", "+49 30 1234")
    maya.order([{"product_retailer_id": "a", "quantity": 2, "item_price": 30, "currency": "EUR"}])
    put, taken, place, contact, order = (await rig.told()).messages()[1:]
    assert put["reaction"] == {"message_id": wamid, "emoji": "🎉"}
    assert taken["reaction"] == {"message_id": wamid}
    assert place["location"] == {"latitude": 52.5, "longitude": 13.4, "name": "Home"}
    assert contact["contacts"][0]["phones"][0]["wa_id"] == "49301234"
    assert order["order"]["product_items"][0]["quantity"] == 2


async def test_a_deleted_message_is_told_with_its_id(rig: Rig, maya: Phone) -> None:
    oops = maya.say("Oops")
    maya.delete(oops)
    *said, told = (await rig.told()).messages()
    assert [each["type"] for each in said] == ["text", "text"]
    assert (told["type"], told["revoke"]) == ("revoke", {"original_message_id": oops.id})
    assert [each.text for each in maya.chat] == ["Hello?"]


async def test_a_phone_that_is_off_gets_the_second_tick_later(rig: Rig, maya: Phone) -> None:
    maya.go_offline()
    await rig.text(maya, "Later")
    assert maya.chat[-1].text == "Hello?"
    maya.go_online()
    assert maya.chat[-1].text == "Later"
    maya.read()
    assert [each["status"] for each in (await rig.told()).statuses()] == ["sent", "delivered", "read"]


async def test_reads_can_be_kept_to_oneself(rig: Rig, maya: Phone) -> None:
    maya.hide_reads()
    await rig.text(maya)
    maya.read()
    assert (await rig.told()).statuses()[-1]["status"] == "delivered"
    assert maya.chat[-1].tick is Tick.READ


async def test_a_customer_who_has_blocked_the_business_never_gets_the_message(rig: Rig, maya: Phone) -> None:
    maya.block()
    await rig.text(maya)
    assert [each["status"] for each in (await rig.told()).statuses()] == ["sent"]
    with pytest.raises(CommandError):
        maya.say("I changed my mind")


async def test_a_stand_in_goes_on_where_it_was(rig: Rig, maya: Phone) -> None:
    maya.send_media(PNG, "image/png")
    await rig.text(maya, "Welcome back")
    rig.stand_in.clock.move(timedelta(hours=2))
    again = WhatsAppStandIn(clock=lambda: NOON)
    again.restore(rig.stand_in.snapshot())
    phone = again.phone(maya.wa_id)
    assert phone is not None
    assert phone.chat == maya.chat
    assert phone.file(phone.chat[1]) == PNG
    assert again.window(phone) == rig.stand_in.window(maya)


async def uploaded(rig: Rig) -> str:
    status, answer = await rig.upload()
    assert status == 200
    return str(answer["id"])


async def fetched(rig: Rig, url: str, token: str | None = None) -> tuple[int, bytes]:
    headers = {"Authorization": f"Bearer {rig.stand_in.token if token is None else token}"}
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
        return answer.status, await answer.read()


async def test_a_call_that_nobody_takes_is_told_twice_and_opens_the_window(rig: Rig, maya: Phone) -> None:
    rig.stand_in.clock.moved += timedelta(hours=25)
    assert rig.stand_in.window(maya) <= timedelta()
    maya.call()
    assert rig.stand_in.window(maya) == timedelta(hours=24)
    calls = [call for value in (await rig.told()).values() for call in value.get("calls", [])]
    assert [call["event"] for call in calls] == ["connect", "terminate"]
    assert calls[-1]["status"] == "FAILED"
    assert {call["direction"] for call in calls} == {"USER_INITIATED"}
    assert len({call["id"] for call in calls}) == 1


async def test_a_call_that_was_taken_tells_its_length(rig: Rig, maya: Phone) -> None:
    maya.take_username("maya")
    maya.call(answered=20)
    [_, ended] = [call for value in (await rig.told()).values() for call in value.get("calls", [])]
    assert (ended["status"], ended["duration"]) == ("COMPLETED", 20)
    assert "from" not in ended
    assert ended["from_user_id"].startswith("DE.")
    assert ended["from_parent_user_id"].startswith("DE.ENT.")


async def test_the_product_stands_by_while_another_app_controls_the_chat(rig: Rig, maya: Phone) -> None:
    rig.stand_in.hand_over(maya, elsewhere=True)
    rig.stand_in.hand_over(maya, elsewhere=True)  # which is so already
    maya.say("Hello, robot")
    await rig.text(maya, "It is us again")  # whatever is sent takes the word
    maya.say("Hello, people")
    told = await rig.told()
    fields = [c["field"] for body in told.bodies for entry in body["entry"] for c in entry["changes"]]
    assert fields.count("messaging_handovers") == 1
    heard = [m["text"]["body"] for v in told.values() for m in v.get("standby", {}).get("messages", [])]
    assert heard == ["Hello, robot"]
    assert told.messages()[-1]["text"]["body"] == "Hello, people"


async def test_the_number_is_given_by_the_button_that_asks_for_it(rig: Rig, maya: Phone) -> None:
    maya.take_username("maya")
    asks = {"type": "request_contact_info", "body": {"text": "Your number?"}}
    code, why = await rig.refused(maya, "interactive", interactive={**asks, "action": {"name": "x"}})
    assert (code, "request_contact_info" in why) == (131009, True)
    await rig.send(maya, "interactive", interactive={**asks, "action": {"name": "request_contact_info"}})
    maya.share_number(maya.chat[-1])
    [card] = (await rig.told()).messages()[-1]["contacts"]
    assert (card["origin"], card["phones"][0]["wa_id"]) == ("contact_request", maya.wa_id)
    with pytest.raises(CommandError, match="asks for no contact info"):
        maya.share_number(maya.say("Hello"))


async def test_every_message_that_arrives_is_charged_by_its_category(rig: Rig, maya: Phone) -> None:
    await rig.text(maya, "One")
    maya.go_offline()
    await rig.text(maya, "Two")
    assert rig.stand_in.bill() == {"service": 1}
    maya.go_online()
    assert rig.stand_in.bill() == {"service": 2}
    priced = [status["pricing"] for status in (await rig.told()).statuses()]
    assert {(p["billable"], p["category"], p["type"]) for p in priced} == {(True, "service", "regular")}
