"""Keeping what the platforms tell us: dedupe key, customer, conversation, message, all in one transaction.

Locks are taken in one order everywhere: conversations by id, then lanes by id, then the outbox.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.conversation import DeliveryReport, MessageState, Origin, Role
from bot.core.errors import MalformedPayload
from bot.core.events import Edited, Event, Reacted, Said, Started, Submitted, Tapped
from bot.core.ids import AccountId, ConversationId, CustomerId, NewId, OrgId
from storage.accounts import Account
from storage.codec import dump_attachments, dump_body, load_body
from storage.database import Step, together
from storage.keys import Keys
from storage.lanes import lanes_of
from storage.sealing import Sealer

AnyRow = Row[Any]
MAX_ID = 200  # characters of a platform's id; longer ones are nobody's
NOBODY = AccountId(UUID(int=0))  # stands as the account of events that we tell ourselves

CONTENT = "messages.content"
EXTRAS = "messages.extras"
BODY = "inbox.body"
PLACE = "conversations.place"
PROFILE = "customers.profile"


@dataclass(frozen=True, slots=True)
class Rules:
    """What the organization file says about accepting."""

    quiet: timedelta
    burst_cap: int  # messages
    owner_kind: str  # who has the word in a new conversation
    owner_name: str


@dataclass(frozen=True, slots=True)
class Arrival:
    """An event at the door of the account it came to."""

    account: Account
    event: Event
    rules: Rules


@dataclass(frozen=True, slots=True)
class Wake:
    """A conversation that has something to do, and how long after now.

    `said` is the input in which the customer wrote, 0 if it was somebody else who did something.
    """

    conversation: ConversationId
    after: timedelta
    said: int


@dataclass(frozen=True, slots=True)
class Accepted:
    """What became of a batch. `ignored` were said where nobody of ours listens."""

    wakes: tuple[Wake, ...] = ()
    fresh: int = 0
    duplicates: int = 0
    strays: int = 0
    ignored: int = 0


@dataclass(frozen=True, slots=True)
class Known:
    """A customer's identity, as it is found by its hash."""

    identity: UUID
    customer: CustomerId
    sealer: Sealer


@dataclass(frozen=True, slots=True)
class Entry:
    """Something for a conversation that is known: how staff's events and our own reports come in."""

    account_id: AccountId
    external_id: str
    organization: OrgId
    conversation: ConversationId
    origin: Origin
    body: Event | DeliveryReport
    sealer: Sealer
    rules: Rules | None = None  # of a customer's event
    author: str = ""  # the customer's id


@dataclass(slots=True)
class _Head:
    """The counters of a conversation whose row is locked."""

    id: ConversationId
    identity: UUID | None
    closed: bool  # resolved, and too long ago to be opened again
    accepted: int
    handled: int
    position: int
    said: int
    answering: bool = True  # an agent or a flow has the word: a burst is worth waiting for
    wake: timedelta | None = None
    patient: bool = True  # only such things came as can wait for the end of a quiet window


@dataclass(frozen=True, slots=True)
class _Opening:
    """A conversation to begin. `previous` was resolved too long ago to be opened again."""

    arrival: Arrival
    known: Known
    previous: _Head | None

    @property
    def chat(self) -> tuple[AccountId, bytes]:
        """What its lane is found by."""
        account, place = self.arrival.account, self.arrival.event.place
        return account.id, account.keys.index.of("chat", account.channel, place.chat)

    @property
    def place(self) -> str:
        place = self.arrival.event.place
        return self.known.sealer.seal(json.dumps([place.chat, place.thread]), field=PLACE)


