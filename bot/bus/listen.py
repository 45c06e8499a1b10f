"""Listen on accounts that fetch their own events: one process at a time does, another follows if it dies."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta

import structlog

from bot.core.connector import Connectors, Inbox, Listens
from bot.core.errors import DeskError, StorageUnavailable
from bot.core.ids import AccountId
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
        connectors: Connectors,
        fetching: Callable[[], Mapping[AccountId, Account]],
        inbox: Callable[[AccountId], Inbox],
        me: str,
    ) -> None:
        self._database = database
        self._connectors = connectors
        self._fetching = fetching  # the accounts that no webhook serves
        self._inbox = inbox
        self._me = me
        self.states: dict[AccountId, str] = {}  # "listening", "elsewhere" or an error's code

    async def run(self) -> None:
        """Listen on all such accounts until cancelled, then give up their lead. Accounts may come and go."""
        serving: dict[AccountId, asyncio.Task[None]] = {}
        try:
            async with asyncio.TaskGroup() as tasks:
                while True:
                    for account in tuple(self._fetching().values()):
                        if account.id not in serving or serving[account.id].done():
                            connector = await self._connectors.get(account.id)
                            if isinstance(connector, Listens):
                                serving[account.id] = tasks.create_task(
                                    self._serve(account, connector), name=f"listen {account.account}"
                                )
                    await asyncio.sleep(_LOOK)
        finally:
            self.states.clear()

    async def _serve(self, account: Account, connector: Listens) -> None:
        """Lead the account until its connector is gone, and listen while leading."""
        listening: asyncio.Task[None] | None = None
        try:
            while await self._is_open(account, connector):
                if not await self._lead(account):
                    await self._stop(listening)
                    listening = None
                    self.states[account.id] = "elsewhere"
                elif listening is None or listening.done():
                    self._report(account, listening)
                    listening = asyncio.create_task(
                        connector.listen(self._inbox(account.id)), name=f"fetch {account.account}"
                    )
                    self.states[account.id] = "listening"
                pause = LEASE.total_seconds() / 4
                if listening is not None:
                    await asyncio.wait({listening}, timeout=pause)
                    if listening.done():
                        await asyncio.sleep(_AGAIN)
                else:
                    await asyncio.sleep(pause)
        finally:
            self.states.pop(account.id, None)
            await self._stop(listening)
            with suppress(StorageUnavailable):
                async with self._database.begin() as connection:
                    await resign(connection, account.id, self._me)

    async def _is_open(self, account: Account, connector: Listens) -> bool:
        """Return whether the account still fetches its events, and through this connector."""
        fetched = account.id in self._fetching()
        now: object = await self._connectors.get(account.id) if fetched else None
        return now is connector

    async def _lead(self, account: Account) -> bool:
        try:
            async with self._database.begin() as connection:
                return await lead(connection, account.id, self._me, LEASE)
        except StorageUnavailable as error:
            log.warning("cannot lead", account=str(account.id), code=error.code)
            return False

    def _report(self, account: Account, ended: asyncio.Task[None] | None) -> None:
        if ended is None or ended.cancelled():
            return
        error = ended.exception()
        code = error.code if isinstance(error, DeskError) else "internal"
        self.states[account.id] = code
        log.warning(
            "listening ended",
            account=str(account.id),
            code=code,
            exc_info=None if isinstance(error, DeskError) else error,
        )

    async def _stop(self, listening: asyncio.Task[None] | None) -> None:
        if listening is not None:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
