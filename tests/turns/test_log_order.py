"""The log has the order of acceptance, whatever a turn makes of its inputs and however late it comes."""

from datetime import datetime

import pytest

from bot.core.answering import Answered, HandOver
from bot.core.conversation import MessageState, Role
from bot.core.events import (
    Attachment,
    AttachmentKind,
    Content,
    Edited,
    Said,
    Standing,
    Submitted,
    Unsupported,
)
from bot.core.ids import ConversationId, new_id
from bot.turns.decide import Decision, question
from storage.erased import erase
from storage.merging import merge
from tests.turns.bench import HUGO, Bench, message, to_customers, to_rooms

MAYA = "+491700000001"
SCAN = Attachment(kind=AttachmentKind.DOCUMENT, ref="f-1", name="scan.pdf", mime_type="application/pdf")
UNREADABLE = (
    (Unsupported("poll"), "[poll]"),
    (Submitted("survey", "", (("Rating", "5"),)), "Rating: 5"),
    (Edited("m-of-no-message", "in other words"), "in other words"),
)


@pytest.mark.parametrize(("content", "shown"), UNREADABLE)
async def test_what_cannot_be_read_keeps_its_place(desk: Bench, content: Content, shown: str) -> None:
    """All of it is accepted before a turn hears the first."""
    accepted = await desk.hear(
        desk.event("before", on="whatsapp"),
        desk.event(content, on="whatsapp", message="w1"),
        desk.event("after", on="whatsapp"),
    )
    view = await desk.view(accepted.wakes[0].conversation)
    assert [m.text for m in view.story] == ["before", shown, "after"]
    await desk.turn(lambda _: HandOver("A reason.", "why", trigger="security"))
    after = await desk.view(view.conversation.id)
    assert [m.text for m in after.story[:3]] == ["before", shown, "after"]
    [story] = [text for text in to_rooms(await desk.deliver()) if "story so far" in text]
    if not isinstance(content, Edited):  # a note is no part of the story
        assert story.index("before") < story.index(shown) < story.index("after")


@pytest.mark.parametrize("standing", [Standing.STRANGER, Standing.INSIDER])
async def test_what_somebody_else_wrote_keeps_its_place(desk: Bench, standing: Standing) -> None:
    there = {"on": "email", "chat": "t1", "shared": True}
    accepted = await desk.hear(
        desk.event("before", "ines@a.example", **there),  # type: ignore[arg-type]
        desk.event("between", "karl@a.example", standing=standing, **there),  # type: ignore[arg-type]
        desk.event("after", "ines@a.example", **there),  # type: ignore[arg-type]
    )
    await desk.turn()
    view = await desk.view(accepted.wakes[0].conversation)
    assert [m.text for m in view.story[:3]] == ["before", "between", "after"]


async def test_what_staff_write_keeps_its_place(desk: Bench) -> None:
    accepted = await desk.hear(desk.event("before", MAYA, on="whatsapp"))
    await desk.turn(lambda _: HandOver("A reason.", "why", trigger="security"))
    view = await desk.held(accepted.wakes[0].conversation)
    room = desk.room(view)
    there = {"on": room.account, "chat": room.chat, "thread": room.thread, "in_our_thread": True}
    await desk.hear(
        desk.event("our answer", HUGO, message="s1", **there),  # type: ignore[arg-type]
        desk.event("after", MAYA, on="whatsapp"),
        desk.event("// a note", HUGO, message="s2", **there),  # type: ignore[arg-type]
        desk.event(Unsupported("poll"), MAYA, on="whatsapp", message="w1"),
    )
    [[now]] = await desk.rows("select clock_timestamp()")
    assert isinstance(now, datetime)
    await desk.turn()
    await desk.turn()
    story = (await desk.view(view.conversation.id)).story
    assert [m.text for m in story[-4:]] == ["our answer", "after", "// a note", "[poll]"]
    assert all(m.at < now for m in story[-4:]), "an entry is as old as its acceptance"


async def test_an_entry_is_as_old_as_its_acceptance(desk: Bench) -> None:
    accepted = await desk.hear(desk.event(Unsupported("poll"), on="whatsapp", message="w1"))
    [[now]] = await desk.rows("select clock_timestamp()")
    assert isinstance(now, datetime)
    await desk.turn()
    assert message(await desk.view(accepted.wakes[0].conversation), "[poll]").at < now