class Inboxes:
    """The door into storage. Stateless but for a bounded memory of whose identity is whose."""

    def __init__(self, keys: Keys, new_id: NewId, *, remembered: int = 20_000) -> None:
        self._keys = keys
        self._new_id = new_id
        self._remembered = remembered
        self._known: dict[tuple[AccountId, bytes], Known] = {}

    async def accept(self, connection: AsyncConnection, arrivals: Sequence[Arrival]) -> Accepted:
        """Store each arrival once, in the order given within each conversation.

        Idempotent by (account, external id). The caller commits. Raises MalformedPayload.
        """
        unique: dict[tuple[AccountId, str], Arrival] = {}
        for arrival in arrivals:
            check(arrival.event)
            unique.setdefault((arrival.account.id, arrival.event.external_id), arrival)
        customers = [a for a in unique.values() if a.account.serves == "customers"]
        staff = [a for a in unique.values() if a.account.serves == "staff"]
        known = await self._identities(connection, customers)
        rooms = await self._rooms(connection, staff)
        heads, seen = await _lock_and_look(
            connection,
            {k.identity for k in known.values()},
            {e.conversation for e in rooms.values()},
            tuple(unique),
        )
        fresh = [a for key, a in unique.items() if key not in seen and a.account.serves == "customers"]
        current = await self._current(connection, fresh, known, heads)
        entries: list[Entry] = []
        strays: list[Arrival] = []
        ignored = 0
        for key, arrival in unique.items():
            if key in seen:
                continue
            if arrival.account.serves == "customers":
                who = known[_who(arrival)]
                entries.append(_enter(arrival, who, current[who.identity]))
            elif key in rooms:
                entries.append(rooms[key])
            elif arrival.event.in_our_thread or isinstance(arrival.event.content, Tapped | Submitted):
                strays.append(arrival)
            else:
                ignored += 1
        wakes = await self._store(connection, entries, heads)
        await _keep_strays(connection, strays)
        return Accepted(
            wakes=wakes,
            fresh=len(entries),
            duplicates=len(arrivals) - len(unique) + len(seen),
            strays=len(strays),
            ignored=ignored,
        )

    async def tell(self, connection: AsyncConnection, entries: Sequence[Entry]) -> tuple[Wake, ...]:
        """Store entries of conversations that are known. Idempotent; locks the conversations."""
        heads, seen = await _lock_and_look(
            connection,
            set(),
            {entry.conversation for entry in entries},
            tuple((e.account_id, e.external_id) for e in entries),
        )
        return await self._store(
            connection, [e for e in entries if (e.account_id, e.external_id) not in seen], heads
        )

    async def adopt(self, connection: AsyncConnection) -> tuple[Wake, ...]:
        """Bring strays into their conversations, now that their rooms are recorded. Idempotent."""
        rows = (await connection.execute(_STRAYS)).all()
        entries = []
        for row in rows:
            ours = self._keys.organization(row.organization_id, row.org_data_key, row.index_key)
            entries.append(
                Entry(
                    AccountId(row.account_id),
                    row.external_id,
                    OrgId(row.organization_id),
                    ConversationId(row.conversation_id),
                    Origin.ROOM,
                    load_body(ours.sealer.open(row.body, field=BODY)),
                    self._keys.customer(row.customer_id, row.data_key),
                )
            )
        heads = await _lock(connection, set(), {entry.conversation for entry in entries})
        return await self._store(connection, entries, heads, _PLACE_STRAY)

    def forget(self, customer: CustomerId) -> None:
        """Of a customer who was erased."""
        self._keys.forget(customer)
        self._known = {key: known for key, known in self._known.items() if known.customer != customer}

    async def _identities(
        self, connection: AsyncConnection, arrivals: Sequence[Arrival]
    ) -> dict[tuple[AccountId, bytes], Known]:
        wanted = {_who(arrival): arrival for arrival in arrivals}
        known = {key: self._known[key] for key in wanted if key in self._known}
        missing = {key: arrival for key, arrival in wanted.items() if key not in known}
        if missing:
            for key, found in (await self._find(connection, tuple(missing))).items():
                known[key] = found
                self._remember(key, found)
            strangers = {key: missing[key] for key in sorted(missing) if key not in known}
            if strangers:
                # Not remembered: the transaction may yet fail, and then there are no such customers.
                known |= await self._welcome(connection, strangers)
        return known

    def _remember(self, key: tuple[AccountId, bytes], known: Known) -> None:
        if len(self._known) >= self._remembered:
            self._known.pop(next(iter(self._known)))
        self._known[key] = known

    async def _find(
        self, connection: AsyncConnection, keys: Sequence[tuple[AccountId, bytes]]
    ) -> dict[tuple[AccountId, bytes], Known]:
        [rows] = await together(connection, (_FIND, _pairs(keys)))
        return self._found(rows)

    def _found(self, rows: Sequence[AnyRow]) -> dict[tuple[AccountId, bytes], Known]:
        return {
            (AccountId(row.account_id), bytes(row.address_hash)): Known(
                row.id, CustomerId(row.customer_id), self._keys.customer(row.customer_id, row.data_key)
            )
            for row in rows
        }

    async def _welcome(
        self, connection: AsyncConnection, strangers: Mapping[tuple[AccountId, bytes], Arrival]
    ) -> dict[tuple[AccountId, bytes], Known]:
        """A customer and an identity for each who never wrote before. The keys come in order.

        The advisory locks let one process at a time look and make, so that a race leaves no second customer.
        """
        _, rows = await together(
            connection,
            (_GUARD, {"keys": [f"{key[0]}{key[1].hex()}" for key in strangers]}),
            (_FIND, _pairs(tuple(strangers))),
        )
        known = self._found(rows)
        made = []
        for key, arrival in strangers.items():
            if key in known:
                continue
            customer = CustomerId(self._new_id())
            wrapped, sealer = self._keys.new_customer(customer)
            sender = arrival.event.sender
            profile = {"name": sender.display_name, "handle": sender.handle, "language": sender.language}
            known[key] = Known(self._new_id(), customer, sealer)
            made.append(
                {
                    "customer": customer,
                    "organization": arrival.account.organization,
                    "data_key": wrapped,
                    "profile": sealer.seal(json.dumps(profile), field=PROFILE),
                    "identity": known[key].identity,
                    "account": key[0],
                    "hash": key[1],
                }
            )
        if made:
            await together(connection, (_WELCOME, made))
        return known

    async def _rooms(
        self, connection: AsyncConnection, arrivals: Sequence[Arrival]
    ) -> dict[tuple[AccountId, str], Entry]:
        """Which of the staff's events were said in a room, by their keys."""
        threads = {
            (a.account.id, a.event.place.chat, a.event.place.thread) for a in arrivals if a.event.place.thread
        }
        if not threads:
            return {}
        ordered = sorted(threads)
        rows = await connection.execute(
            _ROOMS,
            {
                "accounts": [t[0] for t in ordered],
                "chats": [t[1] for t in ordered],
                "threads": [t[2] for t in ordered],
            },
        )
        found = {(row.account_id, row.chat_id, row.thread): row for row in rows}
        entries: dict[tuple[AccountId, str], Entry] = {}
        for arrival in arrivals:
            event = arrival.event
            row = found.get((arrival.account.id, event.place.chat, event.place.thread))
            if row is not None:
                entries[arrival.account.id, event.external_id] = Entry(
                    arrival.account.id,
                    event.external_id,
                    arrival.account.organization,
                    ConversationId(row.conversation_id),
                    Origin.ROOM,
                    event,
                    self._keys.customer(row.customer_id, row.data_key),
                )
        return entries

    async def _current(
        self,
        connection: AsyncConnection,
        arrivals: Sequence[Arrival],
        known: Mapping[tuple[AccountId, bytes], Known],
        heads: dict[ConversationId, _Head],
    ) -> dict[UUID, _Head]:
        """By identity, the conversation in which each writes on, begun where there is none."""
        current = {head.identity: head for head in heads.values() if head.identity is not None}
        openings: dict[UUID, _Opening] = {}
        for arrival in arrivals:
            who = known[_who(arrival)]
            head = current.get(who.identity)
            if (head is None or head.closed) and who.identity not in openings:
                openings[who.identity] = _Opening(arrival, who, head)
        if openings:
            for head in await self._begin(connection, tuple(openings.values())):
                heads[head.id] = head
                if head.identity is not None:
                    current[head.identity] = head
        return current

    async def _begin(self, connection: AsyncConnection, openings: Sequence[_Opening]) -> list[_Head]:
        lanes = await lanes_of(
            connection, {o.chat: o.arrival.account.organization for o in openings}, self._new_id
        )
        ended = [o.previous.id for o in openings if o.previous is not None]
        rows = [
            {
                "ids": self._new_id(),
                "organizations": o.arrival.account.organization,
                "customers": o.known.customer,
                "accounts": o.arrival.account.id,
                "identities": o.known.identity,
                "lanes": lanes[o.chat],
                "places": o.place,
                "previous": o.previous.id if o.previous else None,
                "owner_kinds": o.arrival.rules.owner_kind,
                "owner_names": o.arrival.rules.owner_name,
            }
            for o in openings
        ]
        given = {name: [row[name] for row in rows] for name in rows[0]}
        _, begun = await together(connection, (_END, {"ids": ended}), (_BEGIN, given))
        heads = [_Head(ConversationId(row.id), row.identity_id, False, 0, 0, 0, 0) for row in begun]
        lost = {o.known.identity for o in openings} - {head.identity for head in heads}
        if lost:  # another process has just begun these
            heads += (await _lock(connection, lost, set())).values()
        return heads

    async def _store(
        self,
        connection: AsyncConnection,
        entries: Sequence[Entry],
        heads: dict[ConversationId, _Head],
        statement: TextClause | None = None,
    ) -> tuple[Wake, ...]:
        if not entries:
            return ()
        inputs: list[dict[str, object]] = []
        messages: list[dict[str, object]] = []
        touched: dict[ConversationId, _Head] = {}
        for entry in entries:
            head = heads[entry.conversation]
            touched[head.id] = head
            head.accepted += 1
            message = self._message(entry, head)
            if message is not None:
                messages.append(message)
            inputs.append(
                {
                    "account": entry.account_id,
                    "external": entry.external_id,
                    "organization": entry.organization,
                    "conversation": head.id,
                    "seq": head.accepted,
                    "origin": entry.origin.value,
                    "message": message["id"] if message else None,
                    "kind": kind_of(entry.body),
                    "body": entry.sealer.seal(dump_body(entry.body), field=BODY),
                }
            )
            _schedule(entry, head)
        steps: list[Step] = [(_INSERT_INPUT if statement is None else statement, inputs)]
        if messages:
            steps.append((_INSERT_MESSAGE, messages))
        ordered = sorted(touched.values(), key=lambda head: head.id)
        touch = {
            "ids": [head.id for head in ordered],
            "accepted": [head.accepted for head in ordered],
            "positions": [head.position for head in ordered],
            "said": [head.said for head in ordered],
            "seconds": [(head.wake or timedelta()).total_seconds() for head in ordered],
            "patient": [head.patient for head in ordered],
        }
        await together(connection, *steps, (_TOUCH, touch))
        return tuple(
            Wake(head.id, head.wake or timedelta(), head.said if head.said > head.handled else 0)
            for head in ordered
        )

    def _message(self, entry: Entry, head: _Head) -> dict[str, object] | None:
        """The row of the log for what a customer said; everything else gets its row from the turn."""
        if entry.origin is not Origin.CUSTOMER or not isinstance(entry.body, Event):
            return None
        match entry.body.content:
            case Said(text=said, attachments=attachments):
                pass
            case Tapped(label=said):
                attachments = ()
            case _:
                return None
        head.position += 1
        return {
            "id": self._new_id(),
            "conversation": head.id,
            "organization": entry.organization,
            "position": head.position,
            "sender": entry.author,
            "content": entry.sealer.seal(said, field=CONTENT),
            "extras": entry.sealer.seal(dump_attachments(attachments), field=EXTRAS) if attachments else None,
            "external": entry.body.message if isinstance(entry.body.content, Said) else "",
        }


