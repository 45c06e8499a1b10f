"""Files that are fetched while a message goes its way: each is passed on when it is there."""

from bot.core.conversation import Message, MessageState
from bot.core.events import Attachment
from bot.turns.draft import Draft

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


def of_the_story(draft: Draft) -> tuple[Attachment, ...]:
    """Return the newest files that were sent where the customer is, for people who take over."""
    files = [
        attachment
        for message in draft.messages.values()
        if message.room is None and message.state is not MessageState.DELETED
        for attachment in message.attachments
        if attachment.file
    ]
    return tuple(files[-_SHOWN:])
