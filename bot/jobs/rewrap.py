"""Wrap keys with the newest key of ENCRYPTION_KEY that an older one has wrapped.

It runs every night, so that nobody has to remember it after a rotation. The old key may be removed once a run
has found nothing.
"""

from datetime import timedelta
from uuid import UUID

import structlog

from bot.jobs.job import Context, Counts, Job
from storage.keys import rewrap as rewrap_customers
from storage.keys import rewrap_organizations

log = structlog.get_logger(__name__)

_BEGINNING = UUID(int=0)
_TELL_EVERY = 20  # batches


async def rewrap(context: Context) -> Counts:
    """Wrap the keys of all organizations and customers again.

    Continues after the last customer that an interrupted try reached.
    """
    async with context.database.begin() as connection:
        organizations = await rewrap_organizations(connection, context.keyring)
    after: UUID | None = UUID(context.place) if context.place else _BEGINNING
    customers = batches = 0
    while after is not None and not context.spent():
        async with context.database.begin() as connection:
            changed, after = await rewrap_customers(connection, context.keyring, after)
        customers += changed
        batches += 1
        context.remember(str(after or _BEGINNING))
        if batches % _TELL_EVERY == 0 and after is not None:
            log.info("rewrapping", job="rewrap", customer=after, count=customers)
    return {"organizations": organizations, "customers": customers, "unfinished": int(after is not None)}


job = Job(name="rewrap", body=rewrap, cron="23 2 * * *", limit=timedelta(hours=1))
