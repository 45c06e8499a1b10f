"""Find the conversation of an event, and who acted in it. Pure.

In a channel, a top-level message of somebody from outside begins a conversation, which is its thread. In
direct messages, too, each thread is a place of its own: Slack has agents answer in the thread of the
question. https://docs.slack.dev/ai/migrating-to-agent-messaging
"""

from dataclasses import dataclass, replace

from bot.core.events import Deleted, Edited, Event, Ignored, Reacted, Said, Unsupported
from connectors.payload import Node


@dataclass(frozen=True, slots=True)
class Heard:
    """An event in its place, and what must be known to say as whom its sender speaks."""

    event: Event
    direct: bool
    is_root: bool
    begun_by: str  # who began the thread; "" for a root, or where Slack does not tell
    team: str  # the sender's workspace as the event tells it


def placed(found: Event, event: Node, key: str) -> Heard | None:
    """Return an event with the place and thread of its conversation; None for one that begins nothing.

    `found` is the event as it is read for staff, `key` names the installation.
    """
    if isinstance(found.content, Ignored):
        return None
    direct = is_direct(found.place.chat)
    written, own = _written(event, found), _message(found)
    thread = found.place.thread or own
    is_root = thread == own
    place = replace(found.place, chat=f"{key}/{found.place.chat}", thread=thread)
    return Heard(
        event=replace(found, place=place, shared=not direct),
        direct=direct,
        is_root=is_root,
        begun_by="" if is_root else written.text("parent_user_id"),
        team=written.text("user_team") or written.text("team"),
    )


def reacted(found: Event, message: Node, key: str) -> Heard:
    """Return a reaction to `message` with its place and thread, which Slack tells only when asked."""
    direct = is_direct(found.place.chat)
    ts, thread = message.text("ts"), message.text("thread_ts")
    is_root = thread in ("", ts)
    place = replace(found.place, chat=f"{key}/{found.place.chat}", thread=ts if is_root else thread)
    return Heard(
        event=replace(found, place=place, shared=not direct),
        direct=direct,
        # A message in a channel belongs to its author, not to a person who reacts to it.
        is_root=False,
        begun_by=message.text("user") if is_root else message.text("parent_user_id"),
        team="",
    )


def is_direct(chat: str) -> bool:
    return chat.startswith("D")


def grant_of(payload: Node) -> str:
    """Return the key of the installation for which Slack sent an event."""
    for grant in payload.nodes("authorizations"):
        whole = grant.flag("is_enterprise_install")
        if key := grant.text("enterprise_id" if whole else "team_id"):
            return key
    return payload.text("team_id") or payload.text("enterprise_id")


def tapped_in(payload: Node) -> str:
    """Return the key of the installation whose bot wrote the message with the button."""
    if payload.flag("is_enterprise_install"):
        return payload.node("enterprise").text("id")
    message = payload.node("message")
    return (
        message.node("bot_profile").text("team_id") or message.text("team") or payload.node("team").text("id")
    )


def _message(found: Event) -> str:
    match found.content:
        case Edited(message=message) | Deleted(message=message) | Reacted(message=message):
            return message
        case _:
            return found.message


def _written(event: Node, found: Event) -> Node:
    match found.content:
        case Said() | Unsupported():
            return event
        case Edited():
            return event.node("message")
        case _:
            return event.node("previous_message")
