"""Read events about the workspace itself: channels that close or change, the app's removal, people who leave.

Shapes of https://docs.slack.dev/reference/events.
"""

from collections.abc import Callable
from datetime import datetime

from bot.core.events import Event, Place, Sender, WorkplaceChange, WorkplaceChanged
from connectors.payload import Node
from connectors.slack.exposure import PUBLIC, SHARED
from connectors.slack.timestamp import moment

_CLOSED = {
    "channel_archive": "the channel was archived",
    "group_archive": "the channel was archived",
    "channel_deleted": "the channel was deleted",
    "group_deleted": "the channel was deleted",
    "channel_left": "the app was removed from the channel",
    "group_left": "the app was removed from the channel",
}
_ENDED = {
    "app_uninstalled": "the app was uninstalled from the workspace",
    "tokens_revoked": "the app's token was revoked",
}


def changed(envelope: Node, place: Callable[[str, str], Place], us: str, now: datetime) -> Event | None:
    """Read an `event_callback` about the workspace; None for any other. `us` is our bot's user id."""
    event, event_id = envelope.node("event"), envelope.text("event_id")
    found = _change(event, us) if event_id else None
    if found is None:
        return None
    change, detail, chat, thread = found
    who = event.node("user").text("id") or event.text("user") or event.text("actor_id") or us or "app"
    return Event(
        external_id=event_id,
        place=place(chat, thread),
        sender=Sender(who),
        content=WorkplaceChanged(change, detail),
        occurred_at=moment(event.text("event_ts")) or now,
    )


def _change(event: Node, us: str) -> tuple[WorkplaceChange, str, str, str] | None:
    """Return the change, its detail, and the chat and thread where it happened; None for any other event."""
    kind, chat = event.text("type"), event.text("channel")
    match kind:
        case "channel_rename" | "group_rename":
            renamed = event.node("channel")
            return WorkplaceChange.CHAT_RENAMED, renamed.text("name"), renamed.text("id"), ""
        case "channel_shared" if chat:
            return WorkplaceChange.CHAT_EXPOSED, SHARED, chat, ""
        case "channel_id_changed":
            moved = event.text("new_channel_id")
            return WorkplaceChange.CHAT_MOVED, moved, event.text("old_channel_id"), ""
        case "user_change" if event.node("user").flag("deleted"):
            return WorkplaceChange.PERSON_DEACTIVATED, "", "", ""
        case "member_left_channel" if chat and event.text("user") != us:
            return WorkplaceChange.PERSON_LEFT, "left the channel", chat, ""
        case "tokens_revoked" if us and us not in event.node("tokens").texts("bot"):
            return None  # the token of a person who had signed in to the app, or of another bot
        case "message" if event.text("subtype") == "channel_convert_to_public" and chat:
            return WorkplaceChange.CHAT_MADE_PUBLIC, PUBLIC, chat, ""
        case "message":
            root = _deleted_root(event, us)
            return (WorkplaceChange.CARD_DELETED, "", chat, root) if root and chat else None
    if kind in _ENDED:
        return WorkplaceChange.CHAT_CLOSED, _ENDED[kind], "", ""
    if kind in _CLOSED and chat:
        return WorkplaceChange.CHAT_CLOSED, _CLOSED[kind], chat, ""
    return None


def _deleted_root(event: Node, us: str) -> str:
    """Return the ts of a deleted message of ours that began a thread. One with replies leaves a tombstone."""
    old, ts = event.node("previous_message"), ""
    match event.text("subtype"):
        case "message_deleted":
            ts = event.text("deleted_ts") or old.text("ts")
        case "message_changed" if event.node("message").text("subtype") == "tombstone":
            ts = event.node("message").text("ts")
    return ts if us and old.text("user") == us and old.text("thread_ts") in ("", ts) else ""
