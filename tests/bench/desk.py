"""The product as it runs at scale: PostgreSQL (fsync on), Valkey, `serve` and `work`, each a process."""

import asyncio
import json
import os
import sys
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import psutil

from bot.app.embedded import EmbeddedPostgres, EmbeddedValkey, running
from bot.app.embedded.server_files import free_port
from connectors.sandbox.server import Sandbox
from storage.migrate import upgrade
from tests.bench.measure import Watched
from tests.story.rig import environment, install, organization, webhooks

_PATIENCE = 20.0  # seconds that a process may take to start or to stop


def wide_open(document: dict[str, object]) -> None:
    """No waiting by design: hardly a quiet window, no limits of the platforms, and nothing is too much."""
    document["quiet_window"] = "1ms"  # the least there is
    unlimited = {"customer_messages_per_minute": 100_000, "account_messages_per_minute": 1_000_000}
    document["policies"] = {**(document.get("policies") or {}), **unlimited}  # type: ignore[dict-item]
    document["hours"] = None
    for team in document["teams"]:  # type: ignore[attr-defined]
        team["hours"] = None
    for account in document["accounts"]:  # type: ignore[attr-defined]
        account["limits"] = {"per_second": 10_000.0, "per_chat_per_second": 1000.0}


class Desk:
    """Processes are started one by one, so that each can be weighed."""

    def __init__(self, environ: dict[str, str], servers: list[Watched], log: Path) -> None:
        self.environ = environ
        self.servers = servers
        self.processes: list[Watched] = []
        self._children: list[asyncio.subprocess.Process] = []
        self._log = log

    @property
    def port(self) -> int:
        return int(self.environ["PORT"])

    async def start(self, kind: str, name: str) -> Watched:
        """`desk serve` or `desk work`, once it is ready."""
        health = self.port if kind == "serve" else free_port()
        with self._log.open("ab") as log:
            child = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", "from bot.app.__main__ import main; main()", kind),
                env=self.environ | ({"HEALTH_PORT": str(health)} if kind == "work" else {}),
                stdout=log,
                stderr=log,
            )
        self._children.append(child)
        try:
            await asyncio.to_thread(_ready, f"http://127.0.0.1:{health}/readyz")
        except TimeoutError as error:
            raise RuntimeError(
                f"{name} {error}; its last words: {self._log.read_text('utf-8')[-600:]}"
            ) from None
        watched = Watched(name, child.pid)
        self.processes.append(watched)
        return watched

    async def again(self) -> None:
        """Stop all, and start one of each kind."""
        await self.stop()
        self.processes, self._children = [], []
        for kind in ("serve", "work"):
            await self.start(kind, kind)

    async def stop(self) -> None:
        for child in self._children:
            with suppress(ProcessLookupError):
                child.terminate()
        for child in self._children:
            try:
                async with asyncio.timeout(_PATIENCE):
                    await child.wait()
            except TimeoutError:
                child.kill()
                await child.wait()

    def said(self) -> list[str]:
        """The events of warnings and errors that the processes logged."""
        events = []
        for line in self._log.read_text("utf-8").splitlines():
            try:
                events.append(str(json.loads(line).get("event", line)))
            except ValueError:
                events.append(line)
        return events


@asynccontextmanager
async def desk(telegram_port: int) -> AsyncIterator[Desk]:
    """Servers with an organization, and no process yet."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="desk-bench-")))
        folder.chmod(0o711)  # for PostgreSQL's own account when we are root
        postgres = await stack.enter_async_context(running(EmbeddedPostgres(folder)))
        valkey = await stack.enter_async_context(running(EmbeddedValkey(folder)))
        await asyncio.to_thread(upgrade, postgres.url)
        await install(postgres.url, organization(wide_open, webhooks))
        around = Sandbox()  # for its credentials alone
        environ = environment(postgres.url, valkey.url, free_port(), telegram_port, around)
        environ["TELEGRAM_API_URL"] = f"http://127.0.0.1:{telegram_port}"
        environ["SLACK_API_URL"] = f"http://127.0.0.1:{telegram_port}/slack/"
        environ["VAR_DIR"] = str(folder)
        inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        servers = [
            Watched("PostgreSQL", _first(postgres.pids())),
            Watched("Valkey", _first(valkey.pids())),
        ]
        built = Desk(inherited | environ, servers, folder / "desk.log")
        try:
            yield built
        finally:
            await built.stop()


def _first(pids: frozenset[int]) -> int:
    """Return the one of a server's processes that started the others."""
    return next(pid for pid in pids if psutil.Process(pid).ppid() not in pids)


def _ready(url: str) -> None:
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        with suppress(OSError), urllib.request.urlopen(url, timeout=1.0) as answer:  # noqa: S310
            if answer.status == 200:
                return
        time.sleep(0.05)
    raise TimeoutError(f"was not ready within {_PATIENCE:.0f} s")
