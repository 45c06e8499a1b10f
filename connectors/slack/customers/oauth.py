"""Let a person install the app in a workspace: two pages of ours, with Slack's own between them.

https://docs.slack.dev/authentication/installing-with-oauth
"""

import hmac
from dataclasses import dataclass
from html import escape
from urllib.parse import urlencode, urlsplit

from aiohttp import encode_basic_auth

from bot.core.connector import RawRequest, RawResponse
from bot.core.errors import PlatformDown, SendError
from bot.core.ids import Clock
from connectors.payload import Node
from connectors.slack.api import Api
from connectors.slack.customers.installations import Installations, granted
from connectors.slack.customers.states import LIFE, States
from connectors.slack.failures import code_of
from connectors.slack.scopes import CUSTOMERS

_MAX_CODE = 500
_COOKIE = "slack_install"
_GOOD_FOR = "It is good for ten minutes, once, and in the browser that began."
# The page's address contains a code that nobody else may learn.
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'",
    "Referrer-Policy": "no-referrer",
}


@dataclass(frozen=True, slots=True)
class App:
    """The organization's app at Slack. `authorize` is Slack's page, `install` and `callback` are ours."""

    client_id: str
    client_secret: str
    authorize: str
    install: str
    callback: str


class Exchange:
    """Exchanges codes and refresh tokens for tokens, by `oauth.v2.access`.

    Slack gives each answer only once. Asking twice does no other harm.
    """

    def __init__(self, app: App, api: Api) -> None:
        self._app = app
        self._api = api

    async def code(self, code: str) -> Node:
        return await self._access({"code": code, "redirect_uri": self._app.callback})

    async def renewal(self, refresh: str) -> Node:
        """Exchange a refresh token for a new token:
        https://docs.slack.dev/authentication/using-token-rotation
        """
        return await self._access({"grant_type": "refresh_token", "refresh_token": refresh})

    async def _access(self, arguments: dict[str, str]) -> Node:
        # slack_sdk's `oauth_v2_access` is not used: it uses a class that aiohttp warns about.
        headers = {"Authorization": encode_basic_auth(self._app.client_id, self._app.client_secret)}
        return await self._api.call(
            lambda web: web.api_call("oauth.v2.access", data=arguments, headers=headers), repeatable=True
        )


class OAuthFlow:
    def __init__(
        self, app: App, exchange: Exchange, installations: Installations, states: States, clock: Clock
    ) -> None:
        self._app = app
        self._exchange = exchange
        self._installations = installations
        self._states = states
        self._clock = clock

    async def install(self, request: RawRequest) -> RawResponse:  # noqa: ARG002
        state = self._states.issue()
        query = urlencode(
            {
                "client_id": self._app.client_id,
                "scope": ",".join(CUSTOMERS),
                "redirect_uri": self._app.callback,
                "state": state,
            }
        )
        headers = {"Location": f"{self._app.authorize}?{query}", "Set-Cookie": self._cookie(state)}
        return RawResponse(302, headers=headers)

    def _cookie(self, state: str) -> str:
        """Return the cookie that proves that the browser which comes back is the one that began.

        Without it, a person could be sent back with a workspace that somebody else chose.
        """
        page = urlsplit(self._app.callback)
        life = int(LIFE.total_seconds())
        cookie = f"{_COOKIE}={state}; Max-Age={life}; Path={page.path}; HttpOnly; SameSite=Lax"
        return f"{cookie}; Secure" if page.scheme == "https" else cookie

    async def callback(self, request: RawRequest) -> RawResponse:
        """Handle the return from Slack's page.

        Every problem but StorageUnavailable is told to the person on the page.
        """
        again = f'<p><a href="{escape(self._app.install)}">Begin again</a></p>'
        state = request.query.get("state", "")
        if not _begun_here(request, state) or not await self._states.spend(state):
            return _page(400, "This link has expired", f"<p>{_GOOD_FOR}</p>{again}")
        if problem := request.query.get("error", ""):
            words = "You did not allow it." if problem == "access_denied" else "Slack did not allow it."
            return _page(400, "Not connected", f"<p>{words}</p>{again}")
        try:
            answer = await self._exchange.code(request.query.get("code", "")[:_MAX_CODE])
        except SendError as error:
            status = 502 if isinstance(error, PlatformDown) else 400
            return _page(status, "Not connected", f"<p>Slack said: {escape(code_of(error))}.</p>{again}")
        made = granted(answer, self._clock())
        if not made.key or not made.token:
            return _page(502, "Not connected", f"<p>Slack gave no token for a workspace.</p>{again}")
        await self._installations.keep(made)
        link = f"https://slack.com/app_redirect?{urlencode({'app': answer.text('app_id'), 'team': made.key})}"
        return _page(
            200,
            f"Connected to {escape(made.name)}",
            f'<p>Write to us in Slack at any time. <a href="{escape(link)}">Open Slack</a></p>',
        )


def _begun_here(request: RawRequest, state: str) -> bool:
    # http.cookies is not used: it stops reading at the first cookie that it rejects, perhaps a foreign one.
    cookies = (cookie.strip().partition("=") for cookie in request.headers.get("cookie", "").split(";"))
    kept = next((value for name, _, value in cookies if name == _COOKIE), "")
    return bool(kept) and hmac.compare_digest(
        kept.encode("utf-8", "replace"), state.encode("utf-8", "replace")
    )


def _page(status: int, title: str, body: str) -> RawResponse:
    page = (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        f"<title>{title}</title></head><body><h1>{title}</h1>{body}</body></html>"
    )
    return RawResponse(status, page.encode(), "text/html", _HEADERS)
