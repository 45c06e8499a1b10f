"""The connectors of all accounts, opened and closed as organizations change."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import NamedTuple

import structlog

from bot.bus.directory import Directory
from bot.core.connector import AccountSettings, ChannelKind, Connector, Inbox, Means, Registers, Route, Way
from bot.core.errors import DeskError, SettingsError
from bot.core.ids import AccountId
from bot.run.settings import Settings
from orgs.routing import find_account, rooms_on
from orgs.specification.organization import Account as Declared
from orgs.specification.organization import Limits
from storage.accounts import Account

log = structlog.get_logger(__name__)

Lend = Callable[[Account], Means]


class _Known(NamedTuple):
    """What a connector was opened for. An account's id may pass from one organization to another."""

    account: AccountId
    declared: Declared
    rooms: tuple[str, ...]  # the teams' channels


class Connections:
    """One connector per account. `connectors` stays one mapping for the life of the process."""

    def __init__(
        self, settings: Settings, kinds: Mapping[str, ChannelKind], directory: Directory, lend: Lend
    ) -> None:
        self._settings = settings
        self._kinds = kinds
        self._directory = directory
        self._lend = lend
        self._open: dict[str, Connector] = {}
        self._declared: dict[str, _Known] = {}
        self._modes: dict[str, str] = {}
        self.problems: dict[str, str] = {}  # account → an operator's sentence
        self._routes: dict[str, Route] = {}

    @property
    def connectors(self) -> Mapping[str, Connector]:
        return self._open

    def fetching(self) -> set[str]:
        """The accounts which no webhook serves."""
        return {name for name, mode in self._modes.items() if mode != "webhook"}

    def route(self, path: str) -> Route | None:
        return self._routes.get(path)

    async def sync(self, inbox: Inbox | None, *, register: bool) -> None:
        """Open what is new, close what is gone or changed. `register`: tell platforms our webhooks, too."""
        wanted = {account.account: account for account in self._directory.accounts}
        for name in [name for name in self._open if name not in wanted]:
            await self._close(name)
        for name, account in wanted.items():
            organization = await self._directory.organization(account.organization, account.version)
            declared = find_account(organization, name)
            if declared is None:
                continue
            known = _Known(account.id, declared, rooms_on(organization, name))
            if known == self._declared.get(name):
                continue
            await self._close(name)
            try:
                await self._start(account, known, register)
                self.problems.pop(name, None)
            except DeskError as error:
                self.problems[name] = str(error)
                log.error("account not opened", account=name, channel=account.channel, code=error.code)
                if isinstance(error, SettingsError):
                    self._declared[name] = known  # it will not work before the settings change
        if inbox is not None:
            routes = [route for connector in self._open.values() for route in connector.routes(inbox)]
            self._routes = {route.path: route for route in routes}

    async def _start(self, account: Account, known: _Known, register: bool) -> None:
        kind = self._kinds.get(account.channel)
        if kind is None:
            raise SettingsError(f"account {account.account}: no connector speaks {account.channel!r}")
        settings = account_settings(self._settings, kind, known.declared, known.rooms)
        connector = kind.open(settings, self._lend(account))
        self._open[account.account] = connector
        self._declared[account.account] = known
        self._modes[account.account] = settings.mode
        if register and settings.mode == "webhook" and isinstance(connector, Registers):
            try:
                await connector.register()
            except DeskError as error:
                self.problems[account.account] = f"the webhook could not be registered: {error}"
                log.error("webhook not registered", account=account.account, code=error.code)

    async def _close(self, name: str) -> None:
        connector = self._open.pop(name, None)
        self._declared.pop(name, None)
        self._modes.pop(name, None)
        self.problems.pop(name, None)
        if connector is not None:
            await connector.close()

    async def close(self) -> None:
        for name in list(self._open):
            await self._close(name)


def account_settings(
    settings: Settings, kind: ChannelKind, declared: Declared, rooms: Sequence[str] = ()
) -> AccountSettings:
    """What the account's connector gets to know. Raises SettingsError for a secret that is not there.

    `rooms`: the teams' channels on that account, which it must listen to beside its `groups`.
    """
    way = kind.way(declared.mode or kind.ways[0].mode)
    if way is None:
        raise SettingsError(f"account {declared.id}: {kind.title} knows no mode {declared.mode!r}")
    secrets = {}
    for name in (*way.secrets, *way.optional_secrets):
        variable = declared.secrets.get(name)
        if variable and (name in way.secrets or settings.has(variable)):
            secrets[name] = settings.secret(variable)
    limits: Limits = declared.limits
    per_chat = limits.per_chat_per_second
    return AccountSettings(
        account=declared.id,
        serves=declared.serves.value,
        mode=way.mode,
        api_url=settings.api_url(kind.name, declared.id),
        public_url=settings.public_url,
        secrets=secrets,
        options=_options(declared, rooms) | _servers(settings, kind, declared, way),
        per_second=limits.per_second,
        chat_interval=None if per_chat is None else timedelta(seconds=1 / per_chat),
        groups=bool(declared.groups),
    )


def _servers(settings: Settings, kind: ChannelKind, declared: Declared, way: Way) -> dict[str, str]:
    """The options whose servers are elsewhere, such as in the sandbox."""
    told = {option: settings.server(option, kind.name, declared.id) for option in way.servers}
    return {option: server for option, server in told.items() if server}


def _options(declared: Declared, rooms: Sequence[str]) -> dict[str, str]:
    given = declared.options.get("groups", "")
    listed = dict.fromkeys((*filter(None, (given,)), *declared.groups, *rooms))
    return declared.options | ({"groups": ",".join(listed)} if listed else {})
