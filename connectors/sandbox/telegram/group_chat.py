"""Offer what people do and see in one group. Each thing that a person does is a method."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from bot.core.errors import CommandError
from connectors.sandbox.telegram.chats import Chats
from connectors.sandbox.telegram.forum import Forum
from connectors.sandbox.telegram.groups import Group, Topic
from connectors.sandbox.telegram.markup import found_entities
from connectors.sandbox.telegram.model import ChatMessage, JsonObject, TelegramUser

Emit = Callable[[str, int, JsonObject], None]  # kind of update, chat, payload
_BLUE = 7322096  # a new topic's colour when nobody chooses one
_ANONYMOUS: JsonObject = {  # https://core.telegram.org/bots/api#message: a fake sender
    "id": 1087968824,
    "is_bot": True,
    "first_name": "Group",
    "username": "GroupAnonymousBot",
}


@dataclass(frozen=True, slots=True)
class GroupChat:
    """One group as its members see it. A `topic` of 0 is General."""

    group: Group
    chats: Chats
    forum: Forum
    emit: Emit
    press: Callable[[TelegramUser, ChatMessage, str | int], str]
    media: Callable[[str, bytes, str, str, Mapping[str, object]], tuple[JsonObject, str]]

    @property
    def id(self) -> int:
        return self.group.id

    # What can be seen

    def topics(self) -> list[Topic]:
        return [topic for topic in self.group.topics.values() if not topic.deleted]

    def messages(self, topic: int | None = None, *, service: bool = False) -> list[ChatMessage]:
        """Return the messages of one topic, or of all.

        Omit the group's service messages, unless `service`.
        """
        return [
            message
            for message in self.chats.messages[self.id].values()
            if not message.deleted
            and (topic is None or message.topic == topic)
            and (service or not message.kind.startswith("forum_topic"))
        ]

    def seen_alone(self, user: TelegramUser, topic: int | None = None) -> list[ChatMessage]:
        """Return the messages in a topic, or in all, that only this person sees, in the order of their
        arrival.
        """
        return [
            message
            for message in self.chats.ephemerals.values()
            if (message.chat_id, message.receiver) == (self.id, user.id)
            and (topic is None or message.topic == topic)
        ]

    def members(self) -> list[TelegramUser]:
        return [self.chats.users[member] for member in sorted(self.group.members)]

    def grow_older(self, by: timedelta) -> None:
        """Move all messages of the group into the past by a duration."""
        for message in list(self.chats.messages[self.id].values()):
            self.chats.keep(replace(message, date=message.date - int(by.total_seconds())))

    # What members do

    def say(
        self,
        user: TelegramUser,
        text: str,
        *,
        topic: int = 0,
        reply_to: int | None = None,
        quote: str = "",
        elsewhere: Mapping[str, object] | None = None,
        anonymous: bool = False,
        administrator: bool = False,
        marked: Sequence[Mapping[str, object]] = (),
    ) -> ChatMessage:
        """Write into the group. `quote` is the part that the person chose of the message they answer.

        `elsewhere` is an ExternalReplyInfo of the Bot API, for an answer to a message of another chat.
        `anonymous`: write as an anonymous administrator, in the name of the group. `administrator`: write as
        one who may write in closed topics. `marked`: entities that the person set, besides those that
        Telegram finds.
        """
        draft = self._draft(user, topic, reply_to, administrator=administrator)
        if anonymous:
            draft = replace(draft, extra=(("from", _ANONYMOUS), ("sender_chat", self.group.chat_wire())))
        if elsewhere is not None:
            draft = replace(draft, extra=(*draft.extra, ("external_reply", dict(elsewhere))))
        if quote:
            position = self._message(reply_to).text.index(quote) if reply_to is not None else 0
            chosen = {"text": quote, "position": position, "is_manual": True}
            draft = replace(draft, extra=(*draft.extra, ("quote", chosen)))
        return self._arrive(replace(draft, text=text, entities=(*found_entities(text), *map(dict, marked))))

    def forward(
        self, user: TelegramUser, text: str, origin: Mapping[str, object], *, topic: int = 0
    ) -> ChatMessage:
        """Forward what somebody else wrote. `origin` is a MessageOrigin of the Bot API."""
        draft = replace(self._draft(user, topic, None), extra=(("forward_origin", dict(origin)),))
        return self._arrive(replace(draft, text=text, entities=found_entities(text)))

    def say_by_bot(self, user: TelegramUser, text: str, bot: str, *, topic: int = 0) -> ChatMessage:
        """Post what an inline bot composed for the person."""
        via = {"id": 700000777, "is_bot": True, "first_name": bot, "username": bot}
        draft = replace(self._draft(user, topic, None), extra=(("via_bot", via),))
        return self._arrive(replace(draft, text=text, entities=found_entities(text)))

    def send_media(
        self,
        user: TelegramUser,
        kind: str,
        content: bytes = b"",
        *,
        topic: int = 0,
        name: str = "",
        mime_type: str = "",
        caption: str = "",
        reply_to: int | None = None,
        details: Mapping[str, object] | None = None,
    ) -> ChatMessage:
        """Send a file or a place. See `TelegramStandIn.send_media`."""
        media, file_id = self.media(kind, content, name, mime_type, details or {})
        draft = self._draft(user, topic, reply_to)
        return self._arrive(replace(draft, kind=kind, text=caption, media=media, file_id=file_id))

    def answer_alone(self, user: TelegramUser, ephemeral: int, text: str) -> ChatMessage:
        """Answer a message of the bot that only this person sees. Only the bot sees the answer."""
        asked = self.chats.ephemerals.get(ephemeral)
        if asked is None or (asked.chat_id, asked.receiver) != (self.id, user.id):
            raise CommandError(f"{user.name} sees no such message.")
        draft = replace(self._draft(user, asked.topic, None), text=text, receiver=self.chats.bot_id)
        message = self.chats.keep_ephemeral(draft)
        self.emit("message", self.id, self.chats.wire(message))
        return message

    def edit(self, user: TelegramUser, message_id: int, text: str) -> ChatMessage:
        """Change the text or caption of one's own message."""
        message = self._message(message_id)
        if message.sender_id != user.id:
            raise CommandError("Only one's own messages can be edited.")
        edited = replace(message, text=text, entities=found_entities(text), edit_date=self.chats.now())
        self.chats.keep(edited)
        self._tell("edited_message", edited)
        return edited

    def delete(self, message_id: int) -> None:
        """Delete a message. Telegram does not tell bots about it."""
        self.chats.remove(self._message(message_id))

    def tap(self, user: TelegramUser, message_id: int, button: str | int) -> str:
        """Tap a button. See `TelegramStandIn.tap`."""
        self._inside(user)
        return self.press(user, self._message(message_id), button)

    def react(self, user: TelegramUser, message_id: int, emoji: str) -> None:
        """Set one's only reaction, or remove it with "".

        Only bots that are administrators are told about it.
        """
        self._inside(user)
        reaction = self.chats.reacted(self._message(message_id), user, str(user.id), emoji)
        if self.group.administrator and self.group.bot_inside:
            self.emit("message_reaction", self.id, reaction)

    def begin_topic(self, user: TelegramUser, name: str) -> Topic:
        self._inside(user)
        topic, message = self.forum.begin(self.group, name, _BLUE, user.id)
        self._tell("message", message)
        return topic

    def close_topic(self, user: TelegramUser, topic: int) -> None:
        self._inside(user)
        self.group.topics[topic].closed = True
        self._tell("message", self.forum.note(self.group, "forum_topic_closed", {}, by=user.id, topic=topic))

    def delete_topic(self, topic: int) -> None:
        """Delete a topic. Telegram does not tell bots about it."""
        self.forum.remove(self.group, self.group.topics[topic])

    def remove_bot(self, user: TelegramUser) -> None:
        """Remove the bot. That is the last thing that it hears of the group."""
        self._inside(user)
        self.group.bot_inside = False
        bot = self.chats.bot
        self.emit(
            "my_chat_member",
            self.id,
            {
                "chat": self.group.chat_wire(),
                "from": user.wire(),
                "date": self.chats.now(),
                "old_chat_member": {"user": bot, "status": "member"},
                "new_chat_member": {"user": bot, "status": "kicked", "until_date": 0},
            },
        )

    def join(self, user: TelegramUser) -> None:
        self.group.members.add(user.id)

    def leave(self, user: TelegramUser) -> None:
        """Leave the group. Bots are told if they are administrators and have asked for `chat_member`."""
        self.group.members.discard(user.id)
        if self.group.administrator:
            member = {"user": user.wire(), "status": "member"}
            self.emit(
                "chat_member",
                self.id,
                {
                    "chat": self.group.chat_wire(),
                    "from": user.wire(),
                    "date": self.chats.now(),
                    "old_chat_member": member,
                    "new_chat_member": {**member, "status": "left"},
                },
            )

    def settings(
        self,
        *,
        forum: bool | None = None,
        administrator: bool | None = None,
        manages_topics: bool | None = None,
        invites_users: bool | None = None,
        bot_inside: bool | None = None,
        reactions: list[str] | None = None,
        username: str | None = None,
    ) -> None:
        """Turn topics on or off, limit the reactions, or change the bot's role and rights.

        A group with a `username` is public. Bots learn of a new name only from the group's next update.
        """
        given = {
            "forum": forum,
            "administrator": administrator,
            "manages_topics": manages_topics,
            "invites_users": invites_users,
            "bot_inside": bot_inside,
            "reactions": reactions,
            "username": username,
        }
        for name, value in given.items():
            if value is not None:
                setattr(self.group, name, value)
        self.chats.keep_group(self.group)

    # Within

    def _inside(self, user: TelegramUser) -> None:
        if user.id not in self.group.members:
            raise CommandError(f"{user.name} is not in the group {self.group.title}.")

    def _message(self, message_id: int) -> ChatMessage:
        message = self.chats.find(self.id, message_id)
        if message is None:
            raise CommandError(f"There is no message {message_id} in the group {self.group.title}.")
        return message

    def _draft(
        self, user: TelegramUser, topic: int, reply_to: int | None, *, administrator: bool = False
    ) -> ChatMessage:
        self._inside(user)
        if reply_to is not None:
            topic = topic or self._message(reply_to).topic
        if topic and topic not in {each.id for each in self.topics()}:
            raise CommandError(f"There is no topic {topic} in the group {self.group.title}.")
        if topic and self.group.topics[topic].closed and not administrator:
            raise CommandError("The topic is closed.")
        return ChatMessage(
            message_id=self.chats.next_message_id(),
            chat_id=self.id,
            from_bot=False,
            sender_id=user.id,
            date=self.chats.now(),
            reply_to=reply_to,
            topic=topic,
        )

    def _arrive(self, message: ChatMessage) -> ChatMessage:
        self.chats.keep(message)
        self._tell("message", message)
        return message

    def _tell(self, kind: str, message: ChatMessage) -> None:
        """Report a message to the bot, if it may see it.

        A bot that is no administrator sees only commands and answers to itself, which is its privacy mode.
        """
        answered = self.chats.find(self.id, message.reply_to or 0)
        addressed = message.text.startswith("/") or (answered is not None and answered.from_bot)
        if self.group.bot_inside and (self.group.administrator or addressed):
            self.emit(kind, self.id, self.chats.wire(message))
