"""Delete what has been kept long enough. Each function removes one batch in the caller's transaction.

Each returns how many rows it removed; fewer than `limit` means that nothing is left. Rows that another
transaction has locked are skipped until the next run. Inputs that were not handled yet are never touched,
however old they are.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.ids import CustomerId, OrgId
from storage.keys import destroy


async def forget_inbox_bodies(connection: AsyncConnection, before: datetime, limit: int) -> int:
    """Empty the sealed bodies of inputs accepted before `before`, once their conversation has handled
    them.
    """
    return await _removed(connection, _FORGET_BODIES, {"before": before, "limit": limit})


async def delete_inbox_keys(connection: AsyncConnection, before: datetime, limit: int) -> int:
    """Delete inputs accepted before `before` whose body is empty, which is so only for handled ones."""
    return await _removed(connection, _DELETE_KEYS, {"before": before, "limit": limit})


async def delete_early_events(connection: AsyncConnection, before: datetime, limit: int) -> int:
    """Delete messages of before `before` in a thread of ours whose room was never recorded."""
    return await _removed(connection, _DELETE_EARLY_EVENTS, {"before": before, "limit": limit})


async def delete_early_changes(connection: AsyncConnection, before: datetime, limit: int) -> int:
    """Delete customers' edits and deletions of before `before` whose messages never came."""
    return await _removed(connection, _DELETE_EARLY_CHANGES, {"before": before, "limit": limit})


async def delete_tries(connection: AsyncConnection, before: datetime, limit: int) -> int:
    """Delete the attempts of deliveries made before `before`. The outbox keeps each final outcome."""
    return await _removed(connection, _DELETE_TRIES, {"before": first_id(before), "limit": limit})


async def delete_turns(connection: AsyncConnection, before: datetime, limit: int) -> int:
    """Delete the records of turns that ended before `before`. Messages and effects stay."""
    return await _removed(connection, _DELETE_TURNS, {"before": first_id(before), "limit": limit})


async def delete_deliveries(connection: AsyncConnection, before: datetime, limit: int) -> int:
    """Delete rows of the outbox that were delivered before `before`: nothing refers to them any more.

    Posts to staff stay: they are deleted on the platform when the customer is erased.
    """
    return await _removed(connection, _DELETE_DELIVERED, {"before": before, "limit": limit})


async def delete_notices(connection: AsyncConnection, before: datetime, limit: int) -> int:
    """Delete notices made before `before`, unless one still has to be posted or changed.

    A message that is in doubt for so long has been escalated meanwhile, so the notice's button is of no use.
    """
    return await _removed(connection, _DELETE_NOTICES, {"before": first_id(before), "limit": limit})


async def delete_links(connection: AsyncConnection, before: datetime, limit: int) -> int:
    """Delete invitations that expired before `before`, used or not."""
    return await _removed(connection, _DELETE_LINKS, {"before": before, "limit": limit})


async def delete_loop_guard(connection: AsyncConnection, before: datetime, limit: int) -> int:
    """Delete the counts of addresses to which nothing has been sent since `before`."""
    return await _removed(connection, _DELETE_LOOP_GUARD, {"before": before, "limit": limit})


async def delete_prices(connection: AsyncConnection, before: datetime, limit: int) -> int:
    """Delete prices of messages that platforms reported before `before`."""
    return await _removed(connection, _DELETE_PRICES, {"before": before, "limit": limit})


async def delete_floods(connection: AsyncConnection, before: datetime, limit: int) -> int:
    """Delete floods that ended before `before`."""
    return await _removed(connection, _DELETE_FLOODS, {"before": before, "limit": limit})


async def erase_unproved(connection: AsyncConnection, before: datetime, limit: int) -> int:
    """Erase those who were sent a code before `before` and did not prove the address: it may be mistyped.

    A verified address belongs to its customer by now, and stays. Return how many were erased.
    """
    rows = (await connection.execute(_BEGUN, {"before": before, "limit": limit})).all()
    for row in rows:
        if not row.proved:
            await destroy(connection, OrgId(row.organization_id), CustomerId(row.customer_id))
    await connection.execute(_OVER, {"ids": [row.id for row in rows]})
    return sum(not row.proved for row in rows)


def first_id(at: datetime) -> UUID:
    """Return the smallest UUIDv7 of this millisecond. Ids that grow with time are an index by time."""
    if at.utcoffset() is None:
        raise ValueError(f"at must be timezone-aware, got {at!r}")
    return UUID(int=int(at.timestamp() * 1000) << 80 | 0x7 << 76 | 0b10 << 62)


