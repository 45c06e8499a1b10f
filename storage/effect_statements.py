"""Write the rows of turns: statements by the table or the change, in an order that satisfies every key."""

from sqlalchemy import TextClause, text

# The turn after the last one of this customer that waits in the lane, and after the last one that left. It
# looks at the customer's newest conversations together: opening many of them gives a customer no more turns.
_TURN = """1 + greatest(l.turn, (
    select max(turn) from outbox
    where lane_id = l.id and state in ('waiting', 'sending') and conversation_id = any(array(
        select v.id from conversations v
        where v.customer_id = (select customer_id from conversations where id = :conversation)
        order by v.id desc limit 50
    ) || cast(:conversation as uuid))
))"""

STATEMENTS: dict[str, TextClause] = {  # in an order that satisfies every key
    "message": text("""
        insert into messages (id, conversation_id, organization_id, position, sender_type, sender_id, role,
            content, extras, reference, state, external_id, source, writer, room_id, created_at)
        select :id, :conversation, :organization, :position, :sender_type, coalesce(e.sender_id, :sender),
            :role, :content, :extras, :reference, :state, coalesce(e.external_id, :external), e.source,
            e.writer, cast(:room as uuid), :at
        from (select cast(:extends as uuid) as id) as extended
        left join messages e on e.id = extended.id
    """),
    "file": text("""
        insert into files (id, organization_id, conversation_id, customer_id, account_id, message_id,
            position, ref, name, mime_type, due_at)
        select :id, :organization, :conversation, :customer, a.id, :message, :position, :ref, :name,
            :mime_type, clock_timestamp()
        from accounts a
        where a.organization_id = :organization and a.channel = :channel and a.account = :fetcher
    """),
    "change_message": text("""
        update messages set state = coalesce(cast(:state as text), state),
            content = coalesce(cast(:content as text), content),
            edited = edited or :edits,
            reply_to = coalesce(cast(:reply_to as uuid), reply_to),
            reference = coalesce(cast(:reference as text), reference)
        where id = :id and conversation_id = :conversation
    """),
    # Before a new one is inserted: a conversation has at most one open escalation.
    "change_escalation": text("""
        update escalations set to_human = cast(:holder as text), closed_by = cast(:closed_by as text),
            assignee = cast(:assignee as text), reason = :reason, team = :team, state = :state,
            urgency = :urgency, step = :step, deadline = :deadline,
            taken_at = case when cast(:holder as text) is not null then coalesce(taken_at, clock_timestamp())
                else taken_at end,
            resolved_at = case when :over then coalesce(resolved_at, clock_timestamp()) end
        where id = :id and organization_id = :organization
    """),
    "escalation": text("""
        insert into escalations (id, organization_id, conversation_id, from_agent, to_human, closed_by,
            assignee, reason, team, state, urgency, trigger, step, opened_at, deadline, taken_at, resolved_at)
        values (:id, :organization, :conversation, :agent, cast(:holder as text), cast(:closed_by as text),
            cast(:assignee as text), :reason, :team, :state, :urgency, :trigger, :step, :opened_at, :deadline,
            case when cast(:holder as text) is not null then clock_timestamp() end,
            case when :over then clock_timestamp() end)
    """),
    "step": text("""
        insert into escalation_steps (id, organization_id, escalation_id, "from", "to", reason,
        context_snapshot,
            "timestamp")
        values (:id, :organization, :escalation, :from_, :to, :reason, :snapshot, :at)
    """),
    "room": text("""
        insert into rooms (id, organization_id, conversation_id, purpose, escalation_id, account_id, lane_id,
            team, chat, created_at)
        values (:id, :organization, :conversation, :purpose, cast(:escalation as uuid), :account, :lane,
            :team, :chat, :at)
    """),
    "introduce": text("update customers set profile = :profile where id = :id"),
    "open_room": text("update rooms set open = :open where id = :id"),
    "clear_timers": text("""
        delete from timers where conversation_id = :conversation and kind = :kind
            and (cast(:subject as text) is null or subject = :subject)
    """),
    "set_timer": text("""
        insert into timers (conversation_id, kind, subject, due_at) values (:conversation, :kind, :subject,
        :due_at)
        on conflict (conversation_id, kind, subject) do update set due_at = excluded.due_at
    """),
    # When it is sent again, it starts with the part that failed.
    "fail": text("""
        update outbox set state = 'failed', error = :reason, settled_at = clock_timestamp(),
            part = array_position(external_ids, cast(:ref as text)) - 1,
            sealed_ids = sealed_ids[1 : array_position(external_ids, cast(:ref as text)) - 1],
            external_ids = external_ids[1 : array_position(external_ids, cast(:ref as text)) - 1]
        where message_id = :message and room_id is null and kind = 'post'
            and state in ('delivered', 'failed') and external_ids @> array[cast(:ref as text)]
    """),
    "park": text("""
        update outbox set state = 'parked', part = 0, external_ids = '{}',
            sealed_ids = '{}'
        where message_id = :message and room_id is null and kind = 'post' and state = 'delivered'
    """),
    "outbox": text(f"""
        insert into outbox (id, organization_id, lane_id, conversation_id, message_id, room_id, place_id,
            grows, kind, payload, state, reports, turn)
        select :id, :organization, l.id, :conversation, :message, :room, cast(:place as uuid),
            cast(:grows as uuid), :kind, :payload, 'waiting', :reports,
            case when cast(:place as uuid) is null then {_TURN} else 0 end
        from lanes l where l.id = :lane
        on conflict (room_id) where kind = 'card' and state = 'waiting' and not retried do nothing
    """),
    "grow": text(f"""
        insert into outbox (id, organization_id, lane_id, conversation_id, message_id, room_id, grows, kind,
            payload, state, turn)
        select :id, :organization, l.id, :conversation, :message, :room, :grows, :kind, :payload, 'waiting',
            {_TURN}
        from lanes l where l.id = :lane
        on conflict (room_id, grows) where kind = 'grow' and state = 'waiting' and not retried
            do update set payload = excluded.payload, message_id = excluded.message_id
    """),
    "notice": text("""
        insert into outbox (id, organization_id, lane_id, conversation_id, kind, payload, state, notice_id,
            turn)
        select :id, :organization, l.id, :conversation, :kind, :payload, 'waiting', :notice, 1 + l.turn
        from lanes l where l.id = :lane
        on conflict (notice_id) where kind = 'notice' and state = 'waiting' and not retried do nothing
    """),
    "turn": text("""
        insert into turns (id, organization_id, conversation_id, fence, started_at, inputs, timers, stages,
        outcome,
            reasons)
        values (:id, :organization, :conversation, :fence, :started_at, :inputs, :timers,
            cast(:stages as jsonb), :outcome, :reasons)
    """),
}

