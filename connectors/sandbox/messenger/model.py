"""Store what a phone with Messenger shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Self

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

    def snapshot(self) -> JsonObject:
        return {"kind": self.kind, "title": self.title, "id": self.id, "section": self.section}


@dataclass(frozen=True, slots=True)
class Attachment:
    kind: str  # "image", "audio", "video", "file"
    file_id: str

    def snapshot(self) -> JsonObject:
        return {"kind": self.kind, "file_id": self.file_id}


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

    def snapshot(self) -> JsonObject:
        return {
            "id": self.id,
            "from_page": self.from_page,
            "at": self.at,
            "text": self.text,
            "attachments": [each.snapshot() for each in self.attachments],
            "template": self.template,
            "buttons": [each.snapshot() for each in self.buttons],
            "quick_replies": [each.snapshot() for each in self.quick_replies],
            "reply_to": self.reply_to,
            "reactions": [list(pair) for pair in self.reactions],
            "edits": self.edits,
            "tick": self.tick.value,
        }

    @classmethod
    def restored(cls, saved: Mapping[str, object]) -> Self:
        fields: dict[str, object] = dict(saved)
        fields["attachments"] = tuple(Attachment(**each) for each in _items(saved["attachments"]))
        fields["buttons"] = tuple(Choice(**each) for each in _items(saved["buttons"]))
        fields["quick_replies"] = tuple(Choice(**each) for each in _items(saved["quick_replies"]))
        fields["reactions"] = tuple((str(pair[0]), str(pair[1])) for pair in _pairs(saved["reactions"]))
        fields["tick"] = Tick(str(saved["tick"]))
        return cls(**fields)  # type: ignore[arg-type]  # our own snapshot, by field name


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

    def snapshot(self) -> JsonObject:
        return {
            "psid": self.psid,
            "name": self.name,
            "online": self.online,
            "blocked": self.blocked,
            "gone": self.gone,
            "wrote_at": self.wrote_at.timestamp() if self.wrote_at is not None else None,
            "ad_until": self.ad_until.timestamp() if self.ad_until is not None else None,
            "messages": [message.snapshot() for message in self.messages.values()],
        }

    @classmethod
    def restored(cls, saved: Mapping[str, object]) -> Self:
        """Load a person from a snapshot. Raise KeyError, TypeError or ValueError."""
        wrote_at, ad_until, messages = saved["wrote_at"], saved.get("ad_until"), saved["messages"]
        if not isinstance(messages, list):
            raise TypeError("messages are a list")
        kept = [ChatMessage.restored(each) for each in messages]
        return cls(
            psid=str(saved["psid"]),
            name=str(saved["name"]),
            online=bool(saved["online"]),
            blocked=bool(saved["blocked"]),
            gone=bool(saved["gone"]),
            wrote_at=datetime.fromtimestamp(wrote_at, UTC) if isinstance(wrote_at, (int, float)) else None,
            ad_until=datetime.fromtimestamp(ad_until, UTC) if isinstance(ad_until, (int, float)) else None,
            messages={message.id: message for message in kept},
        )


def _items(value: object) -> list[dict[str, str]]:
    return value if isinstance(value, list) else []


def _pairs(value: object) -> list[Sequence[object]]:
    return value if isinstance(value, list) else []
