"""Fixtures and helpers that tests of turns share."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import psycopg
import pytest

from storage.database import Database
from tests.tools.shared_servers import Addresses, clone, drop, on_database
from tests.turns.bench import Bench, another, put_in_force


@pytest.fixture(scope="session")
def in_force(servers: Addresses, _admin: psycopg.Connection, worker_id: str) -> Iterator[str]:
    """The name of a database in which the bench's organization is in force: each test gets a clone of it."""
    name = f"bench_{worker_id}"
    clone(_admin, name)
    asyncio.run(put_in_force(on_database(servers.admin_url, name)))
    yield name
    drop(_admin, name)


@pytest.fixture
async def desk(servers: Addresses, _admin: psycopg.Connection, in_force: str) -> AsyncIterator[Bench]:
    name = f"of_{in_force}"
    clone(_admin, name, in_force)
    database = Database(on_database(servers.admin_url, name), pool=4)
    yield await another(database)
    await database.close()
    drop(_admin, name)
