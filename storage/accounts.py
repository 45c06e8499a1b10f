"""Find the accounts of organizations, and decide which process fetches for an account."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.events import Channel
from bot.core.ids import AccountId, OrgId
from storage.database import pipeline
from storage.keys import Keys, OrgKeys

AnyRow = Row[Any]


@dataclass(frozen=True, slots=True)
class Account:
    """A row of `accounts`, with its organization's version and keys."""

    id: AccountId
    organization: OrgId
    channel: Channel
    account: str  # its id in the organization file: two organizations may use the same one
    serves: str
    version: int
    keys: OrgKeys
    mode: str = ""  # as the file says; "": the usual one of its channel
    webhook: str = ""  # the fingerprint of the webhook that the platform knows


@dataclass(frozen=True, slots=True)
class Changed:
    """The organizations that changed, each with its current accounts.

    `horizon` is the `since` of the next call: any transaction not seen here began no earlier than it.
    """

    accounts: Mapping[OrgId, tuple[Account, ...]]
    horizon: int


_OPEN = """
    a.active and (
        o.retired_at is null
        or o.retired_at > clock_timestamp() - interval '1 hour' and (
            exists (select 1 from lanes l where l.account_id = a.id and l.ready_at is not null)
            or exists (
                select 1 from conversations v where v.organization_id = o.id and v.wake_at is not null
            )
        )
    )
"""

_COLUMNS = """
    a.id, o.id as organization_id, a.channel, a.account, a.serves, a.mode, a.webhook, o.version, o.data_key,
    o.index_key
"""

# Read before the rows: a transaction that they do not show began at this number or later.
_HORIZON = text("select pg_snapshot_xmin(pg_current_snapshot())::text::bigint as horizon")

# An hour after an organization was retired, its accounts close without a change of any row.
_CHANGED = text(f"""
    select {_COLUMNS} from organizations o left join accounts a on a.organization_id = o.id and {_OPEN}
    where o.changed_in >= :since or o.retired_at > clock_timestamp() - interval '65 minutes'
    order by o.id, a.channel, a.account
""")

_OF = text(f"""
    select {_COLUMNS} from organizations o join accounts a on a.organization_id = o.id and {_OPEN}
    where o.id = :organization order by a.channel, a.account
""")

_NOTE = text("""
    update organizations set changed_in = pg_current_xact_id()::text::bigint where id = :organization
""")

_LEAD = text("""
    update accounts set leader = :leader, leader_until = clock_timestamp() + make_interval(secs => :seconds)
    where id = :id and (leader = :leader or leader is null or leader_until < clock_timestamp())
    returning id
""")


async def changed_accounts(connection: AsyncConnection, keys: Keys, since: int) -> Changed:
    """Return the organizations that changed since that horizon (0: all), with their active accounts.

    The staff's accounts of a retired organization stay active until its rooms are told, for an hour at most.
    """
    [mark], rows = await pipeline(connection, (_HORIZON, {}), (_CHANGED, {"since": since}))
    found: dict[OrgId, tuple[Account, ...]] = {}
    opened: dict[OrgId, OrgKeys] = {}
    for row in rows:
        organization = OrgId(row.organization_id)
        known = found.setdefault(organization, ())
        if row.id is not None:
            if organization not in opened:
                opened[organization] = keys.organization(organization, row.data_key, row.index_key)
            found[organization] = (*known, _account(row, opened[organization]))
    return Changed(found, mark.horizon)


async def accounts_of(connection: AsyncConnection, keys: Keys, organization: OrgId) -> Mapping[str, Account]:
    """Return the active accounts of an organization by their ids in its file."""
    rows = (await connection.execute(_OF, {"organization": organization})).all()
    return {
        row.account: _account(row, keys.organization(organization, row.data_key, row.index_key))
        for row in rows
    }


async def note_change(connection: AsyncConnection, organization: OrgId) -> None:
    """Make every process read the organization and its accounts again, once this transaction commits."""
    await connection.execute(_NOTE, {"organization": organization})


def _account(row: AnyRow, keys: OrgKeys) -> Account:
    return Account(
        AccountId(row.id),
        OrgId(row.organization_id),
        Channel(row.channel),
        row.account,
        row.serves,
        row.version,
        keys,
        row.mode,
        row.webhook or "",
    )


async def lead(connection: AsyncConnection, account: AccountId, leader: str, lease: timedelta) -> bool:
    """Become or stay the one process that fetches for this account. Return False if another one does."""
    won = await connection.scalar(_LEAD, {"id": account, "leader": leader, "seconds": lease.total_seconds()})
    return won is not None


async def resign(connection: AsyncConnection, account: AccountId, leader: str) -> None:
    """Stop fetching for an account, so that another process can take over at once."""
    await connection.execute(
        text("update accounts set leader = null, leader_until = null where id = :id and leader = :leader"),
        {"id": account, "leader": leader},
    )


async def set_registered(connection: AsyncConnection, account: AccountId, fingerprint: str) -> None:
    """Record the fingerprint of the webhook that the platform knows for the account."""
    given = {"id": account, "fingerprint": fingerprint}
    await connection.execute(text("update accounts set webhook = :fingerprint where id = :id"), given)
