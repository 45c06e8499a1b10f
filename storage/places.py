"""Find the place that an event was written in, the conversation that goes on there, and its customer.

A place is looked up by a keyed hash of the platform's ids. `Places.locations` first locks every conversation
that may be concerned. It then creates missing rows under
advisory locks, so that two processes never create two customers or two conversations: first the locks of
identities in order, then those of customers in order. A conversation that is found only after that would be
locked out of order (see the README): PlaceMoved is raised, and the caller starts again.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.errors import PlaceMoved
from bot.core.events import (
    INVITATION,
    AddressChanged,
    Called,
    Deleted,
    Edited,
    Event,
    Place,
    ReachabilityChanged,
    Reacted,
    Receipt,
    ReturnAddress,
    Said,
    Standing,
    Started,
    Stopped,
    ThreadControl,
)
from bot.core.ids import AccountId, ConversationId, CustomerId, LaneId, NewId
from bot.core.payment_cards import without_card_numbers
from orgs.routing import without_tag
from storage.accounts import Account
from storage.database import Step, pipeline
from storage.hashes import SEEN, event_key, seen_before
from storage.keys import Keys
from storage.lanes import lanes_of
from storage.merging import alone, merge
from storage.numbers import NewNumber, begin_numbered, new_number
from storage.sealed_fields import ADDRESS, PLACE, PROFILE
from storage.sealing import KeyedHash, Sealer

AnyRow = Row[Any]
Key = tuple[AccountId, bytes]


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of the organization file about accepting events."""

    quiet: timedelta
    burst_cap: int  # messages
    customer_per_minute: int  # messages
    account_per_minute: int
    owner_kind: str  # of the owner of a new conversation
    owner_name: str
    addressed: Mapping[str, str] = field(default_factory=dict)  # other owners, by address in lower case

    def owner_of(self, event: Event) -> str:
        """Return the name of the owner of a conversation that an event opens."""
        address = event.addressed.casefold()
        return self.addressed.get(address) or self.addressed.get(without_tag(address), self.owner_name)


@dataclass(frozen=True, slots=True)
class Arrival:
    """An event that arrived at an account, before it is stored.

    Payment card numbers that a customer typed are masked here. What staff write is not changed.
    """

    account: Account
    event: Event
    rules: Rules

    def __post_init__(self) -> None:
        if self.account.serves == "customers":
            object.__setattr__(self, "event", without_card_numbers(self.event))


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


def key_of(account: Account, event: Event) -> Key:
    place = event.place
    speaker = () if event.shared or event.private else (event.sender.external_id,)
    return account.id, account.keys.index.of("place", place.channel, place.chat, place.thread, *speaker)


async def known_threads(
    connection: AsyncConnection, account: Account, threads: Iterable[Place]
) -> frozenset[Place]:
    """Return those of the given threads of an account in which somebody has written."""
    hashes = {account.keys.index.of("place", each.channel, each.chat, each.thread): each for each in threads}
    given = {"account": account.id, "hashes": sorted(hashes)}
    rows = await connection.execute(_KNOWN_THREADS, given)
    return frozenset(hashes[bytes(row.place_hash)] for row in rows)


def identity_of(account: Account, event: Event, address: str = "") -> bytes:
    """Return the keyed hash by which an account knows the sender of an event.

    The same unverified address in two places gives two identities.
    """
    return identity_hash(account.keys.index, event, address)


def identity_hash(index: KeyedHash, event: Event, address: str = "") -> bytes:
    """Return the keyed hash of an event's sender, as `identity_of`. `index` belongs to the organization."""
    place, sender = event.place, event.sender
    if not sender.verified:
        return index.of("unverified", place.channel, place.chat, sender.external_id)
    return index.of("identity", place.channel, address or sender.external_id)


def writer_hash(index: KeyedHash, event: Event, *, merged: bool) -> bytes | None:
    """Return the keyed hash of who wrote where several people share a thread; None where that is clear.

    It is not clear where the conversation is that of a customer into whom the writer is `merged`, either:
    they may be parted again.
    """
    several = event.shared or event.standing is Standing.STRANGER or merged
    if event.standing is Standing.INSIDER or not several:
        return None
    return identity_hash(index, event)


@dataclass(frozen=True, slots=True)
class Returns:
    """The address that answers go to, as keyed hashes of the mailbox and of its domain."""

    mailbox: bytes
    domain: bytes
    verified: bool


