"""Delete what is not needed any more: hourly, in batches, each in a small transaction of its own."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.jobs.job import Context, Counts, Job
from storage.loop_guard import KEPT
from storage.retention import (
    delete_deliveries,
    delete_early_changes,
    delete_early_events,
    delete_floods,
    delete_inbox_keys,
    delete_links,
    delete_loop_guard,
    delete_notices,
    delete_prices,
    delete_tries,
    delete_turns,
    erase_unproved,
    forget_inbox_bodies,
)

# A turn needs a body only until it is handled; for so many days it can still show what was handled wrongly.
BODY_DAYS = 1
# Platforms redeliver for some days at most: Slack for minutes (a day with delayed events), Telegram for 24
# hours, WhatsApp for 7 days. An event that came again after its key was deleted would count as a new one.
KEY_DAYS = 30
EARLY_CHANGES = timedelta(hours=1)  # platforms deliver a change seconds before its message at most
TRACE_DAYS = 90  # how long tries, turns and deliveries can show why something happened
BATCH = 1000  # rows; tens of milliseconds, and accepting an event waits no longer than that for a lock

Step = Callable[[AsyncConnection], Awaitable[int]]


async def sweep(
    context: Context,
    *,
    body_days: int = BODY_DAYS,
    key_days: int = KEY_DAYS,
    trace_days: int = TRACE_DAYS,
    batch: int = BATCH,
) -> Counts:
    """Delete one batch of each kind in turn, until nothing is left or the budget is spent."""
    now = context.clock()
    served, known, traced = (now - timedelta(days=days) for days in (body_days, key_days, trace_days))
    steps: dict[str, Step] = {
        "bodies": lambda connection: forget_inbox_bodies(connection, served, batch),
        "keys": lambda connection: delete_inbox_keys(connection, known, batch),
        "early_events": lambda connection: delete_early_events(connection, known, batch),
        "early_changes": lambda connection: delete_early_changes(connection, now - EARLY_CHANGES, batch),
        "tries": lambda connection: delete_tries(connection, traced, batch),
        "delivered": lambda connection: delete_deliveries(connection, traced, batch),
        "notices": lambda connection: delete_notices(connection, traced, batch),
        "links": lambda connection: delete_links(connection, known, batch),
        "loop_guard": lambda connection: delete_loop_guard(connection, now - KEPT, batch),
        "floods": lambda connection: delete_floods(connection, served, batch),
        "prices": lambda connection: delete_prices(connection, traced, batch),
        "unproved": lambda connection: erase_unproved(connection, served, batch),
        "turns": lambda connection: delete_turns(connection, traced, batch),
    }
    counts = dict.fromkeys(steps, 0)
    while steps and not context.spent():
        for name, step in list(steps.items()):
            async with context.database.begin() as connection:
                done = await step(connection)
            counts[name] += done
            if done < batch:
                del steps[name]
    return counts


job = Job(name="sweep", body=sweep, cron="17 * * * *", limit=timedelta(minutes=15))
