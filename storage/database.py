"""Connect to PostgreSQL: one engine per process, one transaction per `begin()`."""

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any, cast

import psycopg
from psycopg.rows import namedtuple_row
from sqlalchemy import TextClause, text
from sqlalchemy.dialects.postgresql import psycopg as dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from bot.core.errors import DiskFull
from bot.core.ids import OrgId
from storage.row_security import TENANT
from storage.unavailable import unavailable

Step = tuple[TextClause, Mapping[str, object] | Sequence[Mapping[str, object]]]


def engine_url(database_url: str) -> str:
    """Return a `postgres://` or `postgresql://` URL in SQLAlchemy's form for psycopg 3."""
    for scheme in ("postgresql://", "postgres://"):
        if database_url.startswith(scheme):
            return "postgresql+psycopg://" + database_url.removeprefix(scheme)
    return database_url


async def pipeline(connection: AsyncConnection, *steps: Step) -> list[list[Any]]:
    """Execute statements in order, in one round trip. Return the rows of each, with named columns.

    Each statement sees the changes of those before it. With a sequence of values, a statement is executed
    once for each. Use it on the path of a message, where round trips and SQLAlchemy's own work cost more than
    the statements: it uses the driver's pipeline mode and bypasses SQLAlchemy. The transaction stays the
    connection's; its BEGIN is sent with the first statement.
    """
    raw = (await connection.get_raw_connection()).driver_connection
    driver = cast("psycopg.AsyncConnection[Any]", raw)
    cursors = []
    async with driver.pipeline():
        for statement, given in steps:
            cursor = driver.cursor(row_factory=namedtuple_row)
            if isinstance(given, Mapping):
                await cursor.execute(_written(statement), given)
            else:
                await cursor.executemany(_written(statement), given)
            cursors.append(cursor)
    return [await cursor.fetchall() if cursor.description else [] for cursor in cursors]


@lru_cache(maxsize=512)
def _written(statement: TextClause) -> bytes:
    """Return a statement in the driver's form."""
    return str(statement.compile(dialect=dialect.dialect())).encode()  # type: ignore[no-untyped-call]


_AS_TENANT = text("""
    select set_config('role', :role, true), set_config('desk.organization', :organization, true)
""")


class Database:
    """Transactions that are rolled back unless their block ends without an exception."""

    def __init__(self, database_url: str, *, pool: int = 8) -> None:
        self.url = database_url
        self.full_at: float | None = None  # when the disk was last found full, by the monotonic clock
        self.engine: AsyncEngine = create_async_engine(
            engine_url(database_url),
            pool_size=pool,
            max_overflow=0,  # a connection beyond the pool would be opened and closed for one transaction
            pool_timeout=10,
            pool_use_lifo=True,
            hide_parameters=True,  # an error that is logged must not carry what people wrote
            connect_args={
                "connect_timeout": 5,
                "prepare_threshold": 2,
                "application_name": "desk",
                # Planning a statement each time costs more than running it, and changes nothing: each is
                # written for one plan, which tests/storage/test_plans.py checks against large tables.
                "options": "-c plan_cache_mode=force_generic_plan",
            },
        )

    @asynccontextmanager
    async def begin(self, organization: OrgId | None = None) -> AsyncIterator[AsyncConnection]:
        """Begin one transaction: committed when the block ends, rolled back when it raises.

        With an organization, it runs under a role that sees only the rows of that organization, whatever a
        statement asks for (see `storage.row_security`). Use that for all that answers a person or an API.
        Batches that mix organizations give none, and name the organization in every statement.

        Raise StorageUnavailable, or a more precise subclass, when the database fails before or during the
        block.
        """
        try:
            async with self.engine.begin() as connection:
                if organization is not None:
                    await connection.execute(_AS_TENANT, {"role": TENANT, "organization": str(organization)})
                yield connection
        except psycopg.errors.PipelineAborted:
            raise  # an earlier statement of the pipeline was refused: the database can be reached
        except (DBAPIError, PoolTimeout, psycopg.Error) as error:  # psycopg's own come from `together`
            told = unavailable(error)
            if told is None:
                raise
            if isinstance(told, DiskFull):
                self.full_at = time.monotonic()
            raise told from error

    async def close(self) -> None:
        await self.engine.dispose()
