"""The HTTP routes: the Web API, uploads and downloads, response_urls, and the WebSocket of Socket Mode."""

import asyncio
import json
import math
from base64 import b64decode
from collections.abc import Mapping
from urllib.parse import parse_qsl

from aiohttp import BodyPartReader, web

from connectors.sandbox.fault import Fault, FaultKind, Faults
from connectors.sandbox.rate_limit import Rate, RateLimiter
from connectors.sandbox.slack import assistant, chat, conversations, files, people, views
from connectors.sandbox.slack.call import Call, Method
from connectors.sandbox.slack.limits import HISTORY_METHODS, HISTORY_OF_UNLISTED, HISTORY_PAGE
from connectors.sandbox.slack.oauth import Installs
from connectors.sandbox.slack.responses import respond
from connectors.sandbox.slack.sockets import Sockets
from connectors.sandbox.slack.wire import Refused, Wire
from connectors.sandbox.slack.workspace import Workspace

METHODS: dict[str, Method] = {
    **assistant.METHODS,
    **chat.METHODS,
    **conversations.METHODS,
    **files.METHODS,
    **people.METHODS,
    **views.METHODS,
}
_OPEN_TO_ALL = "api.test"
_CONNECT = "apps.connections.open"
_OAUTH = "oauth.v2.access"


class SlackWeb:
    def __init__(
        self,
        workspaces: Mapping[str, Workspace],
        installs: Installs,
        sockets: Sockets,
        posts: RateLimiter,
        post_rate: Rate | None,
        faults: Faults,
        *,
        app_token: str,
        address_is_fixed: bool,
    ) -> None:
        self._workspaces = workspaces
        self._installs = installs
        self._sockets = sockets
        self._posts = posts
        self._history = RateLimiter()
        self._post_rate = post_rate
        self._faults = faults
        self._app_token = app_token
        self._address_is_fixed = address_is_fixed

    def add_routes(self, app: web.Application) -> None:
        app.router.add_route("GET", "/api/{method}", self.api)
        app.router.add_route("POST", "/api/{method}", self.api)
        app.router.add_get("/socket", self._sockets.accept)
        app.router.add_post("/upload/{file_id}", self.upload)
        app.router.add_get("/files/{file_id}/{name:.*}", self.download)
        app.router.add_get("/signin", _signin)
        app.router.add_get("/oauth/v2/authorize", self.authorize)
        app.router.add_get("/oauth/v2/allow", self.allow)
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

    def opens(self, token: str) -> bool:
        """Return whether the token is, or was, one of this app's."""
        return bool(token) and (token == self._app_token or self._installs.knows(token))

    def _learn_address(self, request: web.Request, suffix: str) -> None:
        """Remember the address at which the app reached us, so that URLs handed out lead back that way."""
        if not self._address_is_fixed:
            origin = request.url.origin()
            for workspace in self._workspaces.values():
                workspace.address = f"{origin}{request.path.removesuffix(suffix)}"

    async def _answer(self, request: web.Request, method: str) -> web.Response:
        try:
            args = await _arguments(request)
            if method == _OAUTH:
                args = _client(request) | args
            result = self._perform(method, args, _bearer(request) or str(args.get("token") or ""))
        except Refused as refusal:
            retry_after = refusal.fields.get("retry_after")
            if retry_after is not None:
                return _rate_limited(retry_after)
            return web.json_response(refusal.answer())
        told = {"X-OAuth-Scopes": ",".join(self._installs.scopes)} if self._installs.scopes else {}
        return web.json_response({"ok": True, **result}, headers=told)

    def _perform(self, method: str, args: Mapping[str, object], token: str) -> Wire:
        first = next(iter(self._workspaces.values()))
        if method == _OAUTH:
            return self._installs.access(args)
        if method not in METHODS and method != _CONNECT:
            raise Refused("unknown_method", req_method=method)
        workspace = first if method == _OPEN_TO_ALL else self._authorize(method, token) or first
        if method == _CONNECT:
            return {"url": self._sockets.issue(first.address)}
        if method in HISTORY_METHODS and not self._installs.client.listed:
            _limit(workspace, self._history, f"{workspace.home.team_id}.{method}", HISTORY_OF_UNLISTED)
            args = {**args, "limit": HISTORY_PAGE}
        call = Call(workspace, args)
        if method == "chat.postMessage" and self._post_rate is not None:
            _limit(workspace, self._posts, chat.target(call).id, self._post_rate)
        return METHODS[method](call)

    def _authorize(self, method: str, token: str) -> Workspace | None:
        """Return the workspace that the token opens; None for the app's own token. Raises Refused."""
        if not token:
            raise Refused("not_authed")
        workspace = None if token == self._app_token else self._installs.workspace(token)
        if (workspace is None) != (method == _CONNECT):
            raise Refused("not_allowed_token_type")
        return workspace

    async def authorize(self, request: web.Request) -> web.Response:
        """Return the page on which a person lets the app into a workspace."""
        address = f"{request.url.origin()}{request.path.removesuffix('/oauth/v2/authorize')}"
        try:
            page = self._installs.page(request.query, address)
        except Refused as refusal:
            return web.Response(status=400, text=refusal.code)
        return web.Response(text=page, content_type="text/html")

    async def allow(self, request: web.Request) -> web.Response:
        try:
            target = self._installs.allow(request.query)
        except Refused as refusal:
            return web.Response(status=400, text=refusal.code)
        return web.Response(status=302, headers={"Location": target})

    def _holding(self, file_id: str) -> Workspace:
        """Return the workspace in which a file was announced."""
        first = next(iter(self._workspaces.values()))
        return next((each for each in self._workspaces.values() if file_id in each.state.files), first)

    async def upload(self, request: web.Request) -> web.StreamResponse:
        fault = await self._faults.before("slack", "upload")
        if (early := await _before(request, fault)) is not None:
            return early
        try:
            file_id = request.match_info["file_id"]
            size = files.receive(self._holding(file_id), file_id, await _content(request))
        except Refused as refusal:
            return web.Response(status=400, text=refusal.code)
        if fault is not None and fault.kind is FaultKind.LOST_RESPONSE:
            return _cut(request)
        return web.Response(text=f"OK - {size}")

    async def download(self, request: web.Request) -> web.StreamResponse:
        """Answer a `url_private`: the bytes for the token's holder, a sign-in page for everybody else."""
        fault = await self._faults.before("slack", "download")
        if (early := await _before(request, fault)) is not None:
            return early
        try:
            workspace = self._installs.workspace(_bearer(request))
        except Refused:
            mount = request.path.split("/files/", 1)[0]
            return web.Response(status=302, headers={"Location": f"{mount}/signin"})
        try:
            stored = workspace.file(request.match_info["file_id"])
        except Refused as refusal:
            return web.Response(status=404, text=refusal.code)
        return web.Response(body=stored.content, content_type=stored.mimetype)

    async def response_url(self, request: web.Request) -> web.StreamResponse:
        fault = await self._faults.before("slack", "response_url")
        if (early := await _before(request, fault)) is not None:
            return early
        try:
            workspace = self._workspaces.get(request.match_info["team_id"])
            if workspace is None:
                raise Refused("invalid_url")
            respond(workspace, request.match_info["token"], await _arguments(request))
        except Refused as refusal:
            gone = refusal.code in ("invalid_url", "expired_url", "used_url")
            return web.Response(status=404 if gone else 400, text=refusal.code)
        if fault is not None and fault.kind is FaultKind.LOST_RESPONSE:
            return _cut(request)
        return web.Response(text="ok")


