"""Messages of the product, and what the phone shows of them."""

from typing import Any

import pytest

from connectors.sandbox.whatsapp import Phone, Tick
from tests.sandbox.whatsapp.conftest import PNG, Rig


def buttons(*titles: str, body: str = "Which one?") -> dict[str, Any]:
    made = [{"type": "reply", "reply": {"id": f"b{at}", "title": title}} for at, title in enumerate(titles)]
    return {"type": "button", "body": {"text": body}, "action": {"buttons": made}}


def rows(count: int, title: str = "Row", description: str = "") -> dict[str, Any]:
    made = [{"id": f"r{at}", "title": f"{title} {at}", "description": description} for at in range(count)]
    return {
        "type": "list",
        "body": {"text": "Choose"},
        "action": {"button": "Open", "sections": [{"title": "All", "rows": made}]},
    }


async def test_a_text_reaches_the_phone_with_two_ticks(rig: Rig, maya: Phone) -> None:
    status, answer = await rig.send("+49 151 1234567", text={"body": "Good morning"})
    [contact] = answer["contacts"]
    assert (status, contact["input"], contact["wa_id"]) == (200, "+49 151 1234567", "491511234567")
    shown = maya.chat[-1]
    assert (shown.text, shown.from_business, shown.tick) == ("Good morning", True, Tick.DELIVERED)
    told = await rig.told()
    assert [each["status"] for each in told.statuses()] == ["sent", "delivered"]
    assert {each["id"] for each in told.statuses()} == {shown.id}


async def test_a_contextual_reply_quotes_the_customer(rig: Rig, maya: Phone) -> None:
    asked = maya.chat[-1]
    await rig.send(maya, text={"body": "Yes"}, context={"message_id": asked.id})
    assert maya.chat[-1].reply_to == asked.id


async def test_a_picture_is_uploaded_and_seen(rig: Rig, maya: Phone) -> None:
    status, uploaded = await rig.upload()
    assert status == 200
    await rig.send(maya, "image", image={"id": uploaded["id"], "caption": "Here"})
    shown = maya.chat[-1]
    assert (shown.kind, shown.text, maya.file(shown)) == ("image", "Here", PNG)


async def test_location_and_contact_reach_the_phone(rig: Rig, maya: Phone) -> None:
    await rig.send(maya, "location", location={"latitude": "52.5", "longitude": 13.4, "name": "Office"})
    card = {"name": {"formatted_name": "Hugo", "first_name": "Hugo"}, "phones": [{"phone": "+1 555"}]}
    await rig.send(maya, "contacts", contacts=[card])
    place, contact = maya.chat[-2:]
    assert place.content == {"latitude": "52.5", "longitude": 13.4, "name": "Office"}
    assert contact.contacts == (card,)


async def test_a_reaction_is_put_and_taken_away(rig: Rig, maya: Phone) -> None:
    asked = maya.chat[-1].id
    await rig.send(maya, "reaction", reaction={"message_id": asked, "emoji": "👍"})
    assert maya.message(asked).reactions == (("business", "👍"),)
    await rig.send(maya, "reaction", reaction={"message_id": asked, "emoji": ""})
    assert maya.message(asked).reactions == ()


async def test_a_tap_and_a_chosen_row_come_back(rig: Rig, maya: Phone) -> None:
    await rig.send(maya, "interactive", interactive=buttons("Yes", "No"))
    asked = maya.chat[-1]
    maya.tap(asked, 1)
    await rig.send(maya, "interactive", interactive=rows(2, description="More"))
    maya.choose(maya.chat[-1], "Row 1")
    tap, row = (await rig.told()).messages()[1:]
    assert tap["interactive"] == {"type": "button_reply", "button_reply": {"id": "b1", "title": "No"}}
    assert tap["context"] == {"from": "15550783881", "id": asked.id}
    assert row["interactive"]["list_reply"] == {"id": "r1", "title": "Row 1", "description": "More"}


async def test_a_quick_reply_of_a_template_comes_back_as_a_button(rig: Rig, maya: Phone) -> None:
    template = {
        "name": "case_update",
        "language": {"code": "en_US"},
        "components": [
            {"type": "body", "parameters": [{"type": "text", "text": word} for word in ("Maya", "paid")]},
            {
                "type": "button",
                "sub_type": "quick_reply",
                "index": "0",
                "parameters": [{"type": "payload", "payload": "case-7"}],
            },
        ],
    }
    status, answer = await rig.send(maya, "template", template=template)
    assert (status, answer["messages"][0]["message_status"]) == (200, "accepted")
    assert maya.chat[-1].text == "Hello Maya, there is news on your request: paid"
    maya.tap(maya.chat[-1], "Tell me")
    assert (await rig.told()).messages()[-1]["button"] == {"payload": "case-7", "text": "Tell me"}


async def test_a_read_mark_turns_the_ticks_blue_and_shows_the_typing(rig: Rig, maya: Phone) -> None:
    asked = maya.chat[-1].id
    body = {"messaging_product": "whatsapp", "status": "read", "message_id": asked}
    path = "106540352242922/messages"
    status, answer = await rig.call("POST", path, {**body, "typing_indicator": {"type": "text"}})
    assert (status, answer) == (200, {"success": True})
    assert maya.message(asked).tick is Tick.READ
    assert maya.typing
    await rig.text(maya)
    assert not maya.typing


