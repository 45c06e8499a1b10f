"""What is kept how long. Each function removes one batch in the caller's transaction and returns how many.

A batch smaller than `limit` means that nothing is left. Rows that somebody else holds are passed over: they
are for the next run. What was not handled yet is never touched, however old it is.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.ids import CustomerId, OrgId
from storage.keys import destroy


async def forget_inbox_bodies(connection: AsyncConnection, before: datetime, limit: int) -> int:
    """Empty the sealed bodies of inputs accepted before then that their conversation has handled."""
    return await _removed(connection, _FORGET_BODIES, {"before": before, "limit": limit})


async def delete_inbox_keys(connection: AsyncConnection, before: datetime, limit: int) -> int:
    """Delete inputs accepted before then whose body has been emptied: only what was handled is so."""
    return await _removed(connection, _DELETE_KEYS, {"before": before, "limit": limit})


async def delete_strays(connection: AsyncConnection, before: datetime, limit: int) -> int:
    """Delete words said in a thread of ours before then whose room was never recorded."""
    return await _removed(connection, _DELETE_STRAYS, {"before": before, "limit": limit})


async def delete_tries(connection: AsyncConnection, before: datetime, limit: int) -> int:
    """Delete the tries of deliveries made before then. The outbox says what became of each in the end."""
    return await _removed(connection, _DELETE_TRIES, {"before": first_id(before), "limit": limit})


async def delete_turns(connection: AsyncConnection, before: datetime, limit: int) -> int:
    """Delete what is recorded of turns that ended before then. Messages and effects stay."""
    return await _removed(connection, _DELETE_TURNS, {"before": first_id(before), "limit": limit})


async def delete_deliveries(connection: AsyncConnection, before: datetime, limit: int) -> int:
    """Delete rows of the outbox that were delivered before then: nothing will name them any more.

    What was posted to staff stays: it is named when the customer is erased.
    """
    return await _removed(connection, _DELETE_DELIVERED, {"before": before, "limit": limit})


async def delete_notices(connection: AsyncConnection, before: datetime, limit: int) -> int:
    """Delete notices of messages in doubt made before then, unless one still has to be posted or changed.

    A message that is in doubt so long after was escalated meanwhile, so their button is for nothing any more.
    """
    return await _removed(connection, _DELETE_NOTICES, {"before": first_id(before), "limit": limit})


async def delete_links(connection: AsyncConnection, before: datetime, limit: int) -> int:
    """Delete invitations that ended before then, used or not."""
    return await _removed(connection, _DELETE_LINKS, {"before": before, "limit": limit})


async def delete_loop_guard(connection: AsyncConnection, before: datetime, limit: int) -> int:
    """Delete what was counted of addresses to which nothing has left since then."""
    return await _removed(connection, _DELETE_LOOP_GUARD, {"before": before, "limit": limit})


async def delete_prices(connection: AsyncConnection, before: datetime, limit: int) -> int:
    """Delete what platforms told before then of the prices of messages."""
    return await _removed(connection, _DELETE_PRICES, {"before": before, "limit": limit})


async def delete_floods(connection: AsyncConnection, before: datetime, limit: int) -> int:
    """Delete what is recorded of floods that were over before then."""
    return await _removed(connection, _DELETE_FLOODS, {"before": before, "limit": limit})


async def erase_unproved(connection: AsyncConnection, before: datetime, limit: int) -> int:
    """Erase whom a code was sent to before then: an address that somebody mistyped is none of our business.

    What was proved is the customer's by now, and stays.
    """
    rows = (await connection.execute(_BEGUN, {"before": before, "limit": limit})).all()
    for row in rows:
        if not row.proved:
            await destroy(connection, OrgId(row.organization_id), CustomerId(row.customer_id))
    await connection.execute(_OVER, {"ids": [row.id for row in rows]})
    return sum(not row.proved for row in rows)


def first_id(at: datetime) -> UUID:
    """The least UUIDv7 of that millisecond: ids that grow with time are their own index by time."""
    if at.utcoffset() is None:
        raise ValueError(f"at must be timezone-aware, got {at!r}")
    return UUID(int=int(at.timestamp() * 1000) << 80 | 0x7 << 76 | 0b10 << 62)


async def _removed(connection: AsyncConnection, statement: TextClause, given: dict[str, object]) -> int:
    return (await connection.execute(statement, given)).rowcount


# Found by place (ctid), which the row lock keeps in place until the outer statement has done its work: a plan
# that cannot go wrong, whatever the statistics say of tables that grow and shrink at their ends.

# ix_inbox_unserved: what has a body is the work of about one day.
_FORGET_BODIES = text("""
    update inbox set body = null where ctid = any(array(
        select i.ctid from inbox i
        where i.body is not null and i.accepted_at < :before
            and i.seq <= (select v.handled from conversations v where v.id = i.conversation_id)
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

# ix_inbox_stray
_DELETE_STRAYS = text("""
    delete from inbox where ctid = any(array(
        select ctid from inbox where stray is not null and accepted_at < :before
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

# The primary key, and for each row ix_outbox_notice_id: counted, since of `not exists` the planner makes a
# join with the whole of that index. What failed can be sent again by hand, and shows the notice then.
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

# ix_conversations_proving. A place where an earlier version let somebody else go on stays theirs.
_BEGUN = text("""
    select v.id, v.organization_id, v.customer_id, c.data_key is null as proved
    from conversations v join customers c on c.id = v.customer_id
    where v.owner_name = '' and v.place_id is not null and v.created_at < :before and not exists (
        select 1 from identities i join places p on p.identity_id = i.id
        join conversations o on o.id = p.conversation_id join customers oc on oc.id = o.customer_id
        where i.customer_id = v.customer_id and o.customer_id <> v.customer_id and oc.data_key is not null
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
