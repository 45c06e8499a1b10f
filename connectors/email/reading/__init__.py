"""Read any mail: what its author newly wrote, its files, its thread, its sender, and how far it can be
believed.

`read` is pure and bounded. `key_names` says which DNS records it needs, so that they can be looked up before:

    names = key_names(raw, trusted_servers=servers)
    keys = {name: await resolve_txt(name) for name in names}
    mail = read(raw, trusted_servers=servers, own_addresses=ours, dkim=keys.get)

`ReadingProcess` does the same in a process that can be ended. Only a mail that `is_light` is read in a
thread.
"""

from connectors.email.reading.mail import Bounce, Fate, Mail, Mailbox, MailFile, Proof, Trust
from connectors.email.reading.process import Budget, ReadingProcess, TooCostly
from connectors.email.reading.reading import (
    Digests,
    digests,
    files,
    head,
    holds_card_number,
    is_light,
    key_names,
    outline,
    read,
    traces,
)
from connectors.email.reading.robots import is_daemon, is_no_reply, is_website
from connectors.email.reading.structure import MAX_BEYOND
from connectors.email.reading.trust import Traces

__all__ = [
    "MAX_BEYOND",
    "Bounce",
    "Budget",
    "Digests",
    "Fate",
    "Mail",
    "MailFile",
    "Mailbox",
    "Proof",
    "ReadingProcess",
    "TooCostly",
    "Traces",
    "Trust",
    "digests",
    "files",
    "head",
    "holds_card_number",
    "is_daemon",
    "is_light",
    "is_no_reply",
    "is_website",
    "key_names",
    "outline",
    "read",
    "traces",
]
