"""Install the app in further workspaces: the page that asks, codes, tokens, and their end.

https://docs.slack.dev/authentication/installing-with-oauth and .../using-token-rotation
"""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from html import escape
from urllib.parse import urlencode, urlsplit

from connectors.sandbox.slack.wire import Refused, Wire
from connectors.sandbox.slack.workspace import Workspace

CODE_LIFE = timedelta(minutes=10)
TOKEN_LIFE = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Client:
    """The app, as OAuth knows it.

    With `rotates`, tokens live for twelve hours. An app that is not `listed` in Slack's Marketplace may read
    history once a minute.
    """

    id: str
    secret: str
    rotates: bool = False
    listed: bool = True

    @property
    def mark(self) -> str:
        """Return the end of each token of this app, which no other app's tokens have."""
        return hashlib.sha256(f"{self.id}:{self.secret}".encode()).hexdigest()[:12]


@dataclass(slots=True)
class _Code:
    team: str
    redirect_uri: str
    expires: datetime
    used: bool = False


@dataclass(frozen=True, slots=True)
class _Token:
    team: str
    expires: datetime | None


class Installs:
    """Maps tokens to workspaces.

    The app neither hears from a workspace without a token nor can write to it.
    """

    def __init__(self, workspaces: Mapping[str, Workspace], client: Client) -> None:
        self.refreshes = 0
        self.scopes: tuple[str, ...] = ()  # the scopes of every token; if empty, answers name none
        self.client = client
        self._workspaces = workspaces
        self._codes: dict[str, _Code] = {}
        self._tokens: dict[str, _Token] = {}
        self._refresh: dict[str, str] = {}  # refresh token → team
        self._revoked: dict[str, str] = {}  # token → team

    def lasting_tokens(self) -> dict[str, str]:
        """Return the tokens that never expire, with their teams. The app asks for the others anew."""
        return {key: held.team for key, held in self._tokens.items() if held.expires is None}

    def grant(self, token: str, team: str) -> None:
        """Add a token that never expires."""
        self._tokens[token] = _Token(team, None)

    def installed(self, team: str) -> bool:
        return any(token.team == team for token in self._tokens.values())

    def knows(self, token: str) -> bool:
        """Return whether the token opens a workspace, or did before it was revoked."""
        return token in self._tokens or token in self._revoked

    def revoke(self, team: str) -> None:
        for token in [key for key, held in self._tokens.items() if held.team == team]:
            del self._tokens[token]
            self._revoked[token] = team
        self.forget_refreshing(team)

    def forget_refreshing(self, team: str) -> None:
        """Invalidate the workspace's refresh tokens, as if one was used and its answer was lost."""
        self._refresh = {key: held for key, held in self._refresh.items() if held != team}

    def workspace(self, token: str) -> Workspace:
        if token in self._revoked:
            raise Refused("account_inactive")
        found = self._tokens.get(token)
        if found is None:
            raise Refused("invalid_auth")
        workspace = self._workspaces[found.team]
        if found.expires is not None and workspace.clock() >= found.expires:
            raise Refused("token_expired")
        return workspace

    def page(self, query: Mapping[str, str], address: str) -> str:
        """Return the page at /oauth/v2/authorize, with one link for each workspace. Raises Refused."""
        self._asked(query)
        links = "".join(
            f'<li><a href="{escape(address)}/oauth/v2/allow?{escape(urlencode({**query, "team": team}))}">'
            f"Allow for {escape(workspace.home.team_name)}</a></li>"
            for team, workspace in self._workspaces.items()
        )
        return f"<!DOCTYPE html><title>Slack</title><h1>The app asks for access</h1><ul>{links}</ul>"

    def allow(self, query: Mapping[str, str]) -> str:
        """Handle a press of Allow, and return the URL to which the person's browser goes. Raises Refused."""
        redirect = self._asked(query)
        team = query.get("team", "")
        if team not in self._workspaces:
            raise Refused("invalid_team")
        workspace = self._workspaces[team]
        code = f"{workspace.ids('')}.{workspace.ids('')}".lower()
        self._codes[code] = _Code(team, redirect, workspace.clock() + CODE_LIFE)
        return f"{redirect}?{urlencode({'code': code, 'state': query.get('state', '')})}"

    def _asked(self, query: Mapping[str, str]) -> str:
        if query.get("client_id") != self.client.id:
            raise Refused("invalid_client_id")
        if not query.get("scope"):
            raise Refused("invalid_scope")
        redirect = query.get("redirect_uri", "")
        if urlsplit(redirect).scheme not in ("http", "https"):
            raise Refused("bad_redirect_uri")
        return redirect

    def access(self, args: Mapping[str, object]) -> Wire:
        """Implement oauth.v2.access: exchange a code or a refresh token for a token. Raises Refused."""
        if args.get("client_id") != self.client.id:
            raise Refused("invalid_client_id")
        if args.get("client_secret") != self.client.secret:
            raise Refused("bad_client_secret")
        if args.get("grant_type") == "refresh_token":
            return self._refreshed(str(args.get("refresh_token") or ""))
        code = self._codes.get(str(args.get("code") or ""))
        if code is None or self._workspaces[code.team].clock() >= code.expires:
            raise Refused("invalid_code")
        if code.used:
            raise Refused("code_already_used")
        if args.get("redirect_uri", code.redirect_uri) != code.redirect_uri:
            raise Refused("bad_redirect_uri")
        code.used = True
        workspace = self._workspaces[code.team]
        return {**self._issued(workspace), "authed_user": {"id": workspace.home.bot_user}}

    def _refreshed(self, refresh: str) -> Wire:
        team = self._refresh.pop(refresh, "")
        if not team:
            raise Refused("invalid_refresh_token")
        self.refreshes += 1
        return self._issued(self._workspaces[team])

    def _issued(self, workspace: Workspace) -> Wire:
        home = workspace.home
        prefix = "xoxe.xoxb-1-" if self.client.rotates else "xoxb-"
        token = f"{prefix}{workspace.ids('').lower()}-{self.client.mark}"
        expires = workspace.clock() + TOKEN_LIFE if self.client.rotates else None
        self._tokens[token] = _Token(home.team_id, expires)
        answer: Wire = {
            "app_id": home.app_id,
            "token_type": "bot",
            "access_token": token,
            "bot_user_id": home.bot_user,
            "scope": ",".join(self.scopes),
            "team": None if home.enterprise else {"id": home.team_id, "name": home.team_name},
            "enterprise": asdict(home.enterprise) if home.enterprise else None,
            "is_enterprise_install": home.enterprise is not None,
        }
        if self.client.rotates:
            refresh = f"xoxe-1-{workspace.ids('').lower()}-{self.client.mark}"
            self._refresh[refresh] = home.team_id
            answer |= {"refresh_token": refresh, "expires_in": int(TOKEN_LIFE.total_seconds())}
        return answer
