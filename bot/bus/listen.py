"""Accounts that fetch their events themselves: one process at a time does, another follows if it dies."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from datetime import timedelta

import structlog

from bot.bus.directory import Directory
from bot.core.connector import Connector, Inbox, Listens
from bot.core.errors import DeskError, StorageUnavailable
from storage.accounts import Account, lead, resign
from storage.database import Database

log = structlog.get_logger(__name__)

LEASE = timedelta(seconds=10)
_LOOK = 1.0  # seconds between looks for new accounts
_AGAIN = 2.0  # seconds until an account whose listening failed is tried again


class Listeners:
    """Runs `listen` of every connector that has it, as long as this process leads its account."""

    def __init__(
        self,
        *,
        database: Database,
        directory: Directory,
        connectors: Mapping[str, Connector],
        fetching: Callable[[], Collection[str]],
        inbox: Inbox,
        me: str,
    ) -> None:
        self._database = database
        self._directory = directory
        self._connectors = connectors
        self._fetching = fetching  # the accounts which no webhook serves
        self._inbox = inbox
        self._me = me
        self.states: dict[str, str] = {}  # by account: "listening", "elsewhere" or an error's code

    async def run(self) -> None:
        """Until cancelled; what this process leads is given up then. Accounts may come and go meanwhile."""
        serving: dict[str, asyncio.Task[None]] = {}
        try:
            async with asyncio.TaskGroup() as tasks:
                while True:
                    for account in self._directory.accounts:
                        name = account.account
                        connector = self._connectors.get(name)
                        ready = isinstance(connector, Listens) and name in self._fetching()
                        if ready and (name not in serving or serving[name].done()):
                            serving[name] = tasks.create_task(self._serve(account), name=f"listen {name}")
                    await asyncio.sleep(_LOOK)
        finally:
            self.states.clear()

    async def _serve(self, account: Account) -> None:
        """Lead the account, and listen while leading, until its connector is gone."""
        listening: asyncio.Task[None] | None = None
        connector = self._connectors.get(account.account)
        try:
            while isinstance(connector, Listens) and self._connectors.get(account.account) is connector:
                if not await self._lead(account):
                    await self._stop(listening)
                    listening = None
                    self.states[account.account] = "elsewhere"
                elif listening is None or listening.done():
                    self._report(account, listening)
                    listening = asyncio.create_task(
                        connector.listen(self._inbox), name=f"fetch {account.account}"
                    )
                    self.states[account.account] = "listening"
                pause = LEASE.total_seconds() / 4
                if listening is not None:
                    await asyncio.wait({listening}, timeout=pause)
                    if listening.done():
                        await asyncio.sleep(_AGAIN)
                else:
                    await asyncio.sleep(pause)
        finally:
            await self._stop(listening)
            with suppress(StorageUnavailable):
                async with self._database.begin() as connection:
                    await resign(connection, account.id, self._me)

    async def _lead(self, account: Account) -> bool:
        try:
            async with self._database.begin() as connection:
                return await lead(connection, account.id, self._me, LEASE)
        except StorageUnavailable as error:
            log.warning("cannot lead", account=account.account, code=error.code)
            return False

    def _report(self, account: Account, ended: asyncio.Task[None] | None) -> None:
        if ended is None or ended.cancelled():
            return
        error = ended.exception()
        code = error.code if isinstance(error, DeskError) else "internal"
        self.states[account.account] = code
        log.warning(
            "listening ended",
            account=account.account,
            code=code,
            exc_info=None if isinstance(error, DeskError) else error,
        )

    async def _stop(self, listening: asyncio.Task[None] | None) -> None:
        if listening is not None:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
