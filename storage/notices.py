"""One notice in a team's channel of many messages whose fate nobody knows.

The outbox row of such a message names the notice. What the notice says is counted in those rows when it is
sent, so it holds nothing of any customer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.ids import ConversationId, CustomerId, LaneId, NewId, OrgId
from storage.database import Step, together

NOTICE: Final = "notice"  # the kind of its own rows in the outbox
_NAMED: Final = 10  # conversations


@dataclass(frozen=True, slots=True)
class Notice:
    """What stands in it now. `answered`: the customer had another answer meanwhile, so it was not sent."""

    id: UUID
    chat: str
    post: str  # the platform's id of the message that it is; "" before it was posted
    in_doubt: int
    conversations: tuple[ConversationId, ...]  # the first few of those in doubt
    sent_again: int
    answered: int
    pressed_by: str


async def notice_of(
    connection: AsyncConnection, new_id: NewId, organization: OrgId, team: str, lane: LaneId, chat: str
) -> UUID:
    """Return the team's notice of these minutes, made on first use."""
    given = {"organization": organization, "team": team}
    await connection.execute(_ALONE, given)
    id_: UUID | None = await connection.scalar(_RECENT, given)
    if id_ is None:
        id_ = new_id()
        await connection.execute(_MAKE, given | {"id": id_, "lane": lane, "chat": chat})
    return id_


def listing(notice: UUID, message: UUID) -> Step:
    """List a message that is in doubt in a notice, as a step after the locks of lanes."""
    return _LIST, {"notice": notice, "message": message}


def pressing(notice: UUID, by: str) -> Step:
    """Record who pressed the button of a notice first, as a step after the locks of lanes."""
    return _PRESSED, {"notice": notice, "by": by}


async def lane_of_notice(connection: AsyncConnection, notice: UUID) -> LaneId:
    return LaneId(await connection.scalar(_LANE, {"notice": notice}))


async def notices(connection: AsyncConnection, ids: Sequence[UUID]) -> Mapping[UUID, Notice]:
    """Return what stands in each now."""
    found, listed = await together(
        connection, (_NOTICES, {"ids": list(ids)}), (_OPEN, {"ids": list(ids), "limit": _NAMED})
    )
    named: dict[UUID, list[ConversationId]] = {}
    for row in listed:
        named.setdefault(row.notice_id, []).append(ConversationId(row.conversation_id))
    return {
        row.id: Notice(
            id=row.id,
            chat=row.chat_id or row.chat,
            post=row.post or "",
            in_doubt=row.in_doubt,
            conversations=tuple(named.get(row.id, ())),
            sent_again=row.sent_again,
            answered=row.answered,
            pressed_by=row.pressed_by or "",
        )
        for row in found
    }


@dataclass(frozen=True, slots=True)
class Listed:
    """A conversation that has a message in a notice, still in doubt."""

    conversation: ConversationId
    customer: CustomerId
    data_key: bytes
    team: str


async def listed(connection: AsyncConnection, organization: OrgId, notice: UUID) -> list[Listed]:
    """Return the conversations that a press on the notice's button is for."""
    rows: Sequence[Row[Any]] = (
        await connection.execute(_LISTED, {"organization": organization, "notice": notice})
    ).all()
    return [
        Listed(ConversationId(row.conversation_id), CustomerId(row.customer_id), row.data_key, row.team)
        for row in rows
    ]


# One at a time makes a team's notice. Taken after the locks of conversations, before those of lanes.
_ALONE = text("""
    select pg_advisory_xact_lock(hashtextextended('notice:' || cast(:organization as text) || :team, 0))
""")

_RECENT = text("""
    select id from notices
    where organization_id = :organization and team = :team and pressed_by is null
        and created_at > clock_timestamp() - interval '10 minutes'
    order by created_at desc limit 1
""")

_MAKE = text("""
    insert into notices (id, organization_id, team, lane_id, chat)
    values (:id, :organization, :team, :lane, :chat)
""")

_LIST = text("""
    update outbox set notice_id = :notice
    where message_id = :message and room_id is null and kind = 'post' and state = 'unknown'
""")

_LANE = text("select lane_id from notices where id = :notice")

_PRESSED = text("""
    update notices set pressed_by = coalesce(pressed_by, :by) where id = :notice
""")

_NOTICES = text("""
    select n.id, n.chat, n.chat_id, n.post, n.pressed_by,
        count(*) filter (where o.state = 'unknown' and c.data_key is not null) as in_doubt,
        count(*) filter (where o.state not in ('unknown', 'withdrawn')) as sent_again,
        count(*) filter (where o.state = 'withdrawn') as answered
    from notices n
    left join outbox o on o.notice_id = n.id and o.kind = 'post'
    left join conversations v on v.id = o.conversation_id
    left join customers c on c.id = v.customer_id
    where n.id = any(cast(:ids as uuid[])) group by n.id
""")

_OPEN = text("""
    select n.id as notice_id, o.conversation_id
    from notices n cross join lateral (
        select distinct o.conversation_id from outbox o
        join conversations v on v.id = o.conversation_id
        join customers c on c.id = v.customer_id and c.data_key is not null
        where o.notice_id = n.id and o.kind = 'post' and o.state = 'unknown'
        order by o.conversation_id limit :limit
    ) o
    where n.id = any(cast(:ids as uuid[])) order by n.id, o.conversation_id
""")

_LISTED = text("""
    select distinct o.conversation_id, v.customer_id, c.data_key, n.team
    from notices n join outbox o on o.notice_id = n.id join conversations v on v.id = o.conversation_id
    join customers c on c.id = v.customer_id and c.data_key is not null
    where n.id = :notice and n.organization_id = :organization and o.kind = 'post'
        and o.state = 'unknown'
    order by o.conversation_id
""")
