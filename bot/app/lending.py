"""Lend a command the connector of one account: an open one, or one opened only for the command."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from bot.app.connections import Lend, account_settings
from bot.app.settings import Settings
from bot.commands.desk import Borrow
from bot.core.connector import ChannelKind, Connector
from bot.core.errors import SettingsError
from bot.core.ids import AccountId
from orgs.specification.organization import Account as Declared
from orgs.specification.organization import Organization
from storage.accounts import Account
from storage.database import Database
from storage.secrets import secrets_of


def lender(
    settings: Settings,
    kinds: Mapping[str, ChannelKind],
    database: Database,
    lend: Lend,
    opened: Callable[[AccountId], Connector | None] = lambda _: None,
) -> Borrow:
    """Return a function that lends connectors to commands.

    `opened` finds the connectors that are already open in this process.
    """

    @asynccontextmanager
    async def borrow(
        account: Account, declared: Declared, organization: Organization
    ) -> AsyncIterator[Connector]:
        if (known := opened(account.id)) is not None:
            yield known
            return
        kind = kinds.get(account.channel)
        if kind is None:
            raise SettingsError(f"account {account.account}: no connector speaks {account.channel!r}")
        async with database.begin() as connection:
            kept = await secrets_of(connection, account.organization, account.keys)
        connector = kind.open(
            account_settings(settings, kind, account, declared, organization, kept), lend(account)
        )
        try:
            yield connector
        finally:
            await connector.close()

    return borrow