def check(event: Event) -> None:
    """Raises MalformedPayload for ids that no platform makes and no index should hold."""
    for name, value in (
        ("event id", event.external_id),
        ("message id", event.message),
        ("chat", event.place.chat),
        ("thread", event.place.thread),
        ("sender", event.sender.external_id),
    ):
        if len(value) > MAX_ID or "\x00" in value:
            raise MalformedPayload(name, f"longer than {MAX_ID} characters, or with a NUL")


def kind_of(body: Event | DeliveryReport) -> str:
    return type(body.content).__name__ if isinstance(body, Event) else "DeliveryReport"


def _pairs(keys: Sequence[tuple[AccountId, bytes]]) -> dict[str, object]:
    return {"accounts": [key[0] for key in keys], "hashes": [key[1] for key in keys]}


def _enter(arrival: Arrival, known: Known, head: _Head) -> Entry:
    """The customer's event as an entry of their current conversation."""
    return Entry(
        arrival.account.id,
        arrival.event.external_id,
        arrival.account.organization,
        head.id,
        Origin.CUSTOMER,
        arrival.event,
        known.sealer,
        arrival.rules,
        str(known.customer),
    )


def _who(arrival: Arrival) -> tuple[AccountId, bytes]:
    """How one account knows this customer. In a group, the same person is one customer per group."""
    place, sender = arrival.event.place, arrival.event.sender
    hashed = arrival.account.keys.index.of("identity", place.channel, place.chat, sender.external_id)
    return arrival.account.id, hashed


