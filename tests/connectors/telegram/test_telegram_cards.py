"""The card in a topic: a rich message whose long parts fold, and a text where the server takes none."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from bot.core.errors import AccountSuspended, PlaceGone
from bot.core.events import Tapped
from bot.core.outbound import Button, CardTone, Revise
from connectors.sandbox.telegram import ChatMessage
from connectors.telegram.rich import rich_card
from tests.connectors.telegram.conftest import Office, card
from tests.connectors.telegram.rig import connector, outbound
from tests.connectors.telegram.test_telegram_whispers import Hours, account
from tests.sandbox.telegram.wire_shapes import load_shapes, parameter_problems

TAKE = Button("take", "e1", "Take")
DUE = datetime(2026, 11, 22, 14, 30, tzinfo=UTC)
STORY = "🗣 **Maya**\n\n> I was charged twice\n> _this_ month, see [the bill](https://shop.example/1)\n\n" + (
    "🤖 **Robin**\n\n> Let me look: `invoice 7`\n\n```\nid  sum\n7   12\n```\n\n- one\n- two"
)
ONLY_10_1 = (10, 1)  # has rich messages, but takes them as HTML and Markdown alone
OLD = (10, 0)


def shown(office: Office) -> ChatMessage:
    (message,) = office.group.messages()
    return message


def blocks(message: ChatMessage) -> list[dict[str, object]]:
    assert message.kind == "rich_message"
    assert message.media is not None
    found = message.media["blocks"]
    assert isinstance(found, list)
    return found


def folds(message: ChatMessage) -> list[str]:
    """Return what is folded in a text: the contents of its expandable quotes."""
    coded = message.text.encode("utf-16-le")
    return [
        coded[offset * 2 : (offset + length) * 2].decode("utf-16-le")
        for entity in message.entities
        if entity["type"] == "expandable_blockquote"
        for offset, length in [(int(str(entity["offset"])), int(str(entity["length"])))]
    ]


def methods(office: Office) -> list[str]:
    wanted = ("sendMessage", "sendRichMessage", "editMessageText")
    return [call.method for call in office.telegram.sent() if call.method in wanted]


# As a rich message


async def test_facts_are_a_table_and_times_are_shown_as_what_is_left(office: Office) -> None:
    window = (DUE + timedelta(hours=20)).astimezone()
    await office.room(facts=(("Address", "maya@example.org"), ("Team", "Night")), deadline=DUE, window=window)
    title, speaking, table = blocks(shown(office))
    assert (title["text"], speaking["text"]) == ("Maya needs a person", "Nobody speaks")
    rows = table["cells"]
    assert isinstance(rows, list)
    assert [row[0]["text"] for row in rows] == ["Address", "Team", "Due", "Window closes"]
    assert [row[0]["is_header"] for row in rows] == [True] * 4
    assert [row[1]["text"] for row in rows[:2]] == ["maya@example.org", "Night"]
    assert rows[2][1]["text"] == {
        "type": "date_time",
        "text": "2026-11-22 14:30 UTC",
        "unix_time": int(DUE.timestamp()),
        "date_time_format": "r",
    }


async def test_a_long_section_folds_and_a_short_one_does_not(office: Office) -> None:
    await office.room(sections=(("Why", "It **broke**"), ("In short", STORY)))
    _, _, why, words, story = blocks(shown(office))
    assert why == {"type": "paragraph", "text": {"type": "bold", "text": "Why"}}
    assert words == {"type": "paragraph", "text": ["It ", {"type": "bold", "text": "broke"}]}
    assert (story["type"], story["summary"], story.get("is_open")) == (
        "details",
        {"type": "bold", "text": "In short"},
        None,
    )


async def test_quotes_code_and_links_stay_what_they_are(office: Office) -> None:
    await office.room(sections=(("In short", STORY),))
    story = blocks(shown(office))[-1]["blocks"]
    link = {"type": "url", "text": "the bill", "url": "https://shop.example/1"}
    italic = {"type": "italic", "text": "this"}

    def line(*text: object) -> Mapping[str, object]:
        return {"type": "paragraph", "text": text[0] if len(text) == 1 else list(text)}

    assert story == [
        line("🗣 ", {"type": "bold", "text": "Maya"}),
        {
            "type": "blockquote",
            "blocks": [line("I was charged twice"), line(italic, " month, see ", link)],
        },
        line("🤖 ", {"type": "bold", "text": "Robin"}),
        {"type": "blockquote", "blocks": [line("Let me look: ", {"type": "code", "text": "invoice 7"})]},
        {"type": "pre", "text": "id  sum\n7   12"},
        line("• one"),
        line("• two"),
    ]


async def test_a_card_longer_than_a_text_may_be_is_whole(office: Office) -> None:
    await office.room(sections=(("Story", "word " * 3000),), buttons=(TAKE,))
    message = shown(office)
    assert message.text.count("word") == 3000
    assert message.buttons


@pytest.mark.long
async def test_a_card_too_long_for_a_rich_message_is_one_text_all_the_same(office: Office) -> None:
    _, number = await office.room(sections=(("Story", "word " * 30_000),), buttons=(TAKE,))
    message = shown(office)
    assert (message.kind, message.message_id) == ("text", number)
    assert message.text.endswith("…")
    assert message.buttons
    assert rich_card(card("x", sections=(("Why", "short"),) * 300)) is None, "more blocks than it may have"


async def test_a_card_is_revised_as_what_it_is(office: Office) -> None:
    thread, message = await office.room(sections=(("In short", STORY),), buttons=(TAKE,))
    held = card("Maya: in good hands", tone=CardTone.CALM, facts=(("Held by", "Hugo"),))
    for _ in range(2):  # the second changes nothing, and is no mistake
        await office.send(Revise(str(message), held), thread=str(thread))
    assert shown(office).text == "Maya: in good hands\nNobody speaks\nHeld by: Hugo"
    assert shown(office).buttons == ()
    assert methods(office) == ["sendRichMessage", "editMessageText", "editMessageText"]
    office.group.delete(message)
    with pytest.raises(PlaceGone, match="card"):
        await office.send(Revise(str(message), card("x")), thread=str(thread))


async def test_the_buttons_of_a_card_are_pressed_as_any(office: Office) -> None:
    _, message = await office.room(buttons=(TAKE,))
    office.group.tap(office.hugo, message, "Take")
    (event,) = await office.heard()
    assert event.content == Tapped("take", "e1", "Take", str(message))


async def test_a_card_with_values_too_long_for_a_button_is_sent_as_a_text(office: Office) -> None:
    value = "v" * 80
    _, message = await office.room(buttons=(Button("take", value, "Take"),))
    assert shown(office).kind == "text"
    office.group.tap(office.hugo, message, "Take")
    (event,) = await office.heard()
    assert event.content == Tapped("take", value, "Take", str(message))


async def test_a_reply_to_the_card_quotes_the_words_of_the_card(office: Office) -> None:
    thread, message = await office.room(facts=(("Team", "Night"),))
    office.group.say(office.hugo, "Which one?", topic=thread, reply_to=message)
    (event,) = await office.heard()
    assert event.reference.quote == "Maya needs a person Nobody speaks Team: Night"


@pytest.mark.long
async def test_rich_messages_are_as_the_bot_api_is_published(office: Office) -> None:
    shapes = load_shapes()
    sections = (("Why", "[mail](mailto:a@b.example) [call](tel:+4930) ~~x~~"), ("In short", STORY))
    thread, message = await office.room(sections=sections, facts=(("a", "b"),), deadline=DUE, buttons=(TAKE,))
    assert shapes.problems(office.telegram.wire(shown(office)), "Message") == []
    await office.send(Revise(str(message), card("x", sections=sections)), thread=str(thread))
    assert methods(office) == ["sendRichMessage", "editMessageText"]
    for call in office.telegram.sent():
        assert parameter_problems(shapes, call) == []


# As a text


@pytest.mark.parametrize("version", [OLD, ONLY_10_1])
async def test_a_card_is_a_text_that_folds_where_the_server_takes_no_rich_messages(
    office: Office, version: tuple[int, int]
) -> None:
    office.telegram.serve(version)
    _, number = await office.room(
        facts=(("Team", "Night"),), deadline=DUE, sections=(("Why", "It **broke**"), ("In short", STORY))
    )
    message = shown(office)
    assert (message.message_id, message.kind) == (number, "text")
    head, _, story = message.text.partition("\n\nIn short\n\n")
    assert head == (
        "Maya needs a person\nNobody speaks\n\nTeam: Night\nDue: 2026-11-22 14:30 UTC\n\nWhy\n\nIt broke"
    )
    assert folds(message) == [story]
    assert "I was charged twice\nthis month" in story
    kinds = [entity["type"] for entity in message.entities]
    assert "blockquote" not in kinds, "quotes stand in no quotes"
    assert {"bold", "italic", "code", "pre", "text_link", "date_time"} <= set(kinds)


async def test_an_account_whose_staff_have_old_apps_sends_texts_alone(office: Office) -> None:
    options = {"groups": str(office.group.id), "cards": "text"}
    staff = connector(office.url, serves="staff", options=options)
    thread, _ = await office.room()
    await staff.send(outbound(office.group.id, card("For old apps"), thread=str(thread)))
    await staff.close()
    assert methods(office)[1:] == ["sendMessage"]


@pytest.mark.parametrize("version", [OLD, ONLY_10_1])
async def test_a_server_that_takes_none_is_asked_once_in_an_hour(
    office: Office, version: tuple[int, int]
) -> None:
    office.telegram.serve(version)
    clock = Hours()
    async with account(office, clock) as staff:
        thread, _ = await office.room()
        for _ in range(3):
            await staff.send(outbound(office.group.id, card("Again"), thread=str(thread)))
        assert methods(office)[2:] == ["sendRichMessage", "sendMessage", "sendMessage", "sendMessage"]
        office.telegram.serve((10, 3))
        clock.now += timedelta(hours=1)
        await staff.send(outbound(office.group.id, card("Again"), thread=str(thread)))
        assert methods(office)[-1] == "sendRichMessage"


async def test_one_card_that_is_refused_makes_no_text_of_the_others(office: Office) -> None:
    thread, _ = await office.room()
    office.telegram.serve(ONLY_10_1)
    await office.send(card("Refused"), thread=str(thread))
    office.telegram.serve((10, 3))
    await office.send(card("Taken"), thread=str(thread))
    assert [message.kind for message in office.group.messages()] == ["rich_message", "text", "rich_message"]


async def test_a_card_that_was_a_text_becomes_rich_and_the_other_way_round(office: Office) -> None:
    office.telegram.serve(OLD)
    clock = Hours()
    async with account(office, clock) as staff:

        async def revise(title: str) -> str:
            revision = Revise(str(message), card(title))
            await staff.send(outbound(office.group.id, revision, thread=str(thread)))
            assert shown(office).text.startswith(title)
            return shown(office).kind

        thread, message = await office.room()
        assert await revise("One") == "text"
        office.telegram.serve((10, 3))
        clock.now += timedelta(hours=1)
        assert await revise("Two") == "rich_message"
        office.telegram.serve(OLD)
        assert await revise("Three") == "text"


async def test_a_text_tells_how_long_is_left(office: Office) -> None:
    office.telegram.serve(OLD)
    window = (DUE + timedelta(hours=20)).astimezone()
    await office.room(deadline=DUE, window=window)
    message = shown(office)
    assert "Due: 2026-11-22 14:30 UTC\nWindow closes: 2026-11-23 10:30 UTC" in message.text
    moments = [entity for entity in message.entities if entity["type"] == "date_time"]
    assert [(moment["unix_time"], moment["date_time_format"]) for moment in moments] == [
        (int(DUE.timestamp()), "r"),
        (int((DUE + timedelta(hours=20)).timestamp()), "r"),
    ]


async def test_a_token_that_is_revoked_is_no_old_server(office: Office) -> None:
    thread, _ = await office.room()
    office.telegram.revoke()
    stranger = connector(office.url, serves="staff")
    with pytest.raises(AccountSuspended, match="token"):
        await stranger.send(outbound(office.group.id, card("x"), thread=str(thread)))
    await stranger.close()
