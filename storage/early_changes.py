"""Keep what comes before the messages that it is about: edits, deletions, and who controls a shared chat.

A platform may deliver a change of a message before the message. Such a change waits for an hour, whatever
conversation begins or ends meanwhile. It is found by the account, the chat, the writer and the message. The
message is then stored with its newest words and files, so that nothing else has to know of the change.

Who controls a chat is told to its conversation. A copy waits for an hour for one that begins there.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.conversation import Origin
from bot.core.entries import changed_message
from bot.core.events import (
    Deleted,
    Edited,
    Event,
    Said,
    SenderRole,
    Submitted,
    ThreadControl,
    Unsupported,
)
from bot.core.ids import AccountId, ConversationId, CustomerId
from storage.arrivals import Arrival, Key, identity_hash, key_of, other_ids, writer_hash
from storage.codec import dump_body, load_body
from storage.database import Step, pipeline
from storage.floods import Floods
from storage.hashes import reference_hash
from storage.keys import Keys
from storage.known_places import KnownPlace
from storage.sealed_fields import BODY
from storage.sealing import Sealer
from storage.senders import LOCK_WRITERS

AnyRow = Row[Any]
# Follows the key of a change that is an input already: it waits for its message, sealed with the key of the
# customer whose id follows.
AGAIN: Final = "+again:"
_CONTROL: Final = "+control"  # stands for the message where a change of control waits for a conversation
ONE_FLOODS: Final = 300.0  # seconds that a flood of one sender lasts at most after the last message


@dataclass(frozen=True, slots=True)
class Incoming:
    """A customer's event that is not stored yet, with its key and where it belongs, if that is known."""

    key: str
    arrival: Arrival
    location: KnownPlace | None
    edited: Event | None = None  # the event with the newest words, if an edit has come before it
    deleted: bool = False  # a deletion has come before it


@dataclass(frozen=True, slots=True)
class Logged:
    """The log's messages that are changed, by conversation and the platform's id."""

    known: set[tuple[ConversationId, str]] = field(default_factory=set)  # at least a note of an edit
    written: set[tuple[ConversationId, str]] = field(default_factory=set)  # the message itself
    deleted: set[tuple[ConversationId, str]] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Met:
    """The events of a batch to be stored, as they were changed. `ignored` changes are not kept."""

    events: tuple[Incoming, ...]
    waiting: int
    ignored: int
    told: tuple[Incoming, ...] = ()  # stored before, and now inputs of the conversations that begin


@dataclass(slots=True)
class _Change:
    """A change that came before its message: its event, and its row or its place in the batch."""

    order: int  # in which the changes came
    event: Event
    row: tuple[AccountId, str] | None = None
    incoming: Incoming | None = None


@dataclass(slots=True)
class _Batch:
    """The changes of a batch whose messages have not come, and those whose messages have."""

    pending: defaultdict[tuple[AccountId, str], list[_Change]]
    spent: list[_Change] = field(default_factory=list)
    noted: list[Incoming] = field(default_factory=list)  # messages whose changes may be notes of the log


