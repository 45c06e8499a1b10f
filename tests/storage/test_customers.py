"""Customers who are merged and parted, and where their words go then."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.errors import KeyDestroyed, NotFound
from bot.core.events import Said
from bot.core.ids import ConversationId, CustomerId, OrgId, new_id
from storage import customers
from storage.database import Database
from storage.keys import Keys, destroy
from storage.merging import Merged, merge, unmerge
from tests.commands.telling import Told, keys_of_tests, say, tell, where
from tests.lengths import times

PEOPLE = 7


@pytest.fixture
async def told(database_url: str) -> Told:
    return await tell(database_url)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = Database(database_url)
    yield opened
    await opened.close()


@pytest.fixture
def keys() -> Keys:
    return keys_of_tests()


# --- any order ---------------------------------------------------------------------------------------------

numbers = st.integers(0, PEOPLE - 1)
merges = st.tuples(st.just("merge"), numbers, numbers)
partings = st.tuples(st.just("unmerge"), numbers, numbers)
Deed = tuple[str, int, int]


class Forest:
    """Models what merging means, in a few lines: each was merged into at most one other."""

    def __init__(self) -> None:
        self.parent: dict[int, int] = {}

    def root(self, who: int) -> int:
        while who in self.parent:
            who = self.parent[who]
        return who

    def do(self, deed: Deed) -> bool:
        """Return whether anything changed."""
        kind, first, second = deed
        if kind == "unmerge":
            return self.parent.pop(first, None) is not None
        kept, merged = self.root(first), self.root(second)
        if kept != merged:
            self.parent[merged] = kept
        return kept != merged

    def roots(self) -> list[int]:
        return [self.root(who) for who in range(PEOPLE)]


async def strangers(connection: AsyncConnection, organization: OrgId) -> list[CustomerId]:
    ids = [CustomerId(new_id()) for _ in range(PEOPLE)]
    await connection.execute(
        text(
            "insert into customers (id, organization_id, data_key, profile) values (:id, :org, '\\x00', '')"
        ),
        [{"id": id_, "org": organization} for id_ in ids],
    )
    return ids


async def into(connection: AsyncConnection, ids: Sequence[CustomerId]) -> list[int | None]:
    rows = await connection.execute(
        text("select id, merged_into from customers where id = any(:ids)"), {"ids": list(ids)}
    )
    found = {row.id: row.merged_into for row in rows}
    return [None if found[id_] is None else ids.index(found[id_]) for id_ in ids]


async def do(
    connection: AsyncConnection, organization: OrgId, ids: Sequence[CustomerId], deed: Deed
) -> Merged | None:
    kind, first, second = deed
    if kind == "merge":
        return await merge(
            connection,
            new_id(),
            organization,
            kept=ids[first],
            merged=ids[second],
            by="person:anna",
            how="staff",
        )
    with suppress(NotFound):
        await unmerge(connection, organization, ids[first])
    return None


@pytest.mark.long
@given(deeds=st.lists(merges | partings, max_size=25), more=st.lists(merges, max_size=10))
@settings(max_examples=times(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_order_leaves_no_chain_and_undoing_in_reverse_restores(
    database: Database, told: Told, deeds: list[Deed], more: list[Deed]
) -> None:
    forest = Forest()
    async with database.engine.connect() as connection, connection.begin() as transaction:
        ids = await strangers(connection, told.organization)
        for deed in deeds:
            forest.do(deed)
            await do(connection, told.organization, ids, deed)
            # Each names the root of their tree at once, so nobody names one who is merged into somebody.
            assert await into(connection, ids) == [
                None if root == who else root for who, root in enumerate(forest.roots())
            ]
        before = await into(connection, ids)
        done = [await do(connection, told.organization, ids, deed) for deed in more]
        for merged in reversed([one for one in done if one is not None]):
            await unmerge(connection, told.organization, merged.merged)
        assert await into(connection, ids) == before
        await transaction.rollback()


async def test_a_parted_customer_does_not_come_back_when_another_merge_is_undone(
    database: Database, told: Told
) -> None:
    async with database.begin() as connection:
        ids = await strangers(connection, told.organization)
        for deed in (("merge", 0, 1), ("merge", 2, 0), ("unmerge", 1, 1), ("unmerge", 0, 0)):
            await do(connection, told.organization, ids, deed)
        assert await into(connection, ids) == [None] * PEOPLE


async def test_merges_at_once_leave_no_chain(database: Database, told: Told) -> None:
    async with database.begin() as connection:
        ids = await strangers(connection, told.organization)

    async def one(first: int, second: int) -> None:
        async with database.begin() as connection:
            await do(connection, told.organization, ids, ("merge", first, second))

    pairs = [(n, (n * 3 + 1) % PEOPLE) for n in range(PEOPLE)]
    await asyncio.gather(*(one(first, second) for first, second in (*pairs, *pairs)))
    async with database.begin() as connection:
        merged = await into(connection, ids)
    roots = {root for root in merged if root is not None}
    assert all(merged[root] is None for root in roots)
    forest = Forest()
    for first, second in pairs:
        forest.do(("merge", first, second))
    assert len({n if root is None else root for n, root in enumerate(merged)}) == len(set(forest.roots()))


async def test_another_organization_merges_nobody_of_ours(database: Database, told: Told) -> None:
    stranger = OrgId(new_id())
    async with database.begin() as connection:
        with pytest.raises(NotFound):
            await merge(
                connection,
                new_id(),
                stranger,
                kept=told.maria,
                merged=told.tom,
                by="person:mallory",
                how="staff",
            )
        with pytest.raises(NotFound):
            await unmerge(connection, stranger, told.tom)


async def test_an_erased_customer_is_merged_with_nobody(database: Database, told: Told) -> None:
    async with database.begin() as connection:
        await destroy(connection, told.organization, told.tom)
        with pytest.raises(KeyDestroyed):
            await merge(
                connection,
                new_id(),
                told.organization,
                kept=told.maria,
                merged=told.tom,
                by="person:anna",
                how="staff",
            )


# Copies of what is there, each customer with a conversation of one message.
FILL = (
    """
    insert into customers (id, organization_id, data_key, profile, created_at)
    select gen_random_uuid(), :organization, '', '', now() - make_interval(mins => n)
    from generate_series(1, 5000) n
    """,
    """
    insert into identities (id, organization_id, account_id, address_hash, customer_id)
    select gen_random_uuid(), c.organization_id, (select account_id from identities limit 1),
        cast(cast(c.id as text) as bytea), c.id from customers c where c.data_key = ''
    """,
    """
    insert into conversations (id, organization_id, customer_id, number, status, owner_kind, owner_name,
        place_id)
    select c.id, c.organization_id, c.id, 10000000 + row_number() over (), 'resolved', 'agent', 'a',
        (select id from places limit 1)
    from customers c where c.data_key = ''
    """,
    """
    insert into messages (id, conversation_id, organization_id, position, sender_type, sender_id, role,
        content, state, created_at)
    select gen_random_uuid(), v.id, v.organization_id, 9, 'human', '', 'customer', '', 'received', now()
    from conversations v
    """,
)

# --- where their words go ----------------------------------------------------------------------------------


async def close(database: Database, conversation: ConversationId) -> None:
    """Resolved, and too long ago to be opened again."""
    async with database.begin() as connection:
        await connection.execute(
            text(
                "update conversations set status = 'resolved', resolved_at = now() - interval '2 days',"
                " reopen_until = now() - interval '1 day' where id = :id"
            ),
            {"id": conversation},
        )


async def answered_in(database: Database, conversation: ConversationId) -> str | None:
    """The address that an answer in this conversation goes to."""
    keys = keys_of_tests()
    async with database.begin() as connection:
        row = (
            await connection.execute(
                text(
                    "select i.address, c.id, c.data_key from conversations v"
                    " join places p on p.id = v.place_id join identities i on i.id = p.identity_id"
                    " join customers c on c.id = i.customer_id where v.id = :id"
                ),
                {"id": conversation},
            )
        ).one_or_none()
    if row is None:
        return None
    return keys.customer(row.id, row.data_key).open(row.address, field=customers.ADDRESS)


async def test_a_merged_customer_goes_on_in_the_open_conversation_and_a_parted_one_does_not(
    database: Database, keys: Keys, told: Told
) -> None:
    await close(database, told.escalated)
    async with database.begin() as connection:
        await merge(
            connection,
            new_id(),
            told.organization,
            kept=told.maria,
            merged=told.tom,
            by="person:anna",
            how="staff",
        )
    await say(database, keys, "102", "Tom", Said("And another thing."), event="merged")
    assert await where(database, keys, "merged") == (told.plain, told.maria)
    assert await answered_in(database, told.plain) == "102"

    async with database.begin() as connection:
        parted = await unmerge(connection, told.organization, told.tom)
    assert (parted.remaining, parted.places) == (told.maria, 1)
    assert await answered_in(database, told.plain) == "101"

    await say(database, keys, "102", "Tom", Said("Hello?"), event="parted")
    conversation, customer = await where(database, keys, "parted")
    assert conversation not in (told.plain, told.escalated)
    assert customer == told.tom
    await say(database, keys, "101", "Maria", Said("I am here still."), event="remaining")
    assert await where(database, keys, "remaining") == (told.plain, told.maria)


async def test_parting_leaves_conversations_alone_that_were_never_shared(
    database: Database, keys: Keys, told: Told
) -> None:
    async with database.begin() as connection:
        await merge(
            connection,
            new_id(),
            told.organization,
            kept=told.maria,
            merged=told.tom,
            by="person:anna",
            how="staff",
        )
        parted = await unmerge(connection, told.organization, told.tom)
    assert parted.places == 0
    await say(database, keys, "102", "Tom", Said("Hello?"), event="parted")
    assert await where(database, keys, "parted") == (told.escalated, told.tom)


async def test_another_organization_reads_no_customer(database: Database, keys: Keys, told: Told) -> None:
    stranger = OrgId(new_id())
    async with database.begin() as connection:
        assert await customers.customers(connection, keys, stranger) == ()
        with pytest.raises(NotFound):
            await customers.customer(connection, keys, stranger, told.tom)


@pytest.mark.long
@pytest.mark.parametrize(
    ("statement", "index"),
    [
        (customers.CUSTOMERS.everything, "ix_customers_organization_created"),
        (customers.CUSTOMERS.everything, "ix_customers_merged_into"),
        (customers.CUSTOMER.everything, "pk_customers"),
        (customers.IDENTITIES, "ix_identities_customer_id"),
        (customers.HISTORIES.everything, "ix_conversations_customer_id"),
        (customers.HISTORIES.everything, "uq_messages_position"),
    ],
)
async def test_queries_of_screens_about_customers_use_an_index(
    database: Database, told: Told, statement: TextClause, index: str
) -> None:
    async with database.begin() as connection:
        for filling in FILL:
            await connection.execute(text(filling), {"organization": told.organization})
        await connection.execute(text("analyze customers, identities, conversations, messages, places"))
        values = {
            "organization": told.organization,
            "customer": told.tom,
            "ids": [told.tom],
            "before": None,
            "limit": 20,
            "most": 100,
        }
        named = {name: values[name] for name in statement.compile().params}
        plan = "\n".join(await connection.scalars(text(f"explain {statement.text}"), named))
    assert index in plan
