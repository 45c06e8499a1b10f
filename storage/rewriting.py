"""Rewrite the table of customers, so that destroyed keys also leave its pages.

PostgreSQL overwrites nothing: the old version of a changed row stays in the file, and a plain VACUUM only
marks its space as free. `VACUUM FULL` copies the current rows into a new file and removes the old one. Nobody
can read or write customers meanwhile, so a table that would take long is left to the operator.
"""

import re
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final, cast

import psycopg
from psycopg.errors import LockNotAvailable, QueryCanceled
from sqlalchemy import text

from bot.core.errors import KeysRemain
from storage.database import Database
from storage.unavailable import unavailable

PATIENCE: Final = timedelta(seconds=3)  # how long we wait for the lock: everybody after us waits as well


async def rewrite_customers(database: Database, *, largest: int, patience: timedelta = PATIENCE) -> int:
    """Rewrite the table if a key was destroyed since the last time. Return how many keys are gone by it.

    Leave a table of more than `largest` bytes alone: 100 MB take about a second. Raise KeysRemain when
    destroyed keys may still be in the file, StorageUnavailable.
    """
    async with database.begin() as connection:
        destroyed = list(await connection.scalars(_DESTROYED))
        size = await connection.scalar(_SIZE)
    if not destroyed:
        return 0
    if size > largest:
        raise KeysRemain(
            f"the table of customers is larger than REWRITE_MAX_MB ({size // 1024**2} MB), so it is not"
            " rewritten: raise that for a night that can spare 10 seconds for each GB"
        )
    longest = timedelta(seconds=30 + 30 * largest / 1024**3)  # for safety: three times what it should take
    kept = await _rewritten(database, patience, longest)
    if kept != 0:
        raise KeysRemain(
            "the login of DATABASE_URL does not own the table of customers: let it"
            if kept is None
            else "an older transaction, or a replica, can still see rows as they were before"
        )
    async with database.begin() as connection:
        await connection.execute(_GONE, {"ids": destroyed})
    return len(destroyed)


async def _rewritten(database: Database, patience: timedelta, longest: timedelta) -> int | None:
    """Rewrite the table. Return how many old row versions had to be kept, or None if PostgreSQL did
    nothing.
    """
    told: list[str] = []
    async with database.engine.connect() as connection:
        raw = (await connection.get_raw_connection()).driver_connection
        driver = cast("psycopg.AsyncConnection[Any]", raw)
        try:
            await driver.rollback()
            await driver.set_autocommit(True)
            driver.add_notice_handler(lambda notice: told.append(notice.message_detail or ""))
            await driver.execute(f"set lock_timeout = {_milliseconds(patience)}")
            await driver.execute(f"set statement_timeout = {_milliseconds(longest)}")
            await driver.execute("vacuum (full, verbose) customers")
        except LockNotAvailable:
            raise KeysRemain(
                "others were using the table of customers all the time, such as a backup"
            ) from None
        except QueryCanceled:
            raise KeysRemain(f"to rewrite the table of customers takes more than {longest}") from None
        except psycopg.Error as error:
            if (known := unavailable(error)) is None:
                raise
            raise known from error
        finally:
            with suppress(psycopg.Error):
                await connection.invalidate()  # nobody else must get a connection with these settings
    # "0 dead row versions cannot be removed yet.", in the server's language.
    counts = [int(found[0]) for detail in told if (found := re.search(r"\d+", detail))]
    return counts[0] if counts else None


def _milliseconds(time: timedelta) -> int:
    return int(time.total_seconds() * 1000)


# ix_customers_key_in_pages
_DESTROYED: Final = text("select id from customers where erased_at is not null and key_gone_at is null")

_SIZE: Final = text("select pg_table_size('customers')")

_GONE: Final = text("""
    update customers set key_gone_at = clock_timestamp() where id = any(cast(:ids as uuid[]))
""")