async def test_an_edit_that_overtook_its_message_is_one_entry_with_the_newer_words(desk: Bench) -> None:
    accepted = await desk.hear(
        desk.event(Edited("w1", "better", (SCAN,)), on="whatsapp"),
        desk.event(Said("worse", (SCAN,)), on="whatsapp", message="w1"),
        desk.event(Edited("w1", "best"), on="whatsapp"),
    )
    asked = (await desk.turn())[0].turn.view.story
    view = await desk.view(accepted.wakes[0].conversation)
    assert [m.text for m in asked] == ["better", "worse"]
    assert [(m.text, m.state.value) for m in view.story[:2]] == [("better", "deleted"), ("best", "received")]


FIRST_EDIT = "Where is my red spade?"


async def answered_once(desk: Bench, *texts: str) -> None:
    """The agent was asked this, and the customer has one answer."""
    asked: list[Decision] = []

    def answer(decision: Decision) -> Answered:
        asked.append(decision)
        return Answered("An answer.", "why", settled=True)

    await desk.turn(answer)
    [decision] = asked
    assert question(decision).messages == texts
    assert to_customers(await desk.deliver()) == ["An answer."]


@pytest.mark.parametrize("over", [False, True])
async def test_an_edit_that_overtook_the_message_which_begins_a_conversation_is_not_lost(
    desk: Bench, *, over: bool
) -> None:
    """They are new, or their last conversation is over."""
    if over:
        before = await desk.say("Hello", on="whatsapp")
        await desk.deliver()
        await desk.end(before)
    begun = await desk.conversations()
    for text in ("Where is my read spade?", FIRST_EDIT):
        await desk.hear(desk.event(Edited("w1", text), on="whatsapp", external_id=f"edit: {text}"))
    await desk.turn()
    assert to_customers(await desk.deliver()) == []
    assert await desk.conversations() == begun, "an edit begins none"
    accepted = await desk.hear(desk.event(Said("Where is my spade?"), on="whatsapp", message="w1"))
    await answered_once(desk, FIRST_EDIT)
    again = desk.event(Edited("w1", "worse"), on="whatsapp", external_id=f"edit: {FIRST_EDIT}")
    assert (await desk.hear(again)).duplicates == 1
    await desk.turn()
    view = await desk.view(accepted.wakes[0].conversation)
    assert [(m.text, m.edited) for m in view.story if m.role is Role.CUSTOMER] == [(FIRST_EDIT, True)]
    assert await desk.conversations() == begun + 1


async def test_an_edit_that_is_accepted_at_the_same_moment_as_its_message_finds_it(desk: Bench) -> None:
    """Neither transaction sees what the other one writes."""
    edit = desk.arrival(desk.event(Edited("w1", FIRST_EDIT), on="whatsapp"))
    async with desk.database.begin() as connection:
        await desk.inboxes.accept(connection, [edit])
        await desk.hear(desk.event(Said("Where is my spade?"), on="whatsapp", message="w1"))
    assert await adopted(desk) == 1
    await answered_once(desk, FIRST_EDIT)
    assert await adopted(desk) == 0


async def test_an_edit_waits_for_its_own_message_and_in_its_own_chat(desk: Bench) -> None:
    await desk.hear(desk.event(Edited("w1", FIRST_EDIT), on="whatsapp"))
    await desk.hear(desk.event("Where is my fork?", on="whatsapp", message="w2"))
    await answered_once(desk, "Where is my fork?")
    await desk.hear(desk.event("Where is my rake?", "otto", on="whatsapp", message="w1"))
    await answered_once(desk, "Where is my rake?")
    assert await adopted(desk) == 0


async def test_an_edit_that_waits_is_erased_with_who_made_it(desk: Bench) -> None:
    before = await desk.say("Hello", on="whatsapp")
    await desk.deliver()
    await desk.end(before)
    await desk.hear(desk.event(Edited("w1", FIRST_EDIT), on="whatsapp"))
    async with desk.database.begin() as connection:
        await erase(connection, desk.keys, desk.inboxes, desk.tenant, await desk.customer_of(before))
    await desk.turn()
    await desk.hear(desk.event(Said("Where is my spade?"), on="whatsapp", message="w1"))
    await answered_once(desk, "Where is my spade?")


