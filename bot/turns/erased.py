"""Handle a conversation whose customer was erased.

It is closed, and what we posted about it is deleted. Staff who act in its rooms get one line as an answer.
"""

from bot.core.conversation import (
    CustomerErased,
    DeliveryReport,
    Erased,
    EscalationState,
    Input,
    MessageState,
    Origin,
    OwnerKind,
    Status,
    View,
)
from bot.core.effects import AddStep, ChangeMessage, ClearTimers, CloseRoom, DeletePosts, ShowCard
from bot.core.events import Edited, Event, Reacted, Said, Submitted, Tapped, Unsupported
from bot.core.outbound import Mark, Post
from bot.turns.draft import Draft, Rulebook
from bot.turns.ownership import Cause
from orgs.routing import find_person
from orgs.specification.organization import Organization

_NOT_SENT = "This customer was erased before your last words left: they were not sent."
_NOWHERE = "Nothing written here reaches anybody."
_STOPPED = (MessageState.HELD, MessageState.PARKED, MessageState.RELEASED)


def erased_line(organization: Organization, erased: Erased) -> str:
    """Return the one line that staff still read about the customer: erased, when, by whom."""
    person = find_person(organization, erased.by.removeprefix("person:"))
    name = person.name if person else "an operator" if erased.by else ""
    return f"This customer was erased on {erased.at:%Y-%m-%d at %H:%M} UTC" + (f" by {name}" if name else "")


def decide(draft: Draft) -> None:
    """Handle every input. Nobody speaks to the customer any more, and nothing new is stored."""
    erased = draft.view.conversation.erased
    assert erased is not None  # noqa: S101  callers look first
    line = f"{erased_line(draft.organization, erased)}. {_NOWHERE}"
    for item in draft.view.inputs:
        if isinstance(item.body, CustomerErased):
            _close(draft, line)
        elif isinstance(item.body, DeliveryReport):
            _remains(draft, item.body)
        elif item.origin is Origin.ROOM:
            _answer(draft, item, line)
    for kind in {timer.kind for timer in draft.view.timers}:
        draft.add(ClearTimers(kind))


def draft_guarded(view: View, rules: Rulebook) -> Draft:
    """Decide the same after the last try: even if the rest fails, delete what staff see."""
    draft = Draft(view, rules)
    try:
        decide(draft)
    except Exception as error:
        draft = Draft(view, rules)
        if any(isinstance(item.body, CustomerErased) for item in view.inputs):
            _delete(draft)
        draft.because("desk", f"the rest of an erasure was passed over: {type(error).__name__}")
    return draft


def _delete(draft: Draft) -> None:
    for room in draft.view.rooms:
        draft.add(ShowCard(room.id))  # it shows what the customer wrote
    draft.add(DeletePosts())  # before anything new is posted there, which is not deleted


def _close(draft: Draft, line: str) -> None:
    _delete(draft)
    _withdraw(draft)
    escalation = draft.escalation
    if escalation is not None:
        held = escalation.holder if escalation.state is EscalationState.HELD else None
        draft.tell_room(Post(f"🗑️ {line} This thread is closed.", calls=draft.known_as(held)))
        draft.change_escalation(state=EscalationState.RESOLVED, deadline=None)
        draft.add(AddStep(escalation.id, escalation.holder or escalation.team, escalation.agent, "erased"))
        if draft.owner.kind in (OwnerKind.QUEUE, OwnerKind.PERSON):
            draft.give(Cause.RESOLVED, escalation.agent, Status.RESOLVED)
        draft.audit("desk", "escalation.erased", escalation=str(escalation.id))
    for room in draft.view.rooms:
        if room.open:
            draft.add(CloseRoom(room.id))
    draft.escalation = None
    draft.because("desk", "the customer was erased")


def _withdraw(draft: Draft) -> None:
    """Withdraw the messages that had not left yet, and show their authors that they were not sent."""
    told = set()
    for message in list(draft.messages.values()):
        if message.state not in _STOPPED:
            continue
        draft.add(ChangeMessage(message.id, state=MessageState.WITHDRAWN))
        draft.mark(message, Mark.WITHDRAWN)
        draft.here = draft.rooms.get(message.room) if message.room else None
        author = find_person(draft.organization, message.sender)
        known = author.on(draft.here.place.channel) if author and draft.here else ""
        if known and (message.room, known) not in told:
            told.add((message.room, known))
            draft.whisper(known, _NOT_SENT)


def _remains(draft: Draft, report: DeliveryReport) -> None:
    """Record that a post could not be deleted. The card shows how many remain."""
    if report.outcome != "unchanged":
        return
    room = str(report.room) if report.room else None
    draft.audit("desk", "post.remains", delivery=str(report.delivery), room=room, code=report.code)
    draft.because("delivery", f"a post about the erased customer remains: {report.code}")
    if report.room in draft.rooms and (shown := ShowCard(report.room)) not in draft.effects:
        draft.add(shown)


def _answer(draft: Draft, item: Input, line: str) -> None:
    event = item.body
    if not isinstance(event, Event):
        return
    draft.here, draft.press = draft.room_at(event.place), event.press
    match event.content:
        case Said() | Unsupported():
            ref = event.message
        case Edited(message=ref):
            pass
        case Reacted(message=ref, added=True):
            pass
        case Tapped() | Submitted():
            ref = ""
        case _:
            return
    draft.mark_here(ref, Mark.INSIDE)
    draft.whisper(event.sender.external_id, line)
    draft.because("desk", "an answer where the customer was erased")
