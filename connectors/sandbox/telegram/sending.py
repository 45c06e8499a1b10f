"""The methods with which a bot sends messages."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from connectors.sandbox.rate_limit import RateLimiter
from connectors.sandbox.telegram.chats import Chats
from connectors.sandbox.telegram.limits import Limits
from connectors.sandbox.telegram.markup import MAX_CAPTION, MAX_TEXT, formatted
from connectors.sandbox.telegram.media import CAPTIONED, MAX_UPLOAD
from connectors.sandbox.telegram.model import ApiError, ChatMessage, JsonObject, StoredFile, bad_request
from connectors.sandbox.telegram.params import Params
from connectors.sandbox.telegram.rich import rich_message, words_of

Buttons = tuple[tuple[JsonObject, ...], ...]
EPHEMERAL_SECONDS = 15.0  # https://core.telegram.org/bots/api#ephemeral-messages-and-commands
_ALBUM_KINDS = frozenset({"photo", "video", "document", "audio"})
_BUTTON_ACTIONS = (
    "url",
    "callback_data",
    "web_app",
    "login_url",
    "switch_inline_query",
    "switch_inline_query_current_chat",
    "switch_inline_query_chosen_chat",
    "copy_text",
    "callback_game",
    "pay",
)
_DETAILS = ("duration", "width", "height", "length", "performer", "title")


@dataclass(slots=True)
class Sending:
    chats: Chats
    limits: Limits | None
    limiter: RateLimiter = field(default_factory=RateLimiter)

    def send_message(self, params: Params) -> JsonObject:
        chat_id = self.open_chat(params)
        text, entities = text_of(params, "text", MAX_TEXT)
        if not text:
            raise bad_request("message text is empty")
        extra = params.object("link_preview_options")
        return self._post(
            replace(
                self._draft(params, chat_id),
                text=text,
                entities=entities,
                extra=(("link_preview_options", extra),) if extra else (),
            )
        )

    def send_rich_message(self, params: Params) -> JsonObject:
        """Implement https://core.telegram.org/bots/api#sendrichmessage"""
        chat_id = self.open_chat(params)
        return self._post(rich(self._draft(params, chat_id), params, self.chats.version))

    def send_file(self, params: Params, kind: str) -> JsonObject:
        chat_id = self.open_chat(params)
        caption, entities = caption_of(params) if kind in CAPTIONED else ("", ())
        file = self.file_of(kind, params.text(kind), params)
        return self._post(
            replace(
                self._draft(params, chat_id),
                kind=kind,
                text=caption,
                entities=entities,
                media=self.chats.media_of(kind, file, _details(params)),
                file_id=file.file_id,
            )
        )

    def send_location(self, params: Params) -> JsonObject:
        place: JsonObject = {"latitude": params.number("latitude"), "longitude": params.number("longitude")}
        return self._send_plain(params, "location", place)

    def send_contact(self, params: Params) -> JsonObject:
        contact: JsonObject = {
            "phone_number": params.text("phone_number"),
            "first_name": params.text("first_name"),
        }
        if not contact["phone_number"] or not contact["first_name"]:
            raise bad_request("phone number and first name of the contact must not be empty")
        if params.text("last_name"):
            contact["last_name"] = params.text("last_name")
        return self._send_plain(params, "contact", contact)

    def send_media_group(self, params: Params) -> list[JsonObject]:
        chat_id = self.open_chat(params)
        items = params.objects("media")
        if not 2 <= len(items) <= 10:
            raise bad_request("wrong number of messages to send as an album")
        messages = [self._album_item(params, chat_id, item) for item in items]
        album = f"sandbox-{messages[0].message_id}"
        return [self._post(replace(message, media_group_id=album)) for message in messages]

    def copy_message(self, params: Params) -> JsonObject:
        chat_id = self.open_chat(params)
        source = self.chats.chat_named(params.text("from_chat_id"))
        original = self.chats.find(source, params.integer("message_id"))
        if original is None:
            raise bad_request("message to copy not found")
        text, entities = original.text, original.entities
        if "caption" in params.values and original.kind in CAPTIONED:
            text, entities = caption_of(params)
        copied = replace(
            self._draft(params, chat_id, ephemeral=False),
            kind=original.kind,
            text=text,
            entities=entities,
            media=original.media,
            file_id=original.file_id,
        )
        self.chats.keep(copied)
        return {"message_id": copied.message_id}

    def open_chat(self, params: Params, *, counted: bool = True) -> int:
        """Return the chat to send to.

        Raises an ApiError if it is unknown, closed to the bot, or written to too fast.
        """
        chat_id = self.chats.chat_named(params.text("chat_id"))
        group = self.chats.groups.get(chat_id)
        if group is not None:
            if not group.bot_inside:
                raise ApiError(403, "Forbidden: bot was kicked from the supergroup chat")
        elif chat_id in self.chats.blocked:
            raise ApiError(403, "Forbidden: bot was blocked by the user")
        elif not self.chats.messages[chat_id]:
            raise ApiError(403, "Forbidden: bot can't initiate conversation with a user")
        if (limits := self.limits) is not None and counted:
            rates = {"bot": limits.bot, chat_id: limits.chat if group is None else limits.group}
            if too_fast := self.limiter.refuses(self.chats.clock().timestamp(), rates):
                seconds = math.ceil(too_fast.seconds)
                raise ApiError(429, f"Too Many Requests: retry after {seconds}", retry_after=seconds)
        return chat_id

    def _draft(self, params: Params, chat_id: int, *, ephemeral: bool = True) -> ChatMessage:
        """Return a new message of the bot. `ephemeral`: the method may send what only one person sees."""
        return ChatMessage(
            message_id=self.chats.next_message_id(),
            chat_id=chat_id,
            from_bot=True,
            date=self.chats.now(),
            reply_to=self._reply_to(params, chat_id),
            buttons=buttons_of(params),
            topic=self._topic(params, chat_id),
            receiver=self._receiver(params, chat_id) if ephemeral else 0,
        )

    def _receiver(self, params: Params, chat_id: int) -> int:
        """Return the id of the only person who shall see the message; 0 for everybody.

        https://core.telegram.org/bots/api#ephemeralmessageparameters. Of the refusals, developers have
        reported only BOT_NOT_ADMIN; the others are worded like those of other methods.
        """
        wanted = params.object("ephemeral_message_parameters") if self.chats.version >= (10, 3) else None
        if wanted is None:
            return 0
        receiver, group = wanted.get("receiver_user_id"), self.chats.groups.get(chat_id)
        if not isinstance(receiver, int):
            raise bad_request("can't parse EphemeralMessageParameters: can't find field \"receiver_user_id\"")
        if group is None:
            raise bad_request("BOT_NOT_ADMIN")
        if receiver not in group.members:
            raise bad_request("USER_NOT_PARTICIPANT")
        if wanted.get("replace_callback_query_message"):
            raise bad_request("the sandbox shows no message in the place of another")
        if query := wanted.get("callback_query_id"):
            tap = self.chats.open_taps.get(str(query))
            if tap is None or (tap.chat, tap.user) != (chat_id, receiver) or self._is_over(tap.at):
                raise bad_request("query is too old and response timeout expired or query ID is invalid")
        elif not group.administrator and not self._answers(params, chat_id, receiver):
            raise bad_request("BOT_NOT_ADMIN")
        return receiver

    def _answers(self, params: Params, chat_id: int, person: int) -> bool:
        """Return whether the call answers an ephemeral message that this person has just sent to the bot."""
        reply = params.object("reply_parameters") or {}
        asked = self.chats.ephemerals.get(_whole(reply.get("ephemeral_message_id")))
        if asked is None or asked.from_bot or (asked.chat_id, asked.sender_id) != (chat_id, person):
            return False
        return not self._is_over(asked.date)

    def _is_over(self, at: float) -> bool:
        return self.chats.clock().timestamp() - at > EPHEMERAL_SECONDS

    def _topic(self, params: Params, chat_id: int) -> int:
        """Return the topic of the new message, 0 outside of topics.

        An answer is in the topic of what it answers.
        """
        group = self.chats.groups.get(chat_id)
        wanted = params.integer("message_thread_id")
        if not wanted:
            answered = self.chats.find(chat_id, self._reply_to(params, chat_id) or 0)
            return answered.topic if answered else 0
        if group is None or not group.forum:
            raise bad_request("message thread not found")
        if group.topic(wanted).closed and not (group.administrator and group.manages_topics):
            raise bad_request("TOPIC_CLOSED")
        return wanted

    def file_of(self, kind: str, reference: str, params: Params) -> StoredFile:
        name = reference.removeprefix("attach://") if reference.startswith("attach://") else kind
        upload = params.files.get(name)
        if upload is not None:
            if not upload.content:
                raise bad_request("file must be non-empty")
            if len(upload.content) > MAX_UPLOAD:
                raise ApiError(413, "Request Entity Too Large")
            return self.chats.store(kind, upload.name, upload.mime_type, upload.content)
        if not reference:
            raise bad_request(f"there is no {kind.replace('_', ' ')} in the request")
        if reference.startswith(("http://", "https://")):
            raise bad_request("failed to get HTTP URL content")  # a sandbox fetches nothing from outside
        known = self.chats.files.get(reference)
        if known is None:
            raise bad_request("wrong file identifier/HTTP URL specified")
        return known

    def _send_plain(self, params: Params, kind: str, media: JsonObject) -> JsonObject:
        chat_id = self.open_chat(params)
        return self._post(
            replace(
                self._draft(params, chat_id),
                kind=kind,
                media=media,
            )
        )

    def _album_item(self, params: Params, chat_id: int, item: JsonObject) -> ChatMessage:
        kind = str(item.get("type"))
        if kind not in _ALBUM_KINDS:
            raise bad_request("can't parse InputMedia: unsupported type specified")
        own = Params(item)
        text, entities = caption_of(own)
        file = self.file_of(kind, str(item.get("media", "")), params)
        return replace(
            self._draft(params, chat_id, ephemeral=False),
            kind=kind,
            text=text,
            entities=entities,
            media=self.chats.media_of(kind, file, _details(own)),
            file_id=file.file_id,
        )

    def _post(self, message: ChatMessage) -> JsonObject:
        if message.receiver:
            return self.chats.wire(self.chats.keep_ephemeral(message))
        return self.chats.wire(self.chats.keep(message))

    def _reply_to(self, params: Params, chat_id: int) -> int | None:
        reply = params.object("reply_parameters")
        if reply is not None:
            wanted, tolerant = reply.get("message_id"), bool(reply.get("allow_sending_without_reply"))
            if self.chats.version >= (10, 2) and _whole(reply.get("ephemeral_message_id")):
                return None  # the others do not see the answered message
        else:
            wanted = params.integer("reply_to_message_id") or None
            tolerant = params.boolean("allow_sending_without_reply")
        if wanted is None:
            return None
        if isinstance(wanted, int) and self.chats.find(chat_id, wanted) is not None:
            return wanted
        if tolerant:
            return None
        raise bad_request("message to be replied not found")


