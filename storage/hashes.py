"""Platforms' ids as keyed hashes. Such an id may carry who wrote: WhatsApp's holds a phone number, a mail's
Message-ID an address. What is only looked for is kept as a hash, and nothing leads back from it.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final

from sqlalchemy import text

from bot.core.events import Event
from bot.core.ids import AccountId
from storage.accounts import Account
from storage.sealing import KeyedHash


def event_key(account: Account, event: Event) -> str:
    """Return the key by which a redelivery of an event is known."""
    return account.keys.index.of("event", event.external_id).hex()


def reference_hash(index: KeyedHash, ref: str) -> str:
    """Return what stands for the platform's id of a message in a customer's chat; "" for none."""
    return index.of("message", ref).hex() if ref else ""


def seen_before(
    events: Iterable[tuple[Account, Event]], told: Sequence[tuple[AccountId, str]] = ()
) -> dict[str, object]:
    """Return the parameters of `SEEN` for events of platforms, and for keys of our own making."""
    arrived = list(events)
    return {
        "accounts": [*(account.id for account, _ in arrived), *(account for account, _ in told)],
        "externals": [*(event_key(account, event) for account, event in arrived), *(key for _, key in told)],
        "former": [*(_former_key(event) for _, event in arrived), *("" for _ in told)],
    }


def _former_key(event: Event) -> str:
    """Return the key of an event that was accepted before migration 0011, which had no key to hash with.

    Needed until those rows have been deleted (see bot.jobs.sweep).
    """
    return hashlib.sha256(event.external_id.encode("utf-8", "surrogatepass")).hexdigest()


SEEN: Final = text("""
    select i.account_id, k.external as external_id
    from unnest(cast(:accounts as uuid[]), cast(:externals as text[]), cast(:former as text[]))
        as k(account, external, former)
    join inbox i on i.account_id = k.account and i.external_id = any(array[k.external, k.former])
""")
