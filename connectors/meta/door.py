"""A webhook of Meta's: its bytes verified and read, its events kept, and only then answered."""

import json
from collections.abc import Awaitable, Callable, Sequence

from bot.core.connector import RawRequest, RawResponse
from bot.core.errors import MalformedPayload
from bot.core.events import Event
from connectors.meta.node import Node
from connectors.meta.signature import challenge, verify


async def serve(
    request: RawRequest,
    *,
    app_secret: str,
    verify_token: str,
    parse: Callable[[RawRequest], Sequence[Event]],
    accept: Callable[[Sequence[Event]], Awaitable[None]],
) -> RawResponse:
    """GET is Meta's question whether the address is ours, POST is news.

    Raises ForgedRequest, MalformedPayload, and what `accept` raises. Meta sends anything again that was
    not answered with 200, for up to seven days.
    """
    if request.method == "GET":
        return challenge(request, verify_token)
    verify(request, app_secret)
    if events := parse(request):
        await accept(events)
    return RawResponse()


def decode(body: bytes) -> Node:
    """The JSON object of a body; raises MalformedPayload for what is none."""
    try:
        # json.loads would guess UTF-16 and UTF-32 from bytes; Meta speaks UTF-8 alone.
        value: object = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise MalformedPayload("body", f"not JSON ({type(error).__name__})") from None
    if not isinstance(value, dict):
        raise MalformedPayload("body", f"a JSON object was expected, found {type(value).__name__}")
    return Node(value)
