"""Run all processes in one tree, on this machine, with or without the stand-ins: `desk up`."""

import asyncio
import os
import shutil
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path

from aiohttp import web
from rich.console import Console

from bot.app.addresses import address_of
from bot.app.channels import CHANNELS
from bot.app.embedded import Servers
from bot.app.embedded.server_files import LOOPBACK, free_port
from bot.app.health import hidden, no_port
from bot.app.instance import Instance, InstanceFile, only_instance
from bot.app.jobs_process import CHILD_OF
from bot.app.process import servers, stopping
from bot.app.processes import answering, log_started, running
from bot.app.sandbox import forget_customers, in_sandbox
from bot.app.settings import Settings
from bot.app.web import web_app
from bot.app.wiring import Services, services
from bot.core.errors import DeskError, ProcessBroken
from bot.core.ids import new_id
from orgs.loading import load as load_organization
from storage.migrate import upgrade
from storage.organizations import apply, current

SAMPLE = Path(__file__).parents[2] / "orgs" / "samples" / "saas-support"
_JOBS_GRACE = 10.0  # seconds


async def up(settings: Settings, *, sandbox: bool) -> None:
    """Run everything in one process tree until SIGTERM or SIGINT.

    With `sandbox`, run the stand-ins too, and install a sample organization if there is none.
    """
    mail = (free_port(), free_port()) if sandbox else None
    if mail is not None:
        settings = in_sandbox(settings, settings.port, mail)
    async with stopping() as stop, _alone(settings) as instance, servers(settings) as known:
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
                answering(h, app),
                running(h, serves=True, works=True, stop=stop, beside=known),
                _jobs_beside(settings, known, stop),
            ):
                if stand_ins is not None:
                    await stand_ins.connect(_hooks(h))
                instance.write(Instance(port=settings.port, mail=mail))
                log_started("up", settings, h, port=settings.port)
                _welcome(settings, sandbox=sandbox, installed=installed)
                await stop.wait()
                Console(stderr=True).print("[dim]Stopping: finishing what is under way…[/]")


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
        CHILD_OF: str(os.getpid()),
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
