"""Words for one person of the staff: seen by them alone in the topic, where the server has such a thing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import pytest

from bot.core.errors import Refused
from bot.core.outbound import Button, Erase, Sent, Whisper
from connectors.telegram.connector import TelegramConnector
from connectors.telegram.ephemeral import UNSEEN
from tests.connectors.telegram.conftest import Office
from tests.connectors.telegram.rig import NOW, Inbox, connector, outbound
from tests.sandbox.telegram.wire_shapes import load_shapes, parameter_problems

TAKE = Button("take", "e1", "Take")
OVER = Button("take", "e1", "Take over", confirm="Take it from them?")
OLD = (10, 2)  # the last Bot API that overlooks `ephemeral_message_parameters`


def whisper(office: Office, text: str = "Only *you* hold this", press: str = "") -> Whisper:
    return Whisper(str(office.hugo.id), text, press)


def seen(office: Office, topic: int | None = None) -> list[str]:
    return [message.text for message in office.group.seen_alone(office.hugo, topic)]


def tries(office: Office) -> list[bool]:
    """Return for each call of sendMessage whether it was for one person."""
    return ["ephemeral_message_parameters" in call.params for call in office.telegram.sent("sendMessage")]


class Hours:
    """A clock that stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@asynccontextmanager
async def account(office: Office, clock: Hours) -> AsyncIterator[TelegramConnector]:
    made = connector(office.url, clock=clock, serves="staff", options={"groups": str(office.group.id)})
    yield made
    await made.close()


async def test_a_whisper_is_seen_by_one_person_alone_in_the_topic(office: Office) -> None:
    thread, _ = await office.room()
    grace = office.telegram.user("Grace Kim")
    office.group.join(grace)
    office.telegram.say(office.hugo, "/start")
    before = len(office.group.messages())
    sent = await office.send(whisper(office), thread=str(thread))
    (shown,) = office.group.seen_alone(office.hugo, thread)
    assert (shown.text, [entity["type"] for entity in shown.entities]) == ("Only you hold this", ["italic"])
    assert sent == Sent(message=f"ephemeral:{office.hugo.id}:{shown.ephemeral}")
    assert office.group.seen_alone(grace) == []
    assert len(office.group.messages()) == before
    assert [each.text for each in office.telegram.chat(office.hugo)] == ["/start"], "nothing in private"


async def test_a_whisper_is_deleted_where_it_is_and_one_that_is_gone_is_no_failure(office: Office) -> None:
    thread, _ = await office.room()
    sent = await office.send(whisper(office), thread=str(thread))
    for _ in range(2):
        assert await office.send(Erase(sent.message), thread=str(thread)) == Sent()
    assert seen(office) == []


@pytest.mark.long
async def test_a_refusal_is_shown_in_the_topic_and_on_the_button_that_was_pressed(office: Office) -> None:
    thread, message = await office.room(buttons=(TAKE,))
    query = office.group.tap(office.hugo, message, "Take")
    inbox = Inbox()
    await office.post_newest(inbox)
    (event,) = inbox.events
    await office.send(whisper(office, "**Carla** is handling this.", event.press), thread=str(thread))
    assert seen(office, thread) == ["Carla is handling this."]
    answer = office.telegram.tap_answer(query)
    assert answer is not None
    assert (answer.text, answer.show_alert) == ("Carla is handling this.", False)


async def test_a_bot_that_is_no_administrator_answers_a_press_alone(office: Office) -> None:
    thread, message = await office.room(buttons=(TAKE,))
    office.telegram.say(office.hugo, "/start")
    office.group.settings(administrator=False)
    for _ in range(2):
        await office.send(whisper(office, "Not by a press"), thread=str(thread))
    assert seen(office) == []
    assert [each.text.split("\n")[0] for each in office.telegram.chat(office.hugo)[1:]] == [
        "Not by a press"
    ] * 2
    assert tries(office).count(True) == 1, "the group is not asked again"
    query = office.group.tap(office.hugo, message, "Take")
    await office.send(whisper(office, "By a press", query), thread=str(thread))
    assert seen(office, thread) == ["By a press"]


async def test_a_press_of_long_ago_is_answered_in_the_topic_all_the_same(office: Office) -> None:
    thread, message = await office.room(buttons=(TAKE,))
    await office.send(whisper(office, "Too late", "no-such-query"), thread=str(thread))
    assert seen(office, thread) == ["Too late"]
    assert message