def returns_of(index: KeyedHash, returns: ReturnAddress | None) -> Returns | None:
    if returns is None:
        return None
    mailbox, domain = index.of("mailbox", returns.mailbox), index.of("domain", returns.domain)
    return Returns(mailbox, domain, returns.verified)


def returns_row(returns: Returns | None) -> dict[str, object]:
    """Return the columns of a place that hold the address for answers."""
    return {
        "mailbox": returns.mailbox if returns else None,
        "domain": returns.domain if returns else None,
        "return_verified": returns is None or returns.verified,
    }


def other_ids(arrival: Arrival) -> Iterator[tuple[bytes, bytes]]:
    """Yield the private chat, and the identity, by each other id that the channel tells of a sender."""
    if _may_join(arrival.event):
        for alias in arrival.event.sender.aliases:
            yield _place_of(arrival.account, alias)[1], identity_of(arrival.account, arrival.event, alias)


def _place_of(account: Account, address: str) -> Key:
    """Return the key of a person's private chat."""
    return account.id, account.keys.index.of("place", account.channel, address, "")


def token_of(event: Event) -> str:
    """Return the token of the invitation that an event accepts, or "" if it accepts none."""
    if event.shared or not event.private or not event.sender.verified:
        return ""
    match event.content:
        case Started(payload=written) | Said(text=written):
            found = INVITATION.search(written)
            return found[0] if found else ""
        case _:
            return ""


def token_hash(index: KeyedHash, token: str) -> bytes:
    return index.of("link", token)


