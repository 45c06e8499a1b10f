"""A Graph API that answers what it is told to, and keeps what it was asked: for tests of connectors alone."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Asked:
    method: str
    path: str  # without the version
    query: dict[str, str]
    headers: dict[str, str]
    body: Any = None  # JSON, or the form of an upload
    length: int | None = None


@dataclass
class GraphServer:
    """`answers` by method and path, `*` for any; the first that is left is given, the last one stays."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    answers: dict[str, list[Answer]] = field(default_factory=dict)

    def on(self, call: str, *answers: Answer) -> None:
        self.answers[call] = list(answers)

    def last(self) -> Asked:
        return self.asked[-1]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        path = "/" + request.match_info["rest"]
        asked = Asked(
            request.method,
            path,
            dict(request.query),
            {name.lower(): value for name, value in request.headers.items()},
            length=request.content_length,
        )
        if request.content_type == "multipart/form-data":
            form = await request.post()
            asked.body = {
                name: (value.filename, value.content_type, value.file.read())
                if isinstance(value, web.FileField)
                else value
                for name, value in form.items()
            }
        elif body := await request.read():
            asked.body = json.loads(body)
        self.asked.append(asked)
        waiting = self.answers.get(f"{request.method} {path}") or self.answers.get("*")
        if not waiting:
            return web.json_response({"error": {"code": 100, "error_subcode": 33}}, status=400)
        return await (waiting.pop(0) if len(waiting) > 1 else waiting[0])(request)


def says(body: object, status: int = 200, **headers: str) -> Answer:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.json_response(
            body, status=status, headers={key.replace("_", "-"): value for key, value in headers.items()}
        )

    return answer


def refuses(code: int, status: int = 400, **fields: object) -> Answer:
    error = {
        "message": "(#0) said by Meta",
        "type": "OAuthException",
        "code": code,
        "fbtrace_id": "A1",
        **fields,
    }
    return says({"error": error}, status)


def sends(body: bytes, status: int = 200, content_type: str = "application/octet-stream") -> Answer:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(body=body, status=status, content_type=content_type)

    return answer


async def hangs_up(request: web.Request) -> web.StreamResponse:
    """The request has come, and the connection ends without an answer."""
    assert request.transport is not None
    request.transport.close()
    return web.Response()


@asynccontextmanager
async def graph_server() -> AsyncIterator[GraphServer]:
    server = GraphServer()
    app = web.Application(client_max_size=8 * 1024 * 1024)
    app.router.add_route("*", "/v23.0/{rest:.*}", server.handle)
    app.router.add_route("*", "/files/{rest:.*}", server.handle)
    async with TestServer(app) as running:
        server.url = str(running.make_url("")).rstrip("/")
        yield server
