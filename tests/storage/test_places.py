"""Places: the conversation that goes on where somebody writes, asked of PostgreSQL."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import pytest
from sqlalchemy import text

from bot.core.answering import HandOver
from bot.core.errors import KeyDestroyed, NotFound
from bot.core.events import (
    AddressChanged,
    Deleted,
    Event,
    Reacted,
    Receipt,
    ReceiptStatus,
    SenderRole,
    Started,
)
from bot.core.ids import ConversationId, new_id
from storage.database import Database
from storage.keys import destroy
from storage.links import invite, new_token
from storage.merging import alone, merge, unmerge
from tests.turns.bench import CODE, HUGO, Bench, another, bench_of, to_customers


@pytest.fixture
async def desk(database_url: str) -> AsyncIterator[Bench]:
    async with bench_of(database_url) as bench:
        yield bench


@pytest.fixture
async def twin(desk: Bench) -> AsyncIterator[Bench]:
    """A second process."""
    database = Database(desk.database.url, pool=4)
    yield await another(database)
    await database.close()


async def to(desk: Bench, *events: Event) -> list[ConversationId]:
    """Return where each of them went, heard one by one."""
    return [(await desk.hear(event)).wakes[0].conversation for event in events]


async def made_one(desk: Bench, kept: ConversationId, merged: ConversationId) -> None:
    async with desk.database.begin() as connection:
        await merge(
            connection,
            new_id(),
            desk.tenant,
            kept=await desk.customer_of(kept),
            merged=await desk.customer_of(merged),
            by="person:anna",
            how="staff",
        )


async def parted(desk: Bench, merged: ConversationId) -> None:
    async with desk.database.begin() as connection:
        await unmerge(connection, desk.tenant, await desk.customer_of(merged))


async def erase(desk: Bench, conversation: ConversationId) -> None:
    customer = await desk.customer_of(conversation)
    async with desk.database.begin() as connection:
        await destroy(connection, desk.tenant, customer)
    desk.keys.forget(customer)


async def invited(desk: Bench, conversation: ConversationId) -> str:
    token = new_token()
    index = next(iter(desk.accounts.values())).keys.index
    async with desk.database.begin() as connection:
        await invite(connection, new_id(), desk.tenant, conversation, index=index, token=token)
    return token


READ = Receipt(status=ReceiptStatus.READ, messages=("p1",))

# --- one matter --------------------------------------------------------------------------------------------


async def test_a_known_customer_has_one_conversation_on_two_channels(desk: Bench) -> None:
    phone = await desk.say("Hello", on="telegram")
    other = await desk.say("Hello, too", "+4917", on="whatsapp")
    assert phone != other
    await desk.end(other)
    await made_one(desk, phone, other)
    assert await desk.say("It is me again", "+4917", on="whatsapp") == phone
    assert [m.text for m in (await desk.view(phone)).story if m.role == "customer"] == [
        "Hello",
        "It is me again",
    ]


async def test_the_answer_goes_where_the_customer_wrote_last(desk: Bench) -> None:
    phone = await desk.say("Hello")
    other = await desk.say("Hello, too", "+4917", on="whatsapp")
    await desk.end(other)
    await made_one(desk, phone, other)
    await desk.deliver()
    await desk.say("And now here", "+4917", on="whatsapp")
    assert {one.place.channel for one in await desk.deliver() if one.item.room is None} == {"whatsapp"}
    await desk.say("And there again")
    assert {one.place.channel for one in await desk.deliver() if one.item.room is None} == {"telegram"}


async def test_a_display_name_links_nobody(desk: Bench) -> None:
    first, second = await to(desk, desk.event("Hi", "1", name="Maya"), desk.event("Hi", "2", name="Maya"))
    assert first != second
    assert await desk.customer_of(first) != await desk.customer_of(second)


async def test_a_thread_is_a_conversation_of_its_own_whoever_writes_in_it(desk: Bench) -> None:
    mine = await desk.say("Hello", "maya@a.example", on="email", chat="t1", shared=True)
    assert await desk.say("Me, too", "tom@a.example", on="email", chat="t1", shared=True) == mine
    assert await desk.say("Another matter", "maya@a.example", on="email", chat="t2", shared=True) != mine


async def test_in_a_group_each_has_a_conversation_and_nothing_joins_it(desk: Bench) -> None:
    home = await desk.say("My secret", "1")
    group = await desk.say("Hello all", "1", chat="-100", private=False)
    other = await desk.say("Hello", "2", chat="-100", private=False)
    assert len({home, group, other}) == 3
    assert await desk.customer_of(home) == await desk.customer_of(group)
    phone = await desk.say("Hello", "+4917", on="whatsapp")
    await desk.end(home)
    await desk.end(phone)
    await made_one(desk, group, phone)
    assert await desk.say("Something private", "+4917", on="whatsapp") not in (home, group, other)


async def test_an_unverified_sender_is_somebody_else_in_every_place(desk: Bench) -> None:
    known = await desk.say("Hello", "maya@a.example", on="email", chat="t1")
    forged = desk.event("It is me", "maya@a.example", on="email", chat="t2", verified=False)
    again = desk.event("Me again", "maya@a.example", on="email", chat="t3", verified=False)
    first, second = await to(desk, forged, again)
    assert len({await desk.customer_of(c) for c in (known, first, second)}) == 3
    assert not (await desk.view(first)).conversation.verified
    assert (await desk.view(known)).conversation.verified


# --- once --------------------------------------------------------------------------------------------------


async def test_an_event_told_again_opens_nothing(desk: Bench) -> None:
    event = desk.event("Hello")
    [conversation] = await to(desk, event)
    await desk.turn()
    await desk.end(conversation)
    again = await desk.hear(event)
    assert (again.fresh, again.duplicates) == (0, 1)
    assert await desk.conversations() == 1


@pytest.mark.long
async def test_two_processes_open_one_conversation_for_one_that_is_over(desk: Bench, twin: Bench) -> None:
    for n in range(8):
        who = f"c{n}"
        before = await desk.say("Hello", who)
        await desk.end(before)
        events = [desk.event(f"Again {i}", who) for i in range(6)]
        found = await asyncio.gather(
            *((twin if i % 2 else desk).hear(event, events[0]) for i, event in enumerate(events))
        )
        assert len({w.conversation for accepted in found for w in accepted.wakes} - {before}) == 1
        assert sum(accepted.fresh for accepted in found) == 6


async def test_two_processes_make_one_customer_of_a_newcomer_on_many_places(desk: Bench, twin: Bench) -> None:
    events = [
        desk.event("Hi", "new", on="email", chat=f"t{n}", thread=str(n), shared=True) for n in range(12)
    ]
    await asyncio.gather(*((twin if n % 2 else desk).hear(event) for n, event in enumerate(events)))
    assert await desk.rows("select count(*) from customers") == [(1,)]
    assert await desk.conversations() == 12


async def test_batches_with_the_same_customers_in_any_order_do_not_wait_for_each_other(
    desk: Bench, twin: Bench
) -> None:
    who = [f"c{n}" for n in range(6)]
    for person in who:
        await desk.say("Hello", person)
    for n in range(6):
        one = [desk.event("x", p, on="email", chat=f"{p}-{n}-a", shared=True) for p in who]
        two = [desk.event("x", p, on="email", chat=f"{p}-{n}-b", shared=True) for p in who]
        await asyncio.gather(desk.hear(*one), twin.hear(*two))


# --- what opens --------------------------------------------------------------------------------------------


async def test_a_receipt_from_an_unknown_place_makes_no_customer(desk: Bench) -> None:
    accepted = await desk.hear(desk.event(READ, on="whatsapp"))
    assert (accepted.fresh, accepted.ignored) == (0, 1)
    assert await desk.rows("select count(*) from customers") == [(0,)]


async def test_a_receipt_beside_the_first_words_does_not_lose_them(desk: Bench) -> None:
    accepted = await desk.hear(desk.event(READ, on="whatsapp"), desk.event("Hello", on="whatsapp"))
    assert (accepted.fresh, accepted.ignored) == (2, 0)


async def test_a_receipt_beside_the_first_words_after_the_end_opens_once(desk: Bench) -> None:
    before = await desk.say("Hello", on="whatsapp")
    await desk.end(before)
    accepted = await desk.hear(
        desk.event(READ, on="whatsapp"), desk.event("Again", on="whatsapp"), desk.event(READ, on="whatsapp")
    )
    assert before not in [wake.conversation for wake in accepted.wakes]
    assert await desk.conversations() == 2


async def test_a_receipt_after_the_end_goes_to_the_conversation_that_is_over(desk: Bench) -> None:
    before = await desk.say("Hello", on="whatsapp")
    await desk.end(before)
    assert await to(desk, desk.event(READ, on="whatsapp")) == [before]
    assert await desk.conversations() == 1


@pytest.mark.parametrize("content", [Reacted("p1", "👍", added=True), Deleted("m1")])
async def test_a_thumb_up_after_the_end_begins_nothing(desk: Bench, content: Reacted | Deleted) -> None:
    before = await desk.say("Hello")
    await desk.end(before)
    assert await to(desk, desk.event(content)) == [before]
    assert await desk.conversations() == 1


async def test_a_colleague_where_no_customer_is_begins_nothing(desk: Bench) -> None:
    said = desk.event(
        "Lunch?", "U1", on="slack-customers", chat="C1", thread="1", sender_role=SenderRole.INSIDER
    )
    assert (await desk.hear(said)).ignored == 1
    assert await desk.conversations() == 0


async def test_a_stranger_in_a_thread_that_is_over_does_not_become_its_customer(desk: Bench) -> None:
    before = await desk.say("Hello", "maya@a.example", on="email", chat="t1", shared=True)
    await desk.end(before)
    stranger = desk.event(
        "Let me in", "eve@b.example", on="email", chat="t1", shared=True, sender_role=SenderRole.STRANGER
    )
    assert await to(desk, stranger) == [before]
    [after] = await to(desk, desk.event("Me", "maya@a.example", on="email", chat="t1", shared=True))
    assert after != before
    assert await desk.customer_of(after) == await desk.customer_of(before)


async def test_a_stranger_and_the_customer_in_one_batch_after_the_end(desk: Bench) -> None:
    before = await desk.say("Hello", "maya@a.example", on="email", chat="t1", shared=True)
    await desk.end(before)
    there = {"on": "email", "chat": "t1", "shared": True}
    await desk.hear(
        desk.event("Let me in", "eve@b.example", sender_role=SenderRole.STRANGER, **there),  # type: ignore[arg-type]
        desk.event("Me", "maya@a.example", **there),  # type: ignore[arg-type]
    )
    owners = await desk.rows("select distinct customer_id from conversations")
    assert len(owners) == 1


async def test_a_stranger_in_a_thread_that_nobody_knows_is_still_heard(desk: Bench) -> None:
    lost = desk.event(
        "Hello?", "eve@b.example", on="email", chat="t", shared=True, sender_role=SenderRole.STRANGER
    )
    assert (await desk.hear(lost)).fresh == 1


async def test_a_message_of_a_program_moves_no_conversation(desk: Bench) -> None:
    phone = await desk.say("Hello")
    mail = await desk.say("Hello", "maya@a.example", on="email", chat="maya@a.example")
    await desk.end(mail)
    await made_one(desk, phone, mail)
    assert await desk.say("By mail", "maya@a.example", on="email", chat="maya@a.example") == phone
    await desk.say("By phone")
    await desk.deliver()
    away = desk.event("I am on holiday", "maya@a.example", on="email", chat="maya@a.example", automatic=True)
    await desk.hear(away)
    await desk.turn()
    assert (await desk.view(phone)).conversation.place.channel == "telegram"


# --- invitations -------------------------------------------------------------------------------------------


async def test_an_invitation_makes_two_addresses_one_customer_with_one_conversation(desk: Bench) -> None:
    phone = await desk.say("Hello")
    token = await invited(desk, phone)
    assert await desk.say(Started(token), "+4917", on="whatsapp") == phone
    await desk.end(phone)
    later = await desk.say("Next", "+4917", on="whatsapp")
    assert await desk.root_of(later) == await desk.root_of(phone)


async def test_a_customer_known_before_is_merged_by_an_invitation(desk: Bench) -> None:
    phone = await desk.say("Hello")
    other = await desk.say("Hi", "+4917", on="whatsapp")
    token = await invited(desk, phone)
    assert await desk.say(f"I come with {token}.", "+4917", on="whatsapp") == phone
    assert await desk.root_of(other) == await desk.root_of(phone)
    view = await desk.view(other)  # sealed under its own key still
    assert [m.text for m in view.story if m.role == "customer"] == ["Hi"]


async def test_an_invitation_is_valid_for_one_address_alone(desk: Bench) -> None:
    phone = await desk.say("Hello")
    token = await invited(desk, phone)
    assert await desk.say(Started(token), "+1", on="whatsapp") == phone
    second = await desk.say(Started(token), "+2", on="whatsapp")
    assert second != phone
    assert await desk.root_of(second) != await desk.root_of(phone)


async def test_an_invitation_is_good_for_one_of_a_batch(desk: Bench) -> None:
    phone = await desk.say("Hello")
    token = await invited(desk, phone)
    events = [desk.event(Started(token), f"+{n}", on="whatsapp") for n in range(5)]
    await desk.hear(*events)
    assert await desk.rows("select count(*) from identities where customer_id = :id",
                           id=await desk.customer_of(phone)) == [(2,)]  # fmt: skip


async def test_an_invitation_is_good_for_one_of_two_processes(desk: Bench, twin: Bench) -> None:
    phone = await desk.say("Hello")
    token = await invited(desk, phone)
    await asyncio.gather(
        *(
            (twin if n % 2 else desk).hear(desk.event(Started(token), f"+{n}", on="whatsapp"))
            for n in range(6)
        )
    )
    assert await desk.rows("select count(*) from identities where customer_id = :id",
                           id=await desk.customer_of(phone)) == [(2,)]  # fmt: skip


async def test_an_invitation_that_is_too_old_opens_a_conversation_of_ones_own(desk: Bench) -> None:
    phone = await desk.say("Hello")
    token = await invited(desk, phone)
    await desk.execute("update links set expires_at = now() - interval '1 second'")
    assert await desk.say(Started(token), "+1", on="whatsapp") != phone


async def test_an_invitation_to_a_conversation_that_is_over_merges_and_begins_anew(desk: Bench) -> None:
    phone = await desk.say("Hello")
    token = await invited(desk, phone)
    await desk.end(phone)
    after = await desk.say(Started(token), "+1", on="whatsapp")
    assert after != phone
    assert await desk.root_of(after) == await desk.root_of(phone)


@pytest.mark.long
@pytest.mark.parametrize("more", [{"private": False}, {"shared": True}, {"verified": False}])
async def test_an_invitation_is_not_accepted_where_others_may_have_read_it(
    desk: Bench, more: dict[str, bool]
) -> None:
    phone = await desk.say("Hello")
    token = await invited(desk, phone)
    after = await desk.say(f"Look: {token}", "+1", on="whatsapp", chat="somewhere", **more)
    assert await desk.root_of(after) != await desk.root_of(phone)
    assert await desk.say(Started(token), "+1", on="whatsapp") == phone, "it was used up by the wrong one"


async def test_an_invitation_out_of_a_group_does_not_let_the_group_read_on(desk: Bench) -> None:
    group = await desk.say("Hello all", "1", chat="-100", private=False)
    token = await invited(desk, group)
    private = await desk.say(Started(token), "+1", on="whatsapp")
    assert private != group
    assert await desk.root_of(private) == await desk.root_of(group)


# --- a changed number --------------------------------------------------------------------------------------


async def test_a_customer_with_a_changed_number_goes_on_in_their_conversation(desk: Bench) -> None:
    phone = await desk.say("Hello", "+1", on="whatsapp")
    await desk.hear(desk.event(AddressChanged("+2"), "+1", on="whatsapp"))
    await desk.turn()
    assert (await desk.view(phone)).conversation.place.chat == "+2"
    assert await desk.say("From the new one", "+2", on="whatsapp") == phone


async def test_a_number_that_changed_beside_words_is_followed(desk: Bench) -> None:
    phone = await desk.say("Hello", "+1", on="whatsapp")
    await desk.hear(
        desk.event("I get a new number", "+1", on="whatsapp"),
        desk.event(AddressChanged("+2"), "+1", on="whatsapp"),
    )
    assert await desk.say("From the new one", "+2", on="whatsapp") == phone


async def test_a_reassigned_number_belongs_to_the_customer_who_has_it_now(desk: Bench, twin: Bench) -> None:
    """The platform vouches for it: whoever has moved there must not come into the other's history."""
    mine = await desk.say("Hello", "+1", on="whatsapp")
    theirs = await twin.say("Hello", "+2", on="whatsapp")
    change = desk.event(AddressChanged("+2"), "+1", on="whatsapp")
    await desk.hear(change)
    await desk.hear(change)
    assert await twin.say("It is me, from my new number", "+2", on="whatsapp") == mine
    assert await desk.root_of(mine) != await desk.root_of(theirs)


