"""What became of deliveries, turned into decisions. A failure never ends in silence."""

from bot.core.conversation import DeliveryReport, Message, MessageState, OwnerKind, Role
from bot.core.effects import ChangeMessage
from bot.core.outbound import Button, Mark, Post, Style
from bot.turns.draft import Draft
from bot.turns.escalating import call_next, escalate
from bot.turns.staff import SEND_AGAIN


def hear(draft: Draft, report: DeliveryReport) -> None:
    """One fate."""
    if report.message is None:
        if report.outcome != "delivered":
            _room_failed(draft, report)
        return
    message = draft.messages.get(report.message)
    if report.unreachable:
        draft.remember(unreachable=True)
    if message is None:
        draft.because("delivery", f"{report.outcome} of a message older than the story: {report.reason}")
    elif report.outcome == "delivered":
        _delivered(draft, message)
    else:
        _failed(draft, message, report)


def _delivered(draft: Draft, message: Message) -> None:
    if message.state in (MessageState.RELEASED, MessageState.FAILED):  # failed: an operator sent it again
        draft.add(ChangeMessage(message.id, state=MessageState.DELIVERED))
        draft.mark(message.ref, Mark.DELIVERED)
        draft.because(f"person {message.sender}", "their words were delivered")


def _failed(draft: Draft, message: Message, report: DeliveryReport) -> None:
    if message.state not in (MessageState.RELEASED, MessageState.DELIVERED):
        return
    draft.add(ChangeMessage(message.id, state=MessageState.FAILED))
    sentence = _sentence(draft, report)
    draft.because("delivery", f"{report.outcome}: {report.reason}")
    if draft.escalation is not None:
        if message.role is Role.STAFF:
            draft.mark(message.ref, Mark.FAILED)
        again = Button(SEND_AGAIN, str(message.id), "Send again", Style.PRIMARY)
        draft.tell_room(Post(f"❌ {sentence}", buttons=(again,)), message.id)
    elif not report.unreachable and draft.owner.kind is OwnerKind.AGENT:
        # Nobody would ever know otherwise. A customer who blocked us is not pursued.
        escalate(draft, reason=sentence, why=f"delivery {report.outcome}: {report.reason}")


def _sentence(draft: Draft, report: DeliveryReport) -> str:
    if report.outcome == "unknown":
        return (
            "It is not certain that the last words reached the customer: the connection broke while they"
            " were being sent, and the channel cannot be asked. Send them again only if need be."
        )
    if report.unreachable:
        return f"{draft.customer_name} cannot be reached ({report.reason}): they may have blocked us."
    return f"The last words could not be delivered to {draft.customer_name}: {report.reason}."


def _room_failed(draft: Draft, report: DeliveryReport) -> None:
    """The card could not be posted: those people will never know, so the next ones are called at once."""
    escalation = draft.escalation
    if escalation is None or escalation.room is None or escalation.room.id != report.room:
        return
    if escalation.room.place.thread:
        return  # it was a later version of the card; the thread is there
    draft.audit("desk", "room.unreachable", reason=report.reason[:200], team=escalation.team)
    draft.because("delivery", f"the room could not be opened: {report.reason}")
    call_next(
        draft, f"The channel of {escalation.team} cannot be written to ({report.reason}).", unreachable=True
    )
