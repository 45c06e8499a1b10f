"""The page's WebSocket.

It tells what changed, not the change itself, so that a slow page holds up nothing.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from aiohttp import WSCloseCode, web

from connectors.sandbox.guard import refuse_strangers

CALM_SECONDS = 0.02  # changes within this time are told together


@dataclass(eq=False, slots=True)
class _Listener:
    news: dict[str, None] = field(default_factory=dict)  # an ordered set, so that the same news is told once
    wake: asyncio.Event = field(default_factory=asyncio.Event)


class LiveFeed:
    def __init__(self) -> None:
        self._listeners: set[_Listener] = set()
        self._sockets: set[web.WebSocketResponse] = set()

    def tell(self, news: Mapping[str, object]) -> None:
        if not self._listeners:
            return
        text = json.dumps(news)
        for listener in self._listeners:
            listener.news[text] = None
            listener.wake.set()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        refuse_strangers(request)
        socket = web.WebSocketResponse(heartbeat=30)
        await socket.prepare(request)
        listener = _Listener()
        self._listeners.add(listener)
        self._sockets.add(socket)
        pushing = asyncio.create_task(_push(socket, listener))
        try:
            async for _ in socket:  # the page sends nothing; the loop ends when it closes
                pass
        finally:
            self._listeners.discard(listener)
            self._sockets.discard(socket)
            pushing.cancel()
            await asyncio.gather(pushing, return_exceptions=True)
        return socket

    async def close(self, _: web.Application) -> None:
        for socket in list(self._sockets):
            await socket.close(code=WSCloseCode.GOING_AWAY)


async def _push(socket: web.WebSocketResponse, listener: _Listener) -> None:
    await socket.send_str('[{"platform":"hello"}]')
    while True:
        await listener.wake.wait()
        await asyncio.sleep(CALM_SECONDS)
        listener.wake.clear()
        news, listener.news = listener.news, {}
        await socket.send_str(f"[{','.join(news)}]")
