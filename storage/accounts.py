"""Which organization owns which account, and who may fetch for it."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.events import Channel
from bot.core.ids import AccountId, OrgId
from storage.keys import Keys, OrgKeys


@dataclass(frozen=True, slots=True)
class Account:
    """A row of `accounts` with its organization's version and keys."""

    id: AccountId
    organization: OrgId
    channel: Channel
    account: str
    serves: str
    version: int
    keys: OrgKeys


_ALL = text("""
    select a.id, a.organization_id, a.channel, a.account, a.serves, o.version, o.data_key, o.index_key
    from accounts a join organizations o on o.id = a.organization_id
    where a.active and (
        o.retired_at is null
        or o.retired_at > clock_timestamp() - interval '1 hour' and (
            exists (select 1 from lanes l where l.account_id = a.id and l.ready_at is not null)
            or exists (
                select 1 from conversations v where v.organization_id = o.id and v.wake_at is not null
            )
        )
    )
    order by a.channel, a.account
""")

_LEAD = text("""
    update accounts set leader = :leader, leader_until = clock_timestamp() + make_interval(secs => :seconds)
    where id = :id and (leader = :leader or leader is null or leader_until < clock_timestamp())
    returning id
""")


async def all_accounts(connection: AsyncConnection, keys: Keys) -> tuple[Account, ...]:
    """Every active account of every organization.

    Those of staff stay open for an organization that was just retired, until its rooms were told.
    """
    rows = (await connection.execute(_ALL)).all()
    return tuple(
        Account(
            row.id,
            row.organization_id,
            Channel(row.channel),
            row.account,
            row.serves,
            row.version,
            keys.organization(row.organization_id, row.data_key, row.index_key),
        )
        for row in rows
    )


async def lead(connection: AsyncConnection, account: AccountId, leader: str, lease: timedelta) -> bool:
    """Become or stay the one process that fetches for this account. False: another one does."""
    won = await connection.scalar(_LEAD, {"id": account, "leader": leader, "seconds": lease.total_seconds()})
    return won is not None


async def resign(connection: AsyncConnection, account: AccountId, leader: str) -> None:
    """Let another process take over at once."""
    await connection.execute(
        text("update accounts set leader = null, leader_until = null where id = :id and leader = :leader"),
        {"id": account, "leader": leader},
    )
