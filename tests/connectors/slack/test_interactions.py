"""Buttons, forms and `/desk`, pressed and typed by people at the stand-in."""

import asyncio

from bot.core.events import Submitted, Tapped
from bot.core.outbound import Button, Card, CardTone, Post
from connectors.sandbox.fault import Fault, FaultKind
from connectors.slack.receiver import GUIDE

from .conftest import Desk, until

BUTTONS = (Button("take", "e-1", "Take"), Button("assign", "e-1", "Assign…"))
CARD = Card(title="Refund", speaking="Nobody speaks", tone=CardTone.URGENT, facts=(), buttons=BUTTONS)


async def test_a_button_on_the_card_comes_back_as_a_tap_in_its_thread(desk: Desk) -> None:
    sent = await desk.connector.send(desk.outbound(CARD))
    outcome = await desk.slack.click("ana", "support", sent.message, "take:0")
    assert outcome.taken
    event = await desk.inbox.event()
    assert event.content == Tapped("take", "e-1", "Take", sent.message)
    assert event.place == desk.place(sent.message)
    assert event.in_our_thread
    assert (event.sender.external_id, event.sender.display_name) == ("U0ANA", "ana")


async def test_assign_opens_a_form_whose_answer_is_the_event(desk: Desk) -> None:
    sent = await desk.connector.send(desk.outbound(CARD))
    assert (await desk.slack.click("ana", "support", sent.message, "assign:1")).taken
    assert desk.inbox.events == []
    (view,) = desk.slack.views("ana")
    assert view["callback_id"] == "assign"
    outcome = await desk.slack.submit_view("ana", view["id"], {"person": {"answer": "U0BEN"}})
    assert (outcome.taken, outcome.errors) == (True, {})
    event = await desk.inbox.event()
    assert event.content == Submitted("assign", "e-1", (("person", "U0BEN"),))
    assert event.place == desk.place(sent.message)
    assert desk.slack.views("ana") == []


async def test_a_person_whose_form_does_not_open_is_told_so(desk: Desk) -> None:
    sent = await desk.connector.send(desk.outbound(CARD))
    desk.script.faults["views.open"] = [Fault(FaultKind.SERVER_ERROR)]
    assert (await desk.slack.click("ana", "support", sent.message, "assign:1")).taken
    await desk.connector.close()
    assert ["press the button again" in whisper.text for whisper in desk.slack.ephemerals("ana")] == [True]


async def test_a_button_that_was_not_kept_is_not_acknowledged(desk: Desk) -> None:
    sent = await desk.connector.send(desk.outbound(Post("Choose", BUTTONS)))
    desk.inbox.failures = 1
    assert not (await desk.slack.click("ana", "support", sent.message, "take:0")).taken


async def test_the_command_is_answered_to_its_asker_alone(desk: Desk) -> None:
    desk.inbox.answer = "**Two** matters, see <x> & [here](https://a.b)"
    assert (await desk.slack.slash("ana", "support", "/desk", " escalations list ")).taken
    (command,) = desk.inbox.commands
    assert (command.text, command.place, command.sender.external_id) == (
        "escalations list",
        desk.place(),
        "U0ANA",
    )
    (answer,) = desk.slack.ephemerals("ana")
    assert answer.text == "*Two* matters, see &lt;x&gt; &amp; <https://a.b|here>"
    assert desk.slack.messages("support") == []


async def test_a_long_answer_is_cut_with_a_word_about_it(desk: Desk) -> None:
    desk.inbox.answer = "word " * 10_000
    assert (await desk.slack.slash("ana", "support", "/desk", "help")).taken
    (answer,) = desk.slack.ephemerals("ana")
    assert len(answer.blocks) == 5
    assert "longer than Slack shows" in answer.blocks[-1]["text"]["text"]


async def test_a_slow_command_is_acknowledged_at_once_and_answered_later(slow_desk: Desk) -> None:
    await slow_desk.connector.check()  # from this call the stand-in learns the address it is reached at
    gate = slow_desk.inbox.gate = asyncio.Event()
    assert (await slow_desk.slack.slash("ana", "support", "/desk", "bench")).taken
    assert [whisper.text for whisper in slow_desk.slack.ephemerals("ana")] == ["Working on it…"]
    gate.set()
    await slow_desk.connector.close()
    assert [whisper.text for whisper in slow_desk.slack.ephemerals("ana")] == ["Working on it…", "*Fine*"]


async def test_a_person_who_writes_to_the_app_itself_reads_how_to_use_it(desk: Desk) -> None:
    direct = desk.slack.open_direct("ana").id
    first = desk.slack.say("ana", direct, "Who is waiting?")
    desk.slack.say("ana", direct, "Hello?", first)
    await until(lambda: [m["text"] for m in desk.slack.messages(direct, first)].count(GUIDE) == 2)
    assert (await desk.slack.slash("ana", direct, "/desk", "help")).taken
    assert [command.place.chat for command in desk.inbox.commands] == [direct]


async def test_a_room_in_direct_messages_is_no_place_for_the_guide(desk: Desk) -> None:
    direct = desk.slack.open_direct("ana").id
    room = await desk.connector.send(desk.outbound(CARD, chat=direct))
    desk.slack.say("ana", direct, "I will call her.", room.message)
    event = await desk.inbox.event()
    assert (event.place, event.in_our_thread) == (desk.place(room.message, direct), True)
    await desk.slack.settled()
    await desk.connector.close()
    assert len(desk.slack.messages(direct, room.message)) == 2


async def test_a_guide_that_slack_does_not_take_is_no_reason_to_send_again(desk: Desk) -> None:
    direct = desk.slack.open_direct("ana").id
    desk.script.faults["chat.postMessage"] = [Fault(FaultKind.RATE_LIMITED, 3)]
    desk.slack.say("ana", direct, "Who is waiting?")
    await desk.script.called("chat.postMessage", 1)
    await desk.slack.settled()
    await desk.connector.close()
    assert desk.script.calls.count("chat.postMessage") == 1
    assert len(desk.inbox.events) == 1


async def test_edits_and_reactions_in_the_apps_own_chat_are_not_answered(desk: Desk) -> None:
    direct = desk.slack.open_direct("ana").id
    first = desk.slack.say("ana", direct, "Who is waiting?")
    await desk.script.called("chat.postMessage", 1)
    desk.slack.edit_as("ana", direct, first, "Who waits?")
    desk.slack.react_as("ana", direct, first, "eyes")
    await desk.inbox.event(3)
    await desk.slack.settled()
    await desk.connector.close()
    assert desk.script.calls.count("chat.postMessage") == 1
