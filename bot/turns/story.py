"""The conversation told again: to an answerer, to the people who take over."""

from collections.abc import Callable, Iterable

from bot.core.answering import Line
from bot.core.conversation import Message, MessageState, Role
from bot.core.events import Attachment, AttachmentKind
from bot.turns.quoting import cited, inert, quoted
from orgs.routing import find_agent, find_person
from orgs.specification.organization import Organization

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


def named(attachment: Attachment) -> str:
    icon = _ICONS[attachment.kind]
    match attachment.kind:
        case AttachmentKind.LOCATION:
            return f"{icon} {attachment.name} {attachment.ref.removeprefix('geo:')}".replace("  ", " ")
        case AttachmentKind.CONTACT:
            return f"{icon} {attachment.name} {attachment.ref.removeprefix('tel:')}"
        case _:
            return f"{icon} {attachment.name or attachment.kind.value}"


def told_by_customer(name: str, text: str, aside: str = "") -> str:
    """Return a line of the room in which a customer speaks. `name` is CommonMark, `text` as they typed it."""
    return f"🗣 **{name}**{aside}" + (f"\n\n{quoted(text)}" if text.strip() else "")


def name_of(organization: Organization, person: str | None) -> str:
    found = find_person(organization, person) if person else None
    return found.name if found else "a colleague"


def author_of(organization: Organization, message: Message) -> str:
    """Return how the staff know an agent or a colleague who wrote a message."""
    if message.role is Role.AGENT:
        agent = find_agent(organization, message.sender)
        return agent.title if agent else message.sender
    return name_of(organization, message.sender)


def transcript(messages: Iterable[Message], customer: str, name: Callable[[Message], str]) -> str:
    """For the room: who said what, in Markdown, oldest first. `name`: of agents and staff.

    Whoever speaks, their words are in a quote: outside of it stands only who it was.
    """
    told = []
    for message in seen_by_customer(messages):
        match message.role:
            case Role.CUSTOMER:
                told.append(told_by_customer(customer, words(message)))
                continue
            case Role.AGENT:
                who = f"🤖 **{inert(name(message))}**"
            case Role.STAFF:
                who = f"🧑 **{inert(name(message))}**"
            case Role.SYSTEM:
                who = "⚙️ **Desk**"
        told.append(f"{who}\n\n{cited(words(message))}")
    return "\n\n".join(told) or "_Nothing has been said yet._"


def snapshot(messages: Iterable[Message]) -> str:
    """The story as an escalation's step keeps it."""
    return "\n".join(f"{SPEAKERS[m.role]}: {words(m)}" for m in list(messages)[-_SNAPSHOT:])
