"""The kinds of process: serve, work, jobs, and all of them in one tree."""

import asyncio
import errno
import os
import shutil
import signal
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from importlib.metadata import version
from pathlib import Path

import structlog
from aiohttp import web
from rich.console import Console

from bot.app.addresses import address_of
from bot.app.anchoring import anchor_audit
from bot.app.channels import CHANNELS
from bot.app.embedded import Servers, embedded
from bot.app.embedded.kept import LOOPBACK, free_port
from bot.app.health import health_port, hidden, listening, no_port
from bot.app.instance import Instance, InstanceFile, only_instance
from bot.app.jobs_process import run_jobs
from bot.app.logs import configure
from bot.app.sandbox import forget_customers, in_sandbox
from bot.app.settings import Environment, Settings, load, surroundings
from bot.app.upkeep import count_waiting, ended_by_itself, seal_audit, watch_database
from bot.app.web import health_of, web_app
from bot.app.wiring import Services, namespace, services
from bot.core.errors import DeskError, DiskFull, ProcessBroken, SettingsError
from bot.core.ids import new_id
from orgs.loading import load as load_organization
from storage.migrate import upgrade
from storage.organizations import apply, current

log = structlog.get_logger(__name__)

SAMPLE = Path(__file__).parents[2] / "orgs" / "samples" / "saas-support"
_SYNC_EVERY = 2.0  # seconds
_JOBS_GRACE = 10.0  # seconds
_CHILD_OF = "DESK_CHILD_OF"  # tells `desk jobs` which `desk up` it belongs to


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


async def serve(settings: Settings) -> None:
    """Serve webhooks, sockets, polling and health until SIGTERM or SIGINT."""
    async with (
        servers(settings) as known,
        services(settings, known) as h,
        _stopping() as stop,
        running(h, serves=True, works=False, stop=stop),
        _answering(h),
    ):
        _begun("serve", settings, h, port=settings.port)
        await stop.wait()


async def work(settings: Settings) -> None:
    """Process turns and deliveries until SIGTERM or SIGINT, then finish the current work within 20 s."""
    async with (
        servers(settings) as known,
        services(settings, known, pool=12) as h,
        _stopping() as stop,
        running(h, serves=False, works=True, stop=stop),
        health_port(settings, health_of(h)),
    ):
        _begun("work", settings, h, port=settings.health_port)
        await stop.wait()


@asynccontextmanager
async def _answering(h: Services, app: web.Application | None = None) -> AsyncIterator[None]:
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


def _begun(process: str, settings: Settings, h: Services, *, port: int | None) -> None:
    log.info(
        "process started",
        process=process,
        version=version("agents-market"),
        host=settings.host,
        port=port,
        accounts=len(h.directory),
    )


def jobs(settings: Settings) -> None:
    """Run RQ's workers and cron until SIGTERM or SIGINT. Raises SettingsError without DATABASE_URL.

    Without Redis, run the periodic jobs one after the other.
    """
    url = settings.database_url
    if not url:
        raise SettingsError("`desk jobs` needs DATABASE_URL: give it the one of `desk work`")
    if parent := settings.environ.get(_CHILD_OF, ""):
        threading.Thread(target=_follow, args=(int(parent),), daemon=True, name="parent").start()
    run_jobs(settings, Servers(database_url=url, redis_url=settings.redis_url or ""), namespace(url))


def _follow(parent: int) -> None:
    """End this process when the one that started it has ended, even if that one was killed."""
    while os.getppid() == parent:
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)


async def up(settings: Settings, *, sandbox: bool) -> None:
    """Run everything in one process tree until SIGTERM or SIGINT.

    With `sandbox`, run the stand-ins too, and install a sample organization if there is none.
    """
    mail = (free_port(), free_port()) if sandbox else None
    if mail is not None:
        settings = in_sandbox(settings, settings.port, mail)
    async with _stopping() as stop, _alone(settings) as instance, servers(settings) as known:
        await asyncio.to_thread(upgrade, known.database_url)
        async with services(settings, known, pool=12) as h:
            installed = await _organization(h, sample=sandbox)
            app = web_app(h)
            stand_ins = None
            if mail is not None:
                # Imported only here, because it takes a third of a second.
                from connectors.sandbox.server import Sandbox  # noqa: PLC0415

                stand_ins = Sandbox(
                    state_file=settings.var / "sandbox.json",
                    mail_ports=mail,
                    forget=partial(forget_customers, h.desk),
                )
                app.add_subapp("/sandbox", stand_ins.app())
                app.router.add_get("/", _to_the_page)
            async with (
                _answering(h, app),
                running(h, serves=True, works=True, stop=stop, beside=known),
                _jobs_beside(settings, known, stop),
            ):
                if stand_ins is not None:
                    await stand_ins.connect(_hooks(h))
                instance.write(Instance(port=settings.port, mail=mail))
                _begun("up", settings, h, port=settings.port)
                _welcome(settings, sandbox=sandbox, installed=installed)
                await stop.wait()
                Console(stderr=True).print("[dim]Stopping: finishing what is under way…[/]")


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


