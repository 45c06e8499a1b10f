"""Gather many matters in one notice in a team's channel.

A notice lists messages of which nobody knows whether they arrived, or escalations without a room of their
own. The message's outbox row, or the escalation, names its notice. The text of a notice is counted from those
rows when it is sent, so the notice itself holds no data of any customer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.ids import ConversationId, CustomerId, LaneId, NewId, OrgId
from storage.database import Step, pipeline

NOTICE: Final = "notice"  # the kind of its own rows in the outbox
IN_DOUBT: Final = "in_doubt"  # a notice that lists messages
GATHERED: Final = "gathered"  # a notice that lists escalations
NEXT: Final = 5  # escalations that get a room at one press
_NAMED: Final = 10  # conversations that a notice names
_GOES_ON: Final = {IN_DOUBT: 10.0, GATHERED: 60.0}  # minutes for which a notice takes more


@dataclass(frozen=True, slots=True)
class Notice:
    """The current content of a notice. Messages are counted by their state."""

    id: UUID
    chat: str
    post: str  # the platform's id of the notice's message; "" before it was posted
    in_doubt: int
    conversations: tuple[ConversationId, ...]  # the first few of those in doubt
    arrived: int  # they had arrived after all, and were not sent again
    answered: int  # not sent again, because the customer got another answer meanwhile
    # The messages that were sent again:
    delivered: int
    on_the_way: int
    failed: int
    parked: int  # until the customer writes
    pressed_by: str
    kind: str = IN_DOUBT
    gathered: int = 0  # escalations that still wait without a room; `conversations` are the first few


@dataclass(frozen=True, slots=True)
class Making:
    """The data of a new notice: its organization, team and chat, and what it lists."""

    organization: OrgId
    team: str
    lane: LaneId
    chat: str
    kind: str


async def notice_of(connection: AsyncConnection, new_id: NewId, made: Making) -> UUID:
    """Return the team's notice of the last minutes, created if there is none."""
    given = {"organization": made.organization, "team": made.team, "kind": made.kind}
    await connection.execute(_ALONE, given)
    id_: UUID | None = await connection.scalar(_RECENT, given | {"minutes": _GOES_ON[made.kind]})
    if id_ is None:
        id_ = new_id()
        await connection.execute(_MAKE, given | {"id": id_, "lane": made.lane, "chat": made.chat})
    return id_


def gathering(notice: UUID, escalation: UUID) -> Step:
    """Return a step that lists an escalation in a notice. It must follow the step that opens the
    escalation.
    """
    return _GATHER, {"notice": notice, "escalation": escalation}


async def notice_with(connection: AsyncConnection, escalation: UUID) -> tuple[UUID, LaneId] | None:
    """Return the notice that lists an escalation, and its lane."""
    row = (await connection.execute(_WITH, {"escalation": escalation})).one_or_none()
    return (row.id, LaneId(row.lane_id)) if row is not None else None


async def notice_listing(connection: AsyncConnection, message: UUID) -> tuple[UUID, LaneId] | None:
    """Return the notice that lists a message as in doubt, and its lane."""
    row = (await connection.execute(_DOUBTING, {"message": message})).one_or_none()
    return (row.id, LaneId(row.lane_id)) if row is not None else None


async def notices_naming(
    connection: AsyncConnection, conversation: ConversationId
) -> list[tuple[UUID, LaneId]]:
    """Return the notices that list messages or escalations of a conversation, and their lanes."""
    rows = await connection.execute(_NAMING, {"conversation": conversation})
    return [(row.id, LaneId(row.lane_id)) for row in rows]


def leaving(message: UUID) -> Step:
    """Return a step that takes a message off its notice. It must follow the locks of lanes."""
    return _LEAVE, {"message": message}


def listing(notice: UUID, message: UUID) -> Step:
    """Return a step that lists a message in doubt in a notice. It must follow the locks of lanes."""
    return _LIST, {"notice": notice, "message": message}


def pressing(notice: UUID, by: str) -> Step:
    """Return a step that records who pressed a notice's button first. It must follow the locks of lanes."""
    return _PRESSED, {"notice": notice, "by": by}


async def lane_of_notice(connection: AsyncConnection, notice: UUID) -> LaneId:
    return LaneId(await connection.scalar(_LANE, {"notice": notice}))


async def notices(connection: AsyncConnection, ids: Sequence[UUID]) -> Mapping[UUID, Notice]:
    """Return the current content of each notice."""
    found, listed = await pipeline(
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
            arrived=row.arrived,
            answered=row.answered,
            delivered=row.delivered,
            on_the_way=row.on_the_way,
            failed=row.failed,
            parked=row.parked,
            pressed_by=row.pressed_by or "",
            kind=row.kind,
            gathered=row.gathered,
        )
        for row in found
    }


@dataclass(frozen=True, slots=True)
class Listed:
    """A conversation with a message in doubt, or an escalation without a room, that a notice lists."""

    conversation: ConversationId
    customer: CustomerId
    data_key: bytes | None  # None: the customer was erased
    team: str
    waits: bool = True  # False: nothing that the notice lists waits for the press any more