class EarlyChanges:
    """Lets changes wait for their messages. Holds no state except how many changes each sender makes."""

    def __init__(self, keys: Keys, floods: Floods) -> None:
        self._keys = keys
        self._floods = floods

    async def meet(
        self,
        connection: AsyncConnection,
        incoming: Sequence[Incoming],
        waiting: Sequence[AnyRow],
        logged: Logged,
    ) -> Met:
        """Apply early changes to the messages of a batch, and let those wait whose messages are not in it.

        `waiting` are the rows of the changes that wait for these messages (see `look`). Conversations are
        locked.
        """
        batch = _Batch(self._opened(incoming, waiting))
        written = set(logged.written)
        told = _of_control(incoming, batch)
        events = [_met(order, each, batch, written) for order, each in enumerate(incoming, len(waiting))]
        left = [c.incoming for changes in batch.pending.values() for c in changes if c.incoming is not None]
        kept = [each for each in left if not self._floods_us(each.arrival)]
        nowhere = {each.key for each in left if each.location is None}
        gone = {change.incoming.key for change in batch.spent if change.incoming is not None}
        await _keep(connection, kept)
        await _spend(connection, batch)
        return Met(
            tuple(each for each in events if each.key not in nowhere | gone),
            len(kept),
            len(nowhere - {each.key for each in kept}),
            tuple(told),
        )

    def _opened(
        self, incoming: Sequence[Incoming], rows: Iterable[AnyRow]
    ) -> defaultdict[tuple[AccountId, str], list[_Change]]:
        """Return changes that wait, by whose message they wait for."""
        sealers = {each.arrival.account.id: each.arrival.account.keys.sealer for each in incoming}
        found: defaultdict[tuple[AccountId, str], list[_Change]] = defaultdict(list)
        for order, row in enumerate(rows):
            if (account := AccountId(row.account_id)) not in sealers:
                continue  # the message has come again
            event = load_body(self.sealer_of(row, sealers[account]).open(row.body, field=BODY))
            assert isinstance(event, Event)  # noqa: S101  see `_keep`
            found[account, row.waits_for].append(_Change(order, event, (account, row.external_id)))
        return found

    def _floods_us(self, arrival: Arrival) -> bool:
        """Count a change that came early. Return whether its sender makes more than may wait."""
        index = arrival.account.keys.index
        who = UUID(bytes=index.of("early", identity_hash(index, arrival.event).hex())[:16])
        return bool(self._floods.count(who, arrival.rules.customer_per_minute, ONE_FLOODS))

    def sealer_of(self, row: AnyRow, ours: Sealer) -> Sealer:
        """Return whose key seals an early event: that of its writer, who may be merged, or our own."""
        return ours if row.writer is None else self._keys.customer(CustomerId(row.writer), row.writer_key)


def _met(order: int, each: Incoming, batch: _Batch, written: set[tuple[ConversationId, str]]) -> Incoming:
    """Return an event with the changes that came before it. Collect it if it is itself such a change."""
    event, account = each.arrival.event, each.arrival.account.id
    here = (each.location.conversation,) if each.location is not None else ()
    if is_change(event):
        if not any((id_, changed_message(event)) in written for id_ in here):
            key = early_key(each.arrival, changed_message(event))
            batch.pending[account, key].append(_Change(order, event, incoming=each))
    elif isinstance(event.content, ThreadControl):
        batch.pending[account, early_key(each.arrival, _CONTROL)].append(_Change(order, event, incoming=each))
    elif may_be_changed(event):
        written.update((id_, event.message) for id_ in here)
        found = [
            c for key in _keys(each.arrival, event.message) for c in batch.pending.pop((account, key), ())
        ]
        changes = sorted(found, key=lambda change: change.order)
        batch.spent += changes
        if any(change.row is not None for change in changes):
            batch.noted.append(each)
        return _changed(each, [change.event for change in changes])
    return each


def _of_control(incoming: Sequence[Incoming], batch: _Batch) -> list[Incoming]:
    """Return what was told of the control of chats in which conversations begin now, with its rows' keys."""
    found = []
    for each in incoming:
        if each.location is not None and each.location.begun:
            account = each.arrival.account.id
            for change in (
                c for key in _keys(each.arrival, _CONTROL) for c in batch.pending.pop((account, key), ())
            ):
                assert change.row is not None  # noqa: S101  nothing of this batch has been met yet
                arrival = replace(each.arrival, event=change.event)
                found.append(Incoming(change.row[1], arrival, each.location))
    return found


def is_change(event: Event) -> bool:
    """Return whether an event is an edit or a deletion of a message by the customer."""
    return isinstance(event.content, Edited | Deleted) and event.sender_role is SenderRole.CUSTOMER


