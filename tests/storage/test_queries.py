"""Reads for screens: tenants apart, erased customers, paging, and the indexes that carry them."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.commands import Subject
from bot.core.conversation import Status
from bot.core.errors import BadUsage, NotFound
from bot.core.ids import ConversationId, OrgId, new_id
from bot.core.numbers import shown
from storage import queries, queries_sql
from storage.database import Database
from storage.keys import Keys, destroy
from storage.queries import ERASED
from tests.commands.telling import Told, keys_of_tests, tell


@pytest.fixture
async def told(database_url: str) -> Told:
    return await tell(database_url)


@pytest.fixture
async def connection(database_url: str, told: Told) -> AsyncIterator[AsyncConnection]:
    database = Database(database_url)
    async with database.begin() as opened:
        yield opened
    await database.close()


@pytest.fixture
def keys() -> Keys:
    return keys_of_tests()


async def test_another_organization_reads_nothing(
    connection: AsyncConnection, keys: Keys, told: Told
) -> None:
    stranger = OrgId(new_id())
    assert await queries.conversations(connection, keys, stranger) == ()
    assert await queries.escalations(connection, stranger, open_only=False) == ()
    assert await queries.deliveries(connection, keys, stranger) == ()
    assert (await queries.counts(connection, stranger)).begun == {}
    with pytest.raises(NotFound):
        await queries.conversation(connection, keys, stranger, told.plain)
    with pytest.raises(NotFound):
        await queries.escalation(connection, keys, stranger, told.escalation)
    with pytest.raises(NotFound):
        await queries.turns(connection, keys, stranger, told.plain)
    for subject, id_ in (
        (Subject.CONVERSATION, told.plain),
        (Subject.ESCALATION, told.escalation),
        (Subject.DELIVERY, told.dead),
    ):
        assert await queries.find_id(connection, told.organization, subject, str(id_)) == id_
        with pytest.raises(NotFound):
            await queries.find_id(connection, stranger, subject, str(id_))


async def test_an_erased_customer_is_listed_and_unreadable(
    connection: AsyncConnection, keys: Keys, told: Told
) -> None:
    line = (await queries.conversation(connection, keys, told.organization, told.escalated)).line
    await destroy(connection, told.organization, line.customer)
    names = {
        one.id: one.customer_name for one in await queries.conversations(connection, keys, told.organization)
    }
    assert names == {told.escalated: ERASED, told.plain: "Maria"}
    story = await queries.conversation(connection, keys, told.organization, told.escalated)
    assert [message.text for message in story.messages] == [ERASED, ERASED]
    escalation = await queries.escalation(connection, keys, told.organization, told.escalation)
    assert (escalation.reason, escalation.path[0].reason, escalation.path[0].snapshot) == (
        ERASED,
        ERASED,
        ERASED,
    )
    turns = await queries.turns(connection, keys, told.organization, told.escalated)
    assert turns[0].reasons == (("", ERASED),)


async def test_pages_follow_each_other_without_gap_or_repeat(
    connection: AsyncConnection, keys: Keys, told: Told
) -> None:
    await _many(connection, 30)
    seen: list[ConversationId] = []
    before: ConversationId | None = None
    while page := await queries.conversations(connection, keys, told.organization, before=before, limit=7):
        seen += [line.id for line in page]
        before = page[-1].id
    assert len(seen) == len(set(seen)) == 32


async def test_the_status_filters(connection: AsyncConnection, keys: Keys, told: Told) -> None:
    lines = await queries.conversations(connection, keys, told.organization, status=Status.ESCALATED)
    assert [line.id for line in lines] == [told.escalated]
    assert await queries.conversations(connection, keys, told.organization, status=Status.RESOLVED) == ()


async def test_a_number_stands_for_the_id_within_its_organization(
    connection: AsyncConnection, keys: Keys, told: Told
) -> None:
    number = (await queries.conversation(connection, keys, told.organization, told.escalated)).line.number
    for typed in (shown(number), shown(number)[1:], str(number), f" # {number} "):
        found = await queries.find_id(connection, told.organization, Subject.CONVERSATION, typed)
        assert found == told.escalated
        found = await queries.find_id(connection, told.organization, Subject.ESCALATION, typed)
        assert found == told.escalation
        for subject in (Subject.CONVERSATION, Subject.ESCALATION):
            with pytest.raises(NotFound):
                await queries.find_id(connection, OrgId(new_id()), subject, typed)
    with pytest.raises(BadUsage):
        await queries.find_id(connection, told.organization, Subject.CUSTOMER, shown(number))


async def test_an_id_that_begins_with_digits_alone_is_found_by_them(
    connection: AsyncConnection, told: Told
) -> None:
    await connection.execute(
        text(
            "insert into conversations (id, organization_id, customer_id, status, owner_kind, owner_name)"
            " select '12345678-9000-4000-8000-000000000000', organization_id, customer_id, 'resolved',"
            " owner_kind, owner_name from conversations limit 1"
        )
    )
    found = await queries.find_id(connection, told.organization, Subject.CONVERSATION, "12345678")
    assert str(found).startswith("12345678")


@pytest.mark.long
@pytest.mark.parametrize(
    "reference", ["", "0", "01990a1", "zzzzzzzz", "١٢٣٤٥٦٧٨", "\0" * 8, "a" * 33, "'; drop--"]
)
async def test_a_reference_that_is_no_id_is_bad_usage(
    connection: AsyncConnection, told: Told, reference: str
) -> None:
    with pytest.raises(BadUsage):
        await queries.find_id(connection, told.organization, Subject.CONVERSATION, reference)


@pytest.mark.long
@pytest.mark.parametrize(
    ("statement", "index"),
    [
        (queries_sql.CONVERSATIONS_BY_PREFIX, "pk_conversations"),
        (queries_sql.CONVERSATION_BY_NUMBER, "uq_conversations_number"),
        (queries_sql.CONVERSATIONS.everything, "ix_conversations_organization_created"),
        (queries_sql.MESSAGES, "uq_messages_position"),
        (queries_sql.TURNS, "ix_turns_conversation_id"),
        (queries_sql.DEAD.everything, "ix_outbox_dead"),
        (queries_sql.COUNT_DEAD, "ix_outbox_dead"),
        (queries_sql.UNANSWERED, "ix_conversations_pending"),
        (queries_sql.WAITING.everything, "ix_outbox_turn"),
    ],
)
async def test_hot_reads_go_by_their_index(
    connection: AsyncConnection, told: Told, statement: TextClause, index: str
) -> None:
    await _many(connection, 5_000)
    await connection.execute(
        text(
            "insert into outbox (id, organization_id, lane_id, conversation_id, kind, payload, state)"
            " select gen_random_uuid(), :organization, l.id, v.id, 'post', '', 'delivered'"
            " from conversations v, (select id from lanes limit 1) l"
        ),
        {"organization": told.organization},
    )
    await connection.execute(text("analyze conversations, messages, turns, outbox, lanes"))
    given = {
        "organization": told.organization,
        "conversation": told.plain,
        "least": told.plain,
        "most": told.plain,
        "number": 10000007,
        "status": None,
        "before": None,
        "limit": 20,
    }
    named = {name: given[name] for name in statement.compile().params}
    plan = "\n".join(await connection.scalars(text(f"explain {statement.text}"), named))
    assert index in plan


async def _many(connection: AsyncConnection, count: int) -> None:
    """Copies of one conversation, with a message and a turn each."""
    await connection.execute(
        text(
            "insert into conversations (id, organization_id, customer_id, number, status, place_id,"
            " owner_kind, owner_name, created_at)"
            " select gen_random_uuid(), organization_id, customer_id, 10000000 + n, 'resolved', place_id,"
            " owner_kind, owner_name, created_at - make_interval(secs => n / 3)"
            " from (select * from conversations order by id limit 1) v, generate_series(1, :count) n"
        ),
        {"count": count},
    )
    await connection.execute(
        text(
            "insert into messages (id, conversation_id, organization_id, position, sender_type, sender_id,"
            " role, content, state, created_at)"
            " select gen_random_uuid(), v.id, v.organization_id, 9, 'human', '', 'customer', '', 'received',"
            " now() from conversations v"
        )
    )
    await connection.execute(
        text(
            "insert into turns (id, organization_id, conversation_id, fence, started_at, inputs, timers,"
            " stages, outcome, reasons)"
            " select gen_random_uuid(), organization_id, id, 1, now(), 1, 0, '{}', 'committed', ''"
            " from conversations"
        )
    )
