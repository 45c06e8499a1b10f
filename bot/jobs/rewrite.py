"""Remove destroyed keys from the pages of their table, the night after a customer was erased."""

from datetime import timedelta

from bot.jobs.job import Context, Counts, Job
from storage.rewriting import PATIENCE, rewrite_customers


async def rewrite(context: Context, *, patience_seconds: int = int(PATIENCE.total_seconds())) -> Counts:
    """Rewrite the table of customers if somebody was erased. Raises KeysRemain: then it is tried again."""
    patience = timedelta(seconds=patience_seconds)
    keys = await rewrite_customers(context.database, largest=context.rewrite_max, patience=patience)
    return {"keys": keys}


# A backup keeps the table busy, perhaps for hours.
BACKOFF = (timedelta(minutes=10), timedelta(hours=1), timedelta(hours=3))

job = Job(name="rewrite", body=rewrite, cron="7 2 * * *", limit=timedelta(minutes=10), backoff=BACKOFF)
