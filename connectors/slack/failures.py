"""What Slack's refusals and a broken connection mean for a delivery.

Codes of https://docs.slack.dev/reference/methods/chat.postMessage#errors and its siblings.
"""

from collections.abc import Mapping
from datetime import timedelta

import aiohttp
from slack_sdk.errors import SlackApiError

from bot.core.errors import OutcomeUnknown, PlatformDown, RateLimited, Refused, SendError
from connectors.slack.payload import Node

DEFAULT_WAIT = timedelta(seconds=30)  # what slack_sdk waits too, where Slack names no time
_DOWN = frozenset({"service_unavailable", "request_timeout", "team_added_to_org", "ekm_access_denied"})
# "It's possible some aspect of the operation succeeded before the error was raised."
_HALF_DONE = frozenset({"internal_error", "fatal_error"})
_INVITE = "invite the app: type /invite @… in that channel"
_REINSTALL = "install the app again and set SLACK_BOT_TOKEN"
_HINTS: Mapping[str, str] = {
    "channel_not_found": f"no such channel, or a private one without the app; {_INVITE}",
    "not_in_channel": _INVITE,
    "is_archived": "the channel is archived; name another one in the organization file",
    "restricted_action": "a workspace setting forbids the app to post there",
    "msg_too_long": "the text is too long",
    "msg_blocks_too_long": "the blocks hold too much text",
    "missing_scope": "the app lacks a permission; compare its scopes with manifest.yml and install it again",
    "invalid_auth": _REINSTALL,
    "not_authed": _REINSTALL,
    "account_inactive": _REINSTALL,
    "token_revoked": _REINSTALL,
    "token_expired": _REINSTALL,
    "user_not_in_channel": "that person is not in the channel",
    "cant_update_message": "only the app's own messages can be changed",
    "cant_delete_message": "only the app's own messages can be deleted",
    "edit_window_closed": "the workspace forbids changing messages as old as this",
}


def refused(error: SlackApiError, *, repeatable: bool) -> SendError:
    """The error of ours for an answer that is no success. `repeatable`: doing it twice changes nothing."""
    # Where the body is no JSON, slack_sdk hands over aiohttp's answer in place of its own.
    answer = error.response
    status = int(getattr(answer, "status_code", 0) or getattr(answer, "status", 0) or 0)
    body = Node(getattr(answer, "data", None))
    code = body.text("error")
    if status == 429 or code in ("ratelimited", "rate_limited"):
        return RateLimited("ratelimited", retry_after=_wait(getattr(answer, "headers", {})))
    if status >= 500 or code in _DOWN:
        return PlatformDown(code or f"http_{status}")
    if code in _HALF_DONE or not code:
        reason = code or f"unreadable_answer_{status}"
        return PlatformDown(reason) if repeatable else OutcomeUnknown(reason)
    detail = "; ".join(body.node("response_metadata").texts("messages")[:3]) or _HINTS.get(code, "")
    needed = body.text("needed")
    return Refused(code + (f": {detail[:300]}" if detail else "") + (f" ({needed})" if needed else ""))


def code_of(error: SendError) -> str:
    """Slack's own code, without the hint we put behind it."""
    return error.reason.partition(":")[0]


def broken(error: Exception, *, repeatable: bool) -> SendError:
    """The error of ours for a connection that gave no answer."""
    name = type(error).__name__
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
        return PlatformDown(f"not_connected: {name}")
    if repeatable:
        return PlatformDown(f"no_answer: {name}")
    return OutcomeUnknown(f"no_answer: {name}")


def _wait(headers: object) -> timedelta:
    value = headers.get("Retry-After", "") if isinstance(headers, Mapping) else ""
    text = str(value)
    return timedelta(seconds=min(int(text), 86_400)) if text.isascii() and text.isdigit() else DEFAULT_WAIT