def may_be_changed(event: Event) -> bool:
    """Return whether an event is a message that a customer may edit or delete."""
    is_message = isinstance(event.content, Said | Submitted | Unsupported)
    return is_message and bool(event.message) and event.sender_role is SenderRole.CUSTOMER


def look(arrivals: Iterable[Arrival], begun: Collection[Key]) -> Step | None:
    """Return a step that reads, and locks, what waits for the messages in a batch, and for what they begin.

    `begun` are the keys of the places where conversations begin.
    """
    keys = []
    for arrival in arrivals:
        refs = [arrival.event.message] if may_be_changed(arrival.event) else []
        refs += [_CONTROL] if key_of(arrival.account, arrival.event) in begun else []
        keys += [(arrival.account.id, key) for ref in refs for key in _keys(arrival, ref)]
    if not keys:
        return None
    return _WAITING, {"accounts": [id_ for id_, _ in keys], "waits_for": [key for _, key in keys]}


async def logged(connection: AsyncConnection, changed: Sequence[tuple[ConversationId, str, str]]) -> Logged:
    """Return what the log has of messages, each a conversation, an id, and that id as it is stored."""
    if not changed:
        return Logged()
    given = {"conversations": [id_ for id_, _, _ in changed], "refs": [stored for _, _, stored in changed]}
    rows = {(row.conversation_id, row.ref): row for row in await connection.execute(_LOGGED, given)}
    found = {(id_, ref): row for id_, ref, stored in changed if (row := rows.get((id_, stored)))}
    return Logged(
        set(found),
        {key for key, row in found.items() if row.written},
        {key for key, row in found.items() if row.deleted},
    )


def early_key(arrival: Arrival, ref: str) -> str:
    """Return the key under which a change waits for its message: hashes of place, message and writer."""
    index = arrival.account.keys.index
    return _key(arrival, ref, key_of(arrival.account, arrival.event)[1], identity_hash(index, arrival.event))


def _keys(arrival: Arrival, ref: str) -> Iterator[str]:
    """Yield the keys under which something may wait for a message: its writer may have several ids."""
    yield early_key(arrival, ref)
    for place, writer in other_ids(arrival):
        yield _key(arrival, ref, place, writer)


def _key(arrival: Arrival, ref: str, place: bytes, writer: bytes) -> str:
    return f"{place.hex()}/{reference_hash(arrival.account.keys.index, ref)}/{writer.hex()}"


def _changed(each: Incoming, changes: Sequence[Event]) -> Incoming:
    """Return a message as these events have changed it: the newest edit by the platform's clock counts.

    Of two edits of one second, it is the one that came later.
    """
    event, edited, deleted = each.arrival.event, each.edited, each.deleted
    changes = sorted(changes, key=lambda change: change.occurred_at)
    for change in changes:
        match change.content, (edited or event).content:
            case Edited(text=words, attachments=files), Said(attachments=before):
                told = replace(event.reference, edited_at=change.occurred_at)
                edited = replace(event, content=Said(words, files or before), reference=told)
            case Deleted(), _:
                deleted = True
            case _:
                pass  # only words can be edited
    # The arrival stays as it is: a new one would look for payment cards, which takes long in a long text.
    return replace(each, edited=edited, deleted=deleted)


async def _keep(connection: AsyncConnection, early: Sequence[Incoming]) -> None:
    """Let changes wait for their messages. One that is an input of a conversation waits as a copy."""
    if not early:
        return
    arrivals = [each.arrival for each in early]
    given = {  # who made them may be erased at this moment
        "accounts": [a.account.id for a in arrivals],
        "writers": [identity_hash(a.account.keys.index, a.event) for a in arrivals],
    }
    await pipeline(connection, (LOCK_WRITERS, given), (INSERT_EARLY_EVENT, [_row(each) for each in early]))


