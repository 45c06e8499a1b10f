"""The errors that the Graph API answers.

https://developers.facebook.com/docs/graph-api/guides/error-handling
"""

import json
import secrets
from collections.abc import Mapping

from aiohttp import web

JsonObject = dict[str, object]


class GraphError(Exception):
    """One refusal. `details` goes into error_data, as in WhatsApp; `headers` are added to the answer."""

    def __init__(
        self,
        code: int,
        message: str,
        *,
        status: int = 400,
        kind: str = "OAuthException",
        subcode: int | None = None,
        details: str = "",
        transient: bool = False,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.kind = kind
        self.subcode = subcode
        self.details = details
        self.transient = transient
        self.headers = dict(headers or {})

    def body(self) -> JsonObject:
        error: JsonObject = {"message": self.message, "type": self.kind, "code": self.code}
        if self.subcode is not None:
            error["error_subcode"] = self.subcode
        if self.details:
            error["error_data"] = {"messaging_product": "whatsapp", "details": self.details}
        if self.transient:
            error["is_transient"] = True
        error["fbtrace_id"] = f"A{secrets.token_urlsafe(16)}"
        return {"error": error}

    def answer(self) -> web.Response:
        headers = dict(self.headers)
        if self.kind == "OAuthException":
            reason = "invalid_token" if self.code == 190 else "invalid_request"
            said = self.message.replace('"', "'").encode("ascii", "replace").decode().replace("\n", " ")
            headers["WWW-Authenticate"] = f'OAuth "Facebook Platform" "{reason}" "{said[:200]}"'
        return json_answer(self.body(), self.status, headers)


def json_answer(
    body: Mapping[str, object], status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    return web.Response(
        body=json.dumps(body).encode(), status=status, content_type="application/json", headers=headers
    )


def invalid(message: str, *, subcode: int | None = None, details: str = "") -> GraphError:
    return GraphError(100, f"(#100) {message}", subcode=subcode, details=details)


def no_token() -> GraphError:
    message = "An access token is required to request this resource."
    return GraphError(104, message, status=401)


def wrong_token() -> GraphError:
    return GraphError(190, "Invalid OAuth access token - Cannot parse access token", status=401)


def expired_token() -> GraphError:
    return GraphError(190, "Error validating access token: Session has expired", status=401, subcode=463)


def unknown_object(method: str, object_id: str) -> GraphError:
    return GraphError(
        100,
        f"Unsupported {method.lower()} request. Object with ID '{object_id[:80]}' does not exist, cannot be"
        " loaded due to missing permissions, or does not support this operation. Please read the Graph API"
        " documentation at https://developers.facebook.com/docs/graph-api",
        kind="GraphMethodException",
        subcode=33,
    )


def server_error() -> GraphError:
    return GraphError(
        2,
        "An unexpected error has occurred. Please retry your request later.",
        status=500,
        transient=True,
    )


def too_many_calls(code: int, message: str, *, account: str, use: str, seconds: float) -> GraphError:
    """Return a 429 that says how long to wait: Meta's own header in whole minutes, Retry-After in seconds.

    https://developers.facebook.com/docs/graph-api/overview/rate-limiting
    """
    usage = {
        account: [
            {
                "type": use,
                "call_count": 100,
                "total_cputime": 25,
                "total_time": 25,
                "estimated_time_to_regain_access": int(seconds // 60),
            }
        ]
    }
    headers = {"X-Business-Use-Case-Usage": json.dumps(usage)}
    if seconds > 0:
        headers["Retry-After"] = str(max(1, round(seconds)))
    return GraphError(code, message, status=429, subcode=2446079, transient=True, headers=headers)
