"""The state of one bot's chats: people, groups, messages, files. No network here."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from bot.core.errors import CommandError
from connectors.sandbox.telegram.groups import Group
from connectors.sandbox.telegram.media import file_wire, stored_file
from connectors.sandbox.telegram.model import ChatMessage, JsonObject, StoredFile, TelegramUser, bad_request

TYPING_SECONDS = 5.0  # https://core.telegram.org/bots/api#sendchataction


@dataclass(frozen=True, slots=True)
class Tap:
    """A press of a button that the bot has not answered yet."""

    chat: int
    user: int
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedChats:
    """The saved state of the chats, without messages that only one person sees."""

    users: list[TelegramUser]
    groups: list[Group]
    messages: list[ChatMessage]
    blocked: set[int]
    files: dict[str, StoredFile]
    last_message: int
    last_file: int


class Chats:
    """The chats of one bot. `ids` creates the ids of people; messages and files are numbered from 1."""

    def __init__(self, bot: JsonObject, clock: Callable[[], datetime], ids: Callable[[], int]) -> None:
        self.bot = bot
        self.clock = clock
        self.on_change: Callable[[int], None] | None = None  # called with the chat that changed
        self._ids = ids
        self.users: dict[int, TelegramUser] = {}
        self.groups: dict[int, Group] = {}
        self.messages: dict[int, dict[int, ChatMessage]] = {}
        self.blocked: set[int] = set()
        self.version = (10, 3)  # of the Bot API
        self.open_taps: dict[str, Tap] = {}  # by the id of the callback query
        self.ephemerals: dict[int, ChatMessage] = {}  # by their ids; in no snapshot
        self.files: dict[str, StoredFile] = {}
        self.paths: dict[str, StoredFile] = {}
        self._by_name: dict[str, TelegramUser] = {}
        self._typing: dict[int, tuple[str, float]] = {}
        self._chat_wires: dict[int, JsonObject] = {}
        self._user_wires: dict[int, JsonObject] = {}
        self._last_message = 0
        self._last_file = 0
        self._last_ephemeral = 0

    def now(self) -> int:
        return math.floor(self.clock().timestamp())

    @property
    def bot_id(self) -> int:
        number = self.bot["id"]
        assert isinstance(number, int)  # noqa: S101  we have made it
        return number

    # People

    def user(self, name: str) -> TelegramUser:
        """Return the person with that name ("Maya Fischer"). Create them if they do not exist."""
        known = self._by_name.get(name)
        if known is not None:
            return known
        first, _, last = name.strip().partition(" ")
        if not first:
            raise CommandError("A person on Telegram needs a name.")
        user_id = self._ids()
        while user_id in self.users:  # after a restore the ids begin anew
            user_id = self._ids()
        username = re.sub(r"[^a-z0-9_]", "", name.lower().replace(" ", "_"))
        user = TelegramUser(user_id, first, last, username)
        self._keep_user(user)
        self.changed(user.id)
        return user

    def _keep_user(self, user: TelegramUser) -> None:
        self.users[user.id] = user
        self.messages.setdefault(user.id, {})
        self._by_name[user.name] = user
        self._chat_wires[user.id] = user.chat_wire()
        self._user_wires[user.id] = user.wire()

    def keep_group(self, group: Group) -> None:
        self.groups[group.id] = group
        self.messages.setdefault(group.id, {})
        self._chat_wires[group.id] = group.chat_wire()

    def user_wire(self, user_id: int) -> JsonObject:
        return self._user_wires[user_id]

    def chat_wire(self, chat_id: int) -> JsonObject:
        return self._chat_wires[chat_id]

    def chat_named(self, reference: str) -> int:
        """Return the id of the chat that the bot named. Raises the platform's 400."""
        if not reference:
            raise bad_request("chat_id is empty")
        if reference.startswith("@"):
            for user in self.users.values():
                if user.username == reference[1:]:
                    return user.id
            raise bad_request("chat not found")
        try:
            chat_id = int(reference)
        except ValueError:
            raise bad_request("chat not found") from None
        if chat_id not in self.messages:
            raise bad_request("chat not found")
        return chat_id

    # Messages

    def next_message_id(self) -> int:
        self._last_message += 1
        return self._last_message

    def keep(self, message: ChatMessage) -> ChatMessage:
        self.messages[message.chat_id][message.message_id] = message
        if message.from_bot and self._typing:
            self._typing.pop(message.chat_id, None)
        self.changed(message.chat_id)
        return message

    def find(self, chat_id: int, message_id: int) -> ChatMessage | None:
        """Return a message; None if it never existed or was deleted."""
        message = self.messages.get(chat_id, {}).get(message_id)
        return None if message is None or message.deleted else message

    def of_person(self, user: TelegramUser, message_id: int) -> ChatMessage:
        message = self.find(user.id, message_id)
        if message is None:
            raise CommandError(f"There is no message {message_id} in the chat of {user.name}.")
        return message

    def remove(self, message: ChatMessage) -> None:
        self.keep(replace(message, deleted=True))

    def keep_ephemeral(self, message: ChatMessage) -> ChatMessage:
        """Keep an ephemeral message that is new or changed."""
        number = message.ephemeral or self._last_ephemeral + 1
        self._last_ephemeral = max(self._last_ephemeral, number)
        kept = self.ephemerals[number] = replace(message, ephemeral=number)
        self.changed(message.chat_id)
        return kept

    def ephemeral(self, chat_id: int, receiver: int, number: int) -> ChatMessage | None:
        found = self.ephemerals.get(number)
        known = found is not None and (found.chat_id, found.receiver) == (chat_id, receiver)
        return found if known else None

    def remove_ephemeral(self, message: ChatMessage) -> None:
        del self.ephemerals[message.ephemeral]
        self.changed(message.chat_id)

    def reacted(self, message: ChatMessage, user: TelegramUser, who: str, emoji: str) -> JsonObject:
        """Set the person's only reaction, or remove it with "". Return the MessageReactionUpdated."""
        old = [sign for by, sign in message.reactions if by == who]
        new = [emoji] if emoji else []
        others = tuple(pair for pair in message.reactions if pair[0] != who)
        self.keep(replace(message, reactions=(*others, *((who, sign) for sign in new))))
        return {
            "chat": self._chat_wires[message.chat_id],
            "message_id": message.message_id,
            "user": self._user_wires[user.id],
            "date": self.now(),
            "old_reaction": [{"type": "emoji", "emoji": sign} for sign in old],
            "new_reaction": [{"type": "emoji", "emoji": sign} for sign in new],
        }

    def wire(self, message: ChatMessage, *, nested: bool = False) -> JsonObject:
        """Return the Message object. A nested one, the message replied to, contains no further reply."""
        sender = self.bot if message.from_bot else self._user_wires[message.sender_id or message.chat_id]
        wire: JsonObject = {
            "message_id": message.message_id,
            "from": sender,
            "chat": self._chat_wires[message.chat_id],
            "date": message.date,
        }
        if message.ephemeral:
            receiver = self._user_wires.get(message.receiver, self.bot)
            wire |= {"message_id": 0, "ephemeral_message_id": message.ephemeral, "receiver_user": receiver}
        if message.edit_date is not None:
            wire["edit_date"] = message.edit_date
        if message.media_group_id:
            wire["media_group_id"] = message.media_group_id
        if message.topic:
            wire["message_thread_id"], wire["is_topic_message"] = message.topic, True
        # In a topic, a message that answers no other answers the one that began the topic.
        answered = message.reply_to if message.reply_to is not None else message.topic
        inside = "external_reply" not in dict(message.extra)
        if answered and answered != message.message_id and inside and not nested:
            original = self.find(message.chat_id, answered)
            if original is not None:
                wire["reply_to_message"] = self.wire(original, nested=True)
        wire.update(message.content_wire())
        wire.update(message.extra)
        if message.buttons:
            wire["reply_markup"] = {"inline_keyboard": [list(row) for row in message.buttons]}
        return wire

    # Files

    def store(self, kind: str, name: str, mime_type: str, content: bytes) -> StoredFile:
        self._last_file += 1
        file = stored_file(self._last_file, kind, name, mime_type, content)
        self.files[file.file_id] = self.paths[file.path] = file
        return file

    def media_of(self, kind: str, file: StoredFile, details: Mapping[str, object]) -> JsonObject:
        return file_wire(kind, file, details)

    # Typing

    def set_typing(self, chat_id: int, action: str) -> None:
        self._typing[chat_id] = (action, self.clock().timestamp() + TYPING_SECONDS)
        self.changed(chat_id)

    def typing(self, chat_id: int) -> str:
        """Return the chat action that the phone shows now, such as "typing" or "upload_photo", else ""."""
        action, until = self._typing.get(chat_id, ("", 0.0))
        return action if self.clock().timestamp() < until else ""

    def changed(self, chat_id: int) -> None:
        if self.on_change is not None:
            self.on_change(chat_id)

    # Keeping

    def snapshot(self) -> SavedChats:
        return SavedChats(
            users=list(self.users.values()),
            groups=list(self.groups.values()),
            messages=[message for chat in self.messages.values() for message in chat.values()],
            blocked=self.blocked,
            files=self.files,
            last_message=self._last_message,
            last_file=self._last_file,
        )

    def restore(self, saved: SavedChats) -> None:
        """Replace everything by a snapshot."""
        self.users.clear()
        self.groups.clear()
        self.messages.clear()
        self._by_name.clear()
        for user in saved.users:
            self._keep_user(user)
        for group in saved.groups:
            self.keep_group(group)
        for message in saved.messages:
            self.messages[message.chat_id][message.message_id] = message
        self.files = saved.files
        self.paths = {file.path: file for file in saved.files.values()}
        self.blocked = saved.blocked
        self._last_message, self._last_file = saved.last_message, saved.last_file

    def skip_ids(self, following: int) -> None:
        """Number the next messages and files from `following` on, if they are not beyond it already."""
        self._last_message = max(self._last_message, following - 1)
        self._last_file = max(self._last_file, following - 1)

    def start_over(self) -> None:
        """Forget all messages and topics. Message ids continue, so that none is used twice."""
        for forgotten in (self.files, self.paths, self.blocked, self._typing, self.ephemerals):
            forgotten.clear()
        for group in self.groups.values():
            group.topics.clear()
        for chat_id, messages in self.messages.items():
            messages.clear()
            self.changed(chat_id)