async def test_a_late_receipt_brings_no_number_back(desk: Bench) -> None:
    phone = await desk.say("Hello", "+1", on="whatsapp", alias="DE.1")
    await desk.hear(desk.event(AddressChanged("+2"), "+1", on="whatsapp", alias="DE.1"))
    read = Receipt(status=ReceiptStatus.READ, messages=("w-1",))
    await desk.hear(desk.event(read, "+1", on="whatsapp", alias="DE.1"))
    assert await desk.say("I have that number now", "+1", on="whatsapp", name="Otto") != phone


async def test_a_change_that_is_told_again_moves_nobody_a_second_time(desk: Bench) -> None:
    mine = await desk.say("Hello", "+1", on="whatsapp")
    change = desk.event(AddressChanged("+2"), "+1", on="whatsapp")
    await desk.hear(change)
    await desk.say("I have that number now", "+1", on="whatsapp", name="Otto")
    await desk.hear(change)
    assert await desk.say("Still me", "+2", on="whatsapp") == mine


async def test_a_number_that_its_owner_has_left_is_somebody_elses_when_it_writes_again(
    desk: Bench, twin: Bench
) -> None:
    """Numbers are given out again. Nobody may get into the history of who had theirs before."""
    phone = await desk.say("My secret", "+1", on="whatsapp")
    assert await twin.say("Another process knows me", "+1", on="whatsapp") == phone
    change = desk.event(AddressChanged("+2"), "+1", on="whatsapp")
    await desk.hear(change)
    await desk.hear(change)
    for somebody in (twin, desk):
        stranger = await somebody.say("Hello, I am new here", "+1", on="whatsapp", name="Otto")
        assert await desk.root_of(stranger) != await desk.root_of(phone)
    await desk.hear(change)
    assert await desk.say("Still me", "+2", on="whatsapp") == phone


