"""Find the conversations that events of staff belong to: by room, message or notice, or because they concern
the whole workplace.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy import Row, TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.conversation import Origin
from bot.core.events import (
    NO_REFERENCE,
    OPEN_NEXT,
    PRESSED_LATE,
    SEND_ALL,
    Event,
    Reacted,
    Tapped,
    WorkplaceChange,
    WorkplaceChanged,
)
from bot.core.ids import AccountId, ConversationId
from storage.arrivals import Arrival
from storage.entries import Entry
from storage.hashes import event_key
from storage.keys import Keys
from storage.notices import listed
from storage.platform_ids import MAX_ID

AnyRow = Row[Any]


async def room_entries(
    connection: AsyncConnection, keys: Keys, arrivals: Sequence[Arrival]
) -> dict[tuple[AccountId, str], Entry]:
    """Return an entry for each event of staff that was written in a room, by the event's key.

    An erased customer has no key: the organization's key seals the event instead.
    """
    asked = [
        a
        for a in arrivals
        if notice_of_press(a.event) is None
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
                arrival.account.keys.sealer if erased else keys.customer(row.customer_id, row.data_key),
            )
    return entries


async def concerned_entries(
    connection: AsyncConnection, keys: Keys, arrivals: Sequence[Arrival]
) -> list[Entry]:
    """Return an entry for each conversation that an event of staff concerns without naming it.

    Such events are a change of the workplace, and a press of a button that stands for several
    conversations.
    """
    entries = []
    for arrival in arrivals:
        event, account = arrival.event, arrival.account
        if (notice := notice_of_press(event)) is not None:
            entries += await _pressed(connection, keys, arrival, notice)
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
                    keys.customer(row.customer_id, row.data_key),
                )
            )
    return entries


async def _pressed(connection: AsyncConnection, keys: Keys, arrival: Arrival, notice: UUID) -> list[Entry]:
    """Return an entry for each conversation that a notice lists.

    The value of each entry names the team and numbers the conversations, so that one of them answers the
    person who pressed. That one has the key of the press itself: a redelivery, when the notice lists
    others, finds it.
    """
    event, account = arrival.event, arrival.account
    assert isinstance(event.content, Tapped)  # noqa: S101  see `notice_of_press`
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
                account.keys.sealer if one.data_key is None else keys.customer(one.customer, one.data_key),
            )
        )
    return entries


def _thread(arrival: Arrival) -> tuple[AccountId, str, str]:
    return arrival.account.id, arrival.event.place.chat, arrival.event.place.thread


def notice_of_press(event: Event) -> UUID | None:
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


def keys_of_entry(entry: Entry) -> tuple[str, str]:
    """Return the key of an entry of several for one event, and that of the event itself."""
    return entry.external_id, entry.external_id.partition(":")[0]


def former_id(entry: Entry) -> str:
    """Return the id that an event about the workplace had in each conversation before migration 0012."""
    return f"{entry.body.external_id}:{entry.conversation}" if isinstance(entry.body, Event) else ""


async def move_rooms(connection: AsyncConnection, arrivals: Sequence[Arrival]) -> None:
    """Update the rooms of chats whose id has changed."""
    for arrival in arrivals:
        content, place = arrival.event.content, arrival.event.place
        if isinstance(content, WorkplaceChanged) and content.change is WorkplaceChange.CHAT_MOVED:
            moved = {"account": arrival.account.id, "chat": place.chat, "moved": content.detail[:MAX_ID]}
            await connection.execute(_MOVE_ROOMS, moved)


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
