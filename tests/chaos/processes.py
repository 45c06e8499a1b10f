"""The product as real processes, each in a session of its own: a signal reaches all of it and no more."""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from tests.story.rig import ROOT

START = 60.0  # seconds until a process must answer, on a machine that is busy
_DESK = "from bot.app.__main__ import main; main()"  # as the installed command `desk` does
_LAST_WORDS = 6_000  # characters of each log that a failed test shows


@dataclass
class Program:
    """One process. It may be started again after it has ended; its log goes on."""

    name: str
    arguments: Sequence[str]
    environ: Mapping[str, str]
    log: Path
    health: str = ""  # where it says that it is ready; "" when it does not
    starts: int = 0
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def launch(self) -> None:
        """Start it and do not wait until it is ready."""
        assert not self.running, f"{self.name} runs already"
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, *self.arguments],
                cwd=ROOT,
                env={**os.environ, **self.environ},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self.starts += 1

    async def start(self) -> None:
        """Start it and return when it is ready."""
        self.launch()
        await self.ready()

    async def ready(self) -> Mapping[str, object]:
        """Return what `/readyz` says, as soon as it says so with 200."""
        assert self.health, f"{self.name} tells nobody whether it is ready"
        async with asyncio.timeout(START):
            while True:
                assert self.running, f"{self.name} ended before it was ready"
                status, told = await self.told()
                if status == 200:
                    return told
                await asyncio.sleep(0.05)

    async def told(self) -> tuple[int, Mapping[str, object]]:
        """The status and body of `/readyz`; 0 when nobody answers."""
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session,
                session.get(f"{self.health}/readyz") as response,
            ):
                return response.status, await response.json()
        except (aiohttp.ClientError, OSError, TimeoutError):
            return 0, {}

    async def kill(self) -> None:
        """SIGKILL to all of it, as a crash."""
        self._signal(signal.SIGKILL)
        await self.ended(20.0)

    def terminate(self) -> None:
        """SIGTERM, as whoever runs it asks it to stop."""
        assert self._process is not None
        self._process.terminate()

    async def ended(self, seconds: float) -> int:
        """Its exit code. Raises TimeoutError when it has not ended within the seconds."""
        assert self._process is not None
        async with asyncio.timeout(seconds):
            while (code := self._process.poll()) is None:  # noqa: ASYNC110 (it tells nobody)
                await asyncio.sleep(0.02)
        return code

    def end(self) -> None:
        """Kill the process and every other process of its session, whatever it is doing."""
        if self._process is not None:
            self._signal(signal.SIGKILL)
            self._process.wait(20)

    def last_words(self) -> str:
        if not self.log.exists():
            return ""
        return self.log.read_text("utf-8", "replace")[-_LAST_WORDS:]

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)


@dataclass
class Programs:
    """All processes of one test, with their logs in `folder`."""

    folder: Path
    known: dict[str, Program] = field(default_factory=dict)

    def desk(self, name: str, kind: str, environ: Mapping[str, str], port: int) -> Program:
        """`desk serve` or `desk work`, which tells on `port` whether it is ready. Not started yet."""
        where = {"PORT": str(port), "PUBLIC_URL": f"http://127.0.0.1:{port}"}
        if kind == "work":
            where = {"HEALTH_PORT": str(port)}
        arguments = ("-c", _DESK, kind)
        return self.add(name, arguments, {**environ, **where}, health=f"http://127.0.0.1:{port}")

    def add(
        self, name: str, arguments: Sequence[str], environ: Mapping[str, str], health: str = ""
    ) -> Program:
        made = Program(name, arguments, environ, self.folder / f"{name}.log", health)
        self.known[name] = made
        return made


@asynccontextmanager
async def programs() -> AsyncIterator[Programs]:
    """None of them outlives the block. When it fails, the error carries what each of them logged at last."""
    with tempfile.TemporaryDirectory(prefix="desk-chaos-") as folder:
        built = Programs(Path(folder))
        try:
            yield built
        except Exception as error:
            for program in built.known.values():
                error.add_note(
                    f"--- {program.name}, started {program.starts} times ---\n{program.last_words()}"
                )
            raise
        finally:
            for program in built.known.values():
                program.end()
