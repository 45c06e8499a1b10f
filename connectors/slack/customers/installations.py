"""Keep the workspaces in which the app is installed, with their tokens, in the vault, which encrypts them.

Whoever has such a token may write in a customer's workspace, so nothing of it is ever logged.
"""

import asyncio
import json
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta

import structlog

from bot.core.connector import Vault
from bot.core.errors import AccountSuspended, PlatformDown, SendError, StorageUnavailable, Unreachable
from bot.core.ids import Clock
from connectors.payload import Node
from connectors.slack.failures import CLIENT, code_of

RENEW_BEFORE = timedelta(hours=1)  # a rotated token lives for twelve
REMEMBERED_FOR = timedelta(minutes=1)  # another process may have installed, renewed or removed it
LEASE = timedelta(minutes=1)  # how long one process keeps the others from renewing the same token
AGAIN = 0.2  # seconds
CHANNELS_REMEMBERED = 5_000

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """The app in one workspace.

    `key` is the workspace's id, or the enterprise's if it added the app to all its workspaces.
    """

    key: str
    name: str
    enterprise: str
    bot_user: str
    token: str
    installed: float  # seconds since 1970
    refresh: str = ""
    expires: float | None = None

    def due(self, now: datetime) -> bool:
        return self.expires is not None and now.timestamp() >= self.expires - RENEW_BEFORE.total_seconds()


def granted(answer: Node, now: datetime) -> Installation:
    """Return the installation in an answer of https://docs.slack.dev/reference/methods/oauth.v2.access"""
    team, enterprise = answer.node("team"), answer.node("enterprise")
    whole = answer.flag("is_enterprise_install")
    lives = answer.whole("expires_in")
    return Installation(
        key=enterprise.text("id") if whole else team.text("id"),
        name=(enterprise if whole else team).text("name"),
        enterprise=enterprise.text("id"),
        bot_user=answer.text("bot_user_id"),
        token=answer.text("access_token"),
        installed=now.timestamp(),
        refresh=answer.text("refresh_token"),
        expires=None if lives is None else now.timestamp() + lives,
    )


def lost(key: str, error: AccountSuspended) -> AccountSuspended | Unreachable:
    """Return Unreachable if one customer's workspace has shut us out, else the error as it is."""
    code = code_of(error)
    if code in CLIENT:
        return error
    return Unreachable(
        f"{code}: Slack takes the app's token for the workspace {key[:20]} no more;"
        " whoever runs that workspace can add the app again"
    )


# Exchanges a refresh token, and returns Slack's answer. Raises SendError.
Renewal = Callable[[str], Awaitable[Node]]


