"""What a card shows, read at the moment when it is sent."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.conversation import Conversation, Escalation, Message, Status
from bot.core.errors import NotFound
from bot.core.events import Channel
from bot.core.ids import ConversationId, OrgId, TeamId
from storage.keys import Keys
from storage.views import CONVERSATION, ESCALATION, conversation, escalation, message

_RECENT = 40
_SHOWN = 3  # earlier conversations


@dataclass(frozen=True, slots=True)
class Earlier:
    """Another conversation of the same customer."""

    id: ConversationId
    channel: Channel
    status: Status
    at: datetime


@dataclass(frozen=True, slots=True)
class RoomView:
    """One room and all it is about. `current`: the escalation has not been handed on to another room."""

    organization: OrgId
    version: int
    conversation: Conversation
    escalation: Escalation
    team: TeamId
    current: bool
    story: tuple[Message, ...]  # oldest first
    earlier: tuple[Earlier, ...] = ()  # what this customer wrote to us before, on any channel, newest first


async def room_view(connection: AsyncConnection, keys: Keys, room: UUID) -> RoomView:
    """Raises NotFound, KeyDestroyed."""
    row = (await connection.execute(_ROOM, {"id": room})).one_or_none()
    if row is None:
        raise NotFound("room", str(room))
    head = (
        await connection.execute(text(CONVERSATION + " where v.id = :id"), {"id": row.conversation_id})
    ).one()
    sealer = keys.customer(head.customer_id, head.data_key)
    matter = (
        await connection.execute(text(ESCALATION + " where e.id = :id"), {"id": row.escalation_id})
    ).one()
    story = await connection.execute(_STORY, {"id": row.conversation_id, "limit": _RECENT})
    found = escalation(matter, sealer)
    return RoomView(
        organization=OrgId(row.organization_id),
        version=row.version,
        conversation=conversation(head, keys),
        escalation=found,
        team=TeamId(row.team),
        current=found.room is not None and found.room.id == room,
        story=tuple(message(m, sealer) for m in reversed(story.all())),
        earlier=tuple(
            Earlier(ConversationId(e.id), Channel(e.channel), Status(e.status), e.created_at)
            for e in await connection.execute(_EARLIER, {"id": row.conversation_id, "limit": _SHOWN})
        ),
    )


async def was_erased(connection: AsyncConnection, room: UUID) -> bool:
    """Whether the customer of the room was erased: nothing that its card would show can be read."""
    return bool(await connection.scalar(_ERASED, {"id": room}))


_ERASED = text("""
    select c.data_key is null from rooms r join conversations v on v.id = r.conversation_id
    join customers c on c.id = v.customer_id where r.id = :id
""")

_ROOM = text("""
    select r.organization_id, r.conversation_id, r.escalation_id, r.team, o.version
    from rooms r join organizations o on o.id = r.organization_id where r.id = :id
""")

# ix_conversations_customer_id, for each customer who was found to be this one
_EARLIER = text("""
    select v.id, v.status, v.created_at, a.channel
    from conversations mine
    join customers c on c.id = mine.customer_id
    join customers same on same.id = coalesce(c.merged_into, c.id)
        or same.merged_into = coalesce(c.merged_into, c.id)
    join conversations v on v.customer_id = same.id and v.id <> mine.id
    join places p on p.id = v.place_id
    join accounts a on a.id = p.account_id
    where mine.id = :id
    order by v.created_at desc limit :limit
""")

_STORY = text("select * from messages where conversation_id = :id order by position desc limit :limit")
