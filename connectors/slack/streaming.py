"""Stream a long answer in the assistant's pane, where it appears as it is read.

Three calls make one message, and only the last adds its delivery's id. A stream that was begun and not ended
is therefore a message of ours without an id: `mend` deletes it, so that the delivery can be repeated.
https://docs.slack.dev/reference/methods/chat.startStream
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog

from bot.core.errors import OutcomeUnknown, RateLimited, Refused, SendError
from bot.core.events import Place
from bot.core.outbound import Outbound
from connectors.payload import Node
from connectors.rendering import TextPart
from connectors.slack.api import Api
from connectors.slack.blocks import Block, rows
from connectors.slack.delivery import is_nameless, metadata_of
from connectors.slack.failures import code_of

LONG = 400  # an answer of fewer characters is not streamed
PIECE = 250
_ENDED = "message_not_in_streaming_state"
_PANE = "assistant_app_thread"  # the subtype of the message with which Slack begins a pane
_PIECES = re.compile(rf"\S.{{{PIECE},}}?(?=\s|\Z)", re.DOTALL)


log = structlog.get_logger(__name__)


def pieces(markdown: str) -> list[str]:
    """Split the text into pieces that end between words. Joined, they are the text."""
    found, end = [], 0
    for match in _PIECES.finditer(markdown):
        found.append(markdown[end : match.end()])
        end = match.end()
    return [*found, markdown[end:]] if markdown[end:] or not found else found


def in_pane(place: Place) -> bool:
    return place.chat.startswith("D") and bool(place.thread)


@dataclass(frozen=True, slots=True)
class Streamed:
    """A streamed message. `shown` is None, or what stands there because somebody stopped it."""

    ts: str
    shown: str | None = None


class Streaming:
    def __init__(self, api: Api) -> None:
        self._api = api

    async def send(self, outbound: Outbound, part: TextPart, named: Mapping[str, str]) -> Streamed | None:
        """Stream a text. Return None if Slack does not stream there and nothing was posted.

        If somebody presses Slack's stop button, the message stays as it is then. Raises SendError; after the
        stream has begun, only OutcomeUnknown.
        """
        chat, thread = outbound.place.chat, outbound.place.thread
        first, *rest = pieces(part.markdown.strip())
        try:
            answer = await self._api.call(
                lambda web: web.chat_startStream(
                    channel=chat,
                    thread_ts=thread,
                    markdown_text=first,
                    username=named.get("username"),
                    icon_emoji=named.get("icon_emoji"),
                    icon_url=named.get("icon_url"),
                ),
                repeatable=False,
            )
        except Refused:
            return None
        ts, shown = answer.text("ts"), [first]
        try:
            left = await self._grown(chat, ts, rest, shown)
            await self._stop(chat, ts, left, metadata_of(outbound), rows(part.buttons))
        except SendError as error:
            if code_of(error) != _ENDED:
                raise OutcomeUnknown(f"stream_torn: {code_of(error)}") from error
            log.info("slack.stream_stopped")
            return Streamed(ts, "".join(shown))
        return Streamed(ts)

    async def mend(self, outbound: Outbound, messages: Sequence[Node], oldest: str) -> None:
        """Delete what an earlier stream of this delivery left behind. Raises SendError.

        Only one delivery at a time goes into a conversation, so a message without an id there belongs to it.
        """
        us = await self._api.identity()
        for message in messages:
            ours = message.text("bot_id") == us.bot or message.text("user") == us.user
            younger = _number(message.text("ts")) >= _number(oldest)
            if ours and younger and is_nameless(message) and message.text("subtype") != _PANE:
                await self._take_away(outbound.place.chat, message.text("ts"))

    async def _grown(self, chat: str, ts: str, rest: Sequence[str], shown: list[str]) -> str:
        """Append all pieces but the last, each to `shown` as well, and return what is left for the end.

        If Slack limits the rate, that is all that was not appended yet.
        """
        for index, piece in enumerate(rest[:-1]):
            try:
                await self._append(chat, ts, piece)
            except RateLimited:
                return "".join(rest[index:])
            shown.append(piece)
        return "".join(rest[-1:])

    async def _append(self, chat: str, ts: str, piece: str) -> None:
        await self._api.call(
            lambda web: web.chat_appendStream(channel=chat, ts=ts, markdown_text=piece), repeatable=False
        )

    async def _stop(
        self, chat: str, ts: str, left: str, metadata: dict[str, object] | None, blocks: Sequence[Block]
    ) -> None:
        await self._api.call(
            lambda web: web.chat_stopStream(
                channel=chat,
                ts=ts,
                markdown_text=left or None,
                metadata=metadata,
                blocks=list(blocks) or None,
            ),
            repeatable=False,
        )

    async def _take_away(self, chat: str, ts: str) -> None:
        for end in (
            lambda: self._stop(chat, ts, "", None, ()),
            lambda: self._api.call(lambda web: web.chat_delete(channel=chat, ts=ts), repeatable=True),
        ):
            try:
                await end()
            except Refused as error:
                if code_of(error) not in (_ENDED, "message_not_found"):
                    raise


def _number(ts: str) -> float:
    try:
        return float(ts)
    except ValueError:
        return 0.0
