"""The connectors of all accounts: opened when they are needed, closed as organizations change."""

import asyncio
import hashlib
import json
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version
from uuid import UUID

import structlog

from bot.app.addresses import path_of
from bot.app.settings import Settings
from bot.bus.directory import Directory
from bot.core.connector import (
    AccountSettings,
    ChannelKind,
    ConnectionMode,
    Connector,
    Inbox,
    Registers,
    Resources,
    Route,
)
from bot.core.errors import DeskError, SettingsError, UnknownAccount
from bot.core.ids import AccountId, OrgId
from orgs.routing import find_account, rooms_on
from orgs.specification.organization import Account as Declared
from orgs.specification.organization import Limits, Organization
from storage.accounts import Account, set_registered
from storage.database import Database
from storage.secrets import Secrets, secrets_of

log = structlog.get_logger(__name__)

Lend = Callable[[Account], Resources]
_AGAIN = 5.0  # seconds until the next attempt to open an account, after a temporary failure
_FOR_EVER = float("inf")  # until its settings change
_LATER = 60.0  # seconds until the next attempt to register a webhook
_AT_ONCE = 8  # accounts inspected at the same time


@dataclass(frozen=True, slots=True)
class _Open:
    """An open connector, what it was opened with, and the routes that it serves here."""

    connector: Connector
    settings: AccountSettings
    routes: Mapping[str, Route]


@dataclass(frozen=True, slots=True)
class AccountProblem:
    """The reason why an account does not work in this process.

    `until` is the time of the next attempt, by the monotonic clock.
    """

    sentence: str
    until: float = _FOR_EVER


