"""Updates of the Bot API read as events. Pure: the time of receipt is an argument.

https://core.telegram.org/bots/api#update
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from telegram import (
    CallbackQuery,
    Chat,
    ChatMember,
    ChatMemberRestricted,
    ChatMemberUpdated,
    Message,
    MessageReactionUpdated,
    ReactionType,
    ReactionTypeCustomEmoji,
    ReactionTypeEmoji,
    Update,
    User,
)

from bot.core.connector import ChatCommand
from bot.core.errors import MalformedPayload
from bot.core.events import (
    Channel,
    Content,
    Edited,
    Event,
    Ignored,
    Place,
    ReachabilityChanged,
    Reacted,
    Sender,
    Unsupported,
    WorkplaceChange,
    WorkplaceChanged,
)
from connectors.telegram.buttons import ASKS, tapped
from connectors.telegram.contents import content_of, said_of
from connectors.telegram.desk import Typed, words_of
from connectors.telegram.excerpt import excerpt
from connectors.telegram.exposure import public_group
from connectors.telegram.fields import ANONYMOUS, moment, whole, words
from connectors.telegram.heard_chats import HeardChats
from connectors.telegram.references import FORWARDED, reference_of

REMOVED = "the bot was removed from the group, or may not write there"
Json = Mapping[str, object]
_EPHEMERAL = "ephemeral_message_id"  # in a message that only the bot and one person see
ALLOWED_UPDATES = (
    "message",
    "edited_message",
    "callback_query",
    "my_chat_member",
    "message_reaction",
    "chat_member",  # sent only to administrators of a group
)


@dataclass(frozen=True, slots=True)
class Aside:
    """A person's answer to a message that only they saw. Nobody else sees the answer either."""

    chat: int
    thread: int | None
    person: int
    message: int  # the id of the ephemeral message


@dataclass(frozen=True, slots=True)
class ReadUpdate:
    """The content of one update. `callback` is the id of the callback query to answer, "" if there is none.

    An update with a `command` or an `aside` has no events. `press` tells who pressed which button that asks
    for confirmation; `unsure` is the event that follows once the press is repeated.
    """

    update_id: int
    events: tuple[Event, ...]
    callback: str = ""
    command: Typed | None = None
    press: str = ""
    aside: Aside | None = None
    unsure: Event | None = None


