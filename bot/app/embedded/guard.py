"""Server processes that cannot outlive the program that started them.

Each server runs below a guard, a few lines of shell, which holds the reading end of a pipe. Only we have the
writing end, so the pipe closes when we close it and also when we die, however that happens. Then the guard
sends the server its stop signal and waits for it. A proper stop and being killed thus work the same way.

We do not use the kernel's own "signal me when my parent dies": it exists only on Linux, is forgotten when the
process changes its user, and watches the thread that forked instead of the process.
"""

import asyncio
import os
import pwd
import signal
import stat
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import psutil

_LOOK = 1.0  # seconds

# $1 is the name of the stop signal, the rest is the server's command line.
_GUARD = """
signal=$1; shift
exec 3<&0 </dev/null
"$@" 3<&- &
server=$!
{ read -r _ <&3; kill -s "$signal" "$server"; } &
watch=$!
exec 3<&-
wait "$server"; code=$?
kill "$watch" 2>/dev/null
exit "$code"
"""


@dataclass(frozen=True, slots=True)
class SystemUser:
    """A user of the operating system under which a server runs."""

    uid: int
    gid: int
    name: str

    @classmethod
    def of(cls, uid: int) -> "SystemUser":
        """Return the account with this number. Raises KeyError if the system does not know it."""
        entry = pwd.getpwuid(uid)
        return cls(entry.pw_uid, entry.pw_gid, entry.pw_name)

    @classmethod
    def named(cls, *names: str) -> "SystemUser | None":
        """Return the first of these accounts that exists, or None."""
        for name in names:
            try:
                entry = pwd.getpwnam(name)
            except KeyError:
                continue
            return cls(entry.pw_uid, entry.pw_gid, entry.pw_name)
        return None

    def reads(self, path: Path) -> bool:
        """Return whether this account can open `path`, by owner and mode bits.

        A folder it must enter and list.
        """
        path = path.resolve()
        return all(self._may(folder, 0o1) for folder in path.parents) and self._may(
            path, 0o5 if path.is_dir() else 0o4
        )

    def enters(self, folder: Path) -> bool:
        """Return whether this account can reach a file in `folder` whose name it knows."""
        folder = folder.resolve()
        return all(self._may(each, 0o1) for each in (folder, *folder.parents))

    def _may(self, path: Path, wanted: int) -> bool:
        status = path.stat()
        mode = stat.S_IMODE(status.st_mode)
        if status.st_uid == self.uid:
            mode >>= 6
        elif status.st_gid == self.gid:
            mode >>= 3
        return mode & wanted == wanted


class GuardedProcess:
    """One run of a command below its guard. Bound to no event loop, so any loop may stop or kill it."""

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        log: Path,
        stop_signal: signal.Signals,
        account: SystemUser | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        """Start the command at once, and append its output to `log`. Only root may name an `account`."""
        guard = ["/bin/sh", "-c", _GUARD, "guard", stop_signal.name.removeprefix("SIG"), *map(str, command)]
        with log.open("ab") as output:
            self._guard = subprocess.Popen(  # noqa: S603 (no word of the command comes from outside)
                guard,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                cwd="/",  # `account` may be unable to enter ours
                env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"} | dict(environ or {}),
                start_new_session=True,  # Ctrl-C in a terminal must reach only us; we stop the server last
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=() if account else None,
            )

    @property
    def exit_code(self) -> int | None:
        """Return the exit code, or None while it runs."""
        return self._guard.poll()

    async def wait(self) -> int:
        while (code := self._guard.poll()) is None:  # noqa: ASYNC110 (nothing but polling serves every loop)
            await asyncio.sleep(0.01)
        self._close_pipe()
        return code

    async def stop(self, grace: timedelta) -> None:
        """Ask the process to stop, and kill it after `grace`."""
        self._close_pipe()
        try:
            async with asyncio.timeout(grace.total_seconds()):
                await self.wait()
        except TimeoutError:
            self.kill()
            await self.wait()

    def kill(self) -> None:
        """Send SIGKILL to the guard and the server, but not to processes that left their session."""
        if self._guard.poll() is None:
            os.killpg(self._guard.pid, signal.SIGKILL)
        self._close_pipe()

    def _close_pipe(self) -> None:
        if self._guard.stdin is not None and not self._guard.stdin.closed:
            self._guard.stdin.close()


async def end_of(process: GuardedProcess | None) -> None:
    """Wait until a process has ended by itself. Wait for ever if we started none."""
    while process is None or process.exit_code is None:  # noqa: ASYNC110 (as in `wait`)
        await asyncio.sleep(_LOOK)


def processes_in(folder: Path, name: str) -> list[psutil.Process]:
    """Return the running processes with this name whose working directory is `folder`.

    Both servers work in their data folder. That is more reliable than a pid in a file, which another process
    may have got since.
    """
    wanted = str(folder.resolve())
    found = []
    for process in psutil.process_iter(["name"]):
        try:
            if process.info["name"] == name and process.cwd() == wanted:
                found.append(process)
        except psutil.Error:
            continue  # it has ended, or is not ours
    return found


async def end_processes(folder: Path, name: str, *, first: signal.Signals, grace: timedelta) -> None:
    """Signal the processes that `processes_in` finds, kill them after `grace`, and return when all have
    ended.
    """
    try:
        async with asyncio.timeout(grace.total_seconds()):
            _signal_all(processes_in(folder, name), first)
            while processes_in(folder, name):  # noqa: ASYNC110 (they are not our children)
                await asyncio.sleep(0.05)
    except TimeoutError:
        while left := processes_in(folder, name):
            _signal_all(left, signal.SIGKILL)
            await asyncio.sleep(0.05)


def _signal_all(processes: Sequence[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        try:
            process.send_signal(number)
        except psutil.NoSuchProcess:
            continue
