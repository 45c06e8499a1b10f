"""Write users, channels, messages, files and views as Slack does."""

from dataclasses import dataclass
from urllib.parse import quote

from connectors.sandbox.slack.state import Channel, Message, StoredFile, User, View
from connectors.sandbox.slack.wire import Wire


@dataclass(frozen=True, slots=True)
class Enterprise:
    """An organization (Enterprise Grid). It adds an app to all its workspaces at once."""

    id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """The workspace and the one app installed in it."""

    team_id: str
    team_name: str
    app_id: str
    bot_user: str
    bot_id: str
    bot_name: str
    installed: int  # seconds since 1970
    enterprise: Enterprise | None = None

    @property
    def domain(self) -> str:
        return "".join(c for c in self.team_name.lower().replace(" ", "-") if c.isalnum() or c == "-")

    @property
    def bot_profile(self) -> Wire:
        return {
            "id": self.bot_id,
            "app_id": self.app_id,
            "name": self.bot_name,
            "icons": {f"image_{size}": avatar(size) for size in (36, 48, 72)},
            "deleted": False,
            "updated": self.installed,
            "team_id": self.team_id,
        }


def avatar(size: int) -> str:
    return f"https://a.slack-edge.com/80588/img/plugins/app/bot_{size}.png"


def user_wire(user: User, home: Installation) -> Wire:
    profile: Wire = {
        "title": "",
        "phone": "",
        "skype": "",
        "real_name": user.shown_name,
        "real_name_normalized": user.shown_name,
        "display_name": user.name,
        "display_name_normalized": user.name,
        "status_text": "",
        "status_emoji": "",
        "status_expiration": 0,
        "avatar_hash": f"g{user.id[-10:].lower()}",
        "fields": None,
        "team": user.team_id or home.team_id,
        **{f"image_{size}": avatar(size) for size in (24, 32, 48, 72, 192, 512)},
    }
    if user.email:
        profile["email"] = user.email
    if user.bot_id:
        profile |= {"bot_id": user.bot_id, "api_app_id": home.app_id, "always_active": False}
    foreign: Wire = {"is_stranger": True} if user.team_id else {}
    if home.enterprise is not None and not user.team_id:
        foreign = {"enterprise_user": {"id": user.id, "enterprise_id": home.enterprise.id}}
    return {
        "id": user.id,
        "team_id": user.team_id or home.team_id,
        "name": user.name,
        "deleted": user.deleted,
        "color": "9f69e7",
        "real_name": user.shown_name,
        "tz": user.tz,
        "tz_label": user.tz,
        "tz_offset": 0,
        "profile": profile,
        "is_admin": user.is_admin,
        "is_owner": False,
        "is_primary_owner": False,
        "is_restricted": user.is_guest,
        "is_ultra_restricted": False,
        "is_bot": bool(user.bot_id),
        "is_app_user": False,
        "updated": home.installed,
        **foreign,
    }


def channel_wire(channel: Channel, home: Installation) -> Wire:
    if channel.im_user:
        return {
            "id": channel.id,
            "created": channel.created,
            "is_archived": channel.is_archived,
            "is_im": True,
            "is_org_shared": False,
            "user": channel.im_user,
            "is_user_deleted": False,
            "priority": 0,
        }
    stamp = {"creator": channel.creator, "last_set": channel.created}
    blank = {"creator": "", "last_set": 0}
    return {
        "id": channel.id,
        "name": channel.name,
        "name_normalized": channel.name,
        "is_channel": not channel.is_private,
        "is_group": channel.is_private,
        "is_im": False,
        "is_mpim": False,
        "is_private": channel.is_private,
        "created": channel.created,
        "creator": channel.creator,
        "is_archived": channel.is_archived,
        "is_general": channel.is_general,
        "is_shared": bool(channel.connected),
        "is_org_shared": False,
        "is_ext_shared": bool(channel.connected),
        "is_pending_ext_shared": False,
        "pending_shared": [],
        "shared_team_ids": [home.team_id, *channel.connected],
        "unlinked": 0,
        "is_member": home.bot_user in channel.members,
        "topic": {"value": channel.topic, **(stamp if channel.topic else blank)},
        "purpose": {"value": channel.purpose, **(stamp if channel.purpose else blank)},
        "previous_names": list(channel.previous_names),
    }


