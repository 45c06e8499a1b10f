"""The calls of people in Slack."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from aiohttp import web

from bot.core.errors import CommandError
from connectors.sandbox.control.calls import SentFile, action, view
from connectors.sandbox.control.files import file_answer
from connectors.sandbox.slack import Choice, Outcome, Refused, SlackStandIn, Tenant, Upload, User

# Takes the three Request URLs of the app, by name.
Configure = Callable[[str, str, str], None]
_LONGEST_CHANNEL = 300  # messages that the page gets


@dataclass(frozen=True, slots=True)
class Guest:
    """A person of another workspace in a shared channel."""

    id: str
    name: str
    team: str
    real_name: str = ""


@dataclass(frozen=True, slots=True)
class SlackControl:
    """`team` is a workspace, by default the first one. `thread_ts` names a thread, "" the channel itself."""

    slack: SlackStandIn
    set_urls: Configure

    def file(self, path: str, mime_type: str) -> web.Response:
        for team in self.slack.teams():
            try:
                content = self.slack.workspace(team).file_content(path)
            except Refused:
                continue
            return file_answer(content, mime_type)
        raise LookupError(path)

    def _tenant(self, team: str) -> Tenant:
        team = team or self.slack.installation.team_id
        if team not in self.slack.teams():
            raise CommandError(f"There is no workspace {team[:40]!r}.")
        return self.slack.workspace(team)

    @action
    def configure(self, events_url: str, interactions_url: str, commands_url: str) -> None:
        self.set_urls(events_url, interactions_url, commands_url)

    @view
    def workspace(self, team: str = "") -> object:
        tenant = self._tenant(team)
        home = tenant.installation
        return {
            "team": home.team_name,
            "bot": {"id": home.bot_user, "name": home.bot_name},
            "users": tenant.users(),
            "channels": tenant.channels(),
            "latest": {each["id"]: _latest(tenant, str(each["id"])) for each in tenant.channels()},
        }

    @view
    def messages(self, user: str, channel: str, thread_ts: str = "", team: str = "") -> object:
        tenant = self._tenant(team)
        return {
            "messages": tenant.messages(channel, thread_ts or None)[-_LONGEST_CHANNEL:],
            "ephemerals": [
                each
                for each in tenant.ephemerals(user)
                if each.channel == channel and (each.thread_ts or "") == thread_ts
            ],
        }

    @view
    def modals(self, user: str, team: str = "") -> object:
        return self._tenant(team).views(user)

    @action
    def post(
        self,
        user: str,
        channel: str,
        text: str,
        thread_ts: str = "",
        files: Sequence[SentFile] = (),
        team: str = "",
    ) -> object:
        if not text.strip() and not files:
            raise CommandError("A message needs some text or a file.")
        uploads = [Upload(each.name, each.content, each.mime_type) for each in files]
        return {"ts": self._tenant(team).post_as(user, channel, text, thread_ts or None, uploads)}

    @action
    def edit(self, user: str, channel: str, ts: str, text: str, team: str = "") -> None:
        self._tenant(team).edit_as(user, channel, ts, text)

    @action
    def delete(self, user: str, channel: str, ts: str, team: str = "") -> None:
        self._tenant(team).delete_as(user, channel, ts)

    @action
    def react(self, user: str, channel: str, ts: str, name: str, team: str = "") -> None:
        self._tenant(team).react_as(user, channel, ts, name)

    @action
    def unreact(self, user: str, channel: str, ts: str, name: str, team: str = "") -> None:
        self._tenant(team).unreact_as(user, channel, ts, name)

    @action
    async def click(
        self,
        user: str,
        channel: str,
        ts: str,
        action_id: str,
        choice: Choice = None,
        block_id: str = "",
        team: str = "",
    ) -> Outcome:
        return await self._tenant(team).click(user, channel, ts, action_id, choice, block_id=block_id)

    @action
    async def click_in_view(
        self,
        user: str,
        view_id: str,
        action_id: str,
        choice: Choice = None,
        block_id: str = "",
        team: str = "",
    ) -> Outcome:
        return await self._tenant(team).click_in_view(user, view_id, action_id, choice, block_id=block_id)

    @action
    async def submit_view(
        self, user: str, view_id: str, values: Mapping[str, Mapping[str, Choice]], team: str = ""
    ) -> Outcome:
        return await self._tenant(team).submit_view(user, view_id, values)

    @action
    async def close_view(self, user: str, view_id: str, team: str = "") -> Outcome:
        return await self._tenant(team).close_view(user, view_id)

    @action
    async def slash(self, user: str, channel: str, command: str, text: str = "", team: str = "") -> Outcome:
        return await self._tenant(team).slash(user, channel, command, text)

    @action
    def join(self, user: str, channel: str, team: str = "") -> None:
        self._tenant(team).join(user, channel)

    @action
    def open_direct(self, user: str, team: str = "") -> object:
        return {"channel": self._tenant(team).open_direct(user).id}

    @action
    def open_home(self, user: str, tab: str = "home", team: str = "") -> None:
        self._tenant(team).open_home(user, tab)

    @action
    def add_user(self, name: str, real_name: str = "", email: str = "", team: str = "") -> object:
        return {"id": self._tenant(team).add_user(name, real_name=real_name, email=email).id}

    @action
    def add_channel(
        self, name: str, private: bool = False, members: Sequence[str] = (), team: str = ""
    ) -> object:
        return {"id": self._tenant(team).add_channel(name, private=private, members=members).id}

    # Customers: other workspaces, the assistant's pane, Slack Connect

    @action
    def open_pane(self, user: str, team: str = "") -> object:
        channel, thread = self._tenant(team).open_pane(user)
        return {"channel": channel, "thread_ts": thread}

    @action
    def stop_agent(self, user: str, channel: str, thread_ts: str, team: str = "") -> None:
        self._tenant(team).stop_agent(user, channel, thread_ts)

    @view
    def pane(self, channel: str, thread_ts: str = "", team: str = "") -> object:
        return self._tenant(team).pane(channel, thread_ts)

    @action
    def add_workspace(self, team: str, name: str = "") -> object:
        return {"team": self.slack.workspace(team, name).installation.team_id}

    @action
    def connect_channel(
        self, name: str, outside: Sequence[Guest] = (), inside: Sequence[str] = (), team: str = ""
    ) -> object:
        guests = [
            User(id=each.id, name=each.name, real_name=each.real_name, team_id=each.team) for each in outside
        ]
        return {"id": self._tenant(team).connect_channel(name, guests, list(inside)).id}

    @action
    def uninstall(self, team: str) -> None:
        self.slack.uninstall(team)


def _latest(tenant: Tenant, channel: str) -> str:
    """Return the ts of the newest message or reply, by which the page knows what is unread."""
    shown = tenant.messages(channel)
    return max((str(each.get("latest_reply", each["ts"])) for each in shown), default="")
