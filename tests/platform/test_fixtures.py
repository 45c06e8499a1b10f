"""The ground other tests stand on."""

import asyncio
import socket

import psycopg
import pytest
import redis.asyncio


async def test_each_test_has_a_database_of_its_own(database_url: str) -> None:
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        await connection.execute("CREATE TABLE left_behind (n int)")


async def test_tables_of_another_test_are_not_there(database_url: str) -> None:
    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        found = await connection.execute("SELECT to_regclass('left_behind')")
        assert await found.fetchone() == (None,)


async def test_a_redis_database_is_empty_at_first(redis_url: str) -> None:
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        assert await client.dbsize() == 0
        await client.set("left", "behind")


async def test_asyncio_cannot_reach_another_machine() -> None:
    with pytest.raises(OSError, match="loopback only"):
        await asyncio.open_connection("192.0.2.1", 80)


def test_a_plain_socket_cannot_reach_another_machine() -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe,
        pytest.raises(OSError, match="loopback only"),
    ):
        probe.connect(("192.0.2.1", 53))
