"""Receipts of platforms for our messages, and files that come while a message goes its way."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from bot.core.answering import Answered, Clarify, HandOver, Option
from bot.core.conversation import EscalationState, FileReport, MessageState, OwnerKind, View
from bot.core.events import (
    Attachment,
    AttachmentKind,
    Deleted,
    Edited,
    Reacted,
    Receipt,
    ReceiptStatus,
    Said,
    SenderRole,
    Tapped,
    Unsupported,
)
from bot.core.ids import ConversationId, DeliveryId, new_id
from bot.core.outbound import Mark, Post, React
from bot.turns.decide import question
from storage import queries
from storage.delivery_outcomes import Dead, Result
from storage.erased import erase
from storage.merging import merge
from storage.outbox_items import Item
from storage.sealed_fields import FILE_ERROR
from tests.disclosure import undisclosed
from tests.turns.bench import CARLA, HUGO, Bench, Left, message, states, to_customers, to_rooms
from tests.turns.desk import FIRST

MAYA = "+491700000001"
S, STATUS = MessageState, ReceiptStatus
PDF = Attachment(kind=AttachmentKind.DOCUMENT, ref="f-1", name="offer.pdf", mime_type="application/pdf")


async def escalated(desk: Bench, on: str = "whatsapp", said: Said | str = "Help!") -> ConversationId:
    accepted = await desk.hear(desk.event(said, MAYA, on=on))
    await desk.turn(lambda _: HandOver("A reason.", "why", trigger="security"))
    return accepted.wakes[0].conversation


async def told(desk: Bench, status: ReceiptStatus, *refs: str, on: str = "whatsapp", **more: object) -> None:
    receipt = Receipt(status=status, messages=refs, **more)  # type: ignore[arg-type]
    await desk.hear(desk.event(receipt, MAYA, on=on))
    await desk.turn()


def named(desk: Bench, **refs: str) -> object:
    """Return a platform that gives a message with a text that id."""

    def fate(item: Item) -> Result | None:
        post = item.operation
        if item.room is None and isinstance(post, Post) and undisclosed(post.text) in refs:
            return desk.taken(item, refs[undisclosed(post.text)])
        return None

    return fate


def marks(left: list[Left], ref: str) -> list[Mark | None]:
    return [o.operation.mark for o in left if isinstance(o.operation, React) and o.operation.message == ref]


async def said(desk: Bench, view: View, text: str, platform: str) -> None:
    await desk.staff(text, view, ref=f"s-{text}")
    await desk.undo_is_over()
    await desk.deliver(named(desk, **{text: platform}))  # type: ignore[arg-type]
    await desk.turn()


async def test_a_copy_that_came_back_is_said_to_the_author_and_fails_nothing(desk: Bench) -> None:
    view = await desk.held(await escalated(desk))
    id_ = view.conversation.id
    await said(desk, view, "one", "w1")
    await told(desk, STATUS.FAILED, "w1", reason="5.1.1 no such user", copied="karl@fischer.example")
    left = await desk.deliver()
    [words] = [text for text in to_rooms(left) if "bounced" in text]
    assert words.startswith("⚠️ The copy to karl@fischer.example bounced: 5")
    assert states(await desk.view(id_), "one") == [S.SENT]
    assert not [m for m in (await desk.view(id_)).story if "karl" in m.text], "and nobody wrote anything"


async def test_receipts_in_any_order_never_go_back(desk: Bench) -> None:
    view = await desk.held(await escalated(desk))
    id_ = view.conversation.id
    await said(desk, view, "one", "w1")
    await told(desk, STATUS.READ, "w1")
    await told(desk, STATUS.SENT, "w1")
    await told(desk, STATUS.DELIVERED, "w1")
    assert states(await desk.view(id_), "one") == [S.READ]
    assert marks(await desk.deliver(), "s-one")[-1] is Mark.READ


async def test_a_receipt_is_for_messages_however_old(desk: Bench) -> None:
    view = await desk.held(await escalated(desk))
    await said(desk, view, "one", "w1")
    for n in range(70):
        await desk.hear(desk.event(f"// {n}", CARLA, on="slack", chat=desk.room(view).chat,
                                   thread=desk.room(view).thread, in_our_thread=True))  # fmt: skip
    await desk.turn()
    assert "one" not in [m.text for m in (await desk.view(view.conversation.id)).story]
    await told(desk, STATUS.READ, "w1")
    rows = await desk.rows("select state from messages where role = 'staff' and external_id = 's-one'")
    assert rows == [("read",)]


async def test_a_failure_after_it_was_delivered_is_shown_and_can_be_sent_again(desk: Bench) -> None:
    view = await desk.held(await escalated(desk))
    await said(desk, view, "one", "w1")
    await told(desk, STATUS.DELIVERED, "w1")
    await told(desk, STATUS.FAILED, "w1", code="send.refused", reason="131026: no WhatsApp there")
    left = await desk.deliver()
    assert states(await desk.view(view.conversation.id), "one") == [S.FAILED]
    assert marks(left, "s-one")[-1] is Mark.FAILED
    assert any("131026" in text for text in to_rooms(left))
    [button] = [b for o in left if isinstance(o.operation, Post) for b in o.operation.buttons]
    await desk.press(button.action, view, value=button.value)
    assert to_customers(await desk.deliver(named(desk, one="w2"))) == ["one"]  # type: ignore[arg-type]
    await desk.turn()
    await told(desk, STATUS.READ, "w2")
    assert states(await desk.view(view.conversation.id), "one") == [S.READ]


async def in_parts(desk: Bench, text: str, *refs: str) -> View:
    """Somebody's words left in as many messages as there are ids of the platform's."""
    view = await desk.held(await escalated(desk))
    await desk.staff(text, view, ref="s1")
    await desk.undo_is_over()
    await desk.deliver(parted(desk, *refs))
    await desk.turn()
    return view


def parted(desk: Bench, *refs: str) -> Callable[[Item], Result | None]:
    def fate(item: Item) -> Result | None:
        if item.room is not None or item.kind != "post":
            return None
        taken = desk.taken(item, refs[item.part])
        return replace(taken, sent=replace(taken.sent, more=item.part + 1 < len(refs)))

    return fate


async def test_a_long_message_is_read_when_its_last_part_is(desk: Bench) -> None:
    view = await in_parts(desk, "long", "w1", "w2")
    await told(desk, STATUS.READ, "w1")
    assert states(await desk.view(view.conversation.id), "long") == [S.SENT]
    await told(desk, STATUS.DELIVERED, "w2")
    assert states(await desk.view(view.conversation.id), "long") == [S.DELIVERED]
    await told(desk, STATUS.READ, "w2")
    assert marks(await desk.deliver(), "s1")[-1] is Mark.READ


async def test_a_long_message_that_failed_is_sent_again_from_where_it_failed(desk: Bench) -> None:
    view = await in_parts(desk, "long", "w1", "w2", "w3")
    await told(desk, STATUS.READ, "w1")
    await told(desk, STATUS.FAILED, "w2", code="send.refused", reason="131026")
    left = await desk.deliver()
    [button] = [b for o in left if isinstance(o.operation, Post) for b in o.operation.buttons]
    await desk.press(button.action, view, value=button.value)
    again = [one.item.part for one in await desk.deliver(parted(desk, "w1", "x2", "x3"))
             if one.item.room is None]  # fmt: skip
    assert again == [1, 2]
    assert ["w1", "x2", "x3"] in await desk.sent_ids()


async def test_a_message_that_failed_after_it_was_taken_is_listed_with_the_dead(desk: Bench) -> None:
    await in_parts(desk, "one", "w1")
    await told(desk, STATUS.FAILED, "w1", code="send.refused", reason="550: no such mailbox")
    async with desk.database.begin() as connection:
        [dead] = await queries.deliveries(connection, desk.keys, desk.tenant, dead_only=True)
    assert dead.error == "550: no such mailbox"


async def test_a_message_that_an_operator_sent_again_is_no_failure_any_more(desk: Bench) -> None:
    id_ = await desk.say("Hello", MAYA, on="whatsapp")
    await desk.deliver(named(desk, **{"An answer.": "w1"}))  # type: ignore[arg-type]
    await told(desk, STATUS.FAILED, "w1", code="send.refused", reason="131026")
    [[dead]] = await desk.rows("select id from outbox where state = 'failed'")
    async with desk.database.begin() as connection:
        assert await desk.outbox.again(connection, desk.tenant, DeliveryId(dead))  # type: ignore[arg-type]
    await desk.deliver(named(desk, **{"An answer.": "w2"}))  # type: ignore[arg-type]
    await desk.turn()
    assert states(await desk.view(id_), "An answer.") == [S.SENT]


async def test_a_receipt_for_an_unknown_message_changes_nothing(desk: Bench) -> None:
    view = await desk.held(await escalated(desk))
    await said(desk, view, "one", "w1")
    await told(desk, STATUS.FAILED, "w9", "s-one", code="send.refused")
    assert states(await desk.view(view.conversation.id), "one") == [S.SENT]


async def test_a_watermark_reads_what_was_sent_there_and_nothing_elsewhere(desk: Bench) -> None:
    """A customer who has read everything in Messenger has not read what was sent by WhatsApp."""
    id_ = await desk.say("Hello", MAYA, on="messenger")
    other = await desk.say("Hello", "maya", on="whatsapp")
    await desk.end(other)
    async with desk.database.begin() as connection:
        await merge(
            connection,
            new_id(),
            desk.tenant,
            kept=await desk.customer_of(id_),
            merged=await desk.customer_of(other),
            by="person:anna",
            how="staff",
        )
    await desk.deliver()
    assert await desk.say("And here", "maya", on="whatsapp") == id_
    await desk.deliver()
    [[now]] = await desk.rows("select clock_timestamp()")
    await told(desk, STATUS.READ, on="messenger", until=now)
    view = await desk.view(id_)
    assert [m.state for m in view.story if m.text == "An answer."] == [S.READ, S.RELEASED]


# --- files -------------------------------------------------------------------------------------------------


async def stored(desk: Bench, view: View, text: str, outcome: str = "stored") -> None:
    """The file of the message with that text is in the store."""
    id_ = message(view, text).id
    customer = view.conversation.customer
    [[wrapped]] = await desk.rows("select data_key from customers where id = :id", id=customer)
    sealer = desk.keys.customer(customer, wrapped)  # type: ignore[arg-type]
    await desk.execute(
        "update files set state = :state, size = 7, error = :error where message_id = :id",
        id=id_,
        state=outcome,
        error=sealer.seal("too large", field=FILE_ERROR),
    )
    await desk.report(view.conversation.id, FileReport(id_, 0, outcome, "too large"))


def files_of(item: Item) -> bool:
    """Does it bring files to the customer?"""
    return item.room is None and isinstance(item.operation, Post) and bool(item.operation.attachments)


def files(left: list[Left], *, room: bool) -> list[tuple[str, ...]]:
    return [
        tuple(a.name for a in one.operation.attachments)
        for one in left
        if isinstance(one.operation, Post)
        and one.operation.attachments
        and (one.item.room is not None) is room
    ]


@pytest.mark.long
@pytest.mark.parametrize("when", ["before the turn", "after the turn", "after it left"])
async def test_a_holders_file_leaves_once_whenever_it_is_there(desk: Bench, when: str) -> None:
    view = await desk.held(await escalated(desk))
    id_ = view.conversation.id
    await desk.staff(Said("Here it is", (PDF,)), view, ref="s1")
    if when == "before the turn":
        await stored(desk, await desk.view(id_), "Here it is")
        await desk.turn()
    await desk.undo_is_over()
    left = await desk.deliver() if when == "after it left" else []
    if when != "before the turn":
        await stored(desk, await desk.view(id_), "Here it is")
        await desk.turn()
    left += await desk.deliver()
    assert files(left, room=False) == [("offer.pdf",)]
    assert [text for text in to_customers(left) if text] == ["Here it is"]


async def test_words_are_marked_as_sent_only_when_their_file_is_out_too(desk: Bench) -> None:
    view = await desk.held(await escalated(desk))
    id_ = view.conversation.id
    await desk.staff(Said("Here it is", (PDF,)), view, ref="s1")
    await desk.undo_is_over()
    left = await desk.deliver()
    await desk.turn()
    left += await desk.deliver()
    assert to_customers(left) == ["Here it is"]
    assert marks(left, "s1")[-1] is Mark.WAITING
    await stored(desk, await desk.view(id_), "Here it is")
    await desk.turn()
    left = await desk.deliver()
    await desk.turn()
    left += await desk.deliver()
    assert files(left, room=False) == [("offer.pdf",)]
    assert marks(left, "s1")[-1] is Mark.SENT


@pytest.mark.parametrize("when", ["before it left", "after it left"])
async def test_words_whose_file_cannot_be_had_are_never_marked_as_sent(desk: Bench, when: str) -> None:
    view = await desk.held(await escalated(desk))
    id_ = view.conversation.id
    await desk.staff(Said("Here it is", (PDF,)), view, ref="s1")
    if when == "before it left":
        await stored(desk, await desk.view(id_), "Here it is", "refused")
        await desk.turn()
    await desk.undo_is_over()
    left = await desk.deliver(named(desk, **{"Here it is": "w1"}))  # type: ignore[arg-type]
    await desk.turn()
    if when == "after it left":
        await stored(desk, await desk.view(id_), "Here it is", "refused")
        await desk.turn()
    await told(desk, STATUS.READ, "w1")
    left += await desk.deliver()
    assert to_customers(left) == ["Here it is"]
    assert not {Mark.SENT, Mark.DELIVERED, Mark.READ} & set(marks(left, "s1"))
    assert marks(left, "s1")[-1] is Mark.FAILED
    [line] = [text for text in to_rooms(left) if "offer.pdf" in text]
    assert "could not be sent" in line
    assert "too large" in line


@pytest.mark.parametrize("when", ["before it left", "after it left"])
async def test_a_file_alone_that_cannot_be_had_has_failed(desk: Bench, when: str) -> None:
    view = await desk.held(await escalated(desk))
    id_ = view.conversation.id
    await desk.staff(Said("", (PDF,)), view, ref="s1")
    if when == "before it left":
        await stored(desk, await desk.view(id_), "", "refused")
        await desk.turn()
    await desk.undo_is_over()
    if when == "after it left":
        await stored(desk, await desk.view(id_), "", "refused")
        await desk.turn()
    left = await desk.deliver()
    assert to_customers(left) == []
    assert marks(left, "s1")[-1] is Mark.FAILED
    assert states(await desk.view(id_), "") == [S.FAILED]


async def test_a_file_that_the_platform_refuses_is_named_and_can_be_sent_again(desk: Bench) -> None:
    view = await desk.held(await escalated(desk))
    id_ = view.conversation.id
    await desk.staff(Said("Here it is", (PDF,)), view, ref="s1")
    await desk.undo_is_over()
    await desk.deliver()
    await desk.turn()
    await stored(desk, await desk.view(id_), "Here it is")
    await desk.turn()
    left = await desk.deliver(
        lambda item: Dead(item, "failed", "send.refused", "131053") if files_of(item) else None
    )
    await desk.turn()
    left += await desk.deliver()
    assert marks(left, "s1")[-1] is Mark.FAILED
    [post] = [o.operation for o in left if isinstance(o.operation, Post) and o.operation.buttons]
    assert "offer.pdf" in post.text
    await desk.press(post.buttons[0].action, view, value=post.buttons[0].value)
    again = await desk.deliver()
    await desk.turn()
    again += await desk.deliver()
    assert files(again, room=False) == [("offer.pdf",)]
    assert marks(again, "s1")[-1] is Mark.SENT


async def test_a_file_that_comes_after_its_words_failed_leaves_and_hides_no_failure(desk: Bench) -> None:
    view = await desk.held(await escalated(desk))
    id_ = view.conversation.id
    await desk.staff(Said("Here it is", (PDF,)), view, ref="s1")
    await desk.undo_is_over()
    await desk.deliver(
        lambda item: Dead(item, "failed", "send.refused", "131026") if item.room is None else None
    )
    await desk.turn()
    await stored(desk, await desk.view(id_), "Here it is")
    await desk.turn()
    left = await desk.deliver()
    await desk.turn()
    left += await desk.deliver()
    assert files(left, room=False) == [("offer.pdf",)]
    assert states(await desk.view(id_), "Here it is") == [S.FAILED]
    assert Mark.SENT not in marks(left, "s1")
    await desk.press("send_again", view, value=str(message(await desk.view(id_), "Here it is").id))
    left = await desk.deliver()
    await desk.turn()
    left += await desk.deliver()
    assert to_customers(left) == ["Here it is"]
    assert marks(left, "s1")[-1] is Mark.SENT


@pytest.mark.long
@pytest.mark.parametrize("deed", ["deleted", "thumb down", "note"])
async def test_a_file_of_words_that_were_taken_back_never_leaves(desk: Bench, deed: str) -> None:
    view = await desk.held(await escalated(desk))
    id_ = view.conversation.id
    text = "// only for us" if deed == "note" else "Here it is"
    await desk.staff(Said(text, (PDF,)), view, ref="s1")
    if deed == "deleted":
        await desk.staff(Deleted("s1"), view)
    elif deed == "thumb down":
        await desk.staff(Reacted("s1", "👎", added=True), view)
    await stored(desk, await desk.view(id_), text)
    await desk.turn()
    await desk.undo_is_over()
    assert files(await desk.deliver(), room=False) == []


async def test_a_file_that_came_while_the_window_was_closed_leaves_when_it_opens(desk: Bench) -> None:
    view = await desk.held(await escalated(desk))
    id_ = view.conversation.id
    await desk.staff(Said("Here it is", (PDF,)), view, ref="s1")
    await desk.undo_is_over()
    await desk.deliver(desk.closed)
    await desk.turn()
    assert states(await desk.view(id_), "Here it is") == [S.PARKED]
    await stored(desk, await desk.view(id_), "Here it is")
    await desk.turn()
    await desk.deliver(desk.closed)
    await desk.turn()
    await desk.say("I am back", MAYA, on="whatsapp")
    left = await desk.deliver()
    assert to_customers(left) == ["Here it is", ""]
    assert files(left, room=False) == [("offer.pdf",)]
    await desk.turn()
    assert (await desk.view(id_)).conversation.memory.parked == 0


async def test_a_message_that_waits_for_the_customer_leaves_however_late_they_write(desk: Bench) -> None:
    """The person who wrote it was told so, and has marked the matter as solved since."""
    view = await desk.held(await escalated(desk))
    id_ = view.conversation.id
    await desk.staff("It is on its way", view, ref="s1")
    await desk.undo_is_over()
    await desk.deliver(desk.closed)
    await desk.turn()
    await desk.press("resolve", view)
    await desk.deliver(desk.closed)
    await desk.turn()
    await desk.end(id_)
    assert await desk.say("Where is it?", MAYA, on="whatsapp") == id_
    left = to_customers(await desk.deliver())
    assert left == ["It is on its way"]
    assert (await desk.view(id_)).conversation.owner.kind is OwnerKind.QUEUE, "the team has it again"
    await desk.end(id_)
    assert await desk.say("Another matter", MAYA, on="whatsapp") != id_


async def test_a_customers_file_is_shown_in_a_room_that_was_opened_later(desk: Bench) -> None:
    id_ = await desk.say(Said("See this", (PDF,)), MAYA, on="whatsapp")
    await stored(desk, await desk.view(id_), "See this")
    await desk.turn()
    await desk.hear(desk.event("Help!", MAYA, on="whatsapp"))
    await desk.turn(lambda _: HandOver("A reason.", "why", trigger="security"))
    left = await desk.deliver()
    assert files(left, room=True) == [("offer.pdf",)]
    assert files(left, room=False) == []


async def test_a_customers_file_that_is_refused_is_said_in_the_room(desk: Bench) -> None:
    id_ = await escalated(desk, said=Said("See this", (PDF,)))
    await desk.deliver()
    await stored(desk, await desk.view(id_), "See this", "refused")
    await desk.turn()
    left = await desk.deliver()
    assert any("offer.pdf" in text and "too large" in text for text in to_rooms(left))
    assert files(left, room=True) == []


async def test_a_file_of_words_the_customer_deleted_is_shown_to_nobody(desk: Bench) -> None:
    id_ = await escalated(desk, said=Said("See this", (PDF,)))
    await desk.deliver()
    event = desk.event(Deleted(message(await desk.view(id_), "See this").ref), MAYA, on="whatsapp")
    await desk.hear(event)
    await desk.turn()
    await stored(desk, await desk.view(id_), "See this")
    await desk.turn()
    assert files(await desk.deliver(), room=True) == []


async def test_a_colleagues_file_in_the_customers_thread_is_not_sent_there_again(desk: Bench) -> None:
    there = {"on": "slack-customers", "chat": "C1", "thread": "1.0", "shared": True}
    accepted = await desk.hear(desk.event("Help!", "U-EXT", **there))  # type: ignore[arg-type]
    await desk.turn(lambda _: HandOver("A reason.", "why", trigger="security"))
    id_ = accepted.wakes[0].conversation
    await desk.held(id_)
    await desk.hear(
        desk.event(Said("From me", (PDF,)), "U-TOM", sender_role=SenderRole.INSIDER, name="Tom", **there)  # type: ignore[arg-type]
    )
    await desk.turn()
    fetched_by = await desk.rows("select a.account from files f join accounts a on a.id = f.account_id")
    assert fetched_by == [("slack-customers",)], "the room's account cannot fetch it"
    left = await desk.deliver()
    assert any("From me" in text and "offer.pdf" in text for text in to_rooms(left))
    await stored(desk, await desk.view(id_), "From me")
    await desk.turn()
    left += await desk.deliver()
    assert files(left, room=True) == [("offer.pdf",)]
    assert to_customers(left) == [], "the customer has it"


async def test_a_strangers_file_is_fetched_and_shown_to_staff_alone(desk: Bench) -> None:
    id_ = await desk.say("Charged twice", "ines@a.example", on="email", chat="t1", shared=True)
    karl = {"on": "email", "chat": "t1", "shared": True, "sender_role": SenderRole.STRANGER, "name": "Karl"}
    await desk.hear(desk.event(Said("The statement", (PDF,)), "karl@a.example", **karl))  # type: ignore[arg-type]
    await desk.turn()
    await desk.deliver()
    await stored(desk, await desk.view(id_), "The statement")
    await desk.turn()
    left = await desk.deliver()
    assert files(left, room=True) == [("offer.pdf",)]
    assert files(left, room=False) == []


@pytest.mark.parametrize("sender_role", [SenderRole.STRANGER, SenderRole.INSIDER])
async def test_an_unreadable_message_of_another_writer_is_told_in_the_room(
    desk: Bench, sender_role: SenderRole
) -> None:
    """A mail whose files are too large, of somebody in copy."""
    id_ = await escalated(desk)
    await desk.deliver()
    unread = desk.event(
        Unsupported("mail_too_large"), MAYA, on="whatsapp", sender_role=sender_role, message="w7"
    )
    await desk.hear(unread)
    await desk.turn()
    assert any("mail_too_large" in text for text in to_rooms(await desk.deliver()))
    assert states(await desk.view(id_), "[mail_too_large]")


async def test_changes_of_a_colleague_in_the_customers_thread_are_made_in_the_log(desk: Bench) -> None:
    there = {"on": "slack-customers", "chat": "C1", "thread": "1.0", "shared": True}
    tom = {"sender_role": SenderRole.INSIDER, "name": "Tom", **there}
    accepted = await desk.hear(desk.event("Help!", "U-EXT", **there))  # type: ignore[arg-type]
    await desk.turn(lambda _: HandOver("A reason.", "why", trigger="security"))
    id_ = accepted.wakes[0].conversation
    await desk.held(id_)
    for number, text in enumerate(("It costs 10", "Call me")):
        await desk.hear(desk.event(text, "U-TOM", message=f"1.{number + 1}", **tom))  # type: ignore[arg-type]
    await desk.turn()
    await desk.deliver()
    await desk.hear(desk.event(Edited("1.1", "It costs 12"), "U-TOM", **tom))  # type: ignore[arg-type]
    await desk.hear(desk.event(Deleted("1.2"), "U-TOM", **tom))  # type: ignore[arg-type]
    await desk.hear(desk.event(Edited("1.9", "of no message"), "U-TOM", **tom))  # type: ignore[arg-type]
    await desk.turn()
    view = await desk.view(id_)
    assert message(view, "It costs 12").sender == "Tom"
    assert message(view, "Call me").state is MessageState.DELETED
    left = await desk.deliver()
    assert to_customers(left) == []
    told = to_rooms(left)
    assert any("Tom" in text and "changed" in text and "It costs 12" in text for text in told)
    assert any("Tom" in text and "deleted" in text for text in told)


# --- small things ------------------------------------------------------------------------------------------


def clarifying(_: object) -> Clarify:
    return Clarify("Which one?", (Option("a", "Billing"), Option("b", "Login")), "two articles")


@pytest.mark.parametrize(
    ("picked", "typed"),
    [
        ("a", ["1.", "“billing”"]),
        ("b", ["2", "login", "Login!", "(2)", "#2", "2!", "2️⃣", "２", "٢", "२", "²"]),
        ("", ["3", "12", "0", "-", "2 days", "1 2", "9" * 5000, f"a{'!' * 200_000}2"]),
    ],
)
async def test_a_number_typed_under_choices_is_the_tap(desk: Bench, typed: list[str], picked: str) -> None:
    for text in typed:
        await desk.hear(desk.event("Help", MAYA, on="whatsapp"))
        await desk.turn(clarifying)
        await desk.hear(desk.event(text, MAYA, on="whatsapp"))
        [decision] = await desk.turn()
        assert decision.turn.picked == picked, text
        asked = question(replace(decision, agent=FIRST, asked=tuple(decision.turn.typed)))
        labels = {"a": ("Billing",), "b": ("Login",), "": ()}
        assert asked.messages == labels[picked], "the agent reads what was chosen, not its number"


@pytest.mark.parametrize("first", ["2", "login", Tapped("option", "b", "Login")])
async def test_a_number_counts_as_the_tap_once(desk: Bench, first: str | Tapped) -> None:
    await desk.hear(desk.event("Help", MAYA, on="whatsapp"))
    await desk.turn(clarifying)
    await desk.hear(desk.event(first, MAYA, on="whatsapp"))
    [decision] = await desk.turn(lambda _: Answered("Well.", "a greeting", settled=False))
    assert decision.turn.picked == "b"
    await desk.hear(desk.event("2", MAYA, on="whatsapp"))
    [decision] = await desk.turn()
    assert decision.turn.picked == ""


@pytest.mark.parametrize("first", ["1", Tapped("option", "a", "Billing")])
async def test_a_choice_is_corrected_in_the_same_breath(desk: Bench, first: str | Tapped) -> None:
    await desk.hear(desk.event("Help", MAYA, on="whatsapp"))
    await desk.turn(clarifying)
    await desk.hear(desk.event(first, MAYA, on="whatsapp"))
    await desk.hear(desk.event("no, 2", MAYA, on="whatsapp"))
    [decision] = await desk.turn()
    assert decision.turn.picked == "b"


async def test_choices_that_are_numbers_are_what_is_written_on_them(desk: Bench) -> None:
    def how_many(_: object) -> Clarify:
        return Clarify("How many?", (Option("two", "2"), Option("one", "1")), "two articles")

    await desk.hear(desk.event("Seats", MAYA, on="whatsapp"))
    await desk.turn(how_many)
    await desk.hear(desk.event("2", MAYA, on="whatsapp"))
    [decision] = await desk.turn()
    assert decision.turn.picked == "two"


async def test_choices_are_over_when_people_had_the_conversation(desk: Bench) -> None:
    accepted = await desk.hear(desk.event("Help", MAYA, on="whatsapp"))
    id_ = accepted.wakes[0].conversation
    await desk.turn(clarifying)
    await desk.hear(desk.event("A person!", MAYA, on="whatsapp"))
    await desk.turn(lambda _: HandOver("A reason.", "why", trigger="security"))
    await desk.held(id_)
    await desk.press("return", await desk.view(id_))
    await desk.hear(desk.event("2", MAYA, on="whatsapp"))
    [decision] = await desk.turn()
    assert decision.turn.picked == ""


async def test_a_thumb_down_takes_back_what_waits_for_its_undo(desk: Bench) -> None:
    view = await desk.held(await escalated(desk))
    await desk.staff("Oh no", view, ref="s1")
    await desk.staff(Reacted("s1", "👎", added=True), view, CARLA)
    assert states(await desk.view(view.conversation.id), "Oh no") == [S.HELD]
    await desk.staff(Reacted("s1", "👎🏽", added=True), view, HUGO)
    await desk.undo_is_over()
    left = await desk.deliver()
    assert to_customers(left) == []
    assert marks(left, "s1")[-1] is Mark.WITHDRAWN


async def test_a_conversation_is_assigned_by_buttons(desk: Bench) -> None:
    id_ = await escalated(desk)
    await desk.deliver()
    view = await desk.view(id_)
    assert view.escalation is not None
    await desk.press("assign", view)
    offered = [b for o in await desk.deliver() if isinstance(o.operation, Post) for b in o.operation.buttons]
    carla = next(button for button in offered if ":carla:" in button.value)
    await desk.press("assign_to", view, HUGO, carla.value)
    await desk.press("assign_to", view, HUGO, f"{new_id()}:anna:")
    await desk.press("assign_to", view, "U-NOBODY", f"{view.escalation.id}:anna:")
    await desk.press("assign_to", view, HUGO, f"{view.escalation.id}:nobody:")
    assigned = (await desk.view(id_)).escalation
    assert assigned is not None
    assert (assigned.state, assigned.assignee) == (EscalationState.WAITING, "carla")


async def test_an_attachment_of_a_customer_is_quoted_as_theirs_in_the_room_alone(desk: Bench) -> None:
    view = await desk.held(await escalated(desk))
    place = Attachment(kind=AttachmentKind.LOCATION, ref="geo:1,2", name="Hugo Martin: Refund approved")
    await desk.say(Said("I am here", (place,)), MAYA, on="whatsapp")
    await desk.staff(Said("And we are here", (place,)), view, ref="s1")
    await desk.undo_is_over()
    posts = [(one.item.room is not None, one.operation) for one in await desk.deliver()]
    brought = [(room, post.cites) for room, post in posts if isinstance(post, Post) and post.attachments]
    assert brought == [(True, True), (False, False)]


@pytest.mark.parametrize(
    ("claimed", "kept"),
    [
        ("application/vnd.zoe.quandtmueller", "application/octet-stream"),
        ("Audio/Ogg; codecs=zoe", "audio/ogg"),
        ("image/jpeg", "image/jpeg"),
        ("zoe", "application/octet-stream"),
        ("", ""),
    ],
)
async def test_only_known_file_types_claimed_by_a_sender_are_stored_in_clear(
    desk: Bench, claimed: str, kept: str
) -> None:
    file = Attachment(kind=AttachmentKind.DOCUMENT, ref="f1", name="a.bin", mime_type=claimed)
    await desk.say(Said("see", (file,)))
    assert await desk.rows("select mime_type from files") == [(kept,)]


async def test_the_type_of_an_erased_customers_file_is_wiped(desk: Bench) -> None:
    file = Attachment(kind=AttachmentKind.DOCUMENT, ref="f1", name="a.bin")
    conversation = await desk.say(Said("see", (file,)))
    await desk.execute("update files set mime_type = 'application/vnd.zoe'")  # from before types were known
    async with desk.database.begin() as connection:
        await erase(connection, desk.keys, desk.inboxes, desk.tenant, await desk.customer_of(conversation))
    assert await desk.rows("select mime_type from files") == [("",)]
