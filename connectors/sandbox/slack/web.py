"""The HTTP face: the Web API, uploads and downloads, response_urls, and the door of Socket Mode."""

import asyncio
import json
import math
from collections.abc import Mapping
from urllib.parse import parse_qsl

from aiohttp import BodyPartReader, web

from connectors.sandbox.fault import Fault, FaultKind, Faults
from connectors.sandbox.slack import chat, conversations, files, people, views
from connectors.sandbox.slack.call import Call, Method
from connectors.sandbox.slack.limits import PostLimiter
from connectors.sandbox.slack.responses import respond
from connectors.sandbox.slack.sockets import Sockets
from connectors.sandbox.slack.wire import Refused, Wire
from connectors.sandbox.slack.workspace import Workspace

METHODS: dict[str, Method] = {
    **chat.METHODS,
    **conversations.METHODS,
    **files.METHODS,
    **people.METHODS,
    **views.METHODS,
}
_OPEN_TO_ALL = "api.test"
_CONNECT = "apps.connections.open"


class SlackWeb:
    def __init__(
        self,
        workspace: Workspace,
        sockets: Sockets,
        limiter: PostLimiter,
        faults: Faults,
        *,
        bot_token: str,
        app_token: str,
        address_is_fixed: bool,
    ) -> None:
        self._workspace = workspace
        self._sockets = sockets
        self._limiter = limiter
        self._faults = faults
        self._bot_token = bot_token
        self._app_token = app_token
        self._address_is_fixed = address_is_fixed

    def add_routes(self, app: web.Application) -> None:
        app.router.add_route("GET", "/api/{method}", self.api)
        app.router.add_route("POST", "/api/{method}", self.api)
        app.router.add_get("/socket", self._sockets.accept)
        app.router.add_post("/upload/{file_id}", self.upload)
        app.router.add_get("/files/{file_id}/{name}", self.download)
        app.router.add_get("/signin", _signin)
        app.router.add_post("/response/{team_id}/{token}", self.response_url)

    async def api(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        self._learn_address(request, f"/api/{method}")
        fault = await self._faults.before("slack", method)
        if (early := await _before(request, fault)) is not None:
            return early
        response = await self._answer(request, method)
        if fault is not None and fault.kind is FaultKind.LOST_RESPONSE:
            return _cut(request)
        return response

    def _learn_address(self, request: web.Request, suffix: str) -> None:
        """Addresses handed out lead back the way the app came, whatever the mount point and the port."""
        if not self._address_is_fixed:
            origin = request.url.origin()
            self._workspace.address = f"{origin}{request.path.removesuffix(suffix)}"

    async def _answer(self, request: web.Request, method: str) -> web.Response:
        try:
            args = await _arguments(request)
            result = self._perform(method, args, _bearer(request) or str(args.get("token") or ""))
        except Refused as refusal:
            retry_after = refusal.fields.get("retry_after")
            if retry_after is not None:
                return _rate_limited(retry_after)
            return web.json_response(refusal.answer())
        return web.json_response({"ok": True, **result})

    def _perform(self, method: str, args: Mapping[str, object], token: str) -> Wire:
        if method not in METHODS and method != _CONNECT:
            raise Refused("unknown_method", req_method=method)
        if method != _OPEN_TO_ALL:
            self._authorize(method, token)
        if method == _CONNECT:
            return {"url": self._sockets.issue(self._workspace.address)}
        call = Call(self._workspace, args)
        if method == "chat.postMessage" and (wait := self._limiter.refuses(chat.target(call).id)):
            raise Refused("ratelimited", retry_after=wait)
        return METHODS[method](call)

    def _authorize(self, method: str, token: str) -> None:
        if not token:
            raise Refused("not_authed")
        if token not in (self._bot_token, self._app_token):
            raise Refused("invalid_auth")
        if (token == self._app_token) != (method == _CONNECT):
            raise Refused("not_allowed_token_type")

    async def upload(self, request: web.Request) -> web.StreamResponse:
        fault = await self._faults.before("slack", "upload")
        if (early := await _before(request, fault)) is not None:
            return early
        try:
            size = files.receive(self._workspace, request.match_info["file_id"], await _content(request))
        except Refused as refusal:
            return web.Response(status=400, text=refusal.code)
        if fault is not None and fault.kind is FaultKind.LOST_RESPONSE:
            return _cut(request)
        return web.Response(text=f"OK - {size}")

    async def download(self, request: web.Request) -> web.StreamResponse:
        """`url_private`: the bytes for the token's holder, a sign-in page for everyone else."""
        fault = await self._faults.before("slack", "download")
        if (early := await _before(request, fault)) is not None:
            return early
        if _bearer(request) != self._bot_token:
            mount = request.path.split("/files/", 1)[0]
            return web.Response(status=302, headers={"Location": f"{mount}/signin"})
        try:
            stored = self._workspace.file(request.match_info["file_id"])
        except Refused as refusal:
            return web.Response(status=404, text=refusal.code)
        return web.Response(body=stored.content, content_type=stored.mimetype)

    async def response_url(self, request: web.Request) -> web.StreamResponse:
        fault = await self._faults.before("slack", "response_url")
        if (early := await _before(request, fault)) is not None:
            return early
        try:
            respond(self._workspace, request.match_info["token"], await _arguments(request))
        except Refused as refusal:
            gone = refusal.code in ("invalid_url", "expired_url", "used_url")
            return web.Response(status=404 if gone else 400, text=refusal.code)
        if fault is not None and fault.kind is FaultKind.LOST_RESPONSE:
            return _cut(request)
        return web.Response(text="ok")


async def _signin(request: web.Request) -> web.Response:  # noqa: ARG001
    return web.Response(text="<!DOCTYPE html><title>Slack</title><h1>Sign in</h1>", content_type="text/html")


async def _before(request: web.Request, fault: Fault | None) -> web.StreamResponse | None:
    """What a fault does before the call's effect; a response means that the effect does not happen."""
    if fault is None:
        return None
    match fault.kind:
        case FaultKind.RATE_LIMITED:
            return _rate_limited(math.ceil(fault.seconds))
        case FaultKind.SERVER_ERROR:
            return web.json_response({"ok": False, "error": "internal_error"}, status=500)
        case FaultKind.RESET:
            return _cut(request)
        case FaultKind.DELAY:
            await asyncio.sleep(fault.seconds)
            return None
        case FaultKind.LOST_RESPONSE:
            return None


def _rate_limited(seconds: object) -> web.Response:
    headers = {"Retry-After": str(seconds)}
    return web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers=headers)


def _cut(request: web.Request) -> web.Response:
    """End the connection without an answer: the response returned here can no longer be written."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def _bearer(request: web.Request) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


async def _arguments(request: web.Request) -> Wire:
    """Arguments of the query and the body. Raises Refused with Slack's word for a body it cannot read."""
    args: Wire = dict(request.query)
    body = await request.content.read()
    if not body:
        return args
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise Refused("invalid_charset") from None
    match request.content_type:
        case "application/json":
            return args | _json_object(text)
        case "application/x-www-form-urlencoded":
            return args | dict(parse_qsl(text, keep_blank_values=True))
        case "application/octet-stream":
            raise Refused("missing_post_type")
        case _:
            raise Refused("invalid_post_type")


def _json_object(text: str) -> Wire:
    try:
        value = json.loads(text)
    except ValueError:
        raise Refused("invalid_json") from None
    if not isinstance(value, dict):
        raise Refused("json_not_object")
    return value


async def _content(request: web.Request) -> bytes:
    """An upload's bytes: the body itself, or the first part of a multipart form."""
    if not request.content_type.startswith("multipart/"):
        return await request.content.read()
    part = await (await request.multipart()).next()
    return bytes(await part.read()) if isinstance(part, BodyPartReader) else b""
