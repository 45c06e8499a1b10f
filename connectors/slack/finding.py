"""Whether a delivery arrived: asked of Slack itself, which keeps the metadata of every message."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from bot.core.errors import OutcomeUnknown, Refused
from bot.core.outbound import Card, Outbound, Post, Sent
from connectors.slack.api import Api
from connectors.slack.channels import Channels
from connectors.slack.failures import code_of
from connectors.slack.payload import Node
from connectors.slack.sending import EVENT_TYPE, layout, mark_of, thread_of

SLACK = timedelta(minutes=1)  # how far the clocks of the platform and ours may differ
PAGE = 200
PAGES = 50


def made_at(delivery: UUID) -> datetime | None:
    """When an id of version 7 was made (RFC 9562 section 5.7); None for another version."""
    if delivery.version != 7:
        return None
    return datetime.fromtimestamp((delivery.int >> 80) / 1000, UTC)


class Finding:
    def __init__(self, api: Api, channels: Channels) -> None:
        self._api = api
        self._channels = channels

    async def find(self, outbound: Outbound) -> Sent | None:
        """What `send` returned or would have. None for operations that leave no message of their own: doing
        those again changes nothing, or shows one person the same words twice.
        """
        operation = outbound.operation
        if not isinstance(operation, Post | Card):
            return None
        chat = await self._channels.resolve(outbound.place.chat)
        more = isinstance(operation, Post) and outbound.part + 1 < len(layout(operation))
        began = made_at(outbound.id)
        oldest = f"{(began - SLACK).timestamp():.6f}" if began else "0"
        cursor = ""
        for _ in range(PAGES):
            try:
                page = await self._page(chat, thread_of(outbound), oldest, cursor)
            except Refused as error:
                if code_of(error) == "thread_not_found":
                    return None
                raise
            for message in page.nodes("messages"):
                if _is(message, outbound):
                    return Sent(message.text("ts"), chat, more)
            cursor = page.node("response_metadata").text("next_cursor")
            if not cursor:
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


def _is(message: Node, outbound: Outbound) -> bool:
    metadata = message.node("metadata")
    payload = metadata.node("event_payload")
    if metadata.text("event_type") == EVENT_TYPE and payload.text("delivery") == str(outbound.id):
        return payload.number("part") == outbound.part
    mark = mark_of(outbound)
    return any(block.text("block_id") == mark for block in message.nodes("blocks"))
