"""How a delivery's name is written on the message it becomes, by which `find` knows it again."""

from bot.core.outbound import Outbound
from connectors.slack.payload import Node

EVENT_TYPE = "desk_delivery"


def metadata_of(outbound: Outbound) -> dict[str, object]:
    """https://docs.slack.dev/messaging/message-metadata"""
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
    """The block id by which the message of an upload, which can carry no metadata, is known again."""
    return f"{EVENT_TYPE}.{outbound.id}.{outbound.part}"


def carries(message: Node, outbound: Outbound) -> bool:
    metadata = message.node("metadata")
    payload = metadata.node("event_payload")
    if metadata.text("event_type") == EVENT_TYPE and payload.text("delivery") == str(outbound.id):
        return payload.number("part") == outbound.part
    mark = mark_of(outbound)
    return any(block.text("block_id") == mark for block in message.nodes("blocks"))


def is_nameless(message: Node) -> bool:
    """Whether a message of ours bears no delivery's name at all."""
    return message.node("metadata").text("event_type") != EVENT_TYPE and not any(
        block.text("block_id").startswith(f"{EVENT_TYPE}.") for block in message.nodes("blocks")
    )
