"""Let messages leave after their undo time, in the order in which they were written."""

from datetime import datetime

from bot.core.conversation import Message, MessageState, Role
from bot.core.effects import ChangeMessage, ClearTimers, Deliver, Drop, SetTimer
from bot.core.outbound import Mark, Post
from bot.turns.attachments import at_hand, nothing_leaves
from bot.turns.escalating import ANSWER_DUE
from bot.turns.turn import LOOK_AGAIN, RELEASE, Turn
from bot.turns.waiting import answered


def release(turn: Turn) -> None:
    """Send the waiting messages whose undo time is over.

    Messages behind one that still waits, or behind a file that is still being fetched, keep waiting.
    """
    blocked_until: datetime | None = None
    for message in list(turn.messages.values()):
        if message.state is not MessageState.HELD:
            if blocked_until is None and turn.awaits_files(message):
                blocked_until = turn.now + LOOK_AGAIN
            continue
        timer = turn.timers.get((RELEASE, str(message.id)))
        if blocked_until is None and timer is not None and timer.due_at > turn.now:
            blocked_until = timer.due_at
        if blocked_until is None and _waits_for_words_of_people(turn, message):
            blocked_until = turn.now + LOOK_AGAIN
        if blocked_until is None:
            _send(turn, message)
            if turn.awaits_files(turn.messages[message.id]):
                blocked_until = turn.now + LOOK_AGAIN
        elif timer is None:
            turn.add(SetTimer(RELEASE, str(message.id), blocked_until))


def _waits_for_words_of_people(turn: Turn, message: Message) -> bool:
    """Return whether automatic words may be said once a person's, which are leaving, have got us the chat."""
    if message.role is Role.STAFF or not turn.another_app_answers:
        return False
    return any(map(turn.is_leaving, turn.messages.values()))


def _send(turn: Turn, message: Message) -> None:
    staff = message.role is Role.STAFF
    if not staff and turn.another_app_answers:
        withdraw(turn, message)
        turn.explain("desk", "took back what waited: another app is answering there")
        return
    turn.add(ChangeMessage(message.id, state=MessageState.RELEASED))
    turn.add(ClearTimers(RELEASE, str(message.id)))
    message = turn.messages[message.id]
    ready = at_hand(message)
    if message.text or ready:  # files that are still being fetched follow when they are there
        post = Post(
            message.text,
            attachments=ready,
            speaker=turn.speaker(message.role, message.sender),
            discloses="" if staff else turn.disclosure,
        )
        turn.add(Deliver(message.id, post, report=staff))
    elif nothing_leaves(message):
        turn.add(ChangeMessage(message.id, state=MessageState.FAILED))
        turn.mark(message, Mark.FAILED)
    if staff:
        turn.add(ClearTimers(ANSWER_DUE))
        answered(turn)
        turn.explain(f"person {message.sender}", "their words left after the undo")


def withdraw(turn: Turn, message: Message) -> None:
    """Take back a message that has not left yet."""
    turn.add(ChangeMessage(message.id, state=MessageState.WITHDRAWN))
    turn.add(ClearTimers(RELEASE, str(message.id)))


def withdraw_unsent(turn: Turn) -> list[Message]:
    """Take back automatic messages that are to leave now, and of which nothing has begun to leave.

    Return them.
    """
    unsent = []
    for message in list(turn.messages.values()):
        automatic = message.role in (Role.AGENT, Role.SYSTEM)
        if automatic and message.state is MessageState.RELEASED and message.id in turn.view.unsent:
            turn.add(Drop(message.id, unsent=True))
            withdraw(turn, message)
            if message.role is Role.AGENT:
                turn.remember(awaiting_option=False, options=())  # nobody has read what could be chosen
            turn.explain("desk", "took back what had not begun to leave")
            unsent.append(message)
    return unsent
