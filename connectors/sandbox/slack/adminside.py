"""Do what administrators do to channels, people and the app, and send the app its events."""

from datetime import datetime

from connectors.sandbox.slack import messages
from connectors.sandbox.slack.shapes import channel_wire, user_wire
from connectors.sandbox.slack.state import Channel, Message, User
from connectors.sandbox.slack.wire import Refused, Wire
from connectors.sandbox.slack.workspace import Workspace


class AdminSide:
    """The actions of administrators. Users and channels are named by id or name."""

    _workspace: Workspace

    def archive(self, channel: str, by: str = "") -> None:
        found = self._workspace.channel(channel)
        self.archive_unheard(channel)
        self._tell(found, "archive", {"channel": found.id, "user": self._id(by), "is_moved": 0})

    def archive_unheard(self, channel: str) -> None:
        """Archive a channel without an event, as for an app that does not subscribe to it."""
        self._workspace.channel(channel).is_archived = True

    def unarchive(self, channel: str) -> None:
        self._workspace.channel(channel).is_archived = False

    def people(self) -> list[User]:
        return list(self._workspace.state.users.values())

    def rename(self, channel: str, name: str) -> None:
        found = self._workspace.channel(channel)
        if any(each.name == name for each in self._workspace.state.channels.values()):
            raise Refused("name_taken")
        found.previous_names.append(found.name)
        found.name = name
        renamed: Wire = {
            "id": found.id,
            "is_channel": not found.is_private,
            "is_mpim": False,
            "name": name,
            "name_normalized": name,
            "created": found.created,
        }
        self._tell(found, "rename", {"channel": renamed})

    def share(self, channel: str, team: str) -> None:
        """Share the channel with another company by Slack Connect, as if that company accepted."""
        found = self._workspace.channel(channel)
        found.connected = list(dict.fromkeys((*found.connected, team)))
        self._workspace.tell(
            {
                "type": "channel_shared",
                "connected_team_id": team,
                "channel": found.id,
                "event_ts": self._workspace.next_ts(),
            },
            found if found.is_private else None,
        )

    def make_public(self, channel: str, by: str) -> None:
        """Make a private channel public, so that everybody in the workspace can read it."""
        found = self._workspace.channel(channel)
        found.is_private = False
        text = "made this channel *public*. Any member in this workspace can see and join it."
        ts = self._workspace.next_ts()
        said = Message(ts=ts, user=self._id(by), text=text, subtype="channel_convert_to_public")
        messages.post(self._workspace, found, said)

    def remove_app(self, channel: str, by: str = "") -> None:
        """Remove the app from a channel."""
        found, home = self._workspace.channel(channel), self._workspace.home
        if home.bot_user not in found.members:
            raise Refused("not_in_channel")
        self._tell(found, "left", {"channel": found.id, "actor_id": self._id(by)})
        found.members.remove(home.bot_user)

    def delete_any(self, channel: str, ts: str) -> None:
        """Delete a message as an administrator, whoever wrote it."""
        place = self._workspace.channel(channel)
        messages.delete(self._workspace, place, messages.find(place, ts))

    def delete_thread(self, channel: str, ts: str) -> None:
        """Delete every message of a thread, its first one last, so that no tombstone is left."""
        place = self._workspace.channel(channel)
        for message in [m for m in place.messages if m.thread_ts == ts and m.is_reply]:
            messages.delete(self._workspace, place, message)
        self.delete_any(channel, ts)

    def delete_thread_unheard(self, channel: str, ts: str) -> None:
        """Delete a thread without events, as for an app that is not listening at that moment."""
        place = self._workspace.channel(channel)
        place.messages = [m for m in place.messages if ts not in (m.ts, m.thread_ts)]

    def deactivate(self, user: str) -> None:
        """Deactivate a person. They keep their name and leave every channel."""
        person = self._workspace.user(user)
        person.deleted = True
        for channel in self._workspace.state.channels.values():
            if person.id in channel.members and not channel.im_user:
                channel.members.remove(person.id)
        self._workspace.tell(
            {
                "type": "user_change",
                "user": user_wire(person, self._workspace.home),
                "cache_ts": self._workspace.seconds(),
                "event_ts": self._workspace.next_ts(),
            }
        )

    def leave_channel(self, user: str, channel: str) -> None:
        """Let a person leave a channel, or be removed from it."""
        found, person = self._workspace.channel(channel), self._workspace.user(user)
        event: Wire = {
            "type": "member_left_channel",
            "user": person.id,
            "channel": found.id,
            "channel_type": "G" if found.is_private else "C",
            "team": self._workspace.home.team_id,
            "event_ts": self._workspace.next_ts(),
        }
        self._workspace.tell(event, found)
        found.members.remove(person.id)

    def pause_notifications(self, user: str, until: datetime) -> None:
        """Turn on Do Not Disturb for a person, from now."""
        person = self._workspace.user(user)
        person.dnd_start, person.dnd_end = self._workspace.seconds(), int(until.timestamp())

    def _id(self, user: str) -> str:
        return self._workspace.user(user).id if user else "U0ADMIN000"

    def _tell(self, channel: Channel, change: str, fields: Wire) -> None:
        """Send an event about a channel.

        A private channel's events have names of their own and go only to its members.
        """
        self._workspace.show("channel_changed", channel=channel_wire(channel, self._workspace.home))
        event: Wire = {
            "type": f"{'group' if channel.is_private else 'channel'}_{change}",
            **fields,
            "event_ts": self._workspace.next_ts(),
        }
        self._workspace.tell(event, channel if channel.is_private else None)
