"""Ask Slack whether a delivery arrived. Slack keeps the metadata of every message."""

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from bot.core.connector import FileAccess
from bot.core.errors import OutcomeUnknown, PlaceGone, PlatformDown, RateLimited, Refused
from bot.core.ids import DeliveryId
from bot.core.outbound import Card, Outbound, Post, Sent
from connectors.payload import Node
from connectors.rendering import FilePart, TextPart
from connectors.slack.api import Api
from connectors.slack.channels import Channels
from connectors.slack.delivery import carries
from connectors.slack.failures import code_of
from connectors.slack.sending import layout, streamed, thread_of
from connectors.slack.streaming import Streaming, in_pane

SLACK = timedelta(minutes=1)  # how far the clocks of the platform and ours may differ
PAGE = 200
PAGES = 50
PAUSED = 100  # searches that wait for a rate limit, and files that may come yet
POSTED_WITHIN = timedelta(seconds=10)  # a file, after Slack took it


@dataclass(slots=True)
class _Search:
    """The state of a search. An app outside the Marketplace may read one page of 15 messages a minute."""

    pages: int = 0
    cursor: str = ""
    seen: list[Node] = field(default_factory=list)


def made_at(delivery: UUID) -> datetime | None:
    """Return when an id of version 7 was created (RFC 9562 section 5.7); None for another version."""
    if delivery.version != 7:
        return None
    return datetime.fromtimestamp((delivery.int >> 80) / 1000, UTC)


class Finding:
    def __init__(self, api: Api, channels: Channels, files: FileAccess) -> None:
        self._api = api
        self._channels = channels
        self._link = files.link
        self._streaming = Streaming(api)
        self._unseen: OrderedDict[tuple[DeliveryId, int], None] = OrderedDict()
        self._paused: OrderedDict[tuple[DeliveryId, int], _Search] = OrderedDict()

    async def find(self, outbound: Outbound) -> Sent | None:
        """Return what `send` returned, or would have returned; None if the message is not there.

        Also returns None for operations that leave no message of their own. Repeating those changes nothing,
        or shows one person the same words twice.
        """
        operation = outbound.operation
        if not isinstance(operation, Post | Card):
            return None
        chat = await self._channels.resolve(outbound.place.chat)
        pieces = layout(operation, self._link) if isinstance(operation, Post) else ()
        more = outbound.part + 1 < len(pieces)
        piece = pieces[outbound.part] if outbound.part < len(pieces) else None
        began = made_at(outbound.id)
        oldest = f"{(began - SLACK).timestamp():.6f}" if began else "0"
        search = self._paused.pop((outbound.id, outbound.part), _Search())
        while search.pages < PAGES:
            try:
                page = await self._page(chat, thread_of(outbound), oldest, search.cursor)
            except RateLimited:
                self._pause(outbound, search)
                raise
            except PlaceGone:
                return None
            except Refused as error:
                if code_of(error) == "invalid_cursor":
                    raise PlatformDown("invalid_cursor: the search begins anew") from error
                raise
            for message in page.nodes("messages"):
                if carries(message, outbound):
                    return Sent(message.text("ts"), chat, more=more)
            search.pages += 1
            search.seen += page.nodes("messages")
            search.cursor = page.node("response_metadata").text("next_cursor")
            if not search.cursor:
                if isinstance(piece, FilePart):
                    self._look_again(outbound)
                if began and isinstance(piece, TextPart) and in_pane(outbound.place):
                    stopped = await self._streaming.mend(outbound, piece, search.seen, oldest)
                    if stopped is not None:
                        return streamed(stopped, chat, pieces[: outbound.part], more=more)
                return None
        raise OutcomeUnknown(f"not_among_{len(search.seen)}_messages")

    def _pause(self, outbound: Outbound, search: _Search) -> None:
        self._paused[outbound.id, outbound.part] = search
        while len(self._paused) > PAUSED:
            self._paused.popitem(last=False)

    def _look_again(self, outbound: Outbound) -> None:
        """Raise PlatformDown the first time that a file is not found, as Slack posts it a moment after
        accepting it.
        """
        key = (outbound.id, outbound.part)
        if key in self._unseen:
            del self._unseen[key]
            return
        self._unseen[key] = None
        while len(self._unseen) > PAUSED:
            self._unseen.popitem(last=False)
        raise PlatformDown("file_not_seen: Slack may post it yet", retry_after=POSTED_WITHIN)

    async def _page(self, chat: str, thread: str, oldest: str, cursor: str) -> Node:
        if not thread:
            return await self._api.call(
                lambda web: web.conversations_history(
                    channel=chat,
                    oldest=oldest,
                    include_all_metadata=True,
                    limit=PAGE,
                    cursor=cursor or None,
                ),
                repeatable=True,
            )
        return await self._api.call(
            lambda web: web.conversations_replies(
                channel=chat,
                ts=thread,
                oldest=oldest,
                include_all_metadata=True,
                limit=PAGE,
                cursor=cursor or None,
            ),
            repeatable=True,
        )
