"""The only way to Slack's Web API: slack_sdk's client and connections, with our own errors."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit
from urllib.request import proxy_bypass

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.core.errors import PlatformDown, Refused
from connectors.beginning import begun
from connectors.payload import Node
from connectors.slack.failures import broken, refused

TIMEOUT = aiohttp.ClientTimeout(total=30, connect=10)
CHUNK = 64 * 1024
ROTATES = "xoxe."  # prefix of tokens that must be renewed, which only OAuth can do
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})

sdk_log = logging.getLogger("connectors.slack.sdk")


@dataclass(frozen=True, slots=True)
class BotIdentity:
    user: str  # our bot's user id, the author of what we post
    bot: str
    team: str
    enterprise: str = ""  # the enterprise that the workspace belongs to
    name: str = ""
    workspace: str = ""
    url: str = ""  # of the workspace


class ApiConnections:
    """Connections to Slack that several tokens may share.

    They open on first use; `close` ends them for good.
    """

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None
        self._over = False

    def session(self) -> aiohttp.ClientSession:
        """Return the session. Raises PlatformDown after `close`: nobody would close another one."""
        if self._over:
            raise PlatformDown("closed")
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=TIMEOUT, trace_configs=begun())
        return self._session

    async def close(self) -> None:
        self._over = True
        session, self._session = self._session, None
        if session is not None:
            await session.close()


class Api:
    """The Web API as one token may use it. `close` also ends the connections that it uses."""

    def __init__(self, token: str, url: str, line: ApiConnections | None = None) -> None:
        # Below this level slack_sdk and Bolt log whole payloads, with what people wrote.
        sdk_log.setLevel(logging.ERROR)
        base = url or AsyncWebClient.BASE_URL
        self.web = AsyncWebClient(token=token, base_url=base, logger=sdk_log, retry_handlers=[])
        self._origin = urlsplit(self.web.base_url)
        host = self._origin.hostname or ""
        if host in _LOOPBACK or proxy_bypass(host):
            self.web.proxy = None  # slack_sdk knows HTTPS_PROXY, and not NO_PROXY
        self._token = token
        self._line = line or ApiConnections()
        self._identity: BotIdentity | None = None
        self._scopes: frozenset[str] = frozenset()  # of the token, as the last answer told

    def session(self) -> aiohttp.ClientSession:
        self.web.session = self._line.session()
        return self._line.session()

    def page(self, path: str) -> str:
        """Return the address of a page of Slack's web site, beside its API."""
        return f"{self.web.base_url.removesuffix('api/')}{path}"

    @property
    def token(self) -> str:
        return self._token

    def use(self, token: str) -> None:
        """Go on with another token of the same installation."""
        self._token = self.web.token = token

    async def close(self) -> None:
        await self._line.close()

    async def call(
        self, method: Callable[[AsyncWebClient], Awaitable[AsyncSlackResponse]], *, repeatable: bool
    ) -> Node:
        """Call a method of the Web API and return Slack's answer. Raises SendError.

        `repeatable`: doing it twice does no harm.
        """
        self.session()
        try:
            response = await method(self.web)
        except SlackApiError as error:
            raise refused(error, repeatable=repeatable) from error
        except (aiohttp.ClientError, TimeoutError, ConnectionError, SlackClientError) as error:
            raise broken(error, repeatable=repeatable) from error
        except AttributeError as error:
            # slack_sdk takes for granted that a 200 carries an object; a proxy's page does not.
            raise broken(error, repeatable=repeatable) from error
        if scopes := response.headers.get("x-oauth-scopes"):
            self._scopes = frozenset(scope.strip() for scope in scopes.split(","))
        return Node(response.data)

    async def identity(self, *, now: bool = False) -> BotIdentity:
        """Return who we are. It is asked once, and again if `now` is set."""
        if self._identity is None or now:
            answer = await self.call(lambda web: web.auth_test(), repeatable=True)
            self._identity = BotIdentity(
                user=answer.text("user_id"),
                bot=answer.text("bot_id"),
                team=answer.text("team_id"),
                enterprise=answer.text("enterprise_id"),
                name=answer.text("user"),
                workspace=answer.text("team"),
                url=answer.text("url"),
            )
        return self._identity

    async def check(self, needed: Collection[str]) -> BotIdentity:
        """Ask Slack who we are and return it.

        Raises SendError, also if the token lacks one of the scopes needed.
        """
        us = await self.identity(now=True)
        if self._scopes and (missing := sorted(set(needed) - self._scopes)):
            raise Refused(
                f"missing_scope: the app lacks {', '.join(missing)}; add it under OAuth & Permissions,"
                " and install the app again"
            )
        return us

    def must_last(self) -> None:
        """Raise Refused if the token expires and must be renewed, which nobody does here."""
        if self._token.startswith(ROTATES):
            raise Refused(
                "token_rotates: this token ends after twelve hours; make the app anew with"
                " token_rotation_enabled: false"
            )

    def is_slack(self, url: str) -> bool:
        """Return whether a URL belongs to the platform, so that it may be called and may get our token."""
        try:
            target = urlsplit(url)
            port = target.port
        except ValueError:
            return False
        host = target.hostname or ""
        if (target.scheme, host, port) == (self._origin.scheme, self._origin.hostname, self._origin.port):
            return True
        # Files and response URLs have hosts of their own: files.slack.com, hooks.slack.com.
        homes = ("slack.com", self._origin.hostname)
        return target.scheme == "https" and any(host == home or host.endswith(f".{home}") for home in homes)

    @asynccontextmanager
    async def _download(self, url: str) -> AsyncIterator[aiohttp.ClientResponse]:
        headers = {"Authorization": f"Bearer {self._token}"}
        # No redirects: Slack redirects whoever may not read a file to its sign-in page, which answers 200.
        async with self.session().get(
            url, headers=headers, allow_redirects=False, proxy=self.web.proxy
        ) as answer:
            if answer.status >= 500 or answer.status == 429:
                raise PlatformDown(f"file_http_{answer.status}")
            if answer.status != 200:
                raise Refused(f"file_http_{answer.status}: the app may lack the scope files:read")
            yield answer

    async def download(self, url: str) -> AsyncIterator[bytes]:
        """Stream a file of Slack's. Raises SendError."""
        if not self.is_slack(url):
            raise Refused("file_elsewhere: the file is not kept by Slack")
        try:
            async with self._download(url) as answer:
                async for chunk in answer.content.iter_chunked(CHUNK):
                    yield chunk
        except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
            raise broken(error, repeatable=True) from error

    async def post(self, url: str, body: bytes | AsyncIterator[bytes], headers: Mapping[str, str]) -> None:
        """Send a body to a URL that Slack gave us for it. Raises SendError."""
        if not self.is_slack(url):
            raise Refused("url_elsewhere: Slack named a URL which is not its own")
        try:
            async with self.session().post(
                url, data=body, headers=headers, allow_redirects=False, proxy=self.web.proxy
            ) as answer:
                status = answer.status
        except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
            raise broken(error, repeatable=True) from error
        if status >= 500 or status == 429:
            raise PlatformDown(f"http_{status}")
        if status != 200:
            raise Refused(f"http_{status}")
