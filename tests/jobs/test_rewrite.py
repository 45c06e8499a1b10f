"""A destroyed key leaves the files of the database, too."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import psycopg
import pytest
from sqlalchemy import text

from bot.core.errors import KeysRemain
from bot.core.ids import CustomerId
from bot.jobs.job import Context, Counts
from bot.jobs.rewrite import rewrite
from storage.database import Database
from storage.keys import destroy
from tests.jobs.rig import Company


@pytest.fixture
async def other(database_url: str) -> AsyncIterator[psycopg.AsyncConnection]:
    """Somebody else who is connected."""
    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        yield connection


@pytest.fixture
async def key(database: Database, company: Company) -> bytes:
    """The key of a customer, as it was in the table until they were erased."""
    async with database.begin() as connection:
        row = (await connection.execute(text("select id, data_key from customers"))).one()
    async with database.begin() as connection:
        await destroy(connection, company.organization, CustomerId(row.id))
    return bytes(row.data_key)


async def files_with(database: Database, sought: bytes) -> list[str]:
    """Return the tables and indexes in whose files it stands."""
    async with database.begin() as connection:
        await connection.execute(text("checkpoint"))
        rows = await connection.execute(
            text("""
                select c.relname from pg_class c
                where pg_relation_filepath(c.oid) is not null and c.relkind in ('r', 'i', 't')
                    and position(:sought in pg_read_binary_file(pg_relation_filepath(c.oid))) > 0
            """),
            {"sought": sought},
        )
        return [row.relname for row in rows]


async def waiting(database: Database) -> int:
    async with database.begin() as connection:
        count: int = await connection.scalar(
            text("select count(*) from customers where erased_at is not null and key_gone_at is null")
        )
        return count


async def rewritten(context: Context) -> Counts:
    """Try until it is done, as the worker does: PostgreSQL's own housekeeping may hold it up for a moment."""
    async with asyncio.timeout(120):
        while True:
            try:
                return await rewrite(context)
            except KeysRemain:
                await asyncio.sleep(0.05)


async def test_a_destroyed_key_is_in_no_file_of_a_table_after_the_night(
    context: Context, database: Database, key: bytes
) -> None:
    assert await files_with(database, key) == ["customers"]
    assert await rewritten(context) == {"keys": 1}
    assert await files_with(database, key) == []
    assert await waiting(database) == 0


async def test_where_nobody_was_erased_the_table_is_not_rewritten(
    context: Context, database: Database, key: bytes
) -> None:
    async def file() -> str:
        async with database.begin() as connection:
            path: str = await connection.scalar(text("select pg_relation_filepath('customers')"))
            return path

    await rewritten(context)
    before = await file()
    assert await rewritten(context) == {"keys": 0}
    assert await file() == before


async def test_a_transaction_that_still_sees_the_key_holds_it_up_and_is_told_of(
    context: Context, database: Database, company: Company, other: psycopg.AsyncConnection
) -> None:
    await other.execute("set transaction isolation level repeatable read")
    await other.execute("select count(*) from teams")
    async with database.begin() as connection:
        id_ = await connection.scalar(text("select id from customers"))
        await destroy(connection, company.organization, CustomerId(id_))
    with pytest.raises(KeysRemain, match="an older transaction"):
        await rewrite(context)
    assert await waiting(database) == 1
    await other.rollback()
    assert await rewritten(context) == {"keys": 1}


@pytest.mark.long
async def test_the_table_is_not_rewritten_while_a_backup_reads_it(
    context: Context, database: Database, key: bytes, other: psycopg.AsyncConnection
) -> None:
    await other.execute("lock table customers in access share mode")
    with pytest.raises(KeysRemain, match="such as a backup"):
        await rewrite(context, patience_seconds=1)
    await other.rollback()
    assert await rewritten(context) == {"keys": 1}


async def test_a_table_that_would_take_long_is_left_to_the_operator(
    context: Context, database: Database, key: bytes
) -> None:
    with pytest.raises(KeysRemain, match="REWRITE_MAX_MB"):
        await rewrite(replace(context, rewrite_max=1))
    assert await files_with(database, key) == ["customers"]
