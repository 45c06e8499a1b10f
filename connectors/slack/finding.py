"""Whether a delivery arrived: asked of Slack itself, which keeps the metadata of every message."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from bot.core.connector import Files
from bot.core.errors import OutcomeUnknown, Refused
from bot.core.outbound import Card, Outbound, Post, Sent
from connectors.slack.api import Api
from connectors.slack.channels import Channels
from connectors.slack.delivery import carries
from connectors.slack.failures import code_of
from connectors.slack.payload import Node
from connectors.slack.sending import layout, thread_of
from connectors.slack.streaming import Streaming, in_pane

SLACK = timedelta(minutes=1)  # how far the clocks of the platform and ours may differ
PAGE = 200
PAGES = 50


def made_at(delivery: UUID) -> datetime | None:
    """When an id of version 7 was made (RFC 9562 section 5.7); None for another version."""
    if delivery.version != 7:
        return None
    return datetime.fromtimestamp((delivery.int >> 80) / 1000, UTC)


class Finding:
    def __init__(self, api: Api, channels: Channels, files: Files) -> None:
        self._api = api
        self._channels = channels
        self._link = files.link
        self._streaming = Streaming(api)

    async def find(self, outbound: Outbound) -> Sent | None:
        """What `send` returned or would have. None for operations that leave no message of their own: doing
        those again changes nothing, or shows one person the same words twice.
        """
        operation = outbound.operation
        if not isinstance(operation, Post | Card):
            return None
        chat = await self._channels.resolve(outbound.place.chat)
        more = isinstance(operation, Post) and outbound.part + 1 < len(layout(operation, self._link))
        began = made_at(outbound.id)
        oldest = f"{(began - SLACK).timestamp():.6f}" if began else "0"
        cursor = ""
        seen: list[Node] = []
        for _ in range(PAGES):
            try:
                page = await self._page(chat, thread_of(outbound), oldest, cursor)
            except Refused as error:
                if code_of(error) == "thread_not_found":
                    return None
                raise
            for message in page.nodes("messages"):
                if carries(message, outbound):
                    return Sent(message.text("ts"), chat, more=more)
            seen += page.nodes("messages")
            cursor = page.node("response_metadata").text("next_cursor")
            if not cursor:
                if began and in_pane(outbound.place):
                    await self._streaming.mend(outbound, seen, oldest)
                return None
        raise OutcomeUnknown(f"not_among_{PAGE * PAGES}_messages")

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
