"""What a channel told us, in our words. Facts only: no clients, no database ids, no behaviour."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NewType

Channel = NewType("Channel", str)  # "telegram", "slack", …: the name of a folder in `connectors`


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is said. The strings belong to the channel: compare them, never parse them."""

    channel: Channel
    account: str  # the account's id in the organization file
    chat: str  # Telegram chat id, Slack channel id
    thread: str = ""  # Slack thread ts, Telegram topic id; "" outside of threads


@dataclass(frozen=True, slots=True)
class Sender:
    external_id: str
    display_name: str = ""
    handle: str = ""  # a user name; shown, never trusted to identify anybody
    language: str = ""  # BCP 47, as the channel tells it


class AttachmentKind(StrEnum):
    PHOTO = "photo"
    DOCUMENT = "document"
    VOICE = "voice"
    AUDIO = "audio"
    VIDEO = "video"
    STICKER = "sticker"
    LOCATION = "location"  # `ref` is a geo: URI (RFC 5870)
    CONTACT = "contact"  # `ref` is a tel: URI (RFC 3966), `name` whose it is


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file not downloaded, or a fact that is no text. `ref` is the channel's own handle and may expire."""

    kind: AttachmentKind
    ref: str
    mime_type: str = ""
    name: str = ""
    size: int | None = None  # bytes, as the channel claims


@dataclass(frozen=True, slots=True)
class Said:
    """Somebody wrote something. Captions are text."""

    text: str
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True)
class Edited:
    """The message `message` now reads like this."""

    message: str
    text: str
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True)
class Deleted:
    message: str


@dataclass(frozen=True, slots=True)
class Tapped:
    """A button was pressed. `action` and `value` are what we put there, `label` what the person saw."""

    action: str
    value: str
    label: str = ""
    message: str = ""  # the message that carries the button


@dataclass(frozen=True, slots=True)
class Submitted:
    """A form was sent. `form` names it, `subject` is what we hid in it, `values` by field name."""

    form: str
    subject: str
    values: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Started:
    """The customer opened the chat, perhaps through a deep link which carries `payload`."""

    payload: str = ""


@dataclass(frozen=True, slots=True)
class Reacted:
    message: str
    emoji: str
    added: bool


@dataclass(frozen=True, slots=True)
class ReachabilityChanged:
    """The customer blocked us (False) or let us in again (True)."""

    reachable: bool


@dataclass(frozen=True, slots=True)
class Unsupported:
    """Known to the channel, not to us. Stored anyway, so that the transcript has no holes."""

    kind: str


Content = Said | Edited | Deleted | Tapped | Submitted | Started | Reacted | ReachabilityChanged | Unsupported


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing one person did. `(place.channel, place.account, external_id)` is its identity for ever.

    `external_id` identifies the event, however often the platform delivers it; `message` is the platform's id
    of the message it made, by which edits, deletions and replies will name it.
    """

    external_id: str
    place: Place
    sender: Sender
    content: Content
    occurred_at: datetime  # the channel's clock
    message: str = ""
    reply_to: str = ""  # the platform's id of the message answered
    in_our_thread: bool = False  # the channel says that the thread was begun by this very account
    hints: tuple[tuple[str, str], ...] = field(default=())  # channel facts for the record, e.g. forwarded

    def __post_init__(self) -> None:
        if not self.external_id or not self.sender.external_id:
            raise ValueError(f"an event of {self.place.channel} needs an event id and a sender id")
        if self.occurred_at.utcoffset() is None:
            raise ValueError(f"occurred_at must be timezone-aware, got {self.occurred_at!r}")
