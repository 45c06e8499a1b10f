"""Messages that leave for a Page's customers, as the Send API gets them."""

import json
from typing import Any, cast

import pytest

from bot.core.errors import Refused
from bot.core.events import Attachment, AttachmentKind, Receipt, ReceiptStatus
from bot.core.outbound import (
    Button,
    Card,
    CardTone,
    Emote,
    Erase,
    Mark,
    Operation,
    Post,
    React,
    Revise,
    Speaker,
    Typing,
    Whisper,
)
from tests.connectors.messenger import rig
from tests.connectors.messenger.conftest import Line
from tests.connectors.messenger.shared import shared_json

AGENT = Speaker("Ada", human=False)
CARD = Card(title="t", speaking="s", tone=CardTone.CALM, facts=())


def choices(count: int) -> tuple[Button, ...]:
    return tuple(Button("option", f"c1:{n}", f"Choice {n}") for n in range(1, count + 1))


def message(body: rig.Json) -> rig.Json:
    return cast(rig.Json, body["message"])


async def test_a_text_is_a_plain_response_to_the_person(line: Line) -> None:
    sent = await line.page.send(rig.outbound(Post("**Hello** Maya", speaker=AGENT)))

    (call,) = line.graph.calls
    assert (call.method, call.path, call.token) == ("POST", f"{rig.PAGE}/messages", f"Bearer {rig.TOKEN}")
    assert call.json["recipient"] == {"id": rig.PSID}
    assert call.json["messaging_type"] == "RESPONSE"
    assert "tag" not in call.json
    assert message(call.json)["text"] == "Hello Maya"
    assert (sent.message, sent.more) == ("m_1", False)


async def test_the_echo_of_our_own_message_is_a_confirmation(line: Line) -> None:
    sent = await line.page.send(rig.outbound(Post("Hello")))
    echo = {"mid": sent.message, "is_echo": True, "app_id": 1, **message(line.graph.sent[0])}

    (event,) = rig.parsed(rig.item(sender=rig.PAGE, recipient=rig.PSID, message=echo), page=line.page)

    assert event.content == Receipt(status=ReceiptStatus.SENT, messages=(sent.message,))
    assert event.place.chat == rig.PSID


async def test_the_echo_of_another_apps_message_is_no_receipt_of_ours(line: Line) -> None:
    sent = await line.page.send(rig.outbound(Post("Hello")))
    echo = {"mid": sent.message, "is_echo": True, **message(line.graph.sent[0])}
    secrets = {"page_token": "t", "app_secret": "of another app", "verify_token": "v"}

    (event,) = rig.parsed(
        rig.item(sender=rig.PAGE, recipient=rig.PSID, message=echo), page=rig.connector(secrets=secrets)
    )

    assert not isinstance(event.content, Receipt)


async def test_a_long_text_goes_in_parts_and_the_first_answers(line: Line) -> None:
    post = Post("A sentence that goes on for a while. " * 100, reply_to="m_77")

    first = await line.page.send(rig.outbound(post))
    second = await line.page.send(rig.outbound(post, part=1))

    texts = [str(message(body)["text"]) for body in line.graph.sent]
    assert (first.more, second.more) == (True, False)
    assert all(len(text) <= 2000 for text in texts)
    assert " ".join(texts) == post.text.strip()
    assert [body.get("reply_to") for body in line.graph.sent] == [{"mid": "m_77"}, None]
    with pytest.raises(Refused, match="no_such_part"):
        await line.page.send(rig.outbound(post, part=2))


async def test_three_choices_under_a_short_text_are_buttons_that_stay(line: Line) -> None:
    await line.page.send(rig.outbound(Post("Which one?", buttons=choices(3))))

    attachment = cast(rig.Json, message(line.graph.sent[0])["attachment"])
    assert attachment == {
        "type": "template",
        "payload": {
            "template_type": "button",
            "text": "Which one?",
            "buttons": [
                {"type": "postback", "title": f"Choice {n}", "payload": f"option:c1:{n}"} for n in (1, 2, 3)
            ],
        },
    }


