"""Disclose in automatic messages that an AI writes, and how to reach a person.

The EU AI Act (article 50, since 2026-08-02), Messenger's policy for automated chats and laws of several US
states require it: at the beginning of a conversation, after a long pause, and when a machine continues where
a person wrote last.

Every automatic message passes `Turn.say` or, after its undo, `undo.release`. These put the disclosure above
the first message that needs it. Where that one is taken back or fails, or messages have waited until the
customer wrote, `Turn.disclose_again` decides for those that have not begun to leave. The mail with the story
so far always has it. It is not put above:

- what a person wrote or approved;
- a template outside the window: people wrote it, and the platform accepts it as approved or not at all;
- the acknowledgement of unverified mail, and the mail with a code: they go to an address that may be no
  customer's, no agent talks to it, and both say by themselves why they were sent.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from bot.core.conversation import Message, MessageState, Role
from bot.core.ids import MessageId
from orgs.specification.organization import Organization
from orgs.specification.texts import fill
from orgs.translations import texts_in

HOLDS_FOR: Final = timedelta(hours=24)  # WhatsApp and Messenger count messages within it as one conversation
REACHES: Final = (
    MessageState.RELEASED,
    MessageState.PARKED,
    MessageState.SENT,
    MessageState.DELIVERED,
    MessageState.READ,
)


def disclosure(organization: Organization, language: str) -> str:
    """Return the text of the disclosure in the customer's language."""
    return fill(texts_in(organization, language).disclosure, organization=organization.display_name)


def is_due(
    words: str,
    before: Iterable[Message],
    since: datetime,
    *,
    waits: bool,
    overtaken: MessageId | None = None,
) -> bool:
    """Return whether an automatic message needs the disclosure `words`, after all the messages `before`.

    It needs none while the same words stand above a message that was written after `since` and that no
    person's message has followed. If the new message `waits` until the customer writes again, a message that
    already waits counts however old it is: it is read just before. What was said before the story begins, or
    in another language, does not count. Words of a person that stand before the message `overtaken` left
    after it.
    """
    for message in reversed(tuple(before)):
        if message.role is Role.CUSTOMER or message.state not in REACHES:
            continue
        if message.role is Role.STAFF or message.id == overtaken:
            return True
        parked = message.state is MessageState.PARKED
        if (waits if parked else message.at >= since) and message.reference.disclosed == words:
            return False
    return True