async def test_a_group_that_refused_is_asked_again_after_an_hour(office: Office) -> None:
    thread, _ = await office.room()
    office.telegram.say(office.hugo, "/start")
    office.group.settings(administrator=False)
    clock = Hours()
    async with account(office, clock) as staff:

        async def say(text: str) -> None:
            await staff.send(outbound(office.group.id, whisper(office, text), 0, str(thread)))

        await say("one")
        office.group.settings(administrator=True)
        await say("two")
        assert seen(office) == []
        clock.now += timedelta(hours=1)
        await say("three")
        assert seen(office, thread) == ["three"]


async def test_a_whisper_to_somebody_outside_the_group_does_not_stop_other_whispers(office: Office) -> None:
    thread, _ = await office.room()
    farid = office.telegram.user("Farid")
    office.telegram.say(farid, "/start")
    await office.send(whisper(office, "one"), thread=str(thread))
    await office.send(Whisper(str(farid.id), "two"), thread=str(thread))
    await office.send(whisper(office, "three"), thread=str(thread))
    assert seen(office, thread) == ["one", "three"]
    assert office.telegram.chat(farid)[-1].text.startswith("two\n\n")


async def test_a_bot_that_was_removed_from_the_group_tells_it_in_private(office: Office) -> None:
    thread, _ = await office.room()
    office.telegram.say(office.hugo, "/start")
    office.group.settings(bot_inside=False)
    await office.send(whisper(office, "It is over"), thread=str(thread))
    assert office.telegram.chat(office.hugo)[-1].text.startswith("It is over\n\n")


async def test_a_group_in_whose_name_somebody_wrote_is_answered_in_the_topic(office: Office) -> None:
    thread, _ = await office.room()
    await office.send(Whisper(f"anonymous:{office.group.id}", "Who was it?"), thread=str(thread))
    assert office.group.messages(thread)[-1].text.startswith("Who was it?\n\nThis was written in the name")


# The question before a deed


async def test_a_press_that_needs_confirming_is_asked_about_in_the_topic_and_on_the_button(
    office: Office,
) -> None:
    thread, message = await office.room(buttons=(OVER,))
    inbox = Inbox()
    query = office.group.tap(office.hugo, message, "Take over")
    await office.post_newest(inbox)
    await office.account.close()  # whatever was begun is done
    assert seen(office, thread) == ["Sure? Press it once more, and it is done."]
    answer = office.telegram.tap_answer(query)
    assert answer is not None
    assert (answer.text[:5], answer.show_alert, inbox.events) == ("Sure?", False, [])


async def test_on_an_older_server_the_question_waits_on_the_button(office: Office) -> None:
    office.telegram.serve(OLD)
    _, message = await office.room(buttons=(OVER,))
    query = office.group.tap(office.hugo, message, "Take over")
    await office.post_newest(Inbox())
    await office.account.close()
    answer = office.telegram.tap_answer(query)
    assert answer is not None
    assert (answer.text[:5], answer.show_alert) == ("Sure?", True)


# What is answered to a whisper


async def test_a_person_who_answers_a_whisper_is_told_that_nobody_sees_it(office: Office) -> None:
    thread, _ = await office.room()
    await office.send(whisper(office), thread=str(thread))
    (told,) = office.group.seen_alone(office.hugo)
    office.group.settings(administrator=False)  # it may answer all the same
    office.group.answer_alone(office.hugo, told.ephemeral, "Yes, I do")
    inbox = Inbox()
    await office.post_newest(inbox)
    await office.account.close()
    assert seen(office, thread)[-1] == UNSEEN
    assert (inbox.events, inbox.commands) == ([], [])


async def test_a_command_that_nobody_sees_is_no_command(office: Office) -> None:
    thread, _ = await office.room()
    await office.send(whisper(office), thread=str(thread))
    (told,) = office.group.seen_alone(office.hugo)
    office.group.answer_alone(office.hugo, told.ephemeral, "/desk status")
    inbox = Inbox()
    await office.post_newest(inbox)
    await office.account.close()
    assert inbox.commands == []
    assert seen(office, thread)[-1] == UNSEEN


# The protocol