# --- known by two ids --------------------------------------------------------------------------------------


async def test_a_customer_who_hides_their_number_after_a_while_is_still_the_same(
    desk: Bench, twin: Bench
) -> None:
    phone = await desk.say("Hello", "+1", on="whatsapp", alias="DE.1")
    assert (await desk.view(phone)).conversation.place.chat == "+1"
    assert await twin.say("Nobody sees my number now", "DE.1", on="whatsapp") == phone
    assert (await desk.view(phone)).conversation.place.chat == "DE.1"
    assert await desk.say("And now you do", "+1", on="whatsapp", alias="DE.1") == phone


async def test_a_customer_who_shows_their_number_after_a_while_is_still_the_same(
    desk: Bench, twin: Bench
) -> None:
    hidden = await desk.say("Hello", "DE.1", on="whatsapp")
    assert await twin.say("This is my number", "+1", on="whatsapp", alias="DE.1") == hidden
    assert await desk.say("Again", "+1", on="whatsapp") == hidden


async def test_a_customer_named_by_any_of_their_ids_is_still_the_same(desk: Bench, twin: Bench) -> None:
    """A platform may have one id of a person for us, and one for all businesses of ours."""
    phone = await desk.say("Hello", "+1", on="whatsapp", aliases=("DE.1", "DE.ENT.1"))
    assert await twin.say("By the one", "DE.1", on="whatsapp") == phone
    assert await twin.say("By the other", "DE.ENT.1", on="whatsapp") == phone
    # The one of them changes with the number, and the other says who it is.
    assert await desk.say("With a new one", "DE.2", on="whatsapp", aliases=("DE.ENT.1",)) == phone