def _schedule(entry: Entry, head: _Head) -> None:
    """When the conversation shall wake for this entry; the quiet window moves with every message."""
    wake = timedelta()
    reacted = isinstance(entry.body, Event) and isinstance(entry.body.content, Reacted)
    head.patient = head.patient and (reacted or entry.origin is Origin.SELF)
    if entry.rules is not None and isinstance(entry.body, Event):
        content = entry.body.content
        if isinstance(content, Said | Started | Tapped | Edited):
            head.said = head.accepted
        if (
            head.answering
            and isinstance(content, Said)
            and head.accepted - head.handled < entry.rules.burst_cap
        ):
            wake = entry.rules.quiet
    head.wake = wake


async def _lock_and_look(
    connection: AsyncConnection,
    identities: set[UUID],
    conversations: set[ConversationId],
    keys: Sequence[tuple[AccountId, str]],
) -> tuple[dict[ConversationId, _Head], set[tuple[AccountId, str]]]:
    """Lock conversations, and then see which of the events are known: nobody can add them meanwhile."""
    locked, known = await together(
        connection,
        (_LOCK, {"identities": sorted(identities), "conversations": sorted(conversations)}),
        (_SEEN, {"accounts": [key[0] for key in keys], "externals": [key[1] for key in keys]}),
    )
    seen = {(AccountId(row.account_id), str(row.external_id)) for row in known}
    return {ConversationId(row.id): _head(row) for row in locked}, seen


