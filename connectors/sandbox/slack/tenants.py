"""Further workspaces beside the first: who is in them, and what the app is told when it is removed."""

from collections.abc import Callable
from dataclasses import replace

from connectors.sandbox.slack import messages
from connectors.sandbox.slack.assistant import PANE
from connectors.sandbox.slack.delivery import Delivery, Parcel, Route
from connectors.sandbox.slack.interactions import Interactions
from connectors.sandbox.slack.peopleside import PeopleSide
from connectors.sandbox.slack.shapes import Enterprise, Installation
from connectors.sandbox.slack.state import Channel, Message, User
from connectors.sandbox.slack.wire import Clock, Ids, Refused, Wire
from connectors.sandbox.slack.workspace import Workspace

VERIFICATION_TOKEN = "verification"  # noqa: S105 - deprecated by Slack, still sent


class Tenant(PeopleSide):
    """A workspace in which the app may be installed or not."""

    def __init__(
        self,
        home: Installation,
        *,
        clock: Clock,
        ids: Ids,
        delivery: Delivery,
        changed: Callable[[Wire], None],
        installed: Callable[[str], bool],
    ) -> None:
        self.installation = home
        self._tells = delivery
        self._installed = installed
        workspace = Workspace(home, clock=clock, ids=ids, emit=self._emit, changed=changed)
        super().__init__(workspace, Interactions(workspace, delivery, VERIFICATION_TOKEN))
        bot = User(id=home.bot_user, name=home.bot_name.lower(), real_name=home.bot_name, bot_id=home.bot_id)
        self._workspace.state.users[bot.id] = bot

    def shared_state(self, address: str) -> Workspace:
        """Return the state and rules of this workspace, for the server that serves the app."""
        self._workspace.address = address
        return self._workspace

    def say(self, user: str, channel: str, text: str, thread: str | None = None) -> str:
        """Post what a person types, and return the message's ts."""
        return self.post_as(user, channel, text, thread)

    def open_pane(self, user: str) -> tuple[str, str]:
        """Open the assistant's pane as a person. Return its channel and its thread."""
        workspace, person = self._workspace, self._workspace.user(user)
        channel = workspace.direct(person.id)[0]
        home = workspace.home
        root = Message(
            ts=workspace.next_ts(),
            user=home.bot_user,
            bot_id=home.bot_id,
            text="New Assistant Thread",
            subtype=PANE,
        )
        messages.post(workspace, channel, root)
        workspace.tell(
            {
                "type": "assistant_thread_started",
                "assistant_thread": {
                    "user_id": person.id,
                    "context": {"channel_id": None, "team_id": home.team_id, "enterprise_id": None},
                    "channel_id": channel.id,
                    "thread_ts": root.ts,
                },
                "event_ts": workspace.next_ts(),
            },
            channel,
        )
        return channel.id, root.ts

    def belong_to(self, enterprise: Enterprise) -> None:
        """Make the workspace part of an organization that adds the app to all its workspaces."""
        self.installation = replace(self.installation, enterprise=enterprise)
        self._workspace.home = self.installation

    def without_agent(self) -> None:
        """Behave as for an app that is not declared as an agent."""
        self._workspace.agent = False

    def stop_agent(self, user: str, channel: str, thread: str) -> None:
        """Press the stop button that a thread shows while an agent is at work there.

        https://docs.slack.dev/reference/events/agent_session_stopped
        """
        workspace, (person, place) = self._workspace, self._inside(user, channel)
        if self.pane(place.id, thread).get("session") != "processing":
            raise Refused("not_found")
        streaming = [m for m in place.messages if m.thread_ts == thread and m.streaming]
        for message in streaming:
            messages.edit(workspace, place, message, workspace.home.bot_user, {"streaming": False})
        workspace.tell(
            {
                "type": "agent_session_stopped",
                "channel": place.id,
                "thread_ts": thread,
                "user": person.id,
                "streaming_message_ts": [message.ts for message in streaming],
                "event_ts": workspace.next_ts(),
            },
            place,
        )

    def without_blocks(self, *kinds: str) -> None:
        """Behave like a workspace that does not know these kinds of blocks yet."""
        self._workspace.unknown_blocks = frozenset(kinds)

    def without_streams(self) -> None:
        """Behave like a workspace on a plan that has no assistants."""
        self._workspace.streams = False

    def without_shared_files(self) -> None:
        """Behave like a workspace whose administrator has disabled uploads in Slack Connect."""
        self._workspace.shares_files = False

    def pane(self, channel: str, thread: str) -> Wire:
        """Return what a pane shows beside its messages: `status`, `session`, `prompts`, `title`."""
        return dict(self._workspace.state.panes.get(f"{channel}/{thread}", {}))

    def connect_channel(self, name: str, outside: list[User], inside: list[str]) -> Channel:
        """Share a channel by Slack Connect. The `team_id` of each person `outside` names their workspace.

        If the channel exists already, new people join it.
        """
        for person in outside:
            if person.id not in self._workspace.state.users:
                self._workspace.add_user(person)
        members = [*inside, *(person.id for person in outside)]
        known = (each for each in self._workspace.state.channels.values() if each.name == name)
        channel = next(known, None) or self.add_channel(name, private=True, members=members)
        for member in members:
            self.join(member, channel.id)
        teams = [*channel.connected, *(person.team_id for person in outside if person.team_id)]
        channel.connected = list(dict.fromkeys(teams))
        return channel

    def tell_of_end(self) -> None:
        """Send the app the two events of an uninstallation, which may arrive in any order."""
        home = self.installation
        self._send({"type": "tokens_revoked", "tokens": {"oauth": [], "bot": [home.bot_user]}})
        self._send({"type": "app_uninstalled"})

    def _emit(self, event: Wire) -> None:
        if self._installed(self.installation.team_id):
            self._send(event)

    def _send(self, event: Wire) -> None:
        home, workspace = self.installation, self._workspace
        whole = home.enterprise.id if home.enterprise else None
        stamp = event.get("event_ts", "")
        channel = workspace.state.channels.get(_channel_of(event))
        envelope: Wire = {
            "token": VERIFICATION_TOKEN,
            "team_id": home.team_id,
            "context_team_id": home.team_id,
            "context_enterprise_id": whole,
            "api_app_id": home.app_id,
            "event": event,
            "type": "event_callback",
            "event_id": workspace.ids("Ev"),
            "event_time": int(stamp.partition(".")[0]) if stamp else workspace.seconds(),
            "authed_users": [home.bot_user],
            "authorizations": [
                {
                    "enterprise_id": whole,
                    "team_id": home.team_id,
                    "user_id": home.bot_user,
                    "is_bot": True,
                    "is_enterprise_install": whole is not None,
                }
            ],
            "is_ext_shared_channel": bool(channel and channel.connected),
            "event_context": f"4-{workspace.ids('')}",
        }
        self._tells.add(Parcel(Route.EVENTS, event["type"], envelope))


def _channel_of(event: Wire) -> str:
    item = event.get("item")
    found = item.get("channel") if isinstance(item, dict) else event.get("channel")
    return found if isinstance(found, str) else ""