def _row(each: Incoming) -> dict[str, object]:
    arrival, location = each.arrival, each.location
    sealer = arrival.account.keys.sealer if location is None else location.owner
    return early_event_row(
        arrival,
        Origin.CUSTOMER,
        each.key if location is None else f"{each.key}{AGAIN}{location.whose}",
        early_key(arrival, changed_message(arrival.event) or _CONTROL),
        sealer.seal(dump_body(arrival.event), field=BODY),
    )


def early_event_row(
    arrival: Arrival, origin: Origin, key: str, waits_for: str | None, body: str | None
) -> dict[str, object]:
    """Return the row of an event that belongs to no conversation yet."""
    return {
        "account": arrival.account.id,
        "external": key,
        "organization": arrival.account.organization,
        "origin": origin.value,
        "kind": type(arrival.event.content).__name__,
        "body": body,
        "waits_for": waits_for,
    }


async def _spend(connection: AsyncConnection, batch: _Batch) -> None:
    """Keep only the keys of changes whose messages have come, and delete the notes that stood for them."""
    steps: list[Step] = []
    if rows := [change.row for change in batch.spent if change.row is not None]:
        ids = {"accounts": [account for account, _ in rows], "externals": [key for _, key in rows]}
        steps.append((_SPEND, ids))
    if fresh := [change.incoming for change in batch.spent if change.incoming is not None]:
        spent = [early_event_row(each.arrival, Origin.CUSTOMER, each.key, None, None) for each in fresh]
        steps.append((INSERT_EARLY_EVENT, spent))
    for each in batch.noted:
        if each.location is not None and not each.location.begun:
            steps.append((_DELETE_NOTE, _note(each, each.location)))
    if steps:
        await pipeline(connection, *steps)


def _note(each: Incoming, location: KnownPlace) -> dict[str, object]:
    index, event = each.arrival.account.keys.index, each.arrival.event
    return {
        "conversation": location.conversation,
        "ref": reference_hash(index, event.message),
        "writer": writer_hash(index, event, merged=location.whose != location.customer),
    }


EARLY_EVENT_WRITER: Final = f"""
    left join customers w on w.id = cast(nullif(split_part(i.external_id, '{AGAIN}', 2), '') as uuid)
"""

# ix_inbox_waits_for
_WAITING = text(f"""
    select i.account_id, i.external_id, i.waits_for, i.body, w.id as writer, w.data_key as writer_key
    from unnest(cast(:accounts as uuid[]), cast(:waits_for as text[])) as k(account, waits_for)
    join inbox i on i.account_id = k.account and i.waits_for = k.waits_for
    {EARLY_EVENT_WRITER}
    where i.waits_for is not null and (w.id is null or w.data_key is not null)
    order by i.accepted_at, i.external_id for update of i skip locked
""")

_LOGGED = text("""
    select m.conversation_id, m.external_id as ref, bool_and(m.state = 'deleted') as deleted,
        bool_or(m.state <> 'note') as written
    from unnest(cast(:conversations as uuid[]), cast(:refs as text[])) as k(conversation, ref)
    join messages m on m.conversation_id = k.conversation and m.external_id = k.ref
        and m.role = 'customer'
    group by m.conversation_id, m.external_id
""")

INSERT_EARLY_EVENT: Final = text("""
    insert into inbox (account_id, external_id, organization_id, origin, kind, body, waits_for, accepted_at)
    values (:account, :external, :organization, :origin, :kind, :body, cast(:waits_for as text),
        clock_timestamp())
    on conflict do nothing
""")

_SPEND = text("""
    update inbox i set waits_for = null, body = null
    from unnest(cast(:accounts as uuid[]), cast(:externals as text[])) as k(account, external)
    where i.account_id = k.account and i.external_id = k.external
""")

_DELETE_NOTE = text("""
    update messages set state = 'deleted'
    where conversation_id = :conversation and external_id = :ref and role = 'customer' and state = 'note'
        and writer is not distinct from cast(:writer as bytea)
""")
