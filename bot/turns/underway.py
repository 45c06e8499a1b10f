"""Show in a new room what staff wrote in an earlier one and the customer does not have yet."""

from bot.core.conversation import Message, MessageState, Role
from bot.core.effects import TellRoom
from bot.core.outbound import Button, Mark, Post, React, Style
from bot.turns.draft import Draft
from bot.turns.story import told_by_staff

SEND_AGAIN = "send_again"
_MARKS = {
    MessageState.HELD: Mark.WAITING,
    MessageState.RELEASED: Mark.WAITING,
    MessageState.PARKED: Mark.WAITING,
    MessageState.FAILED: Mark.FAILED,
}


def underway(draft: Draft) -> list[Message]:
    """Return the staff messages that have not arrived, in the order of the log."""
    return [m for m in draft.messages.values() if m.role is Role.STAFF and m.state in _MARKS]


def show_underway(draft: Draft) -> None:
    """Show each staff message that has not arrived on a line of its own, whose mark follows its state."""
    room = draft.open_room
    assert room is not None  # noqa: S101  the caller opened it
    for message in underway(draft):
        draft.tell_room(Post(told_by_staff(draft.author(message), message)), message.id)
        draft.add(TellRoom(room.id, React("", _MARKS[message.state]), message.id))
        if message.state is MessageState.FAILED:
            draft.offer(Post("❌ This could not be delivered.", buttons=(again(message),)), message.id)


def again(message: Message) -> Button:
    """Return the button that sends a failed message again."""
    return Button(SEND_AGAIN, str(message.id), "Send again", Style.PRIMARY)
