"""The conversation told again: to an answerer, to the people who take over."""

from collections.abc import Callable, Iterable

from bot.core.answering import Line
from bot.core.conversation import Message, MessageState, Role
from bot.core.events import Attachment, AttachmentKind

SPEAKERS = {
    Role.CUSTOMER: "customer",
    Role.AGENT: "agent",
    Role.STAFF: "person",
    Role.SYSTEM: "system",
}
_GONE = (MessageState.WITHDRAWN, MessageState.DELETED)
_SNAPSHOT = 200  # messages
_ICONS = {
    AttachmentKind.PHOTO: "🖼",
    AttachmentKind.DOCUMENT: "📄",
    AttachmentKind.VOICE: "🎤",
    AttachmentKind.AUDIO: "🎵",
    AttachmentKind.VIDEO: "🎬",
    AttachmentKind.STICKER: "🏷",
    AttachmentKind.LOCATION: "📍",
    AttachmentKind.CONTACT: "👤",
    AttachmentKind.ORIGINAL: "📧",
}


def seen_by_customer(messages: Iterable[Message]) -> list[Message]:
    """What the customer wrote and was told; nothing that stayed inside."""
    hidden = (*_GONE, MessageState.NOTE, MessageState.HELD, MessageState.PARKED)
    return [message for message in messages if message.state not in hidden]


def lines(messages: Iterable[Message]) -> tuple[Line, ...]:
    """For an answerer: only what both sides have seen."""
    return tuple(Line(SPEAKERS[m.role], m.text) for m in seen_by_customer(messages))


def words(message: Message) -> str:
    """The message in one Markdown text, its attachments named."""
    told = (named(a) for a in message.attachments if a.kind is not AttachmentKind.ORIGINAL)
    return "\n".join(filter(None, [message.text, *told]))


def shortened(text: str, limit: int = 80) -> str:
    """On one line, for a sentence that only reminds of it."""
    flat = " ".join(text.split())
    return flat if len(flat) <= limit else flat[: limit - 1].rstrip() + "…"


def named(attachment: Attachment) -> str:
    icon = _ICONS[attachment.kind]
    match attachment.kind:
        case AttachmentKind.LOCATION:
            return f"{icon} {attachment.ref.removeprefix('geo:')}"
        case AttachmentKind.CONTACT:
            return f"{icon} {attachment.name} {attachment.ref.removeprefix('tel:')}"
        case _:
            return f"{icon} {attachment.name or attachment.kind.value}"


def transcript(messages: Iterable[Message], customer: str, name: Callable[[Message], str]) -> str:
    """For the room: who said what, in Markdown, oldest first. `name`: of agents and staff."""
    told = []
    for message in seen_by_customer(messages):
        match message.role:
            case Role.CUSTOMER:
                who = f"🗣 **{customer}**"
            case Role.AGENT:
                who = f"🤖 **{name(message)}**"
            case Role.STAFF:
                who = f"🧑 **{name(message)}**"
            case Role.SYSTEM:
                who = "⚙️ **Desk**"
        told.append(f"{who}  {words(message)}")
    return "\n\n".join(told) or "_Nothing has been said yet._"


def snapshot(messages: Iterable[Message]) -> str:
    """The story as an escalation's step keeps it."""
    return "\n".join(f"{SPEAKERS[m.role]}: {words(m)}" for m in list(messages)[-_SNAPSHOT:])