async def of_who_is_over(desk: Bench) -> ConversationId:
    """Return the conversation of somebody, which is over and too old to be opened again."""
    before = await desk.say("Hello", on="whatsapp")
    await desk.deliver()
    await desk.end(before)
    return before


async def waiting(desk: Bench) -> int:
    """Return how many edits wait for their messages."""
    return len(await desk.rows("select 1 from inbox where stray is not null"))


async def test_an_edit_of_what_we_never_had_is_erased_with_who_made_it(desk: Bench) -> None:
    """They had written before they edited it, in another thread, or only since."""
    await desk.hear(desk.event(Edited("w1", FIRST_EDIT), "otto", on="whatsapp"))
    since = await desk.say("Hello", "otto", on="whatsapp")
    threads = {"on": "slack-customers", "chat": "C1", "shared": True}
    elsewhere = await desk.say("Hello", "U1", thread="1.1", **threads)  # type: ignore[arg-type]
    for who in ("U1", "U2"):
        edit = desk.event(Edited(f"of {who}", FIRST_EDIT), who, thread="2.2", **threads)  # type: ignore[arg-type]
        await desk.hear(edit)
    for left, conversation in ((2, since), (1, elsewhere)):
        async with desk.database.begin() as connection:
            customer = await desk.customer_of(conversation)
            await erase(connection, desk.keys, desk.inboxes, desk.tenant, customer)
        assert await waiting(desk) == left


async def test_an_edit_that_waits_is_found_though_who_made_it_was_merged(desk: Bench) -> None:
    other = await desk.say("Hi", "otto")
    before = await of_who_is_over(desk)
    await desk.hear(desk.event(Edited("w1", FIRST_EDIT), on="whatsapp"))
    async with desk.database.begin() as connection:
        kept, merged = await desk.customer_of(other), await desk.customer_of(before)
        await merge(connection, new_id(), desk.tenant, kept=kept, merged=merged, by="pia", how="command")
    await desk.turn()
    accepted = await desk.hear(desk.event(Said("Where is my spade?"), on="whatsapp", message="w1"))
    await adopted(desk)
    await desk.turn()
    story = (await desk.view(accepted.wakes[0].conversation)).story
    assert FIRST_EDIT in {m.text for m in story if m.state is MessageState.RECEIVED}


@pytest.mark.parametrize("over", [False, True])
async def test_an_edit_finds_its_message_though_another_one_begins_the_conversation(
    desk: Bench, *, over: bool
) -> None:
    if over:
        await of_who_is_over(desk)
    await desk.hear(desk.event(Edited("w1", FIRST_EDIT), on="whatsapp"))
    await desk.hear(desk.event("Hello there", on="whatsapp", message="w2"))
    assert await adopted(desk) == 0
    await desk.hear(desk.event(Said("Where is my spade?"), on="whatsapp", message="w1"))
    assert await adopted(desk) == 1
    await answered_once(desk, "Hello there", FIRST_EDIT)


async def test_an_edit_of_what_the_conversation_has_waits_for_nothing(desk: Bench) -> None:
    id_ = await desk.say("Where is my spade?", on="whatsapp", message="w1")
    await desk.deliver()
    await desk.end(id_)
    await desk.say(Edited("w1", FIRST_EDIT), on="whatsapp")
    assert message(await desk.view(id_), FIRST_EDIT).edited
    assert await waiting(desk) == 0


async def test_nobody_fills_the_inbox_with_edits_of_what_we_do_not_have(desk: Bench) -> None:
    desk.customer_per_minute = 20
    await desk.hear(*(desk.event(Edited(f"w{n}", FIRST_EDIT), on="whatsapp") for n in range(50)))
    assert await waiting(desk) <= 21
    await desk.hear(desk.event(Edited("w1", FIRST_EDIT), "otto", on="whatsapp"))
    assert await waiting(desk) <= 22, "who else edits is heard"


async def adopted(desk: Bench) -> int:
    async with desk.database.begin() as connection:
        return len(await desk.inboxes.adopt(connection))


async def test_a_file_that_came_with_an_edit_of_no_message_is_fetched(desk: Bench) -> None:
    await desk.say("Hello", on="whatsapp")
    await desk.say(Edited("w1", "see this", (SCAN,)), on="whatsapp")
    assert await desk.rows("select position, state from files") == [(0, "waiting")]
