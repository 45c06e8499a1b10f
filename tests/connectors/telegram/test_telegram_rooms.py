"""A private group with topics as the staff's rooms, over the wire."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from bot.core.errors import PlaceGone, Refused
from bot.core.events import AttachmentKind, Edited, Ignored, Place, Reacted, Said, Tapped, WorkplaceChanged
from bot.core.ids import utc_now
from bot.core.outbound import Button, CardTone, Invite, Mark, Post, React, Revise, Sent
from connectors.sandbox.telegram import GroupChat
from connectors.telegram.connector import CHANNEL, TelegramConnector
from tests.connectors.telegram.conftest import Office, card
from tests.connectors.telegram.rig import TOKEN, Inbox, connector, outbound, resources, settings
from tests.sandbox.telegram.wire_shapes import load_shapes, parameter_problems

TAKE = Button("take", "e1", "Take")


def names(office: Office) -> list[str]:
    return [topic.name for topic in office.group.topics()]


async def test_a_topic_has_an_address() -> None:
    place = Place(CHANNEL, "staff", "-1001234567890", "77")
    assert await connector("http://127.0.0.1:1").permalink(place) == "https://t.me/c/1234567890/77"


# The card


async def test_a_card_begins_a_topic_and_then_stands_in_it(office: Office) -> None:
    begun = await office.send(card("Maya needs a person", buttons=(TAKE,)))
    (topic,) = office.group.topics()
    assert begun == Sent(thread=str(topic.id), more=True)
    assert (topic.name, office.group.messages()) == ("🟡 Maya needs a person", [])

    posted = await office.send(card("Maya needs a person", buttons=(TAKE,)), thread=begun.thread, part=1)
    (shown,) = office.group.messages(topic.id)
    assert posted == Sent(message=str(shown.message_id), thread=begun.thread)
    assert shown.text.startswith("Maya needs a person\nNobody speaks")
    assert [button["text"] for row in shown.buttons for button in row] == ["Take"]


async def test_a_card_in_a_topic_that_is_known_begins_no_other(office: Office) -> None:
    thread, _ = await office.room()
    sent = await office.send(card("Again"), thread=str(thread))
    assert (sent.thread, sent.more) == (str(thread), False)
    assert len(office.group.topics()) == 1


async def test_a_topic_whose_id_got_lost_is_not_begun_twice(office: Office) -> None:
    await office.send(card("Maya"))
    with pytest.raises(Refused, match="no_topic"):
        await office.send(card("Maya"), part=1)
    assert len(office.group.topics()) == 1


async def test_a_topic_has_a_colour_by_tone_and_a_name_that_telegram_takes(office: Office) -> None:
    for tone in CardTone:
        await office.send(card("name " * 60, tone=tone))
    assert len({topic.icon_color for topic in office.group.topics()}) == len(CardTone)
    assert all(len(name) <= 128 and name.endswith("…") for name in names(office))


async def test_a_revised_card_tells_in_the_name_of_its_topic_how_it_stands(office: Office) -> None:
    thread, message = await office.room()
    held = card("Maya: in good hands", tone=CardTone.CALM, buttons=(TAKE,))
    for _ in range(2):  # the second changes nothing, and is no mistake
        await office.send(Revise(str(message), held), thread=str(thread))
    assert names(office) == ["🟢 Maya: in good hands"]
    assert office.group.messages()[0].text.startswith("Maya: in good hands")


async def test_a_room_that_is_done_is_closed_and_opened_again_when_it_is_current_again(
    office: Office,
) -> None:
    thread, message = await office.room()
    for _ in range(2):
        await office.send(Revise(str(message), card("Maya: solved", tone=CardTone.DONE)), thread=str(thread))
    assert (names(office), office.group.topics()[0].closed) == (["✅ Maya: solved"], True)
    assert office.group.messages()[0].buttons == ()
    # Words that were on their way still get into it: the bot manages topics.
    await office.send(Post("Solved by Hugo"), thread=str(thread))
    for _ in range(2):
        await office.send(Revise(str(message), card("Maya again", tone=CardTone.URGENT)), thread=str(thread))
    assert (names(office), office.group.topics()[0].closed) == (["🔴 Maya again"], False)


UNFIT: list[tuple[str, Callable[[GroupChat], None]]] = [
    ("turn them on", lambda group: group.settings(forum=False)),
    ("manage topics", lambda group: group.settings(manages_topics=False)),
    ("manage topics", lambda group: group.settings(administrator=False)),
]


@pytest.mark.parametrize(("sentence", "unfit"), UNFIT)
async def test_a_group_that_can_hold_no_rooms_is_refused_in_a_sentence(
    office: Office, sentence: str, unfit: Callable[[GroupChat], None]
) -> None:
    unfit(office.group)
    with pytest.raises(Refused, match=sentence):
        await office.send(card("Maya"))
    with pytest.raises(Refused, match=sentence):
        await office.account.check()


async def test_a_topic_that_somebody_deleted_is_said_to_be_gone(office: Office) -> None:
    thread, message = await office.room()
    office.group.delete_topic(thread)
    with pytest.raises(PlaceGone, match="topic"):
        await office.send(Post("hello"), thread=str(thread))
    with pytest.raises(PlaceGone, match="card"):
        await office.send(Revise(str(message), card("x")), thread=str(thread))


# What staff do


async def test_words_in_a_topic_are_said_there(office: Office) -> None:
    thread, card_message = await office.room()
    said = office.group.say(office.hugo, "I am on it", topic=thread)
    (event,) = await office.heard()
    assert event.content == Said("I am on it")
    assert event.place == Place(CHANNEL, "support-bot", str(office.group.id), str(thread))
    assert (event.sender.external_id, event.sender.display_name) == (str(office.hugo.id), "Hugo Brandt")
    assert (event.message, event.reply_to, event.in_our_thread) == (str(said.message_id), "", True)
    office.group.say(office.hugo, "This?", reply_to=card_message)
    (event,) = await office.heard()
    assert (event.reply_to, event.in_our_thread) == (str(card_message), True)


async def test_a_topic_that_we_did_not_begin_is_not_ours(office: Office) -> None:
    topic = office.group.begin_topic(office.hugo, "Lunch")
    assert [event.content for event in await office.heard()] == [Ignored("forum_topic_created")]
    office.group.say(office.hugo, "Pizza?", topic=topic.id)
    (event,) = await office.heard()
    assert not event.in_our_thread


async def test_messages_outside_topics_and_of_the_group_itself_are_not_heard(office: Office) -> None:
    thread, _ = await office.room()
    office.group.say(office.hugo, "good morning")
    assert await office.heard() == []
    office.group.close_topic(office.hugo, thread)
    assert not [event for event in await office.heard() if not isinstance(event.content, WorkplaceChanged)]
    office.telegram.say(office.hugo, "/start")
    assert await office.heard() == []
    office.telegram.say(office.hugo, "hello bot")
    assert await office.heard() == []


async def test_a_strangers_group_is_not_heard(office: Office) -> None:
    mallory = office.telegram.user("Mallory")
    strange = office.telegram.group("Strange", [mallory])
    topic = strange.begin_topic(mallory, "Come in")
    strange.say(mallory, "hello", topic=topic.id)
    assert await office.heard() == []
    strange.say(mallory, "/desk conversations", topic=topic.id)
    (update,) = (await office.account._updates(None))[-1:]
    assert office.account._read(update).command is None


async def test_an_edit_a_reaction_and_a_file_come_from_the_topic_too(office: Office) -> None:
    thread, _ = await office.room()
    said = office.group.say(office.hugo, "teh", topic=thread)
    await office.account._updates(None)  # asks for reactions
    office.group.edit(office.hugo, said.message_id, "the")
    (event,) = await office.heard()
    assert event.content == Edited(str(said.message_id), "the")
    assert (event.place.thread, event.in_our_thread) == (str(thread), True)
    office.group.react(office.hugo, said.message_id, "👀")
    (event,) = await office.heard()
    assert event.content == Reacted(str(said.message_id), "👀", True)
    assert event.place.chat == str(office.group.id)
    office.group.send_media(office.hugo, "document", b"bill", topic=thread, name="bill.pdf", caption="see")
    (event,) = await office.heard()
    assert isinstance(event.content, Said)
    (attachment,) = event.content.attachments
    assert (event.content.text, attachment.name, attachment.file) == ("see", "bill.pdf", "")
    assert b"".join([piece async for piece in office.account.open(attachment.ref)]) == b"bill"


@pytest.mark.long
async def test_a_tap_on_the_card_comes_from_the_topic_and_is_answered(office: Office) -> None:
    thread, message = await office.room(buttons=(TAKE,))
    query = office.group.tap(office.hugo, message, "Take")
    inbox = Inbox()
    await office.post_newest(inbox)
    (event,) = inbox.events
    assert event.content == Tapped("take", "e1", "Take", str(message))
    assert (event.place.thread, event.in_our_thread) == (str(thread), True)
    await office.account.close()
    assert office.telegram.tap_answer(query) is not None


@pytest.mark.long
async def test_a_button_that_asks_first_is_pressed_twice(office: Office) -> None:
    over = Button("take", "e1", "Take over", confirm="Take it from them?")
    _, message = await office.room(buttons=(over, Button("x" * 70, "e1", "Long", confirm="Sure?")))
    grace = office.telegram.user("Grace Kim")
    office.group.join(grace)
    inbox = Inbox()
    first = office.group.tap(office.hugo, message, "Take over")
    await office.post_newest(inbox, times=2)  # told again it is still the first
    office.group.tap(grace, message, "Take over")
    await office.post_newest(inbox)
    office.group.tap(office.hugo, message, "Long")
    await office.post_newest(inbox)
    assert inbox.events == []
    second = office.group.tap(office.hugo, message, "Take over")
    await office.post_newest(inbox, times=2)
    assert {event.content for event in inbox.events} == {Tapped("take", "e1", "Take over", str(message))}
    office.group.tap(office.hugo, message, "Long")
    await office.post_newest(inbox)
    assert inbox.events[-1].content == Tapped("x" * 70, "e1", "Long", str(message))
    await office.account.close()
    asked, done = office.telegram.tap_answer(first), office.telegram.tap_answer(second)
    assert asked is not None
    assert done is not None
    assert (asked.text[:5], asked.show_alert, done.text) == ("Sure?", False, "")
    questions = [office.group.seen_alone(each) for each in (office.hugo, grace)]
    assert [[shown.text[:5] for shown in seen] for seen in questions] == [["Sure?"] * 2, ["Sure?"]]


# What staff see


async def test_words_marks_and_files_get_into_the_topic(office: Office) -> None:
    lent = resources()
    attachment = lent.files.attach(
        AttachmentKind.DOCUMENT, b"paper", mime_type="application/pdf", name="a.pdf"
    )
    account = TelegramConnector(settings(office.url, serves="staff"), lent)
    thread, _ = await office.room()
    said = office.group.say(office.hugo, "hi", topic=thread)
    for part in (0, 1):
        post = Post("**Maya**: see", attachments=(attachment,), reply_to=str(said.message_id))
        await account.send(outbound(office.group.id, post, part, str(thread)))
    await account.close()
    text, document = office.group.messages(thread)[-2:]
    assert (text.text, text.reply_to, document.kind) == ("Maya: see", said.message_id, "document")
    assert office.telegram.file(document.file_id) == b"paper"
    for mark in Mark:
        await office.send(React(str(said.message_id), mark), thread=str(thread))
    shown = next(each for each in office.group.messages(thread) if each.message_id == said.message_id)
    assert shown.reactions == (("bot", "🕊"),)


async def test_a_post_that_calls_somebody_mentions_them(office: Office) -> None:
    thread, _ = await office.room()
    await office.send(
        Post("🔔 **Hugo** is asked", calls=str(office.hugo.id), buttons=(TAKE,)), thread=str(thread)
    )
    shown = office.group.messages(thread)[-1]
    assert shown.text == "\u200b🔔 Hugo is asked"
    called, bold = shown.entities
    assert (called["url"], called["offset"], called["length"]) == (f"tg://user?id={office.hugo.id}", 0, 1)
    assert (bold["type"], bold["offset"]) == ("bold", 4)
    await office.send(Post("Nobody we know", calls="U0SLACK"), thread=str(thread))
    assert office.group.messages(thread)[-1].text == "Nobody we know"


async def test_a_called_person_who_is_not_in_the_group_is_reported_absent(office: Office) -> None:
    thread, _ = await office.room()
    stranger = office.telegram.user("Farid")
    inside = await office.send(Post("Please look", calls=str(office.hugo.id)), thread=str(thread))
    outside = await office.send(Post("Please look", calls=str(stranger.id)), thread=str(thread))
    assert (inside.absent, outside.absent) == (False, True)


async def test_an_invitation_is_a_link_for_one_person(office: Office) -> None:
    thread, _ = await office.room()
    stranger = office.telegram.user("Farid")
    office.telegram.say(stranger, "/start")
    await office.send(Invite(str(stranger.id)), thread=str(thread))
    assert "https://t.me/+" in office.telegram.chat(stranger)[-1].text
    office.group.settings(invites_users=False)
    with pytest.raises(Refused, match="no_right"):
        await office.send(Invite(str(stranger.id)), thread=str(thread))


async def test_nothing_in_a_text_can_mention_anybody(office: Office) -> None:
    thread, _ = await office.room()
    await office.send(Post(f"[you](tg://user?id={office.hugo.id})"), thread=str(thread))
    assert office.group.messages(thread)[-1].entities == ()


# Setting up


async def test_check_says_who_we_are_and_what_is_wrong_with_a_group(office: Office) -> None:
    assert await office.account.check() == "@sandbox_desk_bot"
    for groups, sentence in (("-100999", "add it to the group"), ("Billing", "-100")):
        account = connector(office.url, serves="staff", options={"groups": f"{office.group.id}, {groups}"})
        with pytest.raises(Refused, match=sentence):
            await account.check()
        await account.close()
    office.group.settings(bot_inside=False)
    with pytest.raises(Refused, match="add it to the group"):
        await office.account.check()


async def test_a_bot_that_does_not_hear_customers_in_their_group_is_told_of(office: Office) -> None:
    account = connector(office.url, groups=True, options={"groups": str(office.group.id)})
    assert await account.check() == "@sandbox_desk_bot"
    office.group.settings(administrator=False)
    with pytest.raises(Refused, match="privacy mode"):
        await account.check()
    await account.close()


@pytest.mark.long
async def test_a_group_that_allows_few_reactions_is_told_of(office: Office) -> None:
    thread, message = await office.room()
    office.group.settings(reactions=["👍"])
    with pytest.raises(Refused, match="allow all"):
        await office.account.check()
    with pytest.raises(Refused, match="allow all"):
        await office.send(React(str(message), Mark.WAITING), thread=str(thread))


async def test_a_message_that_is_gone_needs_no_mark(office: Office) -> None:
    thread, _ = await office.room()
    said = office.group.say(office.hugo, "oops", topic=thread)
    office.group.delete(said.message_id)
    assert await office.send(React(str(said.message_id), Mark.SENT), thread=str(thread)) == Sent()


async def test_a_webhook_that_telegram_cannot_reach_is_told_of(office: Office, free_port: int) -> None:
    account = connector(office.url, clock=utc_now, public_url=f"http://127.0.0.1:{free_port}")
    await account.register()
    assert await account.check() == "@sandbox_desk_bot"
    office.telegram.say(office.hugo, "hello?")
    async with asyncio.timeout(120):
        while "last_error_date" not in office.telegram.webhook_info():  # noqa: ASYNC110
            await asyncio.sleep(0)
    with pytest.raises(Refused, match="PUBLIC_URL"):
        await account.check()
    await account.close()


async def test_an_invitation_is_a_link_that_brings_its_token_back(office: Office) -> None:
    assert await office.account.invitation("a-B_9") == "https://t.me/sandbox_desk_bot?start=a-B_9"
    await office.account.invitation("again")
    assert len(office.telegram.sent("getMe")) == 1
    for token in ("", "a b", "a" * 65, "ä"):
        with pytest.raises(Refused):
            await office.account.invitation(token)


def test_groups_are_written_to_no_faster_than_telegram_lets_them() -> None:
    usual = connector(TOKEN, serves="staff").capabilities
    assert usual.chat_burst + timedelta(minutes=1) / usual.chat_interval <= 20
    assert usual.chat_burst >= 3  # a topic, its card and the story
    own = connector(TOKEN, serves="staff", chat_interval=timedelta(seconds=1)).capabilities
    assert (own.chat_interval, own.chat_burst) == (timedelta(seconds=1), 1)


async def test_a_customers_group_rests_longer_than_a_private_chat(office: Office) -> None:
    account = connector(office.url, groups=True)
    sent = await account.send(outbound(office.group.id, Post("hello")))
    assert sent.rest == timedelta(seconds=3)
    office.telegram.say(office.hugo, "/start")
    assert (await account.send(outbound(office.hugo.id, Post("hello")))).rest == timedelta()
    await account.close()


async def test_everything_sent_to_a_room_is_as_the_bot_api_is_published(office: Office) -> None:
    shapes = load_shapes()
    due = datetime(2026, 11, 22, 14, 30, tzinfo=UTC)
    thread, message = await office.room(deadline=due, buttons=(TAKE,))
    for tone in (CardTone.DONE, CardTone.CALM):
        await office.send(Revise(str(message), card("x", tone=tone)), thread=str(thread))
    await office.account.check()
    office.group.say(office.hugo, "/desk help", topic=thread)
    await office.post_newest(Inbox())
    await office.account.register()
    await office.account.close()
    calls = office.telegram.sent()
    assert {"createForumTopic", "closeForumTopic", "reopenForumTopic", "setMyCommands"} <= {
        call.method for call in calls
    }
    for call in calls:
        assert parameter_problems(shapes, call) == []