async def test_an_id_that_is_known_as_somebody_elses_joins_nobody(desk: Bench) -> None:
    mine = await desk.say("Hello", "+1", on="whatsapp")
    theirs = await desk.say("Hello", "DE.1", on="whatsapp")
    assert await desk.say("Still me", "+1", on="whatsapp", alias="DE.1") == mine
    assert await desk.say("Still me", "DE.1", on="whatsapp") == theirs


async def test_a_new_conversation_of_a_customer_who_hides_their_number_now_is_theirs(desk: Bench) -> None:
    before = await desk.say("Hello", "+1", on="whatsapp", alias="DE.1")
    await desk.end(before)
    after = await desk.say("Hello again", "DE.1", on="whatsapp")
    assert after != before
    assert await desk.root_of(after) == await desk.root_of(before)
    assert await desk.say("With my number", "+1", on="whatsapp", alias="DE.1") == after


async def test_a_customer_who_hides_their_number_and_changes_it_is_followed(desk: Bench) -> None:
    phone = await desk.say("Hello", "+1", on="whatsapp", alias="DE.1")
    await desk.hear(desk.event(AddressChanged("DE.2"), "DE.1", on="whatsapp"))
    assert await desk.say("From the new one", "DE.2", on="whatsapp") == phone


async def test_a_customer_who_hides_a_changed_number_is_known_by_the_new_id_alone(
    desk: Bench, twin: Bench
) -> None:
    """With the number the platform's own id of the person changes, too."""
    phone = await desk.say("Hello", "+1", on="whatsapp")
    await desk.hear(desk.event(AddressChanged("+2"), "+1", on="whatsapp", alias="DE.1"))
    await desk.hear(desk.event(AddressChanged("DE.2"), "DE.1", on="whatsapp", alias="+2"))
    assert await twin.say("Nobody sees my number", "DE.2", on="whatsapp") == phone
    assert await desk.say("And now you do", "+2", on="whatsapp", alias="DE.2") == phone


