"""Channels on which each message costs money: one turn sends one message where one will do."""

from dataclasses import replace

import pytest

from bot.core.answering import Clarify, HandOver, Option
from bot.core.conversation import Role
from bot.core.events import Price, Receipt, ReceiptStatus, Started, Unsupported
from bot.core.ids import ConversationId
from bot.core.outbound import Post
from bot.turns.story import said
from orgs.specification.texts import fill
from storage import prices
from storage.prices import Charged
from tests.disclosure import undisclosed
from tests.turns.bench import KNOWN, Bench, Left, message, to_customers
from tests.turns.test_numbers import COPY, EN, copy_in, number_of, stored

FOR_NUMBER = "What is my case number?"
MAYA = "+491700000001"
ASKS = Clarify("Which one?", (Option("a", "This"), Option("b", "That")), "why")


@pytest.fixture
def billed(desk: Bench) -> Bench:
    desk.capabilities["whatsapp"] = replace(KNOWN["whatsapp"], charges=True, text_limit=4096)
    return desk


async def opened_and_asked(desk: Bench, answer: object) -> list[Left]:
    """Maya opens the chat, sends what nobody can read, and asks, all before we look."""
    events = [desk.event(deed, MAYA, on="whatsapp") for deed in (Started(""), "How do I pay?")]
    await desk.hear(*events)
    await desk.turn(lambda _: answer)  # type: ignore[arg-type,return-value]
    return [one for one in await desk.deliver() if one.item.room is None]


async def test_a_greeting_and_an_answer_of_one_turn_leave_as_one_message(billed: Bench) -> None:
    [left] = await opened_and_asked(billed, ASKS)
    greeting, question = undisclosed(left.text).split("\n\n")
    assert "Brightdesk" in greeting
    assert question == "Which one?"
    assert isinstance(left.operation, Post)
    assert [button.label for button in left.operation.buttons] == ["This", "That"]
    view = await billed.view(left.item.conversation)
    assert [said(m) for m in view.story if m.role is Role.AGENT] == [left.text]


async def test_an_answer_joined_with_a_notice_of_ours_is_the_agents(billed: Bench) -> None:
    await billed.hear(
        billed.event(Unsupported("poll"), MAYA, on="whatsapp", message="m-poll"),
        billed.event("How do I pay?", MAYA, on="whatsapp"),
    )
    await billed.turn()
    [text] = to_customers(await billed.deliver())
    assert text.endswith("\n\nAn answer.")
    [[id_]] = await billed.rows("select id from conversations")
    assert message(await billed.view(id_), text).role is Role.AGENT  # type: ignore[arg-type]


async def test_a_handoff_is_joined_with_the_words_before_it(billed: Bench) -> None:
    left = await opened_and_asked(billed, HandOver("A reason.", "why", trigger="security"))
    assert len(left) == 1
    assert "You are handed over." in left[0].text


async def test_an_answer_that_does_not_fit_is_sent_as_a_message_of_its_own(billed: Bench) -> None:
    billed.capabilities["whatsapp"] = replace(billed.capabilities["whatsapp"], text_limit=60)
    assert len(await opened_and_asked(billed, ASKS)) == 2


async def asked_at_once(desk: Bench, *texts: str) -> tuple[ConversationId, list[Left]]:
    id_ = await desk.say("My spade is blunt", MAYA, on="whatsapp")
    await desk.deliver()
    await desk.hear(*(desk.event(text, MAYA, on="whatsapp") for text in texts))
    await desk.turn()
    return id_, [one for one in await desk.deliver() if one.item.room is None]


@pytest.mark.parametrize("texts", [(FOR_NUMBER, "How do I pay?"), ("How do I pay?", FOR_NUMBER)])
async def test_the_number_and_an_answer_of_one_turn_leave_as_one_message(
    billed: Bench, texts: tuple[str, ...]
) -> None:
    id_, [left] = await asked_at_once(billed, *texts)
    number = fill(EN.case_number, number=await number_of(billed, id_))
    assert undisclosed(left.text) == f"{number}\n\nAn answer."


