"""The workspace: its people, channels and clock, and who is told about a change."""

import re
from collections.abc import Callable, Iterable
from datetime import timedelta

from connectors.sandbox.slack.shapes import Installation, channel_wire, file_wire, message_wire, user_wire
from connectors.sandbox.slack.state import Channel, Message, ResponseUrl, State, StoredFile, Trigger, User
from connectors.sandbox.slack.wire import Clock, Ids, Refused, Wire, ts_of

# https://docs.slack.dev/interactivity/handling-user-interaction
TRIGGER_LIFE = timedelta(seconds=3)
RESPONSE_URL_LIFE = timedelta(minutes=30)
RESPONSE_URL_USES = 5

_CHANNEL_NAME = re.compile(r"[\w-]+")


class Workspace:
    """The state with its rules.

    Every change goes to `changed`; the events that the app subscribes to go to `emit`.
    """

    def __init__(
        self,
        home: Installation,
        *,
        clock: Clock,
        ids: Ids,
        emit: Callable[[Wire], None],
        changed: Callable[[Wire], None],
    ) -> None:
        self.home = home
        self.clock = clock
        self.ids = ids
        self.state = State()
        self.shares_files = True  # False: the organization allows no files to other organizations
        self.unknown_blocks: frozenset[str] = frozenset()
        self.agent = True  # the app has an `agent_view`
        self.streams = True  # a plan without assistants has no chat.startStream
        self.address = ""  # where the app reaches this stand-in; learnt from its calls
        self._emit = emit
        self._changed = changed

    def next_ts(self) -> str:
        now = int(self.clock().timestamp() * 1_000_000) // 100 * 100
        self.state.last_ts = max(now, self.state.last_ts + 100)
        return ts_of(self.state.last_ts)

    def seconds(self) -> int:
        return int(self.clock().timestamp())

    def tell(self, event: Wire, channel: Channel | None = None) -> None:
        """Send an event to the app if it may see the channel.

        An app sees the channels of which it is a member.
        """
        if channel is None or self.home.bot_user in channel.members:
            self._emit(_with_files_hidden(event) if channel is not None and channel.connected else event)

    def show(self, kind: str, **fields: object) -> None:
        self._changed({"type": kind, **fields})

    # People

    def add_user(self, user: User) -> User:
        self.state.users[user.id] = user
        self.show("user_added", user=user_wire(user, self.home))
        return user

    def user(self, key: str) -> User:
        """Return a user by id or name. Raises Refused."""
        found = self.state.users.get(key)
        if found is None:
            found = next((user for user in self.state.users.values() if user.name == key), None)
        if found is None:
            raise Refused("user_not_found")
        return found

    def team_of(self, user: str) -> str:
        """Return the other workspace to which a person belongs; "" for a person of this workspace."""
        found = self.state.users.get(user)
        return found.team_id if found is not None else ""

    def names(self) -> dict[str, str]:
        return {user.name: user.id for user in self.state.users.values()}

    # Channels

    def add_channel(
        self, name: str, *, is_private: bool, members: Iterable[str], creator: str, channel_id: str = ""
    ) -> Channel:
        if not name:
            raise Refused("invalid_name_required")
        if len(name) > 80:
            raise Refused("invalid_name_maxlength")
        if not _CHANNEL_NAME.fullmatch(name) or name != name.lower():
            raise Refused("invalid_name_specials")
        if any(channel.name == name for channel in self.state.channels.values()):
            raise Refused("name_taken")
        channel = Channel(
            id=channel_id or self.ids("C"),
            name=name,
            created=self.seconds(),
            creator=creator,
            is_private=is_private,
            is_general=not self.state.channels,
        )
        self.state.channels[channel.id] = channel
        self.show("channel_added", channel=channel_wire(channel, self.home))
        for member in members:
            self.join(channel, member)
        return channel

    def channel(self, key: str) -> Channel:
        """Return a channel by id, or by name with or without `#`. Raises Refused."""
        found = self.state.channels.get(key)
        if found is None:
            name = key.removeprefix("#")
            found = next((c for c in self.state.channels.values() if name and c.name == name), None)
        if found is None:
            raise Refused("channel_not_found")
        return found

    def visible(self, key: str) -> Channel:
        """Return a channel that the app may see.

        For it, a private channel that it is not in does not exist.
        """
        channel = self.channel(key)
        if channel.is_private and self.home.bot_user not in channel.members:
            raise Refused("channel_not_found")
        return channel

    def direct(self, user_id: str) -> tuple[Channel, bool]:
        """Return the app's direct messages with a person, and whether they existed before."""
        for channel in self.state.channels.values():
            if channel.im_user == user_id:
                return channel, True
        channel = Channel(
            id=self.ids("D"),
            name="",
            created=self.seconds(),
            creator=self.home.bot_user,
            im_user=user_id,
            members=[self.home.bot_user, user_id],
        )
        self.state.channels[channel.id] = channel
        self.show("channel_added", channel=channel_wire(channel, self.home))
        return channel, False

    def join(self, channel: Channel, user_id: str, inviter: str = "") -> bool:
        if user_id in channel.members:
            return False
        channel.members.append(user_id)
        event: Wire = {
            "type": "member_joined_channel",
            "user": user_id,
            "channel": channel.id,
            "channel_type": "G" if channel.is_private else "C",
            "team": self.home.team_id,
            "event_ts": self.next_ts(),
        }
        if inviter:
            event["inviter"] = inviter
        self.show("member_joined", channel=channel.id, user=user_id)
        self.tell(event, channel)
        return True

    # What interactions carry

    def new_trigger(self, user_id: str, view_id: str = "") -> str:
        moment = self.clock()
        trigger_id = f"{self.state.last_ts}.{self.ids('')}.{self.ids('').lower()}"
        self.state.triggers[trigger_id] = Trigger(
            user=user_id, view_id=view_id, expires=moment + TRIGGER_LIFE
        )
        return trigger_id

    def use_trigger(self, trigger_id: str) -> Trigger:
        trigger = self.state.triggers.get(trigger_id)
        if trigger is None:
            raise Refused("invalid_trigger_id")
        if trigger.used:
            raise Refused("exchanged_trigger_id")
        if self.clock() > trigger.expires:
            raise Refused("expired_trigger_id")
        trigger.used = True
        return trigger

    def new_response_url(
        self, channel: str, user: str, *, message_ts: str = "", is_ephemeral: bool = False
    ) -> str:
        token = self.ids("")
        self.state.response_urls[token] = ResponseUrl(
            channel=channel,
            user=user,
            message_ts=message_ts,
            is_ephemeral=is_ephemeral,
            expires=self.clock() + RESPONSE_URL_LIFE,
        )
        return f"{self.address}/response/{self.home.team_id}/{token}"

    # Slack's own words for what is stored

    def file(self, file_id: str) -> StoredFile:
        stored = self.state.files.get(file_id)
        if stored is None or not stored.shared:
            raise Refused("file_not_found")
        if stored.deleted:
            raise Refused("file_deleted")
        return stored

    def files_wire(self, file_ids: Iterable[str]) -> list[Wire]:
        return [file_wire(self.state.files[key], self.home, self.address) for key in file_ids]

    def message_wire(self, channel: Channel, message: Message, *, with_metadata: bool = True) -> Wire:
        thread: list[Message] = []
        parent: Message | None = None
        if message.is_reply:
            parent = next((root for root in channel.messages if root.ts == message.thread_ts), None)
        elif message.thread_ts:
            thread = [one for one in channel.messages if one.is_reply and one.thread_ts == message.ts]
        return message_wire(
            message,
            self.home,
            self.files_wire(message.files),
            thread=thread,
            parent=parent,
            team=self.team_of(message.user),
            with_metadata=with_metadata,
        )


def _with_files_hidden(event: Wire) -> Wire:
    """Return an event that tells only the ids of another workspace's files. files.info tells the rest.

    https://docs.slack.dev/apis/slack-connect#files
    """
    shown = dict(event)
    for key in ("message", "previous_message"):
        if isinstance(shown.get(key), dict):
            shown[key] = _with_files_hidden(shown[key])
    if shown.get("user_team") and "files" in shown:
        shown["files"] = [
            {"id": file["id"], "mode": "file_access", "file_access": "check_file_info", "created": 0}
            for file in shown["files"]
        ]
    return shown
