"""Store what the platforms send: event, customer, conversation and message, in one transaction.

Locks are taken in the order that the README states.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.conversation import Body, MessageState, Origin, Role
from bot.core.entries import LogEntry, changed_message, is_nobodys, keeps_a_place, log_entry
from bot.core.errors import MalformedPayload, PlaceMoved
from bot.core.events import (
    NO_REFERENCE,
    OPEN_NEXT,
    PRESSED_LATE,
    SEND_ALL,
    Attachment,
    Called,
    Deeds,
    Edited,
    Event,
    Reacted,
    Receipt,
    Said,
    Standing,
    Started,
    Stopped,
    Submitted,
    Tapped,
    ThreadControl,
    WorkplaceChange,
    WorkplaceChanged,
)
from bot.core.ids import AccountId, ConversationId, CustomerId, NewId, OrgId
from bot.core.outbound import Post
from storage import prices
from storage.accounts import Account
from storage.codec import (
    BODY,
    dump_attachments,
    dump_body,
    dump_reference,
    dump_source,
    load_body,
    load_operation,
)
from storage.database import Step, pipeline
from storage.early_changes import (
    INSERT_STRAY,
    ONE_FLOODS,
    STRAY_WRITER,
    EarlyChanges,
    Incoming,
    Logged,
    logged,
    look,
    stray_row,
)
from storage.floods import Floods, recording
from storage.hashes import SEEN, event_key, reference_hash, seen_before
from storage.keys import Keys
from storage.mime import known_type
from storage.notices import listed
from storage.numbers import NewNumber, new_number
from storage.places import (
    CLOSED,
    CONTEXT,
    LOCK_WRITERS,
    Arrival,
    Key,
    KnownPlace,
    Places,
    Returns,
    Rules,
    key_of,
    opens,
    returns_of,
    writer_hash,
)
from storage.sealing import KeyedHash, Sealer

AnyRow = Row[Any]
_RECEIPT_WAITS = timedelta(milliseconds=500)
MAX_ID = 200  # characters of a platform's id; no platform has longer ones
_ALL_FLOOD = 600.0  # seconds that a flood of all senders of an account lasts at most after the last message
NOBODY = AccountId(UUID(int=0))  # the account of inputs that we create ourselves

CONTENT = "messages.content"
EXTRAS = "messages.extras"
REFERENCE = "messages.reference"
SOURCE = "messages.source"
PAYLOAD = "outbox.payload"
FILE_REF = "files.ref"
FILE_NAME = "files.name"
FILE_ERROR = "files.error"
MADE = "made:"  # prefix of the `ref` of a file that we wrote ourselves: the rest is its text
SENDER_TYPE = {Role.CUSTOMER: "human", Role.STAFF: "human", Role.AGENT: "agent", Role.SYSTEM: "system"}


@dataclass(frozen=True, slots=True)
class Wake:
    """A conversation that has something to do, and when, counted from now.

    `said` is the number of the input in which the customer wrote, or 0 if somebody else did something.
    """

    conversation: ConversationId
    after: timedelta
    said: int


@dataclass(frozen=True, slots=True)
class Accepted:
    """The outcome of a batch, as counts. `ignored` events concern no conversation."""

    wakes: tuple[Wake, ...] = ()
    fresh: int = 0
    duplicates: int = 0
    strays: int = 0
    ignored: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """An input for a known conversation, such as an event of staff or a report of our own."""

    account_id: AccountId
    external_id: str
    organization: OrgId
    conversation: ConversationId
    origin: Origin
    body: Body
    sealer: Sealer
    rules: Rules | None = None  # for a customer's event
    author: str = ""  # the customer's id
    location: KnownPlace | None = None  # where a customer's event came from
    returns: Returns | None = None  # where answers to it go
    index: KeyedHash | None = None  # for a customer's event: hashes the platform's ids of messages
    edited: bool = False  # an edit came before this message, which has its words
    deleted: bool = False  # a deletion came before this message


@dataclass(slots=True)
class _Head:
    """The counters of a conversation whose row is locked."""

    id: ConversationId
    customer: UUID  # the one that was kept, if customers were merged
    closed: bool  # resolved, and too long ago to be opened again
    accepted: int
    handled: int
    position: int
    said: int
    answering: bool = True  # an agent or a flow is the owner: a burst is worth waiting for
    wake: timedelta | None = None
    patient: bool = True  # all inputs so far can wait for the end of a quiet window
    placed: bool = True  # the conversation has a place
    place: UUID | None = None  # where the customer wrote now


@dataclass(frozen=True, slots=True)
class _Locked:
    """Conversations whose rows are locked, and the current conversation of each place."""

    conversations: dict[ConversationId, _Head]
    leads_to: dict[UUID, tuple[bytes, ConversationId]]  # the place's hash, and its conversation
    early: list[AnyRow] = field(default_factory=list)  # changes that wait for messages which arrive now


class Inboxes:
    """Stores incoming events. Holds no state except bounded caches of places and of how much each sender
    wrote.
    """

    def __init__(
        self,
        keys: Keys,
        new_id: NewId,
        *,
        remembered: int = 20_000,
        new_number: NewNumber = new_number,
    ) -> None:
        self._keys = keys
        self._new_id = new_id
        self._places = Places(keys, new_id, remembered=remembered, new_number=new_number)
        self._floods = Floods(remembered=remembered)
        self._early = EarlyChanges(keys, self._floods)

    async def accept(self, connection: AsyncConnection, arrivals: Sequence[Arrival]) -> Accepted:
        """Store each arrival once, in the order given within each conversation.

        Idempotent by (account, external id). The caller commits. Raise MalformedPayload for impossible ids.
        Raise PlaceMoved when the cache was out of date: the caller must roll back and call again.
        """
        unique: dict[tuple[AccountId, str], Arrival] = {}
        nobodys = 0
        for arrival in arrivals:
            check(arrival.event)
            if is_nobodys(arrival.event, customers=arrival.account.serves == "customers"):
                nobodys += 1
                continue
            unique.setdefault((arrival.account.id, event_key(arrival.account, arrival.event)), arrival)
        customers = [a for a in unique.values() if a.account.serves == "customers"]
        staff = [a for a in unique.values() if a.account.serves == "staff"]
        rooms = await self._rooms(connection, staff)
        wide = await self._concerned(connection, staff)
        others = {e.conversation for e in (*rooms.values(), *wide)}
        locations = await self._places.locations(connection, customers, others) if customers else {}
        heads, seen = await _lock_and_look(
            connection,
            {s.conversation for s in locations.values()} | others,
            [(e.account_id, e.external_id, _former_id(e)) for e in wide],
            {s.place for s in locations.values()},
            [(arrival.account, arrival.event) for arrival in unique.values()],
            look(customers, {key for key, location in locations.items() if location.begun}),
        )
        self._still_so(locations, heads, customers)
        incoming = [
            Incoming(key[1], arrival, locations.get(key_of(arrival.account, arrival.event)))
            for key, arrival in unique.items()
            if key not in seen and arrival.account.serves == "customers"
        ]
        log = await _logged_of(connection, incoming)
        met = await self._early.meet(connection, incoming, heads.early, log)
        heard = {(each.arrival.account.id, each.key): each for each in met.events}
        entries: list[Entry] = []
        strays: list[Arrival] = []
        ignored = nobodys + met.ignored
        for key, arrival in unique.items():
            if key in seen:
                continue
            if arrival.account.serves == "customers":
                if (each := heard.get(key)) is not None and each.location is not None:
                    entries.append(_enter(each, each.location))
                elif each is not None:
                    ignored += 1
            elif (of_room := rooms.get(key)) is not None:
                entries.append(of_room)
            elif _notice_of(arrival.event) is not None:
                continue  # `wide` has an entry for each conversation that the notice lists
            elif arrival.event.in_our_thread or isinstance(arrival.event.content, Tapped | Submitted):
                strays.append(arrival)
            else:
                ignored += 1
        entries += [e for e in wide if not seen & {(e.account_id, key) for key in _keys_of(e)}]
        await _move_rooms(connection, staff)
        wakes = await self._store(connection, entries, heads.conversations, log=log)
        if met.told:
            told = [_enter(each, each.location) for each in met.told if each.location is not None]
            later = await self._store(connection, told, heads.conversations, _PLACE_STRAY)
            wakes = tuple({wake.conversation: wake for wake in (*wakes, *later)}.values())
        await self._places.release(connection, customers, locations)
        await _keep_strays(connection, strays)
        return Accepted(
            wakes=wakes,
            fresh=len(entries),
            duplicates=len(arrivals) - nobodys - len(unique) + len(seen),
            strays=len(strays) + met.waiting,
            ignored=ignored,
        )

    def _still_so(
        self, locations: Mapping[Key, KnownPlace], heads: "_Locked", arrivals: Sequence[Arrival]
    ) -> None:
        """Raise PlaceMoved unless each place still leads to the conversation in `locations`.

        That conversation must not be over.

        Called when the conversations are locked.
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
            self._places.forget(moved)
            raise PlaceMoved(f"{len(moved)} places lead elsewhere now")

    async def tell(self, connection: AsyncConnection, entries: Sequence[Entry]) -> tuple[Wake, ...]:
        """Store inputs of known conversations. Lock these conversations. Idempotent."""
        heads, seen = await _lock_and_look(
            connection,
            {entry.conversation for entry in entries},
            tuple((e.account_id, e.external_id, "") for e in entries),
        )
        fresh = [e for e in entries if (e.account_id, e.external_id) not in seen]
        return await self._store(connection, fresh, heads.conversations)

    async def adopt(self, connection: AsyncConnection) -> tuple[Wake, ...]:
        """Move stray events into their conversations, once their rooms or messages are known. Idempotent."""
        rows = (await connection.execute(_STRAYS)).all()
        entries = []
        for row in rows:
            ours = self._keys.organization(row.organization_id, row.org_data_key, row.index_key)
            sealer = self._early.sealer_of(row, ours.sealer)
            entries.append(
                Entry(
                    AccountId(row.account_id),
                    row.external_id,
                    OrgId(row.organization_id),
                    ConversationId(row.conversation_id),
                    Origin(row.origin),
                    load_body(sealer.open(row.body, field=BODY)),
                    self._keys.customer(row.customer_id, row.data_key),
                    author=str(row.customer_id),
                    index=ours.index if row.origin == Origin.CUSTOMER else None,
                )
            )
        heads, _ = await _lock_and_look(connection, {entry.conversation for entry in entries}, ())
        return await self._store(connection, entries, heads.conversations, _PLACE_STRAY)

    def forget(self, customer: CustomerId) -> None:
        """Forget all cached places of a customer who was erased."""
        self._places.forget_customer(customer)

    async def _rooms(
        self, connection: AsyncConnection, arrivals: Sequence[Arrival]
    ) -> dict[tuple[AccountId, str], Entry]:
        """Return an entry for each event of staff that was written in a room, by the event's key.

        An erased customer has no key: the organization's key seals the event instead.
        """
        asked = [
            a
            for a in arrivals
            if _notice_of(a.event) is None
            and (a.event.place.thread or isinstance(a.event.content, Reacted | Tapped))
        ]
        if not asked:
            return {}
        by_thread = {_thread(a): a for a in asked if a.event.place.thread}
        ordered = sorted(by_thread)
        rows = await connection.execute(
            _ROOMS,
            {
                "accounts": [t[0] for t in ordered],
                "chats": [t[1] for t in ordered],
                "threads": [t[2] for t in ordered],
            },
        )
        found: dict[tuple[AccountId, str, str], AnyRow] = {
            (row.account_id, row.chat_id, row.thread): row for row in rows
        }
        entries: dict[tuple[AccountId, str], Entry] = {}
        for arrival in asked:
            key = event_key(arrival.account, arrival.event)
            row = found.get(_thread(arrival)) or await _room_of_message(connection, arrival)
            if row is not None:
                erased = row.data_key is None
                event = replace(
                    arrival.event,
                    place=replace(arrival.event.place, thread=row.thread),
                    reference=NO_REFERENCE if erased else arrival.event.reference,  # it may quote a post
                )
                entries[arrival.account.id, key] = Entry(
                    arrival.account.id,
                    key,
                    arrival.account.organization,
                    ConversationId(row.conversation_id),
                    Origin.ROOM,
                    event,
                    arrival.account.keys.sealer
                    if erased
                    else self._keys.customer(row.customer_id, row.data_key),
                )
        return entries

    async def _concerned(self, connection: AsyncConnection, arrivals: Sequence[Arrival]) -> list[Entry]:
        """Return an entry for each conversation that an event of staff concerns without naming it.

        Such events are a change of the workplace, and a press of a button that stands for several
        conversations.
        """
        entries = []
        for arrival in arrivals:
            event, account = arrival.event, arrival.account
            if (notice := _notice_of(event)) is not None:
                entries += await self._pressed(connection, arrival, notice)
                continue
            if not isinstance(event.content, WorkplaceChanged) or event.place.thread:
                continue
            given: dict[str, object] = {
                "organization": account.organization,
                "account": account.id,
                "chat": event.place.chat,
            }
            if event.content.change is WorkplaceChange.CHAT_MOVED:
                continue
            for n, row in enumerate(await connection.execute(_CONCERNED[event.content.change], given)):
                content = event.content if n == 0 else replace(event.content, tells_admins=False)
                entries.append(
                    Entry(
                        account.id,
                        f"{event_key(arrival.account, arrival.event)}:{row.conversation_id}",
                        account.organization,
                        ConversationId(row.conversation_id),
                        Origin.ROOM,
                        replace(event, content=content),
                        self._keys.customer(row.customer_id, row.data_key),
                    )
                )
        return entries

    async def _pressed(self, connection: AsyncConnection, arrival: Arrival, notice: UUID) -> list[Entry]:
        """Return an entry for each conversation that a notice lists.

        The value of each entry names the team and numbers the conversations, so that one of them answers the
        person who pressed. That one has the key of the press itself: a redelivery, when the notice lists
        others, finds it.
        """
        event, account = arrival.event, arrival.account
        assert isinstance(event.content, Tapped)  # noqa: S101  see `_notice_of`
        pressed, entries = event_key(account, event), []
        for number, one in enumerate(await listed(connection, account.organization, notice)):
            which = number if one.waits else PRESSED_LATE
            entries.append(
                Entry(
                    account.id,
                    f"{pressed}:{one.conversation}" if number else pressed,
                    account.organization,
                    one.conversation,
                    Origin.ROOM,
                    replace(event, content=replace(event.content, value=f"{notice}:{one.team}:{which}")),
                    account.keys.sealer
                    if one.data_key is None
                    else self._keys.customer(one.customer, one.data_key),
                )
            )
        return entries

    async def _store(
        self,
        connection: AsyncConnection,
        entries: Sequence[Entry],
        heads: dict[ConversationId, _Head],
        statement: TextClause | None = None,
        log: Logged | None = None,
    ) -> tuple[Wake, ...]:
        if not entries:
            return ()
        inputs: list[dict[str, object]] = []
        messages: list[dict[str, object]] = []
        files: list[dict[str, object]] = []
        heard = _Heard()
        floods: dict[UUID, tuple[OrgId, float]] = {}
        touched: dict[ConversationId, _Head] = {}
        log = await _logged(connection, entries) if log is None else log
        entries = [entry for entry in entries if not _changes(entry, log.deleted)]
        labels = await _labels(connection, entries)
        for entry in entries:
            head = heads[entry.conversation]
            touched[head.id] = head
            head.accepted += 1
            message = position = None
            if (said := _log_entry(entry, log.known, labels)) is not None:
                message = self._message(entry, said, head)
                messages.append(message)
                files += self._files(entry, said, message["id"])
                if said.role is Role.CUSTOMER:
                    log.known.add((head.id, said.ref))
            elif isinstance(entry.body, Event) and keeps_a_place(entry.body, entry.origin):
                position = head.position = head.position + 1
            if entry.location is not None:
                _hear(entry, head, heard)
            floods |= self._too_much(entry, head)
            inputs.append(
                {
                    "account": entry.account_id,
                    "external": entry.external_id,
                    "organization": entry.organization,
                    "conversation": head.id,
                    "seq": head.accepted,
                    "origin": entry.origin.value,
                    "message": message["id"] if message else None,
                    "position": position,
                    "kind": kind_of(entry.body),
                    "body": entry.sealer.seal(dump_body(entry.body), field=BODY),
                }
            )
            _schedule(entry, head)
        steps: list[Step] = [(_INSERT_INPUT if statement is None else statement, inputs)]
        if (locked := _writers_of(messages)) is not None:
            steps.insert(0, locked)
        if messages:
            steps.append((_INSERT_MESSAGE, messages))
        if files:
            steps.append((INSERT_FILE, files))
        steps += heard.steps()
        told = ((e.account_id, e.organization, e.index, e.body) for e in entries if isinstance(e.body, Event))
        if (priced := prices.recording(told)) is not None:
            steps.append(priced)
        if floods:
            steps.append(recording(floods))
        ordered = sorted(touched.values(), key=lambda head: head.id)
        touch = {
            "ids": [head.id for head in ordered],
            "accepted": [head.accepted for head in ordered],
            "positions": [head.position for head in ordered],
            "said": [head.said for head in ordered],
            "seconds": [(head.wake or timedelta()).total_seconds() for head in ordered],
            "patient": [head.patient for head in ordered],
            "places": [head.place for head in ordered],
        }
        await pipeline(connection, *steps, (_TOUCH, touch))
        return tuple(
            Wake(head.id, head.wake or timedelta(), head.said if head.said > head.handled else 0)
            for head in ordered
        )

    def _too_much(self, entry: Entry, head: _Head) -> dict[UUID, tuple[OrgId, float]]:
        """Count an event of a customer or a stranger. Return who is flooding us, and for how many seconds.

        What exceeds the limit of one sender is not counted against the account: other senders would have to
        wait.
        """
        rules, event = entry.rules, entry.body
        if rules is None or not isinstance(event, Event) or not isinstance(event.content, Deeds):
            return {}
        if event.standing is Standing.INSIDER:
            return {}
        theirs = event.standing is Standing.CUSTOMER
        subject = head.customer if theirs else entry.conversation  # strangers in a thread are counted as one
        seconds = self._floods.count(subject, rules.customer_per_minute, ONE_FLOODS)
        if not seconds:
            subject = entry.account_id
            seconds = self._floods.count(subject, rules.account_per_minute, _ALL_FLOOD)
        return {subject: (entry.organization, seconds)} if seconds else {}

    def _message(self, entry: Entry, said: LogEntry, head: _Head) -> dict[str, object]:
        """Return the row of the message that an input adds to the log. It gets the next position."""
        head.position += 1
        attachments = dump_attachments(said.attachments) if said.attachments else ""
        reference = dump_reference(said.reference) if said.reference != NO_REFERENCE else ""
        return {
            "id": self._new_id(),
            "conversation": head.id,
            "organization": entry.organization,
            "position": head.position,
            "sender_type": SENDER_TYPE[said.role],
            "sender": "" if said.sender else entry.author,
            "account": entry.account_id,
            "writer": _writer(entry),
            "role": said.role.value,
            "state": said.state.value,
            "edited": entry.edited,
            "content": entry.sealer.seal(said.text, field=CONTENT),
            "extras": entry.sealer.seal(attachments, field=EXTRAS) if attachments else None,
            "external": reference_hash(entry.index, said.ref) if entry.index else said.ref,
            "source": entry.sealer.seal(dump_source(said.ref, said.sender), field=SOURCE)
            if said.ref or said.sender
            else None,
            "reference": entry.sealer.seal(reference, field=REFERENCE) if reference else None,
        }

    def _files(self, entry: Entry, said: LogEntry, message: object) -> list[dict[str, object]]:
        """Return the rows of a message's files, which must be fetched."""
        return [
            file_row(self._new_id(), position, attachment, entry.sealer)
            | {
                "organization": entry.organization,
                "conversation": entry.conversation,
                "customer": UUID(entry.author),
                "account": entry.account_id,
                "message": message,
            }
            for position, attachment in enumerate(said.attachments)
            if attachment.is_file
        ]


