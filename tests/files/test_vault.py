"""The memory of connectors for their accounts."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from bot.core.errors import CannotDecrypt, StorageUnavailable
from storage.accounts import Account
from storage.database import Database
from storage.keys import Keys
from storage.sealing import Keyring
from storage.vault import AccountVault
from tests.accounts import all_accounts
from tests.story.rig import install, organization


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    await install(database_url, organization())
    database = Database(database_url, pool=4)
    yield database
    await database.close()


@pytest.fixture
async def accounts(database: Database) -> dict[str, Account]:
    async with database.begin() as connection:
        found = await all_accounts(connection, Keys(Keyring((b"k" * 32,))))
    return {account.account: account for account in found}


async def test_the_value_put_last_is_there(database: Database, accounts: dict[str, Account]) -> None:
    vault = AccountVault(database, accounts["telegram"])
    assert await vault.get("token") is None
    await vault.put("token", "old")
    await vault.put("token", "new ü\n\x00")
    assert await vault.get("token") == "new ü\n\x00"
    await vault.put("empty", "")
    assert await vault.get("empty") == ""
    await vault.delete("token")
    await vault.delete("token")
    assert await vault.get("token") is None


async def test_only_one_of_many_swaps_at_once_succeeds(
    database: Database, accounts: dict[str, Account]
) -> None:
    vault = AccountVault(database, accounts["telegram"])
    begun = await asyncio.gather(*(vault.swap("lease", None, f"{n}") for n in range(4)))
    assert sum(begun) == 1
    held = await vault.get("lease")
    taken = await asyncio.gather(*(vault.swap("lease", held, f"later {n}") for n in range(4)))
    assert sum(taken) == 1
    assert await vault.get("lease") == f"later {taken.index(True)}"
    assert not await vault.swap("nothing", "something", "x")
    assert await vault.get("nothing") is None


async def test_names_are_listed_by_their_prefix(database: Database, accounts: dict[str, Account]) -> None:
    vault = AccountVault(database, accounts["telegram"])
    for name in ("uid:b", "uid:a", "uid%:", "key:a"):
        await vault.put(name, "x")
    assert await vault.names("uid:") == ["uid:a", "uid:b"]
    assert await vault.names("uid%") == ["uid%:"]
    assert await vault.names("_") == []
    assert len(await vault.names("")) == 4


async def test_accounts_do_not_see_each_other(database: Database, accounts: dict[str, Account]) -> None:
    one, other = (AccountVault(database, accounts[name]) for name in ("telegram", "slack"))
    await one.put("token", "x")
    await other.put("token", "y")
    await other.delete("token")
    assert (await one.get("token"), await other.names("")) == ("x", [])


async def test_the_rows_say_nothing_and_cannot_be_exchanged(
    database: Database, accounts: dict[str, Account]
) -> None:
    vault = AccountVault(database, accounts["telegram"])
    await vault.put("token", "xoxb-secret")
    await vault.put("other", "y")
    async with database.begin() as connection:
        values = list(await connection.scalars(text("select value from vault")))
        assert not any("xoxb" in value for value in values)
        await connection.execute(
            text("update vault set value = (select value from vault where name = 'token')")
        )
    assert await vault.get("token") == "xoxb-secret"
    with pytest.raises(CannotDecrypt):
        await vault.get("other")


async def test_writers_at_the_same_time_do_not_fail(database: Database, accounts: dict[str, Account]) -> None:
    vault = AccountVault(database, accounts["telegram"])
    await asyncio.gather(*(vault.put("uid", str(n)) for n in range(8)))
    assert await vault.get("uid") in {str(n) for n in range(8)}


async def test_a_vault_without_its_database_raises_storage_unavailable(
    accounts: dict[str, Account], free_port: int
) -> None:
    away = Database(f"postgresql://127.0.0.1:{free_port}/x", pool=1)
    try:
        with pytest.raises(StorageUnavailable):
            await AccountVault(away, accounts["telegram"]).get("token")
    finally:
        await away.close()
