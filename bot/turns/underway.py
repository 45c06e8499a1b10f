"""Show in a new room what staff wrote in an earlier one and the customer does not have yet."""

from bot.core.conversation import Message, MessageState, Role
from bot.core.effects import TellRoom
from bot.core.outbound import Button, Mark, Post, React, Style
from bot.turns.story import told_by_staff
from bot.turns.turn import Turn

SEND_AGAIN = "send_again"
_MARKS = {
    MessageState.HELD: Mark.WAITING,
    MessageState.RELEASED: Mark.WAITING,
    MessageState.PARKED: Mark.WAITING,
    MessageState.FAILED: Mark.FAILED,
}


def underway(turn: Turn) -> list[Message]:
    """Return the staff messages that have not arrived, in the order of the log."""
    return [m for m in turn.messages.values() if m.role is Role.STAFF and m.state in _MARKS]


def show_underway(turn: Turn) -> None:
    """Show each staff message that has not arrived on a line of its own, whose mark follows its state."""
    room = turn.open_room
    assert room is not None  # noqa: S101  the caller opened it
    for message in underway(turn):
        turn.tell_room(Post(told_by_staff(turn.author(message), message)), message.id)
        turn.add(TellRoom(room.id, React("", _MARKS[message.state]), message.id))
        if message.state is MessageState.FAILED:
            turn.offer(Post("❌ This could not be delivered.", buttons=(again(message),)), message.id)


def again(message: Message) -> Button:
    """Return the button that sends a failed message again."""
    return Button(SEND_AGAIN, str(message.id), "Send again", Style.PRIMARY)