def file_wire(stored: StoredFile, home: Installation, address: str) -> Wire:
    if stored.deleted:
        return {"id": stored.id, "mode": "tombstone"}
    extension = stored.name.rpartition(".")[2].lower() if "." in stored.name else "binary"
    in_path = quote(stored.name, safe="")
    url = f"{address}/files/{stored.id}/{in_path}"
    return {
        "id": stored.id,
        "created": stored.created,
        "timestamp": stored.created,
        "name": stored.name,
        "title": stored.title,
        "mimetype": stored.mimetype,
        "filetype": extension,
        "pretty_type": extension.upper(),
        "user": stored.user,
        "user_team": home.team_id,
        "editable": False,
        "size": stored.size,
        "mode": "hosted",
        "is_external": False,
        "external_type": "",
        "is_public": False,
        "public_url_shared": False,
        "display_as_bot": False,
        "username": "",
        "url_private": url,
        "url_private_download": url,
        "permalink": f"https://{home.domain}.slack.com/files/{stored.user}/{stored.id}/{in_path}",
        "permalink_public": f"https://slack-files.com/{home.team_id}-{stored.id}",
        "channels": list(stored.channels),
        "groups": [],
        "ims": [],
        "comments_count": 0,
    }


def message_wire(
    message: Message,
    home: Installation,
    files: list[Wire],
    *,
    thread: list[Message] | None = None,
    parent: Message | None = None,
    with_metadata: bool = True,
    team: str = "",
) -> Wire:
    """Return a message as history, events and answers contain it.

    `thread` adds a root's reply counts. `team` is the author's workspace, if it is another one.
    """
    wire: Wire = {"type": "message", "user": message.user, "text": message.text, "ts": message.ts}
    if message.subtype:
        wire["subtype"] = message.subtype
    if message.subtype == "bot_message":
        del wire["user"]
    if message.subtype == "bot_message" or message.username:
        wire["username"] = message.username
    if message.icons:
        wire["icons"] = message.icons
    if message.bot_id:
        wire |= {"bot_id": message.bot_id, "app_id": home.app_id, "bot_profile": home.bot_profile}
    if message.client_msg_id:
        wire["client_msg_id"] = message.client_msg_id
    wire["team"] = team or home.team_id
    if team:
        wire |= {"user_team": team, "source_team": team}
    if message.blocks:
        wire["blocks"] = message.blocks
    if message.attachments:
        wire["attachments"] = message.attachments
    if message.metadata is not None and with_metadata:
        wire["metadata"] = message.metadata
    if files:
        wire |= {"files": files, "upload": False, "display_as_bot": False}
    if message.edited:
        wire["edited"] = {"user": message.edited.user, "ts": message.edited.ts}
    if message.thread_ts:
        wire["thread_ts"] = message.thread_ts
    if parent is not None and message.is_reply:
        wire["parent_user_id"] = parent.user
        if message.subtype == "thread_broadcast":
            wire["root"] = {"type": "message", "user": parent.user, "text": parent.text, "ts": parent.ts}
    if message.reactions:
        wire["reactions"] = [
            {"name": name, "users": list(users), "count": len(users)}
            for name, users in message.reactions.items()
        ]
    if thread:
        wire |= _thread_counts(message, thread)
    return wire


def _thread_counts(root: Message, thread: list[Message]) -> Wire:
    users = list(dict.fromkeys(reply.user for reply in thread))
    return {
        "thread_ts": root.ts,
        "reply_count": len(thread),
        "reply_users_count": len(users),
        "reply_users": users[:5],
        "latest_reply": thread[-1].ts,
        "is_locked": False,
        "subscribed": False,
    }


def view_wire(view: View, home: Installation) -> Wire:
    source = view.source
    return {
        "id": view.id,
        "team_id": home.team_id,
        "type": source["type"],
        "blocks": source["blocks"],
        "private_metadata": source.get("private_metadata", ""),
        "callback_id": source.get("callback_id", ""),
        "state": {"values": view.values},
        "hash": view.hash,
        "title": source.get("title"),
        "clear_on_close": source.get("clear_on_close", False),
        "notify_on_close": source.get("notify_on_close", False),
        "close": source.get("close"),
        "submit": source.get("submit"),
        "previous_view_id": view.previous_view_id or None,
        "root_view_id": view.root_view_id,
        "app_id": home.app_id,
        "external_id": source.get("external_id", ""),
        "app_installed_team_id": home.team_id,
        "bot_id": home.bot_id,
    }
