"""The bot's side, driven by the real python-telegram-bot."""

import io

import pytest
from telegram import (
    Bot,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputMediaDocument,
    LinkPreviewOptions,
    MessageEntity,
    ReplyParameters,
)
from telegram.error import BadRequest, Forbidden, InvalidToken, NetworkError, RetryAfter

from connectors.sandbox.fault import Fault, FaultKind
from connectors.sandbox.rate_limit import Rate
from connectors.sandbox.telegram import Limits, TelegramStandIn
from tests.sandbox.telegram.conftest import Rig, running

BUTTONS = InlineKeyboardMarkup(
    [[InlineKeyboardButton("Yes", callback_data="y"), InlineKeyboardButton("No", callback_data="n")]]
)


async def test_the_library_knows_the_bot(rig: Rig) -> None:
    me = await rig.bot.get_me()
    assert me.username == "sandbox_desk_bot"
    assert me.is_bot


async def test_a_text_with_entities_buttons_and_a_reply_reaches_the_phone(rig: Rig) -> None:
    maya = rig.stand_in.user("Maya Fischer")
    asked = rig.stand_in.say(maya, "How do I export?")
    sent = await rig.bot.send_message(
        maya.id,
        "Settings 🙂 Export",
        entities=[MessageEntity("bold", 12, 6)],
        reply_parameters=ReplyParameters(asked.message_id),
        reply_markup=BUTTONS,
        link_preview_options=LinkPreviewOptions(is_disabled=True),
    )
    assert sent.reply_to_message is not None
    assert sent.reply_to_message.text == "How do I export?"
    assert sent.parse_entities() == {sent.entities[0]: "Export"}
    shown = rig.stand_in.chat(maya)[-1]
    assert shown.text == "Settings 🙂 Export"
    assert [button["text"] for button in shown.buttons[0]] == ["Yes", "No"]


async def test_html_and_markdown_become_entities(rig: Rig) -> None:
    maya = rig.stand_in.user("Maya")
    rig.stand_in.say(maya, "hi")
    html = await rig.bot.send_message(
        maya.id, '🙂 <b>bold</b> &amp; <a href="https://a.example">link</a>', parse_mode="HTML"
    )
    assert html.text == "🙂 bold & link"
    assert [(each.type, each.offset, each.length) for each in html.entities] == [
        ("bold", 3, 4),
        ("text_link", 10, 4),
    ]
    marked = await rig.bot.send_message(
        maya.id, "*bold* _it_ `a_b` [l](https://a.example)\\!", parse_mode="MarkdownV2"
    )
    assert marked.text == "bold it a_b l!"
    assert [each.type for each in marked.entities] == ["bold", "italic", "code", "text_link"]


@pytest.mark.parametrize(
    ("text", "parse_mode", "problem"),
    [
        ("   ", None, "Message text is empty"),
        ("x" * 4097, None, "Message is too long"),
        ("🙂" * 2049, None, "Message is too long"),
        ("<b>x", "HTML", "Can't parse entities"),
        ("a.b", "MarkdownV2", "Can't parse entities"),
    ],
)
async def test_a_text_the_platform_refuses_is_refused(
    rig: Rig, text: str, parse_mode: str | None, problem: str
) -> None:
    maya = rig.stand_in.user("Maya")
    rig.stand_in.say(maya, "hi")
    with pytest.raises(BadRequest, match=f"(?i){problem}"):
        await rig.bot.send_message(maya.id, text, parse_mode=parse_mode)


@pytest.mark.parametrize(("offset", "length"), [(0, 9), (7, 3), (-1, 2), (3, 1)])
async def test_an_entity_out_of_bounds_is_refused(rig: Rig, offset: int, length: int) -> None:
    maya = rig.stand_in.user("Maya")
    rig.stand_in.say(maya, "hi")
    with pytest.raises(BadRequest):
        await rig.bot.send_message(maya.id, "abc🙂efg", entities=[MessageEntity("bold", offset, length)])


async def test_a_full_length_text_is_taken(rig: Rig) -> None:
    maya = rig.stand_in.user("Maya")
    rig.stand_in.say(maya, "hi")
    assert (await rig.bot.send_message(maya.id, "🙂" * 2048)).text == "🙂" * 2048


