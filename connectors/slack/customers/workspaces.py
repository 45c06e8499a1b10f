"""Create and keep what is needed to work in one workspace."""

from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bot.core.connector import Resources
from bot.core.errors import AccountSuspended, PlatformDown
from connectors.slack.api import Api, ApiConnections
from connectors.slack.channels import Channels
from connectors.slack.customers.installations import Installation, Installations, lost
from connectors.slack.finding import Finding
from connectors.slack.people import People
from connectors.slack.sending import Sending, Voice

OPEN = 1_000  # workspaces kept in memory; of one that was dropped, only people's names are asked for again


@dataclass(frozen=True, slots=True)
class Workspace:
    key: str
    bot_user: str  # "" where only the events tell
    api: Api
    people: People
    sending: Sending
    finding: Finding


class Workspaces:
    """All workspaces of an account: the one of its bot token, or those that installed the app."""

    def __init__(
        self,
        resources: Resources,
        url: str,
        line: ApiConnections,
        voice: Voice,
        *,
        guests: bool,
        token: str,
        installations: Installations,
    ) -> None:
        self.line = line
        self._resources = resources
        self._url = url
        self._voice = voice
        self._guests = guests
        self._installations = installations
        self._open: OrderedDict[str, Workspace] = OrderedDict()
        self._only = self._made("", "", token) if token else None

    @property
    def only(self) -> Workspace | None:
        return self._only

    async def at(self, key: str) -> Workspace:
        """Return a workspace to write to.

        Raises Unreachable if the app is not installed or its token cannot be renewed.
        """
        if self._only is not None:
            return self._only
        installation = await self._installations.current(key)
        return self._with(installation)

    async def heard(self, key: str) -> Workspace | None:
        """Return the workspace that sent us something; None if the app is not installed.

        Waits for no renewal.
        """
        if self._only is not None:
            return self._only
        installation = await self._installations.held(key)
        if installation is None:
            return None
        if installation.due(self._resources.clock()):
            self._installations.renew(key)
        return self._with(installation)

    @asynccontextmanager
    async def used(self, key: str) -> AsyncIterator[Workspace]:
        """Yield a workspace as `at` returns it.

        If Slack rejects its token meanwhile, raise Unreachable, not AccountSuspended.

        If the app was added anew in the meantime, raise PlatformDown, so that it is tried again.
        """
        workspace = await self.at(key)
        token = workspace.api.token
        try:
            yield workspace
        except AccountSuspended as error:
            if self._only is not None:
                raise
            if await self._installations.changed(key, token):
                raise PlatformDown("token_changed: the app was added anew") from error
            raise lost(key, error) from error

    def _with(self, installation: Installation) -> Workspace:
        key, token = installation.key, installation.token
        workspace = self._open.get(key)
        if workspace is None or workspace.bot_user != installation.bot_user:
            workspace = self._open[key] = self._made(key, installation.bot_user, token)
            while len(self._open) > OPEN:
                self._open.popitem(last=False)
        workspace.api.use(token)
        self._open.move_to_end(key)
        return workspace

    def _made(self, key: str, bot_user: str, token: str) -> Workspace:
        api = Api(token, self._url, self.line)
        channels = Channels(api, self._resources.clock)
        files = self._resources.files
        return Workspace(
            key=key,
            bot_user=bot_user,
            api=api,
            people=People(api, guests=self._guests),
            sending=Sending(api, channels, files, self._resources.clock, self._voice),
            finding=Finding(api, channels, files),
        )
