"""Who owns which account, by which rules: kept in memory, refreshed often, never older than a few seconds."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta

import structlog

from bot.core.errors import StorageUnavailable, UnknownAccount
from bot.core.events import Channel
from bot.core.ids import AccountId, OrgId
from orgs.routing import first_agent
from orgs.specification.organization import Organization
from storage.accounts import Account, all_accounts
from storage.database import Database
from storage.keys import Keys
from storage.organizations import Organizations
from storage.places import Rules

log = structlog.get_logger(__name__)

REFRESH = timedelta(seconds=2)


class Directory:
    """The accounts of all organizations, and their organization files in force."""

    def __init__(self, database: Database, keys: Keys, organizations: Organizations) -> None:
        self._database = database
        self._keys = keys
        self._organizations = organizations
        self._accounts: Mapping[tuple[str, str], Account] = {}
        self._rules: dict[tuple[str, str], tuple[AccountId, int, Rules]] = {}
        self._refreshing = asyncio.Lock()
        self._asked_for: set[tuple[str, str]] = set()  # unknown ones, since the last refresh

    @property
    def accounts(self) -> tuple[Account, ...]:
        return tuple(self._accounts.values())

    async def organization(self, organization: OrgId, version: int) -> Organization:
        return await self._organizations.get(organization, version)

    async def find(self, channel: Channel, account: str) -> tuple[Account, Rules]:
        """Raises UnknownAccount; asks the database before it does, though not for every knock."""
        key = (channel, account)
        if key not in self._accounts and key not in self._asked_for and len(self._asked_for) < 100:
            await self.refresh()
            self._asked_for.add(key)
        found = self._accounts.get(key)
        if found is None:
            raise UnknownAccount(channel, account)
        known = self._rules.get(key)
        if known is None or known[:2] != (found.id, found.version):  # the id may have another owner by now
            known = self._rules[key] = (found.id, found.version, await self._read_rules(found))
        return found, known[2]

    async def _read_rules(self, account: Account) -> Rules:
        organization = await self.organization(account.organization, account.version)
        return Rules(
            organization.quiet_window,
            organization.burst_cap,
            "agent",
            first_agent(organization, account.account),
        )

    async def refresh(self) -> None:
        """Raises StorageUnavailable."""
        async with self._refreshing, self._database.begin() as connection:
            accounts = await all_accounts(connection, self._keys)
        self._accounts = {(account.channel, account.account): account for account in accounts}
        self._asked_for.clear()

    async def run(self) -> None:
        """Refresh until cancelled."""
        while True:
            await asyncio.sleep(REFRESH.total_seconds())
            try:
                await self.refresh()
            except StorageUnavailable as error:
                log.warning("directory not refreshed", code=error.code)
