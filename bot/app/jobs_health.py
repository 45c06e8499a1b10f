"""The health of `desk jobs`: an event loop in its own thread, as jobs use the main thread."""

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress

import structlog

from bot.app.health import Health, health_port
from bot.app.settings import Settings
from bot.app.upkeep import ended_by_itself, watch_database
from bot.bus.redis_health import RedisHealth
from storage.database import Database
from storage.health import check

log = structlog.get_logger(__name__)

_POOL = 2


@contextmanager
def healthy(settings: Settings, database_url: str, *, redis: RedisHealth) -> Iterator[None]:
    """Watch the database during the block, and answer on HEALTH_PORT if it is set.

    Raises SettingsError, StorageUnavailable, and ProcessBroken if watching ended by itself. That stops the
    process, like SIGTERM.
    """
    begun: Future[Callable[[], object]] = Future()
    broken: list[BaseException] = []

    def run() -> None:
        try:
            asyncio.run(_watch(settings, database_url, redis, begun))
        except BaseException as error:
            if not begun.done():
                begun.set_exception(error)
                return
            log.error("a part of the process ended", kind="health", exc_info=error)
            broken.append(error)
            os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=run, name="jobs health", daemon=True)
    thread.start()
    stop = begun.result()
    try:
        yield
    finally:
        with suppress(RuntimeError):  # its loop has ended by itself
            stop()
        thread.join()
    if broken:
        raise ended_by_itself("health", broken[0])


async def _watch(
    settings: Settings, database_url: str, redis: RedisHealth, begun: Future[Callable[[], object]]
) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    stopping = asyncio.create_task(stop.wait())
    database = Database(database_url, pool=_POOL)
    health = Health(database=database, redis=redis, token=settings.metrics_token)
    try:
        await check(database)
        async with health_port(settings, health):
            begun.set_result(lambda: loop.call_soon_threadsafe(stop.set))
            watching = asyncio.create_task(watch_database(database))
            await asyncio.wait({watching, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if watching.done():
                watching.result()
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
    finally:
        stopping.cancel()
        await database.close()