def decode(body: bytes) -> object:
    """Return the JSON of a request body. Raises MalformedPayload."""
    try:
        # json.loads would guess UTF-16 and UTF-32 from bytes; the Bot API speaks UTF-8 alone.
        loaded: object = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise MalformedPayload("body", f"not JSON ({type(error).__name__})") from None
    return loaded


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateReader:
    channel: Channel
    account: str
    own_id: int  # the bot's user id
    heard_chats: HeardChats

    def read(self, data: object, received: datetime) -> ReadUpdate:
        """Read one update. `received` dates events that have no time of their own, such as a tap.

        Raises only MalformedPayload, whatever `data` is.
        """
        if not isinstance(data, dict):
            raise MalformedPayload("update", "expected an object")
        update_id = whole(data.get("update_id"), "update_id")
        try:
            if not any(kind in data for kind in ALLOWED_UPDATES) or _is_channels(data.get("message")):
                # A channel's own posts, and kinds of updates that we do not ask for.
                return ReadUpdate(update_id, ())
            seen = {kind: excerpt(kind, data[kind]) for kind in ALLOWED_UPDATES if kind in data}
            update = Update.de_json({"update_id": update_id, **seen}, None)
            # Only staff get ephemeral messages. From a customer, one is an ordinary message.
            ephemeral = any(_EPHEMERAL in _object(data.get(kind)) for kind in ("message", "edited_message"))
            if ephemeral and self.heard_chats.staff:
                return ReadUpdate(
                    update_id, (), aside=self._aside(update.message, _object(data.get("message")))
                )
            if update.message and (command := self._command(update.message, _object(data["message"]))):
                return ReadUpdate(update_id, (), command=command)
            callback = words(update.callback_query.id, "callback_query.id") if update.callback_query else ""
            events = self._events(update_id, update, data, received)
            if self.heard_chats.staff:
                events = (*self._public(update, received), *events)
                events = tuple(replace(e, occurred_at=_in_order(e.occurred_at, update_id)) for e in events)
            press = _press(update.callback_query) if update.callback_query and events else ""
            return ReadUpdate(update_id, events, callback, press=press)
        except MalformedPayload:
            raise
        except Exception as error:
            # The library checks no types: its constructors may raise any of these.
            raise MalformedPayload("update", f"not an Update ({type(error).__name__})") from None

    def _events(self, update_id: int, update: Update, data: Json, received: datetime) -> tuple[Event, ...]:
        name = str(update_id)
        if update.message:
            return self._said(name, update.message, _object(data["message"]))
        if update.edited_message:
            return self._edited(name, update.edited_message, _object(data["edited_message"]))
        if update.callback_query:
            return self._tapped(name, update.callback_query, received)
        if update.message_reaction:
            return self._reacted(name, update.message_reaction)
        if update.my_chat_member:
            return self._membership(name, update.my_chat_member)
        if update.chat_member:
            return self._left(name, update.chat_member)
        return ()

    def _public(self, update: Update, received: datetime) -> tuple[Event, ...]:
        """Tell of a staff group's public name, which stands in every update out of the group.

        There is no update about the change itself. The same name is the same event.
        """
        chat = update.effective_chat
        if chat is None or _alone(chat) or not chat.username:
            return ()
        group, name = whole(chat.id, "chat.id"), words(chat.username, "chat.username")
        if not self.heard_chats.chat(group, private=False):
            return ()
        return (
            Event(
                external_id=f"public:{group}:{name}",
                place=self._place(chat),
                sender=Sender(f"{ANONYMOUS}{group}", verified=False),
                content=WorkplaceChanged(WorkplaceChange.CHAT_MADE_PUBLIC, public_group(name)),
                occurred_at=received,
            ),
        )

    def _heard(self, chat: Chat, user: User | None) -> User | None:
        """Return the person, if this account listens to them in that chat, else None."""
        heard = self.heard_chats.chat(whole(chat.id, "chat.id"), private=_alone(chat))
        return self._person(user) if heard else None

    def _person(self, user: User | None) -> User | None:
        return None if user is None or user.is_bot or user.id == self.own_id else user

    def _aside(self, message: Message | None, raw: Json) -> Aside | None:
        user = self._heard(message.chat, message.from_user) if message else None
        if message is None or user is None:
            return None
        number = whole(raw.get(_EPHEMERAL), f"message.{_EPHEMERAL}")
        return Aside(whole(message.chat.id, "chat.id"), _topic(message), whole(user.id, "from.id"), number)

    def _command(self, message: Message, raw: Json) -> Typed | None:
        """Return the `/desk` command in a message, else None. Only staff have commands.

        Commands also count in private and outside of topics. Forwarded words, and words in the name of a
        chat, are none.
        """
        if any(raw.get(each) for each in ("sender_chat", *FORWARDED)):
            return None
        typed = words_of(words(message.text, "message.text")) if self.heard_chats.staff else None
        writer = message.from_user
        user = self._person(writer) if _alone(message.chat) else self._heard(message.chat, writer)
        if typed is None or user is None:
            return None
        bot, text = typed
        place = self._place(message.chat, _topic(message))
        number = str(whole(message.message_id, "message_id"))
        return Typed(ChatCommand(place=place, sender=_sender(user), text=text), number, bot)

    def _place(self, chat: Chat, thread: int | None = None) -> Place:
        topic = "" if thread is None else str(whole(thread, "message_thread_id"))
        return Place(self.channel, self.account, str(whole(chat.id, "chat.id")), topic)

    def _said(self, name: str, message: Message, raw: Json) -> tuple[Event, ...]:
        sender = self._writer(message, raw)
        if sender is None:
            return ()
        content: Content = content_of(raw)
        if self.heard_chats.staff and content == Ignored("poll"):
            content = Unsupported("poll")  # who posts it there hears that it does not go on to the customer
        if self.heard_chats.staff and "forum_topic_closed" in raw:
            content = WorkplaceChanged(WorkplaceChange.THREAD_CLOSED)
        return (self._written(name, message, sender, content, raw),)

    def _edited(self, name: str, message: Message, raw: Json) -> tuple[Event, ...]:
        sender = self._writer(message, raw)
        if sender is None:
            return ()
        said = said_of(raw)
        content: Content = Edited(str(whole(message.message_id, "message_id")), said.text, said.attachments)
        if not (said.text or said.attachments):
            content = Ignored("edited_message")  # a poll was closed, or a service message is shown anew
        return (self._written(name, message, sender, content, raw),)

    def _writer(self, message: Message, raw: Json) -> Sender | None:
        """Return who wrote a message; None if this account does not read them. Of staff only topics are read.

        A message in the name of a chat has a fake `from`. In a staff group its author is an unknown
        administrator. In a customers' group it may be a post of the channel that belongs to the group, and is
        not read.
        """
        if self.heard_chats.staff and _topic(message) is None:
            return None
        if chat := _object(raw.get("sender_chat")):
            heard = self.heard_chats.staff and self.heard_chats.chat(
                whole(message.chat.id, "chat.id"), private=False
            )
            return _nobody(chat) if heard and not raw.get("is_automatic_forward") else None
        user = self._heard(message.chat, message.from_user)
        return _sender(user) if user else None

    def _written(self, name: str, message: Message, sender: Sender, content: Content, raw: Json) -> Event:
        answered = message.reply_to_message
        topic = _topic(message)
        # In a topic, every message formally answers the service message that opened the topic.
        opened = answered is not None and answered.forum_topic_created is not None
        author = answered.from_user if answered else None
        when = message.edit_date if isinstance(content, Edited) and message.edit_date else message.date
        return Event(
            external_id=name,
            place=self._place(message.chat, topic),
            sender=sender,
            content=content,
            occurred_at=moment(when, "message.date"),
            message=str(whole(message.message_id, "message_id")),
            reply_to=str(whole(answered.message_id, "reply_to_message")) if answered and not opened else "",
            reference=reference_of(raw),
            private=_alone(message.chat),
            # We write only in our own topics, so an answer to us is in one of them.
            in_our_thread=topic is not None and author is not None and author.id == self.own_id,
            album=words(raw.get("media_group_id"), "media_group_id"),
        )

    def _tapped(self, name: str, query: CallbackQuery, received: datetime) -> tuple[Event, ...]:
        message = query.message
        user = self._heard(message.chat, query.from_user) if message else None
        if message is None or user is None:
            return ()
        full = message if isinstance(message, Message) else None
        topic = _topic(full) if full else None
        message_id = str(whole(message.message_id, "callback_query.message"))
        data = words(query.data, "callback_query.data")
        content = tapped(data, full, message_id) if data else Ignored("callback_query")
        place = self._place(message.chat, topic)
        event = _event(name, place, user, content, received, private=_alone(message.chat))
        press = words(query.id, "callback_query.id") if self.heard_chats.staff else ""
        return (replace(event, in_our_thread=topic is not None, press=press),)

    def _reacted(self, name: str, reaction: MessageReactionUpdated) -> tuple[Event, ...]:
        user = self._heard(reaction.chat, reaction.user)
        if user is None:
            return ()
        message = str(whole(reaction.message_id, "message_reaction.message_id"))
        before, after = _emojis(reaction.old_reaction), _emojis(reaction.new_reaction)
        changes = [Reacted(message, emoji, False) for emoji in before if emoji not in after]
        changes += [Reacted(message, emoji, True) for emoji in after if emoji not in before]
        place, when = self._place(reaction.chat), moment(reaction.date, "message_reaction.date")
        alone = _alone(reaction.chat)
        return tuple(
            _event(f"{name}.{position}" if position else name, place, user, change, when, private=alone)
            for position, change in enumerate(changes)
        )

    def _membership(self, name: str, change: ChatMemberUpdated) -> tuple[Event, ...]:
        alone = _alone(change.chat)
        gone = _is_out(change.new_chat_member)
        user = self._heard(change.chat, change.from_user)
        if self.heard_chats.staff and not alone:
            user = change.from_user if gone else None  # who did it, perhaps a bot
        if user is None:
            return ()
        content: Content = Ignored("my_chat_member")
        if alone:
            content = ReachabilityChanged(not gone)
        elif self.heard_chats.staff:
            content = WorkplaceChanged(WorkplaceChange.CHAT_CLOSED, REMOVED)
        when = moment(change.date, "my_chat_member.date")
        place = self._place(change.chat)
        return (_event(name, place, user, content, when, private=alone),)

    def _left(self, name: str, change: ChatMemberUpdated) -> tuple[Event, ...]:
        """Tell of somebody who has left the staff's group, or was removed from it."""
        person = self._heard(change.chat, change.new_chat_member.user) if self.heard_chats.staff else None
        if person is None or not _is_out(change.new_chat_member):
            return ()
        content = WorkplaceChanged(WorkplaceChange.PERSON_LEFT, "left the group")
        when = moment(change.date, "chat_member.date")
        return (_event(name, self._place(change.chat), person, content, when, private=_alone(change.chat)),)


