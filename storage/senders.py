"""Find the customer who sent an event, or create one. Accept the invitation that an event may carry."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.ids import AccountId, ConversationId, CustomerId, NewId
from storage.arrivals import Arrival, Key, pairs_of
from storage.database import Step, pipeline
from storage.keys import Keys
from storage.known_places import CLOSED
from storage.merging import merge
from storage.sealed_fields import ADDRESS, PROFILE
from storage.sealing import Sealer


async def senders_of(
    connection: AsyncConnection,
    keys: Keys,
    new_id: NewId,
    opening: Mapping[Key, Arrival],
    who: Mapping[Key, Key],
    links: "Mapping[Key, Invitation | None]",
) -> "dict[Key, KnownSender]":
    """Return the sender of each event. Create senders who never wrote before.

    A sender who accepts an invitation is merged into the customer who invited them.
    """
    wanted = sorted(set(who.values()))
    [rows] = await pipeline(connection, (_IDENTITIES, pairs_of(wanted)))
    people = {
        (AccountId(row.account_id), bytes(row.address_hash)): KnownSender(
            row.id,
            CustomerId(row.customer_id),
            keys.customer(row.customer_id, row.data_key),
            CustomerId(row.root),
        )
        for row in rows
    }
    for key, arrival in opening.items():
        identity, link = who[key], links.get(key)
        known = people.get(identity)
        if known is None:
            people[identity] = await _welcome(connection, keys, new_id, identity, arrival, link)
        elif link is not None and known.root != link.root:
            await merge(
                connection,
                new_id(),
                arrival.account.organization,
                kept=link.root,
                merged=known.root,
                by="customer",
                how="link",
            )
            people[identity] = KnownSender(known.identity, known.customer, known.sealer, link.root)
    return people


async def _welcome(
    connection: AsyncConnection,
    keys: Keys,
    new_id: NewId,
    identity: Key,
    arrival: Arrival,
    link: "Invitation | None",
) -> "KnownSender":
    sender, organization = arrival.event.sender, arrival.account.organization
    steps: list[Step] = []
    if link is not None:
        customer, sealer = link.root, keys.customer(link.root, link.root_key)
    else:
        customer = CustomerId(new_id())
        wrapped, sealer = keys.new_customer(customer)
        profile = {"name": sender.display_name, "handle": sender.handle, "language": sender.language}
        made = {
            "id": customer,
            "organization": organization,
            "data_key": wrapped,
            "profile": sealer.seal(json.dumps(profile), field=PROFILE),
        }
        steps.append((_CUSTOMER, made))
    person = KnownSender(new_id(), customer, sealer, customer, fresh=link is None)
    row = {
        "id": person.identity,
        "organization": organization,
        "account": identity[0],
        "hash": identity[1],
        "customer": customer,
        "address": sealer.seal(sender.address, field=ADDRESS),
        "verified": sender.verified,
    }
    await pipeline(connection, *steps, (_IDENTITY, row))
    return person


async def going_on(connection: AsyncConnection, person: "KnownSender") -> ConversationId | None:
    """Return the newest open private conversation of this customer in any place, or None."""
    found = await connection.scalar(_GOING_ON, {"root": person.root})
    return ConversationId(found) if found else None


@dataclass(frozen=True, slots=True)
class KnownSender:
    """An identity, its customer, and the customer that this one is merged into."""

    identity: UUID
    customer: CustomerId
    sealer: Sealer
    root: CustomerId
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class Invitation:
    id: UUID
    conversation: ConversationId | None  # None if it is over, or if other people can read it
    root: CustomerId
    root_key: bytes


async def links_of(connection: AsyncConnection, hashes: Sequence[bytes]) -> dict[bytes, Invitation]:
    if not hashes:
        return {}
    rows = await connection.execute(_LINKS, {"hashes": list(hashes)})
    return {
        bytes(row.token_hash): Invitation(
            row.id,
            ConversationId(row.conversation_id) if row.goes_on else None,
            CustomerId(row.root),
            row.root_key,
        )
        for row in rows
    }


# Locked, so that a customer is erased only after the rows that are written now: they are then erased too.
_IDENTITIES = text("""
    select i.account_id, i.address_hash, i.id, i.customer_id, c.data_key,
        coalesce(c.merged_into, c.id) as root
    from unnest(cast(:accounts as uuid[]), cast(:hashes as bytea[])) as k(account, hash)
    join identities i on i.account_id = k.account and i.address_hash = k.hash
    join customers c on c.id = i.customer_id
    order by i.id for key share of i
""")

# Whoever is erased while messages are stored waits for them, and then finds them. A hash stands for the
# same person in all accounts of a channel.
LOCK_WRITERS: Final = text("""
    select i.id
    from unnest(cast(:accounts as uuid[]), cast(:writers as bytea[])) as k(account, writer)
    join accounts a on a.id = k.account
    join accounts b on b.organization_id = a.organization_id and b.channel = a.channel
    join identities i on i.account_id = b.id and i.address_hash = k.writer
    order by i.id for key share of i
""")

_LINKS = text(f"""
    select l.id, l.token_hash, l.conversation_id, r.id as root, r.data_key as root_key,
        not ({CLOSED}) and not exists (
            select 1 from places p where p.conversation_id = v.id and not p.private
        ) as goes_on
    from links l join customers c on c.id = l.customer_id
    join customers r on r.id = coalesce(c.merged_into, c.id)
    join conversations v on v.id = l.conversation_id
    where l.token_hash = any(cast(:hashes as bytea[])) and l.used_at is null and l.place_id is null
        and l.expires_at > clock_timestamp() and r.data_key is not null
    for update of l
""")

_GOING_ON = text(f"""
    select v.id from conversations v
    where v.customer_id in (select id from customers where id = :root or merged_into = :root)
        and not ({CLOSED})
        and exists (select 1 from places p where p.conversation_id = v.id and not p.shared and p.private)
    order by v.created_at desc limit 1
""")

_CUSTOMER = text("""
    insert into customers (id, organization_id, data_key, profile)
    values (:id, :organization, :data_key, :profile)
""")

_IDENTITY = text("""
    insert into identities (id, organization_id, account_id, address_hash, customer_id, address, verified)
    values (:id, :organization, :account, :hash, :customer, :address, :verified)
""")