def _writers_of(messages: Sequence[Mapping[str, object]]) -> Step | None:
    """Return the statement that locks the identities of the writers whom messages name, or None."""
    named = [each for each in messages if each["writer"] is not None]
    if not named:
        return None
    return LOCK_WRITERS, {
        "accounts": [each["account"] for each in named],
        "writers": [each["writer"] for each in named],
    }


def _writer(entry: Entry) -> bytes | None:
    """Return the keyed hash of who wrote, if that need not be the customer whose conversation it is."""
    if entry.index is None or not isinstance(entry.body, Event):
        return None
    merged = entry.location is not None and entry.location.whose != entry.location.customer
    return writer_hash(entry.index, entry.body, merged=merged)


def check(event: Event) -> None:
    """Raise MalformedPayload if an id is longer than any platform's, or holds a NUL."""
    for name, value in (
        ("event id", event.external_id),
        ("message id", event.message),
        ("chat", event.place.chat),
        ("thread", event.place.thread),
        ("sender", event.sender.external_id),
        *(("alias", alias) for alias in event.sender.aliases),
    ):
        if len(value) > MAX_ID or "\x00" in value:
            raise MalformedPayload(name, f"longer than {MAX_ID} characters, or with a NUL")


def kind_of(body: Body) -> str:
    return type(body.content).__name__ if isinstance(body, Event) else type(body).__name__


