"""The product's own PostgreSQL and Valkey, for machines that have none.

    async with embedded(Path("var")) as servers:
        servers.database_url, servers.redis_url

Both listen only on 127.0.0.1, on ports chosen once and kept in `var` with a random password
(`postgres.json`, `valkey.json`, mode 0600). Data and logs are in `var/postgres` and `var/valkey`.

A server belongs to the process that holds its lock file `var/<server>.lock`. The kernel drops the lock when
its holder dies. The holder first ends whatever an earlier holder left behind, then starts the server from its
data: a running server is never taken over, and no two servers ever open the same data. A process that finds
the lock held uses the running server (`desk conversations list` beside `desk up`) and leaves it running when
it ends. When the holder dies, its servers end too: see `guard`.

PostgreSQL refuses to run as root: `postgres` says under which account it runs then, and where its data is.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from bot.app.embedded.postgres import EmbeddedPostgres
from bot.app.embedded.server import EmbeddedServer
from bot.app.embedded.server_files import ServerInUse
from bot.app.embedded.valkey import EmbeddedValkey
from bot.core.errors import DeskError, SettingsError

__all__ = [
    "EmbeddedPostgres",
    "EmbeddedServer",
    "EmbeddedValkey",
    "ServerInUse",
    "Servers",
    "embedded",
    "running",
]

_PATIENCE = timedelta(seconds=90)  # how long another process may take to start or stop the server


async def _never() -> DeskError:
    """Wait for ever, because the operator's own servers are not ours to watch."""
    await asyncio.Event().wait()
    raise AssertionError


@dataclass(frozen=True, slots=True)
class Servers:
    """Addresses of the servers, also for child processes. They contain the password: never log them."""

    database_url: str  # postgresql://…
    redis_url: str  # redis://…
    # Waits until one that we started has ended by itself.
    ended: Callable[[], Awaitable[DeskError]] = field(default=_never, compare=False, repr=False)


S = TypeVar("S", bound=EmbeddedServer)


@asynccontextmanager
async def embedded(var: Path) -> AsyncIterator[Servers]:
    """Run both servers on the data in `var`, or use those that another process runs on it."""
    async with running(EmbeddedPostgres(var)) as postgres, running(EmbeddedValkey(var)) as valkey:

        async def ended() -> DeskError:
            watching = [asyncio.ensure_future(server.ended()) for server in (postgres, valkey)]
            try:
                done, _ = await asyncio.wait(watching, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for one in watching:
                    one.cancel()
            return done.pop().result()

        yield Servers(database_url=postgres.url, redis_url=valkey.url, ended=ended)


@asynccontextmanager
async def running(server: S) -> AsyncIterator[S]:
    """Start `server`, and stop it at the end.

    If another process runs it, use that one and leave it running.
    """
    async with AsyncExitStack() as stack:
        if await _start_or_find(server):
            stack.push_async_callback(server.stop)
        yield server


async def _start_or_find(server: EmbeddedServer) -> bool:
    """Start the server, or find it running. Return True if we started it."""
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
