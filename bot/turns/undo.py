"""Let messages leave after their undo time, in the order in which they were written."""

from datetime import datetime
from itertools import takewhile

from bot.core.conversation import Message, MessageState, Role
from bot.core.effects import ChangeMessage, ClearTimers, Deliver, SetTimer
from bot.core.outbound import Mark, Post
from bot.turns.attachments import at_hand, nothing_leaves
from bot.turns.draft import LOOK_AGAIN, RELEASE, Draft
from bot.turns.escalating import ANSWER_DUE
from bot.turns.story import said
from bot.turns.waiting import answered


def release(draft: Draft) -> None:
    """Send the waiting messages whose undo time is over.

    Messages behind one that still waits, or behind a file that is still being fetched, keep waiting.
    """
    blocked_until: datetime | None = None
    for message in list(draft.messages.values()):
        if message.state is not MessageState.HELD:
            if blocked_until is None and draft.awaits_files(message):
                blocked_until = draft.now + LOOK_AGAIN
            continue
        timer = draft.timers.get((RELEASE, str(message.id)))
        if blocked_until is None and timer is not None and timer.due_at > draft.now:
            blocked_until = timer.due_at
        if blocked_until is None:
            _send(draft, message)
            if draft.awaits_files(draft.messages[message.id]):
                blocked_until = draft.now + LOOK_AGAIN
        elif timer is None:
            draft.add(SetTimer(RELEASE, str(message.id), blocked_until))


def _send(draft: Draft, message: Message) -> None:
    staff = message.role is Role.STAFF
    before = takewhile(lambda m: m.id != message.id, draft.messages.values())
    disclosed = None if staff else draft.disclosure(before)
    draft.add(ChangeMessage(message.id, state=MessageState.RELEASED, disclosed=disclosed))
    draft.add(ClearTimers(RELEASE, str(message.id)))
    message = draft.messages[message.id]
    ready = at_hand(message)
    if message.text or ready:  # files that are still being fetched follow when they are there
        post = Post(said(message), attachments=ready, speaker=draft.speaker(message.role, message.sender))
        draft.add(Deliver(message.id, post, report=staff))
    elif nothing_leaves(message):
        draft.add(ChangeMessage(message.id, state=MessageState.FAILED))
        draft.mark(message, Mark.FAILED)
    if staff:
        draft.given_control(ours=True, at=draft.now)
        draft.add(ClearTimers(ANSWER_DUE))
        answered(draft)
        draft.because(f"person {message.sender}", "their words left after the undo")


def withdraw(draft: Draft, message: Message) -> None:
    """Take back a message that has not left yet."""
    draft.add(ChangeMessage(message.id, state=MessageState.WITHDRAWN))
    draft.add(ClearTimers(RELEASE, str(message.id)))
