"""Erase customers: destroy their key, and close what is left of their conversations.

What happens in such a conversation afterwards is sealed with the organization's key. It holds nothing of the
customer: staff still act in its rooms, and are answered there.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.connector import ChannelKind
from bot.core.conversation import (
    Conversation,
    CustomerErased,
    Erased,
    Input,
    Message,
    MessageState,
    Origin,
    Owner,
    OwnerKind,
    Role,
    Status,
    Timer,
    View,
)
from bot.core.errors import CannotDecrypt, PlaceMoved
from bot.core.events import Channel, Place
from bot.core.ids import ConversationId, CustomerId, MessageId, OrgId
from storage.codec import load_body
from storage.database import pipeline
from storage.entries import NOBODY, Entry
from storage.inbox import Inboxes
from storage.keys import Keys, destroy_locked, lock_whole
from storage.merging import alone
from storage.posted import Posted, posted
from storage.sealed_fields import BODY
from storage.sealing import Sealer
from storage.views import INPUTS, ROOMS, TIMERS, escalations_of_erased, room_of
from storage.writers import Elsewhere, delete_early_changes, take_away, wrote_elsewhere

AnyRow = Row[Any]
_NOWHERE = Place(Channel(""), "", "")
_TRIES = 10


async def erase(
    connection: AsyncConnection,
    keys: Keys,
    inboxes: Inboxes,
    organization: OrgId,
    customer: CustomerId,
    *,
    by: str = "",
    channels: Mapping[str, ChannelKind] = MappingProxyType({}),
) -> Posted:
    """Destroy the customer's key, and let a turn close each of their conversations that staff were shown.

    What they wrote in conversations of others is taken away there, and a turn tells staff the story anew.

    `by` names who asked for it in the audit log. `channels` take them out of the addresses to which answers
    to others go. Return what the staff's tools still show. Raise KeyDestroyed when the organization has no
    such customer with a key.
    """
    await alone(connection, organization)
    erased, elsewhere = await _locked(connection, organization, customer)
    await destroy_locked(connection, erased, by=by)
    await delete_early_changes(connection, organization, elsewhere.hashes)
    entries = await take_away(connection, keys, organization, customer, elsewhere, channels)
    rows = (await connection.execute(_WITH_ROOMS, {"customers": erased})).all()
    entries += [
        Entry(
            NOBODY,
            f"erased:{row.id}",
            organization,
            ConversationId(row.id),
            Origin.SELF,
            CustomerErased(),
            keys.organization(organization, row.data_key, row.index_key).sealer,
        )
        for row in rows
    ]
    if entries:
        await inboxes.tell(connection, entries)
    return replace(
        await posted(connection, organization, erased),
        elsewhere=len(elsewhere.conversations),
        unknown=elsewhere.unknown,
    )


async def _locked(
    connection: AsyncConnection, organization: OrgId, customer: CustomerId
) -> tuple[list[CustomerId], Elsewhere]:
    """Lock all that is erased with a customer, and the conversations of others in which they wrote.

    Until their identities are locked, they may write in one more conversation. Then everything is locked
    again with that one, because conversations are locked in order.
    """
    for _ in range(_TRIES):
        savepoint = await connection.begin_nested()
        before = await wrote_elsewhere(connection, organization, customer)
        theirs = await lock_whole(connection, organization, customer, beside=before.conversations)
        elsewhere = await wrote_elsewhere(connection, organization, customer)
        if set(elsewhere.conversations) <= set(before.conversations):
            await savepoint.commit()
            return theirs, elsewhere
        await savepoint.rollback()
    raise PlaceMoved(f"a customer who is erased wrote in more and more conversations, {_TRIES} times")


async def sealer_of_erased(connection: AsyncConnection, keys: Keys, organization: OrgId) -> Sealer:
    """Return the sealer for turns of conversations whose customer was erased: the organization's."""
    row = (await connection.execute(_ORGANIZATION, {"id": organization})).one()
    return keys.organization(organization, row.data_key, row.index_key).sealer