# --- erased ------------------------------------------------------------------------------------------------


async def escalated(desk: Bench, who: str = "maya") -> ConversationId:
    accepted = await desk.hear(desk.event("Help!", who))
    await desk.turn(lambda _: HandOver("A reason.", "why", trigger="security"))
    return accepted.wakes[0].conversation


async def test_an_erased_customer_who_writes_again_is_new(desk: Bench, twin: Bench) -> None:
    before = await desk.say("My secret")
    await twin.say("And more")  # it remembers the place, and is not told
    await erase(desk, before)
    after = await twin.say("Hello again")
    assert after != before
    assert await desk.customer_of(after) != await desk.customer_of(before)
    assert [m.text for m in (await desk.view(after)).story if m.role == "customer"] == ["Hello again"]


async def test_erasing_a_customer_who_went_on_in_anothers_thread_leaves_the_other(desk: Bench) -> None:
    there = {"on": "email", "chat": "t1", "shared": True}
    mine = await desk.say("Hello", "maya@a.example", **there)
    await desk.end(mine)
    theirs = await desk.say("Me, too", "tom@a.example", **there)
    assert await desk.customer_of(mine) != await desk.customer_of(theirs)
    await erase(desk, theirs)
    assert await desk.say("Me again", "maya@a.example", **there) not in (mine, theirs)


