"""End a conversation of an organization that was retired, and tell staff in its room."""

from bot.core.conversation import EscalationState, MessageState, OwnerKind, Status
from bot.core.effects import AddStep, ChangeMessage, ClearTimers, CloseRoom, Move, SettleOffer
from bot.core.outbound import Mark, Post
from bot.turns.ownership import Cause
from bot.turns.turn import Turn


def hear(turn: Turn) -> None:
    """End the conversation. The customer is told nothing, as nothing can be sent any more."""
    turn.asking.clear()
    for message in list(turn.messages.values()):
        if message.state in (MessageState.HELD, MessageState.PARKED):
            turn.add(ChangeMessage(message.id, state=MessageState.WITHDRAWN))
            turn.add(SettleOffer(message.id, Post("🚫 Not sent.")))
            turn.mark(message, Mark.WITHDRAWN)
    for kind in {kind for kind, _ in turn.timers}:
        turn.add(ClearTimers(kind))
    escalation = turn.escalation
    if escalation is None:
        turn.status = Status.RESOLVED
        turn.add(Move(turn.owner, Status.RESOLVED))
    else:
        name = turn.organization.name
        turn.tell_room(
            Post(
                f"🚫 {name} was retired: {turn.customer_name} gets no answer any more. This thread is closed."
            )
        )
        turn.change_escalation(state=EscalationState.RESOLVED, deadline=None)
        turn.add(AddStep(escalation.id, escalation.holder or escalation.team, escalation.agent, "retired"))
        if turn.owner.kind in (OwnerKind.QUEUE, OwnerKind.PERSON):
            turn.give(Cause.RESOLVED, escalation.agent, Status.RESOLVED)
        turn.show_card()
        if (room := turn.open_room) is not None:
            turn.add(CloseRoom(room.id))
        turn.audit("desk", "escalation.retired", escalation=str(escalation.id))
        turn.escalation = None
    turn.explain("organization", "it was retired")
