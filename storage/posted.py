"""Delete what we posted to staff about an erased customer, and report what remains.

For each lane and room, a row `delete_posts` is added behind all that is under way there. Whoever claims it
adds one row `erase` for each message. Each of these is tried, fails and is sent again on its own, and other
conversations of the chat take their turns between them. Nothing here needs the customer's key.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.events import Channel
from bot.core.ids import CustomerId, LaneId, NewId, OrgId
from storage.accounts import Account
from storage.keys import Keys
from storage.lanes import lane_of, wake
from storage.reasons import reason_of
from storage.sealed_fields import ERROR

AnyRow = Row[Any]

_REMOVED: Final = "the organization file has no such account any more: with it they would be deleted"

DELETE_POSTS: Final = "delete_posts"
ERASE: Final = "erase"


@dataclass(frozen=True, slots=True)
class Posted:
    """The count of what we and staff wrote about customers in the staff's tools."""

    messages: int  # ours, without cards
    rooms: int
    in_doubt: int  # messages of which nobody knows whether they arrived
    by_staff: int  # messages that people wrote in those rooms
    channels: tuple[Channel, ...]  # of the rooms
    elsewhere: int = 0  # conversations of other customers in which they wrote, which count as well
    unknown: bool = False  # others' conversations have messages of which it is not known who wrote them


@dataclass(frozen=True, slots=True)
class Remains:
    """The messages of ours about an erased customer that are still in one chat."""

    channel: Channel
    account: str
    chat: str  # as the organization file names it; "" outside of a room
    state: str  # waiting: being deleted. failed, unknown: not deleted, for `reason`
    reason: str
    messages: int


async def posted(connection: AsyncConnection, organization: OrgId, customers: Sequence[CustomerId]) -> Posted:
    """Count what the staff's tools show about customers."""
    given = {"organization": organization, "customers": list(customers)}
    row = (await connection.execute(_POSTED, given)).one()
    channels = tuple(Channel(name) for name in sorted(row.channels or ()))
    return Posted(row.messages, row.rooms, row.in_doubt, row.by_staff, channels)


async def remains(
    connection: AsyncConnection, keys: Keys, organization: OrgId, customers: Sequence[CustomerId]
) -> tuple[Remains, ...]:
    """Return what the staff's tools still show about erased customers."""
    given = {"organization": organization, "customers": list(customers)}
    counted: Counter[tuple[str, str, str, str, str]] = Counter()
    for row in await connection.execute(_REMAINS, given):
        state, reason = row.state, ""
        if state in ("failed", "unknown"):
            reason = reason_of(keys, row, row.error, ERROR)
        elif not row.active:
            state, reason = "failed", _REMOVED
        counted[row.channel, row.account, row.chat, state, reason] += row.messages
    return tuple(
        Remains(Channel(channel), account, chat, state, reason, number)
        for (channel, account, chat, state, reason), number in sorted(counted.items())
    )


async def undeleted(connection: AsyncConnection, room: UUID) -> int:
    """Count our messages in a room that could not be deleted."""
    return int(await connection.scalar(_UNDELETED, {"room": room}) or 0)


async def where_posted(connection: AsyncConnection, conversation: UUID) -> list[tuple[LaneId, UUID | None]]:
    """Return each lane and room of the staff to which posts of a conversation went, or will go."""
    rows = await connection.execute(_WHERE, {"conversation": conversation})
    return [(LaneId(row.lane_id), row.room_id) for row in rows]


async def record_answer(
    connection: AsyncConnection,
    new_id: NewId,
    account: Account,
    chat: str,
    messages: Sequence[str],
    about: Collection[UUID],
) -> None:
    """Record messages of ours that answered a command in a staff chat, as posts about whom they show.

    `about` are ids of customers and of conversations. The messages are deleted with the first of these
    customers who is erased, at once if somebody was erased meanwhile.
    """
    subjects = sorted(set(about))
    given: dict[str, object] = {
        "ids": [new_id() for _ in subjects],
        "subjects": subjects,
        "organization": account.organization,
    }
    await connection.execute(_LOCK_SHOWN, given)
    lane = await lane_of(
        connection, account.organization, account.id, account.keys.index, account.channel, chat, new_id
    )
    given |= {
        "lane": lane,
        "chat": chat,
        "messages": list(messages),
        "deletions": [new_id() for _ in messages],
    }
    await connection.execute(_ANSWER, given)
    if (await connection.execute(_DELETE_ANSWER, given)).rowcount:
        await wake(connection, (lane,))


