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
from bot.turns.draft import Draft
from bot.turns.quoting import inert, without_code

REACT = "react"
_KEPT = 20  # reactions of one conversation that are remembered, so that they can be taken back
_DRESS = re.compile("[\ufe0e\ufe0f\U0001f3fb-\U0001f3ff]")  # variation selectors and skin tones


def react(draft: Draft, reaction: Reacted, person: PersonId, who: str) -> None:
    """Send the holder's listed emoji to the customer's message when the undo time is over.

    Take a reaction back that the holder removes. Send nothing if the customer's channel has no reactions.
    `who` is the holder's id in the room's channel.
    """
    meant = [m for m in draft.in_rooms(reaction.message) if m.role is Role.CUSTOMER and m.ref]
    if not meant and reaction.added:
        _advise(draft, reaction, who)
    for message in meant:
        if not reaction.added:
            _remove(draft, reaction, message, person)
        elif (emoji := _listed(draft, reaction.emoji)) and draft.capabilities.reacts and draft.here:
            room = str(draft.here.id)
            _keep(draft, OutgoingReaction(str(message.id), emoji, reaction.message, room, person))
            undo = draft.organization.policies.undo
            draft.add(SetTimer(REACT, str(message.id), draft.now + undo))
            draft.because(f"person {person}", f"reacted; leaves in {undo.total_seconds():g} s")


def _advise(draft: Draft, reaction: Reacted, who: str) -> None:
    """Tell the holder to react to a line that shows one message of the customer, which this line does not."""
    emoji = _listed(draft, reaction.emoji)
    if emoji and draft.capabilities.reacts and draft.advise(f"reaction of {who}"):
        draft.whisper(
            who,
            f"{emoji} stays inside: this line is no single message of {draft.customer_name}. React to one of"
            f" their messages as it came into this thread (🗣 **{draft.customer_name}**), or answer in words.",
        )


def withdraw(draft: Draft, reaction: Reacted, person: PersonId) -> None:
    """Take back a reaction that somebody removes who does not hold the conversation any more."""
    for message in draft.in_rooms(reaction.message):
        if not reaction.added:
            _remove(draft, reaction, message, person)


def release(draft: Draft, subject: str) -> None:
    """Send the reaction when its undo time is over, if its message is still there."""
    known = _find(draft, subject)
    message = draft.messages.get(MessageId(UUID(subject)))
    if known is None or known.left:
        return
    if message is None or message.state is MessageState.DELETED:
        _forget(draft, subject)
        _mark(draft, known, Mark.WITHDRAWN)
        return
    _keep(draft, replace(known, left=True))
    draft.add(Show(message.id, Emote(message.ref, known.emoji)))
    draft.because(f"person {known.person}", "their reaction left after the undo")


def settle(draft: Draft, message: Message, report: DeliveryReport) -> None:
    """Show on the line in the room whether a reaction was delivered."""
    known = _find(draft, str(message.id))
    if known is None:
        return
    if report.outcome == "delivered":
        _mark(draft, known, Mark.DELIVERED)
        return
    _mark(draft, known, Mark.FAILED)
    _forget(draft, known.message)
    draft.tell_room(
        Post(f"❌ {known.emoji} did not reach {draft.customer_name}: {inert(without_code(report.reason))}"),
        message.id,
    )
    draft.because("delivery", f"reaction {report.outcome}: {report.reason}")


def _remove(draft: Draft, reaction: Reacted, message: Message, person: PersonId) -> None:
    known = _find(draft, str(message.id))
    if known is None or known.person != person or _plain(known.emoji) != _plain(reaction.emoji):
        return
    if known.left:
        draft.add(Show(message.id, Emote(message.ref, "")))
    draft.add(ClearTimers(REACT, known.message))
    _forget(draft, known.message)
    _mark(draft, known, Mark.WITHDRAWN)
    draft.because(f"person {person}", "took their reaction back")


def _listed(draft: Draft, emoji: str) -> str:
    """Return the emoji as the organization file lists it; "" for one that stays inside."""
    listed = draft.organization.policies.reactions
    return next((each for each in listed if _plain(each) == _plain(emoji)), "")


def _plain(emoji: str) -> str:
    return _DRESS.sub("", emoji)


def _find(draft: Draft, message: str) -> OutgoingReaction | None:
    return next((each for each in draft.memory.reactions if each.message == message), None)


def _keep(draft: Draft, reaction: OutgoingReaction) -> None:
    """Remember a reaction.

    It replaces an earlier one on the message, as channels show one of ours on each.
    """
    others = [each for each in draft.memory.reactions if each.message != reaction.message]
    draft.remember(reactions=(*others, reaction)[-_KEPT:])
    if not reaction.left:
        _mark(draft, reaction, Mark.WAITING)


def _forget(draft: Draft, message: str) -> None:
    draft.remember(reactions=tuple(each for each in draft.memory.reactions if each.message != message))


def _mark(draft: Draft, reaction: OutgoingReaction, mark: Mark) -> None:
    draft.add(TellRoom(UUID(reaction.room), React(reaction.line, mark)))
