"""Run a process's upkeep: watch the database, seal the audit chain, count what waits."""

import asyncio

import structlog
from sqlalchemy import text

from bot.bus.metrics import (
    DATABASE_UP,
    DEAD_LETTERS,
    DESTROYED_KEY_AGE,
    ESCALATION_AGE,
    ESCALATIONS,
    OUTBOX_AGE,
    OUTBOX_DEPTH,
    PROBLEM,
    READY,
)
from bot.core.errors import DeskError, ProcessBroken, SchemaNewer, StorageUnavailable
from storage.audit import seal
from storage.database import Database
from storage.health import check

log = structlog.get_logger(__name__)

_WATCH_EVERY = 2.0  # seconds
_SEAL_EVERY = 1.0  # seconds
_COUNT_EVERY = 5.0  # seconds


def ended_by_itself(part: str, error: BaseException | None) -> DeskError:
    """Return the error with which a process ends after one of its tasks has ended by itself.

    It is the task's own error if that is a DeskError.
    """
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, DeskError):
        return error
    why = f" ({type(error).__name__})" if error else ""
    return ProcessBroken(
        f"a part of the process, {part!r}, ended by itself{why}: the log says where. Report it, and start the"
        " process again."
    )


async def trouble(database: Database) -> StorageUnavailable | None:
    """Return what is wrong with the database, or None."""
    try:
        await check(database)
    except StorageUnavailable as error:
        return error
    return None


def does_its_work(problem: StorageUnavailable | None) -> bool:
    """Return whether a running process can go on. During an upgrade the schema is newer for a time."""
    return problem is None or isinstance(problem, SchemaNewer)


async def watch_database(database: Database) -> None:
    """Log when something goes wrong with the database and when that is over, until cancelled.

    The gauges always show the present state.
    """
    known = ""
    while True:
        problem = await trouble(database)
        code = problem.code if problem else ""
        DATABASE_UP.set(does_its_work(problem))
        if code != known:
            PROBLEM.clear()
            if problem is not None:
                PROBLEM.labels(code).set(1)
            if problem is None:
                log.info("the database is back", code=known)
            elif does_its_work(problem):
                log.warning("something is wrong with the database", code=code, reason=str(problem))
            else:
                log.error("something is wrong with the database", code=code, reason=str(problem))
            known = code
        await asyncio.sleep(_WATCH_EVERY)


async def seal_audit(database: Database) -> None:
    """Link new rows into the audit chain shortly after they were written, until cancelled."""
    while True:
        await asyncio.sleep(_SEAL_EVERY)
        try:
            async with database.begin() as connection:
                await seal(connection)
        except StorageUnavailable as error:
            log.warning("audit not sealed", code=error.code)


async def count_waiting(database: Database) -> None:
    """Update the gauges until cancelled."""
    while True:
        try:
            async with database.begin() as connection:
                row = (await connection.execute(_WAITING)).one()
            OUTBOX_DEPTH.set(row.depth)
            OUTBOX_AGE.set(row.age)
            READY.set(row.ready)
            ESCALATIONS.set(row.untaken)
            ESCALATION_AGE.set(row.untaken_age)
            DESTROYED_KEY_AGE.set(row.destroyed_age)
            DEAD_LETTERS.labels("failed").set(row.failed)
            DEAD_LETTERS.labels("unknown").set(row.unknown)
        except StorageUnavailable as error:
            log.warning("gauges not kept", code=error.code)
        await asyncio.sleep(_COUNT_EVERY)


_WAITING = text("""
    select
        (select count(*) from outbox where state in ('waiting', 'sending')) as depth,
        (select coalesce(extract(epoch from clock_timestamp() - min(created_at)), 0)::float8
            from outbox where state in ('waiting', 'sending')) as age,
        (select count(*) from conversations
            where wake_at <= clock_timestamp() and (lease_until is null or lease_until <
            clock_timestamp())) as ready,
        (select count(*) from escalations where state = 'waiting') as untaken,
        (select coalesce(extract(epoch from clock_timestamp() - min(opened_at)), 0)::float8
            from escalations where state = 'waiting') as untaken_age,
        (select coalesce(extract(epoch from clock_timestamp() - min(erased_at)), 0)::float8
            from customers where erased_at is not null and key_gone_at is null) as destroyed_age,
        (select count(*) from outbox where state = 'failed') as failed,
        (select count(*) from outbox where state = 'unknown') as unknown
""")
