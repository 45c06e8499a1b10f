"""Somebody is erased who wrote in the thread of another customer: their words are gone there, too."""

import asyncio
from pathlib import Path

import pytest

from bot.app.channels import CHANNELS
from bot.core.answering import HandOver
from bot.core.conversation import MessageState, Status
from bot.core.events import Attachment, AttachmentKind, Edited, Receipt, ReceiptStatus, Said, SenderRole
from bot.core.ids import ConversationId, CustomerId
from connectors.email.context import ReplyContext, read_context
from storage.delivery_outcomes import Dead
from storage.erased import erase
from storage.files import Files
from storage.filestore import FileStore
from storage.outbox_items import Item
from storage.posted import Posted, remains
from tests.storage.test_places import made_one, parted
from tests.turns.bench import Bench, to_rooms

WORDS = "my zeppelin number is 4711"
GONE = "Somebody who wrote in this thread was erased; their words are gone."
MAYA, TOM = "maya@a.example", "tom@b.example"
MAIL: dict[str, object] = {"on": "email", "shared": True}
HERS = MAIL | {"chat": "t1"}
SLACK: dict[str, object] = {"on": "slack-customers", "chat": "C1", "shared": True}
HERS_IN_SLACK, HIS_IN_SLACK = SLACK | {"thread": "1.0"}, SLACK | {"thread": "2.0"}
WAITING = (
    "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
)
THREADS = [
    pytest.param(MAIL | {"chat": "t1"}, MAIL | {"chat": "t2"}, SenderRole.CUSTOMER, id="mail"),
    pytest.param(MAIL | {"chat": "t1"}, MAIL | {"chat": "t2"}, SenderRole.STRANGER, id="in copy"),
    pytest.param(SLACK | {"thread": "1.0"}, SLACK | {"thread": "2.0"}, SenderRole.CUSTOMER, id="slack"),
]


async def of_tom(desk: Bench, there: dict[str, object]) -> CustomerId:
    """Tom has a conversation of his own."""
    return await desk.customer_of(await desk.say("How do I pay?", TOM, name="Tom Quandt", **there))


async def hers(desk: Bench, there: dict[str, object]) -> ConversationId:
    """Maya's conversation, which people have."""
    accepted = await desk.hear(desk.event("I was charged twice", MAYA, **there))
    await desk.turn(lambda _: HandOver("A reason.", "why", trigger="security"))
    await desk.held(accepted.wakes[0].conversation)
    return accepted.wakes[0].conversation


async def erased(desk: Bench, customer: CustomerId) -> Posted:
    async with desk.database.begin() as connection:
        shown = await erase(connection, desk.keys, desk.inboxes, desk.tenant, customer, channels=CHANNELS)
    desk.keys.forget(customer)
    return shown


async def readable(desk: Bench, conversation: ConversationId) -> str:
    """All that Maya's key opens of that conversation, wherever it stands."""
    [[customer, key]] = await desk.rows(
        "select c.id, c.data_key from conversations v join customers c on c.id = v.customer_id"
        " where v.id = :id",
        id=conversation,
    )
    sealer = desk.keys.customer(customer, key)  # type: ignore[arg-type]
    sealed = {
        "messages.content": "select content from messages where conversation_id = :id",
        "messages.extras": "select extras from messages where conversation_id = :id",
        "messages.source": "select source from messages where conversation_id = :id",
        "messages.reference": "select reference from messages where conversation_id = :id",
        "inbox.body": "select body from inbox where conversation_id = :id",
        "files.ref": "select ref from files where conversation_id = :id",
        "files.name": "select name from files where conversation_id = :id",
        "outbox.payload": "select payload from outbox where conversation_id = :id",
        "turns.reasons": "select reasons from turns where conversation_id = :id",
        "escalations.reason": "select reason from escalations where conversation_id = :id",
        "escalation_steps.reason": "select s.reason from escalation_steps s join escalations e"
        " on e.id = s.escalation_id where e.conversation_id = :id",
        "escalation_steps.context_snapshot": "select s.context_snapshot from escalation_steps s"
        " join escalations e on e.id = s.escalation_id where e.conversation_id = :id",
    }
    found = []
    for field, statement in sealed.items():
        for [value] in await desk.rows(statement, id=conversation):
            if value:
                found.append(f"{field}: {sealer.open(str(value), field=field)}")
    return "\n".join(found)


