"""Everything that a Slack workspace stores, as plain data that can be saved and loaded."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from connectors.sandbox.slack.wire import Wire
from connectors.sandbox.snapshots import Bytes


@dataclass(slots=True, kw_only=True)
class User:
    id: str
    name: str
    real_name: str = ""
    email: str = ""
    bot_id: str = ""  # set for apps only
    is_admin: bool = False
    is_guest: bool = False  # may be only in a few channels
    deleted: bool = False
    tz: str = "Etc/UTC"
    team_id: str = ""  # of another workspace, for whoever comes in by Slack Connect
    team_name: str = ""  # of that workspace
    dnd_start: int = 0  # Do Not Disturb, in seconds since 1970
    dnd_end: int = 0

    @property
    def shown_name(self) -> str:
        return self.real_name or self.name


@dataclass(slots=True, kw_only=True)
class Edited:
    user: str
    ts: str


@dataclass(slots=True, kw_only=True)
class Message:
    ts: str
    user: str
    text: str
    subtype: str = ""
    bot_id: str = ""
    username: str = ""
    icons: Wire = field(default_factory=dict)
    blocks: list[Wire] = field(default_factory=list)
    attachments: list[Wire] = field(default_factory=list)
    metadata: Wire | None = None
    thread_ts: str = ""
    client_msg_id: str = ""
    files: list[str] = field(default_factory=list)
    reactions: dict[str, list[str]] = field(default_factory=dict)
    edited: Edited | None = None
    streaming: bool = False  # begun by chat.startStream, and not stopped yet

    @property
    def is_reply(self) -> bool:
        return self.thread_ts not in ("", self.ts)


@dataclass(slots=True, kw_only=True)
class Channel:
    id: str
    name: str
    created: int
    creator: str
    is_private: bool = False
    is_archived: bool = False
    is_general: bool = False
    im_user: str = ""  # the person of a direct message with the app
    topic: str = ""
    purpose: str = ""
    previous_names: list[str] = field(default_factory=list)
    members: list[str] = field(default_factory=list)
    connected: list[str] = field(default_factory=list)  # other workspaces, by Slack Connect
    messages: list[Message] = field(default_factory=list)  # oldest first

    @property
    def kind(self) -> str:
        """Return Slack's `channel_type` in events."""
        if self.im_user:
            return "im"
        return "group" if self.is_private else "channel"


@dataclass(slots=True, kw_only=True)
class Ephemeral:
    ts: str
    channel: str
    user: str  # the only one who sees it
    text: str
    blocks: list[Wire] = field(default_factory=list)
    attachments: list[Wire] = field(default_factory=list)
    thread_ts: str = ""


@dataclass(slots=True, kw_only=True)
class StoredFile:
    id: str
    name: str
    title: str
    mimetype: str
    size: int
    user: str
    created: int
    content: Bytes = b""
    uploaded: bool = False
    shared: bool = False
    deleted: bool = False
    channels: list[str] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class View:
    id: str
    user: str
    hash: str
    source: Wire  # as the app gave it: type, title, blocks, private_metadata, ...
    root_view_id: str
    previous_view_id: str = ""
    values: Wire = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Trigger:
    """The right to open one view within three seconds."""

    user: str
    view_id: str
    expires: datetime
    used: bool = False


@dataclass(slots=True, kw_only=True)
class ResponseUrl:
    channel: str
    user: str
    message_ts: str
    is_ephemeral: bool
    expires: datetime
    uses: int = 0


@dataclass(slots=True, kw_only=True)
class State:
    users: dict[str, User] = field(default_factory=dict)
    channels: dict[str, Channel] = field(default_factory=dict)
    ephemerals: list[Ephemeral] = field(default_factory=list)
    files: dict[str, StoredFile] = field(default_factory=dict)
    views: dict[str, View] = field(default_factory=dict)
    stacks: dict[str, list[str]] = field(default_factory=dict)  # user -> open modals, bottom first
    homes: dict[str, str] = field(default_factory=dict)  # user -> view
    triggers: dict[str, Trigger] = field(default_factory=dict)
    response_urls: dict[str, ResponseUrl] = field(default_factory=dict)
    deliveries: dict[str, list[str]] = field(default_factory=dict)  # delivery id -> ts of every post of it
    panes: dict[str, Wire] = field(default_factory=dict)  # "channel/thread" of the assistant → what it shows
    last_ts: int = 0


def emptied(state: State) -> State:
    """Return the state with its people and channels, but without messages."""
    channels = {key: replace(channel, messages=[]) for key, channel in state.channels.items()}
    return State(users=state.users, channels=channels, last_ts=state.last_ts)
