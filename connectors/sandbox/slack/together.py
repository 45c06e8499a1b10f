"""Several apps behind one address, as Slack has them: each call names its app by the token or client id.

The first app answers whatever names none. The others' sockets, uploads and files have addresses of their own,
below the common one, which are handed out to the app with its calls.
"""

from base64 import b64decode
from collections.abc import Sequence

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler
from aiohttp.web_middlewares import middleware

from connectors.sandbox.slack.standin import SlackStandIn


def together(stand_ins: Sequence[SlackStandIn]) -> web.Application:
    """An application like `SlackStandIn.app`, which starts and closes all of them."""
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
    """The token and the OAuth client that the request names, where it does."""
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
