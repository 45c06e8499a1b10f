"""Decide what happens when fetching a file has ended: pass the file on, or say why that is impossible."""

from bot.core.conversation import FileReport, Message, MessageState, Role
from bot.core.effects import ChangeMessage, Deliver
from bot.core.events import Attachment
from bot.core.outbound import Mark, Post
from bot.turns import bursts, thread_control
from bot.turns.attachments import is_made_by_us, not_fetched, nothing_leaves
from bot.turns.closing import reopen_for_team
from bot.turns.escalating import escalate
from bot.turns.escaping import inert, without_code
from bot.turns.turn import Turn

_ON_ITS_WAY = (
    MessageState.RELEASED,
    MessageState.PARKED,
    MessageState.SENT,
    MessageState.DELIVERED,
    MessageState.READ,
)


def hear(turn: Turn, report: FileReport) -> None:
    """Pass a fetched file on, or say why that is impossible."""
    message = turn.messages.get(report.message)
    if message is None or report.position >= len(message.attachments):
        return
    if message.state in (MessageState.DELETED, MessageState.WITHDRAWN):
        turn.explain("files", "of a message that is gone: passed on to nobody")
        return
    if (message.id, report.position) in turn.memory.unwanted:
        turn.explain("files", "replaced by its author before it was here: passed on to nobody")
        return
    attachment = message.attachments[report.position]
    stored = report.outcome == "stored" and bool(attachment.file)
    if is_made_by_us(message):
        _made_by_us(turn, message, attachment, stored=stored)
        return
    if message.room is None and bursts.show_file(turn, message, report.position, stored=stored):
        turn.explain("files", "of a burst: shown with the others")
        return
    if not stored:
        turn.explain("files", f"{report.outcome}: {report.reason}")
        name = inert(attachment.name or attachment.kind.value)
        if message.room is not None and message.state is not MessageState.NOTE:
            _stays_behind(turn, message, name, inert(without_code(report.reason)))
        else:
            turn.tell_room(Post(not_fetched(attachment, report.reason)), message.id)
        return
    turn.explain("files", "an attachment is in the store")
    if message.room is None:  # it came from the customer's chat, whoever wrote it
        turn.tell_room(Post("", attachments=(attachment,)), message.id)
    elif message.role is Role.STAFF and message.state in (*_ON_ITS_WAY, MessageState.FAILED):
        post = Post("", attachments=(attachment,), speaker=turn.speaker(message.role, message.sender))
        turn.add(Deliver(message.id, post, report=True))


def _made_by_us(turn: Turn, message: Message, attachment: Attachment, *, stored: bool) -> None:
    """Send a file of ours that was announced to the customer. If it could not be made, escalate to people."""
    if stored and turn.another_app_answers:
        turn.add(ChangeMessage(message.id, state=MessageState.FAILED))
        turn.keep(*thread_control.answered_by(turn, [message]))
        turn.explain("files", "a file of ours stays here: another app is answering there")
    elif stored:
        post = Post("", attachments=(attachment,), speaker=turn.speaker(message.role, message.sender))
        turn.add(Deliver(message.id, post))
        turn.explain("files", "a file of ours is in the store: sent")
    else:
        name = attachment.name
        reason = f"{name} was announced to the customer, and could not be made: send it by hand."
        escalate(turn, reason=reason, why="a file of ours could not be made", quiet=True)


def _stays_behind(turn: Turn, message: Message, name: str, reason: str) -> None:
    """Tell the room that a file of the holder cannot reach the customer. The text beside it can."""
    told = f"**{name}** could not be sent to {turn.customer_name}: {reason}."
    if message.state is MessageState.RELEASED and nothing_leaves(message):
        turn.add(ChangeMessage(message.id, state=MessageState.FAILED))
    if message.state in _ON_ITS_WAY and message.state is not MessageState.PARKED:
        turn.mark(message, Mark.FAILED)
    if turn.escalation is not None:
        turn.tell_room(Post(f"❌ {told} Send another file, or a link to it."), message.id)
    else:
        reopen_for_team(turn, told)
