"""Record what platforms charge for our messages, by account and category, for operators to see."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.events import Event, Receipt, ReceiptStatus
from bot.core.ids import AccountId, OrgId
from storage.database import Step
from storage.sealing import KeyedHash

SHOWN: Final = timedelta(days=30)
_LABEL = 40  # characters of a platform's label
_ARRIVED = (ReceiptStatus.DELIVERED, ReceiptStatus.READ)  # only what has arrived is charged


@dataclass(frozen=True, slots=True)
class Charged:
    """The number of messages of an account with this category and rate."""

    account: str
    category: str
    rate: str
    billed: bool
    number: int


def recording(told: Iterable[tuple[AccountId, OrgId, KeyedHash | None, Event]]) -> Step | None:
    """Return a step that records each message's price once, however often it is reported, or None if there is
    none.
    """
    rows = {
        (account, index.of("price", ref)): (organization, content.price)
        for account, organization, index, event in told
        if index is not None and isinstance(content := event.content, Receipt)
        if content.price is not None and content.status in _ARRIVED
        for ref in content.messages
    }
    if not rows:
        return None
    keys = sorted(rows)
    found = [rows[key] for key in keys]
    return _RECORD, {
        "accounts": [account for account, _ in keys],
        "hashes": [hash_ for _, hash_ in keys],
        "organizations": [organization for organization, _ in found],
        "categories": [price.category[:_LABEL] for _, price in found],
        "rates": [price.rate[:_LABEL] for _, price in found],
        "billed": [price.billed for _, price in found],
    }


async def charged(connection: AsyncConnection, organization: OrgId) -> tuple[Charged, ...]:
    """Return the messages charged within the last 30 days, by account and category, billed ones first."""
    rows = await connection.execute(_CHARGED, {"organization": organization, "shown": SHOWN})
    return tuple(Charged(row.account, row.category, row.rate, row.billed, row.number) for row in rows)


_RECORD = text("""
    insert into prices (account_id, message_hash, organization_id, category, rate, billed, told_at)
    select account, hash, organization, category, rate, billed, clock_timestamp()
    from unnest(cast(:accounts as uuid[]), cast(:hashes as bytea[]), cast(:organizations as uuid[]),
            cast(:categories as text[]), cast(:rates as text[]), cast(:billed as bool[]))
        as t(account, hash, organization, category, rate, billed)
    on conflict do nothing
""")

# ix_prices_organization_id
_CHARGED = text("""
    select a.account, p.category, p.rate, p.billed, count(*) as number
    from prices p join accounts a on a.id = p.account_id
    where p.organization_id = :organization
        and p.told_at > clock_timestamp() - cast(:shown as interval)
    group by a.account, p.category, p.rate, p.billed
    order by a.account, p.billed desc, p.category, p.rate
""")