class Connections:
    """The `bot.core.connector.Connectors` of one process."""

    def __init__(
        self,
        settings: Settings,
        kinds: Mapping[str, ChannelKind],
        directory: Directory,
        database: Database,
        lend: Lend,
    ) -> None:
        self._settings = settings
        self._kinds = kinds
        self._directory = directory
        self._database = database
        self._lend = lend
        self._inbox: Callable[[AccountId], Inbox] | None = None
        self._opened: dict[AccountId, _Open] = {}
        self._fetched: dict[AccountId, Account] = {}
        self._opening = asyncio.Lock()
        self._to_inspect: asyncio.Queue[OrgId] = asyncio.Queue()
        self.problems: dict[AccountId, AccountProblem] = {}

    # What the bus asks

    @property
    def failed(self) -> Collection[AccountId]:
        now = time.monotonic()
        return [account for account, problem in self.problems.items() if problem.until > now]

    def opened(self, account: AccountId) -> Connector | None:
        known = self._opened.get(account)
        return known.connector if known else None

    async def get(self, account: AccountId) -> Connector | None:
        known = self._opened.get(account) or await self._open(account)
        return known.connector if known else None

    async def named(self, organization: OrgId, account: str) -> Connector | None:
        known = self._directory.of(organization).get(account)
        return await self.get(known.id) if known else None

    # What the process asks

    def serve(self, inbox: Callable[[AccountId], Inbox]) -> None:
        """Serve the routes of the accounts from now on. Only the process that platforms call does this."""
        self._inbox = inbox

    def fetching(self) -> Mapping[AccountId, Account]:
        """Return the accounts without a webhook, as they were at the last `sync`."""
        return self._fetched

    async def route(self, path: str) -> Route | None:
        """Return the handler for a path; None if there is none. Raises StorageUnavailable."""
        match path.split("/", 4):
            case ["", "hooks", channel, id_, *_]:
                try:
                    account = await self._directory.find(AccountId(UUID(id_)))
                except (ValueError, UnknownAccount):
                    return None
                if account.channel != channel:
                    return None
                known = self._opened.get(account.id) or await self._open(account.id)
                return known.routes.get(path) if known else None
            case _:
                return None

    async def sync(self) -> None:
        """Follow the directory: close connectors of accounts that are gone, reopen those of changed ones."""
        changed = self._directory.take_changes()
        if not changed:
            return
        ours = {*self._opened, *self.problems, *self._fetched}
        for id_ in [id_ for id_ in ours if self._directory.get(id_) is None]:
            self._fetched.pop(id_, None)
            await self._close(id_)
        for organization in changed:
            for account in self._directory.of(organization).values():
                await self._follow(account)
            if self._inbox is not None:
                self._to_inspect.put_nowait(organization)

    async def _follow(self, account: Account) -> None:
        if (known := self._opened.get(account.id)) is not None:
            await self._renew(account, known)
        else:
            self.problems.pop(account.id, None)
        if self._mode(account) == "webhook":
            self._fetched.pop(account.id, None)
        else:
            self._fetched[account.id] = account

    async def inspect(self) -> None:
        """Look at new and changed accounts, until cancelled.

        Report what they lack, and tell platforms the addresses of our webhooks if they do not know them yet.
        """
        async with asyncio.TaskGroup() as tasks:
            for n in range(_AT_ONCE):
                tasks.create_task(self._inspecting(), name=f"inspect accounts {n + 1}")

    async def close(self) -> None:
        for id_ in list(self._opened):
            await self._close(id_)

    # Opening

    def _mode(self, account: Account) -> str:
        kind = self._kinds.get(account.channel)
        return account.mode or (kind.modes[0].mode if kind else "")

    async def _open(self, id_: AccountId) -> _Open | None:
        async with self._opening:
            if (known := self._opened.get(id_)) is not None:
                return known
            if (problem := self.problems.get(id_)) is not None and problem.until > time.monotonic():
                return None
            try:
                account = await self._directory.find(id_)
                made = self._made(account, await self._settings_of(account))
            except DeskError as error:
                lasting = isinstance(error, SettingsError)  # it cannot work until the settings change
                self.problems[id_] = AccountProblem(
                    str(error), _FOR_EVER if lasting else time.monotonic() + _AGAIN
                )
                log.error("account not opened", account=str(id_), code=error.code)
                return None
            self.problems.pop(id_, None)
            self._opened[id_] = made
            return made

    async def _renew(self, account: Account, known: _Open) -> None:
        """Close a connector whose settings have changed. It is opened again when it is needed."""
        try:
            if await self._settings_of(account) == known.settings:
                return
        except DeskError as error:
            log.warning("account not open any more", account=str(account.id), code=error.code)
        await self._close(account.id)

    def _made(self, account: Account, settings: AccountSettings) -> _Open:
        connector = self._kinds[account.channel].open(settings, self._lend(account))
        routes = connector.routes(self._inbox(account.id)) if self._inbox is not None else ()
        return _Open(connector, settings, {route.path: route for route in routes})

    async def _settings_of(self, account: Account) -> AccountSettings:
        """Return the settings of the account's connector. Raises SettingsError, StorageUnavailable."""
        return self._settings_in(account, *await self._declared(account))

    async def _declared(self, account: Account) -> tuple[Organization, Secrets]:
        """Read the file in force of the account's organization, and the secrets in its vault."""
        organization = await self._directory.organization(account.organization, account.version)
        async with self._database.begin(account.organization) as connection:
            return organization, await secrets_of(connection, account.organization, account.keys)

    def _settings_in(self, account: Account, organization: Organization, kept: Secrets) -> AccountSettings:
        declared = find_account(organization, account.account)
        kind = self._kinds.get(account.channel)
        if declared is None or kind is None:
            raise SettingsError(f"account {account.account}: no connector speaks {account.channel!r}")
        return account_settings(self._settings, kind, account, declared, organization, kept)

    async def _close(self, id_: AccountId) -> None:
        known = self._opened.pop(id_, None)
        self.problems.pop(id_, None)
        if known is not None:
            await known.connector.close()

    async def _inspecting(self) -> None:
        while True:
            organization = await self._to_inspect.get()
            try:
                again = await self._inspect(organization)
            except DeskError as error:
                log.error("accounts not inspected", organization=str(organization), code=error.code)
                again = True
            if again:
                asyncio.get_running_loop().call_later(_LATER, self._to_inspect.put_nowait, organization)

    async def _inspect(self, id_: OrgId) -> bool:
        """Look at the accounts of an organization. Return whether that must be done again.

        Raises StorageUnavailable.
        """
        accounts = tuple(self._directory.of(id_).values())
        if not accounts:
            return False
        again = False
        organization, kept = await self._declared(accounts[0])
        for account in accounts:
            try:
                await self._register(account, self._settings_in(account, organization, kept))
            except DeskError as error:
                lasting = isinstance(error, SettingsError)
                again = again or not lasting
                self.problems[account.id] = AccountProblem(str(error), _FOR_EVER if lasting else 0.0)
                log.error(
                    "account does not work", account=str(account.id), channel=account.channel, code=error.code
                )
        return again

    async def _register(self, account: Account, settings: AccountSettings) -> None:
        """Register the account's webhook, if its channel has one, once for its present settings.

        Raises SendError, StorageUnavailable.
        """
        kind, mark = self._kinds[account.channel], _fingerprint(settings)
        if settings.mode != "webhook" or not kind.registers or account.webhook == mark:
            return
        connector = kind.open(settings, self._lend(account))  # not kept open: only a real use does that
        try:
            if isinstance(connector, Registers):
                await connector.register()
        finally:
            await connector.close()
        async with self._database.begin(account.organization) as connection:
            await set_registered(connection, account.id, mark)


