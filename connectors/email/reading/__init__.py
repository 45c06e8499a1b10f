"""Any mail, read: what its author newly wrote, the files, whom it belongs to, and how far it can be believed.

`read` is pure and bounded; what it needs from the DNS is asked for with `key_names` beforehand:

    names = key_names(raw, trusted_servers=servers)
    keys = {name: await resolve_txt(name) for name in names}
    mail = await asyncio.to_thread(read, raw, trusted_servers=servers, own_addresses=ours, dkim=keys.get)

`resolve_and_read` is these three lines. `ReadingProcess` does the same in a process that can be ended.
"""

from connectors.email.reading.mail import Bounce, Fate, Mail, Mailbox, Part, Proof, Trust
from connectors.email.reading.process import Budget, ReadingProcess, TooCostly
from connectors.email.reading.reading import (
    MAX_BYTES,
    SMALL,
    files,
    head,
    holds_card_number,
    key_names,
    read,
    resolve_and_read,
    traces,
)
from connectors.email.reading.trust import Traces

__all__ = [
    "MAX_BYTES",
    "SMALL",
    "Bounce",
    "Budget",
    "Fate",
    "Mail",
    "Mailbox",
    "Part",
    "Proof",
    "ReadingProcess",
    "TooCostly",
    "Traces",
    "Trust",
    "files",
    "head",
    "holds_card_number",
    "key_names",
    "read",
    "resolve_and_read",
    "traces",
]
