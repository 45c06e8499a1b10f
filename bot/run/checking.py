"""The connector of one account, lent to a command: the open one, or one that is opened for this alone."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from bot.commands.desk import Borrow
from bot.core.connector import ChannelKind, Connector
from bot.core.errors import SettingsError
from bot.run.connections import Lend, account_settings
from bot.run.settings import Settings
from orgs.specification.organization import Account as Declared
from storage.accounts import Account


def lender(
    settings: Settings, kinds: Mapping[str, ChannelKind], connectors: Mapping[str, Connector], lend: Lend
) -> Borrow:
    """`connectors` are those that are open in this process, now and later."""

    @asynccontextmanager
    async def borrow(
        account: Account, declared: Declared, rooms: Sequence[str] = ()
    ) -> AsyncIterator[Connector]:
        if (known := connectors.get(account.account)) is not None:
            yield known
            return
        kind = kinds.get(account.channel)
        if kind is None:
            raise SettingsError(f"account {account.account}: no connector speaks {account.channel!r}")
        connector = kind.open(account_settings(settings, kind, declared, rooms), lend(account))
        try:
            yield connector
        finally:
            await connector.close()

    return borrow
