"""Get access tokens for XOAUTH2 with a refresh token. https://www.rfc-editor.org/rfc/rfc6749#section-6"""

import asyncio
import json
from datetime import datetime, timedelta

import aiohttp

from bot.core.errors import AccountSuspended, PlatformDown
from bot.core.ids import Clock
from connectors.email.settings import OAuthSettings

_TIMEOUT = aiohttp.ClientTimeout(total=20)
_EARLY = timedelta(minutes=2)
_MAX_ANSWER = 64 * 1024


class AccessTokens:
    """The access token of one mailbox, kept until shortly before it expires.

    Concurrent callers cause one request.
    """

    def __init__(self, oauth: OAuthSettings, clock: Clock) -> None:
        self._oauth = oauth
        self._clock = clock
        self._token = ""
        self._until: datetime | None = None
        self._lock = asyncio.Lock()

    async def token(self) -> str:
        """Return a valid access token.

        Raise AccountSuspended if the provider refuses one, PlatformDown if it is away.
        """
        async with self._lock:
            if not self._token or self._until is None or self._clock() >= self._until:
                self._token, lifetime = await self._refresh()
                self._until = self._clock() + lifetime - _EARLY
            return self._token

    def forget(self, token: str) -> None:
        """Drop a token that the mail server refused, so that the next call gets a new one."""
        if token == self._token:
            self._until = None

    async def _refresh(self) -> tuple[str, timedelta]:
        form = {
            "grant_type": "refresh_token",
            "client_id": self._oauth.client_id,
            "client_secret": self._oauth.client_secret,
            "refresh_token": self._oauth.refresh_token,
        }
        if self._oauth.scope:
            form["scope"] = self._oauth.scope
        try:
            async with (
                aiohttp.ClientSession(timeout=_TIMEOUT) as session,
                session.post(self._oauth.token_url, data=form, allow_redirects=False) as answer,
            ):
                status, body = answer.status, await answer.content.read(_MAX_ANSWER)
            data: object = json.loads(body) if status < 500 else None
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise PlatformDown(f"oauth: the token address did not answer ({type(error).__name__})") from error
        if status >= 500 or status == 429:
            raise PlatformDown(f"oauth: the token address answered {status}")
        token = data.get("access_token") if isinstance(data, dict) else None
        if status != 200 or not isinstance(token, str):
            code = str(data.get("error", status))[:60] if isinstance(data, dict) else str(status)
            raise AccountSuspended(
                f"oauth {code}: the provider gives no access token; connect the mailbox anew"
            )
        lifetime = data.get("expires_in") if isinstance(data, dict) else None
        seconds = (
            int(lifetime) if isinstance(lifetime, (int, float, str)) and str(lifetime).isdecimal() else 3000
        )
        return token, timedelta(seconds=min(max(seconds, 180), 86400))
