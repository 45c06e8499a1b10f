"""Disclose in automatic messages that an AI writes, and how to reach a person.

The EU AI Act (article 50, since 2026-08-02), Messenger's policy for automated chats and laws of several US
states require it: at the beginning of a conversation, after a long pause, and when a machine continues where
a person wrote last.

Every automatic message has it as `Post.discloses`, and `storage.disclosure` puts it above those that need it
when they leave. It is not given to:

- what a person wrote or approved;
- a template outside the window: people wrote it, and the platform accepts it as approved or not at all;
- the acknowledgement of unverified mail, and the mail with a code: they go to an address that may be no
  customer's, no agent talks to it, and both say by themselves why they were sent.
"""

from orgs.specification.organization import Organization
from orgs.specification.texts import fill
from orgs.translations import texts_in


def disclosure(organization: Organization, language: str) -> str:
    """Return the text of the disclosure in the customer's language."""
    return fill(texts_in(organization, language).disclosure, organization=organization.display_name)