async def test_unknown_blocked_and_silent_chats_cannot_be_written_to(rig: Rig) -> None:
    maya, silent = rig.stand_in.user("Maya"), rig.stand_in.user("Silent")
    rig.stand_in.say(maya, "hi")
    with pytest.raises(BadRequest, match=r"(?i)chat not found"):
        await rig.bot.send_message(123, "x")
    with pytest.raises(Forbidden, match=r"(?i)can't initiate conversation"):
        await rig.bot.send_message(silent.id, "x")
    rig.stand_in.block(maya)
    with pytest.raises(Forbidden, match=r"(?i)bot was blocked by the user"):
        await rig.bot.send_message(maya.id, "x")
    rig.stand_in.unblock(maya)
    assert (await rig.bot.send_message(maya.id, "x")).text == "x"


async def test_a_wrong_token_and_an_unknown_method_are_refused(rig: Rig) -> None:
    with pytest.raises(InvalidToken):
        async with Bot("1:wrong", base_url=str(rig.server.make_url("/telegram/bot"))):
            pass
    with pytest.raises(Exception, match=r"(?i)not found"):
        await rig.bot.do_api_request("sendNothing")


async def test_editing_changes_the_phone_and_the_same_text_again_is_not_modified(rig: Rig) -> None:
    maya = rig.stand_in.user("Maya")
    asked = rig.stand_in.say(maya, "hi")
    sent = await rig.bot.send_message(maya.id, "one", reply_markup=BUTTONS)
    edited = await rig.bot.edit_message_text("two", maya.id, sent.message_id)
    assert not isinstance(edited, bool)
    assert edited.edit_date is not None
    assert edited.reply_markup is None
    assert rig.stand_in.chat(maya)[-1].text == "two"
    with pytest.raises(BadRequest, match=r"(?i)message is not modified"):
        await rig.bot.edit_message_text("two", maya.id, sent.message_id)
    with pytest.raises(BadRequest, match=r"(?i)message to edit not found"):
        await rig.bot.edit_message_text("two", maya.id, 999)
    with pytest.raises(BadRequest, match=r"(?i)message can't be edited"):
        await rig.bot.edit_message_text("two", maya.id, asked.message_id)
    await rig.bot.edit_message_reply_markup(maya.id, sent.message_id, reply_markup=BUTTONS)
    assert rig.stand_in.chat(maya)[-1].buttons


async def test_deleted_messages_are_gone_from_the_phone(rig: Rig) -> None:
    maya = rig.stand_in.user("Maya")
    rig.stand_in.say(maya, "hi")
    first, second = [await rig.bot.send_message(maya.id, text) for text in "ab"]
    await rig.bot.delete_message(maya.id, first.message_id)
    await rig.bot.delete_messages(maya.id, [second.message_id, 999])
    assert [each.text for each in rig.stand_in.chat(maya)] == ["hi"]
    assert len(rig.stand_in.chat(maya, with_deleted=True)) == 3
    with pytest.raises(BadRequest, match=r"(?i)message to delete not found"):
        await rig.bot.delete_message(maya.id, first.message_id)


async def test_files_go_up_and_come_down_unchanged(rig: Rig) -> None:
    maya = rig.stand_in.user("Maya")
    rig.stand_in.say(maya, "hi")
    content = bytes(range(256)) * 9000  # more than the server around the stand-in takes by default
    sent = await rig.bot.send_document(maya.id, io.BytesIO(content), filename="report.pdf", caption="Here")
    assert sent.document is not None
    assert sent.document.file_name == "report.pdf"
    assert rig.stand_in.file(rig.stand_in.chat(maya)[-1].file_id) == content
    file = await rig.bot.get_file(sent.document.file_id)
    assert bytes(await file.download_as_bytearray()) == content
    again = await rig.bot.send_document(maya.id, sent.document.file_id)
    assert again.document == sent.document