async def _lock(
    connection: AsyncConnection, identities: set[UUID], conversations: set[ConversationId]
) -> dict[ConversationId, _Head]:
    heads, _ = await _lock_and_look(connection, identities, conversations, ())
    return heads


def _head(row: AnyRow) -> _Head:
    return _Head(
        ConversationId(row.id),
        row.identity_id if row.current else None,
        row.closed,
        row.accepted,
        row.handled,
        row.position,
        row.said,
        row.owner_kind in ("agent", "flow"),
    )


async def _keep_strays(connection: AsyncConnection, arrivals: Sequence[Arrival]) -> None:
    """Words in a thread of ours whose card is not recorded yet; `adopt` brings them in when it is."""
    if arrivals:
        await connection.execute(
            _INSERT_STRAY,
            [
                {
                    "account": a.account.id,
                    "external": a.event.external_id,
                    "organization": a.account.organization,
                    "origin": Origin.ROOM.value,
                    "kind": kind_of(a.event),
                    "body": a.account.keys.sealer.seal(dump_body(a.event), field=BODY),
                    "stray": stray_key(a.event.place.chat, a.event.place.thread),
                }
                for a in arrivals
            ],
        )


def stray_key(chat: str, thread: str) -> str:
    return f"{chat}/{thread}"


_FIND = text("""
    select i.account_id, i.address_hash, i.id, i.customer_id, c.data_key
    from unnest(cast(:accounts as uuid[]), cast(:hashes as bytea[])) as k(account, hash)
    join identities i on i.account_id = k.account and i.address_hash = k.hash
    join customers c on c.id = i.customer_id
""")

_WELCOME = text("""
    with customer as (
        insert into customers (id, organization_id, data_key, profile)
        values (:customer, :organization, :data_key, :profile)
    )
    insert into identities (id, organization_id, account_id, address_hash, customer_id)
    values (:identity, :organization, :account, :hash, :customer)
""")

_ROOMS = text("""
    select r.account_id, r.chat_id, r.thread, r.conversation_id, v.customer_id, c.data_key
    from unnest(cast(:accounts as uuid[]), cast(:chats as text[]), cast(:threads as text[]))
        as k(account, chat, thread)
    join rooms r on r.account_id = k.account and r.chat_id = k.chat and r.thread = k.thread
    join conversations v on v.id = r.conversation_id
    join customers c on c.id = v.customer_id
""")

