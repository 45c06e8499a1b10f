"""Find out whether the database does its work: it answers, has room, and has the schema of this program."""

import asyncio
import time
from typing import Final

from sqlalchemy import text

from bot.core.errors import DiskFull, StorageUnavailable
from storage.database import Database
from storage.schema import compare
from storage.unavailable import FULL, UNREACHABLE

_PATIENCE: Final = 5.0  # seconds
_FULL_FOR: Final = 60.0  # seconds that a full disk is told of: to read still works then
_APPLIED: Final = text("select max(version_num) from alembic_version")


async def check(database: Database) -> None:
    """Return if the database does its work.

    Raises StorageUnavailable, LoginRefused, DiskFull, SchemaMissing, SchemaOlder, SchemaNewer.
    """
    try:
        async with asyncio.timeout(_PATIENCE), database.begin() as connection:
            applied = await connection.scalar(_APPLIED)
    except TimeoutError:
        raise StorageUnavailable(UNREACHABLE.format(f"no answer for {_PATIENCE:g} s")) from None
    compare(applied)
    if database.full_at is not None and time.monotonic() - database.full_at < _FULL_FOR:
        raise DiskFull(FULL)
