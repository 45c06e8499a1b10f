"""Fetch attachments outside of turns: each file is downloaded, identified, scanned, sealed and stored.

A message never waits for its files and never fails with them. The outcome of each file reaches the
conversation as an event, and a later turn passes the file on. A file goes from the platform through the
scanner to the store in one stream: it is never whole in memory, and never unsealed on a disk. The store keeps
it only once the scanner has found nothing.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, nullcontext
from dataclasses import dataclass
from datetime import timedelta

import structlog

from bot.bus.lease_loop import LeaseLoop, LeasePace
from bot.bus.metrics import FILES
from bot.bus.scanning import Scan, Scanning
from bot.bus.sniffing import WINDOW, sniffed
from bot.bus.wakeups import Wakeups
from bot.core.connector import Connectors, HasFiles
from bot.core.errors import (
    FileInfected,
    FileTooLarge,
    PlatformDown,
    Refused,
    SendError,
    StaleLease,
    StorageUnavailable,
    Unreachable,
    WindowClosed,
)
from storage.entries import Wake
from storage.files import ClaimedFile, Fetched, Files
from storage.filestore import FileStore

log = structlog.get_logger(__name__)

_FOR_EVER = (Refused, Unreachable, WindowClosed)


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchingPace(LeasePace):
    """The limits and pauses of the fetcher. With these a file is given up after about two hours.

    `patience`: limit for one try, the scanner included.
    """

    slots: int = 8
    batch: int = 4
    lease: timedelta = timedelta(seconds=30)
    breath: timedelta = timedelta(milliseconds=100)  # one look serves all wake-ups in between
    patience: timedelta = timedelta(minutes=5)
    grace: timedelta = timedelta(seconds=5)
    attempts: int = 18
    first_pause: timedelta = timedelta(seconds=1)
    longest_pause: timedelta = timedelta(minutes=15)


class Fetcher:
    """Fetches files until told to stop. What is not finished soon after is handed back, and starts anew
    elsewhere.
    """

    def __init__(
        self,
        *,
        files: Files,
        store: FileStore,
        connectors: Connectors,
        wakeups: Wakeups,
        scan: Scan | None,
        max_bytes: int,
        pace: FetchingPace,
    ) -> None:
        self._files = files
        self._store = store
        self._connectors = connectors
        self._wakeups = wakeups
        self._scan = scan
        self._max_bytes = max_bytes
        self._pace = pace
        self._loop = LeaseLoop(
            "files", pace, claim=self._claim, process=self._fetch, renew=self._renew, release=files.release
        )
        wakeups.listen(self.heard)

    def heard(self, _: Sequence[Wake]) -> None:
        """Look for files: a message that was just accepted may have some."""
        self.wake()

    def wake(self) -> None:
        """Look for files now."""
        self._loop.look()

    async def run(self, stop: asyncio.Event) -> None:
        """Fetch until `stop` is set, then finish what is nearly done and hand the rest back."""
        await self._loop.run(stop)

    async def _claim(self, limit: int) -> Sequence[ClaimedFile]:
        """Claim files to fetch.

        An account that already uses half of the slots gets none, so that a slow platform leaves room for the
        others.
        """
        busy = Counter(wanted.account for wanted in self._loop.held)
        full = {account for account, held in busy.items() if held >= max(1, self._pace.slots // 2)}
        return await self._files.claim(full | set(self._connectors.failed), limit, self._pace.lease)

    async def _renew(self, held: Sequence[ClaimedFile]) -> None:
        if held:
            await self._files.renew(held, self._pace.lease)

    async def _fetch(self, wanted: ClaimedFile) -> None:
        """Try to fetch one file and record the result. A record that cannot be written is retried until it
        can.
        """
        try:
            result = await self._try(wanted)
            FILES.labels(result.outcome).inc()
            if result.outcome != "stored":
                log.info(
                    "file not fetched", file=str(wanted.id), attempt=wanted.attempts, outcome=result.outcome
                )
            wakes = await self._record(result)
        except StaleLease:
            log.warning("file fetched twice", file=str(wanted.id))
            return
        except Exception as error:
            log.error("fetching broke", file=str(wanted.id), exc_info=error)  # its lease will expire
            return
        self._wakeups.send(wakes)
        if result.outcome == "later":
            self._loop.look_after(result.after)
        elif result.outcome != "stored" and wanted.attempts > 1:
            await self._discard(wanted)

    async def _record(self, result: Fetched) -> tuple[Wake, ...]:
        while True:
            try:
                return await self._files.settle(result)
            except StorageUnavailable:
                await asyncio.sleep(0.2)

    async def _discard(self, wanted: ClaimedFile) -> None:
        """Delete what an earlier try may have stored before its worker died."""
        try:
            await self._store.delete(wanted.id)
        except PlatformDown as error:
            log.warning("file not discarded", file=str(wanted.id), code=error.code)

    async def _try(self, wanted: ClaimedFile) -> Fetched:
        try:
            if wanted.attempts > self._pace.attempts:  # no try has recorded a result
                return Fetched(wanted, "failed", reason="given up after too many tries")
            async with asyncio.timeout(self._pace.patience.total_seconds()):
                return await self._kept(wanted) or await self._keep(wanted)
        except (FileTooLarge, FileInfected) as error:
            return Fetched(wanted, "refused", reason=str(error))
        except _FOR_EVER as error:
            return Fetched(wanted, "failed", reason=error.reason)
        except (SendError, OSError) as error:  # a TimeoutError is an OSError
            return self._later(wanted, error)
        except Exception as error:
            log.error("fetching broke", file=str(wanted.id), exc_info=error)
            return self._later(wanted, error)

    async def _kept(self, wanted: ClaimedFile) -> Fetched | None:
        """Return the result of an earlier try that stored the whole file and died before recording it, or
        None.
        """
        if wanted.attempts == 1:
            return None
        glance = _Glance()
        try:
            async with aclosing(self._store.open(wanted.id, wanted.sealer)) as content:
                async for chunk in content:
                    glance.at(chunk)
        except Refused:
            return None
        return glance.stored(wanted)

    async def _keep(self, wanted: ClaimedFile) -> Fetched:
        if (made := wanted.made) is not None:
            source: AsyncIterator[bytes] = _once(made)
        else:
            connector = await self._connectors.get(wanted.account)
            if not isinstance(connector, HasFiles):
                raise PlatformDown("account_closed: the account is not open here")
            source = connector.open(wanted.ref)
        glance = _Glance()
        async with (
            aclosing(_closable(source)) as content,
            self._scan() if self._scan is not None else nullcontext() as scanning,
            aclosing(self._watched(content, glance, scanning)) as watched,
        ):
            await self._store.put(wanted.id, wanted.sealer, watched)
        return glance.stored(wanted)

    async def _watched(
        self, content: AsyncIterator[bytes], glance: "_Glance", scanning: Scanning | None
    ) -> AsyncGenerator[bytes, None]:
        """Yield the content while it is measured and scanned. Raises FileTooLarge, FileInfected."""
        async for chunk in content:
            glance.at(chunk)
            if glance.size > self._max_bytes:
                raise FileTooLarge(self._max_bytes)
            if scanning is not None:
                await scanning.feed(chunk)
            yield chunk
        if scanning is not None and (found := await scanning.verdict()):
            raise FileInfected(found)

    def _later(self, wanted: ClaimedFile, error: Exception) -> Fetched:
        reason = error.reason if isinstance(error, SendError) else _plainly(error)
        if wanted.attempts >= self._pace.attempts:
            return Fetched(wanted, "failed", reason=reason)
        pause = min(self._pace.first_pause * 2 ** (wanted.attempts - 1), self._pace.longest_pause)
        if isinstance(error, SendError) and error.retry_after:
            pause = max(pause, min(error.retry_after, self._pace.longest_pause))
        return Fetched(wanted, "later", reason=reason, after=pause)


class _Glance:
    """Collects the beginning, the end and the size of a file, which tell its type."""

    def __init__(self) -> None:
        self.size = 0
        self._head = bytearray()
        self._tail = b""

    def at(self, chunk: bytes) -> None:
        self.size += len(chunk)
        self._head += chunk[: WINDOW - len(self._head)]
        self._tail = (self._tail + chunk[-WINDOW:])[-WINDOW:]

    def stored(self, wanted: ClaimedFile) -> Fetched:
        kind, name = sniffed(bytes(self._head), self._tail, wanted.claimed_type, wanted.name)
        return Fetched(wanted, "stored", kind, name, self.size)


def _plainly(error: Exception) -> str:
    return "it took too long" if isinstance(error, TimeoutError) else type(error).__name__


async def _once(content: bytes) -> AsyncGenerator[bytes, None]:
    yield content


async def _closable(content: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """Yield the content, and close its source as soon as this generator is closed."""
    try:
        async for chunk in content:
            yield chunk
    finally:
        if isinstance(content, AsyncGenerator):
            await content.aclose()
