"""Tell the story of a conversation: to an answerer, to the people who take over, to the customer."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from bot.core.answering import StoryLine
from bot.core.conversation import Message, MessageState, Role
from bot.core.events import QUOTE, Attachment, AttachmentKind
from bot.core.ids import MessageId
from bot.core.lines import visible
from bot.core.outbound import Speaker
from bot.turns.escaping import cited, excerpt, inert, quoted, shortened, typed
from orgs.answering.courtesy import signs
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
    """Return what the customer wrote and was told, without what stayed inside or did not arrive."""
    return [message for message in told_to_staff(messages) if message.state is not MessageState.FAILED]


def told_to_staff(messages: Iterable[Message]) -> list[Message]:
    """Return what the customer wrote and was told, and what could not be delivered, as staff must know it."""
    hidden = (*_GONE, MessageState.NOTE, MessageState.HELD, MessageState.PARKED)
    return [message for message in messages if message.state not in hidden]


def lines(messages: Iterable[Message]) -> tuple[StoryLine, ...]:
    """Return the story for an answerer: only what both sides have seen."""
    known = {message.id: message for message in messages}
    seen = seen_by_customer(known.values())
    return tuple(StoryLine(SPEAKERS[m.role], m.text, reference_for_agent(m, known)) for m in seen)


def words(message: Message) -> str:
    """Return the message as one Markdown text: its text, what came with it, its attachments by name."""
    return "\n".join(filter(None, [message.text, *_brought(message)]))


def said(message: Message) -> str:
    """Return our message as the customer reads it, with the disclosure above it if it has one."""
    return "\n\n".join(filter(None, [message.reference.disclosed, message.text]))


def whole(message: Message) -> str:
    """Return our message as the customer reads it, with the names of its attachments."""
    return words(replace(message, text=said(message)))


def spoken(message: Message) -> str:
    """Return the text of a message, without anything that describes it. A sticker says its emoji."""
    return message.text or stuck(message.attachments)


def stuck(attachments: Iterable[Attachment]) -> str:
    """Return the emoji of stickers. The name of a sticker's file is no word of anybody."""
    names = (a.name for a in attachments if a.kind is AttachmentKind.STICKER)
    return " ".join(name for name in names if name and signs(name) is not None)


def wordless(message: Message) -> tuple[AttachmentKind | None, ...]:
    """Return the kinds of what a message without text brings. None stands for neither a file nor a fact."""
    if spoken(message).strip():
        return ()
    kinds = [a.kind for a in message.attachments if a.kind is not AttachmentKind.ORIGINAL]
    return tuple(kinds) or ((None,) if message.reference.described else ())


def _brought(message: Message) -> list[str]:
    told = (named(a) for a in message.attachments if a.kind is not AttachmentKind.ORIGINAL)
    return [*filter(None, [message.reference.described]), *told]


def named(attachment: Attachment) -> str:
    icon = _ICONS[attachment.kind]
    match attachment.kind:
        case AttachmentKind.LOCATION:
            return f"{icon} {attachment.name} {attachment.ref.removeprefix('geo:')}".replace("  ", " ")
        case AttachmentKind.CONTACT:
            return f"{icon} {attachment.name} {attachment.ref.removeprefix('tel:')}"
        case _:
            return f"{icon} {attachment.name or attachment.kind.value}"


def reference_for_staff(message: Message, known: Mapping[MessageId, Message]) -> str:
    """Return CommonMark that says what a message answers, whether it was forwarded, and that it was cut."""
    told, parts = message.reference, []
    if answered := _answered(message, known):
        whose = f"{inert(told.author)}: " if told.author else ""
        parts.append(f" ↩️ to {whose}“{excerpt(answered)}”")
    elif thing := _thing_answered(message):
        parts.append(f" ↩️ to {inert(thing)}")
    if told.forwarded:
        often = " many times" if told.often else ""
        parts.append(f" ↪️ forwarded{often}" + (f" from {inert(told.origin)}" if told.origin else ""))
    if told.shortened:
        parts.append(" ✂️ _quote or signature left out_")
    return "".join(parts)


def reference_for_agent(message: Message, known: Mapping[MessageId, Message]) -> str:
    """Return as plain text what a message answers, whether it was forwarded, and what came with it."""
    told, parts = message.reference, []
    if answered := _answered(message, known):
        whose = f"{told.author}: " if told.author else ""
        parts.append(f"in reply to {whose}“{shortened(answered, QUOTE)}”")
    elif thing := _thing_answered(message):
        parts.append(f"in reply to {thing}")
    if told.forwarded:
        parts.append(f"forwarded from {told.origin}" if told.origin else "forwarded")
    if brought := _brought(message):
        parts.append("with " + ", ".join(brought))
    if told.stopped:
        parts.append("stopped midway by the customer")
    return "; ".join(parts)


def _answered(message: Message, known: Mapping[MessageId, Message]) -> str:
    """Return the text that a message answers: as the channel shows it, else as the log has it."""
    answered = known.get(message.reply_to) if message.reply_to else None
    return message.reference.quote or (words(answered) if answered is not None else "")


