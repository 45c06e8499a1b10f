"""End a conversation of an organization that was retired, and tell staff in its room."""

from bot.core.conversation import EscalationState, MessageState, OwnerKind, Status
from bot.core.effects import AddStep, ChangeMessage, ClearTimers, CloseRoom, Move, SettleOffer
from bot.core.outbound import Mark, Post
from bot.turns.draft import Draft
from bot.turns.ownership import Cause


def hear(draft: Draft) -> None:
    """End the conversation. The customer is told nothing, as nothing can be sent any more."""
    draft.asking.clear()
    for message in list(draft.messages.values()):
        if message.state in (MessageState.HELD, MessageState.PARKED):
            draft.add(ChangeMessage(message.id, state=MessageState.WITHDRAWN))
            draft.add(SettleOffer(message.id, Post("🚫 It is not sent.")))
            draft.mark(message, Mark.WITHDRAWN)
    for kind in {kind for kind, _ in draft.timers}:
        draft.add(ClearTimers(kind))
    escalation = draft.escalation
    if escalation is None:
        draft.status = Status.RESOLVED
        draft.add(Move(draft.owner, Status.RESOLVED))
    else:
        name = draft.organization.name
        draft.tell_room(
            Post(
                f"🚫 {name} was retired: {draft.customer_name} gets no answer any more. This thread is"
                " closed."
            )
        )
        draft.change_escalation(state=EscalationState.RESOLVED, deadline=None)
        draft.add(AddStep(escalation.id, escalation.holder or escalation.team, escalation.agent, "retired"))
        if draft.owner.kind in (OwnerKind.QUEUE, OwnerKind.PERSON):
            draft.give(Cause.RESOLVED, escalation.agent, Status.RESOLVED)
        draft.show_card()
        if (room := draft.open_room) is not None:
            draft.add(CloseRoom(room.id))
        draft.audit("desk", "escalation.retired", escalation=str(escalation.id))
        draft.escalation = None
    draft.because("organization", "it was retired")
