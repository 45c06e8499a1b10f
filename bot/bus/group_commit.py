"""Group commit: items that are ready together are written together, and none waits for others."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from bot.core.errors import StorageUnavailable

T = TypeVar("T")
R = TypeVar("R")


class GroupCommit(Generic[T, R]):
    """Gathers the items that arrive during a write, and writes them together after it.

    A lone item is written at once. When a batch fails while the database is available, each item is tried
    alone, so that one bad item fails by itself. `run` owns the writing.
    """

    def __init__(self, write: Callable[[Sequence[T]], Awaitable[Sequence[R]]], *, limit: int = 256) -> None:
        self._write = write
        self._limit = limit
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._arrived = asyncio.Event()

    async def submit(self, item: T) -> R:
        """Write an item, and return its result when it is committed. Raises what its write raised.

        When the caller is cancelled the item may be written all the same.
        """
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        self._arrived.set()
        return await future

    async def run(self) -> None:
        """Write until cancelled. Items that still wait then fail with StorageUnavailable."""
        batch: list[tuple[T, asyncio.Future[R]]] = []
        try:
            while True:
                await self._arrived.wait()
                batch, self._waiting = self._waiting[: self._limit], self._waiting[self._limit :]
                if not self._waiting:
                    self._arrived.clear()
                await self._settle(batch)
                batch = []
        finally:
            for _, future in (*batch, *self._waiting):
                if not future.done():
                    future.set_exception(StorageUnavailable("the process is stopping"))

    async def _settle(self, batch: list[tuple[T, asyncio.Future[R]]]) -> None:
        try:
            results = await self._write([item for item, _ in batch])
        except StorageUnavailable as error:
            for _, future in batch:
                _fail(future, error)
        except Exception as error:
            if len(batch) == 1:
                _fail(batch[0][1], error)
                return
            for one in batch:
                await self._settle([one])
        else:
            for (_, future), result in zip(batch, results, strict=True):
                if not future.done():
                    future.set_result(result)


def _fail(future: "asyncio.Future[R]", error: Exception) -> None:
    if not future.done():
        # A fresh exception for each waiter: they would otherwise share one traceback.
        future.set_exception(type(error)(*error.args) if isinstance(error, StorageUnavailable) else error)
