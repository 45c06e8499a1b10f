"""Handle the files of messages. A file is fetched outside of turns, and passed on when it is stored."""

from collections.abc import Iterable

from bot.core.conversation import Message, MessageState, Role
from bot.core.events import Attachment
from bot.turns.escaping import inert, without_code

_SHOWN = 10  # files of the story that are shown in a new room


def at_hand(message: Message) -> tuple[Attachment, ...]:
    """Return the attachments that can be sent now: facts such as a location, and files in the store."""
    return tuple(a for a in message.attachments if a.file or not a.is_file)


def awaited(message: Message) -> tuple[Attachment, ...]:
    """Return the files that are still being fetched, or could not be fetched."""
    return tuple(a for a in message.attachments if a.is_file and not a.file)


def pending(message: Message) -> bool:
    """Return whether a file of the message is still being fetched."""
    return any(not attachment.failure for attachment in awaited(message))


def nothing_leaves(message: Message) -> bool:
    """Return whether nothing of a message can be sent: it has no text, and its files cannot be fetched."""
    return not (message.text or at_hand(message) or pending(message))


def same_files(before: tuple[Attachment, ...], after: tuple[Attachment, ...]) -> bool:
    """Return whether an edit leaves the attachments of a message as they were."""
    return [(a.kind, a.ref) for a in before] == [(a.kind, a.ref) for a in after]


def as_edited(before: tuple[Attachment, ...], after: tuple[Attachment, ...]) -> tuple[Attachment, ...]:
    """Return the attachments of a message after an edit. Files in the store are not fetched again."""
    stored = {(a.kind, a.ref): a for a in before if a.file}
    return tuple(stored.get((a.kind, a.ref), a) for a in after)


def not_fetched(attachment: Attachment, reason: str) -> str:
    """Return the line that tells staff that a file could not be fetched."""
    name = inert(attachment.name or attachment.kind.value)
    return f"📄 **{name}** could not be fetched: {inert(without_code(reason))}."


def lost_of_the_story(messages: Iterable[Message]) -> list[str]:
    """Return the lines about the newest files of the customer's chat that could not be fetched."""
    lost = [
        not_fetched(attachment, attachment.failure)
        for message in messages
        if message.room is None and message.state is not MessageState.DELETED
        for attachment in message.attachments
        if attachment.failure
    ]
    return lost[-_SHOWN:]


def is_made_by_us(message: Message) -> bool:
    """Return whether we made the files of a message: they repeat the story, such as a copy of it."""
    return message.role in (Role.SYSTEM, Role.AGENT) and message.state is not MessageState.NOTE


def of_the_story(messages: Iterable[Message]) -> tuple[Attachment, ...]:
    """Return the newest stored files of the customer's chat, for people who take over."""
    files = [
        attachment
        for message in messages
        if message.room is None and message.state is not MessageState.DELETED
        for attachment in message.attachments
        if attachment.file and not is_made_by_us(message)
    ]
    return tuple(files[-_SHOWN:])
