"""Receive a webhook of Meta: verify and parse its bytes, accept its events, and only then answer."""

import json
from collections.abc import Awaitable, Callable, Sequence

from bot.core.connector import RawRequest, RawResponse
from bot.core.errors import MalformedPayload
from bot.core.events import Event
from connectors.meta.signature import challenge, verify
from connectors.payload import Node


async def serve(
    request: RawRequest,
    *,
    app_secret: str,
    verify_token: str,
    parse: Callable[[RawRequest], Sequence[Event]],
    accept: Callable[[Sequence[Event]], Awaitable[None]],
) -> RawResponse:
    """Answer a webhook request of Meta. GET asks whether the address is ours, POST brings events.

    Raise ForgedRequest, MalformedPayload, and what `accept` raises. Meta repeats every request that was not
    answered with 200, for up to seven days.
    """
    if request.method == "GET":
        return challenge(request, verify_token)
    verify(request, app_secret)
    if events := parse(request):
        await accept(events)
    return RawResponse()


def decode(body: bytes) -> Node:
    """Return the JSON object of a body. Raise MalformedPayload if it is not one."""
    try:
        # From bytes, json.loads would guess UTF-16 and UTF-32. Meta only sends UTF-8.
        value: object = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise MalformedPayload("body", f"not JSON ({type(error).__name__})") from None
    if not isinstance(value, dict):
        raise MalformedPayload("body", f"a JSON object was expected, found {type(value).__name__}")
    return Node(value)
