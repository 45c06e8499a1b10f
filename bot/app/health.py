"""Health over HTTP: `/healthz` for everybody; `/readyz` and `/metrics` only for operators.

If other machines reach the program, directly or through a proxy at PUBLIC_URL, the latter two need
METRICS_TOKEN, or are answered only on HEALTH_PORT. To strangers they do not exist.
"""

import errno
import hmac
import ipaddress
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import structlog
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from bot.app.settings import Settings
from bot.app.upkeep import does_its_work, trouble
from bot.bus.redis_health import RedisHealth
from bot.core.errors import SettingsError
from storage.database import Database

log = structlog.get_logger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_FOR_OPERATORS: Final = ("/readyz", "/metrics")


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """The health of a process."""

    database: Database
    redis: RedisHealth
    accounts: Callable[[], Sequence[Mapping[str, str]]] | None = None  # in processes that have connectors
    token: str

    def add_to(self, app: web.Application, *, hidden: bool = False) -> None:
        """Answer on all three paths, or only on `/healthz` if `hidden`."""
        told: tuple[Handler, ...] = (_nothing, _nothing) if hidden else (self._ready, self._metrics)
        app.router.add_get("/healthz", _alive)
        for path, handler in zip(_FOR_OPERATORS, told, strict=True):
            app.router.add_get(path, handler if hidden else self._guarded(handler))

    def _guarded(self, handler: Handler) -> Handler:
        expected = f"Bearer {self.token}".encode()

        async def guarded(request: web.Request) -> web.StreamResponse:
            given = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
            if self.token and not hmac.compare_digest(given, expected):
                return web.Response(status=401, headers={"WWW-Authenticate": "Bearer"})
            return await handler(request)

        return guarded

    async def _ready(self, _: web.Request) -> web.Response:
        problem = await trouble(self.database)
        ready = does_its_work(problem)
        body: dict[str, object] = {
            "database": "up" if ready or problem is None else problem.code,
            "redis": self.redis.state,
            "problem": {"code": problem.code, "sentence": str(problem)} if problem else None,
        }
        if self.redis.sentence:
            body["redis_problem"] = self.redis.sentence
        if self.accounts is not None:
            body["accounts"] = self.accounts()
        return web.json_response(body, status=200 if ready else 503)

    async def _metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})


async def _alive(_: web.Request) -> web.Response:
    return web.json_response({"status": "alive"})


async def _nothing(_: web.Request) -> web.Response:
    raise web.HTTPNotFound


def hidden(settings: Settings) -> bool:
    """Return whether `/readyz` and `/metrics` are not answered on PORT."""
    if settings.health_port is not None:
        return True
    # Behind a proxy the program listens only on this machine, but everybody can reach it.
    here = _loopback(settings.host) and _loopback(urlsplit(settings.public_url).hostname or "")
    return not (settings.metrics_token or here)


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@asynccontextmanager
async def health_port(settings: Settings, health: Health) -> AsyncIterator[None]:
    """Answer on HEALTH_PORT, if it is set. Raises SettingsError if the port cannot be used."""
    if settings.health_port is None:
        yield
        return
    app = web.Application()
    health.add_to(app)
    async with listening(settings.host, settings.health_port, app, variable="HEALTH_PORT"):
        yield


@asynccontextmanager
async def listening(
    host: str, port: int, app: web.Application, *, variable: str = "PORT"
) -> AsyncIterator[None]:
    """Serve the app on a port. `variable` names the setting of the port for errors. Raises SettingsError."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=3.0)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except (OSError, UnicodeError) as error:
            if isinstance(error, socket.gaierror | UnicodeError) or error.errno == errno.EADDRNOTAVAIL:
                raise SettingsError(
                    f"HOST is {host[:60]!r}, which is no address of this machine: give 127.0.0.1 (for this"
                    " machine alone), 0.0.0.0 (for all its addresses) or one of them"
                ) from None
            raise no_port(port, error, variable) from None
        yield
    finally:
        await runner.cleanup()


def no_port(port: int, error: OSError, variable: str = "PORT") -> SettingsError:
    """Return the error for a port that cannot be used."""
    why = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
    if error.errno != errno.EADDRINUSE:
        return SettingsError(f"port {port} cannot be used ({why}): see {variable}, and HOST")
    return SettingsError(
        f"port {port} cannot be used ({why}): stop what listens there, or choose another:"
        f" {variable}={port + 1 if port < 65535 else 8080}"
    )
