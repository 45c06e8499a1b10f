"""HTTP: the platforms' webhooks, files and health. Too large a body is refused before it is read."""

from collections.abc import Awaitable, Callable
from functools import partial

import structlog
from aiohttp import web

from bot.app.health import Health, hidden
from bot.app.wiring import Services
from bot.bus.metrics import REFUSED
from bot.core.connector import MAX_BODY, RawRequest
from bot.core.errors import (
    BodyTooLarge,
    DeskError,
    ForgedRequest,
    MalformedPayload,
    StorageUnavailable,
    UnknownAccount,
)
from bot.core.ids import AccountId

log = structlog.get_logger(__name__)

_SHOWN = 1000

_STATUS: tuple[tuple[type[DeskError], int], ...] = (
    (ForgedRequest, 401),
    (MalformedPayload, 400),
    (UnknownAccount, 404),
    (BodyTooLarge, 413),
    (StorageUnavailable, 503),  # the platform will send it again
)


def web_app(services: Services) -> web.Application:
    """Return the app with everything that is served, except the sandbox."""
    app = web.Application(client_max_size=MAX_BODY)
    health_of(services).add_to(app, hidden=hidden(services.settings))
    app.router.add_get("/files/{token}", services.file_service.serve)
    app.router.add_route("*", "/{tail:.+}", _hooks(services))  # connectors choose the paths of their webhooks
    return app


def health_of(services: Services) -> Health:
    """Return the health of a process with connectors."""
    return Health(
        database=services.database,
        redis=services.wakeups.redis,
        accounts=partial(_accounts, services),
        token=services.settings.metrics_token,
    )


def _accounts(services: Services) -> list[dict[str, str]]:
    """Return the state of each account in this process: a thousand at most, those that do not work first."""
    states: dict[AccountId, str] = dict.fromkeys(services.connections.problems, "failed")
    states = dict(services.listeners.states) | states
    known = sorted(services.directory, key=lambda account: states.get(account.id) != "failed")
    return [
        {
            "id": str(account.id),
            "organization": str(account.organization),
            "channel": account.channel,
            "account": account.account,
            "state": states.get(account.id, "open"),
        }
        for account in known[:_SHOWN]
    ]


def _hooks(services: Services) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def hook(request: web.Request) -> web.StreamResponse:
        """Handle one call of a platform. Only a fault of ours answers 5xx; then the platform tries again."""
        try:
            route = await services.connections.route(request.path)
            if route is None:
                raise UnknownAccount("webhook", request.path[:100])
            if request.method not in route.methods:
                return _refuse("request.method", 405)
            raw = RawRequest(
                headers={name.lower(): value for name, value in request.headers.items()},
                body=await _body(request),
                method=request.method,
                query=dict(request.query),
            )
            answer = await route.handle(raw)
        except DeskError as error:
            return _refuse(error.code, _status(error))
        return web.Response(
            status=answer.status,
            body=answer.body,
            content_type=answer.content_type,
            headers=answer.headers,
        )

    return hook


async def _body(request: web.Request) -> bytes:
    if (request.content_length or 0) > MAX_BODY:
        raise BodyTooLarge(MAX_BODY)
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise BodyTooLarge(MAX_BODY) from None
    except (ValueError, web.RequestPayloadError) as error:
        raise MalformedPayload("body", type(error).__name__) from None


def _status(error: DeskError) -> int:
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def _refuse(code: str, status: int) -> web.Response:
    REFUSED.labels(code).inc()
    log.warning("request refused", code=code, status=status)
    return web.json_response({"error": code}, status=status)
