"""assistant.threads.*, agents.sessions.* and the streamed messages of chat.*

https://docs.slack.dev/ai/developing-ai-apps and https://docs.slack.dev/reference/methods/chat.startStream
"""

from connectors.sandbox.slack import messages
from connectors.sandbox.slack.call import Call, Method
from connectors.sandbox.slack.chat import remember_delivery, target
from connectors.sandbox.slack.state import Channel, Message
from connectors.sandbox.slack.wire import Refused, Wire
from connectors.sandbox.slack.workspace import Workspace

MAX_MARKDOWN = 12_000
MAX_PROMPTS = 4
STATUSES = ("active", "processing", "suspended", "closed")
PANE = "assistant_app_thread"  # the subtype of the message that begins a pane's thread


def _direct(call: Call) -> Channel:
    channel = call.workspace.visible(call.required("channel_id", "channel_not_found"))
    if not channel.im_user:
        raise Refused("channel_not_found")
    return channel


def _pane(call: Call) -> tuple[Channel, Message]:
    channel = _direct(call)
    root = messages.root_of(channel, call.required("thread_ts", "invalid_thread_ts"))
    if root.subtype != PANE:
        raise Refused("method_not_supported_for_channel_type")
    return channel, root


def set_status(call: Call) -> Wire:
    """Set the status of any thread: https://docs.slack.dev/changelog/2026/03/05/set-status-scope-update"""
    channel = call.workspace.visible(call.required("channel_id", "channel_not_found"))
    if call.workspace.home.bot_user not in channel.members:
        raise Refused("not_in_channel")
    root = messages.root_of(channel, call.required("thread_ts", "invalid_thread_ts"))
    _pane_of(call, channel, root.ts)["status"] = call.text("status")
    call.workspace.show("assistant_status", channel=channel.id, ts=root.ts, status=call.text("status"))
    return {}


def set_session_status(call: Call) -> Wire:
    """Set the session of an app that is declared as an agent: https://docs.slack.dev/ai/agent-sessions

    The documentation names no error for other apps; `not_authorized` is what developers report.
    """
    if not call.workspace.agent:
        raise Refused("not_authorized")
    status = call.required("status", "invalid_arguments")
    if status not in STATUSES:
        raise Refused("invalid_arguments", "must be a valid enum value [json-pointer:/status]")
    channel = call.workspace.visible(call.required("channel_id", "channel_not_found"))
    if call.workspace.home.bot_user not in channel.members:
        raise Refused("not_in_channel")
    root = messages.root_of(channel, call.required("thread_ts", "invalid_thread_ts"))
    session(call.workspace, channel, root.ts, status)
    return {"status": status, "agent_status": status}


def session(workspace: Workspace, channel: Channel, thread: str, status: str) -> None:
    """Set the state of a thread's session, which exists from now on."""
    workspace.state.panes.setdefault(f"{channel.id}/{thread}", {})["session"] = status
    workspace.show("agent_session", channel=channel.id, ts=thread, status=status)


def set_title(call: Call) -> Wire:
    channel, root = _pane(call)
    _pane_of(call, channel, root.ts)["title"] = call.required("title")
    return {}


def set_prompts(call: Call) -> Wire:
    """Set the prompts of a pane.

    Without a thread, set those of the direct messages of an app with an `agent_view`.
    """
    channel, thread = _direct(call), ""
    if call.text("thread_ts"):
        channel, root = _pane(call)
        thread = root.ts
    prompts = call.json("prompts")
    if not isinstance(prompts, list) or not 1 <= len(prompts) <= MAX_PROMPTS:
        raise Refused("invalid_arguments", f"must have 1 to {MAX_PROMPTS} items: prompts")
    for prompt in prompts:
        if not isinstance(prompt, dict) or not prompt.get("title") or not prompt.get("message"):
            raise Refused("invalid_arguments", "missing required field: title or message")
    _pane_of(call, channel, thread)["prompts"] = prompts
    call.workspace.show("assistant_prompts", channel=channel.id, ts=thread)
    return {}


def _pane_of(call: Call, channel: Channel, thread: str) -> Wire:
    return call.workspace.state.panes.setdefault(f"{channel.id}/{thread}", {})


def start_stream(call: Call) -> Wire:
    workspace = call.workspace
    channel = target(call)
    if not workspace.streams:
        raise Refused("method_not_supported_for_channel_type")
    if not channel.im_user and not (call.text("recipient_user_id") and call.text("recipient_team_id")):
        raise Refused("missing_recipient_user_id")
    message = Message(
        ts=workspace.next_ts(),
        user=workspace.home.bot_user,
        bot_id=workspace.home.bot_id,
        text=_markdown(call),
        thread_ts=call.required("thread_ts", "invalid_thread_ts"),
        username=call.text("username"),
        streaming=True,
    )
    posted = messages.post(workspace, channel, message)
    if workspace.agent:
        session(workspace, channel, posted.thread_ts, "processing")
    return {"channel": channel.id, "ts": posted.ts}


def append_stream(call: Call) -> Wire:
    channel, message = _streaming(call)
    changed = messages.edit(
        call.workspace,
        channel,
        message,
        call.workspace.home.bot_user,
        {"text": message.text + _markdown(call)},
    )
    return {"channel": channel.id, "ts": changed.ts}


def stop_stream(call: Call) -> Wire:
    workspace = call.workspace
    channel, message = _streaming(call)
    changes: Wire = {"streaming": False, "text": message.text + _markdown(call)}
    if (metadata := call.metadata()) is not None:
        changes["metadata"] = metadata
    if (blocks := call.blocks()) is not None:
        changes["blocks"] = blocks
    changed = messages.edit(workspace, channel, message, workspace.home.bot_user, changes)
    remember_delivery(workspace, changed)
    status = call.text("session_status") or "active"
    if status not in STATUSES:
        raise Refused("invalid_arguments", "must be a valid enum value [json-pointer:/session_status]")
    if workspace.agent:
        session(workspace, channel, changed.thread_ts, status)
    return {
        "channel": channel.id,
        "ts": changed.ts,
        "message": workspace.message_wire(channel, changed),
    }


def _streaming(call: Call) -> tuple[Channel, Message]:
    channel = call.workspace.visible(call.required("channel", "channel_not_found"))
    message = messages.find(channel, call.required("ts", "message_not_found"))
    if message.bot_id != call.workspace.home.bot_id:
        raise Refused("message_not_owned_by_app")
    if not message.streaming:
        raise Refused("message_not_in_streaming_state")
    return channel, message


def _markdown(call: Call) -> str:
    text = call.text("markdown_text")
    if len(text) > MAX_MARKDOWN:
        raise Refused("msg_too_long")
    return text


METHODS: dict[str, Method] = {
    "agents.sessions.setStatus": set_session_status,
    "assistant.threads.setStatus": set_status,
    "assistant.threads.setTitle": set_title,
    "assistant.threads.setSuggestedPrompts": set_prompts,
    "chat.startStream": start_stream,
    "chat.appendStream": append_stream,
    "chat.stopStream": stop_stream,
}
