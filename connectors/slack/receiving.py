"""Serve Slack's HTTP requests: verify and read the bytes, then build the answer.

Bolt's `async_dispatch` is not used, because it turns every error into a logged 500. Here a forgery is
answered with 401, an unreadable body with 400, and only a failed commit with 5xx.
"""

import json
from urllib.parse import parse_qsl

from bot.core.connector import MAX_BODY, Inbox, RawRequest, RawResponse
from bot.core.errors import BodyTooLarge, MalformedPayload
from bot.core.ids import Clock
from connectors.payload import Node
from connectors.slack.receiver import Receives
from connectors.slack.signature import verify

_MAX_FIELDS = 100


async def serve(
    request: RawRequest, *, secret: str, clock: Clock, receiver: Receives, inbox: Inbox
) -> RawResponse:
    """Handle one HTTP request of Slack. Its body tells which of the three kinds it is.

    Raises ForgedRequest, BodyTooLarge, MalformedPayload, and what `inbox.accept` raises. A redelivery
    (X-Slack-Retry-Num) is treated like the first delivery: the bus recognizes the event's id.
    """
    if len(request.body) > MAX_BODY:
        raise BodyTooLarge(MAX_BODY)
    verify(request.headers, request.body, secret, clock)
    answer = await receiver.receive(read(request), inbox)
    if answer.body is None:
        return RawResponse()
    return RawResponse(body=json.dumps(answer.body, ensure_ascii=False).encode("utf-8", "replace"))


def read(request: RawRequest) -> Node:
    """Return the JSON object of an event, of an interaction's `payload` field, or of a command's fields."""
    try:
        text = request.body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedPayload("body", f"not UTF-8 at byte {error.start}") from None
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != "application/x-www-form-urlencoded":
        return _object(text, "body")
    try:
        fields = dict(parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_MAX_FIELDS))
    except (ValueError, UnicodeDecodeError):
        raise MalformedPayload("body", "not a form in UTF-8") from None
    return _object(fields["payload"], "payload") if "payload" in fields else Node(fields)


def _object(text: str, path: str) -> Node:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise MalformedPayload(path, "not JSON") from None
    if not isinstance(value, dict):
        raise MalformedPayload(path, f"a JSON object was expected, found {type(value).__name__}")
    return Node(value)