def _enter(incoming: Incoming, location: KnownPlace) -> Entry:
    """Return the entry of a customer's event for the conversation of its place."""
    arrival = incoming.arrival
    return Entry(
        arrival.account.id,
        incoming.key,
        arrival.account.organization,
        location.conversation,
        Origin.CUSTOMER,
        incoming.edited or arrival.event,
        location.sealer,
        arrival.rules,
        str(location.customer),
        location,
        returns_of(arrival.account.keys.index, arrival.event.returns),
        arrival.account.keys.index,
        incoming.edited is not None,
        incoming.deleted,
    )


_OPENS_WINDOW = (Said, Tapped, Started, Submitted, Called)


@dataclass(slots=True)
class _Heard:
    """Updates of the places of a batch: when the customer wrote last, and how to answer there."""

    at: dict[UUID, datetime] = field(default_factory=dict)
    opened: dict[UUID, tuple[datetime, timedelta]] = field(default_factory=dict)
    answers: dict[UUID, tuple[str, Returns | None]] = field(default_factory=dict)

    def answer(self, place: UUID, context: str, returns: Returns | None) -> None:
        """Remember the newest address for answers. An unverified sender does not replace a verified one."""
        if place not in self.answers or _verified(returns) or not _verified(self.answers[place][1]):
            self.answers[place] = context, returns

    def steps(self) -> Iterator[Step]:
        """Yield the statements that update the places. Each updates its places in order of their ids."""
        if self.at:
            places = sorted(self.at)
            yield _HEAR, {"ids": places, "heard": [self.at[place] for place in places]}
        if self.opened:
            places = sorted(self.opened)
            opened = [self.opened[place] for place in places]
            yield (
                _OPENED,
                {
                    "ids": places,
                    "at": [at for at, _ in opened],
                    "seconds": [lasts.total_seconds() for _, lasts in opened],
                },
            )
        if self.answers:
            places = sorted(self.answers)
            found = [self.answers[place] for place in places]
            yield (
                _ANSWER_TO,
                {
                    "ids": places,
                    "contexts": [context for context, _ in found],
                    "mailboxes": [returns.mailbox if returns else None for _, returns in found],
                    "domains": [returns.domain if returns else None for _, returns in found],
                    "verified": [_verified(returns) for _, returns in found],
                },
            )


