"""Handle unverified mail: whoever it names as its sender may never have written it.

People read it, and no agent answers it. An acknowledgement tells a real sender that it came. It has only our
own words, and is so rare that nobody can fill a mailbox through us, however many mails they forge. Whoever
answers the acknowledgement reads mail at that address, and is answered from then on.
"""

from datetime import timedelta
from typing import Final

from bot.core.conversation import Counted, Message, MessageState, Role
from bot.core.effects import AddMessage, Deliver
from bot.core.events import Event
from bot.core.ids import MessageId
from bot.core.outbound import Post
from bot.turns.escalating import escalate
from bot.turns.turn import SYSTEM, Turn
from orgs.specification.texts import fill

_DAY: Final = timedelta(days=1)
# The owner of a domain reads all its addresses, so at most five of them hear from us a day.
_LIMITS: Final = ((Counted.ACKNOWLEDGEMENT, 1, _DAY), (Counted.DOMAIN, 5, _DAY))
_REASON: Final = (
    "Nobody vouches that this mail comes from the address it names, so no agent answers it. Whoever takes it"
    " writes to that address."
)


def is_unvouched(event: Event) -> bool:
    return event.returns is not None and not event.returns.verified


def hear_unvouched(turn: Turn, event: Event) -> None:
    """Remember for the end of the turn that people must see this mail, and whether it may be acknowledged."""
    if event.returns is not None and not event.returns.verified:
        turn.unvouched = True
        turn.acknowledges |= event.returns.acknowledged


def give_to_people(turn: Turn) -> None:
    """Escalate unverified mail to people, and acknowledge it to the named address at most once a day."""
    if turn.acknowledges:
        _acknowledge(turn)
    else:
        turn.explain("desk", "not acknowledged: it names no address, or one that says something itself")
    escalate(turn, reason=_REASON, why="nobody vouches for the sender", quiet=True)


def _acknowledge(turn: Turn) -> None:
    if not all(turn.has_room(*limit) for limit in _LIMITS):
        turn.explain("desk", "not acknowledged: their address, or its domain, had such mails of us today")
        return
    for limit in _LIMITS:
        turn.count(*limit)
    texts, organization = turn.texts, turn.organization.display_name
    message = Message(
        id=MessageId(turn.rules.new_id()),
        role=Role.SYSTEM,
        sender=SYSTEM,
        text=fill(texts.received, organization=organization),
        state=MessageState.RELEASED,
        at=turn.now,
    )
    subject = fill(texts.received_subject, organization=organization)
    turn.add(AddMessage(message))
    turn.add(
        Deliver(message.id, Post(message.text, speaker=turn.speaker(Role.SYSTEM, SYSTEM), subject=subject))
    )
    turn.explain("desk", "acknowledged once, by our own words alone")