@pytest.mark.long
@pytest.mark.parametrize(("there", "own", "sender_role"), THREADS)
async def test_words_of_an_erased_writer_in_anothers_thread_are_nowhere_any_more(
    desk: Bench, there: dict[str, object], own: dict[str, object], sender_role: SenderRole
) -> None:
    tom = await of_tom(desk, own)
    conversation = await hers(desk, there)
    bill = Attachment(kind=AttachmentKind.DOCUMENT, ref="f1", name="zeppelin.pdf", mime_type="text/plain")
    await desk.say(
        Said(WORDS, (bill,)), TOM, name="Tom Quandt", sender_role=sender_role, message="m-tom", **there
    )
    await desk.say("And it is urgent", MAYA, **there)
    assert any(WORDS in line for line in to_rooms(await desk.deliver()))
    assert WORDS in await readable(desk, conversation)

    shown = await erased(desk, tom)
    assert shown.elsewhere == 1
    await desk.turn()
    told = await readable(desk, conversation)
    for theirs in ("zeppelin", "Quandt", TOM, "m-tom"):
        assert theirs not in told, theirs
    view = await desk.view(conversation)
    texts = [(m.text, m.state) for m in view.story if m.text or m.state is MessageState.DELETED]
    assert ("I was charged twice", MessageState.RECEIVED) in texts, "hers stay"
    assert ("And it is urgent", MessageState.RECEIVED) in texts
    assert ("", MessageState.DELETED) in texts, "the row stays, with its number"

    deleted: list[str] = []
    lines = to_rooms(
        await desk.deliver(lambda item: deleted.extend(item.refs) if item.kind == "erase" else None)
    )
    [anew] = [line for line in lines if GONE in line]
    assert "I was charged twice" in anew
    assert "zeppelin" not in "".join(lines)
    assert deleted
    async with desk.database.begin() as connection:
        assert await remains(connection, desk.keys, desk.tenant, [tom]) == ()


async def test_the_conversation_of_the_other_customer_goes_on(desk: Bench) -> None:
    tom = await of_tom(desk, MAIL | {"chat": "t2"})
    conversation = await hers(desk, HERS)
    await desk.say(WORDS, TOM, **HERS)
    await erased(desk, tom)
    await desk.turn()
    await desk.deliver()
    await desk.say("Hello?", MAYA, **HERS)
    assert any("Hello?" in line for line in to_rooms(await desk.deliver()))
    assert (await desk.view(conversation)).conversation.status is Status.ESCALATED


async def test_words_that_no_turn_had_handled_yet_are_told_to_nobody(desk: Bench) -> None:
    tom = await of_tom(desk, MAIL | {"chat": "t2"})
    conversation = await hers(desk, HERS)
    await desk.say(WORDS, TOM, message="m-tom", **HERS)
    await desk.hear(desk.event(Edited("m-tom", f"{WORDS} and 12"), TOM, **HERS))
    await desk.hear(desk.event(f"Again: {WORDS}", TOM, **HERS))
    await erased(desk, tom)
    await desk.turn()
    lines = to_rooms(await desk.deliver())
    assert sum(GONE in line for line in lines) == 1
    assert WORDS not in await readable(desk, conversation)


async def test_a_turn_that_had_read_them_is_not_committed(desk: Bench) -> None:
    tom = await of_tom(desk, MAIL | {"chat": "t2"})
    conversation = await hers(desk, HERS)
    await desk.hear(desk.event(WORDS, TOM, **HERS))
    [(_, commit)] = await desk.decided()
    await erased(desk, tom)
    assert await desk.commit(commit) != "committed"
    await desk.turn()
    assert WORDS not in await readable(desk, conversation)
    assert not any(WORDS in line for line in to_rooms(await desk.deliver()))


async def test_a_post_that_failed_cannot_be_sent_again(desk: Bench) -> None:
    tom = await of_tom(desk, MAIL | {"chat": "t2"})
    conversation = await hers(desk, HERS)
    await desk.say(WORDS, TOM, **HERS)
    await desk.execute(
        "update outbox set state = 'failed'"
        " where state = 'waiting' and conversation_id = :id and kind = 'post'",
        id=conversation,
    )
    [[failed]] = await desk.rows("select id from outbox where state = 'failed' and kind = 'post'")
    await erased(desk, tom)
    async with desk.database.begin() as connection:
        assert not await desk.outbox.again(connection, desk.tenant, failed)  # type: ignore[arg-type]
    assert WORDS not in await readable(desk, conversation)


