"""The calls of people with Telegram."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aiohttp import web

from bot.core.errors import CommandError
from connectors.sandbox.control.calls import action, view
from connectors.sandbox.control.files import file_answer
from connectors.sandbox.snapshots import dump
from connectors.sandbox.telegram import ChatMessage, GroupChat, TelegramStandIn, TelegramUser

_LONGEST_CHAT = 300  # messages that the page gets


@dataclass(frozen=True, slots=True)
class TelegramControl:
    """`user` is a person's id or name, and `group` a group's id or title.

    Without `group` a call is about the person's own chat with the bot.
    """

    telegram: TelegramStandIn

    def file(self, path: str, mime_type: str) -> web.Response:  # noqa: ARG002
        return file_answer(self.telegram.file(path), self.telegram.file_type(path))

    def _user(self, wanted: str | int) -> TelegramUser:
        """Return the person with that id or name. Raise CommandError for a new name: it adds nobody here."""
        for user in self.telegram.users():
            if str(wanted) in (str(user.id), user.name):
                return user
        raise CommandError(f"Nobody on Telegram is {str(wanted)[:60]!r}.")

    def _group(self, wanted: str | int) -> GroupChat:
        for group in self.telegram.groups():
            if str(wanted) in (str(group.id), group.group.title):
                return group
        raise CommandError(f"There is no group {str(wanted)[:60]!r} on Telegram.")

    def _chat(self, group: str | int) -> GroupChat | TelegramStandIn:
        return self._group(group) if group else self.telegram

    def _shown(self, message: ChatMessage) -> Mapping[str, object]:
        shown: dict[str, object] = dump(message)
        if message.file_id:
            shown["file"] = {
                "id": message.file_id,
                "name": self.telegram.file_name(message.file_id),
                "type": self.telegram.file_type(message.file_id),
                "size": len(self.telegram.file(message.file_id)),
            }
        return shown

    @view
    def users(self) -> object:
        return [
            {
                "id": user.id,
                "name": user.name,
                "username": user.username,
                "blocked": self.telegram.blocked(user),
            }
            for user in self.telegram.users()
        ]

    @view
    def chat(self, user: str) -> object:
        person = self._user(user)
        return {
            "messages": [self._shown(message) for message in self.telegram.chat(person)[-_LONGEST_CHAT:]],
            "typing": self.telegram.typing(person),
            "blocked": self.telegram.blocked(person),
        }

    @action
    def user(self, name: str) -> object:
        user = self.telegram.user(name)
        return {"id": user.id, "name": user.name}

    @action
    def say(
        self,
        user: str | int,
        text: str,
        group: str | int = "",
        topic: int = 0,
        reply_to: int | None = None,
    ) -> object:
        if not text.strip():
            raise CommandError("A message needs some text.")
        person = self._user(user)
        if group:
            return self._shown(self._group(group).say(person, text, topic=topic, reply_to=reply_to))
        return self._shown(self.telegram.say(person, text, reply_to))

    @action
    def send_media(
        self,
        user: str | int,
        kind: str,
        content: bytes = b"",
        group: str | int = "",
        topic: int = 0,
        name: str = "",
        mime_type: str = "",
        caption: str = "",
        reply_to: int | None = None,
        details: Mapping[str, object] | None = None,
    ) -> object:
        chat = self._chat(group)
        where = {"topic": topic} if isinstance(chat, GroupChat) else {}
        sent = chat.send_media(
            self._user(user),
            kind,
            content,
            name=name,
            mime_type=mime_type,
            caption=caption,
            reply_to=reply_to,
            details=details,
            **where,
        )
        return self._shown(sent)

    @action
    def edit(self, user: str | int, message_id: int, text: str, group: str | int = "") -> object:
        return self._shown(self._chat(group).edit(self._user(user), message_id, text))

    @action
    def delete(self, user: str | int, message_id: int, group: str | int = "") -> None:
        if group:
            self._group(group).delete(message_id)
        else:
            self.telegram.delete(self._user(user), message_id)

    @action
    def tap(self, user: str | int, message_id: int, button: str | int, group: str | int = "") -> object:
        """Tap a button: its label, its callback data, or its number from 0."""
        return {"query": self._chat(group).tap(self._user(user), message_id, button)}

    @view
    def tap_answer(self, query: str) -> object:
        answer = self.telegram.tap_answer(query)
        if answer is None:
            return {"answered": False}
        return {"answered": True, "text": answer.text, "show_alert": answer.show_alert}

    @action
    def block(self, user: str | int) -> None:
        self.telegram.block(self._user(user))

    @action
    def unblock(self, user: str | int) -> None:
        self.telegram.unblock(self._user(user))

    @action
    def react(self, user: str | int, message_id: int, emoji: str, group: str | int = "") -> None:
        self._chat(group).react(self._user(user), message_id, emoji)

    # Groups

    @view
    def groups(self) -> object:
        return [
            {
                "id": group.id,
                "title": group.group.title,
                "forum": group.group.forum,
                "members": [{"id": member.id, "name": member.name} for member in group.members()],
                "latest": _latest(group, 0),
                "topics": [{**dump(topic), "latest": _latest(group, topic.id)} for topic in group.topics()],
            }
            for group in self.telegram.groups()
        ]

    @view
    def topic(self, group: str, topic: int, user: str = "") -> object:
        """Return the messages of one topic of a group. The General topic is 0.

        With `user`, include the messages that only this person sees.
        """
        chat = self._group(group)
        alone = chat.seen_alone(self._user(user), topic) if user else []
        messages = sorted((*chat.messages(topic), *alone), key=_place)[-_LONGEST_CHAT:]
        names = {member.id: member.name for member in self.telegram.users()}
        return {
            "messages": [
                {**self._shown(message), "sender": names.get(message.sender_id, "")} for message in messages
            ]
        }

    @action
    def group(self, title: str, members: Sequence[str] = ()) -> object:
        """Return the id of a group, and create it if it is new.

        `members` are names of people, who are created too.
        """
        return {"id": self.telegram.group(title, [self.telegram.user(name) for name in members]).id}

    @action
    def group_settings(
        self,
        group: str | int,
        forum: bool | None = None,
        administrator: bool | None = None,
        manages_topics: bool | None = None,
        bot_inside: bool | None = None,
    ) -> None:
        self._group(group).settings(
            forum=forum, administrator=administrator, manages_topics=manages_topics, bot_inside=bot_inside
        )


def _place(message: ChatMessage) -> int:
    """Return the id of a message, by which messages of a chat are ordered."""
    return message.message_id


def _latest(group: GroupChat, topic: int) -> int:
    """Return the id of the newest message, by which the page knows what is unread."""
    return max((message.message_id for message in group.messages(topic)), default=0)