_LOCK = text("""
    select id, identity_id, current, accepted, handled, position, said, owner_kind,
        status = 'resolved' and coalesce(reopen_until, '-infinity') < clock_timestamp() as closed
    from conversations
    where id in (
        select id from conversations where current and identity_id = any(cast(:identities as uuid[]))
        union all select unnest(cast(:conversations as uuid[]))
    )
    order by id for update
""")

_SEEN = text("""
    select i.account_id, i.external_id
    from unnest(cast(:accounts as uuid[]), cast(:externals as text[])) as k(account, external)
    join inbox i on i.account_id = k.account and i.external_id = k.external
""")

_GUARD = text("""
    select pg_advisory_xact_lock(hashtextextended(k.key, 0))
    from (select key from unnest(cast(:keys as text[])) with ordinality as t(key, n) order by n) as k
""")

_END = text("update conversations set current = false where id = any(cast(:ids as uuid[]))")

_BEGIN = text("""
    insert into conversations (id, organization_id, customer_id, account_id, identity_id, lane_id, place,
        previous_id, owner_kind, owner_name, status)
    select *, 'pending' from unnest(cast(:ids as uuid[]), cast(:organizations as uuid[]),
        cast(:customers as uuid[]), cast(:accounts as uuid[]), cast(:identities as uuid[]),
        cast(:lanes as uuid[]), cast(:places as text[]), cast(:previous as uuid[]),
        cast(:owner_kinds as text[]), cast(:owner_names as text[]))
    on conflict (identity_id) where current do nothing returning id, identity_id
""")

_INSERT_INPUT = text("""
    insert into inbox (account_id, external_id, organization_id, conversation_id, seq, origin, message_id,
        kind,
        body, accepted_at)
    values (:account, :external, :organization, :conversation, :seq, :origin, :message, :kind, :body,
        clock_timestamp())
""")

_INSERT_STRAY = text("""
    insert into inbox (account_id, external_id, organization_id, origin, kind, body, stray, accepted_at)
    values (:account, :external, :organization, :origin, :kind, :body, :stray, clock_timestamp())
    on conflict do nothing
""")

_STRAYS = text("""
    select i.account_id, i.external_id, i.organization_id, i.body, r.conversation_id, v.customer_id,
        c.data_key,
        o.data_key as org_data_key, o.index_key
    from inbox i
    join rooms r on r.account_id = i.account_id and r.chat_id = split_part(i.stray, '/', 1)
        and r.thread = substr(i.stray, strpos(i.stray, '/') + 1)
    join conversations v on v.id = r.conversation_id
    join customers c on c.id = v.customer_id
    join organizations o on o.id = i.organization_id
    where i.stray is not null
    order by i.accepted_at, i.external_id limit 100 for update of i skip locked
""")

_PLACE_STRAY = text("""
    update inbox set conversation_id = :conversation, seq = :seq, body = :body, message_id = :message,
        stray = null
    where account_id = :account and external_id = :external and organization_id = :organization
        and origin = :origin and kind = :kind
""")

_INSERT_MESSAGE = text(f"""
    insert into messages (id, conversation_id, organization_id, position, sender_type, sender_id, role,
        content,
        extras, state, external_id, created_at)
    values (:id, :conversation, :organization, :position, 'human', :sender, '{Role.CUSTOMER.value}', :content,
        :extras, '{MessageState.RECEIVED.value}', :external, clock_timestamp())
""")

_TOUCH = text("""
    update conversations c
    set accepted = t.accepted, position = t.position, said = t.said,
        pending_since = case when t.said > c.said then coalesce(c.pending_since, clock_timestamp())
            else c.pending_since end,
        wake_at = case when t.patient and c.said > c.handled then greatest(c.wake_at, clock_timestamp())
            else clock_timestamp() + make_interval(secs => t.seconds) end
    from unnest(cast(:ids as uuid[]), cast(:accepted as int[]), cast(:positions as int[]),
        cast(:said as int[]), cast(:seconds as float8[]), cast(:patient as bool[]))
        as t(id, accepted, position, said, seconds, patient)
    where c.id = t.id
""")