async def listed(connection: AsyncConnection, organization: OrgId, notice: UUID) -> list[Listed]:
    """Return the conversations that a press on a notice's button is for.

    These are all conversations with a message in doubt, or the next few whose escalations get a room. If none
    is left, return one that the notice listed or that had it drawn: its turn answers the person who pressed.
    """
    given = {"organization": organization, "notice": notice, "next": NEXT}
    rows: Sequence[Row[Any]] = (await connection.execute(_LISTED, given)).all()
    waits = bool(rows)
    rows = rows or (await connection.execute(_WAS_LISTED, given)).all()
    return [
        Listed(
            ConversationId(row.conversation_id), CustomerId(row.customer_id), row.data_key, row.team, waits
        )
        for row in rows
    ]


# Only one transaction at a time creates a team's notice. Locked after conversations, before lanes.
_ALONE = text("""
    select pg_advisory_xact_lock(hashtextextended('notice:' || cast(:organization as text) || :team, 0))
""")

_RECENT = text("""
    select id from notices
    where organization_id = :organization and team = :team and kind = :kind and pressed_by is null
        and created_at > clock_timestamp() - make_interval(mins => cast(:minutes as int))
    order by created_at desc limit 1
""")

_MAKE = text("""
    insert into notices (id, organization_id, team, kind, lane_id, chat)
    values (:id, :organization, :team, :kind, :lane, :chat)
""")

_LIST = text("""
    update outbox set notice_id = :notice
    where message_id = :message and room_id is null and kind = 'post' and state = 'unknown'
""")

_IN_DOUBT = """
    o.message_id = :message and o.room_id is null and o.kind = 'post' and o.state = 'unknown'
        and o.notice_id is not null
"""

_DOUBTING = text(f"""
    select n.id, n.lane_id from outbox o join notices n on n.id = o.notice_id where {_IN_DOUBT} limit 1
""")

_LEAVE = text(f"update outbox o set notice_id = null where {_IN_DOUBT}")

_NAMING = text("""
    select n.id, n.lane_id from outbox o join notices n on n.id = o.notice_id
    where o.conversation_id = :conversation and o.kind = 'post'
    union
    select n.id, n.lane_id from escalations e join notices n on n.id = e.notice_id
    where e.conversation_id = :conversation
    order by id
""")

_GATHER = text("update escalations set notice_id = :notice where id = :escalation")

_WITH = text("""
    select n.id, n.lane_id from escalations e join notices n on n.id = e.notice_id where e.id = :escalation
""")

_LANE = text("select lane_id from notices where id = :notice")

_PRESSED = text("""
    update notices set pressed_by = coalesce(pressed_by, :by) where id = :notice
""")

# Escalations that a notice lists and that still have no room.
_GATHERED = """
    from escalations e
    join conversations v on v.id = e.conversation_id
    join customers c on c.id = v.customer_id and c.data_key is not null
    where e.notice_id = n.id and e.state = 'waiting'
        and not exists (select from rooms r where r.escalation_id = e.id)
"""

_NOTICES = text(f"""
    select n.id, n.kind, n.chat, n.chat_id, n.post, n.pressed_by,
        (select count(*) {_GATHERED}) as gathered,
        count(*) filter (where o.state = 'unknown' and c.data_key is not null) as in_doubt,
        count(*) filter (where o.state = 'delivered' and not o.reports) as arrived,
        count(*) filter (where o.state = 'delivered' and o.reports) as delivered,
        count(*) filter (where o.state in ('waiting', 'sending')) as on_the_way,
        count(*) filter (where o.state = 'failed') as failed,
        count(*) filter (where o.state = 'parked') as parked,
        count(*) filter (where o.state = 'withdrawn') as answered
    from notices n
    left join outbox o on o.notice_id = n.id and o.kind = 'post'
    left join conversations v on v.id = o.conversation_id
    left join customers c on c.id = v.customer_id
    where n.id = any(cast(:ids as uuid[])) group by n.id
""")

_OPEN = text(f"""
    select n.id as notice_id, o.conversation_id
    from notices n cross join lateral (
        select distinct o.conversation_id from outbox o
        join conversations v on v.id = o.conversation_id
        join customers c on c.id = v.customer_id and c.data_key is not null
        where o.notice_id = n.id and o.kind = 'post' and o.state = 'unknown'
        union all
        (select e.conversation_id {_GATHERED} order by e.id limit :limit)
        order by conversation_id limit :limit
    ) o
    where n.id = any(cast(:ids as uuid[])) order by n.id, o.conversation_id
""")

_LISTED = text(f"""
    select distinct o.conversation_id, v.customer_id, c.data_key, n.team
    from notices n join outbox o on o.notice_id = n.id join conversations v on v.id = o.conversation_id
    join customers c on c.id = v.customer_id and c.data_key is not null
    where n.id = :notice and n.organization_id = :organization and o.kind = 'post'
        and o.state = 'unknown'
    union all
    select e.* from notices n cross join lateral (
        select e.conversation_id, v.customer_id, c.data_key, n.team {_GATHERED} order by e.id limit :next
    ) e
    where n.id = :notice and n.organization_id = :organization
    order by conversation_id
""")

# A message that has a room by now is on no notice any more: the rows that drew the notice are left.
_WAS_LISTED = text("""
    select l.conversation_id, v.customer_id, c.data_key, n.team
    from notices n cross join lateral (
        select e.conversation_id from escalations e where e.notice_id = n.id
        union all
        select o.conversation_id from outbox o where o.notice_id = n.id
    ) l
    join conversations v on v.id = l.conversation_id
    join customers c on c.id = v.customer_id
    where n.id = :notice and n.organization_id = :organization
    order by c.data_key is null, l.conversation_id limit 1
""")