async def test_files_of_an_erased_writer_are_deleted_from_the_store(desk: Bench, tmp_path: Path) -> None:
    tom = await of_tom(desk, MAIL | {"chat": "t2"})
    await hers(desk, HERS)
    for who in (MAYA, TOM):
        await desk.say(Said("", (Attachment(kind=AttachmentKind.PHOTO, ref=f"of {who}"),)), who, **HERS)
    await erased(desk, tom)
    await desk.turn()
    rows = await desk.rows("select customer_id = :tom, ref is null from files order by created_at", tom=tom)
    assert rows == [(False, False), (True, True)]
    files = Files(desk.database, desk.keys, desk.inboxes)
    store = FileStore(f"file://{tmp_path}")
    assert await files.sweep(store, 10) == 1


async def test_a_room_that_was_closed_is_emptied_and_told_as_well(desk: Bench) -> None:
    tom = await of_tom(desk, MAIL | {"chat": "t2"})
    conversation = await hers(desk, HERS)
    await desk.say(WORDS, TOM, **HERS)
    await desk.deliver()
    await desk.press("resolve", await desk.view(conversation))
    await desk.deliver()
    await erased(desk, tom)
    await desk.turn()
    deleted: list[str] = []
    lines = to_rooms(
        await desk.deliver(lambda item: deleted.extend(item.refs) if item.kind == "erase" else None)
    )
    assert deleted
    assert [line for line in lines if GONE in line] == [f"🗑️ {GONE}"]


async def test_erasing_says_that_messages_without_a_recorded_writer_are_unknown(desk: Bench) -> None:
    tom = await of_tom(desk, MAIL | {"chat": "t2"})
    conversation = await hers(desk, HERS)
    await desk.execute("update messages set writer = '' where conversation_id = :id", id=conversation)
    assert (await erased(desk, tom)).unknown
    maya = await desk.customer_of(conversation)
    assert not (await erased(desk, maya)).unknown, "hers are all gone now"


async def test_an_erased_customers_conversation_without_a_room_is_resolved(desk: Bench) -> None:
    conversation = await desk.say("How do I pay?")
    await erased(desk, await desk.customer_of(conversation))
    await desk.turn()
    rows = await desk.rows(
        "select status, resolved_at is not null from conversations where id = :id", id=conversation
    )
    assert rows == [("resolved", True)]


async def test_private_words_of_a_customer_once_merged_with_another_are_erased(desk: Bench) -> None:
    first = await desk.say("Hello", "maya")
    other = await desk.say("Hello, too", "+4917", on="whatsapp", name="Tom Quandt")
    tom = await desk.customer_of(other)
    await desk.end(other)
    await made_one(desk, first, other)
    bill = Attachment(kind=AttachmentKind.DOCUMENT, ref="f1", name="zeppelin.pdf", mime_type="text/plain")
    assert await desk.say(Said(WORDS, (bill,)), "+4917", on="whatsapp", name="Tom Quandt") == first
    await desk.deliver()
    await parted(desk, other)
    assert (await erased(desk, tom)).elsewhere == 1
    await desk.turn()
    await desk.deliver()
    told = await readable(desk, first)
    for theirs in ("zeppelin", "4917", "Quandt"):
        assert theirs not in told, theirs
    rows = await desk.rows(
        "select external_ids, sealed_ids from outbox where conversation_id = :id and lane_id in"
        " (select id from lanes where account_id = :account) and kind = 'post'",
        id=first,
        account=desk.accounts["whatsapp"].id,
    )
    assert rows, "he was answered"
    assert all(row == ([], []) for row in rows), "ids of WhatsApp tell the number"
    view = await desk.view(first)
    assert next((m.text, m.state) for m in view.story) == ("Hello", MessageState.RECEIVED), "hers stays"


async def test_erasing_a_merged_customer_erases_words_written_under_both_addresses(desk: Bench) -> None:
    first = await desk.say("Hello", "maya")
    other = await desk.say("Hello, too", "+4917", on="whatsapp")
    await desk.end(other)
    await made_one(desk, first, other)
    await desk.say(WORDS, "+4917", on="whatsapp")
    shown = await erased(desk, await desk.customer_of(first))
    assert (shown.elsewhere, shown.unknown) == (0, False)
    assert await desk.rows("select from messages where writer is not null") == []


