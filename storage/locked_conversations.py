"""Lock conversations, and count and schedule what is stored in them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.conversation import Origin
from bot.core.events import (
    Deleted,
    Edited,
    Event,
    Reacted,
    Receipt,
    Said,
    SenderRole,
    Started,
    Stopped,
    Tapped,
    ThreadControl,
)
from bot.core.ids import AccountId, ConversationId
from storage.accounts import Account
from storage.database import Step, pipeline
from storage.entries import Entry
from storage.hashes import SEEN, seen_before
from storage.known_places import CLOSED

AnyRow = Row[Any]
_RECEIPT_WAITS = timedelta(milliseconds=500)


@dataclass(slots=True)
class Head:
    """The counters of a conversation whose row is locked."""

    id: ConversationId
    customer: UUID  # the one that was kept, if customers were merged
    closed: bool  # resolved, and too long ago to be opened again
    last_accepted: int
    last_handled: int
    position: int
    last_customer_input: int
    answering: bool = True  # an agent or a flow is the owner: a burst is worth waiting for
    wake: timedelta | None = None
    patient: bool = True  # all inputs so far can wait for the end of a quiet window
    placed: bool = True  # the conversation has a place
    place: UUID | None = None  # where the customer wrote now


@dataclass(frozen=True, slots=True)
class Locked:
    """Conversations whose rows are locked, and the current conversation of each place."""

    conversations: dict[ConversationId, Head]
    leads_to: dict[UUID, tuple[bytes, ConversationId]]  # the place's hash, and its conversation
    early: list[AnyRow] = field(default_factory=list)  # changes that wait for messages which arrive now


def touching(heads: Sequence[Head]) -> Step:
    """Return the statement that writes the counters of conversations, in order of their ids."""
    return _TOUCH, {
        "ids": [head.id for head in heads],
        "last_accepted": [head.last_accepted for head in heads],
        "positions": [head.position for head in heads],
        "last_customer_inputs": [head.last_customer_input for head in heads],
        "seconds": [(head.wake or timedelta()).total_seconds() for head in heads],
        "patient": [head.patient for head in heads],
        "places": [head.place for head in heads],
    }


def _can_wait(entry: Entry, head: Head) -> bool:
    """Return whether an entry can wait for the end of a quiet window.

    While an agent or a flow answers, nobody holds the conversation: what staff write stays inside.
    """
    if entry.origin is Origin.SELF:
        return True
    content = entry.body.content if isinstance(entry.body, Event) else None
    note = entry.origin is Origin.ROOM and head.answering and isinstance(content, Said | Edited | Deleted)
    return note or isinstance(content, Reacted | Receipt)


def schedule(entry: Entry, head: Head) -> None:
    """Set when a conversation wakes for an entry. Each message moves its quiet window."""
    wake = timedelta()
    head.patient = head.patient and _can_wait(entry, head)
    if isinstance(entry.body, Event) and isinstance(entry.body.content, Receipt):
        if head.wake is None:
            head.wake = _RECEIPT_WAITS  # a receipt may arrive before we have recorded the delivery
        return
    if entry.origin is Origin.CUSTOMER and isinstance(entry.body, Event):
        content = entry.body.content
        event = entry.body
        speaks = event.sender_role is SenderRole.CUSTOMER and not event.automatic
        # Whoever did it: an answer that is being made is not wanted.
        stops = isinstance(content, Stopped | ThreadControl)
        if stops or (speaks and isinstance(content, Said | Started | Tapped | Edited)):
            head.last_customer_input = head.last_accepted
        if (
            head.answering
            and isinstance(content, Said)
            and entry.rules is not None
            and head.last_accepted - head.last_handled < entry.rules.burst_cap
        ):
            wake = entry.rules.quiet
    head.wake = wake


async def lock_and_look(
    connection: AsyncConnection,
    conversations: set[ConversationId],
    told: Sequence[tuple[AccountId, str, str]],
    places: Collection[UUID] = (),
    arrived: Sequence[tuple[Account, Event]] = (),
    early: Step | None = None,
) -> tuple[Locked, set[tuple[AccountId, str]]]:
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
    return Locked(heads, leads_to, *waiting), seen


def _head(row: AnyRow) -> Head:
    return Head(
        ConversationId(row.id),
        row.root,
        row.closed,
        row.last_accepted,
        row.last_handled,
        row.position,
        row.last_customer_input,
        row.owner_kind in ("agent", "flow"),
        placed=row.place_id is not None,
    )


_LOCK = text(f"""
    select v.id, v.last_accepted, v.last_handled, v.position, v.last_customer_input, v.owner_kind, v.place_id,
        {CLOSED} as closed,
        (select coalesce(c.merged_into, c.id) from customers c where c.id = v.customer_id) as root
    from conversations v where v.id = any(cast(:conversations as uuid[])) order by v.id for update
""")

_LEADING = text("select id, place_hash, conversation_id from places where id = any(cast(:places as uuid[]))")

_TOUCH = text("""
    update conversations c
    set last_accepted = t.last_accepted, position = t.position, last_customer_input = t.last_customer_input,
        place_id = coalesce(t.place, c.place_id),
        pending_since = case when t.last_customer_input > c.last_customer_input
            then coalesce(c.pending_since, clock_timestamp()) else c.pending_since end,
        wake_at = case when t.patient and c.last_customer_input > c.last_handled
            then greatest(c.wake_at, clock_timestamp())
            when t.patient then least(coalesce(c.wake_at, 'infinity'),
                clock_timestamp() + make_interval(secs => t.seconds))
            else clock_timestamp() + make_interval(secs => t.seconds) end
    from unnest(cast(:ids as uuid[]), cast(:last_accepted as int[]), cast(:positions as int[]),
        cast(:last_customer_inputs as int[]), cast(:seconds as float8[]), cast(:patient as bool[]),
        cast(:places as uuid[]))
        as t(id, last_accepted, position, last_customer_input, seconds, patient, place)
    where c.id = t.id
""")
