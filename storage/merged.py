"""Tell the rooms of customers who were merged or parted, in the same transaction."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.conversation import CustomerMerged, Origin
from bot.core.ids import ConversationId, CustomerId, OrgId
from storage.entries import NOBODY, Entry
from storage.inbox import Inboxes
from storage.keys import Keys


async def tell_rooms(
    connection: AsyncConnection,
    keys: Keys,
    inboxes: Inboxes,
    organization: OrgId,
    change: UUID,
    customers: Sequence[CustomerId],
    *,
    parted: bool = False,
) -> int:
    """Tell each open escalation of these two customers, and of all customers merged with them.

    If they are `parted`, also tell conversations with closed rooms: their cards name both. `change` is a new
    id for this change. Return how many were told.
    """
    rows = (await connection.execute(_OPEN, {"customers": list(customers), "parted": parted})).all()
    first, second = customers
    entries = [
        Entry(
            NOBODY,
            f"merged:{change}:{row.id}",
            organization,
            ConversationId(row.id),
            Origin.SELF,
            CustomerMerged(second if row.whose == first else first, parted),
            keys.customer(row.customer_id, row.data_key),
        )
        for row in rows
    ]
    if entries:
        await inboxes.tell(connection, entries)
    return len(entries)


_OPEN: Final = text("""
    select v.id, v.customer_id, c.data_key, case when c.id = any(cast(:customers as uuid[])) then c.id
        else c.merged_into end as whose
    from customers c
    join conversations v on v.customer_id = c.id and (v.status = 'escalated' or cast(:parted as boolean)
        and exists (select from rooms r where r.conversation_id = v.id))
    where (c.id = any(cast(:customers as uuid[])) or c.merged_into = any(cast(:customers as uuid[])))
        and c.data_key is not null
    order by v.id
""")