async def queue_deletions(connection: AsyncConnection, new_id: NewId, row: AnyRow) -> None:
    """Replace a claimed row `delete_posts` by one row `erase` for each message that it stands for."""
    found = (await connection.execute(_TAKE, {"id": row.id})).all()
    if found:
        await connection.execute(
            _ERASE,
            [
                {
                    "id": new_id(),
                    "clear": row.id,
                    "chat": each.person_chat,
                    "ref": each.ref,
                    "turn": row.turn + number,
                }
                for number, each in enumerate(found, start=1)
            ],
        )
    await connection.execute(_BLANK, {"id": row.id})
    await connection.execute(_DONE, {"id": row.id})


# The kinds of rows for staff, which have no place. A card is not deleted: it shrinks to one line.
_KINDS = "('post', 'offer', 'whisper', 'direct')"

# ix_conversations_customer_id, ix_outbox_conversation_id, ix_rooms_conversation_id
# ix_messages_writer: conversations of others in which an erased customer wrote
_POSTED = text(f"""
    with theirs as (
        select id from conversations
        where organization_id = :organization and customer_id = any(cast(:customers as uuid[]))
        union
        select m.conversation_id from customers c
        join messages m on m.organization_id = c.organization_id and m.writer = uuid_send(c.id)
        where c.organization_id = :organization and c.id = any(cast(:customers as uuid[]))
    ), sent as (
        select o.* from theirs t join outbox o on o.conversation_id = t.id
        where o.place_id is null and o.kind in {_KINDS}
    )
    select
        (select coalesce(sum(cardinality(external_ids)), 0) from sent) as messages,
        (select count(*) from sent where state = 'unknown') as in_doubt,
        (select count(*) from rooms r join theirs t on t.id = r.conversation_id where r.thread <> '')
            as rooms,
        (select count(distinct (m.room_id, m.external_id)) from messages m join theirs t
            on t.id = m.conversation_id where m.role = 'staff' and m.room_id is not null) as by_staff,
        (select array_agg(distinct cast(a.channel as text)) from rooms r join theirs t
            on t.id = r.conversation_id join accounts a on a.id = r.account_id where r.thread <> '')
            as channels
""")

# Posts that report the erasure itself stay, and so does what is told after it about others.
_BEFORE = "o.created_at < t.erased_at"

# Lists posts until their row `delete_posts` is claimed; from then on, their rows `erase`.
_REMAINS = text(f"""
    with theirs as (
        select v.id, c.erased_at, true as own from conversations v join customers c on c.id = v.customer_id
        where v.organization_id = :organization and v.customer_id = any(cast(:customers as uuid[]))
        union all
        select m.conversation_id, max(w.erased_at), false from customers w
        join messages m on m.organization_id = w.organization_id and m.writer = uuid_send(w.id)
        where w.organization_id = :organization and w.id = any(cast(:customers as uuid[]))
        group by m.conversation_id
    )
    select a.channel, a.account, coalesce(r.chat, '') as chat,
        case when o.state = 'unknown' or o.kind = 'erase' and o.state = 'failed' then o.state
            else 'waiting' end as state,
        a.active, o.error, greatest(cardinality(o.external_ids), 1) as messages, o.organization_id,
        v.customer_id, c.data_key, g.data_key as org_key, g.index_key
    from theirs t join conversations v on v.id = t.id join outbox o on o.conversation_id = v.id
    join customers c on c.id = v.customer_id join organizations g on g.id = v.organization_id
    join lanes l on l.id = o.lane_id join accounts a on a.id = l.account_id
    left join rooms r on r.id = o.room_id
    where o.kind = '{ERASE}' and o.state in ('waiting', 'sending', 'failed')
        or o.kind in {_KINDS} and o.place_id is null and (o.state = 'unknown' and (t.own or {_BEFORE})
            or {_BEFORE} and (o.external_ids <> '{{}}' or o.state = 'sending'))
""")

