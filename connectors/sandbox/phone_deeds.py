"""Offer what people on Telegram can do and see through the control API."""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.core.errors import CommandError
from connectors.sandbox.body import Body, Deed
from connectors.sandbox.telegram import ChatMessage, GroupChat, TelegramStandIn, TelegramUser

_LONGEST_CHAT = 300  # messages that the page gets


@dataclass(frozen=True, slots=True)
class PhoneDeeds:
    telegram: TelegramStandIn

    def deeds(self) -> Mapping[str, Deed]:
        return {
            "user": self._user,
            "say": self._say,
            "send_media": self._send_media,
            "edit": self._edit,
            "delete": self._delete,
            "tap": self._tap,
            "block": self._block,
            "unblock": self._unblock,
            "react": self._react,
            "inject": self._inject,
            "group": self._group,
            "group_settings": self._group_settings,
        }

    def views(self) -> Mapping[str, Deed]:
        return {
            "users": self._users,
            "chat": self._chat,
            "tap_answer": self._tap_answer,
            "sent": self._sent,
            "webhook": self._webhook,
            "groups": self._groups,
            "topic": self._topic,
        }

    def _who(self, body: Body) -> TelegramUser:
        """Return the person with that id or name. Raise CommandError for a new name: it adds nobody here."""
        wanted = str(body.values.get("user", ""))
        for user in self.telegram.users():
            if wanted in (str(user.id), user.name):
                return user
        raise CommandError(f"Nobody on Telegram is {wanted[:60]!r}.")

    def _where(self, body: Body) -> GroupChat | None:
        """Return the group with that id or title, or None for the person's own chat with the bot."""
        wanted = str(body.values.get("group") or "")
        if not wanted:
            return None
        for group in self.telegram.groups():
            if wanted in (str(group.id), group.group.title):
                return group
        raise CommandError(f"There is no group {wanted[:60]!r} on Telegram.")

    def _shown(self, message: ChatMessage) -> Mapping[str, object]:
        shown = message.snapshot()
        if message.file_id:
            shown["file"] = {
                "id": message.file_id,
                "name": self.telegram.file_name(message.file_id),
                "type": self.telegram.file_type(message.file_id),
                "size": len(self.telegram.file(message.file_id)),
            }
        return shown

    async def _users(self, _: Body) -> object:
        return [
            {
                "id": user.id,
                "name": user.name,
                "username": user.username,
                "blocked": self.telegram.blocked(user),
            }
            for user in self.telegram.users()
        ]

    async def _chat(self, body: Body) -> object:
        user = self._who(body)
        return {
            "messages": [self._shown(message) for message in self.telegram.chat(user)[-_LONGEST_CHAT:]],
            "typing": self.telegram.typing(user),
            "blocked": self.telegram.blocked(user),
        }

    async def _sent(self, body: Body) -> object:
        return [
            {
                "method": call.method,
                "params": dict(call.params),
                "at": call.at.isoformat(),
                "status": call.status,
                "answered": call.answered,
            }
            for call in self.telegram.sent(body.text("method", ""))
        ]

    async def _webhook(self, _: Body) -> object:
        return self.telegram.webhook_info()

    async def _user(self, body: Body) -> object:
        user = self.telegram.user(body.text("name"))
        return {"id": user.id, "name": user.name}

    async def _say(self, body: Body) -> object:
        text = body.text("text")
        if not text.strip():
            raise CommandError("A message needs some text.")
        user, reply_to = self._who(body), body.maybe_number("reply_to")
        if group := self._where(body):
            topic = body.maybe_number("topic") or 0
            return self._shown(group.say(user, text, topic=topic, reply_to=reply_to))
        return self._shown(self.telegram.say(user, text, reply_to))

    async def _send_media(self, body: Body) -> object:
        user, kind, content = self._who(body), body.text("kind"), body.content("content")
        name, mime_type, caption = (body.text(name, "") for name in ("name", "mime_type", "caption"))
        reply_to, details = body.maybe_number("reply_to"), body.object("details")
        if group := self._where(body):
            sent = group.send_media(
                user,
                kind,
                content,
                topic=body.maybe_number("topic") or 0,
                name=name,
                mime_type=mime_type,
                caption=caption,
                reply_to=reply_to,
                details=details,
            )
        else:
            sent = self.telegram.send_media(
                user,
                kind,
                content,
                name=name,
                mime_type=mime_type,
                caption=caption,
                reply_to=reply_to,
                details=details,
            )
        return self._shown(sent)

    async def _edit(self, body: Body) -> object:
        chat = self._where(body) or self.telegram
        return self._shown(chat.edit(self._who(body), body.number("message_id"), body.text("text")))

    async def _delete(self, body: Body) -> object:
        if group := self._where(body):
            group.delete(body.number("message_id"))
        else:
            self.telegram.delete(self._who(body), body.number("message_id"))
        return {}

    async def _tap(self, body: Body) -> object:
        button = body.values.get("button")
        if not isinstance(button, (str, int)):
            raise CommandError("'button' is a label, callback data, or a number from 0.")
        chat = self._where(body) or self.telegram
        return {"query": chat.tap(self._who(body), body.number("message_id"), button)}

    async def _tap_answer(self, body: Body) -> object:
        answer = self.telegram.tap_answer(body.text("query"))
        if answer is None:
            return {"answered": False}
        return {"answered": True, "text": answer.text, "show_alert": answer.show_alert}

    async def _block(self, body: Body) -> object:
        self.telegram.block(self._who(body))
        return {}

    async def _unblock(self, body: Body) -> object:
        self.telegram.unblock(self._who(body))
        return {}

    async def _react(self, body: Body) -> object:
        chat = self._where(body) or self.telegram
        chat.react(self._who(body), body.number("message_id"), body.text("emoji"))
        return {}

    async def _inject(self, body: Body) -> object:
        self.telegram.inject(body.text("kind"), dict(body.object("payload")), body.number("chat_id"))
        return {}

    # Groups

    async def _groups(self, _: Body) -> object:
        return [
            {
                "id": group.id,
                "title": group.group.title,
                "forum": group.group.forum,
                "members": [{"id": member.id, "name": member.name} for member in group.members()],
                "latest": _latest(group, 0),
                "topics": [
                    {**topic.snapshot(), "latest": _latest(group, topic.id)} for topic in group.topics()
                ],
            }
            for group in self.telegram.groups()
        ]

    async def _topic(self, body: Body) -> object:
        """Return the messages of one topic of a group. The General topic is 0.

        With `user`, include the messages that only this person sees.
        """
        group = self._where(body)
        if group is None:
            raise CommandError("Which group?")
        topic = body.number("topic")
        alone = group.seen_alone(self._who(body), topic) if body.values.get("user") else []
        messages = sorted((*group.messages(topic), *alone), key=_place)[-_LONGEST_CHAT:]
        names = {member.id: member.name for member in self.telegram.users()}
        return {
            "messages": [
                {**self._shown(message), "sender": names.get(message.sender_id, "")} for message in messages
            ]
        }

    async def _group(self, body: Body) -> object:
        """Return the id of a group, and create it if it is new.

        `members` are names of people, who are created too.
        """
        members = body.values.get("members") or []
        if not isinstance(members, list) or not all(isinstance(name, str) for name in members):
            raise CommandError("'members' is a list of names.")
        group = self.telegram.group(body.text("title"), [self.telegram.user(name) for name in members])
        return {"id": group.id}

    async def _group_settings(self, body: Body) -> object:
        """Change the settings `forum`, `administrator`, `manages_topics` and `bot_inside` of a group: true
        or false.
        """
        group = self._where(body)
        if group is None:
            raise CommandError("Which group?")

        def given(name: str) -> bool | None:
            return bool(body.values[name]) if name in body.values else None

        group.settings(
            forum=given("forum"),
            administrator=given("administrator"),
            manages_topics=given("manages_topics"),
            bot_inside=given("bot_inside"),
        )
        return {}


def _place(message: ChatMessage) -> int:
    """Return the id of a message, by which messages of a chat are ordered."""
    return message.message_id


def _latest(group: GroupChat, topic: int) -> int:
    """Return the id of the newest message, by which the page knows what is unread."""
    return max((message.message_id for message in group.messages(topic)), default=0)