def _thing_answered(message: Message) -> str:
    """Return what a message answers when that has no text, such as a photo or a story."""
    kind, author = message.reference.kind, message.reference.author
    article = "an" if kind[:1] in ("a", "e", "i", "o", "u") else "a"
    thing = f"{article} {kind}" if kind else "a message" if author else ""
    return f"{thing} from {author}" if author else thing


def told_by_customer(name: str, text: str, aside: str = "") -> str:
    """Return a line of the room with a customer's words. `name` is CommonMark, `text` as they typed it."""
    return f"🗣 **{name}**{aside}" + (f"\n\n{quoted(text)}" if text.strip() else "")


def told_by_staff(name: str, message: Message, aside: str = "") -> str:
    """Return a line of the room with what a colleague wrote to the customer. `name` is plain text."""
    return f"🧑 **{inert(name)}**{aside}\n\n{cited(words(message))}"


def told_by_stranger(name: str, customer: str, text: str, aside: str = "") -> str:
    """Return a line of the room with a stranger's words. Both names are CommonMark, `text` as typed."""
    return f"⚠️ {name}, who is not {customer}, answered in this thread{aside}:\n\n{quoted(text)}"


def told_of_stranger(
    message: Message, customer: str, address: str, known: Mapping[MessageId, Message]
) -> str:
    """Return a line of the room with what a stranger wrote earlier. `customer` is CommonMark."""
    told = message.reference
    name = other_writer(told.writer, told.address, address) or inert(message.sender)
    return told_by_stranger(name, customer, words(message), reference_for_staff(message, known))


def is_stranger(message: Message) -> bool:
    """Return whether a stranger wrote the message: a note to staff, in the customer's thread."""
    return message.role is Role.SYSTEM and message.state is MessageState.NOTE and bool(message.ref)


def other_writer(name: str, address: str, customer: str) -> str:
    """Return CommonMark of who wrote where several people share a thread; "" if it was the customer.

    Two of one name are told apart.
    """
    if not is_another(address, customer):
        return ""
    return inert(address if name in ("", address) else f"{name} ({address})")


def is_another(address: str, customer: str) -> bool:
    """Return whether somebody else than the customer wrote. Both addresses are as in `Sender.address`.

    After a blank follows the name of the customer's workspace, which may become known only later; it is not
    compared.
    """
    return bool(address and customer) and address.partition(" ")[0] != customer.partition(" ")[0]


def name_of(organization: Organization, person: str | None) -> str:
    found = find_person(organization, person) if person else None
    return found.name if found else "a colleague"


def author_of(organization: Organization, message: Message) -> str:
    """Return the name by which staff know the agent or colleague who wrote a message.

    Some colleagues write in the customer's chat and are not named in the organization file.
    """
    if message.role is Role.AGENT:
        agent = find_agent(organization, message.sender)
        return agent.title if agent else message.sender
    known = find_person(organization, message.sender)
    return known.name if known else message.reference.writer or name_of(organization, None)


def transcript(
    messages: Iterable[Message], customer: str, address: str, name: Callable[[Message], str]
) -> str:
    """Return who said what, in Markdown for a room, oldest first. `name` returns names of agents and staff.

    `customer` is the name, as CommonMark, of whoever has the `address`. Everybody's words are in a quote:
    outside of it stands only who it was.
    """
    told = []
    known = {message.id: message for message in messages}
    for message in told_to_staff(known.values()):
        lost = " ❌ _not delivered_" if message.state is MessageState.FAILED else ""
        match message.role:
            case Role.CUSTOMER:
                about = reference_for_staff(message, known)
                writer = other_writer(message.reference.writer, message.reference.address, address)
                told.append(told_by_customer(writer or customer, words(message), about))
                continue
            case Role.AGENT:
                stopped = " ✋ _stopped midway by the customer_" if message.reference.stopped else ""
                who = f"🤖 **{inert(name(message))}**{stopped}"
            case Role.STAFF:
                told.append(told_by_staff(name(message), message, lost))
                continue
            case Role.SYSTEM:
                who = "⚙️ **Desk**"
        told.append(f"{who}{lost}\n\n{cited(whole(message))}")
    return "\n\n".join(told) or "_Nothing has been said yet._"


def told_to_customer(
    messages: Iterable[Message], customer: str, speaker: Callable[[Role, str], Speaker]
) -> str:
    """Return what both sides wrote, as CommonMark for the customer. `speaker` returns who signs ours.

    The desk's own messages are left out: handoffs, codes and hours are no part of the matter.
    """
    told = []
    for message in messages:
        if message.role is Role.CUSTOMER:
            writer = inert(message.reference.writer or customer)
            told.append(f"**{writer}**\n\n{quoted(words(message))}")
        elif message.role is not Role.SYSTEM:
            signed = speaker(message.role, message.sender).name
            told.append(f"**{inert(signed)}**\n\n{cited(whole(message))}")
    return "\n\n".join(told)


def snapshot(messages: Iterable[Message]) -> str:
    """Return the story as an escalation's step stores it: text in which each line of a message is marked."""
    told = []
    for message in list(messages)[-_SNAPSHOT:]:
        lines = visible(typed(words(message))).split("\n")
        told += [f"{SPEAKERS[message.role]}:", *(f"> {line}".rstrip() for line in lines)]
    return "\n".join(told)
