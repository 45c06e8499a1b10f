"""Take back what staff wrote: deleted, or with a reaction, before it has left or after."""

from bot.core.connector import MODEST
from bot.core.conversation import Message, MessageState, Role
from bot.core.effects import AddMessage, ChangeMessage, Drop, Retract, SettleOffer
from bot.core.events import Deleted, Event
from bot.core.ids import MessageId
from bot.core.outbound import Mark, Post
from bot.turns import albums, window
from bot.turns.staff_log import LEFT, known_entry, private_part, waits
from bot.turns.turn import Turn
from bot.turns.undo import withdraw

TAKE_BACK = "👎"


def hear_deletion(turn: Turn, event: Event, deletion: Deleted) -> None:
    message = known_entry(turn, deletion.message)
    if message is None:
        # The deletion came before the message: remember it, so that the message never leaves.
        gone = Message(
            id=MessageId(turn.rules.new_id()),
            role=Role.STAFF,
            sender=event.sender.external_id,
            text="",
            state=MessageState.WITHDRAWN,
            at=turn.now,
            ref=deletion.message,
            room=turn.here.id if turn.here else None,
        )
        turn.add(AddMessage(gone))
        return
    if (note := private_part(turn, message)) is not None:
        turn.add(ChangeMessage(note.id, state=MessageState.DELETED))
    _take_back_album(turn, event, message)
    if waits(turn, message):
        stop(turn, message)
    elif message.state in LEFT:
        _retract(turn, message)
    else:
        turn.add(ChangeMessage(message.id, state=MessageState.DELETED))
    turn.mark_line(message, Mark.WITHDRAWN)
    turn.explain(f"person {message.sender}", f"deleted a message that was {message.state}")


def stop(turn: Turn, message: Message, said: str = window.TAKEN_BACK) -> None:
    """Take back a message of which nothing has left. `said` replaces the buttons where staff had a choice."""
    match message.state:
        case MessageState.PARKED:
            window.never_send(turn, message, said)
        case MessageState.RELEASED:
            turn.add(Drop(message.id, unsent=True))
        case MessageState.FAILED:
            turn.add(Drop(message.id))
            turn.add(SettleOffer(message.id, Post(said)))
        case _:
            pass
    withdraw(turn, message)


def _retract(turn: Turn, message: Message) -> None:
    """Retract a message that has left: delete it where the customer reads it, or ask them to disregard it.

    A part that has not left, such as a file, never leaves.
    """
    turn.add(ChangeMessage(message.id, state=MessageState.DELETED))
    turn.add(Drop(message.id))
    if message.state is MessageState.FAILED:
        turn.add(SettleOffer(message.id, Post("↩️ Taken back. It will not be sent again.")))
    if turn.capabilities.erases:
        turn.add(Retract(message.id))
    else:
        turn.say(turn.texts.disregard, sender=message.sender, automatic=False, ahead=True)


def deletions_are_told(turn: Turn) -> bool:
    """Return whether the room's channel reports deleted messages."""
    room = turn.here
    return room is None or turn.rules.capabilities.get(room.place.account, MODEST).hears_deletions


def take_back(turn: Turn, event: Event, own: Message, *, here: bool) -> None:
    """Take back a message at its author's wish.

    `here`: it was written in this room, where it may be deleted.
    """
    _take_back_album(turn, event, own)
    if waits(turn, own):
        stop(turn, own)
        turn.mark(own, Mark.WITHDRAWN)
        turn.explain(f"person {own.sender}", "took their words back")
    elif own.state in LEFT and here and deletions_are_told(turn):
        turn.whisper(event.sender.external_id, "This has left already: delete it to take it back.")
    elif own.state in LEFT:
        _retract(turn, own)
        turn.mark(own, Mark.WITHDRAWN)
        turn.explain(f"person {own.sender}", "took back what had left")


def _take_back_album(turn: Turn, event: Event, own: Message) -> None:
    """Take back the rest of the album to which a message belongs, as far as it has not left."""
    others = [known_entry(turn, ref) for ref in albums.leave(turn, own.ref) if ref != own.ref]
    waiting = [other for other in others if other is not None and waits(turn, other)]
    for other in waiting:
        stop(turn, other)
        turn.mark(other, Mark.WITHDRAWN)
    if waiting:
        count = len(waiting)
        also = "The other one" if count == 1 else f"The other {count}"
        turn.whisper(event.sender.external_id, f"↩️ {also} of this album that had not left: taken back, too.")
