"""Socket Mode: the app's WebSockets, the envelopes sent on them, and the acknowledgements that come back.

https://docs.slack.dev/apis/events-api/using-socket-mode
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from aiohttp import WSMsgType, web

from connectors.sandbox.slack.wire import Ids, Refused, Wire

MAX_CONNECTIONS = 10
_HEARTBEAT = 30.0


class Unacknowledged(Exception):
    """The envelope's connection ended before its acknowledgement came."""


@dataclass(slots=True, eq=False)
class Connection:
    socket: web.WebSocketResponse
    pending: dict[str, asyncio.Future[Wire]] = field(default_factory=dict)


class Sockets:
    """The app's open connections. Each envelope goes to one of them, in turn."""

    def __init__(self, *, app_id: str, ids: Ids) -> None:
        self._app_id = app_id
        self._ids = ids
        self._tickets: set[str] = set()
        self._connections: list[Connection] = []
        self._turn = 0
        self._arrival = asyncio.Condition()

    @property
    def count(self) -> int:
        return len(self._connections)

    def issue(self, address: str) -> str:
        """Return a WebSocket address that is good for one connection. Raises Refused."""
        if self.count >= MAX_CONNECTIONS:
            raise Refused("too_many_websockets")
        ticket = self._ids("")
        self._tickets.add(ticket)
        base = "ws" + address.removeprefix("http")
        return f"{base}/socket?ticket={ticket}&app_id={self._app_id}"

    async def wait_for(self, count: int = 1) -> None:
        """Wait until that many connections are open."""
        async with self._arrival:
            await self._arrival.wait_for(lambda: self.count >= count)

    async def accept(self, request: web.Request) -> web.StreamResponse:
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets:
            return web.Response(status=401, text="invalid ticket")
        self._tickets.discard(ticket)
        socket = web.WebSocketResponse(heartbeat=_HEARTBEAT)
        await socket.prepare(request)
        connection = Connection(socket)
        self._connections.append(connection)
        try:
            await socket.send_json(self._hello(request.host))
            async with self._arrival:
                self._arrival.notify_all()
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    _settle(connection, message.data)
        finally:
            self._connections.remove(connection)
            for future in connection.pending.values():
                if not future.done():
                    future.set_exception(Unacknowledged())
        return socket

    def _hello(self, host: str) -> Wire:
        return {
            "type": "hello",
            "num_connections": self.count,
            "debug_info": {"host": host, "build_number": 1, "approximate_connection_time": 18060},
            "connection_info": {"app_id": self._app_id},
        }

    async def send(self, kind: str, payload: Wire, timeout: float, retry: Mapping[str, object]) -> Wire:
        """Send an envelope and wait for its acknowledgement, which may carry an answer.

        Raises TimeoutError or Unacknowledged.
        """
        if not self._connections:
            raise Unacknowledged
        self._turn += 1
        connection = self._connections[self._turn % len(self._connections)]
        envelope_id = self._ids("")
        envelope: Wire = {
            "envelope_id": envelope_id,
            "payload": payload,
            "type": kind,
            "accepts_response_payload": kind != "events_api",
            **retry,
        }
        future: asyncio.Future[Wire] = asyncio.get_running_loop().create_future()
        connection.pending[envelope_id] = future
        try:
            async with asyncio.timeout(timeout):
                await connection.socket.send_json(envelope)
                return await future
        except ConnectionError:
            raise Unacknowledged from None
        finally:
            del connection.pending[envelope_id]

    async def disconnect(self, reason: str) -> None:
        """End every connection after telling it so, as Slack does for a refresh."""
        for connection in list(self._connections):
            info = {"type": "disconnect", "reason": reason, "debug_info": {"host": "sandbox"}}
            try:
                await connection.socket.send_json(info)
            except ConnectionError:  # the connection ended by itself
                continue
            await connection.socket.close()

    async def close(self) -> None:
        for connection in list(self._connections):
            await connection.socket.close(code=1001, message=b"going away")


def _settle(connection: Connection, text: str) -> None:
    """Match an acknowledgement to its envelope. Anything else is ignored, as Slack does."""
    try:
        ack = json.loads(text)
    except ValueError:
        return
    future = connection.pending.get(ack.get("envelope_id", "")) if isinstance(ack, dict) else None
    if future is not None and not future.done():
        payload = ack.get("payload")
        future.set_result(payload if isinstance(payload, dict) else {})
