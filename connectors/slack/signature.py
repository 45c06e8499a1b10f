"""Check that a request comes from Slack.

Rules of https://docs.slack.dev/authentication/verifying-requests-from-slack.
"""

import hmac
from collections.abc import Mapping
from datetime import timedelta
from hashlib import sha256

from bot.core.errors import ForgedRequest
from bot.core.ids import Clock

TOLERANCE = timedelta(minutes=5)


def sign(secret: str, timestamp: str, body: bytes) -> str:
    digest = hmac.new(secret.encode(), b"v0:" + timestamp.encode("utf-8", "replace") + b":" + body, sha256)
    return "v0=" + digest.hexdigest()


def verify(headers: Mapping[str, str], body: bytes, secret: str, clock: Clock) -> None:
    """Raise ForgedRequest unless the body was signed with the secret within the last five minutes.

    slack_sdk's own verifier is not used: it raises ValueError for a timestamp that is no number and for a
    body that is not UTF-8, so that a forger could make the server answer 500.
    """
    timestamp = headers.get("x-slack-request-timestamp", "")
    signature = headers.get("x-slack-signature", "")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        raise ForgedRequest("a Slack request without a valid timestamp")
    if abs(clock().timestamp() - int(timestamp)) > TOLERANCE.total_seconds():
        raise ForgedRequest("a Slack request whose timestamp is more than five minutes off")
    if not secret or not hmac.compare_digest(
        sign(secret, timestamp, body).encode(), signature.encode("utf-8", "replace")
    ):
        raise ForgedRequest("a Slack request whose signature does not match SLACK_SIGNING_SECRET")
