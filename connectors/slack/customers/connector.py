"""One Slack account for customers, in one workspace or in all that installed the app."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial

from bot.core.connector import (
    AccountSettings,
    Capabilities,
    Inbox,
    RawRequest,
    RawResponse,
    Resources,
    Route,
)
from bot.core.errors import AccountSuspended, Refused, SettingsError, Unreachable
from bot.core.events import Channel
from bot.core.outbound import Outbound, Post, Sent
from connectors.background import BackgroundTasks
from connectors.slack.api import Api, ApiConnections
from connectors.slack.capabilities import CHANNEL, of_account
from connectors.slack.customers.files import fetched
from connectors.slack.customers.hearing import Hearing, Prompt
from connectors.slack.customers.installations import Installations
from connectors.slack.customers.oauth import App, Exchange, OAuthFlow
from connectors.slack.customers.states import States
from connectors.slack.customers.workspaces import Workspace, Workspaces
from connectors.slack.failures import code_of
from connectors.slack.listening import can_connect, listen
from connectors.slack.receiving import serve
from connectors.slack.scopes import CUSTOMERS
from connectors.slack.sending import Voice

GRACE = timedelta(seconds=5)
PROMPTS = 4  # as many as Slack shows
CHECKED, TOLD = 100, 5  # when the account is checked: workspaces asked for, and problems told


class SlackCustomers:
    """A Slack account for customers. Implements Connector, Listens, Reconciles and HasFiles.

    A place's chat is `installation/channel`, a file's ref `installation/file`.
    """

    begins = True

    def __init__(
        self,
        settings: AccountSettings,
        resources: Resources,
        *,
        nonce: Callable[[], str] = secrets.token_urlsafe,
    ) -> None:
        self._settings = settings
        self._clock = resources.clock
        given, options = settings.secrets, settings.options
        token = given.get("bot_token", "")
        self._check(token)
        self._background = BackgroundTasks()
        self._homes = frozenset(options.get("team_id", "").replace(",", " ").split())
        self._app = self._our_app()
        line = ApiConnections()
        self._exchange = Exchange(self._app, Api("", settings.api_url, line))
        self._installations = Installations(resources.vault, resources.clock, self._exchange.renewal)
        self._workspaces = Workspaces(
            resources,
            settings.api_url,
            line,
            Voice(options.get("icon", "")),
            guests=options.get("guests") == "customers",
            token=token,
            installations=self._installations,
        )
        states = States(resources.vault, resources.clock, key=self._app.client_secret, nonce=nonce)
        self._oauth = OAuthFlow(self._app, self._exchange, self._installations, states, resources.clock)
        self._hearing = Hearing(
            self._workspaces,
            self._installations,
            self._background,
            account=settings.account,
            homes=self._homes,
            prompts=prompts(options.get("prompts", "")),
            workflows=options.get("workflows") == "customers",
            clock=resources.clock,
        )
        self._capabilities = of_account(settings)

    def _check(self, token: str) -> None:
        settings = self._settings
        needed = {"socket": ("bot_token", "app_token"), "webhook": ("signing_secret",)}
        if settings.mode not in needed:
            raise SettingsError(
                f"account {self.account}: Slack knows no mode {settings.mode!r}; use webhook or socket"
            )
        missing = [name for name in needed[settings.mode] if not settings.secrets.get(name)]
        if not missing and not token:
            missing = [name for name in ("client_id", "client_secret") if not self._named(name)]
        if missing:
            raise SettingsError(
                f"account {self.account}: Slack for customers needs {missing[0]!r} (a bot_token for one"
                " workspace, or client_id and client_secret for any)"
            )
        if not token and not settings.public_url:
            raise SettingsError(
                f"account {self.account}: to be installed in workspaces Slack must reach us; set PUBLIC_URL"
            )

    def _named(self, name: str) -> str:
        return self._settings.secrets.get(name) or self._settings.options.get(name, "")

    def _our_app(self) -> App:
        base = f"{self._settings.public_url}{self._settings.path}"
        return App(
            client_id=self._named("client_id"),
            client_secret=self._named("client_secret"),
            authorize=Api("", self._settings.api_url).page("oauth/v2/authorize"),
            install=f"{base}/install",
            callback=f"{base}/oauth",
        )

    @property
    def channel(self) -> Channel:
        return CHANNEL

    @property
    def account(self) -> str:
        return self._settings.account

    @property
    def capabilities(self) -> Capabilities:
        return self._capabilities

    def routes(self, inbox: Inbox) -> Sequence[Route]:
        if self._settings.mode != "webhook":
            return ()
        handle, base = partial(self._serve, inbox), self._settings.path
        hooks = [Route(f"{base}/{kind}", handle) for kind in ("events", "commands", "interactions")]
        if self._workspaces.only is not None:
            return tuple(hooks)
        return (
            *hooks,
            Route(f"{base}/install", self._oauth.install, ("GET",)),
            Route(f"{base}/oauth", self._oauth.callback, ("GET",)),
        )

    async def _serve(self, inbox: Inbox, request: RawRequest) -> RawResponse:
        return await serve(
            request,
            secret=self._settings.secrets["signing_secret"],
            clock=self._clock,
            receiver=self._hearing,
            inbox=inbox,
        )

    async def listen(self, inbox: Inbox) -> None:
        """Listen over Socket Mode until cancelled.

        Raises SendError if the app token opens no connection, SettingsError if the account's mode is not
        `socket`.
        """
        only = self._workspaces.only
        if self._settings.mode != "socket" or only is None:
            raise SettingsError(f"account {self.account} is served over HTTP: there is nothing to listen to")
        await listen(only.api, self._hearing, inbox, self._settings.secrets["app_token"])

    async def send(self, outbound: Outbound) -> Sent:
        key, there = _there(outbound)
        async with self._workspaces.used(key) as workspace:
            sent = await workspace.sending.send(there)
        return replace(sent, chat="")

    async def find(self, outbound: Outbound) -> Sent | None:
        key, there = _there(outbound)
        async with self._workspaces.used(key) as workspace:
            found = await workspace.finding.find(there)
        return None if found is None else replace(found, chat="")

    async def open(self, ref: str) -> AsyncIterator[bytes]:
        key, _, file = ref.partition("/")
        async with self._workspaces.used(key) as workspace:
            async for chunk in fetched(file, workspace.api):
                yield chunk

    async def check(self) -> str:
        only = self._workspaces.only
        if only is not None:
            return await self._check_only(only)
        try:
            await self._exchange.code("check")  # only an app that Slack knows is told so: no such code
        except Refused as error:
            if code_of(error) not in ("invalid_code", "bad_redirect_uri"):
                raise
        keys = await self._installations.keys()
        if not keys:
            return f"no workspace yet: open {self._app.install}"
        found = "1 workspace" if len(keys) == 1 else f"{len(keys)} workspaces"
        problems = await asyncio.gather(*(self._problem(key) for key in keys[:CHECKED]))
        told = [f"{key}: {problem}" for key, problem in zip(keys, problems, strict=False) if problem]
        if not self._homes:
            told.append("without team_id your own people count as customers in shared channels")
        return "; ".join([found, *told[:TOLD]])

    async def _problem(self, key: str) -> str:
        """Return why one workspace cannot be served, though others can; "" if it can be."""
        try:
            async with self._workspaces.used(key) as workspace:
                await workspace.api.check(CUSTOMERS)
        except (AccountSuspended, Refused, Unreachable) as error:
            return error.reason
        return ""

    async def _check_only(self, only: Workspace) -> str:
        us = await only.api.check(CUSTOMERS)
        only.api.must_last()
        if self._settings.mode == "socket":
            await can_connect(only.api, self._settings.secrets["app_token"])
        return f"@{us.name} in {us.workspace}"

    async def close(self) -> None:
        await self._background.finish(GRACE)
        await self._installations.finish(GRACE)
        await self._workspaces.line.close()


def prompts(option: str) -> tuple[Prompt, ...]:
    """Read prompts from an option: `title | question`, separated by lines or semicolons.

    A title alone is its own question.
    """
    found = []
    for line in option.replace(";", "\n").splitlines():
        title, _, message = (part.strip() for part in line.partition("|"))
        if title:
            found.append(Prompt(title, message or title))
    return tuple(found[:PROMPTS])


def _there(outbound: Outbound) -> tuple[str, Outbound]:
    """Return the installation's key, and the operation with the place as that workspace names it.

    In direct messages a reply begins no thread, because the place already says where to write.
    """
    key, _, chat = outbound.place.chat.partition("/")
    operation = outbound.operation
    if isinstance(operation, Post) and operation.reply_to:
        operation = replace(operation, reply_to="")
    return key, replace(outbound, place=replace(outbound.place, chat=chat), operation=operation)