async def test_a_delivery_to_an_erased_customer_stops_no_other_delivery(desk: Bench) -> None:
    await desk.say("Hello", "other")
    gone = await desk.say("Hello")
    await erase(desk, gone)
    assert to_customers(await desk.deliver()) == ["An answer."]
    assert await desk.claim() == []
    with pytest.raises(KeyDestroyed):
        desk.keys.customer(await desk.customer_of(gone), None)


async def test_a_message_of_staff_about_an_erased_customer_stops_no_other_event(desk: Bench) -> None:
    """A poller that could not let go of one event would hear nothing any more."""
    gone = await escalated(desk)
    view = await desk.held(gone)
    room = desk.room(view)
    there = {"on": room.account, "chat": room.chat, "thread": room.thread, "in_our_thread": True}
    await erase(desk, gone)
    heard = await desk.hear(desk.event("Hello?", HUGO, **there), desk.event("Hi", "2"))  # type: ignore[arg-type]
    assert (heard.fresh, heard.ignored) == (2, 0), "they are answered that nobody reads it"
    assert await desk.rows("select memory from conversations where id = :id", id=gone) == [({},)]


async def test_an_early_event_about_an_erased_customer_stops_no_other(desk: Bench) -> None:
    gone, other = [await escalated(desk, who) for who in ("1", "2")]
    for n, thread in enumerate(("1.1", "1.2")):
        aside = desk.event(f"{n}", HUGO, on="slack", chat="C1", thread=thread, in_our_thread=True)
        assert (await desk.hear(aside)).early == 1
    for conversation, thread in ((gone, "1.1"), (other, "1.2")):
        await desk.execute(
            "update rooms set chat_id = 'C1', thread = :thread where conversation_id = :id",
            thread=thread,
            id=conversation,
        )
    await erase(desk, gone)
    async with desk.database.begin() as connection:
        wakes = await desk.inboxes.adopt(connection)
    assert [wake.conversation for wake in wakes] == [other]


