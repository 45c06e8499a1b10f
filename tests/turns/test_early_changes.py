"""Edits and deletions that come before their messages: the messages are as they were changed.

The newest words are put in place before anything is decided about a message, whatever conversation goes on.
"""

import pytest

from bot.core.answering import Answered
from bot.core.conversation import Message, MessageState, Role
from bot.core.events import (
    Attachment,
    AttachmentKind,
    Deleted,
    Edited,
    Event,
    Said,
    Unsupported,
)
from bot.core.ids import ConversationId, new_id
from bot.turns.decide import question
from bot.turns.turn import Decision
from storage.erased import erase
from storage.merging import merge
from tests.storage.test_places import made_one, parted
from tests.turns.bench import Bench, message, states, to_customers, to_rooms
from tests.turns.test_numbers import to_people

SCAN = Attachment(kind=AttachmentKind.DOCUMENT, ref="f-1", name="scan.pdf", mime_type="application/pdf")
OLD = Attachment(kind=AttachmentKind.PHOTO, ref="old", name="old.png", mime_type="image/png")
NEW = Attachment(kind=AttachmentKind.PHOTO, ref="new", name="new.png", mime_type="image/png")
PARCEL, NUMBER = "Where is my parcel?", "What is my case number?"
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


async def test_a_waiting_edit_is_erased_with_its_author(desk: Bench) -> None:
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
    return len(await desk.rows("select 1 from inbox where waits_for is not null"))


async def test_an_edit_of_an_unknown_message_is_erased_with_its_author(desk: Bench) -> None:
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


async def test_a_waiting_edit_is_found_though_its_author_was_merged(desk: Bench) -> None:
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
    await desk.hear(desk.event(Said("Where is my spade?"), on="whatsapp", message="w1"))
    await answered_once(desk, "Hello there", FIRST_EDIT)
    assert await waiting(desk) == await adopted(desk) == 0


async def test_an_edit_of_a_known_message_waits_for_nothing(desk: Bench) -> None:
    id_ = await desk.say("Where is my spade?", on="whatsapp", message="w1")
    await desk.deliver()
    await desk.end(id_)
    await desk.say(Edited("w1", FIRST_EDIT), on="whatsapp")
    assert message(await desk.view(id_), FIRST_EDIT).edited
    assert await waiting(desk) == 0


async def test_edits_of_unknown_messages_cannot_fill_the_inbox(desk: Bench) -> None:
    desk.customer_per_minute = 20
    await desk.hear(*(desk.event(Edited(f"w{n}", FIRST_EDIT), on="whatsapp") for n in range(50)))
    assert await waiting(desk) <= 21
    await desk.hear(desk.event(Edited("w1", FIRST_EDIT), "otto", on="whatsapp"))
    assert await waiting(desk) <= 22, "who else edits is heard"


async def adopted(desk: Bench) -> int:
    async with desk.database.begin() as connection:
        return len(await desk.inboxes.adopt(connection))


async def test_an_edit_that_overtook_its_message_is_one_entry_with_the_newer_words(desk: Bench) -> None:
    accepted = await desk.hear(
        desk.event(Edited("w1", "better", (SCAN,)), on="whatsapp"),
        desk.event(Said("worse", (SCAN,)), on="whatsapp", message="w1"),
        desk.event(Edited("w1", "best"), on="whatsapp"),
    )
    assert (accepted.fresh, accepted.early) == (2, 0)
    await answered_once(desk, "best")
    view = await desk.view(accepted.wakes[0].conversation)
    assert [(m.text, m.edited) for m in view.story if m.role is Role.CUSTOMER] == [("best", True)]


both = pytest.mark.parametrize("open_", [False, True])


async def begin(desk: Bench, *, open_: bool) -> None:
    """Let a conversation go on, or none: the customer has never written."""
    if open_:
        await desk.say("Hello", message="m0")
        await desk.deliver()


async def handled(desk: Bench, *events: Event) -> None:
    """Accept and handle events one after the other."""
    for event in events:
        await desk.hear(event)
        await desk.turn()


