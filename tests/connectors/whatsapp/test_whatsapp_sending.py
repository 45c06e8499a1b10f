"""Messages of ours, as WhatsApp wants them."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from bot.core.connector import Unit
from bot.core.errors import OutcomeUnknown, PlatformDown, Refused
from bot.core.events import Attachment, AttachmentKind
from bot.core.outbound import (
    Button,
    Card,
    CardTone,
    Emote,
    Erase,
    Mark,
    Post,
    React,
    Revise,
    Sent,
    Speaker,
    Template,
    Typing,
    Whisper,
)
from connectors.rendering import length
from tests.connectors.meta.graph_server import hangs_up, says, sends
from tests.connectors.whatsapp.rig import CUSTOMER, NUMBER, Desk, Json, outbound, parsed, said, webhook
from tests.connectors.whatsapp.wire_schema import WireSchema

DELIVERY = "00000000-0000-0000-0000-000000000007"


def buttons(count: int, label: str = "Choice {}") -> tuple[Button, ...]:
    return tuple(Button("option", f"v{number}", label.format(number)) for number in range(count))


async def sent_body(desk: Desk, post: Post, part: int = 0) -> Json:
    await desk.connector.send(outbound(post, part=part))
    body: Json = desk.graph.last().body
    return body


async def everything(desk: Desk, post: Post) -> list[Json]:
    """The bodies of all parts."""
    bodies = []
    for part in range(20):
        answer = await desk.connector.send(outbound(post, part=part))
        bodies.append(desk.graph.last().body)
        if not answer.more:
            return bodies
    raise AssertionError("more parts than anybody would send")


async def test_a_text_is_sent_in_whatsapps_own_marks(desk: Desk) -> None:
    answer = await desk.connector.send(outbound(Post("It is **paid**.", reply_to="wamid.A")))
    assert answer == Sent(message="wamid.SENT")
    assert desk.graph.last().path == f"/{NUMBER}/messages"
    assert desk.graph.last().body == {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": CUSTOMER,
        "context": {"message_id": "wamid.A"},
        "type": "text",
        "text": {"body": "It is *paid*.", "preview_url": False},
    }


async def test_a_long_text_is_sent_in_parts_of_which_the_first_answers(desk: Desk) -> None:
    sentence = "This is one sentence of many, and 🙂 it ends here. "
    bodies = await everything(desk, Post(sentence * 200, reply_to="wamid.A"))
    assert len(bodies) == 3
    assert all(length(body["text"]["body"], Unit.CHARACTERS) <= 4096 for body in bodies)
    assert ["context" in body for body in bodies] == [True, False, False]
    assert "".join(body["text"]["body"].replace(" ", "") for body in bodies) == (sentence * 200).replace(
        " ", ""
    )


async def test_three_choices_are_buttons_whose_tap_comes_back(desk: Desk) -> None:
    body = await sent_body(desk, Post("Which one?", buttons(3)))
    interactive = body["interactive"]
    assert (interactive["type"], interactive["body"]) == ("button", {"text": "Which one?"})
    first = interactive["action"]["buttons"][0]["reply"]
    assert first == {"id": "option:v0", "title": "Choice 0"}
    reply = {"type": "button_reply", "button_reply": first}
    tap = {"id": "w", "from": CUSTOMER, "type": "interactive", "interactive": reply}
    (event,) = parsed(webhook(said(tap)))
    assert (getattr(event.content, "action", ""), getattr(event.content, "value", "")) == ("option", "v0")


async def test_ten_choices_are_a_list(desk: Desk) -> None:
    body = await sent_body(desk, Post("Which one?", buttons(10)))
    (section,) = body["interactive"]["action"]["sections"]
    assert (body["interactive"]["type"], len(section["rows"])) == ("list", 10)
    assert 0 < len(body["interactive"]["action"]["button"]) <= 20


async def test_eleven_choices_are_numbers_in_the_text(desk: Desk) -> None:
    body = await sent_body(desk, Post("Which one?", buttons(11)))
    assert body["type"] == "text"
    assert "11. Choice 10" in body["text"]["body"]


async def test_labels_are_never_alike_nor_empty(desk: Desk) -> None:
    same = (Button("a", "1", "Yes"), Button("a", "2", "Yes"), Button("a", "3", " "))
    body = await sent_body(desk, Post("?", same))
    titles = [button["reply"]["title"] for button in body["interactive"]["action"]["buttons"]]
    assert titles == ["Yes", "Yes 2", "a"]


@pytest.mark.long
async def test_a_text_too_long_to_stand_over_buttons_goes_ahead(desk: Desk) -> None:
    bodies = await everything(desk, Post("A sentence of some length. " * 200, buttons(2)))
    assert [body["type"] for body in bodies] == ["text", "interactive"]
    assert bodies[-1]["interactive"]["type"] == "list"
    assert len(bodies[-1]["interactive"]["body"]["text"]) <= 4096


@pytest.mark.parametrize(
    "button", [Button("a", "v" * 260, "x"), Button("a:b", "v", "x"), Button("", "v", "x")]
)
async def test_a_button_that_could_not_come_back_is_refused(desk: Desk, button: Button) -> None:
    with pytest.raises(Refused, match="button"):
        await desk.connector.send(outbound(Post("?", (button,))))
    assert desk.graph.asked == []


MEDIA = [
    (AttachmentKind.PHOTO, "image/jpeg", "", "image", {}),
    (AttachmentKind.VIDEO, "video/mp4", "", "video", {}),
    (AttachmentKind.AUDIO, "audio/mpeg", "", "audio", {}),
    (AttachmentKind.VOICE, "audio/ogg; codecs=opus", "", "audio", {"voice": True}),
    (AttachmentKind.VOICE, "audio/mp4", "", "audio", {}),
    (AttachmentKind.STICKER, "image/webp", "", "sticker", {}),
    (AttachmentKind.DOCUMENT, "application/pdf", "bill.pdf", "document", {"filename": "bill.pdf"}),
]


@pytest.mark.parametrize(("kind", "mime_type", "name", "sent_as", "more"), MEDIA)
async def test_a_file_is_uploaded_and_sent_by_its_id(
    desk: Desk, kind: AttachmentKind, mime_type: str, name: str, sent_as: str, more: Json
) -> None:
    file = desk.resources.files.attach(kind, b"content", mime_type=mime_type, name=name)
    body = await sent_body(desk, Post("", attachments=(file,)))
    upload, message = desk.graph.asked
    bare = mime_type.partition(";")[0]
    assert upload.path == f"/{NUMBER}/media"
    assert upload.body["type"] == bare
    assert upload.body["messaging_product"] == "whatsapp"
    assert upload.body["file"][1:] == (bare, b"content")
    assert message.body is body
    assert (body["type"], body[sent_as]) == (sent_as, {"id": "4490709327384033", **more})


async def test_a_short_text_is_the_caption_of_the_first_file(desk: Desk) -> None:
    files = tuple(
        desk.resources.files.attach(AttachmentKind.PHOTO, b"content", mime_type="image/png") for _ in range(2)
    )
    bodies = await everything(desk, Post("**Look**", attachments=files, reply_to="wamid.A"))
    assert [body["image"].get("caption") for body in bodies] == ["*Look*", None]
    assert "context" in bodies[0]


async def test_a_file_without_a_caption_comes_after_the_text(desk: Desk) -> None:
    voice = desk.resources.files.attach(AttachmentKind.VOICE, b"content", mime_type="audio/ogg")
    bodies = await everything(desk, Post("Listen", attachments=(voice,)))
    assert [body["type"] for body in bodies] == ["text", "audio"]


async def test_a_file_that_whatsapp_does_not_take_becomes_a_link(desk: Desk) -> None:
    file = desk.resources.files.attach(
        AttachmentKind.DOCUMENT, b"content", mime_type="application/zip", name="a.zip"
    )
    body = await sent_body(desk, Post("Here", attachments=(file,)))
    assert f"https://files.test/{file.file}" in body["text"]["body"]
    assert [asked.path for asked in desk.graph.asked] == [f"/{NUMBER}/messages"]


async def test_a_file_larger_than_it_said_is_not_sent(desk: Desk) -> None:
    kept = desk.resources.files.add(b"x" * (5 * 1024 * 1024 + 1))
    liar = Attachment(kind=AttachmentKind.PHOTO, ref="", mime_type="image/png", size=10, file=kept)
    with pytest.raises(Refused, match="too_large"):
        await desk.connector.send(outbound(Post("", attachments=(liar,))))


async def test_a_file_store_that_is_away_is_tried_again(desk: Desk) -> None:
    file = desk.resources.files.attach(AttachmentKind.PHOTO, b"content", mime_type="image/png")
    desk.resources.files.away = True
    with pytest.raises(PlatformDown):
        await desk.connector.send(outbound(Post("", attachments=(file,))))
    assert desk.graph.asked == []


async def test_a_lost_upload_is_tried_again_and_a_lost_message_is_not(desk: Desk) -> None:
    file = desk.resources.files.attach(AttachmentKind.PHOTO, b"content", mime_type="image/png")
    desk.graph.on(f"POST /{NUMBER}/media", hangs_up)
    with pytest.raises(PlatformDown):
        await desk.connector.send(outbound(Post("", attachments=(file,))))
    desk.graph.on(f"POST /{NUMBER}/media", says({"id": "1"}))
    desk.graph.on(f"POST /{NUMBER}/messages", hangs_up, says({"success": True}))
    for _ in range(2):  # no answer, and one that names no message
        with pytest.raises(OutcomeUnknown):
            await desk.connector.send(outbound(Post("", attachments=(file,))))


async def test_a_place_and_a_person_are_sent_as_what_they_are(desk: Desk) -> None:
    place = Attachment(kind=AttachmentKind.LOCATION, ref="geo:52.5200,-13.405;u=35", name="Office")
    person = Attachment(kind=AttachmentKind.CONTACT, ref="tel:+49-30-1234", name="Hugo")
    bodies = await everything(desk, Post("", attachments=(place, person)))
    assert bodies[0]["location"] == {"latitude": "52.5200", "longitude": "-13.405", "name": "Office"}
    assert bodies[1]["contacts"] == [
        {"name": {"formatted_name": "Hugo", "first_name": "Hugo"}, "phones": [{"phone": "+49-30-1234"}]}
    ]


async def test_a_template_is_sent_in_its_language_with_its_blanks_filled(desk: Desk) -> None:
    post = Post("Hi Ann, …", template=Template("order_ready", "pt_BR", ("Ann\nLee", "4711", "")))
    body = await sent_body(desk, post)
    values = [{"type": "text", "text": text} for text in ("Ann Lee", "4711", "-")]
    assert body["template"] == {
        "name": "order_ready",
        "language": {"policy": "deterministic", "code": "pt_BR"},
        "components": [{"type": "body", "parameters": values}],
    }
    named = Template("order_ready", "pt_BR", ("Ann", "4711"), ("name", "number"))
    [filled] = (await sent_body(desk, Post("Hi", template=named)))["template"]["components"]
    assert [(one["parameter_name"], one["text"]) for one in filled["parameters"]] == [
        ("name", "Ann"),
        ("number", "4711"),
    ]
    body = await sent_body(desk, Post("Hello", template=Template("hello_world", "en_US")))
    language = {"policy": "deterministic", "code": "en_US"}
    assert body["template"] == {"name": "hello_world", "language": language}


async def test_a_reaction_is_put_on_a_message_and_taken_away(desk: Desk) -> None:
    for operation, emoji in (
        (Emote("wamid.A", "👍"), "👍"),
        (Emote("wamid.A", ""), ""),
        (React("wamid.A", Mark.READ), "👀"),
        (React("wamid.A", None), ""),
    ):
        assert await desk.connector.send(outbound(operation)) == Sent()
        assert desk.graph.last().body["reaction"] == {"message_id": "wamid.A", "emoji": emoji}


async def test_typing_marks_what_was_read(desk: Desk) -> None:
    desk.graph.on(f"POST /{NUMBER}/messages", says({"success": True}))
    assert await desk.connector.send(outbound(Typing(seen="wamid.A"))) == Sent()
    assert desk.graph.last().body == {
        "messaging_product": "whatsapp",
        "status": "read",
        "message_id": "wamid.A",
        "typing_indicator": {"type": "text"},
    }
    await desk.connector.send(outbound(Typing()))
    assert len(desk.graph.asked) == 1


async def test_operations_that_whatsapp_cannot_do_are_refused_without_asking(desk: Desk) -> None:
    card = Card(title="t", speaking="s", tone=CardTone.CALM, facts=())
    for operation in (Revise("wamid.A", Post("new")), Erase("wamid.A"), card):
        with pytest.raises(Refused):
            await desk.connector.send(outbound(operation))
    assert await desk.connector.send(outbound(Whisper("p", "psst"))) == Sent()
    assert desk.graph.asked == []


async def test_a_part_that_there_is_not_is_refused(desk: Desk) -> None:
    with pytest.raises(Refused):
        await desk.connector.send(outbound(Post("one part"), part=1))


@pytest.mark.parametrize(
    ("chat", "address"),
    [
        ("16505551234", {"recipient_type": "individual", "to": "16505551234"}),
        (
            "DE.13491208655302741918",
            {"recipient_type": "individual", "recipient": "DE.13491208655302741918"},
        ),
        ("US.ENT.118157", {"recipient_type": "individual", "recipient": "US.ENT.118157"}),
        ("Y2FwaV9ncm91cDox", {"recipient_type": "group", "to": "Y2FwaV9ncm91cDox"}),
    ],
)
async def test_a_customer_who_hides_their_number_is_written_to_by_their_id(
    desk: Desk, chat: str, address: Json
) -> None:
    await desk.connector.send(outbound(Post("hello"), chat=chat))
    body = desk.graph.last().body
    assert {name: body[name] for name in ("recipient_type", "to", "recipient") if name in body} == address


async def test_a_200_that_is_a_page_leaves_the_outcome_open(desk: Desk) -> None:
    desk.graph.on(f"POST /{NUMBER}/messages", sends(b"<html>", content_type="text/html"))
    with pytest.raises(OutcomeUnknown):
        await desk.connector.send(outbound(Post("hello")))


POSTS = [
    Post("Hello", reply_to="wamid.A", speaker=Speaker("Ann", human=True)),
    Post("Which?", buttons(3, "A label that is much too long {}")),
    Post("Which?", buttons(10, "Another {} that is by far too long")),
    Post("Hi", template=Template("order_ready", "de", ("Ann", "1"))),
    Post("", attachments=(Attachment(kind=AttachmentKind.LOCATION, ref="geo:1,2", name="x"),)),
    Post("", attachments=(Attachment(kind=AttachmentKind.CONTACT, ref="tel:+1", name=""),)),
]


async def test_messages_are_valid_by_metas_own_description(desk: Desk, shared_dir: Path) -> None:
    schema = WireSchema(shared_dir)
    files = [
        desk.resources.files.attach(kind, b"x", mime_type=mime_type, name=name)
        for kind, mime_type, name, *_ in MEDIA
    ]
    posts = [*POSTS, *(Post("caption", attachments=(file,)) for file in files)]
    for post in posts:
        for body in await everything(desk, post):
            schema.check(body)
    await desk.connector.send(outbound(Emote("wamid.A", "👍")))
    schema.check(desk.graph.last().body)


def test_the_description_lets_through_metas_examples_and_not_everything(shared_dir: Path) -> None:
    schema = WireSchema(shared_dir)
    folder = shared_dir / "wire" / "whatsapp"
    examples: dict[str, Any] = json.loads((folder / "meta_examples.json").read_text())
    requests = examples["POST /{Version}/{Phone-Number-ID}/messages"]["request"]
    schema.check(requests["Send Reply Button"])
    schema.check(requests["Send Reply to Text Message"])
    for wrong in (
        {"messaging_product": "whatsapp", "type": "text", "text": {"body": "x"}},
        {**requests["Send Reply Button"], "interactive": {"type": "button", "action": {"buttons": []}}},
    ):
        with pytest.raises(jsonschema.ValidationError):
            schema.check(wrong)


async def test_a_question_too_long_for_buttons_is_one_message_with_a_list(desk: Desk) -> None:
    """Each message costs: the same question and choices as two messages would cost twice."""
    long = "This is one sentence of many. " * 60
    [body] = await everything(desk, Post(long, buttons(3)))
    interactive = body["interactive"]
    assert (interactive["type"], interactive["body"]["text"]) == ("list", long.strip())
    rows = interactive["action"]["sections"][0]["rows"]
    assert [row["title"] for row in rows] == ["Choice 0", "Choice 1", "Choice 2"]


async def test_a_choice_that_fits_no_row_stays_a_button_below_the_text(desk: Desk) -> None:
    long = "This is one sentence of many. " * 60
    first, last = await everything(desk, Post(long, (Button("option", "v" * 240, "Yes"),)))
    assert (first["type"], last["interactive"]["type"]) == ("text", "button")


async def test_the_phone_number_is_asked_for_by_the_button_that_gives_it(desk: Desk) -> None:
    body = await sent_body(desk, Post("Which **number** may we call?", asks_number=True))
    assert (body["type"], body["interactive"]) == (
        "interactive",
        {
            "type": "request_contact_info",
            "body": {"text": "Which *number* may we call?"},
            "action": {"name": "request_contact_info"},
        },
    )
    body = await sent_body(desk, Post("Why we ask. " * 100, asks_number=True))
    assert body["type"] == "text"
