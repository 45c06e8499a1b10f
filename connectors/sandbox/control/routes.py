"""Serve the control API over HTTP."""

from collections.abc import Awaitable, Mapping
from typing import Protocol

from aiohttp import web

from bot.core.errors import CommandError
from connectors.sandbox.control.calls import ControlCall, calls_of
from connectors.sandbox.guard import refuse_strangers
from connectors.sandbox.slack import Refused

MAX_BODY = 70 * 1024 * 1024  # a file of 50 MB in base64


class PlatformControl(Protocol):
    """The calls of one platform. `file` returns a file that was sent there, or raises LookupError."""

    def file(self, path: str, mime_type: str) -> web.Response: ...


class ControlApi:
    """GET shows and POST acts, at `api/<part>/<method>`, such as `api/whatsapp/say`.

    The files of a platform are at `api/<platform>/file/<path>`.
    """

    def __init__(self, platforms: Mapping[str, PlatformControl], parts: Mapping[str, object]) -> None:
        self._platforms = platforms
        self._calls = {
            (http_method, f"{name}/{method}"): call
            for name, part in {**platforms, **parts}.items()
            for http_method, method, call in calls_of(part)
        }

    def add_routes(self, app: web.Application) -> None:
        app.router.add_get("/api/{platform}/file/{path:.+}", self._file)
        app.router.add_get("/api/{name:.+}", self._view)
        app.router.add_post("/api/{name:.+}", self._act)

    async def _view(self, request: web.Request) -> web.Response:
        refuse_strangers(request)
        return await _answer(self._call(request).with_query(request.query))

    async def _act(self, request: web.Request) -> web.Response:
        refuse_strangers(request)
        if request.content_type != "application/json":
            # A browser sends this type from another site only if we allow it.
            return _refusal("Send JSON, with Content-Type application/json.", 415)
        call = self._call(request)
        return await _answer(call.with_json(await request.clone(client_max_size=MAX_BODY).read() or b"{}"))

    def _call(self, request: web.Request) -> ControlCall:
        name = request.match_info["name"]
        call = self._calls.get((request.method, name))
        if call is None:
            body = _refusal(f"There is no call {request.method} {name[:60]!r}.", 404)
            raise web.HTTPNotFound(text=body.text, content_type="application/json")
        return call

    async def _file(self, request: web.Request) -> web.Response:
        refuse_strangers(request)
        platform = self._platforms.get(request.match_info["platform"])
        if platform is None:
            raise web.HTTPNotFound
        try:
            return platform.file(request.match_info["path"], request.query.get("type", ""))
        except (LookupError, CommandError):
            raise web.HTTPNotFound from None


async def _answer(called: Awaitable[object]) -> web.Response:
    try:
        return web.json_response(await called)
    except (CommandError, ValueError) as error:
        return _refusal(str(error))
    except Refused as refusal:
        return _refusal(refusal.code)


def _refusal(sentence: str, status: int = 400) -> web.Response:
    return web.json_response({"error": sentence}, status=status)
