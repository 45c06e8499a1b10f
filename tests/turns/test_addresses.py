"""Staff see who really writes, and what nobody needs to know is not kept."""

from datetime import UTC, datetime

import pytest

from bot.app.channels import CHANNELS
from bot.core.answering import HandOver
from bot.core.connector import ChannelKind
from bot.core.events import (
    Attachment,
    AttachmentKind,
    Channel,
    Content,
    Edited,
    Event,
    Place,
    Reference,
    Said,
    Sender,
    Started,
    Submitted,
    Tapped,
)
from bot.core.ids import ConversationId
from bot.core.outbound import Card
from bot.core.payment_cards import without_card_numbers
from bot.rooms.cards import card
from bot.turns.escaping import known_as
from storage.delivery_outcomes import Dead
from storage.rooms import room_view
from tests.turns.bench import Bench, to_rooms

CARD_NUMBER = "4111 1111 1111 1111"


async def card_of(desk: Bench, conversation: ConversationId) -> Card:
    view = await desk.view(conversation)
    assert view.escalation is not None
    assert view.escalation.room is not None
    async with desk.database.begin() as connection:
        found = await room_view(connection, desk.keys, view.escalation.room.id)
    kinds: dict[str, ChannelKind] = dict(CHANNELS)
    return card(found, desk.organization, kinds)


async def escalated(desk: Bench, text: str, who: str, **more: object) -> ConversationId:
    accepted = await desk.hear(desk.event(text, who, **more))  # type: ignore[arg-type]
    await desk.turn(lambda _: HandOver("A reason.", "why", trigger="security"))
    return accepted.wakes[0].conversation


@pytest.mark.parametrize(
    ("name", "called"),
    [
        ("Maya", "Maya"),
        ("", "m@b.example"),
        ("m@b.example", "m@b.example"),
        ("Maya <maya@bank.example>", "Maya <maya@bank.example> (m@b.example)"),
        ("maya\uff20bank.example", "maya\uff20bank.example (m@b.example)"),
        ("+49 151 1234567", "+49 151 1234567 (m@b.example)"),
    ],
)
def test_a_name_that_looks_like_an_address_does_not_stand_alone(name: str, called: str) -> None:
    assert known_as(name, "m@b.example") == called


async def test_the_card_tells_the_address_behind_the_name(desk: Bench) -> None:
    name = "Maya <maya@bank.example>"
    id_ = await escalated(desk, "Help!", "m@b.example", on="email", name=name, verified=False)
    drawn = await card_of(desk, id_)
    facts = dict(drawn.facts)
    assert facts["Address"] == "m@b.example"
    assert "Unverified" in facts["Identity"]
    assert "m@b.example" in drawn.title


async def test_a_customer_without_a_name_is_shown_by_their_address(desk: Bench) -> None:
    id_ = await escalated(desk, "Help!", "m@b.example", on="email", name="")
    drawn = await card_of(desk, id_)
    assert drawn.title.startswith("m@b.example")
    assert any("🗣 **m@b.example**" in text for text in to_rooms(await desk.deliver()))


async def test_two_of_one_name_in_one_thread_are_told_apart(desk: Bench) -> None:
    there = {"on": "slack-customers", "chat": "C1", "thread": "1.0", "shared": True, "name": "Maya"}
    await escalated(desk, "Help!", "U1", **there)
    await desk.deliver()
    await desk.say("Me too", "U1", **there)
    await desk.say("Refund it to me", "U2", **there)
    lines = to_rooms(await desk.deliver())
    assert lines[0].startswith("🗣 **Maya**\n")
    assert lines[1].startswith("🗣 **Maya (U2)** (with Maya)\n")


async def test_a_card_number_is_masked_before_it_is_stored(desk: Bench) -> None:
    id_ = await escalated(desk, f"My card is {CARD_NUMBER}", "maya", name=f"Maya {CARD_NUMBER}")
    await desk.say(Submitted("f", "", (("card", "4111111111111111"),)))
    view = await desk.view(id_)
    told = [m.text for m in view.story if "card" in m.text]
    assert told == ["My card is •••• •••• •••• 1111", "card: ••••••••••••1111"]
    drawn = await card_of(desk, id_)
    shown = str(drawn) + str(to_rooms(await desk.deliver()))
    assert "4111" not in shown
    assert "•••• 1111" in shown


FILE = Attachment(kind=AttachmentKind.DOCUMENT, ref="f1", name=f"{CARD_NUMBER}.pdf")


@pytest.mark.parametrize(
    "content",
    [
        Said("", (FILE,)),
        Edited("1", CARD_NUMBER),
        Edited("1", "", (FILE,)),
        Tapped("option", "1", CARD_NUMBER),
        Started(CARD_NUMBER),
        Submitted("f", "", (("card", CARD_NUMBER),)),
    ],
    ids=["file", "edit", "file of an edit", "tap", "start", "form"],
)
def test_a_card_number_is_masked_wherever_a_customer_can_type_it(content: Content) -> None:
    about = Reference(quote=CARD_NUMBER, author=CARD_NUMBER, origin=CARD_NUMBER)
    sent = Event(
        external_id="e1",
        place=Place(Channel("telegram"), "telegram", "1"),
        sender=Sender("1", CARD_NUMBER),
        content=content,
        occurred_at=datetime(2026, 1, 1, tzinfo=UTC),  # the microseconds of now may hold the number
        reference=about,
    )
    kept = str(without_card_numbers(sent))
    assert "4111" not in kept
    assert kept.count("1111") >= 4


def test_a_sender_without_an_address_goes_by_their_id() -> None:
    assert Sender("U1").address == "U1"


async def test_another_servers_text_about_a_failure_adds_no_markup_to_the_room(desk: Bench) -> None:
    id_ = await escalated(desk, "Help!", "m@b.example", on="email")
    view = await desk.held(id_)
    await desk.staff("I look into it", view, ref="s1")
    await desk.undo_is_over()
    evil = "550 [click](https://evil.example)\n\n🧑 **Hugo Martin** approved"
    left = await desk.deliver(lambda item: None if item.room else Dead(item, "failed", "send.refused", evil))
    await desk.turn()
    told = [text for text in to_rooms([*left, *await desk.deliver()]) if "550" in text]
    assert told
    for text in told:
        assert "[click](https" not in text
        assert "\n" not in text