async def test_a_delivery_to_a_place_that_was_parted_stops_no_other_delivery(desk: Bench) -> None:
    phone = await desk.say("Hello")
    other = await desk.say("Hi", "+4917", on="whatsapp")
    await desk.end(other)
    await made_one(desk, phone, other)
    await desk.deliver()
    assert await desk.say("Here now", "+4917", on="whatsapp") == phone
    await parted(desk, other)
    await desk.say("Somebody else", "other")
    assert "An answer." in to_customers(await desk.deliver())


async def test_after_parting_everything_that_was_said_can_still_be_read(desk: Bench) -> None:
    phone = await desk.say("Hello")
    other = await desk.say("Hi", "+4917", on="whatsapp")
    await desk.end(other)
    await made_one(desk, phone, other)
    await desk.say("Here now", "+4917", on="whatsapp")
    await parted(desk, other)
    told = [m.text for m in (await desk.view(phone)).story if m.role == "customer"]
    assert told == ["Hello", "Here now"]
    assert (await desk.view(phone)).conversation.place.channel == "telegram"
    anew = await desk.say("Me", "+4917", on="whatsapp")
    assert anew not in (phone, other)
    assert await desk.root_of(anew) == await desk.customer_of(other)


async def test_a_conversation_begun_while_merged_goes_with_the_customer_who_began_it(desk: Bench) -> None:
    """A merge that was a mistake leaves nobody's words with another, and no answer goes to them."""
    phone, other = await desk.say("Hello"), await desk.say("Hi", "+4917", on="whatsapp")
    for over in (phone, other):
        await desk.end(over)
    await made_one(desk, phone, other)
    begun = await desk.say("My own secret", "+4917", on="whatsapp")
    assert await desk.root_of(begun) == await desk.customer_of(phone)
    await parted(desk, other)
    assert await desk.root_of(begun) == await desk.customer_of(other)
    assert await desk.say("And more", "+4917", on="whatsapp") == begun
    assert await desk.say("Me again") not in (phone, begun)
    answers = [one.place.channel for one in await desk.deliver() if "answer" in one.text]
    assert answers.count("telegram") == 2


async def test_a_conversation_gets_its_place_back_after_parting(desk: Bench) -> None:
    phone, other = await desk.say("Hello"), await desk.say("Hi", "+4917", on="whatsapp")
    await desk.end(phone)
    await made_one(desk, phone, other)
    assert await desk.say("In the other's matter") == other
    await parted(desk, other)
    for one, channel in ((phone, "telegram"), (other, "whatsapp")):
        assert (await desk.view(one)).conversation.place.channel == channel
    assert await desk.say("Anew") not in (phone, other)
    assert await desk.say("Here still", "+4917", on="whatsapp") == other


async def test_going_on_elsewhere_locks_in_the_order_in_which_parting_does(desk: Bench, twin: Bench) -> None:
    """First the right to merge, then conversations: the other way round each would wait for the other."""
    await desk.say("By mail", "maya@a.example", on="email", chat="t1", shared=True)
    phone = await desk.say("Hello")
    await desk.say("Please write to my email maya@a.example")
    await desk.hear(desk.event(CODE))
    async with desk.database.begin() as connection:
        await alone(connection, desk.tenant)
        turn = asyncio.create_task(twin.turn())
        while not await desk.rows("select 1 from pg_locks where not granted and locktype = 'advisory'"):
            assert not turn.done(), turn.result()
        await connection.execute(
            text("select 1 from conversations where id = :id for update nowait"), {"id": phone}
        )
    await turn
    assert (await desk.view(phone)).conversation.place.channel == "email"


@asynccontextmanager
async def waiting(desk: Bench, conversation: ConversationId, work: Awaitable[object]) -> AsyncIterator[None]:
    """Run the work while somebody else has locked the conversation it waits for. Afterwards it ends well."""
    async with desk.database.begin() as connection:
        await connection.execute(
            text("select 1 from conversations where id = :id for update"), {"id": conversation}
        )
        task = asyncio.ensure_future(work)
        while not await desk.rows("select 1 from pg_locks where not granted"):
            assert not task.done(), task.result()
        yield
    await task


