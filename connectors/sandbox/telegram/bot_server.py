"""The Bot API over HTTP: `/bot<token>/<method>` and `/file/bot<token>/<path>`."""

import asyncio
import json
import re
from collections import deque

from aiohttp import web

from connectors.sandbox.fault import Fault, FaultKind, Faults
from connectors.sandbox.telegram.api import Api
from connectors.sandbox.telegram.media import MAX_UPLOAD
from connectors.sandbox.telegram.model import ApiError, JsonObject, SentCall, bad_request
from connectors.sandbox.telegram.params import Params, read_params
from connectors.sandbox.telegram.updates import KINDS, UpdateBox
from connectors.sandbox.telegram.webhook import Webhook

PLATFORM = "telegram"
_SECRET = re.compile(r"[A-Za-z0-9_-]{0,256}")


class BotServer:
    """Answers one bot's calls, and remembers the last `call_log` of them."""

    def __init__(
        self, token: str, api: Api, box: UpdateBox, faults: Faults, *, me: JsonObject, call_log: int
    ) -> None:
        self._token = token
        self.revoked = False  # @BotFather has issued another token
        self._api = api
        self._chats = api.chats
        self._box = box
        self._faults = faults
        self._me = me
        self.calls: deque[SentCall] = deque(maxlen=call_log)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        if request.match_info["token"] != self._token or self.revoked:
            return _reply(401, {"ok": False, "error_code": 401, "description": "Unauthorized"})
        fault = await self._faults.before(PLATFORM, method)
        if fault is not None and fault.kind is FaultKind.DELAY:
            await asyncio.sleep(fault.seconds)
        params = Params({})
        try:
            params = await read_params(_with_room(request))
            _strike(fault)
            body = b'{"ok":true,"result":%b}' % await self._call(method.lower(), params)
            status = 200
        except ApiError as error:
            body, status = json.dumps(error.body()).encode(), error.code
        answered = fault is None or fault.kind not in {FaultKind.RESET, FaultKind.LOST_RESPONSE}
        self.calls.append(SentCall(method, params.values, self._chats.clock(), status, answered))
        if not answered and request.transport is not None:
            request.transport.abort()
        return web.Response(body=body, status=status, content_type="application/json")

    async def _call(self, method: str, params: Params) -> bytes:
        match method:
            case "getupdates":
                return await self._get_updates(params)
            case "setwebhook":
                return await self._set_webhook(params)
            case "deletewebhook":
                await self._box.set_webhook(None, drop_pending=params.boolean("drop_pending_updates"))
                return b"true"
            case "getwebhookinfo":
                return json.dumps(self.webhook_info()).encode()
            case "getme":
                return json.dumps(self._me).encode()
        handler = self._api.method(method)
        if handler is None:
            raise ApiError(404, "Not Found: method not found")
        return json.dumps(handler(params)).encode()

    async def _get_updates(self, params: Params) -> bytes:
        self._allow(params)
        limit = min(100, max(1, params.integer("limit", 100)))
        timeout = min(50, max(0, params.integer("timeout")))
        updates = await self._box.get(params.integer("offset"), limit, timeout)
        return f"[{','.join(update.body for update in updates)}]".encode()

    async def _set_webhook(self, params: Params) -> bytes:
        url, secret = params.text("url"), params.text("secret_token")
        if url and not url.startswith(("https://", "http://")):
            raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
        if not _SECRET.fullmatch(secret):
            raise bad_request("secret token contains unallowed characters")
        connections = min(100, max(1, params.integer("max_connections", 40)))
        self._allow(params)
        webhook = Webhook(
            url=url, secret_token=secret, max_connections=connections, ip_address=params.text("ip_address")
        )
        drop = params.boolean("drop_pending_updates")
        await self._box.set_webhook(webhook if url else None, drop_pending=drop)
        return b"true"

    def _allow(self, params: Params) -> None:
        wanted = params.strings("allowed_updates")
        if wanted is not None:
            self._box.allowed = frozenset(wanted) & frozenset(KINDS) or None

    async def download(self, request: web.Request) -> web.Response:
        if request.match_info["token"] != self._token or self.revoked:
            return _reply(401, {"ok": False, "error_code": 401, "description": "Unauthorized"})
        file = self._chats.paths.get(request.match_info["path"])
        if file is None:
            return _reply(404, {"ok": False, "error_code": 404, "description": "Not Found"})
        return web.Response(body=file.content, content_type="application/octet-stream")

    def webhook_info(self) -> JsonObject:
        webhook, allowed, error = self._box.webhook, self._box.allowed, self._box.last_error
        info: JsonObject = {
            "url": webhook.url if webhook else "",
            "has_custom_certificate": False,
            "pending_update_count": len(self._box.pending),
        }
        if webhook:
            info["max_connections"] = webhook.max_connections
            if webhook.ip_address:
                info["ip_address"] = webhook.ip_address
        if error:
            info["last_error_date"], info["last_error_message"] = error.at, error.message
        if allowed is not None:
            info["allowed_updates"] = sorted(allowed)
        return info


def _strike(fault: Fault | None) -> None:
    """Return the answer for a fault whose call has no effect."""
    if fault is None:
        return
    match fault.kind:
        case FaultKind.RATE_LIMITED:
            seconds = max(1, round(fault.seconds))
            raise ApiError(429, f"Too Many Requests: retry after {seconds}", retry_after=seconds)
        case FaultKind.SERVER_ERROR:
            raise ApiError(500, "Internal Server Error")
        case FaultKind.RESET:
            raise ApiError(0, "connection reset")
        case FaultKind.LOST_RESPONSE | FaultKind.DELAY:
            return


def _with_room(request: web.Request) -> web.BaseRequest:
    """Return the request with a body limit as large as the platform's, whatever the surrounding server
    accepts.
    """
    if request.content_type == "multipart/form-data":
        return request.clone(client_max_size=MAX_UPLOAD + 64 * 1024)
    return request


def _reply(status: int, body: JsonObject) -> web.Response:
    return web.Response(body=json.dumps(body).encode(), status=status, content_type="application/json")