async def test_a_file_that_an_edit_of_the_writer_brought_is_erased_with_them(desk: Bench) -> None:
    tom = await of_tom(desk, HIS_IN_SLACK)
    conversation = await hers(desk, HERS_IN_SLACK)
    await desk.say("see here", TOM, name="Tom Quandt", message="m-tom", **HERS_IN_SLACK)
    bill = Attachment(kind=AttachmentKind.DOCUMENT, ref="F77", name="zeppelin.pdf", mime_type="text/plain")
    await desk.say(Edited("m-tom", "see here", (bill,)), TOM, name="Tom Quandt", **HERS_IN_SLACK)
    [brought] = [m for m in (await desk.view(conversation)).story if m.attachments]
    assert brought.reference.writer == "Tom Quandt"
    [ids] = await desk.rows(
        "select array_agg(distinct external_id) from messages where conversation_id = :id"
        " and role = 'customer'"
        " and writer = any(select address_hash from identities where customer_id = :tom)",
        id=conversation,
        tom=tom,
    )
    assert len(ids[0]) == 1, "the platform's id is hashed in both entries"  # type: ignore[arg-type]
    assert ids[0] != ["m-tom"]
    await desk.deliver()

    await erased(desk, tom)
    await desk.turn()
    told = await readable(desk, conversation)
    assert "zeppelin" not in told
    assert "F77" not in told
    assert "zeppelin" not in "".join(to_rooms(await desk.deliver()))
    rows = await desk.rows("select customer_id = :tom, ref is null, state from files", tom=tom)
    assert rows == [(True, True, "waiting")]


@pytest.mark.long
@pytest.mark.parametrize("claimed", [False, True])
async def test_words_that_had_joined_a_growing_post_do_not_leave(desk: Bench, claimed: bool) -> None:
    tom = await of_tom(desk, HIS_IN_SLACK)
    conversation = await hers(desk, HERS_IN_SLACK)
    desk.customer_per_minute = 5
    for n in range(10):
        await desk.say(f"line {n}", MAYA, **HERS_IN_SLACK)
    await desk.say(WORDS, TOM, name="Tom Quandt", **HERS_IN_SLACK)
    grows = "select state from outbox where kind = 'grow' and state <> 'delivered'"
    on_the_wire: list[Item] = []
    while claimed and not on_the_wire:
        for item in await desk.claim():
            if item.kind == "grow":
                on_the_wire.append(item)
            else:
                await desk.settle(desk.taken(item))
        await desk.rested()
    assert await desk.rows(grows) == [("sending" if claimed else "waiting",)]

    await erased(desk, tom)
    await desk.turn()
    for item in on_the_wire:
        await desk.settle(desk.taken(item))
    left = await desk.deliver()
    assert not [one.text for one in left if "zeppelin" in one.text]
    assert "zeppelin" not in await readable(desk, conversation)


@pytest.mark.long
@pytest.mark.parametrize("known", [False, True])
async def test_words_that_come_in_while_they_are_erased_are_gone_as_well(desk: Bench, known: bool) -> None:
    """From a second address of theirs; in a thread in which they have written before, or not."""
    one = await desk.say("How do I pay?", TOM, name="Tom Quandt", **(MAIL | {"chat": "t2"}))
    two = await desk.say("And how?", "tq@c.example", name="Tom Quandt", **(MAIL | {"chat": "t3"}))
    await made_one(desk, one, two)
    tom = await desk.customer_of(one)
    conversation = await hers(desk, HERS)
    if known:
        await desk.say("First words", TOM, name="Tom Quandt", **HERS)
    async with desk.database.begin() as connection:
        words = desk.event(WORDS, "tq@c.example", name="Tom Quandt", **HERS)
        await desk.inboxes.accept(connection, [desk.arrival(words)])
        erasing = asyncio.create_task(erased(desk, tom))
        while (await desk.rows(WAITING))[0] == (0,):
            assert not erasing.done(), "it waits for what comes in"
    assert (await erasing).elsewhere == 1
    await desk.turn()
    assert "zeppelin" not in await readable(desk, conversation)
    assert "zeppelin" not in "".join(to_rooms(await desk.deliver()))


async def test_an_edit_of_a_message_that_is_gone_brings_nothing_back(desk: Bench) -> None:
    tom = await of_tom(desk, HIS_IN_SLACK)
    conversation = await hers(desk, HERS_IN_SLACK)
    await desk.say(WORDS, TOM, name="Tom Quandt", message="m-tom", **HERS_IN_SLACK)
    await erased(desk, tom)
    await desk.turn()
    await desk.deliver()
    edit = desk.event(Edited("m-tom", f"{WORDS}!"), TOM, name="Tom Quandt", **HERS_IN_SLACK)
    assert (await desk.hear(edit)).wakes == ()
    await desk.turn()
    assert to_rooms(await desk.deliver()) == []
    assert "zeppelin" not in await readable(desk, conversation)


