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
from bot.turns.draft import SYSTEM, Draft
from bot.turns.escalating import escalate
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


def hear_unvouched(draft: Draft, event: Event) -> None:
    """Remember for the end of the turn that people must see this mail, and whether it may be acknowledged."""
    if event.returns is not None and not event.returns.verified:
        draft.unvouched = True
        draft.acknowledges |= event.returns.acknowledged


def give_to_people(draft: Draft) -> None:
    """Escalate unverified mail to people, and acknowledge it to the named address at most once a day."""
    if draft.acknowledges:
        _acknowledge(draft)
    else:
        draft.because("desk", "not acknowledged: it names no address, or one that says something itself")
    escalate(draft, reason=_REASON, why="nobody vouches for the sender", quiet=True)


def _acknowledge(draft: Draft) -> None:
    if not all(draft.has_room(*limit) for limit in _LIMITS):
        draft.because("desk", "not acknowledged: their address, or its domain, had such mails of us today")
        return
    for limit in _LIMITS:
        draft.count(*limit)
    texts, organization = draft.texts, draft.organization.display_name
    message = Message(
        id=MessageId(draft.rules.new_id()),
        role=Role.SYSTEM,
        sender=SYSTEM,
        text=fill(texts.received, organization=organization),
        state=MessageState.RELEASED,
        at=draft.now,
    )
    subject = fill(texts.received_subject, organization=organization)
    draft.add(AddMessage(message))
    draft.add(
        Deliver(message.id, Post(message.text, speaker=draft.speaker(Role.SYSTEM, SYSTEM), subject=subject))
    )
    draft.because("desk", "acknowledged once, by our own words alone")