def _verified(returns: Returns | None) -> bool:
    return returns is None or returns.verified


def _hear(entry: Entry, head: _Head, heard: _Heard) -> None:
    """Collect what an event changes at its place: when the customer wrote last, and how to answer there."""
    event, location = entry.body, entry.location
    assert isinstance(event, Event) and location is not None  # noqa: S101, PT018  only a customer's event has one
    if not head.placed:
        head.place, head.placed = location.place, True
    if event.standing is not Standing.CUSTOMER:
        return
    if isinstance(event.content, _OPENS_WINDOW) and not event.automatic:
        if not isinstance(event.content, Called):  # a call does not change where a customer writes
            head.place = location.place
        heard.at[location.place] = max(heard.at.get(location.place, event.occurred_at), event.occurred_at)
        if event.opens is not None:
            heard.opened[location.place] = event.occurred_at, event.opens
    if event.reply_context:
        heard.answer(location.place, location.owner.seal(event.reply_context, field=CONTEXT), entry.returns)


def file_row(id_: UUID, position: int, attachment: Attachment, sealer: Sealer) -> dict[str, object]:
    """Return the columns of a file's row that describe the attachment."""
    return {
        "id": id_,
        "position": position,
        "ref": sealer.seal(attachment.ref, field=FILE_REF),
        "name": sealer.seal(attachment.name, field=FILE_NAME),
        "mime_type": known_type(attachment.mime_type),
    }


