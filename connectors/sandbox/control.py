"""The control API: everything that people on the platforms can do and see, as JSON over HTTP."""

import json
from collections.abc import Mapping, Sequence

from aiohttp import web

from bot.core.errors import CommandError
from connectors.sandbox.body import Body, Deed
from connectors.sandbox.guard import refuse_strangers
from connectors.sandbox.sides import Deeds, Side
from connectors.sandbox.slack import Refused

MAX_BODY = 70 * 1024 * 1024  # a file of 50 MB in base64


class Control:
    """Serves the control API. GET shows and POST acts, at `api/<side>/<name>`, such as `api/whatsapp/say`.

    The names in `shared` have no side.
    """

    def __init__(self, sides: Sequence[Side], shared: Sequence[Deeds]) -> None:
        self._files = {side.name: side.file for side in sides}
        self._views: dict[str, Deed] = {}
        self._deeds: dict[str, Deed] = {}
        for side in sides:
            self._views |= _under(side.name, side.deeds.views())
            self._deeds |= _under(side.name, side.deeds.deeds())
        for more in shared:
            self._views |= more.views()
            self._deeds |= more.deeds()

    def add_routes(self, app: web.Application) -> None:
        app.router.add_get("/api/{side}/file/{path:.+}", self._file)
        app.router.add_get("/api/{name:.+}", self._show)
        app.router.add_post("/api/{name:.+}", self._do)

    async def _show(self, request: web.Request) -> web.Response:
        refuse_strangers(request)
        return await _answer(self._views, request.match_info["name"], Body(dict(request.query)))

    async def _do(self, request: web.Request) -> web.Response:
        refuse_strangers(request)
        if request.content_type != "application/json":
            # A browser sends this type from another site only if we allow it.
            return _refusal("Send JSON, with Content-Type application/json.", 415)
        try:
            loaded = json.loads(await request.clone(client_max_size=MAX_BODY).read() or b"{}")
        except (ValueError, RecursionError):
            return _refusal("The body is no JSON.")
        if not isinstance(loaded, dict):
            return _refusal("The body is no JSON object.")
        return await _answer(self._deeds, request.match_info["name"], Body(loaded))

    async def _file(self, request: web.Request) -> web.Response:
        refuse_strangers(request)
        show = self._files.get(request.match_info["side"])
        if show is None:
            raise web.HTTPNotFound
        try:
            return show(request.match_info["path"], request.query)
        except (LookupError, CommandError):
            raise web.HTTPNotFound from None


def _under(side: str, deeds: Mapping[str, Deed]) -> dict[str, Deed]:
    return {f"{side}/{name}": deed for name, deed in deeds.items()}


async def _answer(deeds: Mapping[str, Deed], name: str, body: Body) -> web.Response:
    deed = deeds.get(name)
    if deed is None:
        return _refusal(f"There is no {name[:60]!r} here.", 404)
    try:
        return web.json_response(await deed(body))
    except (CommandError, ValueError) as error:
        return _refusal(str(error))
    except Refused as refusal:
        return _refusal(refusal.code)


def _refusal(sentence: str, status: int = 400) -> web.Response:
    return web.json_response({"error": sentence}, status=status)