@pytest.mark.parametrize(("count", "text"), [(4, "Which one?"), (13, "Which one?"), (3, "long " * 150)])
async def test_more_choices_or_a_longer_text_are_quick_replies(line: Line, count: int, text: str) -> None:
    await line.page.send(rig.outbound(Post(text, buttons=choices(count))))

    replies = cast(list[rig.Json], message(line.graph.sent[0])["quick_replies"])
    assert [reply["payload"] for reply in replies] == [f"option:c1:{n}" for n in range(1, count + 1)]
    assert replies[0] == {"content_type": "text", "title": "Choice 1", "payload": "option:c1:1"}
    assert message(line.graph.sent[0])["text"] == text.strip()


async def test_still_more_choices_are_numbered_lines(line: Line) -> None:
    await line.page.send(rig.outbound(Post("Which one?", buttons=choices(14))))

    assert set(message(line.graph.sent[0])) == {"text", "metadata"}
    assert "14. Choice 14" in str(message(line.graph.sent[0])["text"])


async def test_a_label_is_shortened_to_twenty_characters(line: Line) -> None:
    button = Button("call", "billing", "Please talk to somebody in billing")

    await line.page.send(rig.outbound(Post("?", buttons=(button,))))

    template = cast(rig.Json, cast(rig.Json, message(line.graph.sent[0])["attachment"])["payload"])
    (shown,) = cast(list[rig.Json], template["buttons"])
    assert len(str(shown["title"])) <= 20


async def test_a_button_that_could_not_come_back_is_refused_before_anything_is_sent(line: Line) -> None:
    for button in (Button("a b", "", "x"), Button("a:b", "", "x"), Button("a", "v" * 1000, "x")):
        with pytest.raises(Refused, match="button"):
            await line.page.send(rig.outbound(Post("?", buttons=(button,))))
    assert not line.graph.calls


@pytest.mark.parametrize(
    ("kind", "mime_type", "sent_as"),
    [
        (AttachmentKind.PHOTO, "image/png", "image"),
        (AttachmentKind.VIDEO, "video/mp4", "video"),
        (AttachmentKind.AUDIO, "audio/mpeg", "audio"),
        (AttachmentKind.VOICE, "audio/ogg", "audio"),
        (AttachmentKind.DOCUMENT, "application/pdf", "file"),
        (AttachmentKind.PHOTO, "image/tiff", "file"),
    ],
)
async def test_a_file_is_uploaded_first_and_then_shown(
    line: Line, kind: AttachmentKind, mime_type: str, sent_as: str
) -> None:
    content = b"%PDF" * 40_000
    file = line.resources.files.attach(kind, content, mime_type=mime_type, name='in"voice\r\n.pdf')

    sent = await line.page.send(rig.outbound(Post("", attachments=(file,))))

    upload, shown = line.graph.calls
    assert upload.path == f"{rig.PAGE}/message_attachments"
    assert upload.form["message"] == (
        '{"attachment":{"type":"' + sent_as + '","payload":{"is_reusable":true}}}'
    )
    assert (upload.file, upload.file_type, upload.file_name) == (content, mime_type, "in_voice .pdf")
    assert message(shown.json)["attachment"] == {
        "type": sent_as,
        "payload": {"attachment_id": "1857777774821032"},
    }
    assert sent.message == "m_2"


async def test_a_text_and_two_files_are_three_messages(line: Line) -> None:
    files = tuple(
        line.resources.files.attach(AttachmentKind.PHOTO, b"\x89PNG", mime_type="image/png") for _ in range(2)
    )
    post = Post("Two pictures", attachments=files)

    more = [(await line.page.send(rig.outbound(post, part))).more for part in range(3)]

    assert more == [True, True, False]
    assert ["text" in message(body) for body in line.graph.sent] == [True, False, False]


async def test_a_file_too_large_for_messenger_is_a_link(line: Line) -> None:
    large = Attachment(
        kind=AttachmentKind.VIDEO, ref="", mime_type="video/mp4", name="tour.mp4", size=26 * 2**20, file="f-1"
    )

    await line.page.send(rig.outbound(Post("Look", attachments=(large,))))

    (call,) = line.graph.calls
    assert "https://files.test/f-1" in str(message(call.json)["text"])


