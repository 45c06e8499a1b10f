"""The button "Ask for phone number": pressed when it makes no sense, it asks nothing and says why."""

from dataclasses import replace

import pytest

from bot.core.conversation import View
from bot.core.events import ThreadControl
from orgs.translations import shipped
from tests.turns.bench import KNOWN, Bench, to_customers
from tests.turns.test_disclosure import held, to_people
from tests.turns.test_private_part import whispers

EN = shipped("en")


@pytest.fixture
async def view(desk: Bench) -> View:
    """Hugo has taken a conversation on a channel with such a button."""
    desk.capabilities["whatsapp"] = replace(KNOWN["whatsapp"], asks_number=True)
    return await held(desk, "whatsapp")


async def pressed(desk: Bench, view: View) -> tuple[list[str], list[str]]:
    """Press the button. Return what the customer reads, and what only the person who pressed reads."""
    await desk.press("ask_number", view)
    left = await desk.deliver()
    return to_customers(left), whispers(left)


async def test_the_customer_is_asked_once_until_they_have_written(desk: Bench, view: View) -> None:
    assert (await pressed(desk, view))[0] == [EN.asks_number]
    asked, told = await pressed(desk, view)
    assert asked == []
    assert any("asked for it already" in text for text in told)
    await desk.say("Why?", on="whatsapp")
    await desk.deliver()
    assert (await pressed(desk, view))[0] == [EN.asks_number]


async def test_two_presses_at_once_ask_once(desk: Bench, view: View) -> None:
    await desk.press("ask_number", view)
    await desk.press("ask_number", view)
    assert to_customers(await desk.deliver()) == [EN.asks_number]


async def test_a_customer_whose_number_is_known_is_not_asked_for_it(desk: Bench) -> None:
    desk.capabilities["whatsapp"] = replace(KNOWN["whatsapp"], asks_number=True)
    accepted = await desk.hear(desk.event("Help!", on="whatsapp", address="+491700000001"))
    await desk.turn(to_people)
    view = await desk.held(accepted.wakes[0].conversation)
    asked, told = await pressed(desk, view)
    assert asked == []
    assert any("+491700000001" in text for text in told)


async def test_a_channel_without_such_a_button_is_not_asked_for_one(desk: Bench) -> None:
    view = await held(desk, "telegram")
    asked, told = await pressed(desk, view)
    assert asked == []
    assert any("no button to share a number" in text for text in told)


async def test_asking_for_the_number_takes_the_chat_back_from_another_app(desk: Bench, view: View) -> None:
    await desk.say(ThreadControl(ours=False), on="whatsapp")
    await desk.deliver()
    assert (await pressed(desk, view))[0] == [EN.asks_number]
    await desk.turn()
    [control] = (await desk.view(view.conversation.id)).conversation.memory.controls
    assert control.ours
