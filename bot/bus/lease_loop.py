"""Process leased work: claim it, renew its leases meanwhile, and finish or give back what is left at the end.

Conversations, deliveries and files are leased alike: whoever holds a lease works on the item alone, and what
a dead process held is claimed by another one when the lease has ended. The statement that claims an item
counts the attempt as well, so that an item which kills its process is known by its attempts.
"""

import asyncio
import heapq
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Generic, TypeVar

import structlog

from bot.core.errors import StorageUnavailable

log = structlog.get_logger(__name__)

T = TypeVar("T")
_MARGIN = 0.001  # seconds to look after something is due: the database's clock decides, and one look must do
_OUTAGE = 0.2  # seconds between two tries to reach the database


@dataclass(frozen=True, slots=True, kw_only=True)
class LeasePace:
    """The limits and pauses of a lease loop."""

    slots: int  # items at once
    batch: int  # items claimed at once
    lease: timedelta = timedelta(seconds=15)  # after it, the items of a dead process are claimed by others
    poll: timedelta = timedelta(seconds=1)  # between two claims without a reason: a wake-up may be lost
    breath: timedelta = timedelta()  # at least, between a claim that left slots free and the next
    grace: timedelta = timedelta(seconds=18)  # to finish; hosting platforms kill a process after 20 to 30 s
    after_outage: timedelta = timedelta()  # for other processes to renew theirs before anything is taken over


class LeaseLoop(Generic[T]):
    """Claims items and processes each in a task of its own, until told to stop.

    `claim` leases up to so many items, counts an attempt of each, and raises StorageUnavailable when the
    database is away. `process` works on one and records what came of it; when it returns, the lease is over.
    `renew` extends the leases of what is being processed, and is the place to notice that one was lost.
    `release` gives items back that were cancelled because the grace period is over; without it their leases
    end by themselves.
    """

    def __init__(
        self,
        what: str,
        pace: LeasePace,
        *,
        claim: Callable[[int], Awaitable[Sequence[T]]],
        process: Callable[[T], Coroutine[Any, Any, None]],
        renew: Callable[[Sequence[T]], Awaitable[None]],
        release: Callable[[Sequence[T]], Awaitable[None]] | None = None,
    ) -> None:
        """`what` the items are, in the plural, for the log."""
        self._what = what
        self._pace = pace
        self._claim = claim
        self._process = process
        self._renew = renew
        self._release = release
        self._held: dict[asyncio.Task[None], T] = {}
        self._due: list[float] = []  # times of the monotonic clock at which something becomes due
        self._ready = False  # whether to claim now
        self._wake = asyncio.Event()  # set when the time of the next claim has changed
        self._outage = False

    @property
    def held(self) -> list[T]:
        """Return the items that are being processed."""
        return list(self._held.values())

    @property
    def free(self) -> int:
        """Return how many items more may be processed now."""
        return self._pace.slots - len(self._held)

    def look(self) -> None:
        """Claim now: something may be due."""
        self._ready = True
        self._wake.set()

    def look_after(self, pause: timedelta) -> None:
        """Claim after a pause: something will be due then."""
        heapq.heappush(self._due, time.monotonic() + pause.total_seconds())
        self._wake.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Process until `stop` is set, then finish within the grace period and release what is left."""
        async with asyncio.TaskGroup() as keepers:
            stopping = keepers.create_task(self._wake_at(stop), name=f"stop {self._what}")
            renewing = keepers.create_task(self._keep_renewing(), name=f"renew {self._what}")
            try:
                while not stop.is_set():
                    self._ready = False  # before the claim, or a wake-up during it would be lost
                    limit = min(
                        self._pace.batch, (self.free + 1) // 2
                    )  # half leaves room for what comes next
                    claimed = await self._claim_up_to(limit)
                    for item in claimed:
                        self._start(item)
                    if len(claimed) < limit or not limit:
                        await self._idle(stop)
            finally:
                await self._finish()
                renewing.cancel()
                stopping.cancel()

    def _start(self, item: T) -> None:
        task = asyncio.create_task(self._process(item), name=f"process {self._what}")
        self._held[task] = item
        task.add_done_callback(self._done)

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._held.pop(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("processing broke, its lease will end", what=self._what, exc_info=error)
        self.look()

    async def _claim_up_to(self, limit: int) -> Sequence[T]:
        if not limit:
            return []
        try:
            if self._outage:
                # Leases have ended meanwhile, of this process and of other living ones. Each renews its own
                # before any takes over: what is taken too early looks as if its process had died.
                await self._renew(self.held)
                self._outage = False
                await asyncio.sleep(self._pace.after_outage.total_seconds())
            return await self._claim(limit)
        except StorageUnavailable as error:
            log.warning("cannot claim", what=self._what, code=error.code)
            self._outage = True
            await asyncio.sleep(_OUTAGE)
            return []

    async def _idle(self, stop: asyncio.Event) -> None:
        """Sleep until stopped, told to look, something becomes due, or the poll is due."""
        begun = time.monotonic()
        earliest = begun + self._pace.breath.total_seconds()
        latest = begun + self._pace.poll.total_seconds()
        while not stop.is_set():
            self._wake.clear()
            next_due = self._due[0] + _MARGIN if self._due else latest
            at = earliest if self._ready else max(earliest, min(latest, next_due))
            pause = at - time.monotonic()
            if pause <= 0:
                break
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._wake.wait()
        now = time.monotonic()
        while self._due and self._due[0] <= now:
            heapq.heappop(self._due)

    async def _wake_at(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._wake.set()

    async def _keep_renewing(self) -> None:
        while True:
            await asyncio.sleep(self._pace.lease.total_seconds() / 3)
            if not self._held:
                continue
            try:
                await self._renew(self.held)
            except StorageUnavailable as error:
                log.warning("leases not renewed", what=self._what, code=error.code)

    async def _finish(self) -> None:
        """Wait for what is nearly done, then cancel and release the rest."""
        if not self._held:
            return
        _, late = await asyncio.wait(list(self._held), timeout=self._pace.grace.total_seconds())
        left = [self._held[task] for task in late]
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        if not left or self._release is None:
            return
        try:
            await self._release(left)
        except StorageUnavailable as error:
            log.warning("leases not released, they will end", what=self._what, code=error.code)