async def test_a_place_and_a_contact_are_told_in_words(line: Line) -> None:
    place = Attachment(kind=AttachmentKind.LOCATION, ref="geo:52.37,4.89", name="Office")
    contact = Attachment(kind=AttachmentKind.CONTACT, ref="tel:+31201234567", name="Hugo")

    await line.page.send(rig.outbound(Post("Here", attachments=(place, contact))))

    text = str(message(line.graph.sent[0])["text"])
    assert all(words in text for words in ("Office", "52.37", "+31201234567"))


async def test_typing_marks_as_seen_first_where_something_was_read(line: Line) -> None:
    await line.page.send(rig.outbound(Typing()))
    await line.page.send(rig.outbound(Typing(seen="m_1")))

    assert line.graph.sent == [
        {"recipient": {"id": rig.PSID}, "sender_action": action}
        for action in ("typing_on", "mark_seen", "typing_on")
    ]


async def test_an_emoji_is_put_on_a_message_and_taken_away(line: Line) -> None:
    await line.page.send(rig.outbound(Emote("m_1", "🎉")))
    await line.page.send(rig.outbound(Emote("m_1", "")))

    recipient = {"id": rig.PSID}
    assert line.graph.sent == [
        {
            "recipient": recipient,
            "sender_action": "react",
            "payload": {"message_id": "m_1", "reaction": "🎉"},
        },
        {"recipient": recipient, "sender_action": "unreact", "payload": {"message_id": "m_1"}},
    ]


@pytest.mark.parametrize("operation", [Revise("m_1", Post("x")), Erase("m_1"), React("m_1", Mark.READ), CARD])
async def test_operations_that_messenger_lacks_are_refused_without_asking(
    line: Line, operation: Operation
) -> None:
    with pytest.raises(Refused, match="unsupported"):
        await line.page.send(rig.outbound(operation))
    assert not line.graph.calls


async def test_a_whisper_reaches_nobody(line: Line) -> None:
    assert not (await line.page.send(rig.outbound(Whisper(rig.PSID, "only you")))).message
    assert not line.graph.calls


async def test_every_call_proves_that_it_knows_the_app_secret(line: Line) -> None:
    await line.page.send(rig.outbound(Post("Hello")))

    assert len(line.graph.calls[0].query["appsecret_proof"]) == 64


def _shape(value: object) -> object:
    """The names of the fields, at every depth; of a list, its first element."""
    if isinstance(value, dict):
        return {key: _shape(item) for key, item in value.items()}
    return [_shape(item) for item in value[:1]] if isinstance(value, list) else None


def _within(given: object, published: object) -> bool:
    if isinstance(given, dict) and isinstance(published, dict):
        return all(key in published and _within(value, published[key]) for key, value in given.items())
    if isinstance(given, list) and isinstance(published, list):
        return all(_within(value, published[0]) for value in given)
    return not isinstance(given, (dict, list))


async def test_requests_have_the_shape_of_metas_collection(line: Line) -> None:
    collection: Any = shared_json("messenger-platform-api.postman_collection.json")
    requests = {
        one["name"]: (one["request"]["url"]["raw"], one["request"]["body"]["raw"])
        for folder in collection["item"]
        for one in folder["item"]
    }
    posts = {
        "Text Message": Post("Hello!"),
        "Quick Replies": Post("Pick a color:", buttons=choices(5)),
    }
    for name, post in posts.items():
        line.graph.calls.clear()
        await line.page.send(rig.outbound(post))
        (call,) = line.graph.calls
        url, raw = requests[name]
        published = json.loads(raw)
        given = {**call.json, "message": {k: v for k, v in message(call.json).items() if k != "metadata"}}
        del given["messaging_type"]
        assert url.endswith("/{{page-id}}/messages")
        assert call.path == f"{rig.PAGE}/messages"
        assert _within(_shape(given), _shape(published)), name
    uploads, _ = requests["Attachment Upload (Photo)"]
    assert uploads.endswith("/{{page-id}}/message_attachments")
