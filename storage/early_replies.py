"""Keep what staff write before the card of its room is recorded, and place it later.

An early event is a row of the inbox without a conversation: such an event of staff, or a customer's early
change (see `storage.early_changes`) whose message was accepted at the same moment.
"""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.conversation import Origin
from bot.core.ids import AccountId, ConversationId, OrgId
from storage.arrivals import Arrival
from storage.codec import dump_body, load_body
from storage.early_changes import EARLY_EVENT_WRITER, INSERT_EARLY_EVENT, EarlyChanges, early_event_row
from storage.entries import Entry
from storage.hashes import event_key
from storage.keys import Keys
from storage.sealed_fields import BODY


async def entries_of_early_events(
    connection: AsyncConnection, keys: Keys, early: EarlyChanges
) -> list[Entry]:
    """Return entries for the early events whose rooms or messages are known now."""
    rows = (await connection.execute(_EARLY_EVENTS)).all()
    entries = []
    for row in rows:
        ours = keys.organization(row.organization_id, row.org_data_key, row.index_key)
        sealer = early.sealer_of(row, ours.sealer)
        entries.append(
            Entry(
                AccountId(row.account_id),
                row.external_id,
                OrgId(row.organization_id),
                ConversationId(row.conversation_id),
                Origin(row.origin),
                load_body(sealer.open(row.body, field=BODY)),
                keys.customer(row.customer_id, row.data_key),
                author=str(row.customer_id),
                index=ours.index if row.origin == Origin.CUSTOMER else None,
            )
        )
    return entries


async def keep_early_replies(connection: AsyncConnection, early: Sequence[Arrival]) -> None:
    """Store events of staff in a thread of ours whose card is not recorded yet. `adopt` places them later."""
    if not early:
        return
    rows = [
        early_event_row(
            arrival,
            Origin.ROOM,
            event_key(arrival.account, arrival.event),
            f"{arrival.event.place.chat}/{arrival.event.place.thread}",
            arrival.account.keys.sealer.seal(dump_body(arrival.event), field=BODY),
        )
        for arrival in early
    ]
    await connection.execute(INSERT_EARLY_EVENT, rows)


# A change that a customer made is adopted here only where it was accepted at the same moment as its message.
_EARLY_EVENTS = text(f"""
    select i.account_id, i.external_id, i.organization_id, i.origin, i.body, v.id as conversation_id,
        v.customer_id, c.data_key,
        o.data_key as org_data_key, o.index_key, w.id as writer, w.data_key as writer_key
    from inbox i
    cross join lateral (
        select r.conversation_id from rooms r
        where r.account_id = i.account_id and r.chat_id = split_part(i.waits_for, '/', 1)
            and r.thread = substr(i.waits_for, strpos(i.waits_for, '/') + 1)
        union all
        -- A button of a direct message: its own id stands for the thread.
        select d.conversation_id from outbox d join lanes l on l.id = d.lane_id
        where d.kind = 'direct' and l.account_id = i.account_id
            and d.external_ids @> array[substr(i.waits_for, strpos(i.waits_for, '/') + 1)]
        union all
        select p.conversation_id from places p
        join messages m on m.conversation_id = p.conversation_id and m.role = 'customer'
            and m.state <> 'note' and m.external_id = split_part(i.waits_for, '/', 2)
        where p.account_id = i.account_id
            and i.accepted_at > clock_timestamp() - interval '10 minutes'
            and (m.writer is null or encode(m.writer, 'hex') = split_part(i.waits_for, '/', 3))
            and p.place_hash = case when i.origin = 'customer'
                then decode(split_part(i.waits_for, '/', 1), 'hex') end
        limit 1
    ) found
    join conversations v on v.id = found.conversation_id
    join customers c on c.id = v.customer_id
    join organizations o on o.id = i.organization_id
    {EARLY_EVENT_WRITER}
    where i.waits_for is not null and c.data_key is not null and (w.id is null or w.data_key is not null)
    order by i.accepted_at, i.external_id limit 100 for update of i skip locked
""")

PLACE_EARLY_EVENT = text("""
    update inbox set conversation_id = :conversation, seq = :seq, body = :body, message_id = :message,
        position = cast(:position as int), waits_for = null
    where account_id = :account and external_id = :external and organization_id = :organization
        and origin = :origin and kind = :kind
""")
