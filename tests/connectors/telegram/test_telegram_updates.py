"""Updates of Telegram, read as events."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.core.errors import MalformedPayload
from bot.core.events import (
    Attachment,
    AttachmentKind,
    Edited,
    Event,
    Ignored,
    ReachabilityChanged,
    Reacted,
    Reference,
    Said,
    Started,
    Tapped,
    Unsupported,
)
from bot.turns.private import divide
from tests.connectors.telegram.rig import NOW, connector, signed
from tests.lengths import times

FUZZ_EXAMPLES = times(2000)
Json = dict[str, Any]
ANN: Json = {
    "id": 11,
    "is_bot": False,
    "first_name": "Ann",
    "last_name": "Lee",
    "username": "ann",
    "language_code": "de",
}
CHAT: Json = {"id": 11, "first_name": "Ann", "type": "private"}
GROUP: Json = {"id": -1001, "title": "Desk", "type": "supergroup", "is_forum": True}
DESK_BOT: Json = {"id": 700000001, "is_bot": True, "first_name": "Desk"}
FILE: Json = {"file_id": "AgACAgIAAxkBAAI", "file_unique_id": "u1", "file_size": 900}


def message(**fields: object) -> Json:
    return {"message_id": 5, "from": ANN, "chat": CHAT, "date": 1700000000, **fields}


def update(kind: str, payload: object) -> Json:
    return {"update_id": 77, kind: payload}


def parsed(payload: object, *, groups: bool = False) -> tuple[Event, ...]:
    return connector(groups=groups).parse(signed(json.dumps(payload).encode()))


def only(payload: object, *, groups: bool = False) -> Event:
    (event,) = parsed(payload, groups=groups)
    return event


def test_a_private_text_becomes_a_said_with_all_its_facts() -> None:
    event = only(
        update(
            "message", message(text="Where is my invoice?", reply_to_message=message(message_id=3, text="Hi"))
        )
    )
    assert event.external_id == "77"
    assert (event.place.channel, event.place.account, event.place.chat) == ("telegram", "support-bot", "11")
    assert (event.sender.external_id, event.sender.display_name) == ("11", "Ann Lee")
    assert (event.sender.handle, event.sender.language) == ("ann", "de")
    assert (event.message, event.reply_to, event.content) == ("5", "3", Said("Where is my invoice?"))
    assert event.private
    assert event.occurred_at == datetime.fromtimestamp(1700000000, UTC)


MEDIA = [
    (
        {
            "photo": [
                FILE | {"file_id": "small", "width": 90, "height": 90},
                FILE | {"width": 900, "height": 800},
            ]
        },
        Attachment(kind=AttachmentKind.PHOTO, ref="photo:AgACAgIAAxkBAAI", mime_type="image/jpeg", size=900),
    ),
    (
        {"document": FILE | {"file_name": "a.pdf", "mime_type": "application/pdf"}},
        Attachment(
            kind=AttachmentKind.DOCUMENT,
            ref="document:AgACAgIAAxkBAAI",
            mime_type="application/pdf",
            name="a.pdf",
            size=900,
        ),
    ),
    (
        {"voice": FILE | {"duration": 3, "mime_type": "audio/ogg"}},
        Attachment(kind=AttachmentKind.VOICE, ref="voice:AgACAgIAAxkBAAI", mime_type="audio/ogg", size=900),
    ),
    (
        {"audio": FILE | {"duration": 3, "title": "Song"}},
        Attachment(kind=AttachmentKind.AUDIO, ref="audio:AgACAgIAAxkBAAI", name="Song", size=900),
    ),
    (
        {"video": FILE | {"duration": 3, "width": 1, "height": 1, "mime_type": "video/mp4"}},
        Attachment(kind=AttachmentKind.VIDEO, ref="video:AgACAgIAAxkBAAI", mime_type="video/mp4", size=900),
    ),
    (
        {"video_note": FILE | {"duration": 3, "length": 240}},
        Attachment(
            kind=AttachmentKind.VIDEO, ref="video_note:AgACAgIAAxkBAAI", mime_type="video/mp4", size=900
        ),
    ),
    (
        {"animation": FILE | {"duration": 3, "width": 1, "height": 1}, "document": FILE},
        Attachment(kind=AttachmentKind.VIDEO, ref="animation:AgACAgIAAxkBAAI", size=900),
    ),
    (
        {
            "sticker": FILE
            | {
                "type": "regular",
                "width": 1,
                "height": 1,
                "is_animated": False,
                "is_video": False,
                "emoji": "👋",
            }
        },
        Attachment(
            kind=AttachmentKind.STICKER,
            ref="sticker:AgACAgIAAxkBAAI",
            mime_type="image/webp",
            name="👋",
            size=900,
        ),
    ),
    (
        {"location": {"latitude": 52.5, "longitude": -13.25}},
        Attachment(kind=AttachmentKind.LOCATION, ref="geo:52.500000,-13.250000"),
    ),
    (
        {
            "venue": {"title": "Office", "address": "Main St 1", "location": {"latitude": 1, "longitude": 2}},
            "location": {"latitude": 1, "longitude": 2},
        },
        Attachment(kind=AttachmentKind.LOCATION, ref="geo:1.000000,2.000000", name="Office, Main St 1"),
    ),
    (
        {"contact": {"phone_number": "+49 30 123-4", "first_name": "Bo", "last_name": "Ek"}},
        Attachment(kind=AttachmentKind.CONTACT, ref="tel:+49301234", name="Bo Ek"),
    ),
]


@pytest.mark.parametrize(
    ("fields", "attachment"), MEDIA, ids=lambda value: next(iter(value)) if isinstance(value, dict) else ""
)
def test_media_is_a_reference_and_its_caption_is_text(fields: Json, attachment: Attachment) -> None:
    assert only(update("message", message(**fields))).content == Said("", (attachment,))
    captioned = only(update("message", message(**fields, caption="look")))
    assert captioned.content == Said("look", (attachment,))


LINK: Json = {"type": "text_link", "offset": 3, "length": 4, "url": "https://a.b/c?d=(e)"}


@pytest.mark.parametrize(
    ("text", "entity", "read"),
    [
        ("😀 here!", LINK, "😀 [here](https://a.b/c?d=%28e%29)!"),
        ("😀 [x]]!", LINK, "😀 [\\[x\\]\\]](https://a.b/c?d=%28e%29)!"),
        ("// here", LINK, "// [here](https://a.b/c?d=%28e%29)"),
        ("😀 Anna // x", LINK | {"type": "text_mention", "url": None}, "😀 @Anna // x"),
        ("😀 here!", LINK | {"type": "bold"}, "😀 here!"),
        ("😀 here!", LINK | {"url": "javascript:x"}, "😀 here!"),
        ("😀 here!", LINK | {"offset": 99}, "😀 here!"),
        ("😀 here!", LINK | {"offset": "3"}, "😀 here!"),
    ],
)
def test_a_link_that_hides_behind_words_is_not_lost(text: str, entity: Json, read: str) -> None:
    assert only(update("message", message(text=text, entities=[entity]))).content == Said(read)
    edited = only(update("edited_message", message(text=text, entities=[entity], edit_date=1)))
    assert edited.content == Edited("5", read)
    photo = MEDIA[0][0]
    captioned = only(update("message", message(caption=text, caption_entities=[entity], **photo)))
    assert captioned.content == Said(read, (MEDIA[0][1],))


@pytest.mark.parametrize(
    ("text", "offset", "length", "read"),
    [
        ("a\n// b\n\nc\nd", 2, 7, "a\n```\n// b\n\nc\n```\nd"),
        ("😀 b c", 3, 1, "😀 \n```\nb\n```\n c"),
        ("b\nc", 0, 2, "```\nb\n```\nc"),
        ("a ``` b", 2, 5, "a \n````\n``` b\n````"),
        ("/etc/hosts holds:\nb", 18, 1, "/etc/hosts holds:\n```\nb\n```"),
        ("😀b😀", 2, 1, "😀\n```\nb\n```\n😀"),
        ("``` is\nb", 7, 1, "``` is\n````\nb\n````"),
    ],
)
def test_a_block_of_code_keeps_its_ends(text: str, offset: int, length: int, read: str) -> None:
    block = {"type": "pre", "offset": offset, "length": length}
    assert only(update("message", message(text=text, entities=[block]))).content == Said(read)


def marked(text: str, kind: str, part: str, **more: object) -> str:
    """Return what is read where a part of the text is marked."""
    offset, length = (len(each.encode("utf-16-le")) // 2 for each in (text[: text.index(part)], part))
    entity = {"type": kind, "offset": offset, "length": length, **more}
    content = only(update("message", message(text=text, entities=[entity]))).content
    assert isinstance(content, Said)
    return content.text


def test_code_of_one_line_is_no_block() -> None:
    assert marked("run a // b now", "code", "a // b") == "run a // b now"


@pytest.mark.parametrize("kind", ["pre", "code"])
@pytest.mark.parametrize(
    "before",
    [
        "",
        "See: ",
        "See:\n",
        "😀 ",
        "/etc/hosts holds:\n",
        "/ 2 is what we do: ",
        "```\nsee ",
        "~~~\nsee ",
        "See ``` and ",
        "> ",
        "- ",
    ],
)
def test_a_private_line_keeps_the_block_inside_in_which_it_stands(before: str, kind: str) -> None:
    block = "first\n\n// x\n\nsecret\n\n```\n\nsecret"
    read = marked(f"One.\n\n{before}{block}\n\nBye.", kind, block)
    assert "secret" not in divide(read).public
    assert divide(read).public.startswith("One.")
    assert "secret" not in divide(marked(before + block, kind, block)).public


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("One.\n// secret", "//"),
        ("One.\n// secret", "\n//"),
        ("One.\n// secret", "\n/"),
        ("One.\n/ / secret", "/ /"),
        ("One.\n// secret", "// secret"),
        ("One.\nCarla\n// secret", "Carla\n"),
        ("One.\nCarla: // secret", "Carla"),
        ("One.\nCarla Mendes // secret", "Carla Mendes"),
        ("One.\ncarla@brightdesk.example // secret", "carla@brightdesk.example"),
        ("/resolve secret", "/resolve"),
        ("/resolve secret", "secret"),
    ],
)
@pytest.mark.parametrize("kind", ["text_link", "text_mention", "pre", "code", "bold"])
def test_a_private_line_stays_inside_whatever_part_of_it_is_marked(text: str, part: str, kind: str) -> None:
    if kind in ("code", "bold") and part == "Carla Mendes":
        return  # nothing tells where the name ends
    read = marked(text, kind, part, url="https://shop.example/a")
    assert "secret" not in divide(read).public


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("/start", Started()),
        ("/start@desk_bot", Started()),
        ("/start order-42_x", Started("order-42_x")),
        ("/start I need help", Said("/start I need help")),
        ("/started", Said("/started")),
    ],
)
def test_only_start_and_a_deep_links_payload_is_a_start(text: str, content: object) -> None:
    assert only(update("message", message(text=text))).content == content


def test_an_edit_names_the_message_and_is_dated_by_the_edit() -> None:
    event = only(update("edited_message", message(text="better", edit_date=1700000100)))
    assert event.content == Edited("5", "better")
    assert event.occurred_at == datetime.fromtimestamp(1700000100, UTC)


def test_a_tap_brings_back_what_was_put_there_and_what_was_seen() -> None:
    keys = {
        "inline_keyboard": [
            [{"text": "No", "callback_data": "pick:n"}, {"text": "Yes", "callback_data": "pick:y:es"}]
        ]
    }
    pressed = {
        "id": "1",
        "from": ANN,
        "chat_instance": "1",
        "data": "pick:y:es",
        "message": message(**{"from": DESK_BOT}, text="?", reply_markup=keys),
    }
    event = only(update("callback_query", pressed))
    assert event.content == Tapped("pick", "y:es", "Yes", "5")
    assert event.occurred_at == NOW


def test_a_tap_on_a_message_that_telegram_no_longer_shows_still_counts() -> None:
    pressed = {
        "id": "1",
        "from": ANN,
        "chat_instance": "1",
        "data": "pick:y",
        "message": {"chat": CHAT, "message_id": 5, "date": 0},
    }
    assert only(update("callback_query", pressed)).content == Tapped("pick", "y", "", "5")
    assert only(update("callback_query", pressed | {"data": "@0"})).content == Ignored("callback_query")


def test_each_changed_reaction_is_an_event_of_its_own() -> None:
    change = {
        "chat": CHAT,
        "message_id": 5,
        "user": ANN,
        "date": 1700000000,
        "old_reaction": [{"type": "emoji", "emoji": "👍"}],
        "new_reaction": [{"type": "emoji", "emoji": "🔥"}, {"type": "custom_emoji", "custom_emoji_id": "9"}],
    }
    events = parsed(update("message_reaction", change))
    assert [event.external_id for event in events] == ["77", "77.1", "77.2"]
    assert [event.content for event in events] == [
        Reacted("5", "👍", False),
        Reacted("5", "🔥", True),
        Reacted("5", "custom:9", True),
    ]


@pytest.mark.parametrize(("status", "reachable"), [("kicked", False), ("member", True)])
def test_blocking_the_bot_changes_reachability(status: str, reachable: bool) -> None:
    new = {"user": DESK_BOT, "status": status, "until_date": 0}
    change = {
        "chat": CHAT,
        "from": ANN,
        "date": 1700000000,
        "old_chat_member": {"user": DESK_BOT, "status": "member"},
        "new_chat_member": new,
    }
    assert only(update("my_chat_member", change)).content == ReachabilityChanged(reachable)


def test_contents_known_to_telegram_and_not_to_us_are_kept_as_unsupported() -> None:
    assert only(update("message", message(dice={"emoji": "🎲", "value": 3}))).content == Unsupported("dice")
    assert only(update("message", message(hologram={"depth": 3}))).content == Unsupported("hologram")
    joined = only(update("message", message(community_chat_joined={})))
    assert joined.content == Ignored("community_chat_joined"), "a service message says what was done"
    summoned = message(
        guest_bot_caller_user=ANN, reply_to_poll_option_id="1", dice={"emoji": "🎲", "value": 3}
    )
    assert only(update("message", summoned)).content == Unsupported("dice")
    assert parsed(update("business_message", message(text="hi"))) == ()
    assert parsed(update("thought", {"chat": CHAT, "from": ANN})) == ()
    assert parsed(update("poll", {"id": "1", "question": "?"})) == ()
    assert parsed({"update_id": 77}) == ()


@pytest.mark.parametrize(
    "ignored",
    [
        message(text="hi", chat=GROUP),
        message(**{"from": ANN | {"is_bot": True}}, text="hi"),
        message(**{"from": DESK_BOT}, text="hi"),
        {
            "message_id": 5,
            "chat": {"id": -5, "type": "channel", "title": "News"},
            "date": 1700000000,
            "text": "hi",
        },
    ],
    ids=["group", "a bot", "ourselves", "channel"],
)
def test_nobodys_words_but_a_persons_in_private_are_heard(ignored: Json) -> None:
    assert parsed(update("message", ignored)) == ()


def test_a_group_is_heard_where_the_account_is_set_so_and_a_topic_is_a_thread() -> None:
    opened = {
        "message_id": 40,
        "chat": GROUP,
        "date": 1,
        "from": DESK_BOT,
        "forum_topic_created": {"name": "Maya", "icon_color": 1},
    }
    said = message(
        text="hi", chat=GROUP, is_topic_message=True, message_thread_id=40, reply_to_message=opened
    )
    event = only(update("message", said), groups=True)
    assert (event.place.chat, event.place.thread) == ("-1001", "40")
    assert event.in_our_thread
    assert event.reply_to == ""


GROUP_UPDATES = {
    "message": message(text="hi", chat=GROUP),
    "edited_message": message(text="hi", chat=GROUP, edit_date=1700000001),
    "callback_query": {
        "id": "1",
        "from": ANN,
        "chat_instance": "1",
        "data": "a:b",
        "message": message(chat=GROUP),
    },
    "message_reaction": {
        "chat": GROUP,
        "message_id": 5,
        "user": ANN,
        "date": 1,
        "old_reaction": [],
        "new_reaction": [{"type": "emoji", "emoji": "👍"}],
    },
    "my_chat_member": {
        "chat": GROUP,
        "from": ANN,
        "date": 1,
        "old_chat_member": {"user": DESK_BOT, "status": "left"},
        "new_chat_member": {"user": DESK_BOT, "status": "member"},
    },
}


@pytest.mark.parametrize("kind", GROUP_UPDATES)
def test_in_a_group_others_read_along(kind: str) -> None:
    assert not only(update(kind, GROUP_UPDATES[kind]), groups=True).private


def test_a_message_of_a_customer_to_the_bot_alone_is_heard_like_any_other() -> None:
    group = {"id": -1001, "type": "supergroup", "title": "Customers"}
    said = message(chat=group, text="I need help", ephemeral_message_id=3)
    event = only(update("message", said), groups=True)
    assert isinstance(event.content, Said)
    assert event.content.text == "I need help"


def test_service_messages_of_a_group_are_nobodys_words() -> None:
    for told in (
        {"new_chat_members": [ANN]},
        {"pinned_message": message(chat=GROUP)},
        {"new_chat_title": "x"},
    ):
        told_in_group = only(update("message", message(chat=GROUP, **told)), groups=True)
        assert told_in_group.content == Ignored(next(iter(told)))
    assert only(update("message", message(chat=GROUP, story={"id": 1})), groups=True).content == Unsupported(
        "story"
    )
    assert only(update("message", message(pinned_message=message()))).content == Ignored("pinned_message")


ANONYMOUS_BOT: Json = {"id": 1087968824, "is_bot": True, "first_name": "Group"}
SERVICE: Json = {"id": 777000, "is_bot": False, "first_name": "Telegram"}
NEWS: Json = {"id": -1002, "title": "News", "type": "channel"}


def test_messages_in_the_name_of_a_chat_are_no_customers() -> None:
    anonymous = message(text="hi", chat=GROUP, sender_chat=GROUP, **{"from": ANONYMOUS_BOT})
    post = message(
        text="Big news", chat=GROUP, sender_chat=NEWS, is_automatic_forward=True, **{"from": SERVICE}
    )
    assert parsed(update("message", anonymous), groups=True) == ()
    assert parsed(update("message", post), groups=True) == ()
    assert parsed(update("edited_message", post), groups=True) == ()


def test_an_administrator_who_remains_anonymous_is_nobody_that_a_file_could_name() -> None:
    said = message(
        text="hi",
        chat=GROUP,
        sender_chat=GROUP,
        is_topic_message=True,
        message_thread_id=4,
        **{"from": ANONYMOUS_BOT},
    )
    staff = connector(serves="staff")
    (event,) = staff.parse(signed(json.dumps(update("message", said)).encode()))
    assert (event.content, event.sender.external_id, event.sender.verified) == (
        Said("hi"),
        "anonymous:-1001",
        False,
    )


@pytest.mark.parametrize(
    "passed_on",
    [
        {"forward_origin": {"type": "user", "date": 1, "sender_user": ANN}},
        {"via_bot": DESK_BOT},
        {"sender_chat": GROUP, "from": ANONYMOUS_BOT},
    ],
    ids=["forwarded", "by another bot", "anonymous"],
)
def test_others_words_that_somebody_passes_on_are_no_command(passed_on: Json) -> None:
    said = message(text="/desk org rollback 1 --yes", chat=GROUP, is_topic_message=True, message_thread_id=4)
    staff = connector(serves="staff")
    assert staff._read(update("message", said)).command is not None
    assert staff._read(update("message", said | passed_on)).command is None


def test_a_picture_names_its_album() -> None:
    assert only(update("message", message(text="fyi", media_group_id="9"))).album == "9"
    assert only(update("message", message(text="fyi"))).album == ""


ORIGINS: list[tuple[Json, str]] = [
    ({"type": "user", "date": 1, "sender_user": ANN | {"last_name": "Lee"}}, "Ann Lee"),
    ({"type": "hidden_user", "date": 1, "sender_user_name": "Shy"}, "Shy"),
    ({"type": "chat", "date": 1, "sender_chat": GROUP | {"title": "Buyers"}}, "Buyers"),
    ({"type": "channel", "date": 1, "chat": NEWS, "message_id": 5, "author_signature": "Ed"}, "Ed, News"),
    ({"type": "newer than this"}, ""),
]


@pytest.mark.parametrize(("origin", "name"), ORIGINS, ids=[str(each["type"]) for each, _ in ORIGINS])
def test_a_forwarded_message_says_from_whom(origin: Json, name: str) -> None:
    event = only(update("message", message(text="fyi", forward_origin=origin)))
    assert event.reference == Reference(forwarded=True, origin=name)


def test_a_text_composed_by_an_inline_bot_is_not_its_senders_words() -> None:
    told = message(text="50 EUR are 54 USD", via_bot=DESK_BOT | {"username": "currency_bot"})
    composed = Reference(forwarded=True, origin="the bot @currency_bot")
    assert only(update("message", told)).reference == composed
    assert only(update("edited_message", told | {"edit_date": 2})).reference == composed


OLDER: list[Json] = [  # as the Bot API before 7.0 told it, and servers of one's own may still
    {"forward_date": 1},
    {"forward_from": ANN},
    {"forward_from_chat": NEWS},
    {"forward_sender_name": "Shy"},
    {"is_automatic_forward": True},
]


@pytest.mark.parametrize("told", OLDER, ids=[next(iter(each)) for each in OLDER])
def test_each_sign_of_a_forward_counts(told: Json) -> None:
    assert only(update("message", message(text="fyi", **told))).reference.forwarded
    assert only(update("edited_message", message(text="fyi", edit_date=2, **told))).reference.forwarded


OURS: Json = {"message_id": 3, "date": 1, "chat": message()["chat"], "from": DESK_BOT}
ANSWERS: list[tuple[Json, str, Reference]] = [
    ({"reply_to_message": OURS | {"text": "Which one?"}}, "3", Reference(quote="Which one?")),
    (
        {"reply_to_message": OURS | {"caption": "Look", "photo": []}},
        "3",
        Reference(quote="Look", kind="photo"),
    ),
    ({"reply_to_message": OURS | {"voice": {}}}, "3", Reference(kind="voice message")),
    (
        {"reply_to_message": OURS | {"text": "Which one?"}, "quote": {"text": "one", "position": 6}},
        "3",
        Reference(quote="one"),
    ),
    (
        {"external_reply": {"origin": ORIGINS[3][0], "photo": []}, "quote": {"text": "sale", "position": 0}},
        "",
        Reference(quote="sale", kind="photo", author="Ed, News"),
    ),
    ({"reply_to_story": {"chat": NEWS, "id": 4}}, "", Reference(kind="story", author="News")),
]


@pytest.mark.parametrize(("told", "reply_to", "reference"), ANSWERS)
def test_a_reply_says_what_it_answers(told: Json, reply_to: str, reference: Reference) -> None:
    event = only(update("message", message(text="that part", **told)))
    assert (event.reply_to, event.reference) == (reply_to, reference)


def test_in_a_topic_a_message_does_not_answer_the_one_that_opened_it() -> None:
    opened = OURS | {"chat": GROUP, "forum_topic_created": {"name": "x", "icon_color": 1}, "text": "x"}
    said = message(text="hi", chat=GROUP, is_topic_message=True, message_thread_id=3, reply_to_message=opened)
    (event,) = parsed(update("message", said), groups=True)
    assert (event.reply_to, event.reference) == ("", Reference())


def test_characters_that_no_database_takes_are_replaced() -> None:
    said = message(text="a\0b\ud83d!\U0001f600", **{"from": ANN | {"first_name": "\udc00", "last_name": ""}})
    body = json.dumps(update("message", said)).encode()
    (event,) = connector().parse(signed(body))
    assert event.content == Said("ab\ufffd!😀")
    assert event.sender.display_name == "\ufffd"


def coded(value: object) -> bytes:
    return json.dumps(value).encode()


BROKEN = {
    "nothing": b"",
    "cut off": json.dumps(update("message", message(text="hi"))).encode()[:-9],
    "latin-1": '{"update_id":77,"message":"é"}'.encode("latin-1"),
    "utf-16": json.dumps(update("message", message(text="hi"))).encode("utf-16"),
    "deep": b"[" * 200_000,
    "deep objects": b'{"update_id":1,"message":' + b'{"reply_to_message":' * 5_000 + b"1" + b"}" * 5_001,
    "endless number": b'{"update_id":' + b"9" * 5_000 + b"}",
    "a list": b"[]",
    "no id": b"{}",
    "id of text": b'{"update_id":"1"}',
    "id beyond 64 bits": b'{"update_id":99999999999999999999}',
    "chat id beyond 64 bits": coded(update("message", message(text="hi", chat=CHAT | {"id": 1 << 70}))),
    "text of number": coded(update("message", message(text=5))),
    "no date": coded(update("message", message(text="hi", date=None))),
    "date beyond time": coded(update("message", message(text="hi", date=10**15))),
    "name of list": coded(update("message", message(text="hi", **{"from": ANN | {"first_name": []}}))),
    "message of text": coded(update("message", "hi")),
    "place beyond the earth": coded(update("message", message(location={"latitude": 1e9, "longitude": 1}))),
    "hidden value that is none": json.dumps(
        update(
            "callback_query",
            {
                "id": "1",
                "from": ANN,
                "chat_instance": "1",
                "data": "@7",
                "message": message(
                    text="x",
                    entities=[{"type": "text_link", "offset": 0, "length": 1, "url": "https://t.me/#!!"}],
                ),
            },
        )
    ).encode(),
}


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_body_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedPayload):
        connector().parse(signed(body))


def samples() -> list[Json]:
    pressed = {"id": "1", "from": ANN, "chat_instance": "1", "data": "a:b", "message": message(text="?")}
    member = {"user": DESK_BOT, "status": "member"}
    return [
        update("message", message(text="Where?", reply_to_message=message(text="Hi"))),
        *(update("message", message(**fields)) for fields, _ in MEDIA),
        update("edited_message", message(text="better", edit_date=1)),
        update("callback_query", pressed),
        update(
            "my_chat_member",
            {"chat": CHAT, "from": ANN, "date": 1, "old_chat_member": member, "new_chat_member": member},
        ),
        update(
            "message_reaction",
            {
                "chat": CHAT,
                "message_id": 5,
                "user": ANN,
                "date": 1,
                "old_reaction": [],
                "new_reaction": [{"type": "emoji", "emoji": "👍"}],
            },
        ),
        update("business_message", message(text="hi")),
        update("message", message(text="/desk help", chat=GROUP, is_topic_message=True, message_thread_id=4)),
        update("message", message(chat=GROUP, is_topic_message=True, message_thread_id=4, text="hi")),
    ]


JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from([10**19, -1, 0, "x" * 300]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=times(50))
@given(
    st.dictionaries(st.sampled_from(["quote", "external_reply", "reply_to_story", "forward_origin"]), JUNK)
)
def test_a_reference_that_cannot_be_read_keeps_no_message_back(told: Json) -> None:
    assert only(update("message", message(text="hi", **told))).content == Said("hi")


@st.composite
def mutated(draw: st.DrawFn) -> Json:
    """A real payload with one to three of its values replaced or gone."""
    payload = json.loads(json.dumps(draw(st.sampled_from(samples()))))
    for _ in range(draw(st.integers(1, 3))):
        node, key = payload, draw(st.sampled_from(sorted(payload)))
        while isinstance(node[key], dict) and node[key] and draw(st.booleans() | st.just(True)):
            node, key = node[key], draw(st.sampled_from(sorted(node[key])))
        if draw(st.booleans()):
            node[key] = draw(JUNK)
        elif len(node) > 1:
            del node[key]
    return payload


@pytest.mark.long
@settings(max_examples=FUZZ_EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.one_of(
        st.binary(),
        JUNK.map(lambda value: json.dumps(value).encode()),
        mutated().map(lambda value: json.dumps(value).encode()),
    ),
    st.booleans(),
    st.sampled_from(["customers", "staff"]),
)
def test_any_body_is_read_or_malformed(body: bytes, groups: bool, serves: str) -> None:
    try:
        events = connector(groups=groups, serves=serves).parse(signed(body))
    except MalformedPayload:
        return
    for event in events:
        assert json.dumps(repr(event)).encode("utf-8")
        repr(event).encode("utf-8")