async def test_the_report_that_a_copy_for_them_came_back_is_gone(desk: Bench) -> None:
    tom = await of_tom(desk, MAIL | {"chat": "t2"})
    conversation = await hers(desk, HERS)
    await desk.say(WORDS, TOM, name="Tom Quandt", sender_role=SenderRole.STRANGER, **HERS)
    await desk.staff("We refund it", await desk.view(conversation))
    await desk.undo_is_over()
    await desk.deliver()
    [ref, *_] = (await desk.sent_ids())[-1]
    told = Receipt(
        status=ReceiptStatus.FAILED,
        messages=(ref,),
        code="send.unreachable",
        reason=f"5.1.1 <{TOM}>: mailbox is full",
        copied="Tom@B.example",
    )
    await desk.hear(desk.event(told, "daemon", verified=False, automatic=True, **HERS))
    await desk.turn()
    await desk.deliver()
    assert "mailbox is full" in await readable(desk, conversation)
    await erased(desk, tom)
    await desk.turn()
    await desk.deliver()
    assert "mailbox is full" not in await readable(desk, conversation)


async def test_a_post_in_doubt_stays_named_and_is_not_sent_again(desk: Bench) -> None:
    tom = await of_tom(desk, MAIL | {"chat": "t2"})
    await hers(desk, HERS)
    await desk.say(WORDS, TOM, **HERS)
    in_doubt = lambda item: (  # noqa: E731
        Dead(item, "unknown", "send.outcome_unknown", "broke off")
        if item.kind == "post" and item.room is not None
        else None
    )
    await desk.deliver(in_doubt)
    await erased(desk, tom)
    await desk.turn()
    await desk.deliver()
    [[row]] = await desk.rows("select id from outbox where state = 'unknown'")
    async with desk.database.begin() as connection:
        assert not await desk.outbox.again(connection, desk.tenant, row)  # type: ignore[arg-type]
        left = await remains(connection, desk.keys, desk.tenant, [tom])
    assert [(one.state, one.messages) for one in left] == [("unknown", 1)]


async def test_a_post_that_could_not_be_deleted_is_named_after_the_other_is_erased_too(desk: Bench) -> None:
    tom = await of_tom(desk, MAIL | {"chat": "t2"})
    conversation = await hers(desk, HERS)
    await desk.say(WORDS, TOM, **HERS)
    await desk.deliver()
    await erased(desk, tom)
    await desk.turn()
    await desk.deliver(
        lambda item: Dead(item, "failed", "send.refused", "too_old") if item.kind == "erase" else None
    )
    await erased(desk, await desk.customer_of(conversation))
    await desk.turn()
    await desk.deliver()
    async with desk.database.begin() as connection:
        assert {one.state for one in await remains(connection, desk.keys, desk.tenant, [tom])} == {"failed"}


async def test_no_answer_to_another_customer_goes_to_them_in_copy(desk: Bench) -> None:
    tom = await of_tom(desk, MAIL | {"chat": "t2"})
    context = ReplyContext(
        thread="t1",
        address=MAYA,
        to=MAYA,
        cc=("Tom@b.example", "noor@c.example"),
        references=("<maya.1@a.example>", "<tom.1@b.example>"),
        in_reply_to="<maya.1@a.example>",
    ).text()
    conversation = await hers(desk, HERS | {"reply_context": context})
    await desk.say(WORDS, TOM, message="<tom.1@b.example>", sender_role=SenderRole.STRANGER, **HERS)
    await erased(desk, tom)
    await desk.turn()
    await desk.deliver()
    await desk.staff("We refund it", await desk.view(conversation))
    await desk.undo_is_over()
    [sent] = [one.item.context for one in await desk.deliver() if one.item.room is None]
    left = read_context(sent)
    assert left is not None
    assert (left.to, left.cc) == (MAYA, ("noor@c.example",))
    assert (left.references, left.in_reply_to) == (("<maya.1@a.example>",), "<maya.1@a.example>")


async def test_people_called_to_the_other_customer_are_called_anew(desk: Bench) -> None:
    tom = await of_tom(desk, MAIL | {"chat": "t2"})
    await desk.say("I was charged twice", MAYA, **HERS)
    await desk.say(WORDS, TOM, **HERS)
    await desk.hear(desk.event("A person please", MAYA, **HERS))
    await desk.turn(lambda _: HandOver("A reason.", "why", trigger="security"))
    await desk.deliver()
    await desk.rings("ladder")
    await erased(desk, tom)
    await desk.turn()
    calls = [one.text for one in await desk.deliver() if getattr(one.operation, "calls", "")]
    assert len([text for text in calls if "is asked to take this" in text]) == 1
