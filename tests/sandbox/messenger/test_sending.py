"""Messages of the product, and what the phone shows of them."""

from typing import Any

import pytest

from connectors.sandbox.messenger import Phone, Tick
from tests.sandbox.messenger.conftest import PNG, Rig


def quick(count: int, title: str = "Reply") -> dict[str, Any]:
    replies = [{"content_type": "text", "title": f"{title} {at}", "payload": f"p{at}"} for at in range(count)]
    return {"text": "Which one?", "quick_replies": replies}


def buttons(count: int, text: str = "What next?", title: str = "Do") -> dict[str, Any]:
    made = [{"type": "postback", "title": f"{title} {at}", "payload": f"b{at}"} for at in range(count)]
    payload = {"template_type": "button", "text": text, "buttons": made}
    return {"attachment": {"type": "template", "payload": payload}}


async def test_a_text_reaches_the_phone_and_is_echoed_and_receipted(rig: Rig, maya: Phone) -> None:
    mid = await rig.text(maya, "Good morning", message_metadata="x")
    shown = maya.chat[-1]
    assert (shown.id, shown.text, shown.from_page, shown.tick) == (mid, "Good morning", True, Tick.DELIVERED)
    (delivery,) = await rig.told_of("delivery")
    assert (delivery["mids"], delivery["watermark"]) == ([mid], shown.at)
    echo = (await rig.told_of("message"))[-1]
    assert (echo["is_echo"], echo["mid"], echo["text"]) == (True, mid, "Good morning")


async def test_a_quick_reply_comes_back_with_its_payload_and_is_gone(rig: Rig, maya: Phone) -> None:
    await rig.send(maya, quick(2))
    asked = maya.chat[-1]
    maya.choose(asked, "Reply 1")
    told = (await rig.told_of("message"))[-1]
    assert (told["text"], told["quick_reply"]) == ("Reply 1", {"payload": "p1"})
    with pytest.raises(Exception, match="gone"):
        maya.choose(asked, 0)


async def test_a_button_comes_back_as_a_postback(rig: Rig, maya: Phone) -> None:
    await rig.send(maya, buttons(3))
    asked = maya.chat[-1]
    maya.tap(asked, 2)
    tapped = maya.chat[-1]
    assert tapped.text == "Do 2"
    assert await rig.told_of("postback") == [{"mid": tapped.id, "title": "Do 2", "payload": "b2"}]


async def test_a_file_goes_out_by_form_by_link_and_again_by_its_id(rig: Rig, maya: Phone) -> None:
    attachment = {"type": "image", "payload": {"is_reusable": True}}
    status, answer = await rig.form(
        "me/messages", recipient={"id": maya.psid}, message={"attachment": attachment}
    )
    assert status == 200
    again = {"attachment": {"type": "image", "payload": {"attachment_id": answer["attachment_id"]}}}
    assert (await rig.send(maya, again))[0] == 200
    link = (await rig.told_of("message"))[-1]["attachments"][0]["payload"]["url"]
    by_link = {"attachment": {"type": "image", "payload": {"url": link}}}
    assert (await rig.send(maya, by_link))[0] == 200
    assert [maya.file(message) for message in maya.chat[1:]] == [PNG] * 3


async def test_an_attachment_is_uploaded_first_and_used_later(rig: Rig, maya: Phone) -> None:
    message = {"attachment": {"type": "image", "payload": {"is_reusable": True}}}
    status, answer = await rig.form(f"{rig.stand_in.page_id}/message_attachments", message=message)
    assert (status, set(answer)) == (200, {"attachment_id"})


async def test_typing_is_seen_until_the_message_comes(rig: Rig, maya: Phone) -> None:
    assert await rig.send(maya, sender_action="typing_on") == (200, {"recipient_id": maya.psid})
    assert maya.typing
    await rig.text(maya)
    assert not maya.typing
    await rig.send(maya, sender_action="mark_seen")
    assert maya.chat[0].tick is Tick.READ


async def test_a_message_that_just_fits_is_taken(rig: Rig, maya: Phone) -> None:
    for message in ({"text": "x" * 2000}, quick(13), buttons(3, text="x" * 640, title="x" * 18)):
        assert (await rig.send(maya, message))[0] == 200


@pytest.mark.parametrize(
    ("message", "subcode"),
    [
        ({"text": "x" * 2001}, None),
        ({"text": ""}, 2018034),
        ({"text": "x", "attachment": {"type": "image", "payload": {"attachment_id": "1"}}}, None),
        (quick(14), None),
        (quick(1, title="x" * 20), None),
        (buttons(4), None),
        (buttons(0), None),
        (buttons(1, text="x" * 641), None),
        (buttons(1, title="x" * 20), None),
        ({"attachment": {"type": "sticker", "payload": {}}}, None),
        ({"attachment": {"type": "image", "payload": {"attachment_id": "1"}}}, 2018074),
        ({"attachment": {"type": "image", "payload": {"url": "http://127.0.0.1:1/x.png"}}}, 2018008),
    ],
)
async def test_a_message_that_does_not_fit_is_refused(
    rig: Rig, maya: Phone, message: dict[str, Any], subcode: int | None
) -> None:
    assert await rig.refused(maya, message) == (100, subcode)
    assert len(maya.chat) == 1


async def test_a_file_of_another_kind_is_refused(rig: Rig, maya: Phone) -> None:
    message = {"attachment": {"type": "video", "payload": {}}}
    status, answer = await rig.form("me/messages", recipient={"id": maya.psid}, message=message)
    assert (status, answer["error"]["error_subcode"]) == (400, 2018047)


async def test_more_than_25_megabytes_are_refused(rig: Rig, maya: Phone) -> None:
    message = {"attachment": {"type": "file", "payload": {}}}
    body = {"recipient": {"id": maya.psid}, "message": message}
    status, answer = await rig.form("me/messages", b"x" * (25 * 1024 * 1024 + 1), "text/plain", **body)
    assert (status, answer["error"]["error_subcode"]) == (400, 2018109)


async def test_strangers_and_those_who_left_cannot_be_reached(rig: Rig, maya: Phone) -> None:
    assert await rig.refused("1", {"text": "x"}) == (100, 2018001)
    maya.block()
    assert await rig.refused(maya, {"text": "x"}) == (551, 1545041)
    maya.leave()
    assert await rig.refused(maya, {"text": "x"}) == (100, 2018001)


async def test_the_page_and_a_profile_can_be_asked(rig: Rig, maya: Phone) -> None:
    assert await rig.call("GET", "me") == (200, {"id": rig.stand_in.page_id, "name": "Sandbox"})
    status, profile = await rig.call("GET", maya.psid, fields="first_name,last_name")
    assert (status, profile) == (200, {"id": maya.psid, "first_name": "Maya", "last_name": "Fischer"})