async def views_of_erased(
    connection: AsyncConnection, keys: Keys, ids: Sequence[ConversationId]
) -> dict[ConversationId, View]:
    """Return the views of those conversations whose customer was erased, without name and place.

    The story holds only that staff wrote messages that had not left, without their text.
    """
    if not ids:
        return {}
    given = {"ids": list(ids)}
    heads, *listed = await pipeline(
        connection, (_HEADS, given), (INPUTS, given), (TIMERS, given), (ROOMS, given), (_UNSENT, given)
    )
    inputs, timers, rooms, unsent = map(_group, listed)
    open_ = await escalations_of_erased(connection, [row.id for row in heads])
    return {
        ConversationId(row.id): View(
            now=row.now,
            conversation=_conversation(row),
            escalation=open_.get(row.id),
            inputs=tuple(
                _input(each, keys.organization(row.organization_id, row.data_key, row.index_key).sealer)
                for each in inputs[row.id]
            ),
            timers=tuple(Timer(each.kind, each.subject, each.due_at) for each in timers[row.id]),
            story=tuple(_unsent(each) for each in unsent[row.id]),
            rooms=tuple(room_of(each) for each in rooms[row.id]),
        )
        for row in heads
    }


def _group(rows: Any) -> defaultdict[UUID, list[AnyRow]]:
    grouped: defaultdict[UUID, list[AnyRow]] = defaultdict(list)
    for row in rows:
        grouped[row.conversation_id].append(row)
    return grouped


def _conversation(row: AnyRow) -> Conversation:
    return Conversation(
        id=ConversationId(row.id),
        organization=OrgId(row.organization_id),
        customer=CustomerId(row.customer_id),
        customer_name="",
        language="",
        place=_NOWHERE,
        owner=Owner(OwnerKind(row.owner_kind), row.owner_name),
        status=Status(row.status),
        created_at=row.created_at,
        erased=Erased(row.erased_at, row.erased_by),
    )


def _input(row: AnyRow, sealer: Sealer) -> Input:
    """Return one input of an erased customer's conversation.

    An input from before the erasure cannot be opened any more. It is read as another report of the erasure,
    because something may have been posted to staff meanwhile.
    """
    origin, body = Origin(row.origin), None
    try:
        body = load_body(sealer.open(row.body, field=BODY))
    except CannotDecrypt:
        origin = Origin.SELF
    return Input(
        seq=row.seq,
        origin=origin,
        body=body or CustomerErased(),
        message=MessageId(row.message_id) if row.message_id else None,
        position=row.position,
        at=row.accepted_at,
    )


def _unsent(row: AnyRow) -> Message:
    return Message(
        id=MessageId(row.id),
        role=Role.STAFF,
        sender=row.sender_id,
        text="",
        state=MessageState(row.state),
        at=row.created_at,
        ref=row.external_id,
        room=row.room_id,
    )


_ORGANIZATION = text("select data_key, index_key from organizations where id = :id")

_WITH_ROOMS = text("""
    select v.id, o.data_key, o.index_key from conversations v
    join organizations o on o.id = v.organization_id
    where v.customer_id = any(cast(:customers as uuid[]))
        and (v.status = 'escalated' or exists (select 1 from rooms r where r.conversation_id = v.id)
            or exists (
                select 1 from outbox d where d.conversation_id = v.id
                    and (d.kind = 'direct' or d.kind = 'post' and d.notice_id is not null)
            ))
    order by v.id
""")

# The outbox rows of these messages are withdrawn when they are claimed, because no key opens them.
_UNSENT = text("""
    select m.id, m.conversation_id, m.sender_id, m.state, m.external_id, m.room_id, m.created_at
    from messages m
    where m.conversation_id = any(cast(:ids as uuid[])) and m.role = 'staff'
        and (m.state in ('held', 'parked') or m.state = 'released' and exists (
            select 1 from outbox o
            where o.message_id = m.id and o.place_id is not null and o.kind = 'post'
            having count(*) > 0 and bool_and(o.state in ('waiting', 'withdrawn') and o.part = 0)
        ))
    order by m.conversation_id, m.position
""")

_HEADS = text("""
    select v.id, v.organization_id, v.customer_id, v.owner_kind, v.owner_name, v.status, v.created_at,
        c.erased_at, c.erased_by, o.data_key, o.index_key, clock_timestamp() as now
    from conversations v
    join customers c on c.id = v.customer_id
    join organizations o on o.id = v.organization_id
    where v.id = any(cast(:ids as uuid[])) and c.data_key is null
""")
