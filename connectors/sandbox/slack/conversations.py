"""conversations.*"""

from connectors.sandbox.slack import messages
from connectors.sandbox.slack.call import Call, Method, page
from connectors.sandbox.slack.shapes import channel_wire
from connectors.sandbox.slack.state import Channel, Message
from connectors.sandbox.slack.wire import Refused, Wire, micros


def list_all(call: Call) -> Wire:
    workspace = call.workspace
    kinds = set(call.listed("types")) or {"public_channel"}
    if not kinds <= {"public_channel", "private_channel", "im", "mpim"}:
        raise Refused("invalid_types")
    wanted = [
        channel.id
        for channel in workspace.state.channels.values()
        if _type(channel) in kinds
        and (channel.kind == "channel" or workspace.home.bot_user in channel.members)
        and not (channel.is_archived and call.flag("exclude_archived"))
    ]
    keys, cursor = page(wanted, call, most=1000)
    return {
        "channels": [_counted(call, workspace.state.channels[key]) for key in keys],
        "response_metadata": {"next_cursor": cursor},
    }


def _type(channel: Channel) -> str:
    return {"im": "im", "group": "private_channel", "channel": "public_channel"}[channel.kind]


def _counted(call: Call, channel: Channel) -> Wire:
    wire = channel_wire(channel, call.workspace.home)
    return wire if channel.im_user else {**wire, "num_members": len(channel.members)}


def _channel(call: Call) -> Channel:
    return call.workspace.visible(call.required("channel", "channel_not_found"))


def info(call: Call) -> Wire:
    channel = _channel(call)
    if call.flag("include_num_members"):
        return {"channel": _counted(call, channel)}
    return {"channel": channel_wire(channel, call.workspace.home)}


def members(call: Call) -> Wire:
    keys, cursor = page(_channel(call).members, call, most=1000)
    return {"members": keys, "response_metadata": {"next_cursor": cursor}}


def _read(call: Call) -> Channel:
    channel = _channel(call)
    if call.workspace.home.bot_user not in channel.members:
        raise Refused("not_in_channel")
    return channel


def _in_range(call: Call, candidates: list[Message]) -> list[Message]:
    """Return the messages between `oldest` and `latest`. Those two count only if `inclusive` is set."""
    bounds = {}
    for key, outermost in (("oldest", "0"), ("latest", "999999999999")):
        try:
            bounds[key] = micros(call.text(key) or outermost)
        except ValueError:
            raise Refused(f"invalid_ts_{key}") from None
    slack = 1 if call.flag("inclusive") else 0
    oldest, latest = bounds["oldest"] - slack, bounds["latest"] + slack
    return [message for message in candidates if oldest < micros(message.ts) < latest]


def _page_of_messages(call: Call, channel: Channel, candidates: list[Message]) -> Wire:
    by_ts = {message.ts: message for message in candidates}
    keys, cursor = page(list(by_ts), call, most=999)
    with_metadata = call.flag("include_all_metadata")
    answer: Wire = {
        "messages": [
            call.workspace.message_wire(channel, by_ts[key], with_metadata=with_metadata) for key in keys
        ],
        "has_more": bool(cursor),
    }
    if cursor:
        answer["response_metadata"] = {"next_cursor": cursor}
    return answer


def history(call: Call) -> Wire:
    """Return a channel's messages, newest first, with only those replies that the channel shows as well."""
    channel = _read(call)
    shown = [m for m in channel.messages if not m.is_reply or m.subtype == "thread_broadcast"]
    answer = _page_of_messages(call, channel, _in_range(call, shown)[::-1])
    return {**answer, "pin_count": 0, "channel_actions_ts": None, "channel_actions_count": 0}


def replies(call: Call) -> Wire:
    """Return a thread's messages, oldest first.

    Its first message leads every page, even if it is out of the range.
    """
    channel = _read(call)
    root = messages.root_of(channel, call.required("ts", "thread_not_found"))
    thread = [message for message in channel.messages if message.is_reply and message.thread_ts == root.ts]
    answer = _page_of_messages(call, channel, _in_range(call, thread))
    lead = call.workspace.message_wire(channel, root, with_metadata=call.flag("include_all_metadata"))
    return {**answer, "messages": [lead, *answer["messages"]]}


def open_direct(call: Call) -> Wire:
    workspace = call.workspace
    users = call.listed("users")
    if call.text("channel"):
        channel, was_open = _channel(call), True
    elif len(users) == 1:
        if users[0] not in workspace.state.users:
            raise Refused("user_not_found")
        if workspace.state.users[users[0]].deleted:
            raise Refused("user_disabled")
        channel, was_open = workspace.direct(users[0])
    else:
        raise Refused("method_not_supported_for_channel_type" if users else "users_list_not_supplied")
    wire = channel_wire(channel, workspace.home) if call.flag("return_im") else {"id": channel.id}
    return {"channel": wire, **({"no_op": True, "already_open": True} if was_open else {})}


def join(call: Call) -> Wire:
    workspace = call.workspace
    channel = _channel(call)
    if channel.is_private or channel.im_user:
        raise Refused("method_not_supported_for_channel_type")
    if channel.is_archived:
        raise Refused("is_archived")
    joined = workspace.join(channel, workspace.home.bot_user)
    answer: Wire = {"channel": channel_wire(channel, workspace.home)}
    if not joined:
        answer |= {
            "warning": "already_in_channel",
            "response_metadata": {"warnings": ["already_in_channel"]},
        }
    return answer


def create(call: Call) -> Wire:
    workspace = call.workspace
    channel = workspace.add_channel(
        call.required("name", "invalid_name_required"),
        is_private=call.flag("is_private"),
        members=[workspace.home.bot_user],
        creator=workspace.home.bot_user,
    )
    return {"channel": channel_wire(channel, workspace.home)}


def invite(call: Call) -> Wire:
    workspace = call.workspace
    channel = _read(call)
    users = call.listed("users")
    if not users:
        raise Refused("no_user")
    if channel.is_archived:
        raise Refused("is_archived")
    for user in users:
        if user not in workspace.state.users:
            raise Refused("user_not_found")
        if user == workspace.home.bot_user:
            raise Refused("cant_invite_self")
        if user in channel.members:
            raise Refused("already_in_channel")
    for user in users:
        workspace.join(channel, user, inviter=workspace.home.bot_user)
    return {"channel": channel_wire(channel, workspace.home)}


METHODS: dict[str, Method] = {
    "conversations.list": list_all,
    "conversations.info": info,
    "conversations.members": members,
    "conversations.history": history,
    "conversations.replies": replies,
    "conversations.open": open_direct,
    "conversations.join": join,
    "conversations.create": create,
    "conversations.invite": invite,
}