async def _signin(request: web.Request) -> web.Response:  # noqa: ARG001
    return web.Response(text="<!DOCTYPE html><title>Slack</title><h1>Sign in</h1>", content_type="text/html")


async def _before(request: web.Request, fault: Fault | None) -> web.StreamResponse | None:
    """Apply a fault before the call's effect. A response means that the effect does not happen."""
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
    """End the connection without an answer. The response returned here cannot be written any more."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def _client(request: web.Request) -> Wire:
    """Return the client's id and secret from HTTP Basic, which Slack prefers to arguments."""
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return {}
    try:
        name, _, secret = b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        return {}
    return {"client_id": name, "client_secret": secret}


def _bearer(request: web.Request) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _limit(workspace: Workspace, limiter: RateLimiter, key: str, rate: Rate) -> None:
    """Count a call. Raise Refused if it comes too fast."""
    if too_fast := limiter.refuses(workspace.clock().timestamp(), {key: rate}):
        raise Refused("ratelimited", retry_after=math.ceil(too_fast.seconds))


async def _arguments(request: web.Request) -> Wire:
    """Return the arguments of the query and the body. Raises Refused for a body that cannot be read."""
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
    """Return an upload's bytes: the body itself, or the first part of a multipart form."""
    if not request.content_type.startswith("multipart/"):
        return await request.content.read()
    part = await (await request.multipart()).next()
    return bytes(await part.read()) if isinstance(part, BodyPartReader) else b""