def _fingerprint(settings: AccountSettings) -> str:
    """Return a hash of what a platform is told about an account: its address, secrets and wanted events.

    The wanted events may change with our version.
    """
    told = [
        version("agents-market"),
        settings.public_url,
        settings.path,
        settings.api_url,
        sorted(settings.secrets.items()),
    ]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def account_settings(
    settings: Settings,
    kind: ChannelKind,
    account: Account,
    declared: Declared,
    organization: Organization,
    kept: Secrets,
) -> AccountSettings:
    """Return the settings that the account's connector gets. Raises SettingsError for a missing secret.

    A secret in the organization's vault takes precedence over an environment variable of the same name.
    """
    rooms = rooms_on(organization, declared.id)
    connection = kind.connection_mode(declared.mode or kind.modes[0].mode)
    if connection is None:
        raise SettingsError(f"account {declared.id}: {kind.title} knows no mode {declared.mode!r}")
    secrets = {}
    for name in (*connection.secrets, *connection.optional_secrets):
        variable = declared.secrets.get(name)
        if variable and variable in kept:
            secrets[name] = kept[variable]
        elif variable and (name in connection.secrets or settings.has(variable)):
            secrets[name] = settings.secret(variable)
    limits: Limits = declared.limits
    per_chat = limits.per_chat_per_second
    return AccountSettings(
        account=declared.id,
        serves=declared.serves.value,
        mode=connection.mode,
        api_url=settings.api_url(kind.name, declared.id),
        public_url=settings.public_url,
        path=path_of(account),
        secrets=secrets,
        options=_options(declared, rooms) | _servers(settings, kind, declared, connection),
        per_second=limits.per_second,
        chat_interval=None if per_chat is None else timedelta(seconds=1 / per_chat),
        groups=bool(declared.groups),
        name=organization.display_name,
        signature=organization.identity.signature,
        languages=organization.policies.languages,
    )


def _servers(
    settings: Settings, kind: ChannelKind, declared: Declared, connection: ConnectionMode
) -> dict[str, str]:
    """Return the account's options whose servers have another address here, such as the sandbox."""
    told = {option: settings.server(option, kind.name, declared.id) for option in connection.servers}
    return {option: server for option, server in told.items() if server}


def _options(declared: Declared, rooms: Sequence[str]) -> dict[str, str]:
    given = declared.options.get("groups", "")
    listed = dict.fromkeys((*filter(None, (given,)), *declared.groups, *rooms))
    return declared.options | ({"groups": ",".join(listed)} if listed else {})
