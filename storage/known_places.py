"""Look up places: a chat or a thread where a customer can be heard, and its current conversation."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.events import Place
from bot.core.ids import AccountId, ConversationId, CustomerId, LaneId
from storage.accounts import Account
from storage.arrivals import Arrival, Key, pairs_of, returns_of, returns_row
from storage.database import pipeline
from storage.keys import Keys
from storage.sealed_fields import PLACE
from storage.sealing import Sealer


@dataclass(frozen=True, slots=True)
class KnownPlace:
    """A known place: its row, its current conversation, and the keys of both customers concerned."""

    place: UUID
    conversation: ConversationId
    customer: CustomerId
    sealer: Sealer
    owner: Sealer  # of the customer who writes in this place
    whose: CustomerId  # that customer
    begun: bool = False  # the conversation was created in this transaction: nobody else can see it yet


async def known_threads(
    connection: AsyncConnection, account: Account, threads: Iterable[Place]
) -> frozenset[Place]:
    """Return those of the given threads of an account in which somebody has written."""
    hashes = {account.keys.index.of("place", each.channel, each.chat, each.thread): each for each in threads}
    given = {"account": account.id, "hashes": sorted(hashes)}
    rows = await connection.execute(_KNOWN_THREADS, given)
    return frozenset(hashes[bytes(row.place_hash)] for row in rows)


async def find_places(
    connection: AsyncConnection, keys: Keys, wanted: Sequence[Key]
) -> dict[Key, tuple[KnownPlace, bool]]:
    """Return the places with these keys, each with whether its conversation is over."""
    [rows] = await pipeline(connection, (_FIND, pairs_of(wanted)))
    return {
        (AccountId(row.account_id), bytes(row.place_hash)): (
            KnownPlace(
                row.id,
                ConversationId(row.conversation_id),
                CustomerId(row.customer_id),
                keys.customer(row.customer_id, row.data_key),
                keys.customer(row.owner_id, row.owner_key),
                CustomerId(row.owner_id),
            ),
            row.closed,
        )
        for row in rows
    }


def place_row(
    id_: UUID,
    arrival: Arrival,
    hash_: bytes,
    identity: UUID,
    conversation: ConversationId,
    lane: LaneId,
    sealer: Sealer,
) -> dict[str, object]:
    return {
        "id": id_,
        "organization": arrival.account.organization,
        "account": arrival.account.id,
        "hash": hash_,
        "shared": arrival.event.shared,
        "private": arrival.event.private,
        "identity": identity,
        "conversation": conversation,
        "lane": lane,
        "place": seal_place(arrival.event.place, sealer),
        **returns_row(returns_of(arrival.account.keys.index, arrival.event.returns)),
    }


def seal_place(place: Place, sealer: Sealer) -> str:
    return sealer.seal(json.dumps([place.chat, place.thread]), field=PLACE)


# A conversation with a parked message is not closed: its author was told that it leaves when the customer
# writes.
CLOSED: Final = """
    v.status = 'resolved' and coalesce(v.reopen_until, '-infinity') < clock_timestamp()
    and not v.memory ? 'parked'
"""

# uq_places_account_id_place_hash
_KNOWN_THREADS: Final = text("""
    select place_hash from places where account_id = :account and place_hash = any(cast(:hashes as bytea[]))
""")

_FIND = text(f"""
    select p.id, p.account_id, p.place_hash, p.conversation_id, v.customer_id, c.data_key,
        o.id as owner_id, o.data_key as owner_key, {CLOSED} as closed
    from unnest(cast(:accounts as uuid[]), cast(:hashes as bytea[])) as k(account, hash)
    join places p on p.account_id = k.account and p.place_hash = k.hash
    join conversations v on v.id = p.conversation_id
    join customers c on c.id = v.customer_id
    join identities i on i.id = p.identity_id
    join customers o on o.id = i.customer_id
    where c.data_key is not null and o.data_key is not null
""")
