"""Check whether the database works: it answers, has room, and has the schema of this program."""

import asyncio
import time
from typing import Final

from sqlalchemy import text

from bot.core.errors import DiskFull, StorageUnavailable
from storage.database import Database
from storage.schema import compare
from storage.unavailable import FULL, UNREACHABLE

_PATIENCE: Final = 5.0  # seconds
_FULL_FOR: Final = 60.0  # seconds for which a full disk is reported: reading still works then
_APPLIED: Final = text("select max(version_num) from alembic_version")


async def check(database: Database) -> None:
    """Check that the database works, and return if so.

    Raise StorageUnavailable, LoginRefused, DiskFull, SchemaMissing, SchemaOlder, SchemaNewer.
    """
    try:
        async with asyncio.timeout(_PATIENCE), database.begin() as connection:
            applied = await connection.scalar(_APPLIED)
    except TimeoutError:
        raise StorageUnavailable(UNREACHABLE.format(f"no answer for {_PATIENCE:g} s")) from None
    compare(applied)
    if database.full_at is not None and time.monotonic() - database.full_at < _FULL_FOR:
        raise DiskFull(FULL)
