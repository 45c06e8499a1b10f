"""Decide whether what somebody wrote in a room may reach the customer: only the holder's words do."""

from datetime import datetime
from typing import Final

from bot.core.conversation import Escalation, EscalationState, MessageState, OwnerKind, Room, RoomPurpose
from bot.core.events import Event, Said
from bot.core.ids import PersonId
from bot.turns.speaking import LEAVES, Writer, Written
from bot.turns.turn import SYSTEM, Turn


def may_speak(turn: Turn, event: Event, person: PersonId | None, written: Written = Written.WORDS) -> bool:
    """Return whether what was done in a room may leave for the customer, as `bot.turns.speaking` says."""
    room = turn.here
    if room is None or not room.open:
        return False
    return LEAVES[_writer(turn, event, person, room), room.purpose, written]


def _writer(turn: Turn, event: Event, person: PersonId | None, room: Room) -> Writer:
    """Return who did something in a room: the holder is one there since they took the conversation."""
    escalation = turn.escalation
    holds = (
        escalation is not None
        and escalation.state is EscalationState.HELD
        and person is not None
        and escalation.holder == person
        and turn.owner.kind is OwnerKind.PERSON
        and turn.owner.name == person
        and (room.purpose is not RoomPurpose.ESCALATION or in_open_room(escalation, event))
        and event.occurred_at > _taken_at(turn)
    )
    if holds:
        return Writer.HOLDER
    return Writer.STRANGER if person is None else Writer.COLLEAGUE


def written_of(event: Event) -> Written:
    """Return what kind of thing an event with words or files is. Its private part is told apart later."""
    content = event.content
    if is_forwarded(event):
        return Written.FORWARDED
    wordless = isinstance(content, Said) and not content.text
    return Written.FILE if wordless else Written.WORDS


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


ADVICE_TO_WATCHERS: Final = (
    "What is written here stays inside. Press **Take over** on the card to talk to {customer}."
)


def is_watched_here(turn: Turn) -> bool:
    """Return whether the current input comes from an open room in which staff watch an agent."""
    return turn.here is not None and turn.here.open and turn.here.purpose is RoomPurpose.SUPERVISION


def in_open_room(escalation: Escalation, event: Event) -> bool:
    room = escalation.room
    return (
        room is not None
        and room.open
        and (room.place.account, room.place.chat, room.place.thread)
        == (event.place.account, event.place.chat, event.place.thread)
    )