def _in_order(at: datetime, update_id: int) -> datetime:
    """Return the time with microseconds that follow the order of the updates.

    Telegram dates to the second, but numbers updates in the order of what happened. These times decide
    whether a line was written before or after its author took the conversation. If the numbers wrap around
    within a second, a line seems older and stays private, which is safe.
    """
    return at.replace(microsecond=update_id % 1_000_000)


def _event(name: str, place: Place, user: User, content: Content, when: datetime, *, private: bool) -> Event:
    """Return the event of something that is no message of its own."""
    return Event(
        external_id=name,
        place=place,
        sender=_sender(user),
        content=content,
        occurred_at=when,
        private=private,
    )


def _press(query: CallbackQuery) -> str:
    if query.message is None or not (query.data or "").startswith(ASKS):
        return ""
    return f"{query.from_user.id}/{query.message.chat.id}/{query.message.message_id}/{query.data}"


def _is_out(member: ChatMember) -> bool:
    """Return whether somebody, perhaps the bot, has left a chat, or may not write there."""
    muted = isinstance(member, ChatMemberRestricted) and not (member.is_member and member.can_send_messages)
    return muted or words(member.status, "new_chat_member.status") in {"kicked", "left"}


def _alone(chat: Chat) -> bool:
    """Return whether a chat is private. In a group or channel others read along."""
    return words(chat.type, "chat.type") == "private"


