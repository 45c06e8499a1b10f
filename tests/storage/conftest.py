"""Fixtures that tests of storage share."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from storage.audit_tables import TRIGGERS, audit_chain, audit_log, audit_unsealed
from storage.database import engine_url
from storage.tables import metadata


@pytest.fixture
async def audit_engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    """A database with the audit tables and their triggers."""
    engine = create_async_engine(engine_url(database_url))
    async with engine.begin() as connection:
        if await connection.scalar(text("select to_regclass('audit_log')")) is None:
            tables = [audit_log, audit_unsealed, audit_chain]
            await connection.run_sync(lambda sync: metadata.create_all(sync, tables=tables))
            for statement in TRIGGERS:
                await connection.execute(text(statement))
    yield engine
    await engine.dispose()
