"""Turn one item of a webhook into the content of an event."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from bot.core.events import (
    Content,
    Deleted,
    Edited,
    Ignored,
    Reacted,
    Receipt,
    ReceiptStatus,
    Said,
    Started,
    Unsupported,
)
from connectors.messenger.attachments import shown
from connectors.messenger.payloads import is_ours, tapped
from connectors.payload import Node, clean

# Messenger's names for its oldest reactions, which may come without an emoji.
_REACTIONS = {
    "like": "👍",
    "dislike": "👎",
    "love": "❤",
    "smile": "😆",
    "wow": "😮",
    "sad": "😢",
    "angry": "😠",
}
GET_STARTED = "GET_STARTED"  # the payload of the button that we create
# Payloads of the Get Started button in tutorials and SDKs. The Page chooses the payload.
_GET_STARTED = frozenset({"getstarted", "getstartedpayload", "facebookwelcome"})
_FRAME = frozenset(
    {
        "mid",
        "seq",
        "text",
        "quick_reply",
        "attachments",
        "reply_to",
        "is_echo",
        "app_id",
        "metadata",
        "tags",
        "nlp",
    }
)
_LATEST = datetime(9999, 1, 1, tzinfo=UTC).timestamp() * 1000
_SECONDS_UNTIL = 1e11  # a smaller number is in seconds: in milliseconds it would be before 1973
_MAX_KIND = 60
_ABOUT_CHARS = 200


def message_of(raw: Mapping[str, object]) -> Content:
    message = Node(raw)
    if message.flag("is_deleted"):
        return Deleted(message.id("mid"))
    text = message.text("text")
    nodes = message.nodes("attachments")
    payload = message.node("quick_reply").text("payload")
    if is_ours(payload) and not nodes:
        return tapped(payload, text)  # with another program's payload or with files, the text counts
    attached = shown(nodes, text)
    if text or attached.attachments or attached.words:
        return Said(text, tuple(attached.attachments))
    if message.flag("is_unsupported"):
        return Unsupported("message")
    named = next((node.text("type") for node in nodes), "") or first_other(raw, _FRAME)
    return Unsupported(kind(named)) if named else Ignored("empty")


def described(message: Node) -> str:
    """Return in lines what comes with a message besides its own words: the ad above it, what is shared."""
    attached = shown(message.nodes("attachments"), message.text("text"))
    return "\n".join(filter(None, (_about(message.node("referral")), *attached.words)))


def _about(referral: Node) -> str:
    """Return the ad or the product that the customer sees above the message, or ""."""
    if item := referral.node("product").id("id"):
        return f"About the product {item[:_ABOUT_CHARS]}"
    title = " ".join(referral.node("ads_context_data").text("ad_title").split())[:_ABOUT_CHARS]
    return f"From the ad “{title}”" if title else ""


def edit_of(edit: Node) -> Content:
    mid, text = edit.id("mid"), edit.text("text")
    return Edited(mid, text) if mid and text else Ignored("message_edit")


def reaction_of(reaction: Node) -> Content:
    mid, name = reaction.id("mid"), reaction.text("reaction")
    emoji = reaction.text("emoji") or _REACTIONS.get(name, name)
    if not mid or not (emoji or reaction.text("action") == "unreact"):
        return Ignored("reaction")
    return Reacted(mid, emoji, reaction.text("action") != "unreact")


def postback_of(postback: Node) -> Content:
    payload, title = postback.text("payload"), postback.text("title")
    if re.sub(r"[^a-z]", "", payload.lower()) in _GET_STARTED:
        return Started(postback.node("referral").text("ref"))
    if payload:
        return tapped(payload, title)
    # In standby we do not get the payload, only the text on the button.
    return Said(title) if title else Ignored("postback")


def referral_of(referral: Node) -> Content:
    """Return that the customer came back into the chat through a link, and what the link carries for us."""
    return Started(referral.text("ref"))


def receipt_of(receipt: Node, status: ReceiptStatus, mids: tuple[str, ...] = ()) -> Content:
    """Return a receipt, or that it says nothing.

    https://developers.facebook.com/documentation/business-messaging/messenger-platform/webhooks/webhook-events/message-deliveries
    """
    until = moment(receipt.number("watermark"))
    if until is None and not mids:
        return Ignored(status.value)
    return Receipt(status=status, messages=mids, until=until)


def moment(value: float | None) -> datetime | None:
    """Return a time in milliseconds since 1970; a few old fields give it in seconds.

    Return None if there is none.
    """
    if value is None or value <= 0:
        return None
    milliseconds = value * 1000 if value < _SECONDS_UNTIL else value
    if milliseconds >= _LATEST:
        return None
    seconds, rest = divmod(int(milliseconds), 1000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest * 1000)


def first_other(raw: Mapping[str, object], known: frozenset[str]) -> str:
    """Return the first non-empty field that is not in `known`, or "" if there is none."""
    return next((key for key, value in raw.items() if value is not None and key not in known), "")


def kind(name: str) -> str:
    return clean(name).strip()[:_MAX_KIND] or "unknown"
