"""Define what the stand-in stores: people with phones, messages and files, and their JSON on the wire.

The shapes are those of the Bot API (https://core.telegram.org/bots/api#available-types).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from connectors.sandbox.snapshots import Bytes

JsonObject = dict[str, object]


@dataclass(frozen=True, slots=True)
class TelegramUser:
    """A person with a phone. Their private chat with the bot has the same id."""

    id: int
    first_name: str
    last_name: str = ""
    username: str = ""
    language_code: str = "en"

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()

    def wire(self) -> JsonObject:
        user: JsonObject = {"id": self.id, "is_bot": False, "first_name": self.first_name}
        if self.last_name:
            user["last_name"] = self.last_name
        if self.username:
            user["username"] = self.username
        user["language_code"] = self.language_code
        return user

    def chat_wire(self) -> JsonObject:
        chat: JsonObject = {"id": self.id, "first_name": self.first_name}
        if self.last_name:
            chat["last_name"] = self.last_name
        if self.username:
            chat["username"] = self.username
        chat["type"] = "private"
        return chat


@dataclass(frozen=True, slots=True)
class StoredFile:
    file_id: str
    unique_id: str
    path: str  # as getFile names it: "photos/file_3.jpg"
    name: str
    mime_type: str
    content: Bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatMessage:
    """One message of a chat. A change creates a new value; `deleted` messages are no longer on the phone."""

    message_id: int
    chat_id: int
    from_bot: bool
    date: int  # seconds since 1970, as on the wire
    kind: str = "text"
    text: str = ""  # the text, the caption of a media message, or the words of a rich one
    entities: tuple[JsonObject, ...] = ()
    media: JsonObject | None = None  # the content of the Message's field `kind`
    file_id: str = ""  # of the file to download, "" if there is none
    media_group_id: str = ""
    reply_to: int | None = None
    buttons: tuple[tuple[JsonObject, ...], ...] = ()
    extra: tuple[tuple[str, object], ...] = ()  # further wire fields, returned as they are
    edit_date: int | None = None
    deleted: bool = False
    reactions: tuple[tuple[str, str], ...] = ()  # (who: "bot" or "user", in a group a user's id; emoji)
    sender_id: int = 0  # the author in a group; a private chat has only one person
    topic: int = 0  # of a group
    receiver: int = 0  # the only person who sees it, besides its author
    ephemeral: int = 0  # the id of a message for one person; `message_id` is then its place in the topic

    def content_wire(self) -> JsonObject:
        """Return the fields that contain the message's content."""
        wire: JsonObject = {}
        if self.kind == "rich_message":
            wire["rich_message"] = self.media or {}
        elif self.kind == "text":
            wire["text"] = self.text
            if self.entities:
                wire["entities"] = list(self.entities)
        else:
            wire[self.kind] = [self.media] if self.kind == "photo" else self.media or {}
            if self.text:
                wire["caption"] = self.text
                if self.entities:
                    wire["caption_entities"] = list(self.entities)
        return wire


@dataclass(frozen=True, slots=True)
class SentCall:
    """One call of the bot, as it came in."""

    method: str
    params: Mapping[str, object]
    at: datetime
    status: int  # 200 or the error code; 0 when the connection was reset before anything happened
    answered: bool = True  # False: the bot never read the answer


class ApiError(Exception):
    """An error that the Bot API answers instead of a result."""

    def __init__(self, code: int, description: str, *, retry_after: int | None = None) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.retry_after = retry_after

    def body(self) -> JsonObject:
        body: JsonObject = {"ok": False, "error_code": self.code, "description": self.description}
        if self.retry_after is not None:
            body["parameters"] = {"retry_after": self.retry_after}
        return body


def bad_request(problem: str) -> ApiError:
    return ApiError(400, f"Bad Request: {problem}")
