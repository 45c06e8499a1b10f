"""Translate Slack's refusals and broken connections into the contract's errors.

Codes of https://docs.slack.dev/reference/methods/chat.postMessage#errors and its siblings.
"""

from collections.abc import Mapping
from datetime import timedelta

import aiohttp
from slack_sdk.errors import SlackApiError

from bot.core.errors import (
    AccountSuspended,
    OutcomeUnknown,
    PlaceGone,
    PlatformDown,
    RateLimited,
    Refused,
    SendError,
    Unreachable,
)
from connectors.payload import Node

DEFAULT_WAIT = timedelta(seconds=30)  # what slack_sdk waits too, where Slack names no time
_DOWN = frozenset(
    {
        "service_unavailable",
        "request_timeout",
        "team_added_to_org",
        "ekm_access_denied",
        "external_channel_migrating",
    }
)
# "It's possible some aspect of the operation succeeded before the error was raised."
_HALF_DONE = frozenset({"internal_error", "fatal_error"})
_INVITE = "invite the app: type /invite @… in that channel"
_REINSTALL = "install the app again and set SLACK_BOT_TOKEN (xoxb-…)"
# The account cannot use Slack at all any more.
_SUSPENDED: Mapping[str, str] = {
    "invalid_auth": "Slack does not know this token",
    "not_authed": "no token was given",
    "account_inactive": "the app was uninstalled, or its workspace is closed",
    "token_revoked": "the token was revoked",
    "token_expired": "the token has expired",
    "app_uninstalled": "the app was uninstalled from that workspace",
    "team_disabled": "the workspace is disabled",
    "not_allowed_token_type": "this is a token of another kind",
    "access_denied": "Slack gives this app no access",
    "team_access_not_granted": "the app was not approved for that workspace",
    "team_not_found": "the workspace is gone",
    "org_login_required": "the workspace is being moved to an enterprise organization",
    "enterprise_is_restricted": "the enterprise organization gives this app no access",
    "two_factor_setup_required": "the account must set up two-factor authentication first",
    "invalid_refresh_token": "the token can be renewed no more",
    "invalid_grant": "the token can be renewed no more",
}
CLIENT: Mapping[str, str] = {
    "invalid_client_id": "Slack knows no app with this client id; see Basic Information → App Credentials",
    "bad_client_secret": "the client secret is another one; see Basic Information → App Credentials",
}
# Nobody can be reached there, whatever is sent.
_UNREACHABLE: Mapping[str, str] = {
    "user_disabled": "that person is deactivated",
    "cannot_dm_bot": "that is an app, and no person",
    "user_not_found": "Slack knows no such person",
    "users_not_found": "Slack knows nobody with that address",
    "user_not_visible": "the app cannot see that person",
    "messages_tab_disabled": "the app's Messages tab is turned off",
    "channel_not_shared": "the channel is no longer shared with that workspace",
    "channel_not_found": f"no such channel, or a private one without the app; {_INVITE}",
    "not_in_channel": f"the app is not in that channel; {_INVITE}",
    "is_archived": "the channel is archived; unarchive it, or name another one in the organization file",
    "is_inactive": "the channel is archived, frozen or deleted",
    "restricted_action": "a workspace setting forbids the app to post there",
    "restricted_action_read_only_channel": "the channel is read-only",
    "restricted_action_non_threadable_channel": "the channel allows no threads",
    "restricted_action_thread_only_channel": "the channel allows no new threads",
    "no_permission": "the app may not post there",
}
_THREAD_GONE: Mapping[str, str] = {
    "thread_not_found": "the thread was deleted",
    "invalid_thread_ts": "the thread was deleted",
    "cannot_reply_to_message": "the thread takes no replies",
    "restricted_action_thread_locked": "the thread was locked",
}
_HINTS: Mapping[str, str] = {
    "msg_too_long": "the text is too long",
    "msg_blocks_too_long": "the blocks hold too much text",
    "missing_scope": "the app lacks a permission; compare its scopes with manifest.yml and install it again",
    "user_not_in_channel": "that person is not in the channel",
    "cant_update_message": "only the app's own messages can be changed",
    "cant_delete_message": "only the app's own messages can be deleted",
    "edit_window_closed": "the workspace forbids changing messages as old as this",
}


def refused(error: SlackApiError, *, repeatable: bool) -> SendError:
    """Return the contract's error for an answer that reports a failure.

    `repeatable`: doing the call twice changes nothing.
    """
    # Where the body is no JSON, slack_sdk hands over aiohttp's answer in place of its own.
    answer = error.response
    status = int(getattr(answer, "status_code", 0) or getattr(answer, "status", 0) or 0)
    body = Node(getattr(answer, "data", None))
    code = body.text("error")
    if status == 429 or code in ("ratelimited", "rate_limited"):
        return RateLimited("ratelimited", retry_after=_wait(getattr(answer, "headers", {})))
    if status >= 500 or code in _DOWN:
        return PlatformDown(code or f"http_{status}")
    if code in _SUSPENDED:
        return AccountSuspended(f"{code}: {_SUSPENDED[code]}; {_REINSTALL}")
    if code in CLIENT:
        return AccountSuspended(f"{code}: {CLIENT[code]}")
    if code in _UNREACHABLE:
        return Unreachable(f"{code}: {_UNREACHABLE[code]}")
    if code in _THREAD_GONE:
        return PlaceGone(f"{code}: {_THREAD_GONE[code]}")
    if code in _HALF_DONE or not code:
        reason = code or f"unreadable_answer_{status}"
        return PlatformDown(reason) if repeatable else OutcomeUnknown(reason)
    detail = "; ".join(body.node("response_metadata").texts("messages")[:3]) or _HINTS.get(code, "")
    needed = body.text("needed")
    return Refused(code + (f": {detail[:300]}" if detail else "") + (f" ({needed})" if needed else ""))


def code_of(error: SendError) -> str:
    """Return Slack's own code, without the hint that we add to it."""
    return error.reason.partition(":")[0]


def broken(error: Exception, *, repeatable: bool) -> SendError:
    """Return the contract's error for a connection that gave no answer."""
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
