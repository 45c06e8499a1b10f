"""Run a process of the program: until it is told to end, with its servers, and with a reason if it breaks."""

import asyncio
import errno
import hashlib
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import structlog

from bot.app.embedded import Servers, embedded
from bot.app.logs import configure
from bot.app.settings import Environment, Settings, load, surroundings
from bot.core.errors import DeskError, DiskFull, ProcessBroken

log = structlog.get_logger(__name__)


def run(name: str, body: Callable[[Settings], None]) -> None:
    """Run a process until it is told to end. If it ends by itself, the log and the error message say why."""
    settings = load(surroundings(os.environ))
    configure(settings.log_level)
    try:
        body(settings)
    except DeskError as error:
        log.error("process ended by itself", process=name, code=error.code, reason=str(error))
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            log.error("process ended by itself", process=name, code=DiskFull.code, exc_info=error)
            raise DiskFull(
                f"The disk of {settings.var} is full: make room there, and start again."
            ) from error
        log.error("process ended by itself", process=name, code=ProcessBroken.code, exc_info=error)
        raise ProcessBroken(
            f"`desk {name}` ended by itself ({type(error).__name__}): the log says where."
            " Report it, and start it again."
        ) from error


@asynccontextmanager
async def servers(settings: Settings) -> AsyncIterator[Servers]:
    """Yield the configured PostgreSQL and Redis, and our own server for each that is not configured.

    In production nothing replaces a missing Redis: its URL is "".
    """
    if settings.database_url and (settings.redis_url or settings.environment is Environment.PRODUCTION):
        yield Servers(database_url=settings.database_url, redis_url=settings.redis_url or "")
        return
    async with embedded(settings.var) as own:
        yield Servers(
            database_url=settings.database_url or own.database_url,
            redis_url=settings.redis_url or own.redis_url,
            ended=own.ended,
        )


def namespace(database_url: str) -> str:
    """Return a prefix derived from the database's URL. It separates two desks that share one Redis."""
    return hashlib.sha256(database_url.encode()).hexdigest()[:12]


@asynccontextmanager
async def stopping() -> AsyncIterator[asyncio.Event]:
    """Yield an event that SIGTERM or SIGINT sets. A second signal ends the process at once."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def asked() -> None:
        if stop.is_set():
            os._exit(130)
        stop.set()

    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, asked)
    try:
        yield stop
    finally:
        for name in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(name)
