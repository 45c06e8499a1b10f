"""A conversation whose customer was erased: it is closed, and staff who act in its rooms are told why."""

from bot.core.conversation import (
    CustomerErased,
    EscalationState,
    Input,
    MessageState,
    Origin,
    OwnerKind,
    Status,
)
from bot.core.effects import AddStep, ChangeMessage, ClearTimers, CloseRoom, SettleOffer, ShowCard
from bot.core.events import Edited, Event, Said, Submitted, Tapped, Unsupported
from bot.core.outbound import Mark, Post
from bot.turns.draft import Draft
from bot.turns.ownership import Cause
from orgs.routing import find_person

_ROOMS = 50  # whose cards are drawn anew: the newest
_NOT_SENT = "This customer was erased before your last words left: they were not sent."
_ERASED = "This customer was erased. Nothing written here reaches anybody."


def decide(draft: Draft) -> None:
    """Deal with every input. Nobody speaks to the customer any more, and nothing new is kept."""
    for item in draft.view.inputs:
        if isinstance(item.body, CustomerErased):
            _close(draft)
        elif item.origin is Origin.ROOM:
            _answer(draft, item)
    for kind in {timer.kind for timer in draft.view.timers}:
        draft.add(ClearTimers(kind))


def _close(draft: Draft) -> None:
    _withdraw(draft)
    escalation = draft.escalation
    if escalation is not None:
        draft.tell_room(Post(f"🗑️ {_ERASED} This thread is closed."))
        draft.change_escalation(state=EscalationState.RESOLVED, deadline=None)
        draft.add(AddStep(escalation.id, escalation.holder or escalation.team, escalation.agent, "erased"))
        if draft.owner.kind in (OwnerKind.QUEUE, OwnerKind.PERSON):
            draft.give(Cause.RESOLVED, escalation.agent, Status.RESOLVED)
        draft.audit("desk", "escalation.erased", escalation=str(escalation.id))
    for room in draft.view.rooms[-_ROOMS:]:
        draft.add(ShowCard(room.id))  # it shows what the customer wrote
        if room.open:
            draft.add(CloseRoom(room.id))
    draft.escalation = None
    draft.because("desk", "the customer was erased")


def _withdraw(draft: Draft) -> None:
    """Show whoever wrote what had not left yet that it went nowhere."""
    told = set()
    for message in list(draft.messages.values()):
        if message.state not in (MessageState.HELD, MessageState.PARKED):
            continue
        draft.add(ChangeMessage(message.id, state=MessageState.WITHDRAWN))
        draft.add(SettleOffer(message.id, Post("🚫 It is not sent.")))
        draft.mark(message, Mark.WITHDRAWN)
        draft.here = draft.rooms.get(message.room) if message.room else None
        author = find_person(draft.organization, message.sender)
        known = author.on(draft.here.place.channel) if author and draft.here else ""
        if known and (message.room, known) not in told:
            told.add((message.room, known))
            draft.whisper(known, _NOT_SENT)


def _answer(draft: Draft, item: Input) -> None:
    event = item.body
    if not isinstance(event, Event):
        return
    draft.here = draft.room_at(event.place)
    match event.content:
        case Said() | Unsupported():
            ref = event.message
        case Edited(message=ref):
            pass
        case Tapped() | Submitted():
            ref = ""
        case _:
            return
    draft.mark_here(ref, Mark.INSIDE)
    draft.whisper(event.sender.external_id, _ERASED)
    draft.because("desk", "an answer where the customer was erased")