_UNDELETED = text(f"""
    select count(*) from outbox o join rooms r on r.id = o.room_id and r.conversation_id = o.conversation_id
    where r.id = :room and o.kind = '{ERASE}' and o.state = 'failed'
""")

_WHERE = text(f"""
    select distinct lane_id, room_id from outbox
    where conversation_id = :conversation and place_id is null and kind in {_KINDS}
        and (external_ids <> '{{}}' or state in ('waiting', 'sending'))
    order by lane_id, room_id
""")

# The lane is leased, so no other row of it is being sent.
_TAKE = text(f"""
    with clear as (select * from outbox where id = :id), taken as (
        delete from outbox o using clear c
        where o.conversation_id = c.conversation_id and o.lane_id = c.lane_id
            and o.room_id is not distinct from c.room_id and o.place_id is null and o.kind in {_KINDS}
            and o.position < c.position and o.external_ids <> '{{}}'
            and o.state not in ('waiting', 'sending')
        returning o.position, o.person_chat, o.external_ids
    )
    select taken.person_chat, each.ref from taken
    cross join lateral unnest(taken.external_ids) with ordinality as each(ref, part)
    order by taken.position, each.part
""")

# Of a customer who was not erased: what did not arrive while somebody else was, and could be sent again.
_BLANK = text(f"""
    update outbox o set payload = '', state = case when o.state = 'failed' then 'withdrawn' else o.state end
    from outbox clear join conversations v on v.id = clear.conversation_id
    join customers k on k.id = v.customer_id and k.data_key is not null
    where clear.id = :id and o.conversation_id = clear.conversation_id and o.lane_id = clear.lane_id
        and o.room_id is not distinct from clear.room_id and o.place_id is null
        and (o.kind in {_KINDS} or o.kind in ('grow', 'settle_offer'))
        and o.position < clear.position and o.state not in ('waiting', 'sending')
""")

_SHOWN = """
    unnest(cast(:ids as uuid[]), cast(:subjects as uuid[])) as s(id, subject)
    cross join lateral (
        select w.id, w.customer_id from conversations w
        where w.organization_id = :organization and (w.id = s.subject or w.customer_id = s.subject)
        order by w.id limit 1
    ) v
    join customers c on c.id = v.customer_id
"""

# Whoever is erased now waits, and finds the rows; or they have been erased when the rows are written.
_LOCK_SHOWN = text(f"select c.id from {_SHOWN} order by c.id for share of c")

_ANSWER = text(f"""
    insert into outbox (id, organization_id, lane_id, conversation_id, kind, payload, state, person_chat,
        external_ids, settled_at)
    select s.id, :organization, :lane, v.id, 'direct', '', 'delivered', cast(:chat as text),
        cast(:messages as text[]), clock_timestamp()
    from {_SHOWN} where c.data_key is not null
""")

_DELETE_ANSWER = text(f"""
    insert into outbox (id, organization_id, lane_id, conversation_id, kind, payload, state, person_chat,
        external_ids, turn)
    select m.id, :organization, l.id, gone.id, '{ERASE}', '', 'waiting', cast(:chat as text), array[m.ref],
        1 + l.turn
    from unnest(cast(:deletions as uuid[]), cast(:messages as text[])) as m(id, ref)
    join lanes l on l.id = :lane
    cross join (select v.id from {_SHOWN} where c.data_key is null limit 1) gone
""")

_ERASE = text(f"""
    insert into outbox (id, organization_id, lane_id, conversation_id, room_id, kind, payload, state,
        person_chat, external_ids, turn)
    select :id, organization_id, lane_id, conversation_id, room_id, '{ERASE}', '', 'waiting',
        cast(:chat as text), array[cast(:ref as text)], :turn
    from outbox where id = :clear
""")

_DONE = text("update outbox set state = 'delivered', settled_at = clock_timestamp() where id = :id")