async def test_whispers_are_as_the_bot_api_is_published(office: Office) -> None:
    shapes = load_shapes()
    thread, message = await office.room(buttons=(TAKE,))
    query = office.group.tap(office.hugo, message, "Take")
    sent = await office.send(whisper(office, press=query), thread=str(thread))
    (told,) = office.group.seen_alone(office.hugo)
    assert shapes.problems(office.telegram.wire(told), "Message") == []
    await office.send(Erase(sent.message), thread=str(thread))
    calls = office.telegram.sent()
    assert {"sendMessage", "answerCallbackQuery", "deleteEphemeralMessage"} <= {call.method for call in calls}
    for call in calls:
        assert parameter_problems(shapes, call) == []


# Older servers


async def test_an_older_server_is_tried_once_and_the_whisper_is_taken_back(office: Office) -> None:
    office.telegram.serve(OLD)
    thread, _ = await office.room()
    office.telegram.say(office.hugo, "/start")
    before = len(office.group.messages())
    for text in ("one", "two"):
        await office.send(whisper(office, text), thread=str(thread))
    assert len(office.group.messages()) == before
    assert [each.text.split("\n")[0] for each in office.telegram.chat(office.hugo)[1:]] == ["one", "two"]
    assert tries(office).count(True) == 1


async def test_an_older_server_that_does_not_know_of_deleting_keeps_no_erasure_waiting(
    office: Office,
) -> None:
    thread, _ = await office.room()
    sent = await office.send(whisper(office), thread=str(thread))
    office.telegram.serve((10, 1))
    assert await office.send(Erase(sent.message), thread=str(thread)) == Sent()


async def test_a_whisper_on_an_older_server_is_a_private_message_that_leads_to_the_topic(
    office: Office,
) -> None:
    office.telegram.serve(OLD)
    thread, _ = await office.room()
    office.telegram.say(office.hugo, "/start")
    before = len(office.group.messages())
    await office.send(whisper(office, "Only you hold this"), thread=str(thread))
    shown = office.telegram.chat(office.hugo)[-1]
    assert shown.text == "Only you hold this\n\nOpen the topic"
    assert shown.entities[0]["url"] == f"https://t.me/c/{str(office.group.id)[4:]}/{thread}"
    assert len(office.group.messages()) == before


@pytest.mark.long
async def test_a_refusal_is_shown_on_the_button_and_once_that_is_answered_in_private(office: Office) -> None:
    office.telegram.serve(OLD)
    thread, message = await office.room(buttons=(TAKE,))
    office.telegram.say(office.hugo, "/start")
    query = office.group.tap(office.hugo, message, "Take")
    inbox = Inbox()
    await office.post_newest(inbox)
    (event,) = inbox.events
    refusal = Whisper(str(office.hugo.id), "**Carla** is handling this.", event.press)
    await office.send(refusal, thread=str(thread))
    answer = office.telegram.tap_answer(query)
    assert answer is not None
    assert (answer.text, answer.show_alert) == ("Carla is handling this.", True)
    await office.send(refusal, thread=str(thread))
    assert office.telegram.chat(office.hugo)[-1].text == "Carla is handling this.\n\nOpen the topic"


async def test_a_refusal_too_long_for_the_button_is_said_in_private(office: Office) -> None:
    office.telegram.serve(OLD)
    thread, message = await office.room(buttons=(TAKE,))
    office.telegram.say(office.hugo, "/start")
    query = office.group.tap(office.hugo, message, "Take")
    await office.send(Whisper(str(office.hugo.id), "word " * 50, query), thread=str(thread))
    assert office.telegram.chat(office.hugo)[-1].text.startswith("word word")


async def test_a_whisper_to_a_person_who_has_not_started_the_bot_is_posted_in_the_topic(
    office: Office,
) -> None:
    office.telegram.serve(OLD)
    thread, _ = await office.room()
    told = await office.send(Whisper(str(office.hugo.id), "Take it *first*."), thread=str(thread))
    assert told == Sent(message=told.message)
    assert told.message, "it can be deleted there"
    shown = office.group.messages(thread)[-1]
    assert shown.text == "Hugo Brandt: Take it first."
    assert shown.entities[0]["url"] == f"tg://user?id={office.hugo.id}"
    assert office.telegram.chat(office.hugo) == []
    with pytest.raises(Refused):
        await office.send(Whisper("U0SLACK", "psst"), thread=str(thread))


async def test_an_undeliverable_whisper_outside_of_topics_is_posted_nowhere(office: Office) -> None:
    office.telegram.serve(OLD)
    assert await office.send(Whisper(str(office.hugo.id), "psst")) == Sent()
    assert office.group.messages() == []
