"""Post messages, edit and delete them, react to them, and show some to one person only."""

from copy import deepcopy
from dataclasses import replace

from connectors.sandbox.slack.state import Channel, Edited, Ephemeral, Message
from connectors.sandbox.slack.wire import Refused, Wire
from connectors.sandbox.slack.workspace import Workspace

SLACKBOT = "USLACKBOT"


def find(channel: Channel, ts: str) -> Message:
    for message in channel.messages:
        if message.ts == ts:
            return message
    raise Refused("message_not_found")


def root_of(channel: Channel, thread_ts: str) -> Message:
    """Return the message that begins a thread. A reply's ts stands for its thread. Raises Refused."""
    try:
        message = find(channel, thread_ts)
    except Refused:
        raise Refused("thread_not_found") from None
    return root_of(channel, message.thread_ts) if message.is_reply else message


def post(workspace: Workspace, channel: Channel, message: Message) -> Message:
    if channel.is_archived:
        raise Refused("is_archived")
    if message.thread_ts:
        root = root_of(channel, message.thread_ts)
        root.thread_ts = message.thread_ts = root.ts
    channel.messages.append(message)
    pane = workspace.state.panes.get(f"{channel.id}/{message.thread_ts}", {})
    if message.bot_id and "status" in pane:
        pane["status"] = ""  # an answer ends the status
    wire = workspace.message_wire(channel, message)
    workspace.show("message_posted", channel=channel.id, message=wire)
    workspace.tell(
        {**wire, "channel": channel.id, "event_ts": message.ts, "channel_type": channel.kind}, channel
    )
    home = workspace.home
    if f"<@{home.bot_user}>" in message.text and message.user != home.bot_user and not channel.im_user:
        mention = {key: wire[key] for key in _MENTION_KEYS if key in wire}
        workspace.tell(
            {**mention, "type": "app_mention", "channel": channel.id, "event_ts": message.ts}, channel
        )
    return message


_MENTION_KEYS = (
    "user", "ts", "client_msg_id", "text", "team", "blocks", "thread_ts", "parent_user_id", "files"
)  # fmt: skip


def edit(workspace: Workspace, channel: Channel, message: Message, editor: str, changes: Wire) -> Message:
    """Replace fields of the message. An edit that changes nothing is still an edit, as in Slack."""
    previous = deepcopy(workspace.message_wire(channel, message))
    ts = workspace.next_ts()
    changed = replace(message, **changes, edited=Edited(user=editor, ts=ts))
    channel.messages[channel.messages.index(message)] = changed
    _tell_changed(workspace, channel, changed, previous, ts)
    return changed


def delete(workspace: Workspace, channel: Channel, message: Message) -> None:
    """Delete a message. One with replies leaves a tombstone that keeps its thread."""
    previous = deepcopy(workspace.message_wire(channel, message))
    ts = workspace.next_ts()
    if any(reply.thread_ts == message.ts for reply in channel.messages if reply.is_reply):
        tombstone = Message(
            ts=message.ts,
            user=SLACKBOT,
            text="This message was deleted.",
            subtype="tombstone",
            thread_ts=message.ts,
        )
        channel.messages[channel.messages.index(message)] = tombstone
        _tell_changed(workspace, channel, tombstone, previous, ts)
        return
    channel.messages.remove(message)
    workspace.show("message_deleted", channel=channel.id, ts=message.ts)
    workspace.tell(
        {
            "type": "message",
            "subtype": "message_deleted",
            "previous_message": previous,
            "channel": channel.id,
            "hidden": True,
            "deleted_ts": message.ts,
            "event_ts": ts,
            "ts": ts,
            "channel_type": channel.kind,
        },
        channel,
    )


def _tell_changed(workspace: Workspace, channel: Channel, message: Message, previous: Wire, ts: str) -> None:
    wire = workspace.message_wire(channel, message)
    workspace.show("message_changed", channel=channel.id, message=wire)
    workspace.tell(
        {
            "type": "message",
            "subtype": "message_changed",
            "message": wire,
            "previous_message": previous,
            "channel": channel.id,
            "hidden": True,
            "ts": ts,
            "event_ts": ts,
            "channel_type": channel.kind,
        },
        channel,
    )


def react(workspace: Workspace, channel: Channel, message: Message, user: str, name: str) -> None:
    users = message.reactions.setdefault(name, [])
    if user in users:
        raise Refused("already_reacted")
    users.append(user)
    _tell_reaction(workspace, channel, message, user=user, name=name, kind="reaction_added")


def unreact(workspace: Workspace, channel: Channel, message: Message, user: str, name: str) -> None:
    users = message.reactions.get(name, [])
    if user not in users:
        raise Refused("no_reaction")
    users.remove(user)
    if not users:
        del message.reactions[name]
    _tell_reaction(workspace, channel, message, user=user, name=name, kind="reaction_removed")


def _tell_reaction(
    workspace: Workspace, channel: Channel, message: Message, *, user: str, name: str, kind: str
) -> None:
    workspace.show(kind, channel=channel.id, ts=message.ts, user=user, reaction=name)
    workspace.tell(
        {
            "type": kind,
            "user": user,
            "reaction": name,
            "item": {"type": "message", "channel": channel.id, "ts": message.ts},
            "item_user": message.user,
            "event_ts": workspace.next_ts(),
        },
        channel,
    )


def whisper(workspace: Workspace, ephemeral: Ephemeral) -> Ephemeral:
    """Show a message to one person. No history keeps it, and no event reports it."""
    workspace.state.ephemerals.append(ephemeral)
    workspace.show(
        "ephemeral_posted",
        channel=ephemeral.channel,
        user=ephemeral.user,
        ts=ephemeral.ts,
        text=ephemeral.text,
        blocks=ephemeral.blocks,
        thread_ts=ephemeral.thread_ts,
    )
    return ephemeral
