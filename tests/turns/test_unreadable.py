"""Unreadable messages of customers: kept, shown to people, and never met with silence."""

import pytest

from bot.core.answering import HandOver
from bot.core.events import Unsupported
from orgs.translations import texts_in
from tests.turns.bench import Bench, states, to_customers, to_rooms

POLL = Unsupported("poll")


async def test_a_customer_of_an_agent_is_asked_for_words_once_in_a_row(desk: Bench) -> None:
    await desk.say("Hello", on="whatsapp")
    await desk.deliver()
    await desk.say(POLL, on="whatsapp", message="w1")
    [asked] = to_customers(await desk.deliver())
    assert asked == texts_in(desk.organization, "en").unreadable
    await desk.say(POLL, on="whatsapp", message="w2")
    assert to_customers(await desk.deliver()) == []
    id_ = await desk.say("In words, then", on="whatsapp")
    await desk.say(POLL, on="whatsapp", message="w3")
    assert to_customers(await desk.deliver()) == ["An answer.", asked]
    assert len(states(await desk.view(id_), "[poll]")) == 3


@pytest.mark.parametrize("how", [{}, {"automatic": True}, {"overheard": True}, {"private": False}])
async def test_a_sender_who_did_not_write_to_us_is_not_asked_for_words(
    desk: Bench, how: dict[str, bool]
) -> None:
    message = {"message": "w1"} if how else {}  # without one it is no message: somebody changed a setting
    await desk.say(POLL, on="whatsapp", **how, **message)
    assert to_customers(await desk.deliver()) == []


async def test_people_see_an_unreadable_message_in_the_room_and_answer_themselves(desk: Bench) -> None:
    accepted = await desk.hear(desk.event("Help!", on="whatsapp"))
    await desk.turn(lambda _: HandOver("A reason.", "why", trigger="security"))
    await desk.held(accepted.wakes[0].conversation)
    await desk.say(POLL, on="whatsapp", message="w1")
    left = await desk.deliver()
    assert to_customers(left) == []
    assert any("cannot show: poll" in text for text in to_rooms(left))
