"""The provider's token endpoint, only for refreshing. https://www.rfc-editor.org/rfc/rfc6749#section-6"""

import secrets
from collections.abc import Callable

from aiohttp import web

from connectors.sandbox.mail.server import MailServer


class TokenServer:
    """Exchanges one refresh token for access tokens of the mail server.

    Each new token ends the one before.
    """

    def __init__(
        self,
        mail: MailServer,
        *,
        client_id: str = "sandbox-client",
        client_secret: str = "sandbox-client-secret",  # noqa: S107
        refresh_token: str = "sandbox-refresh-token",  # noqa: S107
        lifetime: int = 3600,
        new_token: Callable[[], str] = lambda: secrets.token_urlsafe(24),
    ) -> None:
        self.exchanged = 0
        self.failing = 0  # how many calls are answered with 503
        self._mail = mail
        self._expected = {
            "grant_type": "refresh_token",
            "client_id": client_id,
            "client_secret": client_secret,
            "refresh_token": refresh_token,
        }
        self._lifetime = lifetime
        self._new_token = new_token

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/token", self._token)
        return app

    async def _token(self, request: web.Request) -> web.Response:
        if self.failing:
            self.failing -= 1
            return web.Response(status=503)
        form = await request.post()
        if any(form.get(name) != value for name, value in self._expected.items()):
            return web.json_response({"error": "invalid_grant"}, status=400)
        token = self._new_token()
        self._mail.tokens.clear()
        self._mail.tokens.add(token)
        self.exchanged += 1
        return web.json_response(
            {"access_token": token, "token_type": "Bearer", "expires_in": self._lifetime}
        )
