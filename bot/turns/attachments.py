"""Files that are fetched while a message goes its way: each is passed on when it is there."""

from collections.abc import Iterable

from bot.core.conversation import Message, MessageState, Role
from bot.core.events import Attachment
from bot.turns.quoting import inert, without_code

_SHOWN = 10  # files of the story which a new room is given


def at_hand(message: Message) -> tuple[Attachment, ...]:
    """What can be sent now: facts, and files that are in the store."""
    return tuple(a for a in message.attachments if a.file or not a.is_file)


def awaited(message: Message) -> tuple[Attachment, ...]:
    """What is still being fetched, or could not be."""
    return tuple(a for a in message.attachments if a.is_file and not a.file)


def pending(message: Message) -> bool:
    """Return whether a file of the message is still being fetched."""
    return any(not attachment.failure for attachment in awaited(message))


def nothing_leaves(message: Message) -> bool:
    """Return whether a message has no words, and none of its files can be had."""
    return not (message.text or at_hand(message) or pending(message))


def same_files(before: tuple[Attachment, ...], after: tuple[Attachment, ...]) -> bool:
    """Return whether an edit leaves the attachments of a message as they were."""
    return [(a.kind, a.ref) for a in before] == [(a.kind, a.ref) for a in after]


def as_edited(before: tuple[Attachment, ...], after: tuple[Attachment, ...]) -> tuple[Attachment, ...]:
    """Return what an edit makes of a message's attachments: what is in the store is not fetched again."""
    stored = {(a.kind, a.ref): a for a in before if a.file}
    return tuple(stored.get((a.kind, a.ref), a) for a in after)


def not_fetched(attachment: Attachment, reason: str) -> str:
    """Return what staff are told of a file that cannot be had."""
    name = inert(attachment.name or attachment.kind.value)
    return f"📄 **{name}** could not be fetched: {inert(without_code(reason))}."


def lost_of_the_story(messages: Iterable[Message]) -> list[str]:
    """Return what is told of the newest files that were sent where the customer is and cannot be had."""
    lost = [
        not_fetched(attachment, attachment.failure)
        for message in messages
        if message.room is None and message.state is not MessageState.DELETED
        for attachment in message.attachments
        if attachment.failure
    ]
    return lost[-_SHOWN:]


def _is_copy(message: Message) -> bool:
    """Return whether its file is one of ours, which says what the story says."""
    return message.role is Role.SYSTEM and message.state is not MessageState.NOTE


def of_the_story(messages: Iterable[Message]) -> tuple[Attachment, ...]:
    """Return the newest files that were sent where the customer is, for people who take over."""
    files = [
        attachment
        for message in messages
        if message.room is None and message.state is not MessageState.DELETED
        for attachment in message.attachments
        if attachment.file and not _is_copy(message)
    ]
    return tuple(files[-_SHOWN:])
