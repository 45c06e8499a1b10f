"""Find and wake lanes. A lane is one chat of one account, in which everything leaves in order."""

from collections.abc import Collection, Mapping

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.events import Channel
from bot.core.ids import AccountId, LaneId, NewId, OrgId
from storage.database import Step, pipeline
from storage.sealing import KeyedHash


async def lane_of(
    connection: AsyncConnection,
    organization: OrgId,
    account: AccountId,
    index: KeyedHash,
    channel: Channel,
    chat: str,
    new_id: NewId,
) -> LaneId:
    """Return the lane of a chat, created on first use. It stores the chat as a keyed hash."""
    lane = await connection.scalar(
        _LANE,
        {
            "id": new_id(),
            "organization": organization,
            "account": account,
            "hash": index.of("chat", channel, chat),
        },
    )
    return LaneId(lane)


async def lanes_of(
    connection: AsyncConnection,
    chats: Mapping[tuple[AccountId, bytes], OrgId],
    new_id: NewId,
) -> dict[tuple[AccountId, bytes], LaneId]:
    """Return the lanes of many chats, created on first use. A chat is an account and a hash.

    Lock no lane that exists.
    """
    ordered = sorted(chats)
    given = {"accounts": [account for account, _ in ordered], "hashes": [hash_ for _, hash_ in ordered]}
    made = {"ids": [new_id() for _ in ordered], "organizations": [chats[chat] for chat in ordered]}
    _, rows = await pipeline(connection, (_MAKE, given | made), (_FIND, given))
    return {(AccountId(row.account_id), bytes(row.chat_hash)): LaneId(row.id) for row in rows}


async def wake(connection: AsyncConnection, lanes: Collection[LaneId]) -> None:
    """Make lanes ready, as soon as their rest is over, because rows were added. Lock them."""
    await pipeline(connection, waking(lanes))


def waking(lanes: Collection[LaneId]) -> Step:
    """Return `wake` as one step of a pipeline."""
    return _WAKE, {"ids": sorted(lanes)}


def locking(lanes: Collection[LaneId]) -> Step:
    """Return a step that locks lanes until the transaction ends: nobody claims from them meanwhile."""
    return _LOCK, {"ids": sorted(lanes)}


_LANE = text("""
    insert into lanes (id, organization_id, account_id, chat_hash) values (:id, :organization, :account,
        :hash)
    on conflict (account_id, chat_hash) do update set chat_hash = excluded.chat_hash returning id
""")

_MAKE = text("""
    insert into lanes (id, organization_id, account_id, chat_hash)
    select * from unnest(cast(:ids as uuid[]), cast(:organizations as uuid[]), cast(:accounts as uuid[]),
        cast(:hashes as bytea[]))
    on conflict (account_id, chat_hash) do nothing
""")

_FIND = text("""
    select l.id, l.account_id, l.chat_hash
    from unnest(cast(:accounts as uuid[]), cast(:hashes as bytea[])) as k(account, hash)
    join lanes l on l.account_id = k.account and l.chat_hash = k.hash
""")

_LOCK = text("""
    select id from lanes where id = any(cast(:ids as uuid[])) order by id for update
""")

_WAKE = text("""
    with locked as (select id from lanes where id = any(cast(:ids as uuid[])) order by id for update)
    update lanes l set ready_at = least(coalesce(l.ready_at, 'infinity'),
        greatest(clock_timestamp(), coalesce(l.free_at, '-infinity')))
    from locked where l.id = locked.id
""")
