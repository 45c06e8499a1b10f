"""The Bot API's methods other than sending: who the bot is, editing, deleting, answering, files."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from connectors.sandbox.telegram.chats import Chats
from connectors.sandbox.telegram.forum import Forum
from connectors.sandbox.telegram.limits import Limits
from connectors.sandbox.telegram.markup import MAX_TEXT
from connectors.sandbox.telegram.media import CAPTIONED, FILE_KINDS, MAX_DOWNLOAD
from connectors.sandbox.telegram.model import ApiError, ChatMessage, JsonObject, bad_request
from connectors.sandbox.telegram.params import Params
from connectors.sandbox.telegram.sending import Sending, buttons_of, caption_of, rich, text_of

Method = Callable[[Params], object]

_ACTIONS = frozenset(
    {
        "typing",
        "upload_photo",
        "record_video",
        "upload_video",
        "record_voice",
        "upload_voice",
        "upload_document",
        "choose_sticker",
        "find_location",
        "record_video_note",
        "upload_video_note",
    }
)
# The version of the Bot API that added each method. Older servers do not know it.
_SINCE = {
    "sendrichmessage": (10, 1),
    "editephemeralmessagetext": (10, 2),
    "deleteephemeralmessage": (10, 2),
}
_DELETABLE = 48 * 3600  # seconds: https://core.telegram.org/bots/api#deletemessage
_GIFTS = ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels")
# The emoji a bot may react with: https://core.telegram.org/bots/api#reactiontypeemoji
_REACTIONS = frozenset(
    """
    ❤ 👍 👎 🔥 🥰 👏 😁 🤔 🤯 😱 🤬 😢 🎉 🤩 🤮 💩 🙏 👌 🕊 🤡 🥱 🥴 😍 🐳 🌚 🌭 💯 🤣 ⚡ 🍌 🏆 💔 🤨 😐
    🍓 🍾 💋 🖕 😈 😴 😭 🤓 👻 👀 🎃 🙈 😇 😨 🤝 ✍ 🤗 🫡 🎅 🎄 ☃ 💅 🤪 🗿 🆒 💘 🙉 🦄 😘 💊 🙊 😎 👾 🤷 😡
    ❤\u200d🔥 👨\u200d💻 🤷\u200d♂ 🤷\u200d♀
    """.split()  # noqa: SIM905
)


@dataclass(frozen=True, slots=True)
class TapAnswer:
    """The answer that a person saw after tapping a button."""

    text: str
    show_alert: bool
    url: str


@dataclass(slots=True)
class Api:
    """The Bot API's methods. Names are looked up in any case, as on the platform."""

    chats: Chats
    sending: Sending
    forum: Forum
    answers: dict[str, TapAnswer] = field(default_factory=dict)
    commands: list[JsonObject] = field(default_factory=list)
    methods: Mapping[str, Method] = field(default_factory=dict)

    def method(self, name: str) -> Method | None:
        """Return the method with that name in lower case, None if this version of the Bot API has none."""
        return self.methods.get(name) if self.chats.version >= _SINCE.get(name, (0, 0)) else None

    @classmethod
    def over(cls, chats: Chats, limits: Limits | None) -> "Api":
        api = cls(chats, Sending(chats, limits), Forum(chats))
        api.methods = {name.lower(): method for name, method in api._named().items()}
        return api

    def _named(self) -> dict[str, Method]:
        sending = self.sending
        named: dict[str, Method] = {
            "sendMessage": sending.send_message,
            "sendRichMessage": sending.send_rich_message,
            "editEphemeralMessageText": self._edit_ephemeral,
            "deleteEphemeralMessage": self._delete_ephemeral,
            "sendLocation": sending.send_location,
            "sendContact": sending.send_contact,
            "sendMediaGroup": sending.send_media_group,
            "copyMessage": sending.copy_message,
            "getMe": lambda _: self.chats.bot,
            "editMessageText": self._edit_text,
            "editMessageCaption": self._edit_caption,
            "editMessageReplyMarkup": self._edit_markup,
            "deleteMessage": self._delete,
            "deleteMessages": self._delete_many,
            "sendChatAction": self._chat_action,
            "setMessageReaction": self._react,
            "answerCallbackQuery": self._answer_tap,
            "getFile": self._get_file,
            "getChat": self._get_chat,
            "setMyCommands": self._set_commands,
            "getMyCommands": lambda _: self.commands,
            "deleteMyCommands": self._delete_commands,
            **self.forum.methods(),
        }
        for kind in FILE_KINDS:
            named["send" + kind.replace("_", "")] = _file_sender(sending, kind)
        return named

    def _own(self, params: Params) -> ChatMessage:
        chat_id = self.chats.chat_named(params.text("chat_id"))
        message = self.chats.find(chat_id, params.integer("message_id"))
        if message is None:
            raise bad_request("message to edit not found")
        if not message.from_bot:
            raise bad_request("message can't be edited")
        return message

    def _edited(self, old: ChatMessage, new: ChatMessage) -> JsonObject:
        if new == old:
            raise bad_request(
                "message is not modified: specified new message content and reply markup are exactly the same"
                " as a current content and reply markup of the message"
            )
        only_buttons = replace(new, buttons=old.buttons) == old
        stamped = new if only_buttons else replace(new, edit_date=self.chats.now())
        return self.chats.wire(self.chats.keep(stamped))

    def _edit_text(self, params: Params) -> JsonObject:
        message = self._own(params)
        return self._edited(message, self._reworded(message, params))

    def _reworded(self, message: ChatMessage, params: Params) -> ChatMessage:
        if message.kind not in ("text", "rich_message"):
            raise bad_request("there is no text in the message to edit")
        # A call without a keyboard removes the old one, as on the platform.
        message = replace(message, buttons=buttons_of(params))
        if self.chats.version >= (10, 1) and params.object("rich_message") is not None:
            return rich(message, params, self.chats.version)
        text, entities = text_of(params, "text", MAX_TEXT)
        if not text:
            raise bad_request("message text is empty")
        return replace(message, kind="text", text=text, entities=entities, media=None)

    def _ephemeral(self, params: Params) -> ChatMessage:
        chat_id = self.chats.chat_named(params.text("chat_id"))
        receiver, number = params.integer("receiver_user_id"), params.integer("ephemeral_message_id")
        message = self.chats.ephemeral(chat_id, receiver, number)
        if message is None:
            raise bad_request("MESSAGE_ID_INVALID")
        return message

    def _edit_ephemeral(self, params: Params) -> bool:
        self.chats.keep_ephemeral(self._reworded(self._ephemeral(params), params))
        return True

    def _delete_ephemeral(self, params: Params) -> bool:
        self.chats.remove_ephemeral(self._ephemeral(params))
        return True

    def _edit_caption(self, params: Params) -> JsonObject:
        message = self._own(params)
        if message.kind not in CAPTIONED:
            raise bad_request("there is no caption in the message to edit")
        text, entities = caption_of(params)
        return self._edited(
            message, replace(message, text=text, entities=entities, buttons=buttons_of(params))
        )

    def _edit_markup(self, params: Params) -> JsonObject:
        message = self._own(params)
        return self._edited(message, replace(message, buttons=buttons_of(params)))

    def _delete(self, params: Params) -> bool:
        chat_id = self.chats.chat_named(params.text("chat_id"))
        message = self.chats.find(chat_id, params.integer("message_id"))
        if message is None:
            raise bad_request("message to delete not found")
        group = self.chats.groups.get(chat_id)
        everything = group is not None and group.administrator and group.deletes_messages
        if group is not None and not message.from_bot and not everything:
            raise bad_request("message can't be deleted")
        if self.chats.now() - message.date > _DELETABLE and not everything:
            raise bad_request("message can't be deleted for everyone")
        if message.kind == "forum_topic_created":
            raise bad_request("message can't be deleted")
        self.chats.remove(message)
        return True

    def _delete_many(self, params: Params) -> bool:
        chat_id = self.chats.chat_named(params.text("chat_id"))
        wanted = params.loaded("message_ids")
        if not isinstance(wanted, list) or not 1 <= len(wanted) <= 100:
            raise bad_request("message identifiers are not specified")
        for message_id in wanted:  # those that cannot be found are skipped
            message = self.chats.find(chat_id, message_id) if isinstance(message_id, int) else None
            if message is not None:
                self.chats.remove(message)
        return True

    def _chat_action(self, params: Params) -> bool:
        action = params.text("action")
        if action not in _ACTIONS:
            raise bad_request("wrong parameter action in request")
        chat_id = self.sending.open_chat(params, counted=False)
        self.chats.set_typing(chat_id, action)
        return True

    def _react(self, params: Params) -> bool:
        chat_id = self.chats.chat_named(params.text("chat_id"))
        message = self.chats.find(chat_id, params.integer("message_id"))
        if message is None:
            raise bad_request("message to react not found")
        reactions = params.objects("reaction")
        emoji = [str(reaction.get("emoji", "")) for reaction in reactions]
        if len(emoji) > 1:
            raise bad_request("REACTIONS_TOO_MANY")
        if not all(sign.replace("\ufe0f", "") in _REACTIONS for sign in emoji):
            raise bad_request("REACTION_INVALID")
        group = self.chats.groups.get(chat_id)
        if group is not None and group.reactions is not None and not set(emoji) <= set(group.reactions):
            raise bad_request("REACTION_INVALID")
        others = tuple(pair for pair in message.reactions if pair[0] != "bot")
        self.chats.keep(replace(message, reactions=(*others, *(("bot", sign) for sign in emoji))))
        return True

    def _answer_tap(self, params: Params) -> bool:
        query_id = params.text("callback_query_id")
        tap = self.chats.open_taps.pop(query_id, None)
        if tap is None:
            raise bad_request("query is too old and response timeout expired or query ID is invalid")
        text = params.text("text")
        if len(text) > 200:
            raise bad_request("MESSAGE_TOO_LONG")
        self.answers[query_id] = TapAnswer(text, params.boolean("show_alert"), params.text("url"))
        self.chats.changed(tap.chat)
        return True

    def _get_file(self, params: Params) -> JsonObject:
        file = self.chats.files.get(params.text("file_id"))
        if file is None:
            raise bad_request("invalid file_id")
        if len(file.content) > MAX_DOWNLOAD:
            raise bad_request("file is too big")
        return {
            "file_id": file.file_id,
            "file_unique_id": file.unique_id,
            "file_size": len(file.content),
            "file_path": file.path,
        }

    def _get_chat(self, params: Params) -> JsonObject:
        chat_id = self.chats.chat_named(params.text("chat_id"))
        group = self.chats.groups.get(chat_id)
        if group is not None and not group.bot_inside:
            raise ApiError(403, "Forbidden: bot was kicked from the supergroup chat")
        few = group.reactions if group is not None else None
        return {
            **self.chats.chat_wire(chat_id),
            **({} if few is None else {"available_reactions": [_reaction(sign) for sign in few]}),
            "accent_color_id": chat_id % 7,
            "max_reaction_count": 11,
            "accepted_gift_types": dict.fromkeys(_GIFTS, False),
        }

    def _set_commands(self, params: Params) -> bool:
        commands = params.objects("commands")
        if len(commands) > 100:
            raise bad_request("BOT_COMMANDS_TOO_MUCH")
        if not all(command.get("command") and command.get("description") for command in commands):
            raise bad_request("command and its description must not be empty")
        self.commands = commands
        return True

    def _delete_commands(self, _: Params) -> bool:
        self.commands = []
        return True


def _file_sender(sending: Sending, kind: str) -> Method:
    return lambda params: sending.send_file(params, kind)


def _reaction(emoji: str) -> JsonObject:
    return {"type": "emoji", "emoji": emoji}