async def asked(desk: Bench, *events: Event) -> list[tuple[str, ...]]:
    """Accept events at once. Return what agents are asked in the turns that are due then."""
    questions: list[tuple[str, ...]] = []

    def answer(decision: Decision) -> Answered:
        questions.append(question(decision).messages)
        return Answered("An answer.", "why", settled=True)

    await desk.hear(*events)
    await desk.turn(answer)
    return questions


async def theirs(desk: Bench, conversation: ConversationId) -> list[Message]:
    """Return the customer's messages that stand in the log."""
    story = (await desk.view(conversation)).story
    return [m for m in story if m.role is Role.CUSTOMER and m.state is not MessageState.DELETED]


@both
async def test_the_newest_of_two_early_edits_is_answered(desk: Bench, *, open_: bool) -> None:
    await begin(desk, open_=open_)
    await handled(desk, *(desk.event(Edited("m1", text)) for text in ("two", "three")))
    assert await asked(desk, desk.event("one", message="m1")) == [("three",)]


@both
async def test_the_files_of_an_edit_are_those_of_its_message(desk: Bench, *, open_: bool) -> None:
    await begin(desk, open_=open_)
    await handled(desk, desk.event(Edited("m1", "see the new one", (NEW,))))
    id_ = await desk.say(Said("see", (OLD,)), message="m1")
    [*_, said] = await theirs(desk, id_)
    assert (said.text, [a.ref for a in said.attachments]) == ("see the new one", ["new"])


async def test_the_newest_of_two_early_files_is_kept_once(desk: Bench) -> None:
    await begin(desk, open_=True)
    await handled(desk, *(desk.event(Edited("m1", "see", (file,))) for file in (OLD, NEW)))
    id_ = await desk.say(Said("look", (OLD,)), message="m1")
    said = [(m.text, [a.ref for a in m.attachments]) for m in await theirs(desk, id_)]
    assert said == [("Hello", []), ("see", ["new"])]


@both
async def test_a_customer_whose_edit_drops_the_question_for_the_number_is_told_none(
    desk: Bench, *, open_: bool
) -> None:
    await begin(desk, open_=open_)
    await handled(desk, desk.event(Edited("m1", PARCEL)))
    assert await asked(desk, desk.event(NUMBER, message="m1")) == [(PARCEL,)]


@both
async def test_a_customer_who_asks_for_the_number_in_an_edit_is_told_it(desk: Bench, *, open_: bool) -> None:
    await begin(desk, open_=open_)
    await handled(desk, desk.event(Edited("m1", NUMBER)), desk.event(PARCEL, message="m1"))
    [told] = to_customers(await desk.deliver())
    assert "number" in told


async def test_a_code_goes_to_the_address_of_the_edit(desk: Bench) -> None:
    await begin(desk, open_=True)
    await desk.say(Edited("x1", "please send this to my email right@harbor.example"))
    await desk.say("please send this to my email wrong@harbor.example", message="x1")
    codes = [one.item.context for one in await desk.deliver() if "code is" in one.text]
    assert codes
    assert all("right@" in context for context in codes)


@both
@pytest.mark.parametrize("edits", [(), (Edited("m1", "two"),)])
async def test_a_message_deleted_before_it_came_is_kept_and_not_answered(
    desk: Bench, edits: tuple[Edited, ...], *, open_: bool
) -> None:
    await begin(desk, open_=open_)
    await handled(desk, *(desk.event(change) for change in (*edits, Deleted("m1"))))
    said = desk.event("one", message="m1")
    assert await asked(desk, said) == []
    assert to_customers(await desk.deliver()) == []
    assert (await desk.hear(said)).duplicates == 1
    id_ = await desk.say("And another thing", message="m2")
    assert states(await desk.view(id_), "two" if edits else "one")[-1] is MessageState.DELETED


async def test_a_deleted_unreadable_message_is_not_answered(desk: Bench) -> None:
    await begin(desk, open_=True)
    await handled(desk, desk.event(Deleted("m1")), desk.event(Unsupported("poll"), message="m1"))
    assert to_customers(await desk.deliver()) == []


