"""The wire: answers and posts of the stand-in are held against the published description of the Bot API."""

import json

import aiohttp
import pytest

from connectors.sandbox.telegram import TelegramStandIn
from tests.sandbox.telegram.conftest import Rig
from tests.sandbox.telegram.wire_shapes import WireShapes, load_shapes

KEYBOARD = {
    "inline_keyboard": [[{"text": "Yes", "callback_data": "y"}, {"text": "Site", "url": "https://a.example"}]]
}


@pytest.fixture(scope="module")
def shapes() -> WireShapes:
    return load_shapes()


async def _call(rig: Rig, method: str, **body: object) -> dict[str, object]:
    async with aiohttp.ClientSession() as session, session.post(f"{rig.api}/{method}", json=body) as response:
        answer = await response.json()
        assert response.status == answer.get("error_code", 200)
        assert isinstance(answer, dict)
        return answer


async def test_results_have_the_published_shape(rig: Rig, shapes: WireShapes) -> None:
    maya = rig.stand_in.user("Maya Fischer")
    asked = rig.stand_in.say(maya, "Hello https://a.example")
    photo = rig.stand_in.send_media(maya, "photo", b"x", caption="look")
    chat = {"chat_id": maya.id}
    first = await _call(rig, "sendMessage", **chat, text="hi", reply_markup=KEYBOARD)
    assert isinstance(first["result"], dict)
    number = first["result"]["message_id"]
    query = rig.stand_in.tap(maya, number, 0)
    calls: list[tuple[str, dict[str, object]]] = [
        ("getMe", {}),
        ("getUpdates", {}),
        (
            "sendMessage",
            {**chat, "text": "<b>x</b>", "parse_mode": "HTML", "reply_parameters": {"message_id": number}},
        ),
        ("sendPhoto", {**chat, "photo": photo.file_id, "caption": "again"}),
        ("sendDocument", {**chat, "document": photo.file_id}),
        ("sendVoice", {**chat, "voice": photo.file_id}),
        ("sendVideo", {**chat, "video": photo.file_id}),
        ("sendAudio", {**chat, "audio": photo.file_id}),
        ("sendSticker", {**chat, "sticker": photo.file_id}),
        ("sendAnimation", {**chat, "animation": photo.file_id}),
        ("sendVideoNote", {**chat, "video_note": photo.file_id}),
        ("sendLocation", {**chat, "latitude": 52.5, "longitude": 13.4}),
        ("sendContact", {**chat, "phone_number": "+49123", "first_name": "Kim"}),
        ("sendMediaGroup", {**chat, "media": [{"type": "photo", "media": photo.file_id}] * 2}),
        ("copyMessage", {**chat, "from_chat_id": maya.id, "message_id": photo.message_id}),
        ("editMessageText", {**chat, "message_id": number, "text": "new"}),
        ("editMessageReplyMarkup", {**chat, "message_id": number, "reply_markup": KEYBOARD}),
        (
            "setMessageReaction",
            {**chat, "message_id": asked.message_id, "reaction": [{"type": "emoji", "emoji": "👍"}]},
        ),
        ("sendChatAction", {**chat, "action": "typing"}),
        ("answerCallbackQuery", {"callback_query_id": query}),
        ("getFile", {"file_id": photo.file_id}),
        ("getChat", chat),
        ("setMyCommands", {"commands": [{"command": "a", "description": "b"}]}),
        ("getMyCommands", {}),
        ("getWebhookInfo", {}),
        ("deleteMessage", {**chat, "message_id": number}),
        ("deleteMessages", {**chat, "message_ids": [number]}),
        ("deleteWebhook", {}),
    ]
    for method, body in calls:
        answer = await _call(rig, method, **body)
        assert answer["ok"] is True, (method, answer)
        assert shapes.result_problems(method, answer["result"]) == []


async def test_updates_have_the_published_shape(rig: Rig, shapes: WireShapes) -> None:
    person = rig.stand_in
    maya = person.user("Maya Fischer")
    await _call(
        rig,
        "getUpdates",
        allowed_updates=["message", "edited_message", "callback_query", "my_chat_member", "message_reaction"],
    )
    said = person.say(maya, "/start a")
    person.edit(maya, said.message_id, "b")
    for kind in ("photo", "document", "voice", "video", "audio", "sticker", "animation", "video_note"):
        person.send_media(maya, kind, b"x", caption="c", reply_to=said.message_id)
    person.send_media(maya, "location", details={"latitude": 1.5, "longitude": 2.0})
    person.send_media(maya, "contact", details={"phone_number": "+1", "first_name": "K"})
    answer = await _call(rig, "sendMessage", chat_id=maya.id, text="?", reply_markup=KEYBOARD)
    assert isinstance(answer["result"], dict)
    person.tap(maya, answer["result"]["message_id"], "Yes")
    person.react(maya, said.message_id, "👍")
    person.block(maya)
    person.unblock(maya)
    updates = (await _call(rig, "getUpdates"))["result"]
    assert shapes.problems(updates, "Array of Update") == []
    assert isinstance(updates, list)
    assert len(updates) == 16


async def test_errors_have_the_published_shape(rig: Rig) -> None:
    refused = await _call(rig, "sendMessage", chat_id=1, text="x")
    assert refused == {"ok": False, "error_code": 400, "description": "Bad Request: chat not found"}


@pytest.mark.long
@pytest.mark.parametrize("form", ["json", "data", "params", "multipart"])
async def test_parameters_come_in_every_form(rig: Rig, form: str) -> None:
    maya = rig.stand_in.user("Maya")
    rig.stand_in.say(maya, "hi")
    fields = {"chat_id": str(maya.id), "text": "hello & good-bye"}
    async with aiohttp.ClientSession() as session:
        url = f"{rig.api}/SENDMESSAGE"
        if form == "multipart":
            parts = aiohttp.FormData(fields, default_to_multipart=True)
            response = await session.post(url, data=parts)
        else:
            send = session.get if form == "params" else session.post
            response = await send(url, **{form: fields})  # type: ignore[arg-type]
        assert (await response.json())["result"]["text"] == "hello & good-bye"


@pytest.mark.long
@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff\xfe", b'{"chat_id": {}}', b'{"text": 5}'])
async def test_a_body_that_makes_no_sense_is_a_400(rig: Rig, body: bytes) -> None:
    async with aiohttp.ClientSession(headers={"Content-Type": "application/json"}) as session:
        response = await session.post(f"{rig.api}/sendMessage", data=body)
        assert response.status == 400
        assert json.loads(await response.read())["ok"] is False


def test_an_invalid_snapshot_is_refused() -> None:
    for broken in (
        {},
        {"chats": {}, "updates": {}, "commands": []},
        {"chats": 1, "updates": 2, "commands": 3},
    ):
        with pytest.raises((KeyError, TypeError, ValueError)):
            TelegramStandIn().restore(broken)
