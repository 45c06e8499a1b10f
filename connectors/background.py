"""Run tasks that outlive the request that began them, and await them all when a connector closes."""

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from typing import Final

import structlog

_log = structlog.get_logger(__name__)
_MOST: Final = 256  # people can type and press without limit


class BackgroundTasks:
    """The tasks of one connector. `finish` awaits them all."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, work: Coroutine[object, object, None]) -> None:
        """Begin a task. Drop it if too many are running."""
        if len(self._tasks) >= _MOST:
            work.close()
            _log.warning("background task dropped", under_way=len(self._tasks))
            return
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def finish(self, grace: timedelta) -> None:
        """Wait for the tasks for as long as `grace`, and cancel the rest."""
        if not self._tasks:
            return
        _, late = await asyncio.wait(set(self._tasks), timeout=grace.total_seconds())
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
