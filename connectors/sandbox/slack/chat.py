"""chat.* and reactions.*"""

import re

from connectors.sandbox.slack import messages
from connectors.sandbox.slack.call import Call, Method
from connectors.sandbox.slack.state import Channel, Ephemeral, Message
from connectors.sandbox.slack.wire import Refused, Wire, is_ts
from connectors.sandbox.slack.workspace import Workspace

# https://docs.slack.dev/reference/methods/chat.postMessage and chat.update
MAX_POST = 40_000
MAX_UPDATE = 4_000
MAX_REACTIONS = 23  # different emoji one user may leave on a message
_EMOJI = re.compile(r"[a-z0-9_'+-]+(::skin-tone-[2-6])?")
DELIVERY_KEY = "delivery_id"  # in a post's metadata payload: the app's own id of the delivery


def post_message(call: Call) -> Wire:
    workspace = call.workspace
    channel = target(call)
    content = _content(call, most=MAX_POST)
    username, icons = call.text("username"), call.icons()
    broadcast = call.flag("reply_broadcast") and bool(call.text("thread_ts"))
    message = Message(
        ts=workspace.next_ts(),
        user=workspace.home.bot_user,
        bot_id=workspace.home.bot_id,
        subtype="bot_message" if username or icons else "thread_broadcast" if broadcast else "",
        username=username or (workspace.home.bot_name if icons else ""),
        icons=icons,
        metadata=call.metadata(),
        thread_ts=call.text("thread_ts"),
        **content,
    )
    posted = messages.post(workspace, channel, message)
    remember_delivery(workspace, posted)
    return {
        "channel": channel.id,
        "ts": posted.ts,
        "message": workspace.message_wire(channel, posted),
    }


def remember_delivery(workspace: Workspace, posted: Message) -> None:
    if posted.metadata and (delivery := posted.metadata["event_payload"].get(DELIVERY_KEY)):
        workspace.state.deliveries.setdefault(str(delivery), []).append(posted.ts)


def target(call: Call) -> Channel:
    """Return the channel to write to, named by id, name, or a person, whose direct messages are opened.

    Raises Refused.
    """
    workspace = call.workspace
    key = call.required("channel", "channel_not_found")
    if key in workspace.state.users:
        return workspace.direct(key)[0]
    channel = workspace.visible(key)
    if channel.is_archived:
        raise Refused("is_archived")
    if workspace.home.bot_user not in channel.members:
        raise Refused("not_in_channel")
    return channel


def _content(call: Call, *, most: int) -> Wire:
    text = call.text("text")
    blocks, attachments = call.blocks(), call.attachments()
    if not text and not blocks and not attachments:
        raise Refused("no_text")
    if len(text) > most:
        raise Refused("msg_too_long")
    return {"text": text, "blocks": blocks or [], "attachments": attachments or []}


# Slack's answer to an update names the message beside it, not in it.
_NOT_IN_UPDATES = ("ts", "thread_ts", "parent_user_id", "reactions")


def update(call: Call) -> Wire:
    workspace = call.workspace
    channel = workspace.visible(call.required("channel", "channel_not_found"))
    message = messages.find(channel, call.required("ts", "message_not_found"))
    if message.bot_id != workspace.home.bot_id:
        raise Refused("cant_update_message")
    if channel.is_archived:
        raise Refused("is_inactive")
    changes: Wire = {}
    if "text" in call.args:
        changes["text"] = call.text("text")
    blocks, attachments, metadata = call.blocks(), call.attachments(), call.metadata()
    if blocks is not None:  # without the argument the old blocks stay; an empty list removes them
        changes["blocks"] = blocks
    if attachments is not None:
        changes["attachments"] = attachments
    if metadata is not None:
        changes["metadata"] = metadata
    if not any(changes.get(key) for key in ("text", "blocks", "attachments")) and metadata is None:
        raise Refused("no_text")
    if len(changes.get("text", "")) > MAX_UPDATE:
        raise Refused("msg_too_long")
    changed = messages.edit(workspace, channel, message, workspace.home.bot_user, changes)
    wire = workspace.message_wire(channel, changed)
    shown = {key: part for key, part in wire.items() if key not in _NOT_IN_UPDATES}
    return {"channel": channel.id, "ts": changed.ts, "text": changed.text, "message": shown}


def delete(call: Call) -> Wire:
    workspace = call.workspace
    channel = workspace.visible(call.required("channel", "channel_not_found"))
    message = messages.find(channel, call.required("ts", "message_not_found"))
    if message.bot_id != workspace.home.bot_id:
        raise Refused("cant_delete_message")
    messages.delete(workspace, channel, message)
    return {"channel": channel.id, "ts": message.ts}


def post_ephemeral(call: Call) -> Wire:
    workspace = call.workspace
    channel = target(call)
    user = call.required("user", "user_not_in_channel")
    if user not in channel.members:
        raise Refused("user_not_in_channel")
    shown = messages.whisper(
        workspace,
        Ephemeral(
            ts=workspace.next_ts(),
            channel=channel.id,
            user=user,
            thread_ts=call.text("thread_ts"),
            **_content(call, most=MAX_POST),
        ),
    )
    return {"message_ts": shown.ts}


def get_permalink(call: Call) -> Wire:
    workspace = call.workspace
    channel = workspace.visible(call.required("channel", "channel_not_found"))
    message = messages.find(channel, call.required("message_ts", "message_not_found"))
    link = f"https://{workspace.home.domain}.slack.com/archives/{channel.id}/p{message.ts.replace('.', '')}"
    if message.is_reply:
        link += f"?thread_ts={message.thread_ts}&cid={channel.id}"
    return {"channel": channel.id, "permalink": link}


def _reacted(call: Call) -> tuple[Channel, Message]:
    if not call.text("channel") or not call.text("timestamp"):
        raise Refused("no_item_specified")
    if not is_ts(call.text("timestamp")):
        raise Refused("bad_timestamp")
    channel = call.workspace.visible(call.text("channel"))
    return channel, messages.find(channel, call.text("timestamp"))


def _emoji(call: Call) -> str:
    name = call.required("name", "invalid_name").strip(":")
    if not _EMOJI.fullmatch(name):
        raise Refused("invalid_name")
    return name


def add_reaction(call: Call) -> Wire:
    workspace = call.workspace
    name = _emoji(call)
    channel, message = _reacted(call)
    if channel.is_archived:
        raise Refused("is_archived")
    if workspace.home.bot_user not in channel.members:
        raise Refused("not_in_channel")
    ours = sum(workspace.home.bot_user in users for users in message.reactions.values())
    if ours >= MAX_REACTIONS and workspace.home.bot_user not in message.reactions.get(name, []):
        raise Refused("too_many_emoji")
    messages.react(workspace, channel, message, workspace.home.bot_user, name)
    return {}


def remove_reaction(call: Call) -> Wire:
    name = _emoji(call)
    channel, message = _reacted(call)
    messages.unreact(call.workspace, channel, message, call.workspace.home.bot_user, name)
    return {}


def get_reactions(call: Call) -> Wire:
    channel, message = _reacted(call)
    return {
        "type": "message",
        "channel": channel.id,
        "message": call.workspace.message_wire(channel, message),
    }


METHODS: dict[str, Method] = {
    "chat.postMessage": post_message,
    "chat.update": update,
    "chat.delete": delete,
    "chat.postEphemeral": post_ephemeral,
    "chat.getPermalink": get_permalink,
    "reactions.add": add_reaction,
    "reactions.remove": remove_reaction,
    "reactions.get": get_reactions,
}
