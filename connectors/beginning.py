"""Mark an HTTP request of aiohttp as begun when it has a connection, and not while one is being made."""

import aiohttp

from bot.core.beginning import begin


def begun() -> list[aiohttp.TraceConfig]:
    """Return the `trace_configs` with which an aiohttp session marks each request as begun."""
    traces = aiohttp.TraceConfig()
    traces.on_connection_create_end.append(_begin)
    traces.on_connection_reuseconn.append(_begin)
    return [traces]


async def _begin(*_: object) -> None:
    await begin()
