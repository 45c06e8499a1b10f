"""The connection to PostgreSQL: one engine per process, one transaction per `begin()`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from bot.core.errors import StorageUnavailable


def engine_url(database_url: str) -> str:
    """SQLAlchemy's name of a `postgres://` or `postgresql://` address on psycopg 3."""
    for scheme in ("postgresql://", "postgres://"):
        if database_url.startswith(scheme):
            return "postgresql+psycopg://" + database_url.removeprefix(scheme)
    return database_url


class Database:
    """Transactions which undo themselves unless the block ends well."""

    def __init__(self, database_url: str, *, pool: int = 8) -> None:
        self.url = database_url
        self.engine: AsyncEngine = create_async_engine(
            engine_url(database_url),
            pool_size=pool,
            max_overflow=0,  # one beyond the pool would be opened and closed for one transaction
            pool_timeout=10,
            pool_use_lifo=True,
            hide_parameters=True,  # an error that is logged must not carry what people wrote
            connect_args={"connect_timeout": 5, "prepare_threshold": 2, "application_name": "desk"},
        )

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncConnection]:
        """One transaction: committed when the block ends, rolled back when it raises.

        Raises StorageUnavailable when the database cannot be reached, before or during the block.
        """
        try:
            async with self.engine.begin() as connection:
                yield connection
        except (OperationalError, InterfaceError, PoolTimeout) as error:
            raise StorageUnavailable(f"PostgreSQL: {type(error).__name__}") from error
        except DBAPIError as error:
            if error.connection_invalidated:
                raise StorageUnavailable(f"PostgreSQL: {type(error).__name__}") from error
            raise

    async def ping(self) -> None:
        """Raises StorageUnavailable."""
        async with self.begin() as connection:
            await connection.execute(text("select 1"))

    async def close(self) -> None:
        await self.engine.dispose()
