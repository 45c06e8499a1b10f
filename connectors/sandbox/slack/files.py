"""files.*: the three steps of an upload, and what is known about a file."""

from dataclasses import dataclass
from mimetypes import guess_type

from connectors.sandbox.slack import messages
from connectors.sandbox.slack.call import Call, Method, judged_blocks
from connectors.sandbox.slack.shapes import file_wire
from connectors.sandbox.slack.state import Message, StoredFile
from connectors.sandbox.slack.wire import Refused, Wire
from connectors.sandbox.slack.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Upload:
    """A file a person drops into a message."""

    name: str
    content: bytes
    mimetype: str = ""


def kind_of(name: str) -> str:
    return guess_type(name)[0] or "application/octet-stream"


def keep(workspace: Workspace, user: str, upload: Upload) -> StoredFile:
    stored = StoredFile(
        id=workspace.ids("F"),
        name=upload.name,
        title=upload.name,
        mimetype=upload.mimetype or kind_of(upload.name),
        size=len(upload.content),
        user=user,
        created=workspace.seconds(),
        content=upload.content,
        uploaded=True,
        shared=True,
    )
    workspace.state.files[stored.id] = stored
    return stored


def get_upload_url(call: Call) -> Wire:
    workspace = call.workspace
    name, length = call.required("filename"), call.required("length")
    if not length.isdigit() or int(length) < 1:
        raise Refused("invalid_arguments", "must be a positive number: length")
    stored = StoredFile(
        id=workspace.ids("F"),
        name=name,
        title=name,
        mimetype=kind_of(name),
        size=int(length),
        user=workspace.home.bot_user,
        created=workspace.seconds(),
    )
    workspace.state.files[stored.id] = stored
    return {"upload_url": f"{workspace.address}/upload/{stored.id}", "file_id": stored.id}


def receive(workspace: Workspace, file_id: str, content: bytes) -> int:
    """Store the bytes of an upload.

    Raises Refused for an unknown file, or for another length than announced.
    """
    stored = workspace.state.files.get(file_id)
    if stored is None or stored.uploaded:
        raise Refused("file_not_found")
    if len(content) != stored.size:
        raise Refused("file_upload_size_mismatch")
    stored.content = content
    stored.uploaded = True
    return len(content)


def complete_upload(call: Call) -> Wire:
    workspace = call.workspace
    stored = _announced(call)
    targets = call.listed("channels") or call.listed("channel_id")
    channels = [workspace.visible(key) for key in targets]
    if any(workspace.home.bot_user not in channel.members for channel in channels):
        raise Refused("not_in_channel")
    if not workspace.shares_files and any(channel.connected for channel in channels):
        raise Refused("slack_connect_file_upload_sharing_blocked")
    try:
        given = call.json("blocks")
    except ValueError:
        raise Refused("invalid_blocks_format") from None
    blocks = judged_blocks(workspace, given) if given else []
    for item in stored:
        item.shared = True
    for channel in channels:
        for item in stored:
            item.channels.append(channel.id)
        message = Message(
            ts=workspace.next_ts(),
            user=workspace.home.bot_user,
            bot_id=workspace.home.bot_id,
            text=call.text("initial_comment"),
            blocks=blocks,
            subtype="file_share",
            username=call.text("username"),
            icons=call.icons(),
            files=[item.id for item in stored],
            thread_ts=call.text("thread_ts"),
        )
        messages.post(workspace, channel, message)
    return {"files": [file_wire(item, workspace.home, workspace.address) for item in stored]}


def _announced(call: Call) -> list[StoredFile]:
    try:
        given = call.json("files")
    except ValueError:
        given = None
    if not isinstance(given, list) or not given:
        raise Refused("invalid_arguments", "missing required field: files")
    found = []
    for item in given:
        file_id = item.get("id") if isinstance(item, dict) else None
        stored = call.workspace.state.files.get(str(file_id))
        if stored is None or not stored.uploaded or stored.shared:
            raise Refused("file_not_found")
        stored.title = str(item.get("title") or stored.name)
        found.append(stored)
    return found


def info(call: Call) -> Wire:
    workspace = call.workspace
    stored = workspace.file(call.required("file", "file_not_found"))
    return {
        "file": file_wire(stored, workspace.home, workspace.address) | {"shares": _shares(workspace, stored)},
        "comments": [],
    }


def _shares(workspace: Workspace, stored: StoredFile) -> Wire:
    """Return the messages that show a file, by channel."""
    shares: Wire = {}
    for key in stored.channels:
        channel = workspace.state.channels[key]
        shown = [{"ts": message.ts} for message in channel.messages if stored.id in message.files]
        if shown:
            shares.setdefault("private" if channel.is_private else "public", {})[key] = shown
    return shares


def delete(call: Call) -> Wire:
    """Delete a file. Messages that show it stay, with its id.

    https://docs.slack.dev/reference/methods/files.delete
    """
    workspace = call.workspace
    stored = workspace.file(call.required("file", "file_not_found"))
    if stored.user != workspace.home.bot_user:
        raise Refused("cant_delete_file")
    stored.deleted, stored.content = True, b""
    return {}


METHODS: dict[str, Method] = {
    "files.getUploadURLExternal": get_upload_url,
    "files.completeUploadExternal": complete_upload,
    "files.info": info,
    "files.delete": delete,
}
