"""Serve several apps at one address, as Slack does: each call names its app by the token or client id.

The first app answers calls that name none. The sockets, uploads and files of the others have their own
addresses below the common one, which the app gets in answers to its calls.
"""

from base64 import b64decode
from collections.abc import Sequence

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler
from aiohttp.web_middlewares import middleware

from connectors.sandbox.slack.stand_in import SlackStandIn


def together(stand_ins: Sequence[SlackStandIn]) -> web.Application:
    """Return an application like `SlackStandIn.app` that starts and closes all stand-ins."""
    first, *others = stand_ins
    app = first.app()
    for other in others:
        app.add_subapp(f"/{other.installation.app_id}", other.app())

    @middleware
    async def choose(request: web.Request, handler: Handler) -> web.StreamResponse:
        method = request.match_info.get("method")
        root, shared, page = request.path.rpartition("/oauth/v2/")
        if method is None and not shared:
            return await handler(request)
        token, client = _names(request)
        meant = next((other for other in others if other.is_meant(token, client)), None)
        if meant is None or f"/{meant.installation.app_id}/" in request.path:
            return await handler(request)
        if method is None:
            raise web.HTTPFound(f"{root}/{meant.installation.app_id}/oauth/v2/{page}?{request.query_string}")
        root = request.path.removesuffix(f"/api/{method}")
        meant.reached_at(f"{request.url.origin()}{root}/{meant.installation.app_id}")
        return await meant.call(request)

    app.middlewares.append(choose)
    return app


def _names(request: web.Request) -> tuple[str, str]:
    """Return the token and the OAuth client that the request names, "" for each that it does not."""
    scheme, _, given = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    match scheme.lower():
        case "bearer":
            return given.strip(), ""
        case "basic":
            try:
                return "", b64decode(given, validate=True).decode().partition(":")[0]
            except ValueError:
                return "", ""
        case _:
            return "", request.query.get("client_id", "")
