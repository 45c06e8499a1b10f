"""Handle a conversation whose customer was erased, or somebody else who wrote in it.

The former is closed, and what we posted about it is deleted. Staff who act in its rooms get one line as an
answer. The latter goes on: what we posted is deleted, too, and the story is told anew.
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
from bot.core.events import OPEN_NEXT, SEND_ALL, Edited, Event, Reacted, Said, Submitted, Tapped, Unsupported
from bot.core.outbound import Mark, Post
from bot.turns.escalating import ask_anew, show_story
from bot.turns.in_doubt import press_in_vain
from bot.turns.ownership import Cause
from bot.turns.turn import Rulebook, Turn
from orgs.routing import find_person
from orgs.specification.organization import Organization

_NOT_SENT = "This customer was erased before your last words left: they were not sent."
_NOWHERE = "Nothing written here reaches anybody."
_WRITER = "🗑️ Somebody who wrote in this thread was erased; their words are gone."
_STOPPED = (MessageState.HELD, MessageState.PARKED, MessageState.RELEASED)


def erased_line(organization: Organization, erased: Erased) -> str:
    """Return the one line that staff still read about the customer: erased, when, by whom."""
    person = find_person(organization, erased.by.removeprefix("person:"))
    name = person.name if person else "an operator" if erased.by else ""
    return f"This customer was erased on {erased.at:%Y-%m-%d at %H:%M} UTC" + (f" by {name}" if name else "")


def decide(turn: Turn) -> None:
    """Handle every input. Nobody speaks to the customer any more, and nothing new is stored."""
    erased = turn.view.conversation.erased
    assert erased is not None  # noqa: S101  callers look first
    line = f"{erased_line(turn.organization, erased)}. {_NOWHERE}"
    for item in turn.view.inputs:
        if isinstance(item.body, CustomerErased):
            _close(turn, line)
        elif isinstance(item.body, DeliveryReport):
            _remains(turn, item.body)
        elif item.origin is Origin.ROOM:
            _answer(turn, item, line)
    for kind in {timer.kind for timer in turn.view.timers}:
        turn.add(ClearTimers(kind))


def take_away(turn: Turn) -> None:
    """Replace what staff were shown after somebody else who wrote in the thread was erased.

    Any post may repeat their words, so all are deleted, also calls to people. The open room is told the story
    without them, and whoever was called to it is called anew.
    """
    _delete(turn)
    if turn.memory.burst is not None:
        turn.remember(burst=None)  # its post is deleted, and what comes next begins another one
    for room in turn.view.rooms:
        if turn.open_room is None or room.id != turn.open_room.id:
            turn.tell_room(Post(_WRITER), room=room)
    if turn.open_room is not None:
        show_story(turn, _WRITER)
        ask_anew(turn)
    turn.audit("desk", "writer.erased")
    turn.explain("desk", "somebody who wrote in this thread was erased: their words are gone")


def draft_guarded(view: View, rules: Rulebook) -> Turn:
    """Decide the same after the last try: even if the rest fails, delete what staff see."""
    turn = Turn(view, rules)
    try:
        decide(turn)
    except Exception as error:
        turn = Turn(view, rules)
        if any(isinstance(item.body, CustomerErased) for item in view.inputs):
            _delete(turn)
        turn.explain("desk", f"the rest of an erasure was passed over: {type(error).__name__}")
    return turn


def _delete(turn: Turn) -> None:
    for room in turn.view.rooms:
        turn.add(ShowCard(room.id))  # it shows what the customer wrote
    turn.add(DeletePosts())  # before anything new is posted there, which is not deleted


def _close(turn: Turn, line: str) -> None:
    _delete(turn)
    _withdraw(turn)
    escalation = turn.escalation
    if escalation is not None:
        held = escalation.holder if escalation.state is EscalationState.HELD else None
        turn.tell_room(Post(f"🗑️ {line} This thread is closed.", calls=turn.known_as(held)))
        turn.change_escalation(state=EscalationState.RESOLVED, deadline=None)
        turn.add(AddStep(escalation.id, escalation.holder or escalation.team, escalation.agent, "erased"))
        if turn.owner.kind in (OwnerKind.QUEUE, OwnerKind.PERSON):
            turn.give(Cause.RESOLVED, escalation.agent, Status.RESOLVED)
        turn.audit("desk", "escalation.erased", escalation=str(escalation.id))
    for room in turn.view.rooms:
        if room.open:
            turn.add(CloseRoom(room.id))
    turn.escalation = None
    turn.explain("desk", "the customer was erased")


def _withdraw(turn: Turn) -> None:
    """Withdraw the messages that had not left yet, and show their authors that they were not sent."""
    told = set()
    for message in list(turn.messages.values()):
        if message.state not in _STOPPED:
            continue
        turn.add(ChangeMessage(message.id, state=MessageState.WITHDRAWN))
        turn.mark(message, Mark.WITHDRAWN)
        turn.here = turn.rooms.get(message.room) if message.room else None
        author = find_person(turn.organization, message.sender)
        known = author.on(turn.here.place.channel) if author and turn.here else ""
        if known and (message.room, known) not in told:
            told.add((message.room, known))
            turn.whisper(known, _NOT_SENT)


def _remains(turn: Turn, report: DeliveryReport) -> None:
    """Record that a post could not be deleted. The card shows how many remain."""
    if report.outcome != "unchanged":
        return
    room = str(report.room) if report.room else None
    turn.audit("desk", "post.remains", delivery=str(report.delivery), room=room, code=report.code)
    turn.explain("delivery", f"a post about the erased customer remains: {report.code}")
    if report.room in turn.rooms and (shown := ShowCard(report.room)) not in turn.effects:
        turn.add(shown)


def _answer(turn: Turn, item: Input, line: str) -> None:
    event = item.body
    if not isinstance(event, Event):
        return
    turn.here, turn.press = turn.room_at(event.place), event.press
    match event.content:
        case Tapped(action=action) if action in (SEND_ALL, OPEN_NEXT):
            press_in_vain(turn, event, event.content, None)
            return
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
    turn.mark_here(ref, Mark.INSIDE)
    turn.whisper(event.sender.external_id, line)
    turn.explain("desk", "an answer where the customer was erased")
