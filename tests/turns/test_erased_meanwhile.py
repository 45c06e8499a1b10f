"""Something of ours comes in while its customer is erased: it is sealed with a key that is gone."""

import asyncio

import pytest

from bot.core.answering import HandOver
from bot.core.conversation import CustomerErased, DeliveryReport, MessageState, Origin
from bot.core.events import NO_REFERENCE, Event, Receipt, ReceiptStatus, Reference, Said
from bot.core.ids import DeliveryId, new_id
from storage.entries import NOBODY, Entry
from storage.erased import erase
from storage.outbox_items import Item
from storage.posted import remains
from tests.turns.bench import HUGO, Bench, to_customers

_WAITING = (
    "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
)


async def test_nothing_else_waits_for_a_report_that_nobody_can_open(desk: Bench) -> None:
    accepted = await desk.hear(desk.event("Help!"))
    await desk.turn(lambda _: HandOver("A reason.", "why", trigger="security"))
    await desk.deliver()
    conversation = accepted.wakes[0].conversation
    [[customer, key]] = await desk.rows("select id, data_key from customers")
    sealer = desk.keys.customer(customer, key)  # type: ignore[arg-type]
    report = DeliveryReport(None, DeliveryId(new_id()), "failed", "gone")
    late = Entry(NOBODY, "late", desk.tenant, conversation, Origin.SELF, report, sealer)
    async with desk.database.begin() as connection:
        await erase(connection, desk.keys, desk.inboxes, desk.tenant, customer)  # type: ignore[arg-type]
        await desk.inboxes.tell(connection, [late])
    await desk.hear(desk.event("Hello", "noor"))
    decided = await desk.turn()
    assert len(decided) == 2
    [bodies] = [[i.body for i in d.turn.view.inputs] for d in decided if d.turn.view.conversation.erased]
    assert bodies == [CustomerErased(), CustomerErased()]
    assert await desk.turn() == []


@pytest.mark.long
@pytest.mark.parametrize("killed", [0, 9])
async def test_posts_to_staff_are_deleted_however_many_workers_were_killed_before(
    desk: Bench, killed: int
) -> None:
    accepted = await desk.hear(desk.event("Help!"))
    conversation = accepted.wakes[0].conversation
    await desk.turn(lambda _: HandOver("A reason.", "why", trigger="security"))
    await desk.held(conversation)
    await desk.say("My number is 12")
    await desk.deliver()
    customer = await desk.customer_of(conversation)
    async with desk.database.begin() as connection:
        shown = await erase(connection, desk.keys, desk.inboxes, desk.tenant, customer)
    for _ in range(killed):
        await desk.decided()
        await desk.execute("update conversations set lease_until = now() - interval '1 hour'")
    await desk.turn()
    deleted: list[Item] = []
    left = await desk.deliver(lambda item: deleted.append(item) if item.kind == "erase" else None)
    assert len(deleted) == shown.messages > 0
    assert any("This customer was erased" in one.text for one in left)
    async with desk.database.begin() as connection:
        assert await remains(connection, desk.keys, desk.tenant, [customer]) == ()


async def test_a_receipt_that_came_too_early_is_stored_sealed_and_still_counts(desk: Bench) -> None:
    conversation = await desk.say("Hi", "4915112345678", on="whatsapp")
    [item] = await desk.claim()
    ref = "wamid.HBgNNDkxNTExMjM0NTY3OBUCABEYEjQ0"
    told = Receipt(
        status=ReceiptStatus.FAILED,
        messages=(ref,),
        code="550",
        reason="no such user maya.fischer@private.example",
        copied="bob.copied@private.example",
    )
    await desk.hear(desk.event(told, "4915112345678", on="whatsapp"))
    await desk.hear(
        desk.event(Receipt(status=ReceiptStatus.READ, messages=(ref,)), "4915112345678", on="whatsapp")
    )
    await desk.turn()
    [[memory]] = await desk.rows(
        "select cast(memory as text) from conversations where id = :id", id=conversation
    )
    assert "early" in str(memory)
    assert not [word for word in (ref, "550", "private.example") if word in str(memory)]
    await desk.settle(desk.taken(item, ref))
    await desk.rings("early")
    [answer] = [m for m in (await desk.view(conversation)).story if m.text == "An answer."]
    assert answer.state is MessageState.READ


async def somebody_waits(desk: Bench) -> None:
    """Wait until a transaction waits for another."""
    async with asyncio.timeout(60):
        waiting = 0
        while not waiting:
            [[waiting]] = await desk.rows(_WAITING)  # type: ignore[assignment]


def another_mail(desk: Bench) -> Event:
    return desk.event("Another matter", "maya@a.example", on="email", chat="t2", shared=True)


async def test_a_customer_who_opens_a_thread_while_being_erased_is_new_there(desk: Bench) -> None:
    first = await desk.say("By mail", "maya@a.example", on="email", chat="t1", shared=True)
    customer = await desk.customer_of(first)
    async with desk.database.begin() as connection:
        await erase(connection, desk.keys, desk.inboxes, desk.tenant, customer)
        accepting = asyncio.create_task(desk.hear(another_mail(desk)))
        await somebody_waits(desk)
    [wake] = (await accepting).wakes
    await desk.turn()
    assert await desk.customer_of(wake.conversation) != customer
    assert to_customers(await desk.deliver())[-1:] == ["An answer."]


async def test_a_customer_erased_while_opening_a_thread_is_erased_there_too(desk: Bench) -> None:
    first = await desk.say("By mail", "maya@a.example", on="email", chat="t1", shared=True)
    customer = await desk.customer_of(first)

    async def erasing() -> None:
        async with desk.database.begin() as connection:
            await erase(connection, desk.keys, desk.inboxes, desk.tenant, customer)

    async with desk.database.begin() as connection:
        accepted = await desk.inboxes.accept(connection, [desk.arrival(another_mail(desk))])
        wiping = asyncio.create_task(erasing())
        await somebody_waits(desk)
    await wiping
    [wake] = accepted.wakes
    assert await desk.customer_of(wake.conversation) == customer
    assert await desk.rows("select count(*) from places") == [(0,)]
    assert await desk.rows("select count(*) from customers where data_key is not null") == [(0,)]


async def test_the_quote_in_a_late_reply_of_staff_is_not_kept(desk: Bench) -> None:
    accepted = await desk.hear(desk.event("My number is 12"))
    await desk.turn(lambda _: HandOver("A reason.", "why", trigger="security"))
    conversation = accepted.wakes[0].conversation
    room = desk.room(await desk.held(conversation))
    customer = await desk.customer_of(conversation)
    async with desk.database.begin() as connection:
        await erase(connection, desk.keys, desk.inboxes, desk.tenant, customer)
    reply = desk.event(
        "who was that?",
        HUGO,
        on=room.account,
        chat=room.chat,
        thread=room.thread,
        in_our_thread=True,
        reference=Reference(quote="My number is 12", author="Maya"),
    )
    await desk.hear(reply)
    heard = [i.body for d in await desk.turn() for i in d.turn.view.inputs if isinstance(i.body, Event)]
    assert [event.content for event in heard] == [Said("who was that?")]
    assert [event.reference for event in heard] == [NO_REFERENCE]
