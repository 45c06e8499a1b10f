"""response_url: answer an interaction later, up to five times in half an hour.

https://docs.slack.dev/interactivity/handling-user-interaction#message_responses
"""

from connectors.sandbox.slack import messages
from connectors.sandbox.slack.call import Call
from connectors.sandbox.slack.state import Ephemeral, Message, ResponseUrl
from connectors.sandbox.slack.wire import Refused, Wire
from connectors.sandbox.slack.workspace import RESPONSE_URL_USES, Workspace


def respond(workspace: Workspace, token: str, body: Wire) -> None:
    """Carry out one POST to a response_url. Raises Refused with Slack's word for one that is used up."""
    target = workspace.state.response_urls.get(token)
    if target is None:
        raise Refused("invalid_url")
    if workspace.clock() > target.expires:
        raise Refused("expired_url")
    if target.uses >= RESPONSE_URL_USES:
        raise Refused("used_url")
    say(workspace, target, body)
    target.uses += 1


def say(workspace: Workspace, target: ResponseUrl, body: Wire) -> None:
    """Post, replace or delete, as the body asks. By default, post a new message for one person."""
    call = Call(workspace, body)
    if call.flag("delete_original"):
        _delete(workspace, target)
        return
    content: Wire = {
        "text": call.text("text"),
        "blocks": call.blocks() or [],
        "attachments": call.attachments() or [],
    }
    if not any(content.values()):
        raise Refused("no_text")
    if call.flag("replace_original") and target.message_ts:
        _replace(workspace, target, content)
        return
    channel = workspace.channel(target.channel)
    ts, thread_ts = workspace.next_ts(), call.text("thread_ts")
    if call.text("response_type") == "in_channel":
        home = workspace.home
        said = Message(ts=ts, user=home.bot_user, bot_id=home.bot_id, thread_ts=thread_ts, **content)
        messages.post(workspace, channel, said)
    else:
        whisper = Ephemeral(ts=ts, channel=channel.id, user=target.user, thread_ts=thread_ts, **content)
        messages.whisper(workspace, whisper)


def _original(workspace: Workspace, target: ResponseUrl) -> Ephemeral:
    for ephemeral in workspace.state.ephemerals:
        if ephemeral.ts == target.message_ts and ephemeral.channel == target.channel:
            return ephemeral
    raise Refused("message_not_found")


def _delete(workspace: Workspace, target: ResponseUrl) -> None:
    if target.is_ephemeral:
        workspace.state.ephemerals.remove(_original(workspace, target))
        workspace.show("ephemeral_deleted", channel=target.channel, user=target.user, ts=target.message_ts)
        return
    channel = workspace.channel(target.channel)
    messages.delete(workspace, channel, messages.find(channel, target.message_ts))


def _replace(workspace: Workspace, target: ResponseUrl, content: Wire) -> None:
    if target.is_ephemeral:
        ephemeral = _original(workspace, target)
        ephemeral.text = content["text"]
        ephemeral.blocks = content["blocks"]
        ephemeral.attachments = content["attachments"]
        workspace.show(
            "ephemeral_changed", channel=target.channel, user=target.user, ts=ephemeral.ts, **content
        )
        return
    channel = workspace.channel(target.channel)
    original = messages.find(channel, target.message_ts)
    messages.edit(workspace, channel, original, workspace.home.bot_user, content)
