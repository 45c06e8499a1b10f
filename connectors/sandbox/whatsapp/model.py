"""Store what a phone shows: messages with their ticks, and what can be tapped."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Self

from connectors.sandbox.meta.errors import JsonObject


class Tick(StrEnum):
    """The state of a message: one tick, two ticks, two blue ones, or the red sign.

    WAITING is the clock before the first.
    """

    WAITING = "waiting"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Choice:
    """A button or a row.

    `kind` is "reply", "row", "quick_reply" (of a template), "url", "phone" or "other".
    """

    kind: str
    title: str
    id: str = ""  # the id that a tap returns, or the target of a link
    description: str = ""
    section: str = ""

    def snapshot(self) -> JsonObject:
        return {
            "kind": self.kind,
            "title": self.title,
            "id": self.id,
            "description": self.description,
            "section": self.section,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatMessage:
    """One message in the chat. A change makes a new value."""

    id: str
    from_business: bool
    at: datetime
    kind: str  # the wire's type: "text", "image", "interactive", "template", …
    text: str = ""  # the body, or the caption
    header: str = ""
    footer: str = ""
    choices: tuple[Choice, ...] = ()
    menu: str = ""  # the label that opens a list
    file_id: str = ""
    file_name: str = ""
    content: JsonObject | None = None  # a location, or the content of another type
    contacts: tuple[JsonObject, ...] = ()
    reply_to: str = ""
    reactions: tuple[tuple[str, str], ...] = ()  # ("business" or "customer", emoji)
    tick: Tick = Tick.WAITING
    error: int = 0  # Meta's code, when it failed
    deleted: bool = False
    category: str = "service"  # for the bill: a template's category, else "service"

    def snapshot(self) -> JsonObject:
        return {
            "id": self.id,
            "from_business": self.from_business,
            "at": self.at.timestamp(),
            "kind": self.kind,
            "text": self.text,
            "header": self.header,
            "footer": self.footer,
            "choices": [choice.snapshot() for choice in self.choices],
            "menu": self.menu,
            "file_id": self.file_id,
            "file_name": self.file_name,
            "content": self.content,
            "contacts": list(self.contacts),
            "reply_to": self.reply_to,
            "reactions": [list(pair) for pair in self.reactions],
            "tick": self.tick.value,
            "error": self.error,
            "deleted": self.deleted,
            "category": self.category,
        }

    @classmethod
    def restored(cls, saved: Mapping[str, object]) -> Self:
        fields: dict[str, object] = dict(saved)
        at = saved["at"]
        if not isinstance(at, (int, float)):
            raise TypeError("at is a number of seconds")
        fields["at"] = datetime.fromtimestamp(at, UTC)
        fields["choices"] = tuple(Choice(**each) for each in _items(saved["choices"]))
        fields["contacts"] = tuple(_items(saved["contacts"]))
        fields["reactions"] = tuple((str(pair[0]), str(pair[1])) for pair in _pairs(saved["reactions"]))
        fields["tick"] = Tick(str(saved["tick"]))
        return cls(**fields)  # type: ignore[arg-type]  # our own snapshot, by field name


def _items(value: object) -> list[dict[str, str]]:
    return value if isinstance(value, list) else []


def _pairs(value: object) -> list[Sequence[object]]:
    return value if isinstance(value, list) else []