class Installations:
    """Keeps the installations and renews their tokens.

    A token is renewed by only one task of a process, and by only one process, which holds a lease.
    """

    def __init__(self, vault: Vault, clock: Clock, renewal: Renewal) -> None:
        self._vault = vault
        self._clock = clock
        self._renewal = renewal
        self._known: dict[str, tuple[datetime, Installation]] = {}
        self._owners: OrderedDict[str, str] = OrderedDict()
        self._renewing: dict[str, asyncio.Task[Installation]] = {}

    async def held(self, key: str) -> Installation | None:
        """Return the installation as it is kept, whether its token has expired or not.

        Raises StorageUnavailable.
        """
        now = self._clock()
        known = self._known.get(key)
        if known is not None and now - known[0] < REMEMBERED_FOR:
            return known[1]
        return await self._read(key)

    async def current(self, key: str) -> Installation:
        """Return the installation with a token that is valid now.

        Raises Unreachable if the app is not installed.
        """
        found = await self.held(key)
        if found is None:
            raise _not_installed(key)
        if not found.due(self._clock()):
            return found
        try:
            return await asyncio.shield(self.renew(key))
        except SendError:
            if found.expires is not None and self._clock().timestamp() < found.expires:
                return found  # there is still time to try again
            raise

    def renew(self, key: str) -> "asyncio.Task[Installation]":
        """Return the running renewal of a token; begin one if there is none.

        It is never cancelled, as Slack accepts a refresh token only once.
        """
        task = self._renewing.get(key)
        if task is None:
            task = self._renewing[key] = asyncio.create_task(self._renew(key))
            task.add_done_callback(lambda done: self._renewed(key, done))
        return task

    def _renewed(self, key: str, done: "asyncio.Task[Installation]") -> None:
        del self._renewing[key]
        if not done.cancelled() and (error := done.exception()) is not None:
            log.warning("slack.token_not_renewed", workspace=key, code=getattr(error, "code", "error"))

    async def _renew(self, key: str) -> Installation:
        await self._lease(key)
        raw = await self._vault.get(_name(key))
        found = self._remember(key, raw)
        if found is None:
            raise _not_installed(key)
        if found.due(self._clock()):  # else another process was quicker
            found = await self._renew_now(found, raw)
        await self._vault.delete(f"renewing:{key}")
        return found

    async def _renew_now(self, found: Installation, raw: str | None) -> Installation:
        key = found.key
        try:
            answer = await self._renewal(found.refresh)
        except AccountSuspended as error:
            again = await self._read(key)
            if again is not None and again.token != found.token:
                return again
            raise lost(key, error) from error
        fresh = granted(answer, self._clock())
        kept = replace(fresh, key=key, installed=found.installed, name=found.name or fresh.name)
        if await self._kept(kept, raw):
            self._known[key] = (self._clock(), kept)
            return kept
        newer = await self._read(key)  # the app was removed or added anew meanwhile
        if newer is None:
            raise _not_installed(key)
        return newer

    async def _kept(self, fresh: Installation, raw: str | None) -> bool:
        """Keep the fresh token in place of the old one, and return whether that was still there.

        Slack hands out a token only once, so this waits while the database is away.
        """
        while True:
            try:
                return await self._vault.swap(_name(fresh.key), raw, _written(fresh))
            except StorageUnavailable as error:
                log.warning("slack.token_not_kept_yet", workspace=fresh.key, code=error.code)
                await asyncio.sleep(AGAIN)

    async def _lease(self, key: str) -> None:
        name, now = f"renewing:{key}", self._clock()
        until = await self._vault.get(name)
        held = until is not None and now < datetime.fromisoformat(until)
        if held or not await self._vault.swap(name, until, (now + LEASE).isoformat()):
            raise PlatformDown("token_renewing: another process is renewing the token of this workspace")

    async def _read(self, key: str) -> Installation | None:
        return self._remember(key, await self._vault.get(_name(key)))

    def _remember(self, key: str, raw: str | None) -> Installation | None:
        if raw is None:
            self._known.pop(key, None)
            return None
        found = Installation(**json.loads(raw))
        self._known[key] = (self._clock(), found)
        return found

    async def keep(self, installation: Installation) -> None:
        await self._vault.put(_name(installation.key), _written(installation))
        self._known[installation.key] = (self._clock(), installation)

    async def end(self, key: str, happened: datetime) -> None:
        """Delete an installation because the app was uninstalled.

        A late event does nothing to an installation that is newer than it.
        """
        found = await self._read(key)
        # `event_time` knows whole seconds alone.
        if found is None or happened < datetime.fromtimestamp(int(found.installed), UTC):
            return
        await self._vault.delete(_name(key))
        self._known.pop(key, None)

    async def changed(self, key: str, token: str) -> bool:
        """Return whether the vault holds another token than this one."""
        found = await self._read(key)
        return found is not None and found.token != token

    def forget(self, key: str) -> None:
        """Forget the remembered installation, so that it is read anew.

        Slack may accept its token no longer.
        """
        self._known.pop(key, None)

    async def keys(self) -> list[str]:
        return [name.partition(":")[2] for name in await self._vault.names("installation:")]

    async def owner(self, channel: str, key: str) -> str:
        """Return the installation that serves a Slack Connect channel: the first one that reported it.

        If the app is installed on both sides, Slack names sometimes one and sometimes the other.
        """
        known = self._owners.get(channel)
        if known is None:
            name = f"channel:{channel}"
            known = await self._vault.get(name)
            if known is None:
                known = key if await self._vault.swap(name, None, key) else await self._vault.get(name) or key
            self._owners[channel] = known
            while len(self._owners) > CHANNELS_REMEMBERED:
                self._owners.popitem(last=False)
        return known

    async def finish(self, grace: timedelta) -> None:
        """Await the running renewals, as a half renewed token is lost.

        After `grace`, cancel those that are left.
        """
        if not self._renewing:
            return
        _, late = await asyncio.wait(list(self._renewing.values()), timeout=grace.total_seconds())
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)


def _name(key: str) -> str:
    return f"installation:{key}"


def _written(installation: Installation) -> str:
    return json.dumps(asdict(installation))


def _not_installed(key: str) -> Unreachable:
    return Unreachable(
        f"not_installed: the app is not installed in the workspace {key[:20]} any more;"
        " whoever runs that workspace can add it again"
    )
