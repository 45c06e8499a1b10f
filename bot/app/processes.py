"""Run what serves and what works: `desk serve`, `desk work`, and both within `desk up`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

import structlog
from aiohttp import web

from bot.app.anchoring import anchor_audit
from bot.app.embedded import Servers
from bot.app.health import health_port, hidden, listening
from bot.app.process import servers, stopping
from bot.app.settings import Settings
from bot.app.upkeep import count_waiting, ended_by_itself, seal_audit, watch_database
from bot.app.web import health_of, web_app
from bot.app.wiring import Services, services
from bot.core.errors import DeskError, SettingsError

log = structlog.get_logger(__name__)

_SYNC_EVERY = 2.0  # seconds


async def serve(settings: Settings) -> None:
    """Serve webhooks, sockets, polling and health until SIGTERM or SIGINT."""
    async with (
        servers(settings) as known,
        services(settings, known) as h,
        stopping() as stop,
        running(h, serves=True, works=False, stop=stop),
        answering(h),
    ):
        log_started("serve", settings, h, port=settings.port)
        await stop.wait()


async def work(settings: Settings) -> None:
    """Process turns and deliveries until SIGTERM or SIGINT, then finish the current work within 20 s."""
    async with (
        servers(settings) as known,
        services(settings, known, pool=12) as h,
        stopping() as stop,
        running(h, serves=False, works=True, stop=stop),
        health_port(settings, health_of(h)),
    ):
        log_started("work", settings, h, port=settings.health_port)
        await stop.wait()


@asynccontextmanager
async def answering(h: Services, app: web.Application | None = None) -> AsyncIterator[None]:
    """Listen on PORT, and on HEALTH_PORT if it is set."""
    settings = h.settings
    if settings.health_port == settings.port:
        raise SettingsError(
            f"PORT and HEALTH_PORT are both {settings.port}: give HEALTH_PORT another number, or leave it out"
        )
    async with (
        listening(settings.host, settings.port, app or web_app(h)),
        health_port(settings, health_of(h)),
    ):
        if settings.health_port is None and hidden(settings):
            log.warning(
                "/readyz and /metrics are not answered",
                host=settings.host,
                reason="HOST can be reached from other machines: set METRICS_TOKEN, or HEALTH_PORT",
            )
        yield


def log_started(process: str, settings: Settings, h: Services, *, port: int | None) -> None:
    log.info(
        "process started",
        process=process,
        version=version("agents-market"),
        host=settings.host,
        port=port,
        accounts=len(h.directory),
    )


@asynccontextmanager
async def running(
    h: Services, *, serves: bool, works: bool, stop: asyncio.Event, beside: Servers | None = None
) -> AsyncIterator[None]:
    """Run the tasks of the process while the block runs. A task that ends by itself stops the process.

    At the end nothing new is accepted, then the work in progress is finished, then the rest is cancelled.
    Then DeskError is raised for the task that ended by itself: its own, or ProcessBroken.
    """
    if serves:
        h.connections.serve(h.bus.of)
    await h.connections.sync()
    keepers = [
        asyncio.create_task(h.wakeups.run(), name="wake-ups"),
        asyncio.create_task(h.bus.run(), name="bus"),
        asyncio.create_task(_keep_in_step(h), name="directory"),
        asyncio.create_task(watch_database(h.database), name="database"),
    ]
    if beside is not None:
        keepers.append(asyncio.create_task(_watch(beside), name="servers"))
    fetching, workers = [], []
    if serves:
        fetching.append(asyncio.create_task(h.listeners.run(), name="listeners"))
        fetching.append(asyncio.create_task(h.connections.inspect(), name="inspect accounts"))
    if works:
        workers.append(asyncio.create_task(h.worker.run(stop), name="worker"))
        workers.append(asyncio.create_task(h.deliverer.run(stop), name="deliverer"))
        workers.append(asyncio.create_task(h.fetcher.run(stop), name="fetcher"))
        keepers.append(asyncio.create_task(seal_audit(h.database), name="audit"))
        anchoring = anchor_audit(h.database, h.desk.anchors, h.settings.anchors_webhook)
        keepers.append(asyncio.create_task(anchoring, name="anchors"))
        keepers.append(asyncio.create_task(count_waiting(h.database), name="gauges"))
    watched = [*keepers, *fetching, *workers]
    broken: list[DeskError] = []
    for task in watched:
        task.add_done_callback(lambda done: _ended(done, stop, broken))
    try:
        yield
    finally:
        stop.set()
        await _cancel(fetching)
        results = await asyncio.gather(*workers, return_exceptions=True)
        await _cancel(keepers)
        for result in results:
            if isinstance(result, BaseException) and not isinstance(result, asyncio.CancelledError):
                broken.append(ended_by_itself("worker", result))
    if broken:
        raise broken[0]


def _ended(task: asyncio.Task[None], stop: asyncio.Event, broken: list[DeskError]) -> None:
    if task.cancelled() or stop.is_set():
        return
    error = task.exception()
    log.error("a part of the process ended", kind=task.get_name(), exc_info=error)
    broken.append(ended_by_itself(task.get_name(), error))
    stop.set()


async def _watch(beside: Servers) -> None:
    """Raise DeskError when a server of our own has ended.

    Whoever supervises this process then starts both again.
    """
    raise await beside.ended()


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _keep_in_step(h: Services) -> None:
    """Follow the organizations: read changed ones, and reopen accounts whose settings have changed."""
    while True:
        await asyncio.sleep(_SYNC_EVERY)
        try:
            await h.directory.refresh()
            await h.connections.sync()
        except DeskError as error:
            log.warning("not in step with the organizations", code=error.code)
