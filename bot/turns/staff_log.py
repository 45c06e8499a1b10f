"""Find the log's entries for what staff wrote, and tell whether they have left."""

from bot.core.conversation import Message, MessageState, Role
from bot.turns.turn import Turn

LEFT = (  # a message in such a state has left for the customer, unless `waits` says otherwise
    MessageState.RELEASED,
    MessageState.SENT,
    MessageState.DELIVERED,
    MessageState.READ,
    MessageState.FAILED,
)


def known_entry(turn: Turn, ref: str) -> Message | None:
    """Return the log's entry for a message of staff: the newest one, where an edit began a new entry."""
    entries = _entries(turn, ref)
    own = [m for m in entries if m.state not in (MessageState.NOTE, MessageState.DELETED)]
    return own[-1] if own else next(iter(entries), None)


def waits(turn: Turn, message: Message) -> bool:
    """Return whether nothing of a message has left for the customer, and nothing is leaving now."""
    match message.state:
        case MessageState.HELD | MessageState.PARKED:
            return True
        case MessageState.RELEASED:
            return message.id in turn.view.unsent
        case MessageState.FAILED:
            return message.id not in turn.view.begun
        case _:
            return False


def shown_entry(turn: Turn, ref: str) -> Message | None:
    """Return what staff wrote in another room, by the line of this room that shows it."""
    return next((m for m in turn.in_rooms(ref) if m.role is Role.STAFF), None)


def private_part(turn: Turn, message: Message) -> Message | None:
    """Return the note with the private part of a message that also has a public part.

    It is a later entry of the log.
    """
    entries = _entries(turn, message.ref)
    return next((m for m in entries if m.id != message.id and m.state is MessageState.NOTE), None)


def _entries(turn: Turn, ref: str) -> list[Message]:
    return [m for m in turn.messages.values() if ref and m.ref == ref and m.role is Role.STAFF]
