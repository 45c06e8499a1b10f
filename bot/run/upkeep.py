"""What every working process does beside its work: seals the audit chain, counts what waits."""

import asyncio

import structlog
from sqlalchemy import text

from bot.bus.metrics import DEAD_LETTERS, OUTBOX_AGE, OUTBOX_DEPTH, READY
from bot.core.errors import PlatformDown, StorageUnavailable
from bot.core.ids import OrgId
from storage.anchors import Anchors, heads
from storage.audit import seal
from storage.database import Database

log = structlog.get_logger(__name__)

_SEAL_EVERY = 1.0  # seconds
_COUNT_EVERY = 5.0  # seconds
_ANCHOR_EVERY = 60.0  # seconds: of the newest entries so much could be cut off unseen


async def seal_audit(database: Database) -> None:
    """Link new rows into the chain shortly after they were written, until cancelled."""
    while True:
        await asyncio.sleep(_SEAL_EVERY)
        try:
            async with database.begin() as connection:
                await seal(connection)
        except StorageUnavailable as error:
            log.warning("audit not sealed", code=error.code)


async def anchor_audit(database: Database, anchors: Anchors) -> None:
    """Note outside the database where each chain stands, now and then, until cancelled."""
    noted: dict[OrgId, int] = {}
    while True:
        await asyncio.sleep(_ANCHOR_EVERY)
        try:
            await note_heads(database, anchors, noted)
        except (StorageUnavailable, PlatformDown) as error:
            log.warning("audit not anchored", code=error.code)


async def note_heads(database: Database, anchors: Anchors, noted: dict[OrgId, int]) -> None:
    """Note each chain that went on since it was `noted`. Each anchor stands in the log as well, signed.

    Several workers may do so: they write the same. Raises StorageUnavailable, PlatformDown.
    """
    async with database.begin() as connection:
        found = await heads(connection)
    for anchor in found:
        if noted.get(anchor.organization) == anchor.link.position:
            continue
        signature = await anchors.note(anchor)
        noted[anchor.organization] = anchor.link.position
        log.info(
            "audit anchored",
            organization=str(anchor.organization),
            link=f"{anchor.link.position}:{anchor.link.hash.hex()}",
            at=anchor.at.isoformat(),
            signature=signature,
        )


async def count_waiting(database: Database) -> None:
    """Keep the gauges, until cancelled."""
    while True:
        try:
            async with database.begin() as connection:
                row = (await connection.execute(_WAITING)).one()
            OUTBOX_DEPTH.set(row.depth)
            OUTBOX_AGE.set(row.age)
            READY.set(row.ready)
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
        (select count(*) from outbox where state = 'failed') as failed,
        (select count(*) from outbox where state = 'unknown') as unknown
""")
