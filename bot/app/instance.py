"""The program that runs on a var folder: only one at a time, and how commands on the shell find it.

`desk up` holds the lock `var/instance.lock` as long as it lives, and writes to `var/instance.json` where it
listens. The kernel drops the lock when its holder dies, so what a killed program left there is ignored.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from bot.app.embedded.server_files import Lock, ServerInUse, make_var, write_secret
from bot.core.errors import SettingsError

_TRIES: Final = 20  # a process that only looks holds the lock for a moment
_PAUSE: Final = 0.05  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """The ports of a running program on this machine."""

    port: int
    mail: tuple[int, int] | None = None  # the ports of the sandbox's SMTP and IMAP servers; None: no sandbox


class InstanceFile:
    """The file that says where the program of a var folder listens. It exists only within `only_instance`."""

    def __init__(self, var: Path) -> None:
        self._file = _file(var)

    def write(self, instance: Instance) -> None:
        """Let commands on the shell find the program, from the moment it answers."""
        write_secret(self._file, json.dumps(asdict(instance)) + "\n")

    def remove(self) -> None:
        self._file.unlink(missing_ok=True)


@asynccontextmanager
async def only_instance(var: Path) -> AsyncIterator[InstanceFile]:
    """Hold the lock of the folder. Raises SettingsError if a program runs on it already."""
    make_var(var)
    lock, file = Lock(_lock(var)), InstanceFile(var)
    for tries in range(_TRIES):
        try:
            lock.take()
            break
        except ServerInUse:
            if tries == _TRIES - 1:
                raise SettingsError(_already(var)) from None
            await asyncio.sleep(_PAUSE)
    try:
        file.remove()  # a killed program may have left it
        yield file
    finally:
        file.remove()
        lock.release()


def running_instance(var: Path) -> Instance | None:
    """Return the program that runs on the folder and answers, or None."""
    if not _lock(var).exists():
        return None
    lock = Lock(_lock(var))
    try:
        lock.take()
    except ServerInUse:
        return _read(_file(var))
    lock.release()
    return None


def _read(file: Path) -> Instance | None:
    """Return the instance that a file describes, or None while the program still starts."""
    try:
        told = json.loads(file.read_text("utf-8"))
        mail = told["mail"]
        return Instance(port=int(told["port"]), mail=None if mail is None else (int(mail[0]), int(mail[1])))
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return None


def _already(var: Path) -> str:
    found = _read(_file(var))
    where = f" at http://127.0.0.1:{found.port}" if found else ""
    return (
        f"Agents Market already runs{where} on the data in {var}: stop it first, or run a second one in"
        " another folder, with a PORT of its own"
    )


def _file(var: Path) -> Path:
    return var / "instance.json"


def _lock(var: Path) -> Path:
    return var / "instance.lock"
