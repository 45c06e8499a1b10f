"""End an organization: nothing is accepted or sent for it any more. Its data is kept."""

from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.conversation import OrganizationRetired, Origin
from bot.core.errors import CommandError, NotFound
from bot.core.ids import ConversationId, NewId, OrgId
from storage.accounts import note_change
from storage.audit import AuditEntry, record
from storage.entries import NOBODY, Entry
from storage.inbox import Inboxes
from storage.keys import Keys

AnyRow = Row[Any]


async def under_way(connection: AsyncConnection, organization: OrgId) -> tuple[int, int]:
    """Return how many conversations would end, and how many of them are escalated."""
    row = (await connection.execute(_COUNT, {"organization": organization})).one()
    return row.conversations, row.escalated


async def retire(
    connection: AsyncConnection, keys: Keys, new_id: NewId, organization: OrgId, *, by: str
) -> int:
    """End the organization. Return how many conversations are told; a turn closes each of them.

    Close the accounts for customers at once, and withdraw what waits to be sent to customers. The accounts of
    staff stay open until the rooms are told. Raise NotFound, and CommandError if it was retired before.
    """
    row = (await connection.execute(_LOCK, {"organization": organization})).one_or_none()
    if row is None:
        raise NotFound("organization", str(organization))
    if row.retired_at is not None:
        raise CommandError(f"{row.name} was retired already, on {row.retired_at:%Y-%m-%d}.")
    open_ = (await connection.execute(_OPEN, {"organization": organization})).all()
    entries = [
        Entry(
            NOBODY,
            f"retired:{organization}:{row.version}:{one.id}",
            organization,
            ConversationId(one.id),
            Origin.SELF,
            OrganizationRetired(),
            keys.customer(one.customer_id, one.data_key),
        )
        for one in open_
    ]
    if entries:
        await Inboxes(keys, new_id).tell(connection, entries)
    at = await connection.scalar(_RETIRE, {"organization": organization})
    await connection.execute(_CLOSE_ACCOUNTS, {"organization": organization})
    await note_change(connection, organization)
    await withdraw(connection, organization)
    entry = AuditEntry(
        id=new_id(),
        at=at,
        actor=by,
        action="organization.retired",
        subject=f"organization:{organization}",
        details={"version": row.version, "conversations": len(entries)},
    )
    await record(connection, organization, [entry])
    return len(entries)


async def bring_back(connection: AsyncConnection, organization: OrgId) -> None:
    """Make a retired organization active again. Applying its file reopens its accounts."""
    await withdraw(connection, organization)  # messages of its last turns would come too late
    await connection.execute(_BRING_BACK, {"organization": organization})


async def withdraw(connection: AsyncConnection, organization: OrgId) -> None:
    """Withdraw all messages that wait for the organization's customers."""
    await connection.execute(_WITHDRAW, {"organization": organization})


_LOCK: Final = text("""
    select name, version, retired_at from organizations where id = :organization for no key update
""")

_COUNT: Final = text("""
    select count(*) as conversations, count(*) filter (where v.status = 'escalated') as escalated
    from conversations v join customers c on c.id = v.customer_id
    where v.organization_id = :organization and v.status <> 'resolved' and c.data_key is not null
""")

_OPEN: Final = text("""
    select v.id, v.customer_id, c.data_key from conversations v join customers c on c.id = v.customer_id
    where v.organization_id = :organization and v.status <> 'resolved' and c.data_key is not null
    order by v.id
""")

_RETIRE: Final = text("""
    update organizations set retired_at = clock_timestamp() where id = :organization returning retired_at
""")

_BRING_BACK: Final = text("update organizations set retired_at = null where id = :organization")

_CLOSE_ACCOUNTS: Final = text("""
    update accounts set active = false
    where organization_id = :organization and active and serves = 'customers'
""")

_WITHDRAW: Final = text("""
    update outbox set state = 'withdrawn', error = 'organization.retired', settled_at = clock_timestamp()
    where organization_id = :organization and place_id is not null and state in ('waiting', 'parked')
""")