@pytest.mark.parametrize(
    ("interactive", "problem"),
    [
        (buttons("a", "b", "c", "d"), "Invalid buttons count"),
        (buttons(), "Invalid buttons count"),
        (buttons("x" * 21), "Button title length invalid. Min length: 1, Max length: 20"),
        (buttons("a", "a"), "Duplicate button title"),
        (buttons("a", body="x" * 1025), "Body text length invalid. Min length: 1, Max length: 1024"),
        (rows(11), "Total row count exceed max allowed count: 10"),
        (rows(1, title="x" * 23), "Row title length invalid. Min length: 1, Max length: 24"),
        (rows(1, description="x" * 73), "Row description length invalid"),
        ({"type": "riddle"}, "'riddle' is not valid"),
    ],
)
async def test_a_message_that_does_not_fit_on_the_phone_is_refused(
    rig: Rig, maya: Phone, interactive: dict[str, Any], problem: str
) -> None:
    code, details = await rig.refused(maya, "interactive", interactive=interactive)
    assert code == 131009
    assert problem in details


async def test_a_message_that_just_fits_is_taken(rig: Rig, maya: Phone) -> None:
    status, _ = await rig.send(maya, "interactive", interactive=buttons("x" * 20, "y", "z", body="x" * 1024))
    assert status == 200
    status, _ = await rig.send(
        maya, "interactive", interactive=rows(10, title="x" * 22, description="x" * 72)
    )
    assert status == 200
    status, _ = await rig.send(maya, text={"body": "x" * 4096})
    assert status == 200


@pytest.mark.parametrize(
    ("kind", "content", "code"),
    [
        ("text", {"text": {"body": "x" * 4097}}, 100),
        ("text", {"text": {"body": ""}}, 100),
        ("text", {}, 131008),
        ("order", {"order": {}}, 131051),
        ("carrier_pigeon", {}, 100),
        ("image", {"image": {"id": "12345"}}, 100),
        ("image", {"image": {}}, 131008),
        ("image", {"image": {"id": "1", "link": "https://a.example/b"}}, 100),
        ("audio", {"audio": {"id": "1", "caption": "no"}}, 100),
        ("location", {"location": {"latitude": 1}}, 131008),
        ("location", {"location": {"latitude": 91, "longitude": 1}}, 131009),
        ("contacts", {"contacts": [{"name": {"formatted_name": "x"}}]}, 131009),
        ("template", {"template": {"name": "nobody", "language": {"code": "en_US"}}}, 132001),
        ("template", {"template": {"name": "case_update", "language": {"code": "en_US"}}}, 132000),
        ("template", {"template": {"name": "case_update", "language": {"code": "fr"}}}, 132001),
        ("text", {"text": {"body": "x"}, "to": "15550783881"}, 131021),
        ("text", {"text": {"body": "x"}, "to": ""}, 100),
        ("text", {"text": {"body": "x"}, "messaging_product": "sms"}, 100),
    ],
)
async def test_a_wrong_call_meets_its_code(
    rig: Rig, maya: Phone, kind: str, content: dict[str, Any], code: int
) -> None:
    body = {"messaging_product": "whatsapp", "to": maya.wa_id, "type": kind, **content}
    status, answer = await rig.call("POST", "106540352242922/messages", body)
    assert status >= 400
    assert answer["error"]["code"] == code
    assert answer["error"]["fbtrace_id"]


async def test_a_template_with_a_line_break_in_a_parameter_is_refused(rig: Rig, maya: Phone) -> None:
    words = [{"type": "text", "text": "Maya"}, {"type": "text", "text": "one\ntwo"}]
    template = {
        "name": "case_update",
        "language": {"code": "de"},
        "components": [{"type": "body", "parameters": words}],
    }
    code, _ = await rig.refused(maya, "template", template=template)
    assert code == 132012


async def test_a_link_is_fetched_after_the_answer(rig: Rig, maya: Phone) -> None:
    _, uploaded = await rig.upload()
    link = await _download_url(rig, uploaded["id"])
    link += f"&access_token={rig.stand_in.token}"
    status, _ = await rig.send(maya, "image", image={"link": link})
    assert status == 200
    await rig.told()
    assert maya.file(maya.chat[-1]) == PNG


async def test_a_link_to_a_page_fails_later_with_the_reason(rig: Rig, maya: Phone) -> None:
    status, answer = await rig.send(maya, "video", video={"link": rig.url("nothing")})
    assert status == 200
    failed = (await rig.told()).statuses()[-1]
    assert (failed["id"], failed["status"]) == (answer["messages"][0]["id"], "failed")
    assert failed["errors"][0]["code"] == 131053
    assert maya.chat[-1].text == "Hello?"


async def _download_url(rig: Rig, media_id: str) -> str:
    _, answer = await rig.call("GET", media_id)
    return str(answer["url"])