def _schedule(entry: Entry, head: _Head) -> None:
    """Set when a conversation wakes for an entry. Each message moves its quiet window."""
    wake = timedelta()
    can_wait = isinstance(entry.body, Event) and isinstance(entry.body.content, Reacted | Receipt)
    head.patient = head.patient and (can_wait or entry.origin is Origin.SELF)
    if isinstance(entry.body, Event) and isinstance(entry.body.content, Receipt):
        if head.wake is None:
            head.wake = _RECEIPT_WAITS  # a receipt may arrive before we have recorded the delivery
        return
    if entry.origin is Origin.CUSTOMER and isinstance(entry.body, Event):
        content = entry.body.content
        event = entry.body
        speaks = event.standing is Standing.CUSTOMER and not event.automatic
        # Whoever did it: an answer that is being made is not wanted.
        stops = isinstance(content, Stopped | ThreadControl)
        if stops or (speaks and isinstance(content, Said | Started | Tapped | Edited)):
            head.said = head.accepted
        if (
            head.answering
            and isinstance(content, Said)
            and entry.rules is not None
            and head.accepted - head.handled < entry.rules.burst_cap
        ):
            wake = entry.rules.quiet
    head.wake = wake


def _thread(arrival: Arrival) -> tuple[AccountId, str, str]:
    return arrival.account.id, arrival.event.place.chat, arrival.event.place.thread


