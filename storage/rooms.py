"""What a card shows, read at the moment when it is sent."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.conversation import Conversation, Escalation, Message
from bot.core.errors import NotFound
from bot.core.ids import OrgId, TeamId
from storage.keys import Keys
from storage.views import CONVERSATION, ESCALATION, conversation, escalation, message

_RECENT = 40


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
    )


_ROOM = text("""
    select r.organization_id, r.conversation_id, r.escalation_id, r.team, o.version
    from rooms r join organizations o on o.id = r.organization_id where r.id = :id
""")

_STORY = text("select * from messages where conversation_id = :id order by position desc limit :limit")
