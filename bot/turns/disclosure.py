"""Automatic words say that an AI writes, and how to reach a person.

Asked by the EU AI Act (article 50, since 2026-08-02), by Messenger's policy for automated chats and by laws
of several US states: at the beginning of a conversation, after a long pause, and when a machine goes on where
a person wrote last.

Every automatic message passes `Draft.say` or, after its undo, `undo.release`: there this is put above the
first one that needs it. It is not put above:

- what a person wrote or approved;
- a template outside the window: people wrote it, and the platform takes it as approved or not at all;
- the acknowledgement of mail that nobody vouches for, and the mail with a code: they go to an address that
  may be no customer's, no agent talks to it, and both say by themselves why they were sent.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from bot.core.conversation import Message, MessageState, Role
from orgs.specification.organization import Organization
from orgs.specification.texts import fill
from orgs.translations import texts_in

HOLDS_FOR: Final = timedelta(hours=24)  # as long as WhatsApp and Messenger take a conversation for one
_REACHES: Final = (
    MessageState.RELEASED,
    MessageState.PARKED,
    MessageState.SENT,
    MessageState.DELIVERED,
    MessageState.READ,
)


def disclosure(organization: Organization, language: str) -> str:
    """Return the words that say it, in the language of the customer."""
    return fill(texts_in(organization, language).disclosure, organization=organization.display_name)


def is_due(words: str, before: Iterable[Message], since: datetime, *, waits: bool) -> bool:
    """Return whether automatic words must say it in these words, after all the messages `before`.

    They need not while that stood above a message which was written after `since`, and which no person has
    followed. If they wait until the customer writes again, so does a message that waits already: it is read
    just before them, however old it is. What was said before the story begins, or in another language, does
    not count.
    """
    for message in reversed(tuple(before)):
        if message.role is Role.CUSTOMER or message.state not in _REACHES:
            continue
        if message.role is Role.STAFF:
            return True
        parked = message.state is MessageState.PARKED
        if (waits if parked else message.at >= since) and message.reference.disclosed == words:
            return False
    return True
