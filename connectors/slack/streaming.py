"""Stream a long answer in the assistant's pane, where it appears as it is read.

Three calls make one message, and only the last adds its delivery's id. A stream that was begun and not ended
is therefore a message of ours without an id that still may grow: `mend` deletes it, so that the delivery can
be repeated. One that may grow no more was stopped by somebody: it stays.
https://docs.slack.dev/reference/methods/chat.startStream
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import unescape

import structlog

from bot.core.errors import OutcomeUnknown, RateLimited, Refused, SendError
from bot.core.events import Place
from bot.core.outbound import Outbound
from connectors.payload import Node
from connectors.rendering import TextPart
from connectors.slack.api import Api
from connectors.slack.blocks import Block, rows
from connectors.slack.delivery import TORN, is_nameless, is_torn, metadata_of
from connectors.slack.failures import code_of

LONG = 400  # an answer of fewer characters is not streamed
PIECE = 250
_ENDED, _GONE = "message_not_in_streaming_state", "message_not_found"
_PANE = "assistant_app_thread"  # the subtype of the message with which Slack begins a pane
_PIECES = re.compile(rf"\S.{{{PIECE},}}?(?=\s|\Z)", re.DOTALL)
# What Slack writes in another way than we do: links in either notation (their labels stay) and emoji.
_LINK = re.compile(r"<[^<>|\s]*\|([^<>]*)>|\[([^\[\]]*)\]\([^()\s]*\)|:[\w+-]+:")

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

    async def mend(
        self, outbound: Outbound, part: TextPart, messages: Sequence[Node], oldest: str
    ) -> Streamed | None:
        """Delete what a torn stream of this delivery left behind, or return its stopped stream.

        Raises SendError. Only one delivery at a time goes into a conversation, so a stream that may grow
        belongs to it. One that was stopped may belong to an earlier delivery: its words tell.
        """
        us, chat, stopped = await self._api.identity(), outbound.place.chat, None
        for message in messages:
            ts, text = message.text("ts"), message.text("text")
            ours = message.text("bot_id") == us.bot or message.text("user") == us.user
            if not ours or _number(ts) < _number(oldest) or message.text("subtype") == _PANE:
                continue
            if is_torn(message) or (is_nameless(message) and await self._tears(chat, ts)):
                await self._delete(chat, ts)
            elif is_nameless(message) and (shown := _shown(part, text)):
                stopped = Streamed(ts, shown)
        return stopped

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
        self, chat: str, ts: str, left: str, metadata: Mapping[str, object], blocks: Sequence[Block]
    ) -> None:
        await self._api.call(
            lambda web: web.chat_stopStream(
                channel=chat,
                ts=ts,
                markdown_text=left or None,
                metadata=dict(metadata),
                blocks=list(blocks) or None,
            ),
            repeatable=False,
        )

    async def _tears(self, chat: str, ts: str) -> bool:
        """End a stream, and mark it as one to delete. Return False if it was stopped, or is none."""
        try:
            await self._stop(chat, ts, "", TORN, ())
        except Refused as error:
            if code_of(error) == _ENDED:
                return False
            if code_of(error) != _GONE:
                raise
        return True

    async def _delete(self, chat: str, ts: str) -> None:
        try:
            await self._api.call(lambda web: web.chat_delete(channel=chat, ts=ts), repeatable=True)
        except Refused as error:
            if code_of(error) != _GONE:
                raise


def _shown(part: TextPart, text: str) -> str:
    """Return as much of a part as a message shows; "" if that is no beginning of the part."""
    found = pieces(part.markdown.strip())
    begun = ("".join(found[:count]) for count in range(len(found), 0, -1))
    return next((beginning for beginning in begun if _letters(beginning) == _letters(text)), "")


def _letters(text: str) -> str:
    """Return the letters and digits of a text, in which our Markdown and Slack's own markup agree."""
    plain = _LINK.sub(lambda link: link[1] or link[2] or "", text)
    return "".join(filter(str.isalnum, unescape(plain)))


def _number(ts: str) -> float:
    try:
        return float(ts)
    except ValueError:
        return 0.0