async def test_every_kind_of_media_can_be_sent(rig: Rig) -> None:
    maya = rig.stand_in.user("Maya")
    rig.stand_in.say(maya, "hi")
    for send in (
        rig.bot.send_photo,
        rig.bot.send_voice,
        rig.bot.send_video,
        rig.bot.send_audio,
        rig.bot.send_sticker,
    ):
        await send(maya.id, io.BytesIO(b"content"))
    await rig.bot.send_location(maya.id, 52.5, 13.4)
    await rig.bot.send_contact(maya.id, "+491234", "Kim")
    album = await rig.bot.send_media_group(
        maya.id, [InputMediaDocument(io.BytesIO(bytes([n]))) for n in range(1, 3)]
    )
    kinds = [each.kind for each in rig.stand_in.chat(maya)]
    assert kinds == [
        "text",
        "photo",
        "voice",
        "video",
        "audio",
        "sticker",
        "location",
        "contact",
        "document",
        "document",
    ]
    assert album[0].media_group_id == album[1].media_group_id
    copied = await rig.bot.copy_message(maya.id, maya.id, album[0].message_id, caption="again")
    assert rig.stand_in.chat(maya)[-1].message_id == copied.message_id


async def test_typing_shows_on_the_phone_until_the_answer_comes(rig: Rig) -> None:
    maya = rig.stand_in.user("Maya")
    rig.stand_in.say(maya, "hi")
    await rig.bot.send_chat_action(maya.id, "typing")
    assert rig.stand_in.typing(maya) == "typing"
    await rig.bot.send_message(maya.id, "hello")
    assert rig.stand_in.typing(maya) == ""


async def test_reactions_commands_and_chats_are_answered(rig: Rig) -> None:
    maya = rig.stand_in.user("Maya Fischer")
    asked = rig.stand_in.say(maya, "hi")
    await rig.bot.set_message_reaction(maya.id, asked.message_id, "👍")
    assert rig.stand_in.chat(maya)[0].reactions == (("bot", "👍"),)
    with pytest.raises(BadRequest, match=r"(?i)reaction_invalid"):
        await rig.bot.set_message_reaction(maya.id, asked.message_id, "🦖")
    await rig.bot.set_my_commands([("start", "Begin")])
    assert [each.command for each in await rig.bot.get_my_commands()] == ["start"]
    assert (await rig.bot.get_chat(maya.id)).last_name == "Fischer"


async def test_limits_are_enforced_when_asked_for() -> None:
    async with running(TelegramStandIn(limits=Limits(chat=Rate(0.001, 2)))) as rig:
        maya = rig.stand_in.user("Maya")
        rig.stand_in.say(maya, "hi")
        for _ in range(2):
            await rig.bot.send_message(maya.id, "x")
        with pytest.raises(RetryAfter):
            await rig.bot.send_message(maya.id, "x")
        assert rig.stand_in.sent("sendMessage")[-1].status == 429


class OneFault:
    """The next call of one method is hit."""

    def __init__(self, kind: FaultKind, call: str) -> None:
        self._fault: Fault | None = Fault(kind, 7.0 if kind is FaultKind.RATE_LIMITED else 0.0)
        self._call = call

    async def before(self, platform: str, call: str) -> Fault | None:  # noqa: ARG002
        if call != self._call:
            return None
        fault, self._fault = self._fault, None
        return fault

    def deliveries(self, platform: str, kind: str) -> tuple[float, ...]:  # noqa: ARG002
        return (0.0,)


@pytest.mark.parametrize(
    ("kind", "error", "arrives"),
    [
        (FaultKind.RATE_LIMITED, RetryAfter, 0),
        (FaultKind.SERVER_ERROR, NetworkError, 0),
        (FaultKind.RESET, NetworkError, 0),
        (FaultKind.LOST_RESPONSE, NetworkError, 1),
    ],
)
async def test_a_fault_fails_the_call_and_only_a_lost_response_leaves_its_effect(
    kind: FaultKind, error: type[Exception], arrives: int
) -> None:
    async with running(TelegramStandIn(faults=OneFault(kind, "sendMessage"))) as rig:
        maya = rig.stand_in.user("Maya")
        rig.stand_in.say(maya, "hi")
        with pytest.raises(error):
            await rig.bot.send_message(maya.id, "x")
        assert len(rig.stand_in.chat(maya)) == 1 + arrives
        await rig.bot.send_message(maya.id, "y")
        assert rig.stand_in.chat(maya)[-1].text == "y"
