"""Check every call in the same way: version, token, proof and faults. Log what the product called."""

import asyncio
import hashlib
import hmac
import re
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from aiohttp import web

from bot.core.ids import Clock
from connectors.sandbox.fault import Fault, FaultKind, Faults
from connectors.sandbox.meta.errors import (
    GraphError,
    JsonObject,
    expired_token,
    invalid,
    json_answer,
    no_token,
    server_error,
    wrong_token,
)
from connectors.sandbox.meta.params import Params, read_params
from connectors.sandbox.meta.trouble import Trouble, Troubles

VERSION = r"{version:v\d{1,3}\.\d}"
Answer = JsonObject | web.StreamResponse
Handler = Callable[[web.Request, Params], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class SentCall:
    """One call of the product, as it came in."""

    name: str  # "messages", "media", "media_url", …
    method: str
    params: Mapping[str, object]
    at: datetime
    status: int  # as answered; 0 if the connection was reset before any effect
    code: int = 0  # Meta's error code, or 0
    answered: bool = True  # False: the product never read the answer


class Calls:
    """Answers the calls to one platform. `throttled` makes the platform's own 429."""

    def __init__(
        self,
        platform: str,
        *,
        token: str,
        app_secret: str,
        clock: Clock,
        faults: Faults,
        troubles: Troubles,
        throttled: Callable[[float], GraphError],
        log_size: int,
    ) -> None:
        self._platform = platform
        self._token = token
        self._proof = hmac.new(app_secret.encode(), token.encode(), hashlib.sha256).hexdigest()
        self._clock = clock
        self._faults = faults
        self._troubles = troubles
        self._throttled = throttled
        self.log: deque[SentCall] = deque(maxlen=log_size)

    def checked(
        self, name: str, handler: Handler, *, token: bool = True
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """Return an aiohttp handler that checks a call before `handler` gets it.

        Faults and the log use `name`.
        """

        async def answer(request: web.Request) -> web.StreamResponse:
            return await self._answer(request, name, handler, token)

        return answer

    async def _answer(
        self, request: web.Request, name: str, handler: Handler, token: bool
    ) -> web.StreamResponse:
        fault = await self._faults.before(self._platform, name)
        if fault is not None and fault.kind is FaultKind.DELAY:
            await asyncio.sleep(fault.seconds)
        params, code = Params({}), 0
        try:
            params = await read_params(request)
            if token:
                self._let_in(request, params)
            self._strike(fault)
            made = await handler(request, params)
            answer = made if isinstance(made, web.StreamResponse) else json_answer(made)
            status = answer.status
        except GraphError as error:
            answer, status, code = error.answer(), error.status, error.code
        except _ConnectionReset:
            answer, status = web.Response(status=500), 0
        answered = fault is None or fault.kind not in {FaultKind.RESET, FaultKind.LOST_RESPONSE}
        shown = {key: value for key, value in params.values.items() if key != "access_token"}
        self.log.append(SentCall(name, request.method, shown, self._clock(), status, code, answered))
        if not answered and request.transport is not None:
            request.transport.abort()
        answer.headers.setdefault("facebook-api-version", request.match_info.get("version", "v23.0"))
        return answer

    def _let_in(self, request: web.Request, params: Params) -> None:
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() not in ("bearer", "oauth") or not given:
            given = params.text("access_token")
        if not given:
            raise no_token()
        if not hmac.compare_digest(given.strip().encode(), self._token.encode()):
            raise wrong_token()
        if self._troubles.strikes(Trouble.TOKEN_EXPIRED):
            raise expired_token()
        proof = params.text("appsecret_proof")
        if proof and not hmac.compare_digest(proof.encode(), self._proof.encode()):
            raise invalid("Invalid appsecret_proof provided in the API argument")

    def _strike(self, fault: Fault | None) -> None:
        match fault.kind if fault is not None else None:
            case FaultKind.RATE_LIMITED:
                raise self._throttled(fault.seconds if fault is not None else 0.0)
            case FaultKind.SERVER_ERROR:
                raise server_error()
            case FaultKind.RESET:
                raise _ConnectionReset
            case _:
                return


class _ConnectionReset(Exception):
    """The connection ends before the call has any effect."""


def picked(whole: Mapping[str, object], fields: str, default: str, always: str = "id") -> JsonObject:
    """Return the fields that a call asks for by `fields=a,b{c}`. Raise GraphError 100 for unknown ones."""
    names = [name.partition("{")[0].strip() for name in re.split(r",(?![^{]*})", fields or default)]
    for name in names:
        if name and name not in whole:
            raise invalid(f"Tried accessing nonexisting field ({name[:60]}) on node type (Object)")
    wanted = {*names, always}
    return {key: value for key, value in whole.items() if key in wanted}
