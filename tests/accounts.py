"""The accounts of an installation: their rows, where each is called, and connectors a test brings itself."""

from collections.abc import Collection, Mapping

import psycopg
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.connector import Connector
from bot.core.ids import AccountId, OrgId
from storage.accounts import Account, changed_accounts
from storage.keys import Keys


async def all_accounts(connection: AsyncConnection, keys: Keys) -> tuple[Account, ...]:
    """Return every active account of every organization."""
    found = await changed_accounts(connection, keys, 0)
    return tuple(account for accounts in found.accounts.values() for account in accounts)


def hooks(database_url: str, base: str) -> dict[str, str]:
    """Return the address of each active account by its id in the file, as `desk accounts` shows it."""
    with psycopg.connect(database_url) as connection:
        rows = connection.execute("select account, channel, id from accounts where active").fetchall()
    return {account: f"{base}/hooks/{channel}/{id_}" for account, channel, id_ in rows}


class Brought:
    """`bot.core.connector.Connectors` of a test: those of these accounts, by their ids in the file."""

    def __init__(self, accounts: Mapping[str, Account], connectors: Mapping[str, object]) -> None:
        self._connectors = {accounts[name].id: connector for name, connector in connectors.items()}
        self._ids = {name: account.id for name, account in accounts.items()}

    @property
    def failed(self) -> Collection[AccountId]:
        return [id_ for id_ in self._ids.values() if id_ not in self._connectors]

    def opened(self, account: AccountId) -> Connector | None:
        return self._connectors.get(account)  # type: ignore[return-value]  # the part that is asked of it

    async def get(self, account: AccountId) -> Connector | None:
        return self.opened(account)

    async def named(self, _: OrgId, account: str) -> Connector | None:
        return self.opened(self._ids[account])
