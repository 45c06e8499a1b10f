"""The people's side: what a person in the workspace does with a client, and what they see there."""

from collections.abc import Iterable, Mapping, Sequence

from connectors.sandbox.slack import messages
from connectors.sandbox.slack.adminside import AdminSide
from connectors.sandbox.slack.files import Upload, keep
from connectors.sandbox.slack.inputs import Choice
from connectors.sandbox.slack.interactions import Interactions, Outcome
from connectors.sandbox.slack.shapes import channel_wire, user_wire, view_wire
from connectors.sandbox.slack.state import Channel, Ephemeral, Message, User, View
from connectors.sandbox.slack.wire import Refused, Wire, typed
from connectors.sandbox.slack.workspace import Workspace


class PeopleSide(AdminSide):
    """The actions of people. Users and channels are named by id or name.

    Raises `Refused` with Slack's error code for what Slack's clients would not let a person do.
    """

    def __init__(self, workspace: Workspace, interactions: Interactions) -> None:
        self._workspace = workspace
        self._interactions = interactions

    # What people do

    def add_user(
        self, name: str, *, real_name: str = "", email: str = "", user_id: str = "", is_admin: bool = False
    ) -> User:
        user = User(
            id=user_id or self._workspace.ids("U"),
            name=name,
            real_name=real_name,
            email=email,
            is_admin=is_admin,
        )
        return self._workspace.add_user(user)

    def add_channel(
        self,
        name: str,
        *,
        private: bool = False,
        members: Iterable[str] = (),
        with_app: bool = True,
        channel_id: str = "",
    ) -> Channel:
        """Create a channel, as its first member does. `with_app` also invites the app."""
        inside = [self._workspace.user(key).id for key in members]
        creator = inside[0] if inside else self._workspace.home.bot_user
        if with_app:
            inside.append(self._workspace.home.bot_user)
        return self._workspace.add_channel(
            name, is_private=private, members=inside, creator=creator, channel_id=channel_id
        )

    def join(self, user: str, channel: str) -> None:
        self._workspace.join(self._workspace.channel(channel), self._workspace.user(user).id)

    def open_direct(self, user: str) -> Channel:
        """Open the person's direct messages with the app."""
        return self._workspace.direct(self._workspace.user(user).id)[0]

    def open_home(self, user: str, tab: str = "home") -> None:
        """Open the app's Home tab, or another of its tabs, as a person."""
        person = self._workspace.user(user)
        event: Wire = {
            "type": "app_home_opened",
            "user": person.id,
            "channel": self._workspace.direct(person.id)[0].id,
            "tab": tab,
            "event_ts": self._workspace.next_ts(),
        }
        if home := self._workspace.state.homes.get(person.id):
            event["view"] = view_wire(self._workspace.state.views[home], self._workspace.home)
        self._workspace.tell(event)

    def post_as(
        self,
        user: str,
        channel: str,
        text: str,
        thread_ts: str | None = None,
        files: Sequence[Upload] = (),
        *,
        broadcast: bool = False,
    ) -> str:
        """Post what a person types, as a client sends it, and return the message's ts.

        `broadcast`: post a reply that the channel sees as well.
        """
        person, place = self._inside(user, channel)
        message = self._typed(person, text, thread_ts, "file_share" if files else "")
        if broadcast:
            message.subtype = "thread_broadcast"
        for upload in files:
            stored = keep(self._workspace, person.id, upload)
            stored.channels.append(place.id)
            message.files.append(stored.id)
        return messages.post(self._workspace, place, message).ts

    def share_as(
        self, user: str, source: str, ts: str, channel: str, text: str = "", thread_ts: str | None = None
    ) -> str:
        """Forward a message of the channel `source` with a text, and return the new message's ts."""
        person, place = self._inside(user, channel)
        origin = self._inside(user, source)[1]
        shared = messages.find(origin, ts)
        author, link = self._workspace.user(shared.user), f"p{ts.replace('.', '')}"
        message = self._typed(person, text, thread_ts)
        message.attachments.append(
            {
                "ts": ts,
                "author_id": author.id,
                "author_name": author.real_name,
                "channel_id": origin.id,
                "is_msg_unfurl": True,
                "is_share": True,
                "from_url": f"https://{self._workspace.home.domain}.slack.com/archives/{origin.id}/{link}",
                "text": shared.text,
                "fallback": f"{author.real_name}: {shared.text}",
                "files": self._workspace.files_wire(shared.files),
                "mrkdwn_in": ["text"],
                "id": 1,
            }
        )
        return messages.post(self._workspace, place, message).ts

    def share_files_as(
        self, user: str, source: str, ts: str, channel: str, text: str = "", thread_ts: str | None = None
    ) -> str:
        """Share the files of a message, whoever uploaded them, and return the new message's ts."""
        person, place = self._inside(user, channel)
        message = self._typed(person, text, thread_ts, "file_share")
        message.files += messages.find(self._inside(user, source)[1], ts).files
        return messages.post(self._workspace, place, message).ts

    def _typed(self, person: User, text: str, thread_ts: str | None, subtype: str = "") -> Message:
        return Message(
            ts=self._workspace.next_ts(),
            user=person.id,
            text=typed(text, self._workspace.names()),
            subtype=subtype,
            client_msg_id=self._workspace.ids("").lower(),
            blocks=self._typed_blocks(text),
            thread_ts=thread_ts or "",
        )

    def _typed_blocks(self, text: str) -> list[Wire]:
        if not text:
            return []
        section = {"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}
        block_id = self._workspace.ids("")[-5:]
        return [{"type": "rich_text", "block_id": block_id, "elements": [section]}]

    def edit_as(self, user: str, channel: str, ts: str, text: str) -> None:
        person, place = self._inside(user, channel)
        message = self._own(person, place, ts, "cant_update_message")
        wired = typed(text, self._workspace.names())
        changes: Wire = {"text": wired, "blocks": self._typed_blocks(text)}
        messages.edit(self._workspace, place, message, person.id, changes)

    def delete_as(self, user: str, channel: str, ts: str) -> None:
        person, place = self._inside(user, channel)
        messages.delete(self._workspace, place, self._own(person, place, ts, "cant_delete_message"))

    def react_as(self, user: str, channel: str, ts: str, name: str) -> None:
        person, place = self._inside(user, channel)
        messages.react(self._workspace, place, messages.find(place, ts), person.id, name)

    def unreact_as(self, user: str, channel: str, ts: str, name: str) -> None:
        person, place = self._inside(user, channel)
        messages.unreact(self._workspace, place, messages.find(place, ts), person.id, name)

    async def click(
        self,
        user: str,
        channel: str,
        message_ts: str,
        action_id: str,
        choice: Choice = None,
        *,
        block_id: str = "",
    ) -> Outcome:
        """Press a button, or choose in a select: the value of an option, or the id of a user or channel."""
        person, place = self._workspace.user(user), self._workspace.channel(channel)
        return await self._interactions.click(
            person, place, message_ts, action_id, choice=choice, block_id=block_id
        )

    def trigger(self, user: str, view_id: str = "") -> str:
        """Return a trigger_id, as an interaction of the person carries it: valid once, for three seconds."""
        return self._workspace.new_trigger(self._workspace.user(user).id, view_id)

    async def click_in_view(
        self, user: str, view_id: str, action_id: str, choice: Choice = None, *, block_id: str = ""
    ) -> Outcome:
        person = self._workspace.user(user)
        view = self._view(person, view_id)
        return await self._interactions.click_in_view(person, view, action_id, choice, block_id)

    async def submit_view(
        self, user: str, view_id: str, values: Mapping[str, Mapping[str, Choice]] | None = None
    ) -> Outcome:
        """Submit a modal with what the person filled in, by block_id and action_id."""
        person = self._workspace.user(user)
        return await self._interactions.submit(person, self._view(person, view_id), values or {})

    async def close_view(self, user: str, view_id: str) -> Outcome:
        person = self._workspace.user(user)
        return await self._interactions.close(person, self._view(person, view_id))

    async def slash(self, user: str, channel: str, command: str, text: str = "") -> Outcome:
        person, place = self._inside(user, channel)
        return await self._interactions.slash(person, place, command, text)

    def _inside(self, user: str, channel: str) -> tuple[User, Channel]:
        person, place = self._workspace.user(user), self._workspace.channel(channel)
        if person.id not in place.members:
            raise Refused("not_in_channel")
        return person, place

    def _own(self, person: User, place: Channel, ts: str, code: str) -> Message:
        message = messages.find(place, ts)
        if message.user != person.id:
            raise Refused(code)
        return message

    def _view(self, person: User, view_id: str) -> View:
        view = self._workspace.state.views.get(view_id)
        if view is None or view.user != person.id:
            raise Refused("not_found")
        return view

    # What is to be seen

    def users(self) -> list[Wire]:
        return [user_wire(user, self._workspace.home) for user in self._workspace.state.users.values()]

    def channels(self) -> list[Wire]:
        found = self._workspace.state.channels.values()
        return [
            {**channel_wire(channel, self._workspace.home), "members": list(channel.members)}
            for channel in found
        ]

    def messages(self, channel: str, thread_ts: str | None = None) -> list[Wire]:
        """Return a channel as people see it, oldest message first.

        With `thread_ts`, return that thread with its root.
        """
        place = self._workspace.channel(channel)
        if thread_ts is None:
            shown = [m for m in place.messages if not m.is_reply or m.subtype == "thread_broadcast"]
        else:
            shown = [m for m in place.messages if thread_ts in (m.ts, m.thread_ts)]
        return [self._workspace.message_wire(place, message) for message in shown]

    def ephemerals(self, user: str) -> list[Ephemeral]:
        person = self._workspace.user(user)
        return [item for item in self._workspace.state.ephemerals if item.user == person.id]

    def views(self, user: str) -> list[Wire]:
        """Return the person's open modals, the topmost last."""
        state = self._workspace.state
        stack = state.stacks.get(self._workspace.user(user).id, [])
        return [view_wire(state.views[view_id], self._workspace.home) for view_id in stack]

    def files(self) -> list[str]:
        """Return the names of the files that can be opened."""
        return [
            file.name for file in self._workspace.state.files.values() if file.shared and not file.deleted
        ]

    def file_content(self, file_id: str) -> bytes:
        return self._workspace.file(file_id).content
