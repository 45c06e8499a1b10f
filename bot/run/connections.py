"""The connectors of all accounts, opened and closed as organizations change."""

from collections.abc import AsyncIterator, Mapping
from datetime import timedelta

import structlog

from bot.bus.directory import Directory
from bot.core.connector import AccountSettings, ChannelKind, Connector, HasFiles, Inbox, Registers, Route
from bot.core.errors import DeskError, SettingsError, Unreachable
from bot.run.settings import Settings
from orgs.routing import find_account
from orgs.specification.organization import Account as Declared
from orgs.specification.organization import Limits
from storage.accounts import Account

log = structlog.get_logger(__name__)

_API_URLS = {"telegram": "telegram_api_url", "slack": "slack_api_url"}


class Connections:
    """One connector per account. `connectors` stays one mapping for the life of the process."""

    def __init__(self, settings: Settings, kinds: tuple[ChannelKind, ...], directory: Directory) -> None:
        self._settings = settings
        self._kinds: Mapping[str, ChannelKind] = {kind.name: kind for kind in kinds}
        self._directory = directory
        self._open: dict[str, Connector] = {}
        self._declared: dict[str, Declared] = {}
        self.problems: dict[str, str] = {}  # account → an operator's sentence
        self._routes: dict[str, Route] = {}

    @property
    def connectors(self) -> Mapping[str, Connector]:
        return self._open

    def fetching(self) -> set[str]:
        """The accounts which no webhook serves."""
        return {name for name, declared in self._declared.items() if declared.mode.value != "webhook"}

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
            if declared is None or declared == self._declared.get(name):
                continue
            await self._close(name)
            try:
                await self._start(account, declared, register)
                self.problems.pop(name, None)
            except DeskError as error:
                self.problems[name] = str(error)
                log.error("account not opened", account=name, channel=account.channel, code=error.code)
                if isinstance(error, SettingsError):
                    self._declared[name] = declared  # it will not work before the settings change
        if inbox is not None:
            routes = [route for connector in self._open.values() for route in connector.routes(inbox)]
            self._routes = {route.path: route for route in routes}

    async def _start(self, account: Account, declared: Declared, register: bool) -> None:
        kind = self._kinds.get(account.channel)
        if kind is None:
            raise SettingsError(f"account {account.account}: no connector speaks {account.channel!r}")
        connector = kind.open(self._account_settings(kind, declared), self.files)
        self._open[account.account] = connector
        self._declared[account.account] = declared
        if register and declared.mode.value == "webhook" and isinstance(connector, Registers):
            try:
                await connector.register()
            except DeskError as error:
                self.problems[account.account] = f"the webhook could not be registered: {error}"
                log.error("webhook not registered", account=account.account, code=error.code)

    def _account_settings(self, kind: ChannelKind, declared: Declared) -> AccountSettings:
        named = dict(declared.secrets.named())
        secrets = {}
        for name in (*kind.secrets, *kind.optional_secrets):
            variable = named.get(name)
            if variable and (name in kind.secrets or self._settings.has(variable)):
                secrets[name] = self._settings.secret(variable)
        limits: Limits = declared.limits
        per_chat = limits.per_chat_per_second
        attribute = _API_URLS.get(kind.name)
        return AccountSettings(
            account=declared.id,
            serves=declared.serves.value,
            mode=declared.mode.value,
            api_url=getattr(self._settings, attribute) if attribute else "",
            public_url=self._settings.public_url,
            secrets=secrets,
            per_second=limits.per_second,
            chat_interval=None if per_chat is None else timedelta(seconds=1 / per_chat),
            groups=bool(declared.groups),
        )

    async def files(self, account: str, ref: str) -> AsyncIterator[bytes]:
        """Another account's attachment. Raises SendError."""
        connector = self._open.get(account)
        if not isinstance(connector, HasFiles):
            raise Unreachable(f"the account {account!r} gives out no files")
        async for chunk in connector.open(ref):
            yield chunk

    async def _close(self, name: str) -> None:
        connector = self._open.pop(name, None)
        self._declared.pop(name, None)
        self.problems.pop(name, None)
        if connector is not None:
            await connector.close()

    async def close(self) -> None:
        for name in list(self._open):
            await self._close(name)
