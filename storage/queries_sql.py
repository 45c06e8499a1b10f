"""The statements of `storage.queries`. Comments name the index that keeps each fast at a million messages."""

from typing import Final

from sqlalchemy import text

from storage.scopes import SCOPES, ScopedStatement

# Uses the primary key: a prefix is a range of it.
CONVERSATIONS_BY_PREFIX: Final = text("""
    select id from conversations where id between :least and :most and organization_id = :organization
    order by id limit 4
""")

ESCALATIONS_BY_PREFIX: Final = text("""
    select id from escalations where id between :least and :most and organization_id = :organization
    order by id limit 4
""")

DELIVERIES_BY_PREFIX: Final = text("""
    select id from outbox where id between :least and :most and organization_id = :organization
    order by id limit 4
""")

CUSTOMERS_BY_PREFIX: Final = text("""
    select id from customers where id between :least and :most and organization_id = :organization
    order by id limit 4
""")

# uq_conversations_number
CONVERSATION_BY_NUMBER: Final = text("""
    select id from conversations where organization_id = :organization and number = :number
""")

# uq_conversations_number, ix_escalations_conversation_id
ESCALATION_BY_NUMBER: Final = text("""
    select e.id from conversations v
    join escalations e on e.conversation_id = v.id and e.organization_id = v.organization_id
    where v.organization_id = :organization and v.number = :number
    order by e.opened_at desc, e.id desc limit 1
""")

_CONVERSATION_LINE = """
    select v.id, v.number, v.customer_id, v.status, v.owner_kind, v.owner_name, v.created_at, v.position,
        v.memory -> 'automatic' is not null as automatic, v.pending_since, v.previous_id,
        a.channel, a.account, c.profile, c.data_key,
        i.address, o.id as owner_id, o.data_key as owner_key
    from conversations v join customers c on c.id = v.customer_id
    left join places p on p.id = v.place_id left join accounts a on a.id = p.account_id
    left join identities i on i.id = p.identity_id left join customers o on o.id = i.customer_id
"""

# ix_conversations_organization_created. Stops after `limit` rows.
_PAGE = """
        and (cast(:before as uuid) is null or (v.created_at, v.id) < (
            select created_at, id from conversations
            where id = cast(:before as uuid) and organization_id = :organization
        ))
    order by v.created_at desc, v.id desc limit :limit
"""

# A conversation without an owner was created only to verify an address (see storage.verification).
_THEIRS = f" where v.organization_id = :organization and v.owner_name <> '' and {SCOPES}"

CONVERSATIONS: Final = ScopedStatement(_CONVERSATION_LINE + _THEIRS + _PAGE)

# A separate statement: with an optional filter, a rare status would not use its index.
CONVERSATIONS_OF_STATUS: Final = ScopedStatement(
    _CONVERSATION_LINE + _THEIRS + " and v.status = :status" + _PAGE
)

# ix_conversations_status: conversations of programs stay pending, and few others do for long.
_AUTOMATIC = (
    " and v.status = 'pending' and v.owner_kind in ('agent', 'flow') and v.memory -> 'automatic' is not null"
)

CONVERSATIONS_OF_PROGRAMS: Final = ScopedStatement(_CONVERSATION_LINE + _THEIRS + _AUTOMATIC + _PAGE)

CONVERSATION: Final = text(
    _CONVERSATION_LINE + " where v.organization_id = :organization and v.id = :conversation"
)

# uq_messages_position
MESSAGES: Final = text("""
    select * from messages where conversation_id = :conversation and organization_id = :organization
    order by position
""")

# ix_escalations_conversation_id
ESCALATIONS_OF: Final = text("""
    select * from escalations where conversation_id = :conversation and organization_id = :organization
    order by opened_at, id
""")

# ix_escalations_organization_opened
ESCALATIONS: Final = ScopedStatement(f"""
    select e.* from escalations e join conversations v on v.id = e.conversation_id
    where e.organization_id = :organization and {SCOPES}
        and (cast(:before as uuid) is null or (e.opened_at, e.id) < (
            select opened_at, id from escalations
            where id = cast(:before as uuid) and organization_id = :organization
        ))
    order by e.opened_at desc, e.id desc limit :limit
""")

# uq_escalations_open contains only the open ones.
OPEN_ESCALATIONS: Final = ScopedStatement(f"""
    select e.* from escalations e join conversations v on v.id = e.conversation_id
    where e.organization_id = :organization and e.state in ('waiting', 'held') and {SCOPES}
        and (cast(:before as uuid) is null or (e.opened_at, e.id) < (
            select opened_at, id from escalations
            where id = cast(:before as uuid) and organization_id = :organization
        ))
    order by e.opened_at desc, e.id desc limit :limit
""")

