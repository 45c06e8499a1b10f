"""What the control API lets people in Slack do and see."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

from bot.core.errors import CommandError
from connectors.sandbox.body import Body, Deed
from connectors.sandbox.slack import Choice, Outcome, SlackStandIn, Upload

# Given the three Request URLs of the app, by name.
Configure = Callable[[str, str, str], None]
_LONGEST_CHANNEL = 300  # messages the page is given


@dataclass(frozen=True, slots=True)
class SlackDeeds:
    slack: SlackStandIn
    configure: Configure

    def deeds(self) -> Mapping[str, Deed]:
        return {
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
        }

    def views(self) -> Mapping[str, Deed]:
        return {"workspace": self._workspace, "messages": self._messages, "modals": self._modals}

    async def set_urls(self, body: Body) -> object:
        self.configure(body.text("events_url"), body.text("interactions_url"), body.text("commands_url"))
        return {}

    async def _workspace(self, _: Body) -> object:
        home = self.slack.installation
        latest = {str(channel["id"]): self._latest(str(channel["id"])) for channel in self.slack.channels()}
        return {
            "team": home.team_name,
            "bot": {"id": home.bot_user, "name": home.bot_name},
            "users": self.slack.users(),
            "channels": self.slack.channels(),
            "latest": latest,
        }

    def _latest(self, channel: str) -> str:
        """The ts of the newest message or reply, by which the page knows what is unread."""
        shown = self.slack.messages(channel)
        return max((str(each.get("latest_reply", each["ts"])) for each in shown), default="")

    async def _messages(self, body: Body) -> object:
        channel, thread = body.text("channel"), body.text("thread_ts", "") or None
        whispers = [
            asdict(each)
            for each in self.slack.ephemerals(body.text("user"))
            if each.channel == channel and (each.thread_ts or None) == thread
        ]
        shown = self.slack.messages(channel, thread)[-_LONGEST_CHANNEL:]
        return {"messages": shown, "ephemerals": whispers}

    async def _modals(self, body: Body) -> object:
        return self.slack.views(body.text("user"))

    async def _post(self, body: Body) -> object:
        uploads = [
            Upload(file.text("name"), file.content("content"), file.text("mime_type", ""))
            for file in body.objects("files")
        ]
        text = body.text("text")
        if not text.strip() and not uploads:
            raise CommandError("A message needs some text or a file.")
        thread = body.text("thread_ts", "") or None
        return {"ts": self.slack.post_as(body.text("user"), body.text("channel"), text, thread, uploads)}

    async def _edit(self, body: Body) -> object:
        self.slack.edit_as(body.text("user"), body.text("channel"), body.text("ts"), body.text("text"))
        return {}

    async def _delete(self, body: Body) -> object:
        self.slack.delete_as(body.text("user"), body.text("channel"), body.text("ts"))
        return {}

    async def _react(self, body: Body) -> object:
        self.slack.react_as(body.text("user"), body.text("channel"), body.text("ts"), body.text("name"))
        return {}

    async def _unreact(self, body: Body) -> object:
        self.slack.unreact_as(body.text("user"), body.text("channel"), body.text("ts"), body.text("name"))
        return {}

    async def _click(self, body: Body) -> object:
        return _told(
            await self.slack.click(
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
            await self.slack.click_in_view(
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
        return _told(await self.slack.submit_view(body.text("user"), body.text("view_id"), filled))

    async def _close_view(self, body: Body) -> object:
        return _told(await self.slack.close_view(body.text("user"), body.text("view_id")))

    async def _slash(self, body: Body) -> object:
        return _told(
            await self.slack.slash(
                body.text("user"), body.text("channel"), body.text("command"), body.text("text", "")
            )
        )

    async def _join(self, body: Body) -> object:
        self.slack.join(body.text("user"), body.text("channel"))
        return {}

    async def _open_direct(self, body: Body) -> object:
        return {"channel": self.slack.open_direct(body.text("user")).id}

    async def _open_home(self, body: Body) -> object:
        self.slack.open_home(body.text("user"))
        return {}

    async def _add_user(self, body: Body) -> object:
        user = self.slack.add_user(
            body.text("name"), real_name=body.text("real_name", ""), email=body.text("email", "")
        )
        return {"id": user.id}

    async def _add_channel(self, body: Body) -> object:
        members = body.values.get("members") or []
        if not isinstance(members, list):
            raise CommandError("'members' is no list.")
        channel = self.slack.add_channel(
            body.text("name"),
            private=bool(body.values.get("private")),
            members=[str(each) for each in members],
        )
        return {"id": channel.id}


def _choice(value: object) -> Choice:
    if value is None or isinstance(value, (str, int)):
        return value
    if isinstance(value, list):
        return [str(each) for each in value]
    raise CommandError("A choice is text, a number, a list of texts, or nothing.")


def _told(outcome: Outcome) -> Mapping[str, object]:
    return {"taken": outcome.taken, "reason": outcome.reason, "errors": dict(outcome.errors)}