def _notice_of(event: Event) -> UUID | None:
    """Return the id of the notice whose button was pressed, or None if the event is no such press."""
    if not isinstance(event.content, Tapped) or event.content.action not in (SEND_ALL, OPEN_NEXT):
        return None
    try:
        return UUID(event.content.value)
    except ValueError:
        return None


async def _room_of_message(connection: AsyncConnection, arrival: Arrival) -> AnyRow | None:
    """Return the room of the message that an event is about, or None.

    Platforms report a reaction, or a press on an old card, with the id of its message alone. A button of a
    direct message belongs to the conversation that sent it.
    """
    content = arrival.event.content
    if not isinstance(content, Reacted | Tapped) or not content.message:
        return None
    given = {
        "organization": arrival.account.organization,
        "account": arrival.account.id,
        "chat": arrival.event.place.chat,
        "ref": content.message,
    }
    rows: list[AnyRow] = list(await connection.execute(_ROOM_OF_MESSAGE, given))
    if not rows and isinstance(content, Tapped):
        given["thread"] = arrival.event.place.thread
        rows = list(await connection.execute(_CONVERSATION_OF_DIRECT, given))
    return rows[0] if rows else None


def _keys_of(entry: Entry) -> tuple[str, str]:
    """Return the key of an entry of several for one event, and that of the event itself."""
    return entry.external_id, entry.external_id.partition(":")[0]


def _former_id(entry: Entry) -> str:
    """Return the id that an event about the workplace had in each conversation before migration 0012."""
    return f"{entry.body.external_id}:{entry.conversation}" if isinstance(entry.body, Event) else ""


async def _lock_and_look(
    connection: AsyncConnection,
    conversations: set[ConversationId],
    told: Sequence[tuple[AccountId, str, str]],
    places: Collection[UUID] = (),
    arrived: Sequence[tuple[Account, Event]] = (),
    early: Step | None = None,
) -> tuple[_Locked, set[tuple[AccountId, str]]]:
    """Lock conversations, then return which events are stored already.

    Nobody can add these events before the locks are released.
    """
    locked, known, leading, *waiting = await pipeline(
        connection,
        (_LOCK, {"conversations": sorted(conversations)}),
        (SEEN, seen_before(arrived, told)),
        (_LEADING, {"places": sorted(places)}),
        *([early] if early is not None else []),
    )
    seen = {(AccountId(row.account_id), str(row.external_id)) for row in known}
    heads = {ConversationId(row.id): _head(row) for row in locked}
    leads_to = {row.id: (bytes(row.place_hash), ConversationId(row.conversation_id)) for row in leading}
    return _Locked(heads, leads_to, *waiting), seen


def _head(row: AnyRow) -> _Head:
    return _Head(
        ConversationId(row.id),
        row.root,
        row.closed,
        row.accepted,
        row.handled,
        row.position,
        row.said,
        row.owner_kind in ("agent", "flow"),
        placed=row.place_id is not None,
    )


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


async def _logged(connection: AsyncConnection, entries: Sequence[Entry]) -> Logged:
    """Return what the log has of the customers' messages that these inputs edit or delete."""
    return await logged(
        connection,
        [
            (entry.conversation, ref, reference_hash(entry.index, ref) if entry.index else ref)
            for entry in entries
            if isinstance(entry.body, Event) and (ref := changed_message(entry.body))
        ],
    )


def _changes(entry: Entry, messages: Collection[tuple[ConversationId, str]]) -> bool:
    """Return whether an input edits one of these messages."""
    if not isinstance(entry.body, Event) or not isinstance(entry.body.content, Edited):
        return False
    return (entry.conversation, changed_message(entry.body)) in messages


async def _labels(connection: AsyncConnection, entries: Sequence[Entry]) -> dict[str, str]:
    """Return the labels of pressed buttons whose events do not carry them, by the ids of the events.

    The labels are looked up in the newest posts of the conversation.
    """
    labels = {}
    for entry in entries:
        content = entry.body.content if isinstance(entry.body, Event) else None
        if entry.origin is not Origin.CUSTOMER or not isinstance(content, Tapped) or content.label:
            continue
        for row in await connection.execute(_POSTED, {"conversation": entry.conversation}):
            post = load_operation(entry.sealer.open(row.payload, field=PAYLOAD))
            shown = post.buttons if isinstance(post, Post) else ()
            label = next(
                (b.label for b in shown if (b.action, b.value) == (content.action, content.value)), ""
            )
            if label:
                labels[entry.external_id] = label
                break
    return labels


def _log_entry(
    entry: Entry, logged: Collection[tuple[ConversationId, str]], labels: Mapping[str, str]
) -> LogEntry | None:
    if not isinstance(entry.body, Event):
        return None
    known = (entry.conversation, changed_message(entry.body)) in logged
    said = log_entry(entry.body, entry.origin, known=known, label=labels.get(entry.external_id, ""))
    return replace(said, state=MessageState.DELETED) if said is not None and entry.deleted else said


