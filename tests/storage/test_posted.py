"""Posts to staff about a customer who was erased: they are deleted, whatever worker dies meanwhile."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from bot.core.answering import HandOver
from bot.core.effects import TellPerson
from bot.core.events import Channel, Place
from bot.core.ids import ConversationId, DeliveryId, PersonId, new_id
from bot.core.outbound import DirectMessage, Post, Sent
from storage.delivery_outcomes import Dead, Delivered
from storage.erased import erase
from storage.outbox_items import Item
from storage.posted import Posted, record_answer, remains
from storage.retention import delete_deliveries
from tests.turns.bench import HUGO, Bench, bench_of


@pytest.fixture
async def desk(database_url: str) -> AsyncIterator[Bench]:
    async with bench_of(database_url) as bench:
        yield bench


async def held(desk: Bench, who: str = "maya") -> ConversationId:
    accepted = await desk.hear(desk.event("Help!", who))
    await desk.turn(lambda _: HandOver("A reason.", "why", trigger="security"))
    conversation = accepted.wakes[0].conversation
    await desk.held(conversation)
    return conversation


async def erased(desk: Bench, conversation: ConversationId, *, dealt_with: bool = True) -> Posted:
    customer = await desk.customer_of(conversation)
    async with desk.database.begin() as connection:
        shown = await erase(connection, desk.keys, desk.inboxes, desk.tenant, customer, by="person:anna")
    desk.keys.forget(customer)
    if dealt_with:
        await desk.turn()
    return shown


async def posts(desk: Bench, conversation: ConversationId) -> set[str]:
    rows = await desk.rows(
        "select unnest(external_ids) from outbox"
        " where conversation_id = :id and room_id is not null and kind in ('post', 'offer')",
        id=conversation,
    )
    return {str(ref) for (ref,) in rows}


async def left_over(desk: Bench, conversation: ConversationId) -> list[tuple[str, int]]:
    customer = await desk.customer_of(conversation)
    async with desk.database.begin() as connection:
        found = await remains(connection, desk.keys, desk.tenant, [customer])
    return [(one.state, one.messages) for one in found]


async def worker_died(desk: Bench, under_way: Item) -> None:
    """Let the worker die with a request on the wire."""
    async with desk.database.begin() as connection:
        assert await desk.outbox.begin(connection, [under_way]) == [True]
    await desk.execute("update lanes set lease_until = null where lease_until > now()")


async def test_each_post_is_deleted_once_and_the_card_comes_first(desk: Bench) -> None:
    conversation = await held(desk)
    shown = await posts(desk, conversation)
    told = await erased(desk, conversation)
    assert (told.messages, told.rooms, told.in_doubt) == (len(shown), 1, 0)
    kinds: list[str] = []
    refs: list[str] = []

    def seen(item: Item) -> None:
        kinds.append(item.kind)
        refs.extend(item.refs if item.kind == "erase" else ())

    await desk.deliver(seen)
    assert kinds[0] == "card"
    assert sorted(refs) == sorted(shown)
    assert await left_over(desk, conversation) == []


async def test_a_worker_that_dies_while_it_deletes_is_followed_by_another(desk: Bench) -> None:
    conversation = await held(desk)
    await erased(desk, conversation)
    under_way: list[Item] = []
    while not under_way:
        for item in await desk.claim():
            if item.kind == "erase":
                under_way.append(item)
            else:
                await desk.settle(desk.taken(item))
        await desk.rested()
    await worker_died(desk, under_way[0])
    again: list[Item] = []
    await desk.deliver(lambda item: again.append(item) if item.id == under_way[0].id else None)
    assert [(item.interrupted, item.refs) for item in again] == [(True, under_way[0].refs)]
    assert await left_over(desk, conversation) == []


async def test_a_post_under_way_when_its_worker_died_is_looked_for_and_deleted(desk: Bench) -> None:
    conversation = await held(desk)
    await desk.hear(desk.event("One more thing"))
    await desk.turn()
    [under_way] = [item for item in await desk.claim() if item.room is not None]
    await erased(desk, conversation)
    await worker_died(desk, under_way)
    found: list[Item] = []
    deleted: list[str] = []

    def fate(item: Item) -> Delivered | None:
        if item.kind == "erase":
            deleted.extend(item.refs)
        if item.id != under_way.id:
            return None
        found.append(item)
        return Delivered(item, Sent("found"), timedelta())  # as `find` says

    await desk.deliver(fate)
    assert [(item.lost, item.interrupted) for item in found] == [(True, True)]
    assert "found" in deleted


async def test_a_direct_message_is_deleted_in_the_chat_of_its_person(desk: Bench) -> None:
    conversation = await held(desk)
    post = Post("Maya waits for you.")
    message = DirectMessage(PersonId("hugo"), Place(Channel("slack"), "slack", HUGO), post)
    await desk.hear(desk.event("And now?"))
    for _, commit in await desk.decided():
        object.__setattr__(commit, "effects", (*commit.effects, TellPerson(message)))
        assert await desk.commit(commit) == "committed"
    await desk.deliver(
        lambda item: Delivered(item, Sent("dm.1", "D77"), timedelta()) if item.direct else None
    )
    await erased(desk, conversation)
    where: list[tuple[str, str]] = []

    def seen(item: Item) -> None:
        if item.kind == "erase":
            where.extend((item.place.chat, ref) for ref in item.refs)

    await desk.deliver(seen)
    assert ("D77", "dm.1") in where


async def test_a_post_that_cannot_be_deleted_is_told_and_sent_again(desk: Bench) -> None:
    conversation = await held(desk)
    await erased(desk, conversation)
    await desk.deliver(
        lambda item: Dead(item, "failed", "send.refused", "too_old") if item.kind == "erase" else None
    )
    [(state, count)] = await left_over(desk, conversation)
    assert (state, count > 0) == ("failed", True)
    await desk.turn()
    [told] = await desk.rows("select count(*) from audit_log where action = 'post.remains'")
    assert told == (count,)


async def test_posts_in_a_room_are_remembered_however_old_they_are(desk: Bench) -> None:
    conversation = await held(desk)
    shown = await posts(desk, conversation)
    assert shown
    async with desk.database.begin() as connection:
        await delete_deliveries(connection, datetime.now(UTC) + timedelta(days=1), 1000)
    assert await posts(desk, conversation) == shown
    assert await desk.rows("select 1 from outbox where place_id is not null and state = 'delivered'") == []


async def test_another_customers_card_takes_its_turn_between_the_deletions(desk: Bench) -> None:
    conversation = await held(desk)
    for n in range(5):
        await desk.say(f"More: {n}")
    await desk.deliver()
    await erased(desk, conversation)
    kinds: list[str] = []

    def seen(item: Item) -> None:
        kinds.append("their card" if item.kind == "card" and item.conversation != conversation else item.kind)

    deleting = False
    while not deleting:
        for item in await desk.claim():
            deleting = item.kind == "erase"
            await desk.settle(desk.taken(item))
        await desk.rested()
    accepted = await desk.hear(desk.event("Help!", "tom"))
    await desk.turn(lambda _: HandOver("A reason.", "why", trigger="security"))
    assert accepted.wakes
    await desk.deliver(seen)
    assert kinds.count("erase") >= 4
    assert "their card" in kinds[:3]


async def again(desk: Bench) -> list[bool]:
    """Every delivery in doubt, as `deliveries retry` sends it again."""
    found = await desk.rows("select id from outbox where state = 'unknown'")
    async with desk.database.begin() as connection:
        return [await desk.outbox.again(connection, desk.tenant, DeliveryId(id_)) for (id_,) in found]  # type: ignore[arg-type]


async def test_remaining_posts_are_told_before_anybody_has_begun_to_delete_them(desk: Bench) -> None:
    conversation = await held(desk)
    shown = await posts(desk, conversation)
    await erased(desk, conversation, dealt_with=False)
    assert await left_over(desk, conversation) == [("waiting", len(shown))]
    await desk.turn()
    assert await left_over(desk, conversation) == [("waiting", len(shown))]
    await desk.deliver()
    assert await left_over(desk, conversation) == []


async def test_remaining_posts_of_a_removed_account_are_told(desk: Bench) -> None:
    conversation = await held(desk)
    shown = await posts(desk, conversation)
    await desk.execute("update accounts set active = false where account = 'slack'")
    await erased(desk, conversation)
    await desk.deliver()
    customer = await desk.customer_of(conversation)
    async with desk.database.begin() as connection:
        [left] = await remains(connection, desk.keys, desk.tenant, [customer])
    assert (left.state, left.messages) == ("failed", len(shown))
    assert "no such account" in left.reason


async def test_a_post_in_doubt_is_not_sent_again_and_stays_named(desk: Bench) -> None:
    conversation = await held(desk)
    await desk.say("One more thing")
    await desk.deliver(
        lambda item: (
            Dead(item, "unknown", "send.outcome_unknown", "broke off")
            if item.kind == "post" and item.room is not None
            else None
        )
    )
    await erased(desk, conversation)
    await desk.deliver()
    assert await left_over(desk, conversation) == [("unknown", 1)]
    assert await again(desk) == [False]
    await desk.deliver()
    assert await left_over(desk, conversation) == [("unknown", 1)]


async def answered(desk: Bench, refs: list[str], *about: UUID) -> None:
    """A command was answered in a chat of the staff."""
    account = next(a for a in desk.accounts.values() if a.serves == "staff")
    async with desk.database.begin() as connection:
        await record_answer(connection, new_id, account, "-100200", refs, about)


async def deleted(desk: Bench) -> list[tuple[str, str]]:
    """Return the chat and the id of each message that is deleted."""
    found: list[tuple[str, str]] = []
    await desk.deliver(
        lambda item: (
            found.extend((item.place.chat, ref) for ref in item.refs) if item.kind == "erase" else None
        )
    )
    return found


@pytest.mark.long
@pytest.mark.parametrize("by_customer", [False, True])
async def test_answers_to_commands_that_show_them_are_deleted(desk: Bench, by_customer: bool) -> None:
    conversation = await desk.say("How do I pay?")
    other = await desk.say("How do I pay?", "noor")
    await desk.deliver()
    about = await desk.customer_of(conversation) if by_customer else conversation
    await answered(desk, ["7", "8"], other, about)
    await answered(desk, ["9"], other)
    assert (await erased(desk, conversation)).messages == 2
    assert await deleted(desk) == [("-100200", "7"), ("-100200", "8")]
    assert await left_over(desk, conversation) == []


async def test_an_answer_that_comes_after_they_were_erased_is_deleted_at_once(desk: Bench) -> None:
    conversation = await desk.say("How do I pay?")
    other = await desk.say("How do I pay?", "noor")
    await desk.deliver()
    await erased(desk, conversation)
    assert await deleted(desk) == []
    await answered(desk, ["7"], other, conversation)
    assert await deleted(desk) == [("-100200", "7")]
