"""Check whether a request comes from Meta.

https://developers.facebook.com/docs/graph-api/webhooks/getting-started
"""

import hmac
from hashlib import sha256

from bot.core.connector import RawRequest, RawResponse
from bot.core.errors import ForgedRequest

HEADER = "x-hub-signature-256"


def sign(app_secret: str, body: bytes) -> str:
    """Return the signature that Meta puts into the header. It covers the bytes as they were sent."""
    return "sha256=" + hmac.new(app_secret.encode(), body, sha256).hexdigest()


def verify(request: RawRequest, app_secret: str) -> None:
    """Raise ForgedRequest unless the body was signed with the app's secret. Pure, in constant time."""
    given = request.headers.get(HEADER, "").encode("utf-8", "replace")
    if not app_secret or not hmac.compare_digest(sign(app_secret, request.body).encode(), given):
        raise ForgedRequest("a webhook of Meta's whose signature does not match the app secret")


def challenge(request: RawRequest, verify_token: str) -> RawResponse:
    """Return the answer to Meta's question whether this address is ours.

    Raise ForgedRequest for a wrong token.
    """
    query = request.query
    given = query.get("hub.verify_token", "").encode("utf-8", "replace")
    known = bool(verify_token) and hmac.compare_digest(verify_token.encode(), given)
    if query.get("hub.mode") != "subscribe" or not known:
        raise ForgedRequest("a webhook verification whose token does not match the verify token")
    # Plain text, so that no browser shows the echo as a page.
    answer = query.get("hub.challenge", "")[:1000]
    return RawResponse(body=answer.encode("utf-8", "replace"), content_type="text/plain")
