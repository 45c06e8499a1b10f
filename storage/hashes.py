"""Hash the platforms' ids with a key.

Such an id may reveal the sender: WhatsApp's contains a phone number, an email's Message-ID an address. An id
that is only used for look-ups is stored as a hash, from which it cannot be recovered.
"""

import hashlib
from collections.abc import Iterable
from typing import Final

from sqlalchemy import text

from bot.core.events import Event
from bot.core.ids import AccountId
from storage.accounts import Account
from storage.sealing import KeyedHash


def event_key(account: Account, event: Event) -> str:
    """Return the key that identifies an event, also when it is redelivered."""
    return account.keys.index.of("event", event.external_id).hex()


def reference_hash(index: KeyedHash, ref: str) -> str:
    """Return the hash of the platform's id of a message in a customer's chat, or "" for no id."""
    return index.of("message", ref).hex() if ref else ""


def seen_before(
    events: Iterable[tuple[Account, Event]], told: Iterable[tuple[AccountId, str, str]] = ()
) -> dict[str, object]:
    """Return the parameters of `SEEN` for events of platforms, and for inputs with keys of our own.

    Each of the latter is an account, a key, and the text of its key before migration 0012 ("": the same).
    """
    keys = [(account.id, event_key(account, event), event.external_id) for account, event in events]
    keys += told
    return {
        "accounts": [account for account, _, _ in keys],
        "externals": [key for _, key, _ in keys],
        "former": [_former_key(former) if former else "" for _, _, former in keys],
    }


def _former_key(external_id: str) -> str:
    """Return the key of an event that was accepted before migration 0012, when keys were hashed without a
    secret.

    Needed until those rows have been deleted (see bot.jobs.sweep).
    """
    return hashlib.sha256(external_id.encode("utf-8", "surrogatepass")).hexdigest()


SEEN: Final = text("""
    select i.account_id, k.external as external_id
    from unnest(cast(:accounts as uuid[]), cast(:externals as text[]), cast(:former as text[]))
        as k(account, external, former)
    join inbox i on i.account_id = k.account and i.external_id = any(array[k.external, k.former])
""")
