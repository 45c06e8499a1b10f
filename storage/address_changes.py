"""Move a customer to a new address, and link the two ids by which a channel may know one person."""

from collections.abc import Mapping, Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.events import AddressChanged, Place
from bot.core.ids import NewId
from storage.arrivals import Arrival, Key, identity_of, key_of, private_chat_of, two_ids
from storage.hashes import SEEN, event_key, seen_before
from storage.keys import Keys
from storage.known_places import KnownPlace, find_places, seal_place
from storage.lanes import lanes_of
from storage.sealed_fields import ADDRESS


async def link_two_ids(
    connection: AsyncConnection,
    keys: Keys,
    new_id: NewId,
    arrivals: Sequence[Arrival],
    locations: Mapping[Key, KnownPlace],
) -> None:
    """Link the two ids of each sender whom the channel knows by two ids, so that either finds them.

    Consider only messages that a customer wrote: a late receipt may name a number that they have left.
    Idempotent.
    """
    pairs = two_ids(arrivals)
    if not pairs:
        return
    there = await find_places(connection, keys, tuple({key: None for pair in pairs for key in pair}))
    for pair, (arrival, named) in pairs.items():
        number, alias = pair
        found = {key: there[key][0] for key in pair if key in there}
        found |= {key: locations[key] for key in pair if key in locations}
        if len(found) == len(pair):
            continue
        if number in found:
            await _lead_on(connection, new_id, arrival, found[number], named)
        elif alias in found:
            await _lead_on(connection, new_id, arrival, found[alias], arrival.event.sender.external_id)


async def follow_changes(
    connection: AsyncConnection,
    new_id: NewId,
    arrivals: Sequence[Arrival],
    locations: Mapping[Key, KnownPlace],
) -> None:
    """Give the new address of a customer to them, and continue the conversation there.

    Take the address from any customer who had it before. A redelivered event changes nothing.
    """
    moving = [
        (arrival, location)
        for arrival in arrivals
        if isinstance(arrival.event.content, AddressChanged)
        and (location := locations.get(key_of(arrival.account, arrival.event)))
    ]
    if not moving:
        return
    names = [(arrival.account.id, event_key(arrival.account, arrival.event)) for arrival, _ in moving]
    given = seen_before((arrival.account, arrival.event) for arrival, _ in moving)
    seen = {(row.account_id, row.external_id) for row in await connection.execute(SEEN, given)}
    for name, (arrival, location) in zip(names, moving, strict=True):
        assert isinstance(arrival.event.content, AddressChanged)  # noqa: S101
        address = arrival.event.content.address
        if name not in seen:
            new = {"old": location.place, "new": identity_of(arrival.account, arrival.event, address)}
            await connection.execute(_TAKE, new)
            await _lead_on(connection, new_id, arrival, location, address, moves=True)


async def _lead_on(
    connection: AsyncConnection,
    new_id: NewId,
    arrival: Arrival,
    location: KnownPlace,
    address: str,
    *,
    moves: bool = False,
) -> None:
    """Add an address of the same customer. Idempotent: an address that somebody has stays theirs."""
    account, event = arrival.account, arrival.event
    index, channel = account.keys.index, account.channel
    chat = (account.id, index.of("chat", channel, address))
    lanes = await lanes_of(connection, {chat: account.organization}, new_id)
    place = Place(channel, account.account, address)
    given = {
        "old": location.place,
        "identity": new_id(),
        "identity_hash": identity_of(account, event, address),
        "address": location.owner.seal(address, field=ADDRESS),
        "place": new_id(),
        "place_hash": private_chat_of(account, address)[1],
        "lane": lanes[chat],
        "sealed": seal_place(place, location.owner),
        "moves": moves,
    }
    await connection.execute(_FOLLOW, given)


async def release_numbers(
    connection: AsyncConnection, arrivals: Sequence[Arrival], locations: Mapping[Key, KnownPlace]
) -> None:
    """Take from each customer the number that they have left: its next user is somebody else."""
    for arrival in arrivals:
        if not isinstance(arrival.event.content, AddressChanged):
            continue
        key = key_of(arrival.account, arrival.event)
        if key in locations:
            new = identity_of(arrival.account, arrival.event, arrival.event.content.address)
            await connection.execute(_RELEASE, {"old": locations[key].place, "new": new})


_FOLLOW = text("""
    with old as (select p.*, i.customer_id from places p join identities i on i.id = p.identity_id
        where p.id = :old),
    identity as (
        insert into identities (id, organization_id, account_id, address_hash, customer_id, address)
        select :identity, organization_id, account_id, :identity_hash, customer_id, :address from old
        on conflict (account_id, address_hash) do nothing returning id
    ),
    place as (
        insert into places (id, organization_id, account_id, place_hash, shared, private, identity_id,
            conversation_id, lane_id, place, heard_at, open_until)
        select :place, old.organization_id, old.account_id, :place_hash, false, true, identity.id,
            old.conversation_id, :lane, :sealed, old.heard_at, old.open_until
        from old, identity
        on conflict (account_id, place_hash) do nothing returning id, conversation_id
    )
    update conversations v set place_id = place.id from place
    where v.id = place.conversation_id and cast(:moves as boolean)
""")

_TAKE = text("""
    with mine as (
        select i.account_id, coalesce(c.merged_into, c.id) as root from places p
        join identities i on i.id = p.identity_id join customers c on c.id = i.customer_id where p.id = :old
    ),
    theirs as (
        select i.id from mine join identities i on i.account_id = mine.account_id and i.address_hash = :new
        join customers c on c.id = i.customer_id where coalesce(c.merged_into, c.id) <> mine.root
    ),
    taken as (
        update identities i set address_hash = sha256(i.address_hash || uuid_send(i.id))
        from theirs where i.id = theirs.id
    )
    update places p set place_hash = sha256(p.place_hash || uuid_send(p.id))
    from theirs where p.identity_id = theirs.id
""")

# Only if the new address belongs to the same customer now. The rows stay, because messages refer to them.
_RELEASE = text("""
    with old as (
        select p.id as place, i.id as identity from places p join identities i on i.id = p.identity_id
        join identities n on n.account_id = i.account_id and n.address_hash = :new
            and n.customer_id = i.customer_id and n.id <> i.id
        where p.id = :old
    ),
    released as (
        update identities i set address_hash = sha256(i.address_hash || uuid_send(i.id))
        from old where i.id = old.identity
    )
    update places p set place_hash = sha256(p.place_hash || uuid_send(p.id)) from old where p.id = old.place
""")