def rich(message: ChatMessage, params: Params, version: tuple[int, int]) -> ChatMessage:
    """Return the message with the call's rich content in place of its old content."""
    made = rich_message(params.object("rich_message") or {}, version)
    return replace(message, kind="rich_message", text=words_of(made), entities=(), media=made, extra=())


def text_of(params: Params, name: str, limit: int) -> tuple[str, tuple[JsonObject, ...]]:
    text = params.text(name)
    entities = params.objects("entities" if name == "text" else "caption_entities")
    if not text.strip():
        return "", ()
    what = "message" if name == "text" else "message caption"
    return formatted(text, params.text("parse_mode"), entities, limit=limit, what=what)


def caption_of(params: Params) -> tuple[str, tuple[JsonObject, ...]]:
    return text_of(params, "caption", MAX_CAPTION)


def buttons_of(params: Params) -> Buttons:
    """Return the inline keyboard. Other kinds of reply_markup are not stored."""
    markup = params.object("reply_markup")
    rows = markup.get("inline_keyboard") if markup else None
    if rows is None:
        return ()
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise bad_request('field "inline_keyboard" of the InlineKeyboardMarkup must be an Array of Arrays')
    return tuple(tuple(_button(button) for button in row) for row in rows if row)


def _button(button: object) -> JsonObject:
    if not isinstance(button, dict) or not isinstance(button.get("text"), str) or not button["text"]:
        raise bad_request('can\'t parse inline keyboard button: field "text" must be of type String')
    if sum(action in button for action in _BUTTON_ACTIONS) != 1:
        raise bad_request(
            "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard"
        )
    data = button.get("callback_data")
    if data is not None and not 1 <= len(str(data).encode()) <= 64:
        raise bad_request("BUTTON_DATA_INVALID")
    return button


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0


def _details(params: Params) -> Mapping[str, object]:
    return {
        name: params.text(name) if name in {"performer", "title"} else params.integer(name)
        for name in _DETAILS
        if name in params.values
    }