class Places:
    """Finds and creates places. Holds no state."""

    def __init__(
        self,
        keys: Keys,
        new_id: NewId,
        *,
        new_number: NewNumber = new_number,
    ) -> None:
        self._keys = keys
        self._new_id = new_id
        self._new_number = new_number

    async def locations(
        self,
        connection: AsyncConnection,
        arrivals: Sequence[Arrival],
        others: Collection[ConversationId] = (),
    ) -> dict[Key, KnownPlace]:
        """Return the location of each event, by key. Create missing customers, places and conversations.

        Omit events that belong to no customer, such as a receipt for an unknown chat. `others` are
        conversations that the transaction locks as well. Raise PlaceMoved when a place leads to a
        conversation that is not locked: the caller rolls back and calls again.
        """
        first: dict[Key, Arrival] = {}
        inviting: set[Key] = set()
        for arrival in arrivals:
            key = key_of(arrival.account, arrival.event)
            if token_of(arrival.event):
                inviting.add(key)
            if key not in first or _says_more(arrival.event) > _says_more(first[key].event):
                first[key] = arrival
        locked = await self._lock(connection, arrivals, others)
        await self._pair(connection, arrivals, {})
        known = await self._leading(connection, arrivals, first, inviting, locked)
        await self._pair(connection, arrivals, known)
        await self._follow(connection, arrivals, known)
        late = [
            key
            for key, location in known.items()
            if not location.begun and location.conversation not in locked
        ]
        if late:
            raise PlaceMoved(f"{len(late)} places lead elsewhere since they were locked")
        return known

    async def _lock(
        self, connection: AsyncConnection, arrivals: Sequence[Arrival], others: Collection[ConversationId]
    ) -> set[ConversationId]:
        """Lock all conversations that the events may belong to, before anything is written. Return ids."""
        tokens = {
            token_hash(a.account.keys.index, token): a.account.organization
            for a in arrivals
            if (token := token_of(a.event))
        }
        for organization in sorted(set(tokens.values())):
            await alone(connection, organization)
        keys = {key_of(a.account, a.event) for a in arrivals}
        keys |= {alias for _, alias in _two_ids(arrivals)}
        joining = {(a.account.id, identity_of(a.account, a.event)) for a in arrivals if _may_join(a.event)}
        places, people = _pairs(sorted(keys)), _pairs(sorted(joining))
        given = {
            "others": sorted(others),
            "accounts": places["accounts"],
            "hashes": places["hashes"],
            "owners": people["accounts"],
            "identities": people["hashes"],
            "tokens": sorted(tokens),
        }
        [rows] = await pipeline(connection, (_LOCK, given))
        return {ConversationId(row.id) for row in rows}

    async def _leading(
        self,
        connection: AsyncConnection,
        arrivals: Sequence[Arrival],
        first: Mapping[Key, Arrival],
        inviting: set[Key],
        locked: set[ConversationId],
    ) -> dict[Key, KnownPlace]:
        known: dict[Key, KnownPlace] = {}
        closed: dict[Key, KnownPlace] = {}
        for key, (location, over) in (await self._find(connection, tuple(first))).items():
            if over:
                closed[key] = location
            elif key not in inviting:
                known[key] = location
        unknown = {key: arrival for key, arrival in first.items() if key not in known}
        told = {key for key, arrival in unknown.items() if not opens(arrival.event, known=key in closed)}
        known |= {key: closed[key] for key in told if key in closed}
        opening = {key: unknown[key] for key in unknown if key not in told}
        if opening:
            fresh = await self._fresh(connection, arrivals, opening)
            if fresh:
                known |= await self._open(connection, fresh, locked)
        return known

    async def _fresh(
        self, connection: AsyncConnection, arrivals: Sequence[Arrival], opening: Mapping[Key, Arrival]
    ) -> dict[Key, Arrival]:
        """Return the events of `opening` that are not stored yet, in order of their keys.

        A redelivered event must not open a conversation.
        """
        names = [(a, key) for a in arrivals if (key := key_of(a.account, a.event)) in opening]
        rows = await connection.execute(SEEN, seen_before((a.account, a.event) for a, _ in names))
        seen = {(row.account_id, row.external_id) for row in rows}
        left = {key for a, key in names if (a.account.id, event_key(a.account, a.event)) not in seen}
        return {key: opening[key] for key in sorted(left)}

    async def _find(
        self, connection: AsyncConnection, keys: Sequence[Key]
    ) -> dict[Key, tuple[KnownPlace, bool]]:
        """Return the places with these keys, each with whether its conversation is over."""
        [rows] = await pipeline(connection, (_FIND, _pairs(keys)))
        return {
            (AccountId(row.account_id), bytes(row.place_hash)): (
                KnownPlace(
                    row.id,
                    ConversationId(row.conversation_id),
                    CustomerId(row.customer_id),
                    self._keys.customer(row.customer_id, row.data_key),
                    self._keys.customer(row.owner_id, row.owner_key),
                    CustomerId(row.owner_id),
                ),
                row.closed,
            )
            for row in rows
        }

    async def _open(
        self, connection: AsyncConnection, opening: Mapping[Key, Arrival], locked: set[ConversationId]
    ) -> dict[Key, KnownPlace]:
        """Join each event to an open conversation, or create one, under advisory locks (see the module)."""
        who = {key: (key[0], identity_of(a.account, a.event)) for key, a in opening.items()}
        guards = {_guard(identity) for identity in who.values()}
        tokens: dict[Key, bytes] = {}
        for key, arrival in sorted(opening.items(), key=lambda item: item[1].event.occurred_at):
            if token := token_of(arrival.event):
                hash_ = token_hash(arrival.account.keys.index, token)
                if hash_ not in tokens.values():  # an invitation is accepted once, also within a batch
                    tokens[key] = hash_
        await connection.execute(_GUARD, {"keys": sorted(guards | {t.hex() for t in tokens.values()})})
        found = await self._find(connection, tuple(opening))
        links = await _links(connection, tuple(tokens.values()))
        people = await self._people(connection, opening, who, {k: links.get(t) for k, t in tokens.items()})
        roots = sorted({f"customer:{people[identity].root}" for identity in who.values()})
        await connection.execute(_GUARD, {"keys": roots})
        chats = {_chat(a): a.account.organization for a in opening.values()}
        lanes = await lanes_of(connection, chats, self._new_id)  # in one call, so that they are in order
        locations: dict[Key, KnownPlace] = {}
        for key, arrival in opening.items():
            location, over = found.get(key, (None, True))
            link = links.get(tokens.get(key, b""))
            if link is not None:
                await connection.execute(_USE_LINK, {"id": link.id})
            joined = link.conversation if link is not None else None
            if location is not None and not over and joined is None:
                locations[key] = location
                continue
            person = people[who[key]]
            if joined is None and not person.fresh and _may_join(arrival.event):
                joined = await self._going_on(connection, person)
            leads = {joined, location.conversation if location is not None else None} - {None}
            if not leads <= locked:
                # A foreign key to a row that another transaction holds waits for it: that could deadlock.
                raise PlaceMoved("a place leads to a conversation that was begun since they were locked")
            locations[key] = await self._enter(
                connection, key, arrival, person, location, joined, lanes[_chat(arrival)]
            )
            locked.add(locations[key].conversation)  # it may have been created here
        return locations

    async def _people(
        self,
        connection: AsyncConnection,
        opening: Mapping[Key, Arrival],
        who: Mapping[Key, Key],
        links: "Mapping[Key, _Link | None]",
    ) -> "dict[Key, _Person]":
        """Return the sender of each event. Create senders who never wrote before.

        A sender who accepts an invitation is merged into the customer who invited them.
        """
        wanted = sorted(set(who.values()))
        [rows] = await pipeline(connection, (_IDENTITIES, _pairs(wanted)))
        people = {
            (AccountId(row.account_id), bytes(row.address_hash)): _Person(
                row.id,
                CustomerId(row.customer_id),
                self._keys.customer(row.customer_id, row.data_key),
                CustomerId(row.root),
            )
            for row in rows
        }
        for key, arrival in opening.items():
            identity, link = who[key], links.get(key)
            known = people.get(identity)
            if known is None:
                people[identity] = await self._welcome(connection, identity, arrival, link)
            elif link is not None and known.root != link.root:
                await merge(
                    connection,
                    self._new_id(),
                    arrival.account.organization,
                    kept=link.root,
                    merged=known.root,
                    by="customer",
                    how="link",
                )
                people[identity] = _Person(known.identity, known.customer, known.sealer, link.root)
        return people

    async def _welcome(
        self, connection: AsyncConnection, identity: Key, arrival: Arrival, link: "_Link | None"
    ) -> "_Person":
        sender, organization = arrival.event.sender, arrival.account.organization
        steps: list[Step] = []
        if link is not None:
            customer, sealer = link.root, self._keys.customer(link.root, link.root_key)
        else:
            customer = CustomerId(self._new_id())
            wrapped, sealer = self._keys.new_customer(customer)
            profile = {"name": sender.display_name, "handle": sender.handle, "language": sender.language}
            made = {
                "id": customer,
                "organization": organization,
                "data_key": wrapped,
                "profile": sealer.seal(json.dumps(profile), field=PROFILE),
            }
            steps.append((_CUSTOMER, made))
        person = _Person(self._new_id(), customer, sealer, customer, fresh=link is None)
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

    async def _going_on(self, connection: AsyncConnection, person: "_Person") -> ConversationId | None:
        """Return the newest open private conversation of this customer in any place, or None."""
        found = await connection.scalar(_GOING_ON, {"root": person.root})
        return ConversationId(found) if found else None

    async def _enter(
        self,
        connection: AsyncConnection,
        key: Key,
        arrival: Arrival,
        person: "_Person",
        before: KnownPlace | None,
        joined: ConversationId | None,
        lane: LaneId,
    ) -> KnownPlace:
        """Point the place to the conversation that was joined, or to a new one.

        A new conversation of a merged customer gets that customer's own key, so that it stays with them if
        the merge is undone. Where somebody else wrote before, create a second place for this customer: a
        place is erased with the customer it belongs to.
        """
        account, begun_here = arrival.account, joined is None
        customer, sealer = person.customer, person.sealer
        if joined is not None:
            row = (await connection.execute(_KEY_OF, {"id": joined})).one()
            customer = CustomerId(row.customer_id)
            sealer = self._keys.customer(customer, row.data_key)
        conversation = joined or ConversationId(self._new_id())
        steps: list[Step] = []
        if begun_here:
            begun = {
                "id": conversation,
                "organization": account.organization,
                "customer": customer,
                "previous": before.conversation if before else None,
                "owner_kind": arrival.rules.owner_kind,
                "owner_name": arrival.rules.owner_of(arrival.event),
            }
            await begin_numbered(connection, _BEGIN, begun, self._new_number)
        if before is not None and (before.whose == customer or not begun_here):
            steps.append((_POINT, {"id": before.place, "conversation": conversation}))
            await pipeline(connection, *steps)
            return KnownPlace(
                before.place, conversation, customer, sealer, before.owner, before.whose, begun_here
            )
        if before is not None:
            steps.append((SET_ASIDE, {"id": before.place}))
        row_of_place = place_row(
            self._new_id(), arrival, key[1], person.identity, conversation, lane, person.sealer
        )
        await pipeline(connection, *steps, (_PLACE, row_of_place))
        place = UUID(str(row_of_place["id"]))
        return KnownPlace(place, conversation, customer, sealer, person.sealer, person.customer, begun_here)

    async def _pair(
        self, connection: AsyncConnection, arrivals: Sequence[Arrival], locations: Mapping[Key, KnownPlace]
    ) -> None:
        """Link the two ids of each sender whom the channel knows by two ids, so that either finds one
        customer.

        Consider only messages that a customer wrote: a late receipt may name a number that they have left.
        Idempotent.
        """
        pairs = _two_ids(arrivals)
        if not pairs:
            return
        there = await self._find(connection, tuple({key: None for pair in pairs for key in pair}))
        for pair, (arrival, named) in pairs.items():
            number, alias = pair
            found = {key: there[key][0] for key in pair if key in there}
            found |= {key: locations[key] for key in pair if key in locations}
            if len(found) == len(pair):
                continue
            if number in found:
                await self._lead_on(connection, arrival, found[number], named)
            elif alias in found:
                await self._lead_on(connection, arrival, found[alias], arrival.event.sender.external_id)

    async def _follow(
        self, connection: AsyncConnection, arrivals: Sequence[Arrival], locations: Mapping[Key, KnownPlace]
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
                await self._lead_on(connection, arrival, location, address, moves=True)

    async def _lead_on(
        self,
        connection: AsyncConnection,
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
        lanes = await lanes_of(connection, {chat: account.organization}, self._new_id)
        place = Place(channel, account.account, address)
        given = {
            "old": location.place,
            "identity": self._new_id(),
            "identity_hash": identity_of(account, event, address),
            "address": location.owner.seal(address, field=ADDRESS),
            "place": self._new_id(),
            "place_hash": _place_of(account, address)[1],
            "lane": lanes[chat],
            "sealed": seal_place(place, location.owner),
            "moves": moves,
        }
        await connection.execute(_FOLLOW, given)

    async def release(
        self, connection: AsyncConnection, arrivals: Sequence[Arrival], locations: Mapping[Key, KnownPlace]
    ) -> None:
        """Take from each customer the number that they have left: its next user is somebody else."""
        for arrival in arrivals:
            if not isinstance(arrival.event.content, AddressChanged):
                continue
            key = key_of(arrival.account, arrival.event)
            if key in locations:
                new = identity_of(arrival.account, arrival.event, arrival.event.content.address)
                await connection.execute(_RELEASE, {"old": locations[key].place, "new": new})


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


@dataclass(frozen=True, slots=True)
class _Person:
    """An identity, its customer, and the customer that this one is merged into."""

    identity: UUID
    customer: CustomerId
    sealer: Sealer
    root: CustomerId
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class _Link:
    id: UUID
    conversation: ConversationId | None  # None if it is over, or if other people can read it
    root: CustomerId
    root_key: bytes


_BEGINS_NOTHING = (
    Edited,
    Deleted,
    Reacted,
    Receipt,
    AddressChanged,
    ReachabilityChanged,
    Called,
    Stopped,
    ThreadControl,
)


def opens(event: Event, *, known: bool) -> bool:
    """Return whether an event may open a conversation. `known`: its place has one, which is over.

    A stranger opens one only in a place that has none: whoever answers in a customer's thread does not become
    its owner. An event about an earlier message, such as an edit or a receipt, opens none.
    """
    if event.standing is not Standing.CUSTOMER:
        told = not isinstance(event.content, Stopped)
        return event.standing is Standing.STRANGER and told and not known
    return not isinstance(event.content, _BEGINS_NOTHING)


def _says_more(event: Event) -> tuple[bool, bool, bool]:
    """Return a sort key for events that arrive from one place at once: the largest one decides what is
    opened.
    """
    return bool(token_of(event)), opens(event, known=True), opens(event, known=False)


def _may_join(event: Event) -> bool:
    return event.private and not event.shared and event.sender.verified


def _two_ids(arrivals: Sequence[Arrival]) -> dict[tuple[Key, Key], tuple[Arrival, str]]:
    """Return each pair of places of a sender whom the channel knows by several ids, with the second id.

    The place that they wrote from comes first in each pair.
    """
    return {
        (key_of(a.account, a.event), _place_of(a.account, alias)): (a, alias)
        for a in arrivals
        if _may_join(a.event) and (opens(a.event, known=True) or isinstance(a.event.content, AddressChanged))
        for alias in a.event.sender.aliases
    }


def _chat(arrival: Arrival) -> Key:
    account = arrival.account
    return account.id, account.keys.index.of("chat", account.channel, arrival.event.place.chat)


def _guard(identity: Key) -> str:
    return f"{identity[0]}{identity[1].hex()}"


def _pairs(keys: Sequence[Key]) -> dict[str, object]:
    return {"accounts": [key[0] for key in keys], "hashes": [key[1] for key in keys]}


async def _links(connection: AsyncConnection, hashes: Sequence[bytes]) -> dict[bytes, _Link]:
    if not hashes:
        return {}
    rows = await connection.execute(_LINKS, {"hashes": list(hashes)})
    return {
        bytes(row.token_hash): _Link(
            row.id,
            ConversationId(row.conversation_id) if row.goes_on else None,
            CustomerId(row.root),
            row.root_key,
        )
        for row in rows
    }


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

# Locks the conversations of these places, the other open ones of their customers, and those of invitations.
_LOCK = text(f"""
    select w.id from conversations w
    where w.id = any(cast(:others as uuid[]) || array(
        select p.conversation_id
        from unnest(cast(:accounts as uuid[]), cast(:hashes as bytea[])) as k(account, hash)
        join places p on p.account_id = k.account and p.place_hash = k.hash
        union all
        select l.conversation_id from links l where l.token_hash = any(cast(:tokens as bytea[]))
        union all
        select v.id
        from (
            select i.customer_id as id
            from unnest(cast(:owners as uuid[]), cast(:identities as bytea[])) as k(account, hash)
            join identities i on i.account_id = k.account and i.address_hash = k.hash
            union all
            select l.customer_id from links l where l.token_hash = any(cast(:tokens as bytea[]))
        ) as known
        join customers c on c.id = known.id
        join customers same on same.id = coalesce(c.merged_into, c.id)
            or same.merged_into = coalesce(c.merged_into, c.id)
        join conversations v on v.customer_id = same.id and not ({CLOSED})
            and exists (select 1 from places p where p.conversation_id = v.id and not p.shared and p.private)
    ))
    order by w.id for update
""")

_GUARD = text("""
    select pg_advisory_xact_lock(hashtextextended(k.key, 0))
    from (select key from unnest(cast(:keys as text[])) with ordinality as t(key, n) order by n) as k
""")

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

_USE_LINK = text("update links set used_at = clock_timestamp() where id = :id")

_GOING_ON = text(f"""
    select v.id from conversations v
    where v.customer_id in (select id from customers where id = :root or merged_into = :root)
        and not ({CLOSED})
        and exists (select 1 from places p where p.conversation_id = v.id and not p.shared and p.private)
    order by v.created_at desc limit 1
""")

_KEY_OF = text("""
    select v.customer_id, c.data_key from conversations v join customers c on c.id = v.customer_id
    where v.id = :id
""")

_CUSTOMER = text("""
    insert into customers (id, organization_id, data_key, profile)
    values (:id, :organization, :data_key, :profile)
""")

_IDENTITY = text("""
    insert into identities (id, organization_id, account_id, address_hash, customer_id, address, verified)
    values (:id, :organization, :account, :hash, :customer, :address, :verified)
""")

_BEGIN = text("""
    insert into conversations (id, organization_id, customer_id, number, previous_id, owner_kind, owner_name,
        status)
    values (:id, :organization, :customer, :number, :previous, :owner_kind, :owner_name, 'pending')
    on conflict (organization_id, number) do nothing returning id
""")

_PLACE = text("""
    insert into places (id, organization_id, account_id, place_hash, shared, private, identity_id,
        conversation_id, lane_id, place, mailbox_hash, domain_hash, return_verified)
    values (:id, :organization, :account, :hash, :shared, :private, :identity, :conversation, :lane, :place,
        :mailbox, :domain, :return_verified)
""")

_POINT = text("update places set conversation_id = :conversation where id = :id")

# New events no longer find this place. Its old messages still refer to it.
SET_ASIDE: Final = text("update places set place_hash = sha256(place_hash || uuid_send(id)) where id = :id")

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
