"""Offer what people in Slack can do and see through the control API."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

from bot.core.errors import CommandError
from connectors.sandbox.body import Body, Deed
from connectors.sandbox.slack import Choice, Outcome, SlackStandIn, Tenant, Upload, User

# Takes the three Request URLs of the app, by name.
Configure = Callable[[str, str, str], None]
_LONGEST_CHANNEL = 300  # messages that the page gets


@dataclass(frozen=True, slots=True)
class SlackDeeds:
    slack: SlackStandIn
    configure: Configure

    def deeds(self) -> Mapping[str, Deed]:
        return {
            "configure": self._configure,
            "post": self._post,
            "edit": self._edit,
            "delete": self._delete,
            "react": self._react,
            "unreact": self._unreact,
            "click": self._click,
            "click_in_view": self._click_in_view,
            "submit_view": self._submit_view,
            "close_view": self._close_view,
            "slash": self._slash,
            "join": self._join,
            "open_direct": self._open_direct,
            "open_home": self._open_home,
            "add_user": self._add_user,
            "add_channel": self._add_channel,
            "add_workspace": self._add_workspace,
            "connect_channel": self._connect_channel,
            "open_pane": self._open_pane,
            "stop_agent": self._stop_agent,
            "uninstall": self._uninstall,
        }

    def views(self) -> Mapping[str, Deed]:
        return {
            "workspace": self._workspace,
            "messages": self._messages,
            "modals": self._modals,
            "pane": self._pane,
        }

    def _side(self, body: Body) -> Tenant:
        """Return the workspace that `team` names, or the first one without `team`."""
        team = body.text("team", "") or self.slack.installation.team_id
        if team not in self.slack.teams():
            raise CommandError(f"There is no workspace {team[:40]!r}.")
        return self.slack.workspace(team)

    async def _configure(self, body: Body) -> object:
        self.configure(body.text("events_url"), body.text("interactions_url"), body.text("commands_url"))
        return {}

    async def _workspace(self, body: Body) -> object:
        side = self._side(body)
        home = side.installation
        latest = {str(channel["id"]): _latest(side, str(channel["id"])) for channel in side.channels()}
        return {
            "team": home.team_name,
            "bot": {"id": home.bot_user, "name": home.bot_name},
            "users": side.users(),
            "channels": side.channels(),
            "latest": latest,
        }

    async def _messages(self, body: Body) -> object:
        channel, thread = body.text("channel"), body.text("thread_ts", "") or None
        whispers = [
            asdict(each)
            for each in self._side(body).ephemerals(body.text("user"))
            if each.channel == channel and (each.thread_ts or None) == thread
        ]
        shown = self._side(body).messages(channel, thread)[-_LONGEST_CHANNEL:]
        return {"messages": shown, "ephemerals": whispers}

    async def _modals(self, body: Body) -> object:
        return self._side(body).views(body.text("user"))

    async def _post(self, body: Body) -> object:
        uploads = [
            Upload(file.text("name"), file.content("content"), file.text("mime_type", ""))
            for file in body.objects("files")
        ]
        text = body.text("text")
        if not text.strip() and not uploads:
            raise CommandError("A message needs some text or a file.")
        thread = body.text("thread_ts", "") or None
        return {
            "ts": self._side(body).post_as(body.text("user"), body.text("channel"), text, thread, uploads)
        }

    async def _edit(self, body: Body) -> object:
        self._side(body).edit_as(body.text("user"), body.text("channel"), body.text("ts"), body.text("text"))
        return {}

    async def _delete(self, body: Body) -> object:
        self._side(body).delete_as(body.text("user"), body.text("channel"), body.text("ts"))
        return {}

    async def _react(self, body: Body) -> object:
        self._side(body).react_as(body.text("user"), body.text("channel"), body.text("ts"), body.text("name"))
        return {}

    async def _unreact(self, body: Body) -> object:
        self._side(body).unreact_as(
            body.text("user"), body.text("channel"), body.text("ts"), body.text("name")
        )
        return {}

    async def _click(self, body: Body) -> object:
        return _told(
            await self._side(body).click(
                body.text("user"),
                body.text("channel"),
                body.text("ts"),
                body.text("action_id"),
                _choice(body.values.get("choice")),
                block_id=body.text("block_id", ""),
            )
        )

    async def _click_in_view(self, body: Body) -> object:
        return _told(
            await self._side(body).click_in_view(
                body.text("user"),
                body.text("view_id"),
                body.text("action_id"),
                _choice(body.values.get("choice")),
                block_id=body.text("block_id", ""),
            )
        )

    async def _submit_view(self, body: Body) -> object:
        filled = {
            block_id: {str(action): _choice(value) for action, value in chosen.items()}
            for block_id, chosen in body.object("values").items()
            if isinstance(chosen, dict)
        }
        return _told(await self._side(body).submit_view(body.text("user"), body.text("view_id"), filled))

    async def _close_view(self, body: Body) -> object:
        return _told(await self._side(body).close_view(body.text("user"), body.text("view_id")))

    async def _slash(self, body: Body) -> object:
        return _told(
            await self._side(body).slash(
                body.text("user"), body.text("channel"), body.text("command"), body.text("text", "")
            )
        )

    async def _join(self, body: Body) -> object:
        self._side(body).join(body.text("user"), body.text("channel"))
        return {}

    async def _open_direct(self, body: Body) -> object:
        return {"channel": self._side(body).open_direct(body.text("user")).id}

    async def _open_home(self, body: Body) -> object:
        self._side(body).open_home(body.text("user"), body.text("tab", "home"))
        return {}

    async def _add_user(self, body: Body) -> object:
        user = self._side(body).add_user(
            body.text("name"), real_name=body.text("real_name", ""), email=body.text("email", "")
        )
        return {"id": user.id}

    # Customers: other workspaces, the assistant's pane, Slack Connect

    async def _open_pane(self, body: Body) -> object:
        channel, thread = self._side(body).open_pane(body.text("user"))
        return {"channel": channel, "thread_ts": thread}

    async def _stop_agent(self, body: Body) -> object:
        self._side(body).stop_agent(body.text("user"), body.text("channel"), body.text("thread_ts"))
        return {}

    async def _pane(self, body: Body) -> object:
        return self._side(body).pane(body.text("channel"), body.text("thread_ts", ""))

    async def _add_workspace(self, body: Body) -> object:
        return {"team": self.slack.workspace(body.text("team"), body.text("name", "")).installation.team_id}

    async def _connect_channel(self, body: Body) -> object:
        outside = [
            User(
                id=person.text("id"),
                name=person.text("name"),
                real_name=person.text("real_name", ""),
                team_id=person.text("team"),
            )
            for person in body.objects("outside")
        ]
        inside = body.values.get("inside") or []
        if not isinstance(inside, list):
            raise CommandError("'inside' is no list.")
        names = [str(each) for each in inside]
        return {"id": self._side(body).connect_channel(body.text("name"), outside, names).id}

    async def _uninstall(self, body: Body) -> object:
        self.slack.uninstall(body.text("team"))
        return {}

    async def _add_channel(self, body: Body) -> object:
        members = body.values.get("members") or []
        if not isinstance(members, list):
            raise CommandError("'members' is no list.")
        channel = self._side(body).add_channel(
            body.text("name"),
            private=bool(body.values.get("private")),
            members=[str(each) for each in members],
        )
        return {"id": channel.id}


def _latest(side: Tenant, channel: str) -> str:
    """Return the ts of the newest message or reply, by which the page knows what is unread."""
    shown = side.messages(channel)
    return max((str(each.get("latest_reply", each["ts"])) for each in shown), default="")


def _choice(value: object) -> Choice:
    if value is None or isinstance(value, (str, int)):
        return value
    if isinstance(value, list):
        return [str(each) for each in value]
    raise CommandError("A choice is text, a number, a list of texts, or nothing.")


def _told(outcome: Outcome) -> Mapping[str, object]:
    return {"taken": outcome.taken, "reason": outcome.reason, "errors": dict(outcome.errors)}
