"""Store what a phone shows: messages with their ticks, and what can be tapped."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

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
