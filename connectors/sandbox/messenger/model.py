"""Store what a phone with Messenger shows."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from connectors.sandbox.meta.errors import JsonObject


class Tick(StrEnum):
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"


@dataclass(frozen=True, slots=True)
class Choice:
    """A button or a quick reply.

    `kind` is "postback", "web_url", "phone_number", "quick_reply", or another name of Meta's.
    """

    kind: str
    title: str
    id: str = ""  # the payload, or where it leads
    section: str = ""  # the title of the element above it


@dataclass(frozen=True, slots=True)
class Attachment:
    kind: str  # "image", "audio", "video", "file"
    file_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatMessage:
    """One message in the chat. A change makes a new value."""

    id: str
    from_page: bool
    at: int  # milliseconds since 1970, as on the wire; no two messages of a page have the same
    text: str = ""
    attachments: tuple[Attachment, ...] = ()
    template: JsonObject | None = None  # the payload of a template, as it was sent
    buttons: tuple[Choice, ...] = ()
    quick_replies: tuple[Choice, ...] = ()
    reply_to: str = ""
    reactions: tuple[tuple[str, str], ...] = ()  # ("page" or "customer", emoji)
    edits: int = 0
    tick: Tick = Tick.SENT


@dataclass(slots=True, eq=False)
class Member:
    """A person on Messenger as the platform knows them. `psid` is their id for this Page."""

    psid: str
    name: str
    online: bool = True
    blocked: bool = False
    gone: bool = False
    wrote_at: datetime | None = None
    ad_until: datetime | None = None  # the window is longer after a message by an ad
    typing_until: datetime | None = None
    messages: dict[str, ChatMessage] = field(default_factory=dict)
    undelivered: list[str] = field(default_factory=list)  # reported only after they were read
