"""Decide whether what somebody wrote in a room may reach the customer: only the holder's words do."""

from datetime import datetime

from bot.core.conversation import Escalation, EscalationState, MessageState, OwnerKind
from bot.core.events import Event
from bot.core.ids import PersonId
from bot.turns.turn import SYSTEM, Turn


def may_speak(turn: Turn, event: Event, person: PersonId | None) -> bool:
    """Return whether the words of an event may leave: the holder's, in the open room, since they took it.

    This is promise 7 of the product, in one expression.
    """
    escalation = turn.escalation
    return (
        person is not None
        and escalation is not None
        and escalation.state is EscalationState.HELD
        and escalation.holder == person
        and turn.owner.kind is OwnerKind.PERSON
        and turn.owner.name == person
        and in_open_room(escalation, event)
        and event.occurred_at > _taken_at(turn)
    )


def is_forwarded(event: Event) -> bool:
    """Return whether somebody else wrote the message first: only the holder's own words may leave."""
    return event.reference.forwarded


def _taken_at(turn: Turn) -> datetime:
    """Return when the holder took the conversation, by the room's own clock.

    A line written before that is private, however late the platform brings it. If the entry that `take` left
    is older than the story, so is everything written before it.
    """
    takes = [m.at for m in turn.messages.values() if m.sender == SYSTEM and m.state is MessageState.NOTE]
    return takes[-1] if takes else min((m.at for m in turn.messages.values()), default=turn.now)


def in_open_room(escalation: Escalation, event: Event) -> bool:
    room = escalation.room
    return (
        room is not None
        and room.open
        and (room.place.account, room.place.chat, room.place.thread)
        == (event.place.account, event.place.chat, event.place.thread)
    )
