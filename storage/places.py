"""Find the place that an event was written in, the conversation that goes on there, and its customer.

A place is looked up by a keyed hash of the platform's ids. `Places.locations` first locks every conversation
that may be concerned. It then creates missing rows under advisory locks, so that two processes never create
two customers or two conversations: first the locks of identities in order, then those of customers in order.
A conversation that is found only after that would be locked out of order (see the README): PlaceMoved is
raised, and the caller starts again.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.errors import PlaceMoved
from bot.core.events import Event
from bot.core.ids import ConversationId, CustomerId, LaneId, NewId
from storage.address_changes import follow_changes, link_two_ids
from storage.arrivals import (
    Arrival,
    Key,
    chat_of,
    identity_of,
    key_of,
    may_join,
    opens,
    pairs_of,
    token_hash,
    token_of,
    two_ids,
)
from storage.database import Step, pipeline
from storage.hashes import SEEN, event_key, seen_before
from storage.keys import Keys
from storage.known_places import CLOSED, KnownPlace, find_places, place_row
from storage.lanes import lanes_of
from storage.merging import alone
from storage.numbers import NewNumber, begin_numbered, new_number
from storage.senders import KnownSender, going_on, links_of, senders_of

AnyRow = Row[Any]


class Places:
    """Finds and creates places. Holds no state."""

    def __init__(self, keys: Keys, new_id: NewId, *, new_number: NewNumber = new_number) -> None:
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
        await link_two_ids(connection, self._keys, self._new_id, arrivals, {})
        known = await self._leading(connection, arrivals, first, inviting, locked)
        await link_two_ids(connection, self._keys, self._new_id, arrivals, known)
        await follow_changes(connection, self._new_id, arrivals, known)
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
        keys |= {alias for _, alias in two_ids(arrivals)}
        joining = {(a.account.id, identity_of(a.account, a.event)) for a in arrivals if may_join(a.event)}
        places, people = pairs_of(sorted(keys)), pairs_of(sorted(joining))
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
        for key, (location, over) in (await find_places(connection, self._keys, tuple(first))).items():
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
        found = await find_places(connection, self._keys, tuple(opening))
        links = await links_of(connection, tuple(tokens.values()))
        people = await senders_of(
            connection, self._keys, self._new_id, opening, who, {k: links.get(t) for k, t in tokens.items()}
        )
        roots = sorted({f"customer:{people[identity].root}" for identity in who.values()})
        await connection.execute(_GUARD, {"keys": roots})
        chats = {chat_of(a): a.account.organization for a in opening.values()}
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
            if joined is None and not person.fresh and may_join(arrival.event):
                joined = await going_on(connection, person)
            leads = {joined, location.conversation if location is not None else None} - {None}
            if not leads <= locked:
                # A foreign key to a row that another transaction holds waits for it: that could deadlock.
                raise PlaceMoved("a place leads to a conversation that was begun since they were locked")
            locations[key] = await self._enter(
                connection, key, arrival, person, location, joined, lanes[chat_of(arrival)]
            )
            locked.add(locations[key].conversation)  # it may have been created here
        return locations

    async def _enter(
        self,
        connection: AsyncConnection,
        key: Key,
        arrival: Arrival,
        person: "KnownSender",
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


def _says_more(event: Event) -> tuple[bool, bool, bool]:
    """Return a sort key for events that arrive from one place at once: the largest one decides what is
    opened.
    """
    return bool(token_of(event)), opens(event, known=True), opens(event, known=False)


def _guard(identity: Key) -> str:
    return f"{identity[0]}{identity[1].hex()}"


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

_USE_LINK = text("update links set used_at = clock_timestamp() where id = :id")

_KEY_OF = text("""
    select v.customer_id, c.data_key from conversations v join customers c on c.id = v.customer_id
    where v.id = :id
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
