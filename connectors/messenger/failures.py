"""Say what Messenger's refusals mean for a delivery, in words that staff understand.

https://developers.facebook.com/documentation/business-messaging/messenger-platform/error-codes and, for
subcodes, https://developers.facebook.com/docs/messenger-platform/reference/send-api/error-codes
"""

from collections.abc import Mapping
from datetime import timedelta

from bot.core.errors import (
    AccountSuspended,
    OutcomeUnknown,
    PlatformDown,
    RateLimited,
    Refused,
    SendError,
    Unreachable,
    WindowClosed,
)
from connectors.meta import GraphError, Meaning, as_send_error

_MINUTE, _HOUR = timedelta(minutes=1), timedelta(hours=1)
_CLOSED = Meaning(
    WindowClosed,
    "the customer's last message is older than Messenger's 24 hours (7 days for people, and after an ad): it"
    " can be sent when they write again",
)
_AWAY = Meaning(
    Unreachable,
    "this person does not get our messages: they blocked the Page, or left Messenger",
)
_REVIEW = Meaning(
    AccountSuspended,
    "the app may write only to its own testers: pages_messaging needs Advanced Access, by App Review",
)
# 0 stands for an answer without a subcode.
_EXACTLY: Mapping[tuple[int, int], Meaning] = {
    # "The messages are all sent successfully, but the endpoint returns an error."
    (1, 1357046): Meaning(OutcomeUnknown, "Meta lost its own answer: the message may have been sent"),
    (4, 2018022): Meaning(RateLimited, "too many messages in a short time", _MINUTE),
    (10, 2018065): _CLOSED,
    (10, 2018278): _CLOSED,
    (10, 2534022): _CLOSED,
    (10, 2018108): _AWAY,
    (10, 2018028): _REVIEW,
    (10, 1893063): Meaning(
        AccountSuspended,
        "Meta has restricted the Page, which may send nothing now: see Page Quality in its professional"
        " dashboard, under Support Inbox",
        _HOUR,
    ),
    (10, 2018300): Meaning(
        Refused,
        "another app has this conversation now: take it over in the Page's inbox, under conversation routing",
    ),
    (100, 33): Meaning(
        AccountSuspended, "the Page is not there for this token: page_id and page_token do not fit together"
    ),
    (100, 2018001): Meaning(Unreachable, "Messenger knows no such person on this Page"),
    (100, 2018008): Meaning(Refused, "Messenger could not fetch the file"),
    (100, 2018034): Meaning(Refused, "the message is empty"),
    (100, 2018047): Meaning(Refused, "Messenger does not take this file: its kind does not fit its content"),
    (100, 2018109): Meaning(Refused, "the file is larger than Messenger takes (25 MB)"),
    (100, 2018294): Meaning(Refused, "Messenger could not read this video"),
    (200, 1545041): _AWAY,
    (200, 2018027): _REVIEW,
    (200, 2018028): _REVIEW,
    (613, 1893016): Meaning(
        RateLimited, "Meta warns of too many messages to this person: wait before writing again", _MINUTE
    ),
}
_BY_CODE: Mapping[int, Meaning] = {
    551: _AWAY,
    1200: Meaning(PlatformDown, "Messenger has a passing trouble with sending"),
    2022: Meaning(AccountSuspended, "Meta has taken from this Page the right to send such messages"),
    10903: Meaning(Unreachable, "this person cannot be answered here"),
    10904: Meaning(AccountSuspended, "the Page's messages are switched off: switch them on in its settings"),
    80001: Meaning(RateLimited, "too many calls for this Page", _MINUTE),
    80006: Meaning(RateLimited, "too many Messenger calls for this Page", _MINUTE),
}
_WINDOW = frozenset(pair for pair, verdict in _EXACTLY.items() if verdict is _CLOSED)
# Meta's answers to an app that may not use the tag. No parameter of ours is wrong: without the tag, the same
# message was refused only because of the time.
_TAG_REFUSED = frozenset({3, 10, 100, 200})


def outside_window(error: GraphError) -> bool:
    return (error.code, error.subcode) in _WINDOW


def send_error(error: GraphError) -> SendError:
    """Return the error that a refusal of Meta means."""
    if verdict := _EXACTLY.get((error.code, error.subcode)):
        wait = verdict.retry_after or error.retry_after
        return verdict.error(f"{error.code}/{error.subcode}: {verdict.words}", retry_after=wait)
    return as_send_error(error, _BY_CODE)


def tag_error(error: GraphError) -> SendError:
    """Return the error for a refused message with the Human Agent tag.

    If the tag is refused, the window is closed.
    """
    if error.code in _TAG_REFUSED and (error.code, error.subcode) not in _EXACTLY:
        return WindowClosed(
            f"{error.code}/{error.subcode}: Messenger's 24 hours are over, and Meta does not let this app use"
            " the Human Agent tag: request that feature by App Review, or wait until the customer writes"
        )
    return send_error(error)


def file_error(error: GraphError) -> SendError:
    """Return the error for a customer's file that is refused.

    Its address is valid for some days, and then never again.
    """
    if error.status in (403, 404, 410):
        return Refused(f"file_gone: Meta does not hand out this file any more (HTTP {error.status})")
    return send_error(error)