async def _move_rooms(connection: AsyncConnection, arrivals: Sequence[Arrival]) -> None:
    """Update the rooms of chats whose id has changed."""
    for arrival in arrivals:
        content, place = arrival.event.content, arrival.event.place
        if isinstance(content, WorkplaceChanged) and content.change is WorkplaceChange.CHAT_MOVED:
            moved = {"account": arrival.account.id, "chat": place.chat, "moved": content.detail[:MAX_ID]}
            await connection.execute(_MOVE_ROOMS, moved)


async def _keep_strays(connection: AsyncConnection, strays: Sequence[Arrival]) -> None:
    """Store events of staff in a thread of ours whose card is not recorded yet. `adopt` places them later."""
    if not strays:
        return
    rows = [
        stray_row(
            arrival,
            Origin.ROOM,
            event_key(arrival.account, arrival.event),
            f"{arrival.event.place.chat}/{arrival.event.place.thread}",
            arrival.account.keys.sealer.seal(dump_body(arrival.event), field=BODY),
        )
        for arrival in strays
    ]
    await connection.execute(INSERT_STRAY, rows)


_ROOMS = text("""
    select r.account_id, r.chat_id, r.thread, r.conversation_id, v.customer_id, c.data_key
    from unnest(cast(:accounts as uuid[]), cast(:chats as text[]), cast(:threads as text[]))
        as k(account, chat, thread)
    join rooms r on r.account_id = k.account and r.chat_id = k.chat and r.thread = k.thread
    join conversations v on v.id = r.conversation_id
    join customers c on c.id = v.customer_id
""")

_CONCERNS = """
    select v.id as conversation_id, v.customer_id, c.data_key
    from conversations v join customers c on c.id = v.customer_id and c.data_key is not null
"""
_WORKING = text(f"""{_CONCERNS}
    where v.organization_id = :organization and v.status = 'escalated' and exists (
        select 1 from rooms r where r.conversation_id = v.id and r.open and r.account_id = :account
            and (cast(:chat as text) = '' or r.chat_id = cast(:chat as text))
    )
    order by v.id
""")
# Includes conversations whose closing can still be undone, because a message of staff waits there.
_WORKING_OR_CLOSING = text(f"""{_CONCERNS}
    where v.organization_id = :organization and v.id in (
        select r.conversation_id from rooms r join conversations w on w.id = r.conversation_id
        where r.account_id = :account and r.open and w.status = 'escalated'
            and (cast(:chat as text) = '' or r.chat_id = cast(:chat as text))
        union all
        select t.conversation_id from timers t where t.kind = 'release'
    )
    order by v.id
""")
_CONCERNED: Mapping[WorkplaceChange, TextClause] = {
    WorkplaceChange.CHAT_CLOSED: _WORKING,
    WorkplaceChange.CHAT_EXPOSED: _WORKING,
    WorkplaceChange.CHAT_MADE_PUBLIC: _WORKING,
    WorkplaceChange.PERSON_DEACTIVATED: _WORKING_OR_CLOSING,
    WorkplaceChange.PERSON_LEFT: _WORKING_OR_CLOSING,
    # The newest conversation of the chat tells the admins.
    WorkplaceChange.CHAT_RENAMED: text(f"""{_CONCERNS}
        where v.id = (
            select r.conversation_id from rooms r join conversations w on w.id = r.conversation_id
            join customers k on k.id = w.customer_id and k.data_key is not null
            where r.account_id = :account and r.chat_id = :chat
            order by r.open desc, r.created_at desc limit 1
        )
    """),
}
_MOVE_ROOMS = text("update rooms set chat_id = :moved where account_id = :account and chat_id = :chat")

_ROOM_OF_MESSAGE = text("""
    select r.thread, r.conversation_id, v.customer_id, c.data_key
    from (
        select m.conversation_id, m.room_id from messages m
        where m.organization_id = :organization and m.external_id = :ref and m.role = 'staff'
            and m.external_id <> ''
        union all
        select o.conversation_id, o.room_id from outbox o
        where o.external_ids @> array[cast(:ref as text)] and o.room_id is not null and o.kind = 'post'
        union all
        select o.conversation_id, o.id from rooms o
        where o.account_id = :account and o.chat_id = :chat and o.card = :ref
    ) t
    join rooms r on r.conversation_id = t.conversation_id and (t.room_id is null or r.id = t.room_id)
    join conversations v on v.id = r.conversation_id
    join customers c on c.id = v.customer_id
    where r.account_id = :account and r.chat_id = :chat and r.thread is not null
    order by r.open desc, r.created_at desc limit 1
""")

_CONVERSATION_OF_DIRECT = text("""
    select cast(:thread as text) as thread, o.conversation_id, v.customer_id, c.data_key
    from outbox o
    join lanes l on l.id = o.lane_id
    join conversations v on v.id = o.conversation_id
    join customers c on c.id = v.customer_id
    where o.external_ids @> array[cast(:ref as text)] and o.kind = 'direct'
        and o.organization_id = :organization and l.account_id = :account
    order by o.created_at desc limit 1
""")

_LOCK = text(f"""
    select v.id, v.accepted, v.handled, v.position, v.said, v.owner_kind, v.place_id, {CLOSED} as closed,
        (select coalesce(c.merged_into, c.id) from customers c where c.id = v.customer_id) as root
    from conversations v where v.id = any(cast(:conversations as uuid[])) order by v.id for update
""")

_LEADING = text("select id, place_hash, conversation_id from places where id = any(cast(:places as uuid[]))")

