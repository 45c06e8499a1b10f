"""Send the holder's reaction to a customer's message: a listed emoji after the undo time, no other ever."""

import re
from dataclasses import replace
from uuid import UUID

from bot.core.conversation import (
    DeliveryReport,
    Message,
    MessageState,
    OutgoingReaction,
    Role,
)
from bot.core.effects import ClearTimers, SetTimer, Show, TellRoom
from bot.core.events import Reacted
from bot.core.ids import MessageId, PersonId
from bot.core.outbound import Emote, Mark, Post, React
from bot.turns.escaping import inert, without_code
from bot.turns.speaking import Written
from bot.turns.turn import Turn

REACT = "react"
_KEPT = 20  # reactions of one conversation that are remembered, so that they can be taken back
_DRESS = re.compile("[\ufe0e\ufe0f\U0001f3fb-\U0001f3ff]")  # variation selectors and skin tones


def kind_of(turn: Turn, reaction: Reacted) -> Written:
    """Return whether the organization file lists the emoji of a reaction."""
    return Written.LISTED_EMOJI if _listed(turn, reaction.emoji) else Written.OTHER_EMOJI


def react(turn: Turn, reaction: Reacted, person: PersonId, who: str) -> None:
    """Send the holder's listed emoji to the customer's message when the undo time is over.

    Take a reaction back that the holder removes. Send nothing if the customer's channel has no reactions.
    `who` is the holder's id in the room's channel.
    """
    meant = [m for m in turn.in_rooms(reaction.message) if m.role is Role.CUSTOMER and m.ref]
    if not meant and reaction.added:
        _advise(turn, reaction, who)
    for message in meant:
        if not reaction.added:
            _remove(turn, reaction, message, person)
        elif (emoji := _listed(turn, reaction.emoji)) and turn.capabilities.reacts and turn.here:
            room = str(turn.here.id)
            _keep(turn, OutgoingReaction(str(message.id), emoji, reaction.message, room, person))
            undo = turn.organization.policies.undo
            turn.add(SetTimer(REACT, str(message.id), turn.now + undo))
            turn.explain(f"person {person}", f"reacted; leaves in {undo.total_seconds():g} s")


def _advise(turn: Turn, reaction: Reacted, who: str) -> None:
    """Tell the holder to react to a line that shows one message of the customer, which this line does not."""
    emoji = _listed(turn, reaction.emoji)
    if emoji and turn.capabilities.reacts and turn.advise(f"reaction of {who}"):
        turn.whisper(
            who,
            f"{emoji} stays inside: this line is no single message of {turn.customer_name}. React to one of"
            f" their messages as it came into this thread (🗣 **{turn.customer_name}**), or answer in words.",
        )


def withdraw(turn: Turn, reaction: Reacted, person: PersonId) -> None:
    """Take back a reaction that somebody removes who does not hold the conversation any more."""
    for message in turn.in_rooms(reaction.message):
        if not reaction.added:
            _remove(turn, reaction, message, person)


def release(turn: Turn, subject: str) -> None:
    """Send the reaction when its undo time is over, if its message is still there."""
    known = _find(turn, subject)
    message = turn.messages.get(MessageId(UUID(subject)))
    if known is None or known.left:
        return
    if message is None or message.state is MessageState.DELETED:
        _forget(turn, subject)
        _mark(turn, known, Mark.WITHDRAWN)
        return
    _keep(turn, replace(known, left=True))
    turn.add(Show(message.id, Emote(message.ref, known.emoji)))
    turn.explain(f"person {known.person}", "their reaction left after the undo")


def settle(turn: Turn, message: Message, report: DeliveryReport) -> None:
    """Show on the line in the room whether a reaction was delivered."""
    known = _find(turn, str(message.id))
    if known is None:
        return
    if report.outcome == "delivered":
        _mark(turn, known, Mark.DELIVERED)
        return
    _mark(turn, known, Mark.FAILED)
    _forget(turn, known.message)
    turn.tell_room(
        Post(f"❌ {known.emoji} did not reach {turn.customer_name}: {inert(without_code(report.reason))}"),
        message.id,
    )
    turn.explain("delivery", f"reaction {report.outcome}: {report.reason}")


def _remove(turn: Turn, reaction: Reacted, message: Message, person: PersonId) -> None:
    known = _find(turn, str(message.id))
    if known is None or known.person != person or _plain(known.emoji) != _plain(reaction.emoji):
        return
    if known.left:
        turn.add(Show(message.id, Emote(message.ref, "")))
    turn.add(ClearTimers(REACT, known.message))
    _forget(turn, known.message)
    _mark(turn, known, Mark.WITHDRAWN)
    turn.explain(f"person {person}", "took their reaction back")


def _listed(turn: Turn, emoji: str) -> str:
    """Return the emoji as the organization file lists it; "" for one that stays inside."""
    listed = turn.organization.policies.reactions
    return next((each for each in listed if _plain(each) == _plain(emoji)), "")


def _plain(emoji: str) -> str:
    return _DRESS.sub("", emoji)


def _find(turn: Turn, message: str) -> OutgoingReaction | None:
    return next((each for each in turn.memory.reactions if each.message == message), None)


def _keep(turn: Turn, reaction: OutgoingReaction) -> None:
    """Remember a reaction.

    It replaces an earlier one on the message, as channels show one of ours on each.
    """
    others = [each for each in turn.memory.reactions if each.message != reaction.message]
    turn.remember(reactions=(*others, reaction)[-_KEPT:])
    if not reaction.left:
        _mark(turn, reaction, Mark.WAITING)


def _forget(turn: Turn, message: str) -> None:
    turn.remember(reactions=tuple(each for each in turn.memory.reactions if each.message != message))


def _mark(turn: Turn, reaction: OutgoingReaction, mark: Mark) -> None:
    turn.add(TellRoom(UUID(reaction.room), React(reaction.line, mark)))
