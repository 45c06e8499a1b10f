"""Store what the platforms send: event, customer, conversation and message, in one transaction.

Locks are taken in the order that the README states.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.entries import changed_message, is_nobodys
from bot.core.errors import PlaceMoved
from bot.core.events import Submitted, Tapped
from bot.core.ids import AccountId, NewId
from storage.address_changes import release_numbers
from storage.arrivals import Arrival, Key, key_of, opens
from storage.early_changes import EarlyChanges, Incoming, Logged, logged, look
from storage.early_replies import PLACE_EARLY_EVENT, entries_of_early_events, keep_early_replies
from storage.entries import Entry, Wake, entry_of
from storage.floods import Floods
from storage.hashes import event_key, reference_hash
from storage.inputs import Inputs
from storage.keys import Keys
from storage.known_places import KnownPlace
from storage.locked_conversations import Locked, lock_and_look
from storage.numbers import NewNumber, new_number
from storage.places import Places
from storage.platform_ids import check_ids
from storage.staff_events import (
    concerned_entries,
    former_id,
    keys_of_entry,
    move_rooms,
    notice_of_press,
    room_entries,
)


@dataclass(frozen=True, slots=True)
class Accepted:
    """The outcome of a batch, as counts. `ignored` events concern no conversation."""

    wakes: tuple[Wake, ...] = ()
    fresh: int = 0
    duplicates: int = 0
    early: int = 0
    ignored: int = 0


class Inboxes:
    """Stores incoming events. Holds no state except how much each sender wrote, which is bounded."""

    def __init__(
        self,
        keys: Keys,
        new_id: NewId,
        *,
        new_number: NewNumber = new_number,
    ) -> None:
        self._keys = keys
        self._places = Places(keys, new_id, new_number=new_number)
        floods = Floods()
        self._early = EarlyChanges(keys, floods)
        self._inputs = Inputs(new_id, floods)

    async def accept(self, connection: AsyncConnection, arrivals: Sequence[Arrival]) -> Accepted:
        """Store each arrival once, in the order given within each conversation.

        Idempotent by (account, external id). The caller commits. Raise MalformedPayload for impossible ids.
        Raise PlaceMoved when a place led elsewhere before it was locked: the caller must roll back and call
        again.
        """
        unique: dict[tuple[AccountId, str], Arrival] = {}
        nobodys = 0
        for arrival in arrivals:
            check_ids(arrival.event)
            if is_nobodys(arrival.event, customers=arrival.account.serves == "customers"):
                nobodys += 1
                continue
            unique.setdefault((arrival.account.id, event_key(arrival.account, arrival.event)), arrival)
        customers = [a for a in unique.values() if a.account.serves == "customers"]
        staff = [a for a in unique.values() if a.account.serves == "staff"]
        rooms = await room_entries(connection, self._keys, staff)
        wide = await concerned_entries(connection, self._keys, staff)
        others = {e.conversation for e in (*rooms.values(), *wide)}
        locations = await self._places.locations(connection, customers, others) if customers else {}
        heads, seen = await lock_and_look(
            connection,
            {s.conversation for s in locations.values()} | others,
            [(e.account_id, e.external_id, former_id(e)) for e in wide],
            {s.place for s in locations.values()},
            [(arrival.account, arrival.event) for arrival in unique.values()],
            look(customers, {key for key, location in locations.items() if location.begun}),
        )
        _check_places(locations, heads, customers)
        incoming = [
            Incoming(key[1], arrival, locations.get(key_of(arrival.account, arrival.event)))
            for key, arrival in unique.items()
            if key not in seen and arrival.account.serves == "customers"
        ]
        log = await _logged_of(connection, incoming)
        met = await self._early.meet(connection, incoming, heads.early, log)
        heard = {(each.arrival.account.id, each.key): each for each in met.events}
        entries: list[Entry] = []
        early: list[Arrival] = []
        ignored = nobodys + met.ignored
        for key, arrival in unique.items():
            if key in seen:
                continue
            if arrival.account.serves == "customers":
                if (each := heard.get(key)) is not None and each.location is not None:
                    entries.append(entry_of(each, each.location))
                elif each is not None:
                    ignored += 1
            elif (of_room := rooms.get(key)) is not None:
                entries.append(of_room)
            elif notice_of_press(arrival.event) is not None:
                continue  # `wide` has an entry for each conversation that the notice lists
            elif arrival.event.in_our_thread or isinstance(arrival.event.content, Tapped | Submitted):
                early.append(arrival)
            else:
                ignored += 1
        entries += [e for e in wide if not seen & {(e.account_id, key) for key in keys_of_entry(e)}]
        await move_rooms(connection, staff)
        wakes = await self._inputs.store(connection, entries, heads.conversations, log=log)
        if met.told:
            told = [entry_of(each, each.location) for each in met.told if each.location is not None]
            later = await self._inputs.store(connection, told, heads.conversations, PLACE_EARLY_EVENT)
            wakes = tuple({wake.conversation: wake for wake in (*wakes, *later)}.values())
        await release_numbers(connection, customers, locations)
        await keep_early_replies(connection, early)
        return Accepted(
            wakes=wakes,
            fresh=len(entries),
            duplicates=len(arrivals) - nobodys - len(unique) + len(seen),
            early=len(early) + met.waiting,
            ignored=ignored,
        )

    async def tell(self, connection: AsyncConnection, entries: Sequence[Entry]) -> tuple[Wake, ...]:
        """Store inputs of known conversations. Lock these conversations. Idempotent."""
        heads, seen = await lock_and_look(
            connection,
            {entry.conversation for entry in entries},
            tuple((e.account_id, e.external_id, "") for e in entries),
        )
        fresh = [e for e in entries if (e.account_id, e.external_id) not in seen]
        return await self._inputs.store(connection, fresh, heads.conversations)

    async def adopt(self, connection: AsyncConnection) -> tuple[Wake, ...]:
        """Move early events into their conversations, once their rooms or messages are known. Idempotent."""
        entries = await entries_of_early_events(connection, self._keys, self._early)
        heads, _ = await lock_and_look(connection, {entry.conversation for entry in entries}, ())
        return await self._inputs.store(connection, entries, heads.conversations, PLACE_EARLY_EVENT)


def _check_places(locations: Mapping[Key, KnownPlace], heads: Locked, arrivals: Sequence[Arrival]) -> None:
    """Raise PlaceMoved unless each place still leads to its location's conversation, which must not be over.

    A change of address in the same batch may have taken it. Called when the conversations are locked.
    """
    opening = {key_of(a.account, a.event) for a in arrivals if opens(a.event, known=True)}
    moved = [
        key
        for key, location in locations.items()
        if heads.leads_to.get(location.place) != (key[1], location.conversation)
        or (head := heads.conversations.get(location.conversation)) is None
        or (head.closed and key in opening)
    ]
    if moved:
        raise PlaceMoved(f"{len(moved)} places lead elsewhere now")


async def _logged_of(connection: AsyncConnection, incoming: Sequence[Incoming]) -> Logged:
    """Return what the log has of the messages that these events edit or delete."""
    return await logged(
        connection,
        [
            (each.location.conversation, ref, reference_hash(each.arrival.account.keys.index, ref))
            for each in incoming
            if each.location is not None and (ref := changed_message(each.arrival.event))
        ],
    )