async def test_people_are_told_that_a_message_was_deleted_and_nothing_waits_for_them(desk: Bench) -> None:
    accepted = await desk.hear(desk.event("Help!"))
    await desk.turn(to_people)
    await desk.held(accepted.wakes[0].conversation)
    await handled(desk, desk.event(Deleted("x1")), desk.event("Never mind", message="x1"))
    assert to_rooms(await desk.deliver()) == ["🗑 **Maya** deleted their message:\n\n> Never mind"]


async def test_changes_and_their_message_may_come_at_once(desk: Bench) -> None:
    await begin(desk, open_=True)
    events = (
        desk.event(Edited("m1", "one, better")),
        desk.event(Deleted("m2")),
        desk.event("one", message="m1"),
        desk.event("two", message="m2"),
    )
    assert await asked(desk, *events) == [("one, better",)]
    assert (await desk.hear(*events)).duplicates == len(events)
    assert await waiting(desk) == 0


@both
async def test_several_messages_are_each_as_they_were_edited(desk: Bench, *, open_: bool) -> None:
    await begin(desk, open_=open_)
    await handled(desk, desk.event(Edited("m2", "two!")))
    said = (desk.event(text, message=ref) for ref, text in (("m1", "one"), ("m2", "two"), ("m3", "three")))
    assert await asked(desk, *said) == [("one", "two!", "three")]


async def test_the_second_message_of_a_new_conversation_is_as_it_was_edited(desk: Bench) -> None:
    """Both come before anybody looks again for what waits."""
    await desk.hear(desk.event(Edited("m2", "the second, corrected")))
    await desk.hear(desk.event("the first", message="m1"))
    assert await asked(desk, desk.event("the second", message="m2")) == [
        ("the first", "the second, corrected")
    ]


async def test_an_edit_waits_though_its_conversation_ends(desk: Bench) -> None:
    old = await desk.say("Hello", message="m0")
    await desk.deliver()
    await desk.say(Edited("m1", "newest"))
    await desk.end(old)
    assert await asked(desk, desk.event("oldest", message="m1")) == [("newest",)]


@pytest.mark.parametrize("open_", [False, True])
async def test_nobody_edits_what_another_wrote(desk: Bench, *, open_: bool) -> None:
    where = {"on": "telegram", "chat": "-100", "shared": True}
    if open_:
        await desk.say("Hello", message="m0", **where)
    await handled(desk, desk.event(Edited("m1", "forged"), "tom", name="Tom", **where))  # type: ignore[arg-type]
    assert await asked(desk, desk.event("mine", message="m1", **where)) == [("mine",)]  # type: ignore[arg-type]
    assert await adopted(desk) == 0


async def test_an_edit_finds_its_message_by_another_id_of_the_author(desk: Bench) -> None:
    number = "+491700000001"
    edit = desk.event(Edited("w1", "newest"), "DE.1", on="whatsapp", aliases=(number,))
    await handled(desk, edit)
    said = desk.event("oldest", number, on="whatsapp", aliases=("DE.1",), message="w1")
    assert await asked(desk, said) == [("newest",)]


async def test_people_read_the_edit_and_then_the_message_with_its_words(desk: Bench) -> None:
    accepted = await desk.hear(desk.event("Help!"))
    await desk.turn(to_people)
    await desk.held(accepted.wakes[0].conversation)
    await desk.say(Edited("x1", "Newest words"))
    assert "do not know here" in to_rooms(await desk.deliver())[0]
    await desk.say("Older words", message="x1")
    [told] = to_rooms(await desk.deliver())
    assert "Newest words" in told
    await desk.say(Edited("x1", "Newest of all"))
    [told] = to_rooms(await desk.deliver())
    assert told.endswith("> Newest of all\n\n_Before:_\n\n> Newest words")