async def test_a_copy_is_announced_in_the_message_with_the_number_and_the_answer(billed: Bench) -> None:
    id_, [left] = await asked_at_once(billed, FOR_NUMBER, COPY, "How do I pay?")
    number = await number_of(billed, id_)
    parts = [fill(EN.case_number, number=number), fill(EN.case_copy, number=number), "An answer."]
    assert undisclosed(left.text) == "\n\n".join(parts)
    _, text = await copy_in(billed)
    assert "My spade is blunt" in text
    await stored(billed, id_)
    [file] = [one for one in await billed.deliver() if one.item.room is None]
    assert isinstance(file.operation, Post)
    [attachment] = file.operation.attachments
    assert attachment.name == f"{number[1:]}.txt"
    assert file.text == ""


async def test_where_the_number_and_the_answer_are_too_long_for_one_they_are_two(billed: Bench) -> None:
    billed.capabilities["whatsapp"] = replace(billed.capabilities["whatsapp"], text_limit=40)
    _, left = await asked_at_once(billed, FOR_NUMBER, "How do I pay?")
    assert len(left) == 2


async def test_where_messages_cost_nothing_each_stands_for_itself(desk: Bench) -> None:
    assert len(await opened_and_asked(desk, ASKS)) == 2


async def test_words_of_two_turns_are_two_messages(billed: Bench) -> None:
    await billed.say("How do I pay?", MAYA, on="whatsapp")
    await billed.say("And when?", MAYA, on="whatsapp")
    assert to_customers(await billed.deliver()) == ["An answer.", "An answer."]


async def test_messages_of_a_person_are_not_joined(billed: Bench) -> None:
    accepted = await billed.hear(billed.event("Help!", MAYA, on="whatsapp"))
    await billed.turn(lambda _: HandOver("A reason.", "why", trigger="security"))
    view = await billed.held(accepted.wakes[0].conversation)
    await billed.staff("One.", view, ref="s1")
    await billed.staff("Two.", view, ref="s2")
    await billed.undo_is_over()
    assert to_customers(await billed.deliver()) == ["One.", "Two."]


async def told(desk: Bench, status: ReceiptStatus, ref: str, price: Price | None, n: int = 0) -> None:
    receipt = Receipt(status=status, messages=(ref,), price=price)
    await desk.hear(desk.event(receipt, MAYA, on="whatsapp", external_id=f"{status}:{ref}:{n}"))


async def charged(desk: Bench) -> tuple[Charged, ...]:
    async with desk.database.begin(desk.tenant) as connection:
        return await prices.charged(connection, desk.tenant)


async def test_a_charge_is_counted_once_for_each_message_that_arrived(desk: Bench) -> None:
    await desk.say("How do I pay?", MAYA, on="whatsapp")
    service, free = (
        Price("service", "regular", billed=True),
        Price("utility", "free_entry_point", billed=False),
    )
    await told(desk, ReceiptStatus.SENT, "w1", service)  # on its way, and charged only when it arrives
    assert await charged(desk) == ()
    await told(desk, ReceiptStatus.DELIVERED, "w1", service)
    await told(desk, ReceiptStatus.READ, "w1", service)
    await told(desk, ReceiptStatus.DELIVERED, "w1", service, n=1)
    await told(desk, ReceiptStatus.READ, "w2", service)
    await told(desk, ReceiptStatus.DELIVERED, "w3", free)
    await told(desk, ReceiptStatus.DELIVERED, "w4", None)
    assert await charged(desk) == (
        Charged("whatsapp", "service", "regular", True, 2),
        Charged("whatsapp", "utility", "free_entry_point", False, 1),
    )
    rows = await desk.rows("select message_hash::text from prices")
    assert not any("w1" in str(row) for row in rows)
    await desk.execute("update prices set told_at = now() - interval '31 days'")
    assert await charged(desk) == ()