def _topic(message: Message) -> int | None:
    """Return the id of the message's topic.

    Outside of topics a thread's number is only a chain of answers.
    """
    return message.message_thread_id if message.is_topic_message else None


def _sender(user: User) -> Sender:
    names = (words(user.first_name, "from.first_name"), words(user.last_name, "from.last_name"))
    return _person(user.id, names, user.username, user.language_code)


def _person(number: object, names: Iterable[str], username: object, language: object) -> Sender:
    external_id, handle = str(whole(number, "from.id")), words(username, "from.username")
    return Sender(
        external_id=external_id,
        display_name=" ".join(filter(None, names)),
        handle=handle,
        language=words(language, "from.language_code"),
        address=f"@{handle} (id {external_id})" if handle else f"id {external_id}",
    )


def _is_channels(message: object) -> bool:
    """Return whether a channel, not a person, wrote the message."""
    raw = _object(message)
    return "from" not in raw and _object(raw.get("chat")).get("type") == "channel"


def _nobody(chat: Json) -> Sender:
    """Return a chat as the sender: nobody that an organization file could name."""
    number = whole(chat.get("id"), "sender_chat.id")
    return Sender(f"{ANONYMOUS}{number}", words(chat.get("title"), "sender_chat.title"), verified=False)


def _emojis(reactions: Sequence[ReactionType]) -> list[str]:
    """Return the reactions as strings. A custom emoji has no character, so it is named `custom:<id>`."""
    found = []
    for reaction in reactions:
        if isinstance(reaction, ReactionTypeEmoji):
            found.append(words(reaction.emoji, "reaction.emoji"))
        elif isinstance(reaction, ReactionTypeCustomEmoji):
            found.append("custom:" + words(reaction.custom_emoji_id, "reaction.custom_emoji_id"))
        else:
            found.append(words(reaction.type, "reaction.type"))
    return found


def _object(value: object) -> Json:
    return value if isinstance(value, dict) else {}
