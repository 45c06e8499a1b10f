"""Telegram's side of the wire, as cheap as Python makes it: what it costs is taken from the product.

HTTP/1.1 by hand on asyncio's protocols. It speaks to peers that are known (aiohttp on both sides: a length
with every body, connections kept), and is no server for anybody else. `connectors.sandbox` is.
"""

import asyncio
import json
import re
import time
from collections import deque
from collections.abc import Callable
from typing import cast
from urllib.parse import unquote_plus

_LENGTH = re.compile(rb"content-length: *([0-9]+)", re.I)
_CHAT = re.compile(rb"(?:^|&)chat_id=([^&]*)")
Answered = Callable[[int, float], None]


class BotApi(asyncio.Protocol):
    """One connection of the bot: every call succeeds, and `answered` hears of each message sent."""

    _numbers = 0

    def __init__(self, answered: Answered) -> None:
        self._answered = answered
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are none of asyncio's classes

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (taken := _message(self._buffer)) is not None:
            head, body, self._buffer = taken
            method = head.split(b" ", 2)[1].rpartition(b"/")[2]
            result: object = True
            if method == b"sendMessage" and (chat := _CHAT.search(body)):
                result = self._posted(int(unquote_plus(chat[1].decode())))
            self._reply({"ok": True, "result": result})

    def _posted(self, chat: int) -> object:
        self._answered(chat, time.perf_counter())
        BotApi._numbers += 1
        return {
            "message_id": BotApi._numbers,
            "date": int(time.time()),
            "chat": {"id": chat, "type": "private", "first_name": "Customer"},
            "text": "…",
        }

    def _reply(self, answer: object) -> None:
        body = json.dumps(answer).encode()
        assert self._transport is not None
        self._transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
            % (len(body), body)
        )


class _Posting(asyncio.Protocol):
    """One connection of Telegram to the webhook; one request at a time."""

    def __init__(self) -> None:
        self._buffer = b""
        self._answer: asyncio.Future[int] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are none of asyncio's classes

    def connection_lost(self, error: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error or ConnectionResetError())

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if (taken := _message(self._buffer)) is not None and self._answer is not None:
            head, _, self._buffer = taken
            self._answer.set_result(int(head.split(b" ", 2)[1]))

    async def post(self, request: bytes) -> int:
        assert self._transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


class Webhook:
    """Posts updates over as many connections as Telegram opens, each answered before its next."""

    def __init__(self, host: str, port: int, path: str, secret: str) -> None:
        self._head = (
            f"POST {path} HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: application/json\r\n"
            f"X-Telegram-Bot-Api-Secret-Token: {secret}\r\nContent-Length: "
        ).encode()
        self._address = host, port
        self._all: list[_Posting] = []
        self._free: deque[_Posting] = deque()
        self._waiting: deque[asyncio.Future[_Posting]] = deque()
        self._update = 500_000_000

    async def open(self, connections: int = 100) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(connections):
            _, posting = await loop.create_connection(_Posting, *self._address)
            self._all.append(posting)
        self._free.extend(self._all)

    async def say(self, chat: int, text: str) -> int:
        """The status that the webhook answered."""
        self._update += 1
        person = {"id": chat, "is_bot": False, "first_name": f"Customer {chat}", "language_code": "en"}
        message = {
            "message_id": self._update,
            "date": int(time.time()),
            "chat": {"id": chat, "type": "private", "first_name": person["first_name"]},
            "from": person,
            "text": text,
        }
        body = json.dumps({"update_id": self._update, "message": message}).encode()
        posting = await self._borrow()
        try:
            return await posting.post(self._head + b"%d\r\n\r\n%b" % (len(body), body))
        finally:
            self._give_back(posting)

    async def _borrow(self) -> _Posting:
        if self._free:
            return self._free.popleft()
        waiting: asyncio.Future[_Posting] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        return await waiting

    def _give_back(self, posting: _Posting) -> None:
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_result(posting)
                return
        self._free.append(posting)

    def close(self) -> None:
        for posting in self._all:
            posting.close()


def _message(buffer: bytes) -> tuple[bytes, bytes, bytes] | None:
    """Head, body and the rest, once a whole message is there."""
    end = buffer.find(b"\r\n\r\n")
    if end < 0:
        return None
    length = _LENGTH.search(buffer, 0, end)
    stop = end + 4 + (int(length[1]) if length else 0)
    return (buffer[:end], buffer[end + 4 : stop], buffer[stop:]) if len(buffer) >= stop else None
