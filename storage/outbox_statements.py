"""Claim, begin, free and repeat rows of the outbox: the statements of `storage.outbox`."""

from sqlalchemy import text

from storage.disclosure import STANDING

# Finds the accounts of waiting lanes one after the other in the index: the cost grows with the number of
# such accounts, not with the number of all accounts or lanes.
PACES = text("""
    with recursive busy(account) as (
        (select account_id from lanes where ready_at is not null order by account_id limit 1)
        union all
        select (
            select l.account_id from lanes l where l.account_id > busy.account and l.ready_at is not null
            order by l.account_id limit 1
        ) from busy where busy.account is not null
    )
    select id, extract(epoch from clock_timestamp() - greatest(free_at,
        clock_timestamp() - interval '1 hour'))
        ::float8 as idle
    from accounts
    where id = any(array(select account from busy)) and active and id <> all(cast(:without as uuid[]))
        and exists (
            select 1 from lanes l where l.account_id = accounts.id and l.ready_at <= statement_timestamp()
                and (l.lease_until is null or l.lease_until < statement_timestamp())
        )
    order by id for update
""")

# The first row of a lane that nothing holds up. A row that waits for its next attempt holds up what comes
# after it in its conversation, and in a customer's chat (`turn` is 0 there) all that comes after it.
_HEAD = """
    select o.id from outbox o
    where o.lane_id = {lane} and o.state in ('waiting', 'sending') and not exists (
        select 1 from outbox p
        where p.lane_id = o.lane_id and p.state in ('waiting', 'sending')
            and p.not_before > statement_timestamp() and (p.turn, p.position) <= (o.turn, o.position)
            and (p.conversation_id = o.conversation_id or o.turn = 0)
    )
    order by o.turn, o.position limit 1
"""

# A lease that ended while PostgreSQL was down may belong to a living worker that could not renew it. After a
# start of PostgreSQL, leases therefore hold for their length once more, so that the worker can still settle.
# Takes from each account as many lanes as it may send: a slow account with a long queue delays no other.
CLAIM = text(f"""
    with due as materialized (
        select d.id from unnest(cast(:accounts as uuid[]), cast(:slots as int[])) as t(account, slots)
        cross join lateral (
            select id, ready_at from lanes
            where account_id = t.account and ready_at <= statement_timestamp()
                and (lease_until is null or lease_until < statement_timestamp()
                    and pg_postmaster_start_time() < statement_timestamp() - make_interval(secs => :seconds))
            order by ready_at limit least(t.slots, :limit) for update skip locked
        ) d
        order by d.ready_at limit :limit
    ), leased as (
        update lanes l
        set lease_until = clock_timestamp() + make_interval(secs => :seconds), fence = l.fence + 1
        from due where l.id = due.id
        returning l.id, l.account_id, l.fence, l.lease_until
    ), heads as materialized (
        select leased.id as lane_id, leased.account_id, leased.fence, leased.lease_until, o.id as outbox_id
        from leased left join lateral ({_HEAD.format(lane="leased.id")}) o on true
    ), marked as (
        update outbox o set state = 'sending', attempts = o.attempts + 1, not_before = null,
            begun = o.begun and o.state = 'sending'
        from heads where o.id = heads.outbox_id and o.state in ('waiting', 'sending')
        returning o.id, o.begun
    )
    select heads.lane_id, heads.account_id, heads.fence, heads.lease_until, marked.id as outbox_id,
        marked.begun
    from heads left join marked on marked.id = heads.outbox_id
""")

# An account that sends now was free: a later `free_at` was written before the clock was set back.
PACE = text("""
    update accounts a
    set free_at = greatest(
            least(a.free_at, clock_timestamp()), clock_timestamp() - make_interval(secs => t.burst)
        )
        + make_interval(secs => t.seconds)
    from unnest(cast(:ids as uuid[]), cast(:seconds as float8[]), cast(:bursts as float8[]))
        as t(id, seconds, burst)
    where a.id = t.id
""")

DETAILS = text(f"""
    select o.*, l.account_id, a.channel, a.account, v.customer_id, c.data_key, p.place, p.context,
        p.heard_at, p.open_until, pc.id as owner_id, pc.data_key as owner_key, g.data_key as org_key,
        g.index_key as org_index, r.chat, r.chat_id, r.thread, r.card,
        case when o.kind in ('amend', 'retract') then (
            select array_agg(ref) from outbox p cross join unnest(p.sealed_ids) as ref
            where p.message_id = o.message_id and p.room_id is null and p.kind = 'post'
        ) when o.kind = 'settle_offer' then (
            select p.external_ids from outbox p
            where p.message_id = o.message_id and p.room_id = o.room_id and p.kind = 'offer'
                and p.position < o.position
            order by p.position desc limit 1
        ) when o.kind = 'grow' then (
            select p.external_ids from outbox p
            where p.conversation_id = o.conversation_id and p.grows = o.grows and p.room_id = o.room_id
                and p.kind = 'post' and p.position < o.position
            order by p.position desc limit 1
        ) when o.kind = 'react' and o.message_id is not null then (
            select p.external_ids from outbox p
            where p.message_id = o.message_id and p.room_id = o.room_id and p.kind = 'post'
            order by p.position limit 1
        ) when o.kind = 'erase' then o.external_ids end as refs,
        {STANDING} as standing
    from outbox o
    join lanes l on l.id = o.lane_id
    join accounts a on a.id = l.account_id
    join conversations v on v.id = o.conversation_id
    join customers c on c.id = v.customer_id
    join organizations g on g.id = o.organization_id
    left join rooms r on r.id = o.room_id
    left join places p on p.id = o.place_id
    left join identities i on i.id = p.identity_id
    left join customers pc on pc.id = i.customer_id
    where o.id = any(cast(:ids as uuid[]))
""")

