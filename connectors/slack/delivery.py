"""Write a delivery's id on the message that it becomes, so that `find` recognizes the message."""

from collections.abc import Mapping
from typing import Final

from bot.core.outbound import Outbound
from connectors.payload import Node

EVENT_TYPE = "desk_delivery"
TORN: Final[Mapping[str, object]] = {"event_type": "desk_torn", "event_payload": {"torn": True}}


def metadata_of(outbound: Outbound) -> dict[str, object]:
    """Return message metadata with the delivery's id: https://docs.slack.dev/messaging/message-metadata"""
    return {
        "event_type": EVENT_TYPE,
        # `delivery_id` names this one message; a delivery of several parts makes several.
        "event_payload": {
            "delivery": str(outbound.id),
            "part": outbound.part,
            "delivery_id": f"{outbound.id}.{outbound.part}",
        },
    }


def mark_of(outbound: Outbound) -> str:
    """Return the block id by which an upload's message is recognized, as it can carry no metadata."""
    return f"{EVENT_TYPE}.{outbound.id}.{outbound.part}"


def carries(message: Node, outbound: Outbound) -> bool:
    metadata = message.node("metadata")
    payload = metadata.node("event_payload")
    if metadata.text("event_type") == EVENT_TYPE and payload.text("delivery") == str(outbound.id):
        return payload.whole("part") == outbound.part
    mark = mark_of(outbound)
    return any(block.text("block_id") == mark for block in message.nodes("blocks"))


def is_nameless(message: Node) -> bool:
    """Return whether a message of ours carries no delivery's id."""
    return message.node("metadata").text("event_type") != EVENT_TYPE and not any(
        block.text("block_id").startswith(f"{EVENT_TYPE}.") for block in message.nodes("blocks")
    )


def is_torn(message: Node) -> bool:
    """Return whether a message of ours is a stream that is to be deleted."""
    return message.node("metadata").text("event_type") == TORN["event_type"]