ESCALATION: Final = text("""
    select e.*, v.customer_id, c.profile, c.data_key, i.address, o.id as owner_id, o.data_key as owner_key
    from escalations e
    join conversations v on v.id = e.conversation_id join customers c on c.id = v.customer_id
    left join places p on p.id = v.place_id
    left join identities i on i.id = p.identity_id left join customers o on o.id = i.customer_id
    where e.organization_id = :organization and e.id = :escalation
""")

# ix_escalation_steps_escalation_id
STEPS: Final = text("""
    select "from" as from_, "to", reason, context_snapshot, "timestamp" from escalation_steps
    where escalation_id = :escalation and organization_id = :organization order by "timestamp", id
""")

_DELIVERY_LINE = """
    select o.id, o.state, o.kind, o.conversation_id, o.place_id, o.attempts, o.error, o.created_at, a.channel,
        a.account, o.organization_id, v.customer_id, c.data_key, g.data_key as org_key, g.index_key
"""

# ix_outbox_dead
DEAD: Final = ScopedStatement(
    _DELIVERY_LINE
    + f"""
    from outbox o join lanes l on l.id = o.lane_id join accounts a on a.id = l.account_id
    join conversations v on v.id = o.conversation_id join customers c on c.id = v.customer_id
    join organizations g on g.id = o.organization_id
    where o.organization_id = :organization and o.state in ('failed', 'unknown') and {SCOPES}
    order by o.position desc limit :limit
    """
)

# ix_lanes_ready finds the lanes in which something waits, ix_outbox_open the waiting rows.
WAITING: Final = ScopedStatement(
    _DELIVERY_LINE
    + f"""
    from accounts a join lanes l on l.account_id = a.id join outbox o on o.lane_id = l.id
    join conversations v on v.id = o.conversation_id join customers c on c.id = v.customer_id
    join organizations g on g.id = o.organization_id
    where a.organization_id = :organization and l.ready_at is not null and o.state in ('waiting', 'sending')
        and {SCOPES}
    order by o.position limit :limit
    """
)

# ix_deliveries_outbox_id
TRIES: Final = text("""
    select outbox_id, attempt, at, outcome, reason from deliveries
    where outbox_id = any(cast(:ids as uuid[])) and organization_id = :organization order by at, id
""")

# Returns as many rows as an organization has accounts.
LISTENERS: Final = text("""
    select account, case when leader_until > clock_timestamp() then coalesce(leader, '') else '' end as leader
    from accounts where organization_id = :organization and active
""")

KEY: Final = text("""
    select v.customer_id, c.data_key from conversations v join customers c on c.id = v.customer_id
    where v.organization_id = :organization and v.id = :conversation
""")

# ix_turns_conversation_id
TURNS: Final = text("""
    select id, started_at, inputs, timers, stages, outcome, reasons from turns
    where conversation_id = :conversation and organization_id = :organization order by id desc limit :limit
""")

# ix_conversations_organization_created
BEGUN: Final = text("""
    select status, count(*) as number from conversations
    where organization_id = :organization and created_at > statement_timestamp() - interval '24 hours'
        and owner_name <> ''
    group by status
""")

# ix_conversations_pending
UNANSWERED: Final = text("""
    select count(*) as number, min(pending_since) as since from conversations
    where organization_id = :organization and pending_since is not null
""")

# ix_conversations_status
AUTOMATIC: Final = text(f"""
    select count(*) as number from conversations v
    where v.organization_id = :organization and v.owner_name <> ''{_AUTOMATIC}
""")

# uq_escalations_open
ESCALATED: Final = text("""
    select count(*) filter (where state = 'waiting') as waiting,
        count(*) filter (where state = 'held') as held,
        min(opened_at) filter (where state = 'waiting') as since,
        count(*) filter (where not exists (
            select 1 from rooms r where r.escalation_id = escalations.id and r.open
        )) as unseen
    from escalations where organization_id = :organization and state in ('waiting', 'held')
""")

COUNT_WAITING: Final = text("""
    select count(*) as number, min(o.created_at) as since
    from lanes l join outbox o on o.lane_id = l.id
    where l.organization_id = :organization and l.ready_at is not null and o.state in ('waiting', 'sending')
""")

COUNT_DEAD: Final = text("""
    select count(*) filter (where state = 'failed') as failed,
        count(*) filter (where state = 'unknown') as unknown
    from outbox where organization_id = :organization and state in ('failed', 'unknown')
""")
