"""Requests of aiohttp that are begun when their connection is in hand, and not while one is being made."""

import aiohttp

from bot.core.beginning import begin


def begun() -> list[aiohttp.TraceConfig]:
    """Return what a session needs for that, as its `trace_configs`."""
    traces = aiohttp.TraceConfig()
    traces.on_connection_create_end.append(_begin)
    traces.on_connection_reuseconn.append(_begin)
    return [traces]


async def _begin(*_: object) -> None:
    await begin()
