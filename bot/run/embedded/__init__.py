"""The product's own PostgreSQL and Valkey, for machines that have none.

    async with embedded(Path("var")) as servers:
        servers.database_url, servers.redis_url

Both listen on 127.0.0.1 alone, on ports chosen once and kept in `var` beside a random password
(`postgres.json`, `valkey.json`, mode 0600). Data and logs are in `var/postgres` and `var/valkey`.

Who owns them: whoever holds the lock file `var/<server>.lock`. The kernel drops the lock when its holder
dies. The holder first ends whatever an earlier holder left behind, then starts the server from its data:
nothing running is ever taken over half-known, and no two servers ever open the same data. Anybody who
finds the lock held uses the server that runs (`desk conversations list` beside `desk up`) and leaves it
alone on exit. When the holder dies, so do its servers: see `guard`.

PostgreSQL refuses to run as root: `postgres` says as whom it runs then, and where its data lies.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Protocol, TypeVar

from bot.core.errors import SettingsError
from bot.run.embedded.kept import ServerInUse
from bot.run.embedded.postgres import EmbeddedPostgres
from bot.run.embedded.valkey import EmbeddedValkey

__all__ = [
    "EmbeddedPostgres",
    "EmbeddedServer",
    "EmbeddedValkey",
    "ServerInUse",
    "Servers",
    "embedded",
    "running",
]

_PATIENCE = timedelta(seconds=90)  # for another process that is just starting or stopping the server


@dataclass(frozen=True, slots=True)
class Servers:
    """Addresses, good for child processes too. They contain the password: never log them."""

    database_url: str  # postgresql://…
    redis_url: str  # redis://…


class EmbeddedServer(Protocol):
    """What `running` needs of a server."""

    @property
    def url(self) -> str: ...

    async def start(self) -> None:
        """Take the lock, start, return when it answers. Raises ServerInUse if another process has the
        lock.
        """

    async def stop(self) -> None: ...

    async def answers(self) -> bool:
        """Whether the server kept in `var` answers, no matter who started it."""


S = TypeVar("S", bound=EmbeddedServer)


@asynccontextmanager
async def embedded(var: Path) -> AsyncIterator[Servers]:
    """Run both servers on the data in `var`, or use those that another process runs on it."""
    async with running(EmbeddedPostgres(var)) as postgres, running(EmbeddedValkey(var)) as valkey:
        yield Servers(database_url=postgres.url, redis_url=valkey.url)


@asynccontextmanager
async def running(server: S) -> AsyncIterator[S]:
    """Start `server` and stop it at the end; if another process runs it, use that and leave it be."""
    async with AsyncExitStack() as stack:
        if await _start_or_find(server):
            stack.push_async_callback(server.stop)
        yield server


async def _start_or_find(server: EmbeddedServer) -> bool:
    """True if we started it."""
    try:
        async with asyncio.timeout(_PATIENCE.total_seconds()):
            while True:
                try:
                    await server.start()
                except ServerInUse:
                    if await server.answers():
                        return False
                    await asyncio.sleep(0.1)
                else:
                    return True
    except TimeoutError:
        raise SettingsError(
            "another process holds an embedded server in this var folder, and the server has not"
            f" answered for {_PATIENCE.seconds} s: end that process and start again"
        ) from None