SAY = text("""
    update messages set reference = :reference where id = :message and organization_id = :organization
        and exists (select from lanes where id = :lane and fence = :fence and lease_until is not null)
""")

BEGIN = text("""
    update outbox o set begun = true, disclosed = nullif(t.disclosed, ''),
        disclosed_at = case when o.part = 0 or o.disclosed_at is null then clock_timestamp()
            else o.disclosed_at end
    from unnest(cast(:ids as uuid[]), cast(:lanes as uuid[]), cast(:fences as bigint[]),
            cast(:attempts as int[]), cast(:disclosed as text[])) as t(id, lane, fence, attempts, disclosed)
    join lanes l on l.id = t.lane and l.fence = t.fence and l.lease_until is not null
    where o.id = t.id and o.state = 'sending' and o.attempts = t.attempts
    returning o.id
""")

RENEW = text("""
    update lanes l set lease_until = clock_timestamp() + make_interval(secs => :seconds)
    from unnest(cast(:ids as uuid[]), cast(:fences as bigint[])) as t(id, fence)
    where l.id = t.id and l.fence = t.fence and l.lease_until is not null
""")

LOCK = text("""
    select id from conversations where id = any(cast(:ids as uuid[])) order by id for update
""")

HEARD = text("""
    select o.id, p.heard_at from outbox o join places p on p.id = o.place_id
    where o.id = any(cast(:ids as uuid[])) and p.heard_at is not null
""")

OURS = text("""
    select l.id from lanes l
    join unnest(cast(:ids as uuid[]), cast(:fences as bigint[])) as t(id, fence)
        on l.id = t.id and l.fence = t.fence
    where l.lease_until is not null
    order by l.id for update of l
""")

CLAIMED = text("""
    select l.id from lanes l
    join unnest(cast(:ids as uuid[]), cast(:fences as bigint[]), cast(:untils as timestamptz[]))
        as t(id, fence, until) on l.id = t.id and l.fence = t.fence and l.lease_until = t.until
    order by l.id for update of l
""")

# A lane may save up `slack` and then send some messages at once: `free_at` is when the next one may leave if
# the lane uses up what it saved (the generic cell rate algorithm, ITU-T I.371). Nothing leaves in a `pause`.
# The lanes are locked, so nothing is added to them meanwhile, and this statement sees all their rows.
FREE = text(f"""
    update lanes l
    set lease_until = null,
        free_at = f.free_at,
        turn = greatest(l.turn, t.turn),
        ready_at = case when due.at is not null then greatest(due.at, f.free_at) end
    from unnest(cast(:ids as uuid[]), cast(:rests as float8[]), cast(:slacks as float8[]),
            cast(:pauses as float8[]), cast(:turns as bigint[])) as t(id, rest, slack, pause, turn)
    join lanes before on before.id = t.id
    cross join lateral (
        select greatest(
            case when t.pause > 0 then clock_timestamp() + make_interval(secs => t.pause) end,
            case when t.rest > 0 then greatest(
                    clock_timestamp(), coalesce(before.free_at, '-infinity') + make_interval(secs => t.slack)
                ) + make_interval(secs => t.rest - t.slack)
                else before.free_at end
        ) as free_at
    ) f
    cross join lateral (
        select case when exists ({_HEAD.format(lane="before.id")}) then clock_timestamp() else (
            select min(o.not_before) from outbox o
            where o.lane_id = before.id and o.state in ('waiting', 'sending')
                and o.not_before > statement_timestamp()
        ) end as at
    ) due
    where l.id = t.id
""")

UNSEND = text("""
    update outbox set state = 'waiting', begun = true, retried = true, attempts = greatest(attempts - 1, 0),
        not_before = case when cast(:seconds as float8) > 0
            then clock_timestamp() + make_interval(secs => cast(:seconds as float8)) end
    where id = any(cast(:ids as uuid[])) and state = 'sending'
""")

POINTLESS = text("""
    update outbox set state = :state, error = cast(:error as text), settled_at = clock_timestamp()
    where id = :id
""")

# Its success is reported, or its message would be shown as failed for ever.
AGAIN = text("""
    update outbox o set state = 'waiting', retried = true, attempts = 0, error = null, settled_at = null,
        reports = reports or (room_id is null and message_id is not null)
    where organization_id = :organization and id = :id and state in ('failed', 'unknown')
        and (payload <> '' or kind in ('card', 'notice', 'erase')) and not exists (
        select from conversations v join customers c on c.id = v.customer_id
        where v.id = o.conversation_id and o.created_at < c.erased_at and o.kind <> 'card'
    )
    returning lane_id
""")
