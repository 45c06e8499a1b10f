"""Know which organization owns which account, by which rules. Kept in memory, at most a few seconds old."""

import asyncio
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from bot.core.errors import UnknownAccount
from bot.core.ids import AccountId, OrgId
from orgs.routing import agents_addressed, first_agent
from orgs.specification.organization import Organization
from storage.accounts import Account, changed_accounts
from storage.arrivals import Rules
from storage.database import Database
from storage.keys import Keys
from storage.organizations import Organizations

_NONE: Mapping[str, Account] = MappingProxyType({})
_UNKNOWN = 100  # unknown accounts that may cause a query, between two refreshes


class Directory:
    """The accounts of all organizations, by our ids, and the organization files in force."""

    def __init__(self, database: Database, keys: Keys, organizations: Organizations) -> None:
        self._database = database
        self._keys = keys
        self._organizations = organizations
        self._accounts: dict[AccountId, Account] = {}
        self._of: dict[OrgId, Mapping[str, Account]] = {}
        self._rules: dict[AccountId, tuple[int, Rules]] = {}
        self._horizon = 0  # changes that began before it are known
        self._refreshing = asyncio.Lock()
        self._asked_for: set[AccountId] = set()  # unknown accounts, since the last refresh
        self._changed: set[OrgId] = set()

    def __iter__(self) -> Iterator[Account]:
        return iter(tuple(self._accounts.values()))

    def __len__(self) -> int:
        return len(self._accounts)

    def get(self, account: AccountId) -> Account | None:
        """Return the account as it was known at the last refresh."""
        return self._accounts.get(account)

    def of(self, organization: OrgId) -> Mapping[str, Account]:
        """Return the accounts of an organization by their ids in its file."""
        return self._of.get(organization, _NONE)

    async def organization(self, organization: OrgId, version: int) -> Organization:
        return await self._organizations.get(organization, version)

    async def find(self, account: AccountId) -> Account:
        """Return the account. Ask the database about an unknown one, though at most once between two
        refreshes.

        Raises UnknownAccount, StorageUnavailable.
        """
        known = self._accounts.get(account)
        if known is None and account not in self._asked_for and len(self._asked_for) < _UNKNOWN:
            await self.refresh()
            self._asked_for.add(account)
            known = self._accounts.get(account)
        if known is None:
            raise UnknownAccount("account", str(account))
        return known

    async def rules(self, account: Account) -> Rules:
        """Return the rules of the organization file for accepting events on this account."""
        known = self._rules.get(account.id)
        if known is None or known[0] != account.version:
            organization = await self.organization(account.organization, account.version)
            agent = first_agent(organization, account.account)
            policies = organization.policies
            rules = Rules(
                organization.quiet_window,
                organization.burst_cap,
                policies.customer_messages_per_minute,
                policies.account_messages_per_minute,
                "agent",
                agent,
                agents_addressed(organization, account.account),
            )
            known = self._rules[account.id] = (account.version, rules)
        return known[1]

    async def refresh(self) -> None:
        """Read the organizations that changed since the last time. Raises StorageUnavailable."""
        async with self._refreshing:
            async with self._database.begin() as connection:
                changed = await changed_accounts(connection, self._keys, self._horizon)
            for organization, accounts in changed.accounts.items():
                self._renew(organization, {account.account: account for account in accounts})
            self._horizon = changed.horizon
            self._asked_for.clear()

    def take_changes(self) -> set[OrgId]:
        """Return the organizations whose file or accounts changed since the last call."""
        taken, self._changed = self._changed, set()
        return taken

    def _renew(self, organization: OrgId, now: Mapping[str, Account]) -> None:
        before = self.of(organization)
        if before == now:
            return
        for account in before.values():
            self._accounts.pop(account.id, None)
            self._rules.pop(account.id, None)
        self._accounts |= {account.id: account for account in now.values()}
        if now:
            self._of[organization] = now
        else:
            self._of.pop(organization, None)
        self._changed.add(organization)
