"""Server processes that cannot outlive the program that started them.

Each server runs below a guard of a few lines of shell, which holds the reading end of a pipe. The only
writing end is ours, so the pipe closes when we close it and also when we die, however that happens: then
the guard sends the server its stop signal and waits for it. Stopping in good order and being killed thus
take the same way.

The kernel's own "signal me when my parent dies" was not taken: it exists on Linux alone, is forgotten
when the process changes its user, and watches the thread that forked rather than the process.
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
class Account:
    """A user of the operating system under which a server runs."""

    uid: int
    gid: int
    name: str

    @classmethod
    def of(cls, uid: int) -> "Account":
        """The account with this number. Raises KeyError if the system does not know it."""
        entry = pwd.getpwuid(uid)
        return cls(entry.pw_uid, entry.pw_gid, entry.pw_name)

    @classmethod
    def named(cls, *names: str) -> "Account | None":
        """The first of these accounts that exists."""
        for name in names:
            try:
                entry = pwd.getpwnam(name)
            except KeyError:
                continue
            return cls(entry.pw_uid, entry.pw_gid, entry.pw_name)
        return None

    def reads(self, path: Path) -> bool:
        """Whether this account can open `path` (a folder: enter and list it), going by owner and mode
        bits.
        """
        path = path.resolve()
        return all(self._may(folder, 0o1) for folder in path.parents) and self._may(
            path, 0o5 if path.is_dir() else 0o4
        )

    def enters(self, folder: Path) -> bool:
        """Whether this account can reach what lies in `folder` when it knows the name."""
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
    """One run of a command below its guard. Belongs to no event loop, so any loop may stop or kill it."""

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        log: Path,
        stop_signal: signal.Signals,
        account: Account | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        """Start at once; what the command prints is appended to `log`. `account` may be named by root
        only.
        """
        guard = ["/bin/sh", "-c", _GUARD, "guard", stop_signal.name.removeprefix("SIG"), *map(str, command)]
        with log.open("ab") as output:
            self._guard = subprocess.Popen(  # noqa: S603 (no word of the command comes from outside)
                guard,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                cwd="/",  # ours may be closed to `account`
                env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"} | dict(environ or {}),
                start_new_session=True,  # Ctrl-C in a terminal is for us; the server goes after we are done
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=() if account else None,
            )

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._guard.poll()

    async def wait(self) -> int:
        while (code := self._guard.poll()) is None:  # noqa: ASYNC110 (nothing but polling serves every loop)
            await asyncio.sleep(0.01)
        self._close_pipe()
        return code

    async def stop(self, grace: timedelta) -> None:
        """Ask it to stop; after `grace`, make it."""
        self._close_pipe()
        try:
            async with asyncio.timeout(grace.total_seconds()):
                await self.wait()
        except TimeoutError:
            self.kill()
            await self.wait()

    def kill(self) -> None:
        """SIGKILL to the guard and to the server itself, not to processes which left its session."""
        if self._guard.poll() is None:
            os.killpg(self._guard.pid, signal.SIGKILL)
        self._close_pipe()

    def _close_pipe(self) -> None:
        if self._guard.stdin is not None and not self._guard.stdin.closed:
            self._guard.stdin.close()


def processes_in(folder: Path, name: str) -> list[psutil.Process]:
    """The running processes called `name` whose working directory is `folder`.

    Both servers work in their data folder, and that says more than a pid in a file, which another process may
    have been given since.
    """
    wanted = str(folder.resolve())
    found = []
    for process in psutil.process_iter(["name"]):
        try:
            if process.info["name"] == name and process.cwd() == wanted:
                found.append(process)
        except psutil.Error:
            continue  # gone meanwhile, or not ours
    return found


async def end_processes(folder: Path, name: str, *, first: signal.Signals, grace: timedelta) -> None:
    """Signal what `processes_in` finds, and return when none is left; after `grace` they are killed."""
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
