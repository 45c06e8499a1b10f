"""Lanes: one chat of one account, in which everything leaves in order."""

from collections.abc import Collection

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.events import Channel
from bot.core.ids import AccountId, LaneId, NewId, OrgId
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
    """The lane of a chat, made on first use. The chat itself is kept as a keyed hash."""
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


async def wake(connection: AsyncConnection, lanes: Collection[LaneId]) -> None:
    """Something was put into these lanes; they are ready as soon as their rest is over. Locks them."""
    await connection.execute(_WAKE, {"ids": sorted(lanes)})


_LANE = text("""
    insert into lanes (id, organization_id, account_id, chat_hash) values (:id, :organization, :account,
        :hash)
    on conflict (account_id, chat_hash) do update set chat_hash = excluded.chat_hash returning id
""")

_WAKE = text("""
    with locked as (select id from lanes where id = any(cast(:ids as uuid[])) order by id for update)
    update lanes l set ready_at = least(coalesce(l.ready_at, 'infinity'),
        greatest(clock_timestamp(), coalesce(l.free_at, '-infinity')))
    from locked where l.id = locked.id
""")