async def _removed(connection: AsyncConnection, statement: TextClause, given: dict[str, object]) -> int:
    return (await connection.execute(statement, given)).rowcount


# Rows are found by their position (ctid), which the row lock keeps until the outer statement is done. This
# plan is good whatever the statistics say about tables that grow and shrink at their ends.

# ix_inbox_unserved: only the inputs of about one day have a body.
_FORGET_BODIES = text("""
    update inbox set body = null where ctid = any(array(
        select i.ctid from inbox i
        where i.body is not null and i.accepted_at < :before
            and i.seq <= (select v.last_handled from conversations v where v.id = i.conversation_id)
        order by i.accepted_at limit :limit for update of i skip locked
    ))
""")

# ix_inbox_served
_DELETE_KEYS = text("""
    delete from inbox where ctid = any(array(
        select ctid from inbox where body is null and accepted_at < :before
        order by accepted_at limit :limit for update skip locked
    ))
""")

# ix_inbox_waits_for
_DELETE_EARLY_EVENTS = text("""
    delete from inbox where ctid = any(array(
        select ctid from inbox where waits_for is not null and accepted_at < :before
        limit :limit for update skip locked
    ))
""")

# ix_inbox_waits_for
_DELETE_EARLY_CHANGES = text("""
    delete from inbox where ctid = any(array(
        select ctid from inbox where waits_for is not null and origin = 'customer' and accepted_at < :before
        limit :limit for update skip locked
    ))
""")

# The primary key
_DELETE_TRIES = text("""
    delete from deliveries where ctid = any(array(
        select ctid from deliveries where id < :before order by id limit :limit for update skip locked
    ))
""")

# ix_outbox_settled_at
_DELETE_DELIVERED = text("""
    delete from outbox where ctid = any(array(
        select ctid from outbox where state = 'delivered' and settled_at < :before
            and (place_id is not null or kind not in ('post', 'offer', 'whisper', 'direct'))
        order by settled_at limit :limit for update skip locked
    ))
""")

# The primary key, and for each row ix_outbox_notice_id. Counts, because for `not exists` the planner would
# join with the whole of that index. A failed row can be sent again by hand, and needs its notice then.
_DELETE_NOTICES = text("""
    delete from notices where ctid = any(array(
        select n.ctid from notices n where n.id < :before and 0 = (
            select count(*) from outbox o where o.notice_id = n.id and o.kind = 'notice'
                and o.state not in ('delivered', 'withdrawn')
        ) order by n.id limit :limit for update of n skip locked
    ))
""")

# ix_links_expires_at
_DELETE_LINKS = text("""
    delete from links where ctid = any(array(
        select ctid from links where expires_at < :before
        order by expires_at limit :limit for update skip locked
    ))
""")

# ix_loop_guard_last_at
_DELETE_LOOP_GUARD = text("""
    delete from loop_guard where ctid = any(array(
        select ctid from loop_guard where last_at < :before
        order by last_at limit :limit for update skip locked
    ))
""")

# ix_floods_until
_DELETE_FLOODS = text("""
    delete from floods where ctid = any(array(
        select ctid from floods where until < :before
        order by until limit :limit for update skip locked
    ))
""")

# ix_prices_told_at
_DELETE_PRICES = text("""
    delete from prices where ctid = any(array(
        select ctid from prices where told_at < :before
        order by told_at limit :limit for update skip locked
    ))
""")

# ix_conversations_proving. Whoever wrote from there meanwhile stays. An earlier version let somebody else
# continue in such a place: that stays theirs.
_BEGUN = text("""
    select v.id, v.organization_id, v.customer_id, c.data_key is null as proved
    from conversations v join customers c on c.id = v.customer_id
    where v.owner_name = '' and v.place_id is not null and v.created_at < :before and not exists (
        select 1 from identities i join places p on p.identity_id = i.id
        join conversations o on o.id = p.conversation_id join customers oc on oc.id = o.customer_id
        where i.customer_id = v.customer_id and o.customer_id <> v.customer_id and oc.data_key is not null
    ) and not exists (
        select from conversations theirs where theirs.customer_id = v.customer_id and theirs.last_accepted > 0
    )
    order by v.created_at limit :limit for update of v skip locked
""")

_OVER = text("update conversations set place_id = null where id = any(cast(:ids as uuid[]))")

# The primary key
_DELETE_TURNS = text("""
    delete from turns where ctid = any(array(
        select ctid from turns where id < :before order by id limit :limit for update skip locked
    ))
""")