_HEAR = text("""
    update places p set heard_at = greatest(p.heard_at, least(t.heard, clock_timestamp()))
    from unnest(cast(:ids as uuid[]), cast(:heard as timestamptz[])) as t(id, heard)
    where p.id = t.id
""")

_OPENED = text("""
    update places p
    set open_until = greatest(p.open_until,
        least(t.at, clock_timestamp()) + make_interval(secs => t.seconds))
    from unnest(cast(:ids as uuid[]), cast(:at as timestamptz[]), cast(:seconds as float8[]))
        as t(id, at, seconds)
    where p.id = t.id
""")

# An unverified sender does not replace the address for answers of a verified one.
_ANSWER_TO = text("""
    update places p set context = t.context, mailbox_hash = t.mailbox, domain_hash = t.domain,
        return_verified = t.verified
    from unnest(cast(:ids as uuid[]), cast(:contexts as text[]), cast(:mailboxes as bytea[]),
        cast(:domains as bytea[]), cast(:verified as bool[])) as t(id, context, mailbox, domain, verified)
    where p.id = t.id and (t.verified or not p.return_verified or p.context is null)
""")

INSERT_FILE = text("""
    insert into files (id, organization_id, conversation_id, customer_id, account_id, message_id, position,
        ref, name, mime_type, due_at)
    values (:id, :organization, :conversation, :customer, :account, :message, :position, :ref, :name,
        :mime_type, clock_timestamp())
""")

_INSERT_INPUT = text("""
    insert into inbox (account_id, external_id, organization_id, conversation_id, seq, origin, message_id,
        position, kind, body, accepted_at)
    values (:account, :external, :organization, :conversation, :seq, :origin, :message,
        cast(:position as int), :kind, :body, clock_timestamp())
""")

# A change that a customer made is adopted here only where it was accepted at the same moment as its message.
_STRAYS = text(f"""
    select i.account_id, i.external_id, i.organization_id, i.origin, i.body, v.id as conversation_id,
        v.customer_id, c.data_key,
        o.data_key as org_data_key, o.index_key, w.id as writer, w.data_key as writer_key
    from inbox i
    cross join lateral (
        select r.conversation_id from rooms r
        where r.account_id = i.account_id and r.chat_id = split_part(i.stray, '/', 1)
            and r.thread = substr(i.stray, strpos(i.stray, '/') + 1)
        union all
        -- A button of a direct message: its own id stands for the thread.
        select d.conversation_id from outbox d join lanes l on l.id = d.lane_id
        where d.kind = 'direct' and l.account_id = i.account_id
            and d.external_ids @> array[substr(i.stray, strpos(i.stray, '/') + 1)]
        union all
        select p.conversation_id from places p
        join messages m on m.conversation_id = p.conversation_id and m.role = 'customer'
            and m.state <> 'note' and m.external_id = split_part(i.stray, '/', 2)
        where p.account_id = i.account_id
            and i.accepted_at > clock_timestamp() - interval '10 minutes'
            and (m.writer is null or encode(m.writer, 'hex') = split_part(i.stray, '/', 3))
            and p.place_hash = case when i.origin = 'customer'
                then decode(split_part(i.stray, '/', 1), 'hex') end
        limit 1
    ) found
    join conversations v on v.id = found.conversation_id
    join customers c on c.id = v.customer_id
    join organizations o on o.id = i.organization_id
    {STRAY_WRITER}
    where i.stray is not null and c.data_key is not null and (w.id is null or w.data_key is not null)
    order by i.accepted_at, i.external_id limit 100 for update of i skip locked
""")

_PLACE_STRAY = text("""
    update inbox set conversation_id = :conversation, seq = :seq, body = :body, message_id = :message,
        position = cast(:position as int), stray = null
    where account_id = :account and external_id = :external and organization_id = :organization
        and origin = :origin and kind = :kind
""")

_INSERT_MESSAGE = text("""
    insert into messages (id, conversation_id, organization_id, position, sender_type, sender_id,
        writer, role, content, extras, state, edited, external_id, source, reference, created_at)
    values (:id, :conversation, :organization, :position, :sender_type, :sender, :writer, :role, :content,
        :extras, :state, :edited, :external, :source, :reference, clock_timestamp())
""")

# 50 are enough: a question that stays unanswered is asked again, or handed to people.
_POSTED = text("""
    select o.payload from outbox o
    where o.conversation_id = :conversation and o.room_id is null and o.kind = 'post' and o.payload <> ''
    order by o.created_at desc limit 50
""")

_TOUCH = text("""
    update conversations c
    set accepted = t.accepted, position = t.position, said = t.said,
        place_id = coalesce(t.place, c.place_id),
        pending_since = case when t.said > c.said then coalesce(c.pending_since, clock_timestamp())
            else c.pending_since end,
        wake_at = case when t.patient and c.said > c.handled then greatest(c.wake_at, clock_timestamp())
            when t.patient then least(coalesce(c.wake_at, 'infinity'),
                clock_timestamp() + make_interval(secs => t.seconds))
            else clock_timestamp() + make_interval(secs => t.seconds) end
    from unnest(cast(:ids as uuid[]), cast(:accepted as int[]), cast(:positions as int[]),
        cast(:said as int[]), cast(:seconds as float8[]), cast(:patient as bool[]),
        cast(:places as uuid[]))
        as t(id, accepted, position, said, seconds, patient, place)
    where c.id = t.id
""")
