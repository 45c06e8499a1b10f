"""One PostgreSQL and one Valkey for a whole test run, started when the first test asks for them.

The process that controls the run owns the servers, because workers come and go. A worker asks by making
the file `wanted`; the answer is `ready.json` or `failed`. With `-n 0` both sides are the same process.
"""

import asyncio
import importlib
import importlib.util
import inspect
import json
import os
import shutil
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from bot.app.embedded import EmbeddedPostgres, EmbeddedValkey
from bot.app.embedded.server_files import Lock, ServerInUse, write_secret

TEMPLATE = "template_of_tests"
_PATIENCE_SECONDS = 120.0
_PREFIX = "desk-tests-"
_MEMORY = Path("/dev/shm")  # noqa: S108 (cloning a database there takes 15 ms, on a disk up to 100)
_ROOM_BYTES = 2 * 1024**3
_ABANDONED_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Addresses:
    admin_url: str
    redis_url: str


class SharedServers:
    """The controlling side."""

    def __init__(self) -> None:
        place = _place()
        _sweep(place)
        self.folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))
        self.folder.chmod(0o711)  # for PostgreSQL's own account when we are root
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="shared servers", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._over.set()
        self._thread.join()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _serve(self) -> None:
        while not (self.folder / "wanted").exists():
            if self._over.wait(0.05):
                return
        try:
            asyncio.run(self._run())
        except Exception as error:
            (self.folder / "failed").write_text(f"{type(error).__name__}: {error}", "utf-8")

    async def _run(self) -> None:
        postgres = EmbeddedPostgres(self.folder, durable=False)
        valkey = EmbeddedValkey(self.folder, durable=False)
        try:
            await asyncio.gather(postgres.start(), valkey.start())
            await asyncio.to_thread(_make_template, postgres.url)
            addresses = Addresses(admin_url=postgres.url, redis_url=valkey.url)
            write_secret(self.folder / "ready.json", json.dumps(asdict(addresses)))
            await asyncio.to_thread(self._over.wait)
        finally:
            await asyncio.gather(postgres.stop(), valkey.stop())


def ask(folder: Path) -> Addresses:
    """The asking side. Returns when the servers answer and the template is made."""
    (folder / "wanted").touch()
    end = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < end:
        if (folder / "failed").exists():
            raise RuntimeError(f"the servers of the tests: {(folder / 'failed').read_text('utf-8')}")
        if (folder / "ready.json").exists():
            return Addresses(**json.loads((folder / "ready.json").read_text("utf-8")))
        time.sleep(0.02)
    raise RuntimeError(f"the servers of the tests did not start within {_PATIENCE_SECONDS:.0f} s")


def on_database(url: str, name: str) -> str:
    """The same server's address with another database."""
    return f"{url.rpartition('/')[0]}/{name}"


def clone(connection: psycopg.Connection, name: str, template: str = TEMPLATE) -> None:
    connection.execute(
        sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(
            sql.Identifier(name), sql.Identifier(template)
        )
    )


def drop(connection: psycopg.Connection, name: str) -> None:
    connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _place() -> Path:
    """Memory, if there is plenty of it, else the disk."""
    if os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _ROOM_BYTES:
        return _MEMORY
    return Path(tempfile.gettempdir())


def _sweep(place: Path) -> None:
    """Remove what runs left that were killed: nobody holds the lock of their server."""
    for folder in place.glob(f"{_PREFIX}*"):
        try:
            if time.time() - folder.stat().st_mtime < _ABANDONED_SECONDS:
                continue
            lock = Lock(folder / "postgres.lock")
            lock.take()
        except (OSError, ServerInUse):
            continue  # in use, or another account's
        lock.release()
        shutil.rmtree(folder, ignore_errors=True)


def _make_template(admin_url: str) -> None:
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(TEMPLATE)))
    if importlib.util.find_spec("storage.migrate") is None:
        return  # no schema yet: clones are empty
    done = importlib.import_module("storage.migrate").upgrade(on_database(admin_url, TEMPLATE))
    if inspect.isawaitable(done):
        asyncio.run(_finish(done))


async def _finish(awaitable: object) -> None:
    assert inspect.isawaitable(awaitable)
    await awaitable
