"""A queue for mails that take long to read, and for later mails of the same people that wait behind them."""

import asyncio
from collections.abc import AsyncIterator, Collection, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from bot.core.errors import StorageUnavailable

MOST = 50  # mails
MOST_BYTES = 50 * 1024 * 1024  # of the mails that are still being read

_T = TypeVar("_T")


@dataclass(eq=False, slots=True)
class QueuedMail:
    """A mail in the queue.

    `keys` name its author and its conversation; `size` is 0 for a mail that has been read.
    """

    keys: frozenset[str]
    size: int
    accepted: asyncio.Future[bool]
    before: list["QueuedMail"] = field(default_factory=list)
    reading: asyncio.Task[Any] | None = None

    @property
    def is_being_read(self) -> bool:
        return self.reading is not None and not self.reading.done()

    async def read(self, reading: Coroutine[Any, Any, _T]) -> _T | None:
        """Return the result of `reading`, or None if the queue gave it up to make room."""
        task = self.reading = asyncio.create_task(reading)
        try:
            await asyncio.wait([task])
        finally:
            task.cancel()
            await asyncio.wait([task])  # a cancelled reading still ends its process
        return None if task.cancelled() else task.result()

    async def turn(self) -> None:
        """Wait for the mails before this one. Raise StorageUnavailable if one of them was not accepted."""
        if not self.before:
            return
        await asyncio.wait([each.accepted for each in self.before])
        if not all(each.accepted.result() for each in self.before):
            raise StorageUnavailable("the mail before it was not accepted")


class MailQueue:
    """Keeps mails that share a key in their order, and bounds how many wait.

    If there is no room for another mail, it gives up the reading that has waited longest.
    """

    def __init__(self) -> None:
        self._mails: list[QueuedMail] = []

    @asynccontextmanager
    async def entered(self, keys: Collection[str], size: int) -> AsyncIterator[QueuedMail]:
        """Put a mail behind those that share a key with it.

        It counts as accepted if the block ends without an error.
        """
        while self._is_full(size):
            await self._make_room()
        accepted: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        before = [each for each in self._mails if not each.keys.isdisjoint(keys)]
        mail = QueuedMail(frozenset(keys), size, accepted, before)
        self._mails.append(mail)
        done = False
        try:
            yield mail
            done = True
        finally:
            self._mails.remove(mail)
            accepted.set_result(done)
            mail.before.clear()

    def _is_full(self, size: int) -> bool:
        waiting = sum(each.size for each in self._mails)
        return len(self._mails) >= MOST or bool(self._mails and size and waiting + size > MOST_BYTES)

    async def _make_room(self) -> None:
        oldest = next((each for each in self._mails if each.is_being_read), self._mails[0])
        if oldest.reading is not None:
            oldest.reading.cancel()
        await asyncio.wait([oldest.accepted])