@asynccontextmanager
async def _alone(settings: Settings) -> AsyncIterator[InstanceFile]:
    """Hold the var folder, and check that the port is free before servers are started."""
    async with only_instance(settings.var) as instance:
        if settings.host == LOOPBACK:
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((LOOPBACK, settings.port))
                except OSError as error:
                    raise no_port(settings.port, error) from None
        yield instance


@asynccontextmanager
async def _stopping() -> AsyncIterator[asyncio.Event]:
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


@asynccontextmanager
async def _jobs_beside(settings: Settings, known: Servers, stop: asyncio.Event) -> AsyncIterator[None]:
    """Run `desk jobs` as a child process, so that a long report never delays a conversation.

    Raises ProcessBroken if the child ended by itself. That also stops this process.
    """
    environ: Mapping[str, str] = {
        "LOG_LEVEL": "WARNING",  # its hourly work is no news among what people do here
        **settings.environ,
        "DATABASE_URL": known.database_url,
        "REDIS_URL": known.redis_url,
        "DESK_ENV": settings.environment.value,
        "VAR_DIR": str(settings.var),
        "FILES_URL": settings.files_url,
        "HEALTH_PORT": "",  # ours
        _CHILD_OF: str(os.getpid()),
    }
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot.app", "jobs", env=dict(environ), start_new_session=True
    )
    broken: list[DeskError] = []

    def ended(done: asyncio.Task[int]) -> None:
        if not done.cancelled() and not stop.is_set():
            broken.append(
                ProcessBroken(
                    f"`desk jobs` beside this process ended by itself (exit code {done.result()}): the log"
                    " before this says why. Start it again."
                )
            )
            stop.set()

    watching = asyncio.create_task(child.wait(), name="jobs")
    watching.add_done_callback(ended)
    try:
        yield
    finally:
        stop.set()  # so that its end counts as intended
        with suppress(ProcessLookupError):
            child.terminate()
        try:
            async with asyncio.timeout(_JOBS_GRACE):
                await child.wait()
        except TimeoutError:
            child.kill()
            await child.wait()
        await watching
    if broken:
        raise broken[0]


async def _organization(h: Services, *, sample: bool) -> bool:
    """Return whether there is an organization now. With `sample`, install the sample if there is none."""
    async with h.database.begin() as connection:
        if await current(connection):
            return True
        if not sample:
            return False
        loaded = await asyncio.to_thread(load_organization, SAMPLE, CHANNELS)
        await apply(connection, h.desk.keys, new_id, loaded, by="desk up", digest=loaded.digest)
    await h.directory.refresh()
    return True


def _hooks(h: Services) -> dict[str, str]:
    """Return the address at which platforms call each account, by its id in the file, as `desk accounts`
    shows it.
    """
    return {each.account: address_of(h.settings, each) for each in h.directory}


async def _to_the_page(_: web.Request) -> web.Response:
    raise web.HTTPFound("/sandbox/")


def _welcome(settings: Settings, *, sandbox: bool, installed: bool) -> None:
    console = Console(stderr=True)
    base = f"http://127.0.0.1:{settings.port}"
    console.print(f"\n[bold green]Agents Market is running[/] at {base}\n")
    if sandbox:
        console.print(f"  Open [bold cyan]{base}/sandbox[/]")
        console.print("  Left are a customer's Telegram, WhatsApp, Messenger, mail and Slack;")
        console.print("  right the staff's Slack and Telegram.\n")
        console.print("  Try, as Maya on any of them:")
        console.print("    [italic]How do I invite my team?[/]            an article answers")
        console.print("    [italic]I was charged twice this month[/]      a rule calls people: see Slack")
        console.print("  Then in Slack: open the thread, press [bold]Take[/], answer there, and at the end")
        console.print("  press [bold]Return to agent[/].")
        console.print("  And type [bold]/desk help[/] there.\n")
    if not installed:
        console.print("  There is no organization yet. Make one of yours, in another shell, in this folder:")
        console.print(f"    [bold]{_command()} org apply PATH[/]\n", soft_wrap=True)
    else:
        console.print("  In another shell, in this folder:")
        console.print(f"    [bold]{_command()} conversations[/]\n", soft_wrap=True)
    told = "" if hidden(settings) else "  /readyz  /metrics"
    console.print(f"  Health: /healthz{told}      Stop: Ctrl-C\n")


def _command() -> str:
    """Return how to type `desk` in this folder: without a path only if the shell finds this installation."""
    installed = Path(sys.executable).with_name("desk")
    if shutil.which("desk") == str(installed) or not installed.exists():
        return "desk"
    here = Path.cwd()
    return str(installed.relative_to(here) if installed.is_relative_to(here) else installed)