async def test_an_event_that_waits_for_a_conversation_has_locked_no_place(desk: Bench, twin: Bench) -> None:
    """Parting locks conversations before places: the other way round each would wait for the other."""
    over, another_ = await desk.say("Hello"), await desk.say("Hi", "+4917", on="whatsapp")
    await desk.end(over)
    again = twin.hear(desk.event("Again"), desk.event("And I", "+4917", on="whatsapp"))
    async with waiting(desk, another_, again):
        assert len(await desk.rows("select id from places for update nowait")) == 2
    assert await desk.conversations() == 3


async def test_accepting_an_invitation_waits_for_conversations_first(desk: Bench, twin: Bench) -> None:
    home = await desk.say("Hello")
    accepting = twin.hear(desk.event(Started(await invited(desk, home)), "+4917", on="whatsapp"))
    async with waiting(desk, home, accepting):
        assert len(await desk.rows("select id from links for update nowait")) == 1
        assert len(await desk.rows("select id from customers for update nowait")) == 1


@pytest.mark.parametrize("change", [erase, parted])
async def test_parting_and_erasing_wait_for_conversations_first(
    desk: Bench, change: Callable[[Bench, ConversationId], Awaitable[None]]
) -> None:
    """A turn that learned the customer's name has locked the conversation, and then their row."""
    kept, other = await desk.say("Hello"), await desk.say("Hi", "+4917", on="whatsapp")
    await made_one(desk, kept, other)
    changed = other if change is parted else kept
    async with waiting(desk, kept, change(desk, changed)):
        assert len(await desk.rows("select id from customers for update nowait")) == 2
        assert len(await desk.rows("select id from merges for update nowait")) == 1


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3))
async def test_words_come_in_while_customers_are_merged_and_parted(
    desk: Bench, twin: Bench, seed: int
) -> None:
    """None is lost, none is there twice, and nobody waits for each other for ever."""
    who = [("telegram", f"t{n}") for n in range(3)] + [("whatsapp", f"+{n}") for n in range(3)]
    began = {person: await desk.say("Hello", person, on=channel) for channel, person in who}
    dice = random.Random(seed)  # noqa: S311  nothing secret

    async def write(bench: Bench) -> int:
        for _ in range(12):
            batch = [
                bench.event("x", person, on=channel)
                for channel, person in dice.sample(who, 3)
                for _ in range(2)
            ]
            assert (await bench.hear(*batch)).fresh == 6
        return 12 * 6

    async def change() -> int:
        for _ in range(12):
            one, two = dice.sample(who, 2)
            if dice.random() < 0.5:
                await made_one(desk, began[one[1]], began[two[1]])
            else:
                with suppress(NotFound):
                    await parted(desk, began[two[1]])
            if dice.random() < 0.3:
                await desk.end(began[one[1]])
        return 0

    written = await asyncio.gather(write(desk), write(twin), change(), write(desk), write(twin))
    total = sum(written) + len(who)
    assert await desk.rows("select count(*), count(distinct external_id) from inbox") == [(total, total)]
    assert await desk.rows("select count(*) from messages where role = 'customer'") == [(total,)]
    holes = await desk.rows(
        "select 1 from conversations v where v.last_accepted <>"
        " (select count(*) from inbox where conversation_id = v.id) or v.position <>"
        " (select count(*) from messages where conversation_id = v.id)"
    )
    assert holes == []


async def test_another_process_finds_where_a_place_leads_now(desk: Bench, twin: Bench) -> None:
    before = await desk.say("Hello")
    await twin.say("I remember this place")
    await desk.end(before)
    after = await desk.say("Anew")
    assert await twin.say("Where am I?") == after


async def test_a_row_that_the_platform_dates_ahead_opens_no_window_into_the_future(desk: Bench) -> None:
    event = desk.event("Hello", on="whatsapp")
    future = desk.event("Hello", on="whatsapp", at=event.occurred_at + timedelta(days=300))
    [conversation] = await to(desk, future)
    async with desk.database.begin() as connection:
        ahead = await connection.scalar(text("select max(heard_at) > clock_timestamp() from places"))
    assert ahead is False
    assert (await desk.view(conversation)).conversation.heard_at is not None
