"""CPU and memory of processes and their children, from the operating system."""

import contextlib
import os
from dataclasses import dataclass

import psutil

MIB = 1024 * 1024


def busy() -> float:
    """Seconds that the cores of this machine have worked up to now, whoever for."""
    times = psutil.cpu_times()
    return sum(times) - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "guest", 0.0)


@dataclass(frozen=True, slots=True)
class Memory:
    """MiB. `pss` shares out what several processes map together, so that it may be added up."""

    rss: float
    pss: float


class Watched:
    """A process by its name in the report, with all its descendants (PostgreSQL has one per connection)."""

    def __init__(self, name: str, pid: int, *, alone: bool = False) -> None:
        self.name = name
        self._alone = alone
        self._root = psutil.Process(pid)

    @classmethod
    def myself(cls, name: str) -> "Watched":
        """This process, without its children."""
        return cls(name, os.getpid(), alone=True)

    def cpu(self) -> float:
        """Seconds used up to now; by children that ended, too, once they were awaited."""
        total = 0.0
        for process in self._family():
            with contextlib.suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                total += times.user + times.system
        if not self._alone:
            ended = self._root.cpu_times()
            total += ended.children_user + ended.children_system
        return total

    def memory(self) -> Memory:
        rss = pss = 0
        for process in self._family():
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                full = process.memory_full_info()
                rss += full.rss
                pss += full.pss
        return Memory(rss / MIB, pss / MIB)

    def _family(self) -> list[psutil.Process]:
        with contextlib.suppress(psutil.NoSuchProcess):
            return [self._root] if self._alone else [self._root, *self._root.children(recursive=True)]
        return []
