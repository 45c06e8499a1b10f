"""Read what a room's card shows, when it is sent."""

import json
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.conversation import (
    Conversation,
    Erased,
    Escalation,
    EscalationState,
    Message,
    Owner,
    OwnerKind,
    Status,
)
from bot.core.errors import NotFound
from bot.core.events import Channel, Place
from bot.core.ids import ConversationId, CustomerId, OrgId, PersonId, TeamId
from storage.keys import Keys
from storage.posted import undeleted
from storage.sealed_fields import PROFILE
from storage.views import CONVERSATION, ESCALATION, AnyRow, conversation, escalation, message

_RECENT = 40
_SHOWN = 3  # earlier conversations


@dataclass(frozen=True, slots=True)
class Earlier:
    """Another conversation of the same customer."""

    id: ConversationId
    number: int
    channel: Channel
    status: Status
    at: datetime
    owner: Owner
    escalation: EscalationState | None = None  # the state of its last escalation
    team: TeamId | None = None
    holder: PersonId | None = None
    room: Place | None = None  # the thread of that escalation


@dataclass(frozen=True, slots=True)
class MergedInto:
    """The customer into whom the conversation's customer was merged."""

    id: CustomerId
    name: str


@dataclass(frozen=True, slots=True)
class RoomView:
    """One room and all that it is about. `current`: the escalation has no newer room."""

    organization: OrgId
    version: int
    conversation: Conversation
    escalation: Escalation
    team: TeamId
    current: bool
    story: tuple[Message, ...]  # oldest first
    kept: MergedInto | None = None
    earlier: tuple[Earlier, ...] = ()  # other conversations of this customer, on any channel, newest first


@dataclass(frozen=True, slots=True)
class WatchedRoom:
    """A room in which staff watch the conversation of an agent, with what its card shows."""

    organization: OrgId
    version: int
    conversation: Conversation
    team: TeamId
    open: bool
    story: tuple[Message, ...]  # oldest first


async def room_view(connection: AsyncConnection, keys: Keys, room: UUID) -> RoomView | WatchedRoom:
    """Return a room with all that its card shows. Raise NotFound, KeyDestroyed."""
    row = (await connection.execute(_ROOM, {"id": room})).one_or_none()
    if row is None:
        raise NotFound("room", str(room))
    head = (
        await connection.execute(text(CONVERSATION + " where v.id = :id"), {"id": row.conversation_id})
    ).one()
    sealer = keys.customer(head.customer_id, head.data_key)
    story = await connection.execute(_STORY, {"id": row.conversation_id, "limit": _RECENT})
    if row.escalation_id is None:
        return WatchedRoom(
            organization=OrgId(row.organization_id),
            version=row.version,
            conversation=conversation(head, keys),
            team=TeamId(row.team),
            open=row.open,
            story=tuple(message(m, sealer) for m in reversed(story.all())),
        )
    matter = (
        await connection.execute(text(ESCALATION + " where e.id = :id"), {"id": row.escalation_id})
    ).one()
    found = escalation(matter, sealer)
    root = (await connection.execute(_KEPT, {"id": row.conversation_id})).one_or_none()
    return RoomView(
        organization=OrgId(row.organization_id),
        version=row.version,
        conversation=conversation(head, keys),
        escalation=found,
        team=TeamId(row.team),
        current=found.room is not None and found.room.id == room,
        story=tuple(message(m, sealer) for m in reversed(story.all())),
        kept=_kept(root, keys) if root is not None else None,
        earlier=tuple(
            _earlier(e)
            for e in await connection.execute(_EARLIER, {"id": row.conversation_id, "limit": _SHOWN})
        ),
    )


@dataclass(frozen=True, slots=True)
class ErasedRoom:
    """A room whose customer was erased: what its card showed cannot be read any more."""

    organization: OrgId
    version: int
    erased: Erased
    undeleted: int  # our messages there that could not be deleted


async def erased_room(connection: AsyncConnection, room: UUID) -> ErasedRoom | None:
    """Return the room if its customer was erased, else None."""
    row = (await connection.execute(_ERASED, {"id": room})).one_or_none()
    if row is None:
        return None
    return ErasedRoom(
        OrgId(row.organization_id),
        row.version,
        Erased(row.erased_at, row.erased_by),
        await undeleted(connection, room),
    )


_ERASED = text("""
    select r.organization_id, o.version, c.erased_at, c.erased_by
    from rooms r join organizations o on o.id = r.organization_id
    join conversations v on v.id = r.conversation_id join customers c on c.id = v.customer_id
    where r.id = :id and c.data_key is null
""")


def _kept(row: AnyRow, keys: Keys) -> MergedInto:
    profile = json.loads(keys.customer(row.id, row.data_key).open(row.profile, field=PROFILE))
    return MergedInto(CustomerId(row.id), profile["name"])


def _earlier(row: AnyRow) -> Earlier:
    room = None
    if row.thread:
        room = Place(Channel(row.room_channel), row.account, row.chat, row.thread)
    return Earlier(
        id=ConversationId(row.id),
        number=row.number,
        channel=Channel(row.channel),
        status=Status(row.status),
        at=row.created_at,
        owner=Owner(OwnerKind(row.owner_kind), row.owner_name),
        escalation=EscalationState(row.state) if row.state else None,
        team=TeamId(row.team) if row.team else None,
        holder=PersonId(row.to_human) if row.to_human else None,
        room=room,
    )


_ROOM = text("""
    select r.organization_id, r.conversation_id, r.escalation_id, r.team, r.open, o.version
    from rooms r join organizations o on o.id = r.organization_id where r.id = :id
""")

_KEPT = text("""
    select kept.id, kept.profile, kept.data_key from conversations v
    join customers c on c.id = v.customer_id join customers kept on kept.id = c.merged_into
    where v.id = :id and kept.data_key is not null
""")

# ix_conversations_customer_id, for each customer merged with this one
_EARLIER = text("""
    select v.id, v.number, v.status, v.created_at, v.owner_kind, v.owner_name, a.channel,
        e.state, e.team, e.to_human, r.account, r.room_channel, r.chat, r.thread
    from conversations mine
    join customers c on c.id = mine.customer_id
    join customers same on same.id = coalesce(c.merged_into, c.id)
        or same.merged_into = coalesce(c.merged_into, c.id)
    join conversations v on v.customer_id = same.id and v.id <> mine.id
    join places p on p.id = v.place_id
    join accounts a on a.id = p.account_id
    left join lateral (
        select * from escalations where conversation_id = v.id order by opened_at desc, id desc limit 1
    ) e on true
    left join lateral (
        select ra.account, ra.channel as room_channel, coalesce(o.chat_id, o.chat) as chat, o.thread
        from rooms o join accounts ra on ra.id = o.account_id
        where o.escalation_id = e.id and o.thread <> '' order by o.created_at desc, o.id desc limit 1
    ) r on true
    where mine.id = :id
    order by v.created_at desc limit :limit
""")

_STORY = text("select * from messages where conversation_id = :id order by position desc limit :limit")
