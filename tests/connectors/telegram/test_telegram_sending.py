"""Messages that leave, as Telegram and the phone see them. Each is held against the published Bot API."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.core.connector import ChannelKind, Connector, HasFiles, Listens, Registers
from bot.core.errors import AccountSuspended, PlatformDown, Refused, SettingsError, Unreachable
from bot.core.events import Attachment, AttachmentKind, Tapped
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
    Style,
    Typing,
    Whisper,
)
from connectors.sandbox.telegram import TelegramStandIn
from connectors.telegram import channel
from connectors.telegram.connector import TelegramConnector
from tests.connectors.telegram.conftest import Line
from tests.connectors.telegram.rig import NOW, TOKEN, connector, outbound, resources, served, settings
from tests.sandbox.telegram.wire_shapes import load_shapes, parameter_problems

PHOTO = b"\x89PNG\r\n\x1a\n" + bytes(16)


def last(line: Line, method: str) -> dict[str, Any]:
    return dict(line.telegram.sent(method)[-1].params)


def test_the_folder_exports_its_kind() -> None:
    assert isinstance(channel, ChannelKind)
    assert (channel.name, channel.title, channel.serves) == ("telegram", "Telegram", ("customers", "staff"))
    assert [(way.mode, way.secrets, way.optional_secrets) for way in channel.modes] == [
        ("polling", ("bot_token",), ()),
        ("webhook", ("bot_token",), ("webhook_secret",)),
    ]
    account: Connector = channel.open(settings(), resources())
    assert isinstance(account, Listens)
    assert isinstance(account, Registers)
    assert isinstance(account, HasFiles)


@pytest.mark.parametrize(
    "secrets", [{}, {"bot_token": "nonsense"}, {"bot_token": TOKEN, "webhook_secret": "sp ace"}]
)
def test_secrets_that_cannot_work_are_named_at_once_and_not_shown(secrets: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="support-bot") as caught:
        connector(secrets=secrets)
    assert "nonsense" not in str(caught.value)


def test_the_published_limits_hold_unless_the_account_has_its_own() -> None:
    published = connector().capabilities
    assert (published.per_second, published.chat_interval) == (30, timedelta(seconds=1))
    own = connector(per_second=5.0, chat_interval=timedelta(0)).capabilities
    assert (own.per_second, own.chat_interval) == (5, timedelta(0))


async def test_a_post_arrives_formatted_with_its_reply_and_names_its_message(line: Line) -> None:
    asked = line.telegram.say(line.maya, "How?")
    post = Post("Press **Reset**.", reply_to=str(asked.message_id))
    sent = await line.account.send(outbound(line.maya.id, post))
    shown = line.telegram.chat(line.maya)[-1]
    assert sent == Sent(message=str(shown.message_id))
    assert (shown.text, shown.reply_to) == ("Press Reset.", asked.message_id)
    assert [entity["type"] for entity in shown.entities] == ["bold"]


async def test_an_answer_to_a_message_that_is_gone_arrives_all_the_same(line: Line) -> None:
    await line.account.send(outbound(line.maya.id, Post("Hello", reply_to="999999")))
    assert line.shown() == ["Hello"]


async def test_a_long_text_leaves_one_part_a_call_with_the_buttons_on_the_last(line: Line) -> None:
    post = Post("\n\n".join(["word " * 300] * 5), buttons=(Button("ok", "1", "OK"),), reply_to="1")
    parts, sent = 0, Sent(more=True)
    while sent.more:
        sent = await line.account.send(outbound(line.maya.id, post, part=parts))
        parts += 1
    calls = line.telegram.sent("sendMessage")
    assert parts == len(calls) == 3
    assert ["reply_markup" in call.params for call in calls] == [False, False, True]
    assert ["reply_parameters" in call.params for call in calls] == [True, False, False]


LONG = "Über-" * 20


async def test_a_tap_brings_back_values_of_any_length(line: Line) -> None:
    buttons = (
        Button("pick", "short", "A"),
        Button("pick", LONG, "B"),
        Button("@odd:action", "v", "C", style=Style.DANGER),
    )
    await line.account.send(outbound(line.maya.id, Post("*Which?*", buttons)))
    assert all(
        len(key["callback_data"].encode()) <= 64
        for row in json.loads(last(line, "sendMessage")["reply_markup"])["inline_keyboard"]
        for key in row
    )
    shown = line.telegram.chat(line.maya)[-1]
    found = []
    for label in ("A", "B", "C"):
        line.telegram.tap(line.maya, shown.message_id, label)
        found.append(await _newest(line))
    message = str(shown.message_id)
    assert found == [
        Tapped("pick", "short", "A", message),
        Tapped("pick", LONG, "B", message),
        Tapped("@odd:action", "v", "C", message),
    ]


async def _newest(line: Line) -> object:
    updates = await line.account._updates(None)
    return line.account._read(updates[-1]).events[0].content


async def test_a_card_is_readable_text(line: Line) -> None:
    card = Card(
        title="Maya_F", speaking="You *speak*", tone=CardTone.URGENT, facts=(("Reason", "billing"),),
        sections=(("Story", "It **broke**"),), deadline=NOW,
    )  # fmt: skip
    await line.account.send(outbound(line.maya.id, card))
    assert line.shown() == [
        "Maya_F\nYou *speak*\nReason: billing\nDue: 2026-11-22 12:00 UTC\nStory\nIt broke"
    ]


async def test_a_revision_replaces_the_text_and_the_same_text_again_is_no_error(line: Line) -> None:
    sent = await line.account.send(outbound(line.maya.id, Post("one", (Button("a", "b", "c"),))))
    for _ in range(2):
        assert await line.account.send(outbound(line.maya.id, Revise(sent.message, Post("two")))) == Sent()
    assert line.shown() == ["two"]
    assert line.telegram.chat(line.maya)[-1].buttons == ()
    await line.account.send(outbound(line.maya.id, Revise(sent.message, Post("long " * 2000))))
    assert line.shown()[0].endswith("long\n\n…")


async def test_erasing_twice_is_erasing_once(line: Line) -> None:
    sent = await line.account.send(outbound(line.maya.id, Post("oops")))
    for _ in range(2):
        await line.account.send(outbound(line.maya.id, Erase(sent.message)))
    assert line.shown() == []


async def test_a_message_too_old_to_be_deleted_is_refused_in_a_sentence() -> None:
    now = datetime(2026, 11, 22, tzinfo=UTC)
    stand_in = TelegramStandIn(TOKEN, clock=lambda: now)
    maya = stand_in.user("Maya Fischer")
    stand_in.say(maya, "/start")
    async with served(stand_in) as url:
        account = connector(url)
        sent = await account.send(outbound(maya.id, Post("oops")))
        now += timedelta(hours=49)
        with pytest.raises(Refused, match="48 hours"):
            await account.send(outbound(maya.id, Erase(sent.message)))
        await account.close()


async def test_a_mark_is_shown_as_a_reaction_and_can_be_removed(line: Line) -> None:
    said = line.telegram.say(line.maya, "hi")
    for mark in [*Mark, None]:
        await line.account.send(outbound(line.maya.id, React(str(said.message_id), mark)))
        shown = [sign for who, sign in line.telegram.chat(line.maya)[-1].reactions if who == "bot"]
        assert len(shown) == (mark is not None)


async def test_typing_shows_and_a_whisper_reaches_nobody(line: Line) -> None:
    await line.account.send(outbound(line.maya.id, Typing()))
    assert line.telegram.typing(line.maya) == "typing"
    assert await line.account.send(outbound(line.maya.id, Whisper("1", "psst"))) == Sent()
    assert line.shown() == []


async def test_a_blocked_bot_is_told_that_the_customer_cannot_be_reached(line: Line) -> None:
    line.telegram.block(line.maya)
    with pytest.raises(Unreachable) as caught:
        await line.account.send(outbound(line.maya.id, Post("hello?")))
    assert caught.value.reason == "blocked"
    with pytest.raises(Unreachable):
        await line.account.send(outbound(424242, Post("hello?")))


@pytest.mark.parametrize(
    "operation",
    [
        Post(""),
        Post("x", buttons=(Button("a", "b" * 3000, "c"),)),
        Erase("none"),
        Post("", attachments=(Attachment(kind=AttachmentKind.PHOTO, ref="photo:abc", file="gone"),)),
        Post("", attachments=(Attachment(kind=AttachmentKind.LOCATION, ref="nowhere"),)),
    ],
)
async def test_operations_that_telegram_could_never_take_are_refused_without_asking(
    line: Line, operation: Post | Erase
) -> None:
    with pytest.raises(Refused):
        await line.account.send(outbound(line.maya.id, operation))
    assert line.telegram.sent() == []


def with_file(kind: AttachmentKind, name: str, mime_type: str, text: str = "") -> Post:
    return Post(text, attachments=(Attachment(kind=kind, ref="", name=name, mime_type=mime_type, file="F1"),))


@pytest.mark.parametrize(
    ("kind", "name", "mime_type", "shown_as"),
    [
        (AttachmentKind.PHOTO, "a.png", "image/png", "photo"),
        (AttachmentKind.PHOTO, "a.heic", "image/heic", "document"),
        (AttachmentKind.DOCUMENT, 'Rechnung "März".pdf', "application/pdf", "document"),
        (AttachmentKind.VOICE, "v.ogg", "audio/ogg", "voice"),
        (AttachmentKind.AUDIO, "v.mp3", "audio/mpeg", "audio"),
        (AttachmentKind.VIDEO, "v.mp4", "video/mp4", "video"),
        (AttachmentKind.VIDEO, "v.avi", "video/x-msvideo", "document"),
        (AttachmentKind.DOCUMENT, "", "application/pdf", "document"),
    ],
)
async def test_a_kept_file_is_streamed_to_the_phone(
    line: Line, kind: AttachmentKind, name: str, mime_type: str, shown_as: str
) -> None:
    account = TelegramConnector(settings(line.url), resources({"F1": PHOTO + b"rest"}))
    post = with_file(kind, name, mime_type, "see this")
    first = await account.send(outbound(line.maya.id, post))
    second = await account.send(outbound(line.maya.id, post, part=1))
    await account.close()
    assert (first.more, second.more) == (True, False)
    shown = line.telegram.chat(line.maya)[-1]
    assert shown.kind == shown_as
    assert line.telegram.file(shown.file_id) == PHOTO + b"rest"
    assert line.telegram.file_name(shown.file_id) == (name.replace('"', "_") or "document.pdf")


@pytest.mark.parametrize("content", [b"", b"x" * (51 * 1024 * 1024)], ids=["empty", "too large"])
async def test_a_file_that_telegram_cannot_take_is_not_begun_to_be_sent(line: Line, content: bytes) -> None:
    account = TelegramConnector(settings(line.url), resources({"F1": content}))
    with pytest.raises(Refused):
        await account.send(outbound(line.maya.id, with_file(AttachmentKind.DOCUMENT, "a", "text/plain")))
    await account.close()
    assert line.telegram.sent() == []


async def test_a_file_store_that_is_away_is_waited_for(line: Line) -> None:
    lent = resources({"F1": b"x"})
    lent.files.away = True
    account = TelegramConnector(settings(line.url), lent)
    with pytest.raises(PlatformDown):
        await account.send(outbound(line.maya.id, with_file(AttachmentKind.DOCUMENT, "a", "text/plain")))
    await account.close()
    assert line.telegram.sent() == []


async def test_a_file_of_a_customer_can_be_fetched(line: Line) -> None:
    line.telegram.send_media(line.maya, "document", b"paper", name="a.txt", mime_type="text/plain")
    updates = await line.account._updates(None)
    said: Any = line.account._read(updates[-1]).events[0].content
    (attachment,) = said.attachments
    assert attachment.file == ""
    assert b"".join([piece async for piece in line.account.open(attachment.ref)]) == b"paper"
    with pytest.raises(Refused):
        _ = [piece async for piece in line.account.open("document:UnknownFile0001")]


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("👍🏽", "👍"),
        ("❤️", "❤"),
        ("🎉", "🎉"),
        ("✅", "👍"),
        ("😂", "🤣"),
        ("❌", "👎"),
        ("💙", "❤"),
        ("😞", "😢"),
        ("🍕", "👍"),
    ],
)
async def test_an_emoji_is_put_as_the_nearest_one_that_telegram_allows(
    line: Line, given: str, shown: str
) -> None:
    said = line.telegram.say(line.maya, "hi")
    await line.account.send(outbound(line.maya.id, Emote(str(said.message_id), given)))
    assert line.telegram.chat(line.maya)[-1].reactions == (("bot", shown),)
    await line.account.send(outbound(line.maya.id, Emote(str(said.message_id), "")))
    assert line.telegram.chat(line.maya)[-1].reactions == ()


async def test_a_place_and_a_contact_are_sent_as_such(line: Line) -> None:
    facts = (
        Attachment(kind=AttachmentKind.LOCATION, ref="geo:52.5,-13.25;u=10"),
        Attachment(kind=AttachmentKind.CONTACT, ref="tel:+4930123", name="Bo"),
    )
    for part in (0, 1):
        await line.account.send(outbound(line.maya.id, Post("", attachments=facts), part=part))
    assert [message.kind for message in line.telegram.chat(line.maya) if message.from_bot] == [
        "location",
        "contact",
    ]


async def test_check_and_register_ask_the_platform(line: Line) -> None:
    assert await line.account.check() == "@sandbox_desk_bot"
    await line.account.register()
    assert last(line, "setWebhook")["url"] == "https://desk.example/hooks/telegram/support-bot"
    assert set(json.loads(last(line, "setWebhook")["allowed_updates"])) >= {
        "edited_message",
        "callback_query",
    }
    stranger = connector(line.url, secrets={"bot_token": "1:wrong"})
    with pytest.raises(AccountSuspended, match="BotFather"):
        await stranger.check()
    await stranger.close()


async def test_everything_sent_is_as_the_bot_api_is_published(line: Line) -> None:
    shapes = load_shapes()
    said = line.telegram.say(line.maya, "hi")
    buttons = (Button("a", "b", "c", Style.PRIMARY), Button("a", LONG, "d"))
    place = outbound(line.maya.id, Typing()).place
    sent = await line.account.send(
        outbound(line.maya.id, Post("**a** [b](https://c.d)", buttons, reply_to=str(said.message_id)))
    )
    for operation in (
        Typing(),
        React(str(said.message_id), Mark.WAITING),
        React(str(said.message_id), None),
        Revise(sent.message, Post("new", buttons)),
        Erase(sent.message),
    ):
        await line.account.send(replace(outbound(0, operation), place=place))
    await line.account.register()
    calls = line.telegram.sent()
    assert len(calls) == 7
    for call in calls:
        assert parameter_problems(shapes, call) == []


async def test_a_deadline_elsewhere_names_its_zone(line: Line) -> None:
    card = Card(
        title="t", speaking="s", tone=CardTone.CALM, facts=(), deadline=datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
    )
    await line.account.send(outbound(line.maya.id, card))
    assert line.shown() == ["t\ns\nDue: 2026-01-02 03:04 UTC"]


async def test_more_choices_than_buttons_are_numbered_lines(line: Line) -> None:
    buttons = tuple(Button("pick", str(number), f"Choice {number}") for number in range(1, 26))
    await line.account.send(outbound(line.maya.id, Post("Which?", buttons)))
    (text,) = line.shown()
    assert text.startswith("Which?\n\n1. Choice 1\n2. Choice 2\n")
    assert text.endswith("25. Choice 25")
    assert line.telegram.chat(line.maya)[-1].buttons == ()


@pytest.mark.parametrize(
    "attachment",
    [
        Attachment(
            kind=AttachmentKind.ORIGINAL, ref="", name="mail.eml", mime_type="message/rfc822", file="F1"
        ),
        Attachment(
            kind=AttachmentKind.VIDEO,
            ref="",
            name="mail.eml",
            mime_type="video/mp4",
            file="F1",
            size=51 << 20,
        ),
    ],
    ids=["an original", "too large"],
)
async def test_a_file_that_is_not_sent_as_one_is_a_link(line: Line, attachment: Attachment) -> None:
    sent = await line.account.send(outbound(line.maya.id, Post("See", attachments=(attachment,))))
    assert not sent.more
    await line.account.send(
        outbound(line.maya.id, Revise(sent.message, Post("Look", attachments=(attachment,))))
    )
    shown = line.telegram.chat(line.maya)[-1]
    assert shown.text == "Look\n\n📄 mail.eml"
    assert [entity.get("url") for entity in shown.entities] == ["https://files.test/F1"]


async def test_buttons_without_words_still_have_a_message_to_stand_under(line: Line) -> None:
    account = TelegramConnector(settings(line.url), resources({"F1": b"x"}))
    file = Attachment(kind=AttachmentKind.DOCUMENT, ref="", name="a.txt", mime_type="text/plain", file="F1")
    post = Post("", (Button("ok", "1", "OK"),), (file,))
    assert (await account.send(outbound(line.maya.id, post))).more
    assert not (await account.send(outbound(line.maya.id, post, part=1))).more
    await account.close()
    assert [(bool(each.buttons), each.kind) for each in line.telegram.chat(line.maya)[-2:]] == [
        (True, "text"),
        (False, "document"),
    ]


def test_the_claims_of_the_channel_are_what_the_account_can_do() -> None:
    assert connector().capabilities == channel.capabilities
    assert not channel.capabilities.hears_deletions
    assert {media.max_bytes for media in channel.capabilities.media_in} == {20 * 1024 * 1024}
