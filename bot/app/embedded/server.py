"""The lock, the process and the life of an embedded server: how it starts, stops and ends."""

import signal
from abc import ABC, abstractmethod
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

from bot.app.embedded.guard import GuardedProcess, end_of, end_processes, processes_in
from bot.app.embedded.server_files import Lock, failure, make_var
from bot.core.errors import DeskError


class EmbeddedServer(ABC):
    """A server whose data is in the var folder.

    It can start again, on the same port, after `stop` or `kill`.
    """

    title: ClassVar[str]
    program: ClassVar[str]  # the name of its processes
    stops_within: ClassVar[timedelta]

    def __init__(self, var: Path, name: str) -> None:
        """Prepare the server `name` without touching anything yet."""
        self._var = var.absolute()
        self._file = self._var / f"{name}.json"
        self._log = self._var / f"{name}.log"
        self._lock = Lock(self._var / f"{name}.lock")
        self._process: GuardedProcess | None = None

    @property
    @abstractmethod
    def url(self) -> str:
        """Return the URL for clients, with the password. Raises SettingsError before the first start."""

    @property
    @abstractmethod
    def data(self) -> Path:
        """Return the folder by which the server's processes are known."""

    @abstractmethod
    async def answers(self) -> bool:
        """Return whether the server of this `var` answers, no matter who started it."""

    @abstractmethod
    async def _start(self) -> None:
        """End what an earlier holder of the lock left behind, and start the server. The lock is ours."""

    async def start(self) -> None:
        """Take the lock, start the server, and return when it answers.

        Raises ServerInUse if another process has the lock, or SettingsError with the last lines of its log.
        """
        make_var(self._var)
        self._lock.take()
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop the server fast: connections end, and what was committed is kept."""
        if self._process is not None:
            await self._process.stop(self.stops_within)
            self._process = None
        self._lock.release()

    async def ended(self) -> DeskError:
        """Wait until the server that we started has ended by itself. Return the error that says so."""
        await end_of(self._process)
        return failure(f"{self.title} ended by itself", self._log)

    async def kill(self) -> None:
        """Send SIGKILL to every process of the server, whoever started it, like a crash."""
        if self._process is not None:
            self._process.kill()
            await self._process.wait()
            self._process = None
        await end_processes(self.data, self.program, first=signal.SIGKILL, grace=self.stops_within)
        self._lock.release()

    def pids(self) -> frozenset[int]:
        """Return the ids of all processes of this server."""
        return frozenset(process.pid for process in processes_in(self.data, self.program))