async def test_people_read_once_what_was_edited_again_and_again_before_a_turn(desk: Bench) -> None:
    accepted = await desk.hear(desk.event("Help!"))
    await desk.turn(to_people)
    await desk.held(accepted.wakes[0].conversation)
    for text in ("two", "three"):
        await desk.hear(desk.event(Edited("x1", text)))
    await desk.say("one", message="x1")
    [told] = to_rooms(await desk.deliver())
    assert told.endswith("three")


async def test_the_note_of_an_edit_goes_when_its_message_comes(desk: Bench) -> None:
    await begin(desk, open_=True)
    await desk.say(Edited("m1", "newest"))
    id_ = await desk.say("oldest", message="m1")
    assert states(await desk.view(id_), "newest") == [MessageState.DELETED, MessageState.RECEIVED]
    await desk.say(Edited("m1", "after"))
    assert states(await desk.view(id_), "after") == [MessageState.RECEIVED]
    await desk.say(Deleted("m1"))
    assert states(await desk.view(id_), "after") == [MessageState.DELETED]


async def test_a_redelivered_edit_does_not_change_its_message_again(desk: Bench) -> None:
    id_ = await desk.say("Hello", message="m0")
    await desk.deliver()
    await desk.end(id_)
    edit, said = desk.event(Edited("m1", "newest", (NEW,))), desk.event(Said("oldest", (OLD,)), message="m1")
    await handled(desk, edit, edit)
    questions = await asked(desk, said)
    for _ in range(2):
        questions += await asked(desk, edit)
        questions += await asked(desk, said)
    assert questions == [("newest",)]


@pytest.mark.parametrize("kept", ["mail", "telegram"])
async def test_a_waiting_edit_outlives_a_merge_of_its_author(desk: Bench, kept: str) -> None:
    old = await desk.say("Hello", message="m0")
    mail = await desk.say("Hello", "maya@x.example", on="email")
    await desk.deliver()
    for conversation in (old, mail):
        await desk.end(conversation)
    await handled(desk, desk.event(Edited("m1", "newest")))
    await made_one(desk, *((mail, old) if kept == "mail" else (old, mail)))
    await desk.turn()
    assert await asked(desk, desk.event("oldest", message="m1")) == [("newest",)]


async def test_a_waiting_edit_outlives_a_parting_of_its_author(desk: Bench) -> None:
    old = await desk.say("Hello", message="m0")
    mail = await desk.say("Hello", "maya@x.example", on="email")
    await desk.deliver()
    await made_one(desk, mail, old)
    await desk.turn()
    for conversation in (old, mail):
        await desk.end(conversation)
    await handled(desk, desk.event(Edited("m1", "newest")))
    await parted(desk, old)
    await desk.turn()
    assert await asked(desk, desk.event("oldest", message="m1")) == [("newest",)]


async def test_a_message_that_comes_again_does_not_meet_an_edit_that_waits(desk: Bench) -> None:
    """It was written in a conversation that is over, and edited in the next one."""
    said = desk.event("Hello", message="m0")
    first = (await desk.hear(said)).wakes[0].conversation
    await desk.turn()
    await desk.deliver()
    await desk.end(first)
    await handled(desk, desk.event("Hello again", message="m1"), desk.event(Edited("m0", "Hello!")))
    assert (await desk.hear(said)).duplicates == 1
    assert await waiting(desk) == 1


async def test_edits_of_known_messages_do_not_count_as_early_ones(desk: Bench) -> None:
    desk.customer_per_minute = 10
    id_ = await desk.say("Hello", message="k0")
    await handled(desk, *(desk.event(Edited("k0", f"Hello {n}")) for n in range(9)))
    await desk.deliver()
    await desk.end(id_)
    await handled(desk, *(desk.event(Edited(f"x{n}", "newest")) for n in range(3)))
    assert await waiting(desk) == 3


async def test_a_waiting_edit_and_its_note_are_erased_with_their_author(desk: Bench) -> None:
    id_ = await desk.say("Hello", message="m0")
    await desk.say(Edited("m1", "secret"))
    assert await waiting(desk) == 1
    async with desk.database.begin() as connection:
        await erase(connection, desk.keys, desk.inboxes, desk.tenant, await desk.root_of(id_))
    assert await waiting(desk) == 0
