"""The control API: whatever people on both platforms can do and see, as JSON over HTTP."""

import json
from collections.abc import Mapping
from dataclasses import asdict

from aiohttp import web

from bot.core.errors import CommandError
from connectors.sandbox.body import Body, Deed
from connectors.sandbox.faults import PLATFORMS, FaultPlan, Mischief
from connectors.sandbox.guard import refuse_strangers
from connectors.sandbox.live import LiveFeed
from connectors.sandbox.phone_deeds import PhoneDeeds
from connectors.sandbox.slack import Refused, SlackStandIn
from connectors.sandbox.slack_deeds import Configure, SlackDeeds
from connectors.sandbox.telegram import TelegramStandIn

MAX_BODY = 70 * 1024 * 1024  # a file of 50 MB in base64
_SHOWN_IN_BROWSER = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})


class Control:
    """GET shows, POST does: `api/{telegram,slack,faults}/<name>`, `api/faults`, `api/configure`."""

    def __init__(
        self,
        telegram: TelegramStandIn,
        slack: SlackStandIn,
        faults: FaultPlan,
        live: LiveFeed,
        configure: Configure,
    ) -> None:
        self._telegram, self._slack, self._faults, self._live = telegram, slack, faults, live
        phone, staff = PhoneDeeds(telegram), SlackDeeds(slack, configure)
        self._views: dict[str, Deed] = {
            **_under("telegram", phone.views()),
            **_under("slack", staff.views()),
            "faults": self._show_faults,
        }
        self._deeds: dict[str, Deed] = {
            **_under("telegram", phone.deeds()),
            **_under("slack", staff.deeds()),
            "faults/switch": self._switch_fault,
            "faults/add": self._add_fault,
            "faults/remove": self._remove_fault,
            "faults/clear": self._clear_faults,
            "configure": staff.set_urls,
        }

    def add_routes(self, app: web.Application) -> None:
        app.router.add_get("/api/telegram/file/{file_id}", self._telegram_file)
        app.router.add_get("/api/slack/file/{file_id}", self._slack_file)
        app.router.add_get("/api/{name:.+}", self._show)
        app.router.add_post("/api/{name:.+}", self._do)

    async def _show(self, request: web.Request) -> web.Response:
        refuse_strangers(request)
        return await _answer(self._views, request.match_info["name"], Body(dict(request.query)))

    async def _do(self, request: web.Request) -> web.Response:
        refuse_strangers(request)
        if request.content_type != "application/json":
            # A form of another site could not send this type without asking first.
            return _refusal("Send JSON, with Content-Type application/json.", 415)
        try:
            loaded = json.loads(await request.clone(client_max_size=MAX_BODY).read() or b"{}")
        except ValueError:
            return _refusal("The body is no JSON.")
        if not isinstance(loaded, dict):
            return _refusal("The body is no JSON object.")
        return await _answer(self._deeds, request.match_info["name"], Body(loaded))

    async def _telegram_file(self, request: web.Request) -> web.Response:
        refuse_strangers(request)
        file_id = request.match_info["file_id"]
        try:
            content = self._telegram.file(file_id)
        except KeyError:
            raise web.HTTPNotFound from None
        return _file(content, self._telegram.file_type(file_id))

    async def _slack_file(self, request: web.Request) -> web.Response:
        refuse_strangers(request)
        try:
            content = self._slack.file_content(request.match_info["file_id"])
        except Refused:
            raise web.HTTPNotFound from None
        return _file(content, request.query.get("type", ""))

    # Faults

    async def _show_faults(self, _: Body) -> object:
        return {
            "platforms": PLATFORMS,
            "kinds": [kind.value for kind in Mischief],
            "rules": [asdict(rule) for rule in self._faults.rules()],
            "injected": {f"{platform}/{kind}": n for (platform, kind), n in self._faults.injected.items()},
        }

    async def _switch_fault(self, body: Body) -> object:
        self._faults.switch(body.text("platform"), _mischief(body), body.fraction("probability", 1.0))
        return self._faults_changed()

    async def _add_fault(self, body: Body) -> object:
        seconds = body.values.get("seconds")
        rule = self._faults.add(
            body.text("platform"),
            _mischief(body),
            pattern=body.text("pattern", "*"),
            probability=body.fraction("probability", 1.0),
            count=body.maybe_number("count"),
            seconds=None if seconds is None else body.fraction("seconds", 0.0),
        )
        self._faults_changed()
        return {"id": rule.id}

    async def _remove_fault(self, body: Body) -> object:
        self._faults.remove(body.number("id"))
        return self._faults_changed()

    async def _clear_faults(self, _: Body) -> object:
        self._faults.clear()
        return self._faults_changed()

    def _faults_changed(self) -> object:
        self._live.tell({"platform": "faults"})
        return {}


def _under(platform: str, deeds: Mapping[str, Deed]) -> dict[str, Deed]:
    return {f"{platform}/{name}": deed for name, deed in deeds.items()}


def _mischief(body: Body) -> Mischief:
    try:
        return Mischief(body.text("kind"))
    except ValueError:
        raise CommandError(f"'kind' is one of {', '.join(Mischief)}.") from None


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


def _file(content: bytes, mime_type: str) -> web.Response:
    """Pictures are shown; anything else is only saved, so that no page of a stranger runs here."""
    headers = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; sandbox"}
    if mime_type in _SHOWN_IN_BROWSER:
        return web.Response(body=content, content_type=mime_type, headers=headers)
    headers["Content-Disposition"] = "attachment"
    return web.Response(body=content, content_type="application/octet-stream", headers=headers)
