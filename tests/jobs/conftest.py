"""Fixtures that tests of jobs share: a context for a body, and a small company in the database."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.core.ids import new_id
from bot.jobs.job import Context
from storage.database import Database
from storage.keys import Keys
from storage.sealing import Keyring
from tests.jobs.rig import NEW_KEY, NOW, OLD_KEY, Company


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url, pool=2)
    yield database
    await database.close()


@pytest.fixture
def context(database: Database, tmp_path: Path) -> Context:
    return Context(
        database=database,
        keyring=Keyring((NEW_KEY, OLD_KEY)),
        files_url=tmp_path.as_uri(),
        rewrite_max=1024**3,
        clock=lambda: NOW,
        spent=lambda: False,
        place="",
        remember=lambda _place: None,
    )


@pytest.fixture
async def company(database: Database) -> Company:
    """One conversation of one customer, whose inputs 1 to 2 are handled. Wrapped with the old key."""
    keys = Keys(Keyring((OLD_KEY,)))
    ids = {name: new_id() for name in ("o", "a", "c", "i", "l", "v")}
    data_key, index_key = keys.new_organization(ids["o"])
    customer_key, _ = keys.new_customer(ids["c"])
    async with database.begin() as connection:
        for statement in (
            "insert into organizations (id, name, data_key, index_key) values (:o, 'acme', :data, :index)",
            "insert into accounts (id, organization_id, channel, account, serves)"
            " values (:a, :o, 'telegram', 'support', 'customers')",
            "insert into customers (id, organization_id, data_key, profile) values (:c, :o, :key, '')",
            "insert into identities (id, organization_id, account_id, address_hash, customer_id)"
            " values (:i, :o, :a, '\\x01', :c)",
            "insert into lanes (id, organization_id, account_id, chat_hash) values (:l, :o, :a, '\\x01')",
            "insert into conversations (id, organization_id, customer_id, status, owner_kind, owner_name,"
            " last_accepted, last_handled) values (:v, :o, :c, 'active', 'agent', 'tier1', 3, 2)",
            "insert into places (id, organization_id, account_id, place_hash, shared, private, identity_id,"
            " conversation_id, lane_id, place) values (:v, :o, :a, '\\x01', false, true, :i, :v, :l, '')",
            "update conversations set place_id = id where id = :v",
        ):
            given = ids | {"data": data_key, "index": index_key, "key": customer_key}
            await connection.execute(
                text(statement), {k: v for k, v in given.items() if f":{k}" in statement}
            )
    return Company(ids["o"], ids["a"], ids["v"])
