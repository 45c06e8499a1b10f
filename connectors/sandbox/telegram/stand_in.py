"""A server that is Telegram to the bot: the Bot API on one side, people and their groups on the other."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count

from aiohttp import web

from bot.core.errors import CommandError
from bot.core.ids import Clock, utc_now
from connectors.sandbox.fault import Faults, NoFaults
from connectors.sandbox.snapshots import dump, load
from connectors.sandbox.telegram.api import Api, TapAnswer
from connectors.sandbox.telegram.bot_server import PLATFORM, BotServer
from connectors.sandbox.telegram.chats import Chats, SavedChats, Tap
from connectors.sandbox.telegram.group_chat import GroupChat
from connectors.sandbox.telegram.groups import Group
from connectors.sandbox.telegram.limits import Limits
from connectors.sandbox.telegram.markup import found_entities
from connectors.sandbox.telegram.media import FILE_KINDS, PLACE_KINDS
from connectors.sandbox.telegram.model import (
    ChatMessage,
    JsonObject,
    SentCall,
    TelegramUser,
)
from connectors.sandbox.telegram.together import together
from connectors.sandbox.telegram.updates import SavedUpdates, UpdateBox
from connectors.sandbox.webhook_queue import RetryPauses

FIRST_UPDATE_ID = 100_000_001
FIRST_USER_ID = 7_000_000_001
FIRST_GROUP_ID = -1_001_000_000_001


@dataclass(frozen=True, slots=True)
class SavedTelegram:
    """The saved state of the stand-in."""

    chats: SavedChats
    updates: SavedUpdates
    commands: list[JsonObject]


class TelegramStandIn:
    """The Telegram of one bot. Each thing that a person does is a method; the bot's calls come in over HTTP.

    `app()` is mounted where TELEGRAM_API_URL points: it answers `/bot<token>/<method>` and
    `/file/bot<token>/<path>`, and starts and closes the stand-in with the server it runs in. `call_log` is
    how many of the bot's calls `sent` remembers.
    """

    def __init__(
        self,
        token: str = "700000001:sandbox-telegram-token",  # noqa: S107  # a token that opens nothing
        username: str = "sandbox_desk_bot",
        *,
        name: str = "Desk",
        clock: Clock = utc_now,
        ids: Callable[[], int] | None = None,
        faults: Faults | None = None,
        limits: Limits | None = None,
        pauses: RetryPauses | None = None,
        webhook_timeout: float = 60.0,
        call_log: int = 200_000,
    ) -> None:
        self.token = token
        self.clock = clock
        self.on_change: Callable[[int], None] | None = (
            None  # called with the id of the user or group whose chat changed
        )
        self._faults: Faults = faults or NoFaults()
        bot: JsonObject = {
            "id": int(token.partition(":")[0]),
            "is_bot": True,
            "first_name": name,
            "username": username,
        }
        me: JsonObject = {
            **bot,
            "can_join_groups": True,
            "can_read_all_group_messages": False,
            "supports_inline_queries": False,
            "can_connect_to_business": False,
            "has_main_web_app": False,
        }
        self._chats = Chats(bot, clock, ids or count(FIRST_USER_ID).__next__)
        self._chats.on_change = self._changed
        self._api = Api.over(self._chats, limits)
        self._box = UpdateBox(
            first_update_id=FIRST_UPDATE_ID,
            now=self._chats.now,
            pauses=pauses or RetryPauses(),
            timeout=webhook_timeout,
        )
        self._server = BotServer(token, self._api, self._box, self._faults, me=me, call_log=call_log)
        self._queries = count(1)
        self._api.forum.tell = self._tell

    # The server

    def app(self) -> web.Application:
        return together((self,))

    async def answer(self, request: web.Request) -> web.StreamResponse:
        return await self._server.answer(request)

    async def download(self, request: web.Request) -> web.StreamResponse:
        return await self._server.download(request)

    async def start(self) -> None:
        """Begin to deliver updates. Before that, and after `close`, they are collected.

        Calling it twice is harmless.
        """
        if not self._box.open:
            await self._box.begin()

    async def close(self) -> None:
        await self._box.close()

    def revoke(self) -> None:
        """Take the bot's token away, as /revoke with @BotFather does."""
        self._server.revoked = True

    def serve(self, version: tuple[int, int]) -> None:
        """Behave like a server of that Bot API version, which ignores whatever it does not know."""
        self._chats.version = version

    # What a person with a phone does

    def user(self, name: str) -> TelegramUser:
        """Return the person with that name ("Maya Fischer"). Add them if they are new. Names are unique."""
        return self._chats.user(name)

    def users(self) -> list[TelegramUser]:
        return list(self._chats.users.values())

    def say(
        self, user: TelegramUser, text: str, reply_to: int | None = None, *, quote: str = ""
    ) -> ChatMessage:
        """Write to the bot. A link with a payload sends "/start payload".

        `quote` is the part that the person chose of the message they answer.
        """
        draft = self._draft(user, reply_to)
        if quote and reply_to is not None:
            position = self._chats.of_person(user, reply_to).text.index(quote)
            chosen = {"text": quote, "position": position, "is_manual": True}
            draft = replace(draft, extra=(("quote", chosen),))
        return self._arrive(user, replace(draft, text=text, entities=found_entities(text)))

    def forward(self, user: TelegramUser, text: str, origin: Mapping[str, object]) -> ChatMessage:
        """Forward to the bot what somebody else wrote. `origin` is a MessageOrigin of the Bot API."""
        draft = replace(self._draft(user, None), extra=(("forward_origin", dict(origin)),))
        return self._arrive(user, replace(draft, text=text, entities=found_entities(text)))

    def send_media(
        self,
        user: TelegramUser,
        kind: str,
        content: bytes = b"",
        *,
        name: str = "",
        mime_type: str = "",
        caption: str = "",
        reply_to: int | None = None,
        details: Mapping[str, object] | None = None,
    ) -> ChatMessage:
        """Send a file or a place to the bot.

        `kind` is a field of Message, such as "photo", "voice" or "location".

        `details` are fields of that object, such as {"duration": 4} or {"latitude": 52.5, "longitude": 13.4}.
        """
        media, file_id = self._media(kind, content, name, mime_type, details or {})
        draft = self._draft(user, reply_to)
        return self._arrive(user, replace(draft, kind=kind, text=caption, media=media, file_id=file_id))

    def edit(self, user: TelegramUser, message_id: int, text: str) -> ChatMessage:
        """Change the text or caption of one's own message."""
        message = self._chats.of_person(user, message_id)
        if message.from_bot:
            raise CommandError("Only one's own messages can be edited.")
        edited = replace(message, text=text, entities=found_entities(text), edit_date=self._chats.now())
        self._chats.keep(edited)
        self._tell("edited_message", user.id, self._chats.wire(edited))
        return edited

    def delete(self, user: TelegramUser, message_id: int) -> None:
        """Delete a message from the phone. Telegram does not tell bots about it."""
        self._chats.remove(self._chats.of_person(user, message_id))

    def tap(self, user: TelegramUser, message_id: int, button: str | int) -> str:
        """Tap an inline button by its label, callback data or place (0 is the first). Returns the query's id,
        or "" for a button that only opens a link."""
        return self._press(user, self._chats.of_person(user, message_id), button)

    def tap_answer(self, query_id: str) -> TapAnswer | None:
        """Return the bot's answer to a tap; None while the phone still shows the button as busy."""
        return self._api.answers.get(query_id)

    def block(self, user: TelegramUser) -> None:
        if user.id not in self._chats.blocked:
            self._chats.blocked.add(user.id)
            self._membership(user, "member", "kicked")

    def unblock(self, user: TelegramUser) -> None:
        if user.id in self._chats.blocked:
            self._chats.blocked.remove(user.id)
            self._membership(user, "kicked", "member")

    def blocked(self, user: TelegramUser) -> bool:
        return user.id in self._chats.blocked

    def react(self, user: TelegramUser, message_id: int, emoji: str) -> None:
        """Set one's only reaction on a message, or remove it with ""."""
        message = self._chats.of_person(user, message_id)
        self._tell("message_reaction", user.id, self._chats.reacted(message, user, "user", emoji))

    def inject(self, kind: str, payload: JsonObject, chat_id: int) -> None:
        """Send the bot an update of any kind as it is, such as those of channels that no phone here can
        cause.
        """
        self._tell(kind, chat_id, payload)

    # Groups

    def group(self, title: str, members: Sequence[TelegramUser] = (), *, forum: bool = True) -> GroupChat:
        """Return the group with that title.

        Create it if it is new, with the bot as an administrator who manages topics.
        """
        known = next((group for group in self._chats.groups.values() if group.title == title), None)
        if known is None:
            number = FIRST_GROUP_ID - len(self._chats.groups)
            known = Group(number, title, forum, {member.id for member in members})
            self._chats.keep_group(known)
            self._changed(known.id)
        return self._chat_of(known)

    def groups(self) -> list[GroupChat]:
        return [self._chat_of(group) for group in self._chats.groups.values()]

    # What can be seen

    def chat(self, user: TelegramUser, *, with_deleted: bool = False) -> list[ChatMessage]:
        """Return the chat as the phone shows it, oldest message first. Edits are shown in place."""
        return [each for each in self._chats.messages[user.id].values() if with_deleted or not each.deleted]

    def wire(self, message: ChatMessage) -> JsonObject:
        """Return the Message object that the bot gets for a message."""
        return self._chats.wire(message)

    def typing(self, user: TelegramUser) -> str:
        """Return the chat action that the phone shows now, such as "typing", or ""."""
        return self._chats.typing(user.id)

    def sent(self, method: str = "") -> list[SentCall]:
        """Return the bot's calls of one method, or of all methods, oldest first."""
        wanted = method.lower()
        return [call for call in self._server.calls if not wanted or call.method.lower() == wanted]

    def file(self, file_id: str) -> bytes:
        return self._chats.files[file_id].content

    def file_type(self, file_id: str) -> str:
        return self._chats.files[file_id].mime_type

    def file_name(self, file_id: str) -> str:
        return self._chats.files[file_id].name

    def pending(self) -> int:
        """Return the number of updates that the bot has not taken yet."""
        return len(self._box.pending)

    def polled(self) -> bool:
        """Return whether a getUpdates call is waiting now."""
        return self._box.polled

    async def settled(self) -> None:
        """Wait until the bot has taken every update."""
        await self._box.settled()

    def webhook_info(self) -> JsonObject:
        """Return the result of getWebhookInfo."""
        return self._server.webhook_info()

    # Keeping

    def start_over(self) -> None:
        """Forget all messages. People, groups and the webhook stay."""
        self._chats.start_over()

    def snapshot(self) -> JsonObject:
        """Return the whole state as JSON, without the log of calls."""
        return dump(SavedTelegram(self._chats.snapshot(), self._box.snapshot(), self._api.commands))

    def restore(self, saved: Mapping[str, object]) -> None:
        """Restore a snapshot. Call it before `start`. Raises ValueError for anything else."""
        state = load(SavedTelegram, saved)
        self._chats.restore(state.chats)
        self._box.restore(state.updates)
        self._api.commands = state.commands

    def skip_ids(self) -> None:
        """Go on with ids that were never used, although the restored state may be older than what the bot
        was told.

        The bot takes an update with an id that it knows for a second copy. So ids follow the clock, which
        counts faster than updates come.
        """
        following = int(self._chats.clock().timestamp() * 1000)
        self._box.next_id = max(self._box.next_id, following)
        self._chats.skip_ids(following)

    # Within

    def _changed(self, chat_id: int) -> None:
        if self.on_change is not None:
            self.on_change(chat_id)

    def _chat_of(self, group: Group) -> GroupChat:
        return GroupChat(group, self._chats, self._api.forum, self._tell, self._press, self._media)

    def _media(
        self, kind: str, content: bytes, name: str, mime_type: str, details: Mapping[str, object]
    ) -> tuple[JsonObject, str]:
        """Return the field's content for the message, and the id of the stored file, "" for a place."""
        if kind in PLACE_KINDS:
            return dict(details), ""
        if kind in FILE_KINDS:
            file = self._chats.store(kind, name, mime_type, content)
            return self._chats.media_of(kind, file, details), file.file_id
        raise CommandError(
            f"Telegram has no {kind!r} message; there are {', '.join(FILE_KINDS + PLACE_KINDS)}."
        )

    def _press(self, user: TelegramUser, message: ChatMessage, button: str | int) -> str:
        flat = [each for row in message.buttons for each in row]
        wanted = [
            each
            for at, each in enumerate(flat)
            if button in (at, each.get("callback_data"), each.get("text"))
        ]
        if not wanted:
            raise CommandError(f"Message {message.message_id} has no button {button!r}.")
        if "callback_data" not in wanted[0]:
            return ""
        query_id = f"{user.id}{next(self._queries):06d}{message.message_id}"
        self._chats.open_taps[query_id] = Tap(message.chat_id, user.id, self.clock().timestamp())
        query: JsonObject = {
            "id": query_id,
            "from": self._chats.user_wire(user.id),
            "message": self._chats.wire(message),
            "chat_instance": str(message.chat_id),
            "data": wanted[0]["callback_data"],
        }
        self._tell("callback_query", message.chat_id, query)
        return query_id

    def _draft(self, user: TelegramUser, reply_to: int | None) -> ChatMessage:
        if user.id in self._chats.blocked:
            raise CommandError(f"{user.name} has blocked the bot and must unblock it first.")
        if reply_to is not None:
            self._chats.of_person(user, reply_to)
        return ChatMessage(
            message_id=self._chats.next_message_id(),
            chat_id=user.id,
            from_bot=False,
            date=self._chats.now(),
            reply_to=reply_to,
        )

    def _arrive(self, user: TelegramUser, message: ChatMessage) -> ChatMessage:
        self._chats.keep(message)
        self._tell("message", user.id, self._chats.wire(message))
        return message

    def _membership(self, user: TelegramUser, old: str, new: str) -> None:
        change: JsonObject = {
            "chat": self._chats.chat_wire(user.id),
            "from": self._chats.user_wire(user.id),
            "date": self._chats.now(),
            "old_chat_member": self._member(old),
            "new_chat_member": self._member(new),
        }
        self._tell("my_chat_member", user.id, change)
        self._chats.changed(user.id)

    def _member(self, status: str) -> JsonObject:
        member: JsonObject = {"status": status, "user": self._chats.bot}
        return {**member, "until_date": 0} if status == "kicked" else member

    def _tell(self, kind: str, chat_id: int, payload: JsonObject) -> None:
        self._queue(kind, chat_id, json.dumps(payload))

    def _queue(self, kind: str, chat_id: int, payload: str) -> None:
        delays = self._faults.deliveries(PLATFORM, kind)

        def body(update_id: int) -> str:
            return f'{{"update_id":{update_id},"{kind}":{payload}}}'

        self._box.add(kind, chat_id, body, delays)