# These statements find the lanes of their rows. All lanes of a transaction are locked at its end, in order.
FINDING: dict[str, TextClause] = {
    "change_sent": text("""
        with sent as (
            select lane_id, place_id from outbox
            where message_id = :message and room_id is null and kind = 'post' order by position limit 1
        )
        insert into outbox (id, organization_id, lane_id, conversation_id, message_id, place_id, kind,
            payload, state)
        values (:id, :organization, coalesce((select lane_id from sent), :lane), :conversation, :message,
            coalesce((select place_id from sent), :place), :kind, :payload, 'waiting')
        returning lane_id
    """),
    "settle_offer": text("""
        insert into outbox (id, organization_id, lane_id, conversation_id, message_id, room_id, kind, payload,
            state, turn)
        select :id, :organization, lane_id, :conversation, :message, room_id, :kind, :payload, 'waiting', turn
        from outbox where message_id = :message and kind = 'offer' order by position desc limit 1
        returning lane_id
    """),
    "send_again": text("""
        update outbox set state = 'waiting', attempts = 0, error = null, settled_at = null, reports = true
        where message_id = :message and room_id is null and kind = 'post'
            and state in ('failed', 'unknown')
        returning lane_id
    """),
    # To the customer's current place: a message on one channel opens no window on another.
    "unpark": text("""
        update outbox set state = 'waiting', attempts = 0, error = null, settled_at = null,
            part = case when place_id = :place then part else 0 end, lane_id = :lane, place_id = :place
        where conversation_id = :conversation and state = 'parked'
        returning lane_id
    """),
}

# Executed when the lanes are locked.
UNSENT: dict[str, TextClause] = {
    "drop": text("""
        update outbox set state = 'withdrawn', settled_at = clock_timestamp()
        where message_id = :message and room_id is null and kind = 'post'
            and state in ('waiting', 'parked', 'failed', 'unknown')
    """),
    # The new text replaces all unsent rows of the message, including those of its files.
    "replace": text("""
        with first as (
            select id from outbox
            where message_id = :message and room_id is null and kind = 'post'
                and state in ('waiting', 'parked', 'failed', 'unknown')
            order by position limit 1
        )
        update outbox o set payload = case when o.id = first.id then :payload else o.payload end,
            part = case when o.id = first.id then 0 else o.part end,
            state = case when o.id = first.id then o.state else 'withdrawn' end,
            settled_at = case when o.id = first.id then o.settled_at else clock_timestamp() end
        from first
        where o.message_id = :message and o.room_id is null and o.kind = 'post'
            and o.state in ('waiting', 'parked', 'failed', 'unknown')
    """),
}

LANES_OF = text("""
    select distinct lane_id from outbox
    where message_id = any(cast(:messages as uuid[])) and room_id is null and kind = 'post'
        and state in ('waiting', 'sending')
""")

BEGUN = text("""
    select 1 from outbox
    where message_id = any(cast(:messages as uuid[])) and room_id is null and kind = 'post'
        and (state in ('sending', 'delivered', 'unknown') or part > 0) limit 1
""")
