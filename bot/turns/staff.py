"""Decide what an input from a room does. The one law here: only the holder's words reach the customer."""

from typing import assert_never

from bot.core.conversation import Input, MessageState
from bot.core.events import (
    AddressChanged,
    Called,
    Deleted,
    Edited,
    Event,
    Ignored,
    ReachabilityChanged,
    Reacted,
    Receipt,
    Said,
    Started,
    Stopped,
    Submitted,
    Tapped,
    ThreadControl,
    Unsupported,
    WorkplaceChanged,
)
from bot.core.ids import PersonId
from bot.core.outbound import Mark
from bot.turns import reactions, workplace
from bot.turns.closing import why_closed
from bot.turns.staff_buttons import press, submit
from bot.turns.staff_edits import hear_edit
from bot.turns.staff_log import known_entry, shown_entry
from bot.turns.staff_words import hear_words
from bot.turns.taking_back import TAKE_BACK, hear_deletion, take_back
from bot.turns.turn import Turn
from bot.turns.who_may_speak import may_speak
from orgs.routing import person_on


def hear(turn: Turn, item: Input, event: Event) -> None:
    """Handle one input from a room of this conversation."""
    person = _person(turn, event)
    match event.content:
        case Said():
            hear_words(turn, item, event, event.content, person)
        case Edited():
            hear_edit(turn, event, event.content, person)
        case Deleted():
            hear_deletion(turn, event, event.content)
        case Tapped():
            press(turn, event, event.content, person)
        case Submitted():
            submit(turn, event, event.content, person)
        case Reacted():
            _reacted(turn, event, event.content, person)
        case Unsupported():
            _unsupported(turn, event, event.content, person)
        case WorkplaceChanged():
            workplace.hear(turn, event.place, event.content, person)
        case Started() | ReachabilityChanged() | Receipt() | AddressChanged() | Ignored():
            pass
        case Called() | Stopped() | ThreadControl():
            pass  # only customers send these
        case _:
            assert_never(event.content)


def _person(turn: Turn, event: Event) -> PersonId | None:
    sender = event.sender
    email = sender.handle if "@" in sender.handle else ""  # only channels that verify emails put one there
    return person_on(turn.organization, event.place.channel, sender.external_id, email)


def _unsupported(turn: Turn, event: Event, content: Unsupported, person: PersonId | None) -> None:
    """Tell staff that what they posted cannot be passed on, if they may think that it was.

    That is the holder, and whoever writes in a closed thread.
    """
    closed = turn.here is not None and not turn.here.open
    if event.message and (closed or may_speak(turn, event, person)):
        turn.mark_here(event.message, Mark.INSIDE)
        why = f"This cannot go on to {turn.customer_name}: {content.kind}."
        turn.whisper(event.sender.external_id, why_closed(turn) if closed else why)


def _reacted(turn: Turn, event: Event, reaction: Reacted, person: PersonId | None) -> None:
    """Handle a reaction. 👎 takes one's own message back; a listed emoji on a customer's message is sent."""
    speaks = may_speak(turn, event, person)
    own = known_entry(turn, reaction.message) or shown_entry(turn, reaction.message)
    if own is not None:
        # The author may undo, also when they no longer hold the conversation.
        may = own.sender == person or (speaks and own.state is MessageState.PARKED)
        if may and reaction.added and reaction.emoji.startswith(TAKE_BACK):
            take_back(turn, event, own, here=own.ref == reaction.message)
            return
        if own.ref == reaction.message:
            return  # a reaction to a colleague is a matter among staff
    if person is not None and may_speak(turn, event, person, reactions.kind_of(turn, reaction)):
        reactions.react(turn, reaction, person, event.sender.external_id)
    elif person is not None:
        reactions.withdraw(turn, reaction, person)
