"""Take away what an erased customer wrote in conversations of other customers.

Where several people share a thread, its messages are sealed with the key of the customer whose conversation
it is. The same holds for what one customer writes in private while another is taken for the same person. So
each of these messages names its writer by the keyed hash of their identity. When that writer is erased, their
messages are emptied, and so is what repeats or may repeat them: files, inputs, reasons, snapshots, posts.
"""

import json
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.connector import ChannelKind
from bot.core.conversation import Origin, WriterErased
from bot.core.errors import DeskError
from bot.core.events import Event, Receipt, SenderRole
from bot.core.ids import ConversationId, CustomerId, OrgId
from storage.arrivals import identity_hash
from storage.codec import dump_body, load_body
from storage.entries import NOBODY, Entry
from storage.hashes import reference_hash
from storage.keys import Keys
from storage.sealed_fields import BODY, CONTENT, CONTEXT, FILE_NAME, REASON, STEP_REASON
from storage.sealing import KeyedHash, Sealer

AnyRow = Row[Any]

TAKEN_AWAY: Final = "taken away, because somebody who wrote in this thread was erased"


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """The conversations of other customers in which somebody wrote, and the hashes of their identities."""

    conversations: tuple[ConversationId, ...] = ()
    hashes: tuple[bytes, ...] = ()
    unknown: bool = False  # there are messages from before writers were recorded


async def wrote_elsewhere(
    connection: AsyncConnection, organization: OrgId, customer: CustomerId
) -> Elsewhere:
    """Find the conversations of others in which a customer, or somebody merged into them, wrote.

    Call this before their identities are forgotten.
    """
    given = {"organization": organization, "id": customer}
    return Elsewhere(
        tuple(map(ConversationId, await connection.scalars(_ELSEWHERE, given))),
        tuple(map(bytes, await connection.scalars(_HASHES, given))),
        await has_unknown_writers(connection, organization, customer),
    )


async def has_unknown_writers(connection: AsyncConnection, organization: OrgId, customer: CustomerId) -> bool:
    """Return whether others' conversations have messages of which it was not recorded who wrote them."""
    given = {"organization": organization, "id": customer}
    return bool(await connection.scalar(_UNKNOWN, given))


async def take_away(
    connection: AsyncConnection,
    keys: Keys,
    organization: OrgId,
    customer: CustomerId,
    elsewhere: Elsewhere,
    channels: Mapping[str, ChannelKind],
) -> list[Entry]:
    """Empty what was written in those conversations, which must be locked.

    A turn that is under way there cannot be committed. Return an input for each of them, which lets a turn
    replace what staff were shown.
    """
    given = {"conversations": list(elsewhere.conversations), "hashes": list(elsewhere.hashes)}
    entries = []
    for row in (await connection.execute(_CONVERSATIONS, given)).all():
        sealer = keys.customer(CustomerId(row.customer_id), row.data_key)
        index = keys.organization(organization, row.org_key, row.index_key).index
        here: dict[str, object] = {"id": row.id, "since": row.since, "customer": customer}
        here["hashes"] = list(elsewhere.hashes)
        await _empty_inputs(connection, row, sealer, index, elsewhere.hashes)
        await _empty_escalations(connection, row, sealer)
        await _forget_addresses(connection, keys, row, index, elsewhere.hashes, channels)
        await connection.execute(_EMPTY_FILES, here | {"nothing": sealer.seal("", field=FILE_NAME)})
        await connection.execute(_EMPTY_MESSAGES, here | {"nothing": sealer.seal("", field=CONTENT)})
        for statement in (_FORGET_TURNS, _EMPTY_POSTS, _EMPTY_REPLIES, _STOP_TURN):
            await connection.execute(statement, {"id": row.id, "since": row.since})
        entries.append(
            Entry(
                NOBODY,
                f"writer:{customer}:{row.id}",
                organization,
                ConversationId(row.id),
                Origin.SELF,
                WriterErased(),
                sealer,
            )
        )
    return entries


async def delete_early_changes(
    connection: AsyncConnection, organization: OrgId, hashes: Collection[bytes]
) -> None:
    """Delete the edits and deletions by these identities that wait for their messages."""
    given = {"organization": organization, "hashes": [hash_.hex() for hash_ in hashes]}
    await connection.execute(_DELETE_EARLY_CHANGES, given)


async def _empty_inputs(
    connection: AsyncConnection,
    conversation: AnyRow,
    sealer: Sealer,
    index: KeyedHash,
    hashes: Collection[bytes],
) -> None:
    """Empty the inputs of these writers: also edits, reactions and presses, which no message names.

    One that a turn has not handled yet becomes another report of the erasure.
    """
    for row in (await connection.execute(_INPUTS, {"id": conversation.id})).all():
        body = None
        with suppress(DeskError):
            body = load_body(sealer.open(row.body, field=BODY))
        if not isinstance(body, Event) or not _is_about(body, index, hashes):
            continue
        handled = row.seq <= conversation.last_handled
        given = {
            "account": row.account_id,
            "external": row.external_id,
            "body": None if handled else sealer.seal(dump_body(WriterErased()), field=BODY),
        }
        await connection.execute(_FORGET_BODY if handled else _REPLACE_BODY, given)


def _is_about(event: Event, index: KeyedHash, hashes: Collection[bytes]) -> bool:
    """Return whether one of these wrote an event, or whether it names them: a copy for them came back."""
    if event.sender_role is not SenderRole.INSIDER and identity_hash(index, event) in hashes:
        return True
    told = event.content
    copied = told.copied.casefold() if isinstance(told, Receipt) else ""
    return bool(copied) and index.of("identity", event.place.channel, copied) in hashes


async def _forget_addresses(
    connection: AsyncConnection,
    keys: Keys,
    conversation: AnyRow,
    index: KeyedHash,
    hashes: Collection[bytes],
    channels: Mapping[str, ChannelKind],
) -> None:
    """Take these people out of what the channel needs to answer there: nothing is sent to them any more."""
    given = {"id": conversation.id, "hashes": list(hashes)}
    messages = set(await connection.scalars(_MESSAGES, given))
    for row in (await connection.execute(_CONTEXTS, given)).all():
        kind = channels.get(row.channel)
        if kind is None or kind.forget is None:
            continue
        sealer = keys.customer(CustomerId(row.customer_id), row.data_key)

        def is_theirs(name: str, channel: str = row.channel) -> bool:
            address = index.of("identity", channel, name) in hashes
            return address or reference_hash(index, name) in messages

        context = sealer.open(row.context, field=CONTEXT)
        if (left := kind.forget(context, is_theirs)) != context:
            sealed = sealer.seal(left, field=CONTEXT) if left else None
            await connection.execute(_CHANGE_CONTEXT, {"id": row.id, "context": sealed})


async def _empty_escalations(connection: AsyncConnection, conversation: AnyRow, sealer: Sealer) -> None:
    """Replace the reasons that were given since, and drop the snapshots of the story."""
    words = json.dumps({"reason": TAKEN_AWAY, "why": TAKEN_AWAY, "tried": ""})
    given = {
        "id": conversation.id,
        "since": conversation.since,
        "reason": sealer.seal(words, field=REASON),
        "step": sealer.seal(TAKEN_AWAY, field=STEP_REASON),
    }
    await connection.execute(_EMPTY_REASONS, given)
    await connection.execute(_EMPTY_STEPS, given)


_HASHES = text("""
    select i.address_hash from customers c join identities i on i.customer_id = c.id
    where c.organization_id = :organization and (c.id = :id or c.merged_into = :id)
    order by i.address_hash
""")

# ix_identities_customer_id, ix_messages_writer
_ELSEWHERE = text("""
    select distinct m.conversation_id
    from customers c join identities i on i.customer_id = c.id
    join messages m on m.organization_id = c.organization_id and m.writer = i.address_hash
    join conversations v on v.id = m.conversation_id
    join customers o on o.id = v.customer_id and o.data_key is not null
    where c.organization_id = :organization and (c.id = :id or c.merged_into = :id)
        and o.id <> :id and o.merged_into is distinct from :id
    order by m.conversation_id
""")

# ix_messages_writer
_UNKNOWN = text("""
    select exists (
        select from messages m join conversations v on v.id = m.conversation_id
        join customers o on o.id = v.customer_id
        where m.organization_id = :organization and m.writer = ''
            and o.id <> :id and o.merged_into is distinct from :id
    )
""")

_CONVERSATIONS = text("""
    select v.id, v.customer_id, v.last_handled, c.data_key, o.data_key as org_key, o.index_key,
        (select min(m.created_at) from messages m
            where m.conversation_id = v.id and m.writer = any(cast(:hashes as bytea[]))) as since
    from conversations v join customers c on c.id = v.customer_id
    join organizations o on o.id = v.organization_id
    where v.id = any(cast(:conversations as uuid[])) and c.data_key is not null
    order by v.id
""")

_INPUTS = text("""
    select account_id, external_id, seq, body from inbox
    where conversation_id = :id and origin = 'customer' and body is not null
""")

_MESSAGES = text("""
    select external_id from messages
    where conversation_id = :id and writer = any(cast(:hashes as bytea[])) and external_id <> ''
""")

_CONTEXTS = text("""
    select p.id, p.context, a.channel, c.id as customer_id, c.data_key
    from places p join accounts a on a.id = p.account_id
    join identities i on i.id = p.identity_id join customers c on c.id = i.customer_id
    where p.conversation_id = :id and p.context is not null and c.data_key is not null
    order by p.id
""")

_CHANGE_CONTEXT = text("update places set context = cast(:context as text) where id = :id")

# ix_inbox_waits_for
_DELETE_EARLY_CHANGES = text("""
    delete from inbox i using accounts a
    where a.organization_id = :organization and i.account_id = a.id and i.waits_for is not null
        and i.origin = 'customer' and split_part(i.waits_for, '/', 3) = any(cast(:hashes as text[]))
""")

_FORGET_BODY = text("""
    update inbox set body = cast(:body as text) where account_id = :account and external_id = :external
""")

_REPLACE_BODY = text("""
    update inbox set body = :body, origin = 'self', kind = 'WriterErased', message_id = null
    where account_id = :account and external_id = :external
""")

# The row stays, with its number in the log, so that nothing that is edited later is taken for a new message.
# From now on it names the customer whom nobody knows any more.
_EMPTY_MESSAGES = text("""
    update messages set content = :nothing, extras = null, source = null, reference = null,
        state = 'deleted', sender_id = cast(cast(:customer as uuid) as text),
        writer = uuid_send(cast(:customer as uuid))
    where conversation_id = :id and writer = any(cast(:hashes as bytea[]))
""")

# As files of the customer whose key is gone they are deleted from the store. A worker that fetches one is not
# let record it. Files that we wrote ourselves may repeat the story.
_EMPTY_FILES = text("""
    update files f set customer_id = :customer, name = :nothing, mime_type = '', ref = null, error = null,
        due_at = null, attempts = f.attempts + 1
    from messages m
    where f.conversation_id = :id and m.id = f.message_id and (m.writer = any(cast(:hashes as bytea[]))
        or m.role = 'system' and m.state <> 'note' and m.created_at >= :since)
""")

_EMPTY_REASONS = text("""
    update escalations set reason = :reason where conversation_id = :id and opened_at >= :since
""")

_EMPTY_STEPS = text("""
    update escalation_steps s set reason = :step, context_snapshot = null
    from escalations e
    where e.conversation_id = :id and s.escalation_id = e.id and s."timestamp" >= :since
""")

# Turns are dated by their worker's clock.
_FORGET_TURNS = text("""
    delete from turns
    where conversation_id = :id and started_at >= cast(:since as timestamptz) - interval '1 hour'
""")

# Whatever waits for the staff there is not posted any more, and cannot be sent again: the turn tells it anew.
# A row `grow` may be older than the words that joined it.
_EMPTY_POSTS = text("""
    update outbox set payload = '',
        state = case when state in ('waiting', 'failed', 'parked') then 'withdrawn' else state end
    where conversation_id = :id and place_id is null and (created_at >= :since or kind = 'grow')
        and kind in ('post', 'offer', 'whisper', 'direct', 'grow', 'settle_offer') and state <> 'sending'
""")

# What was for them, and went to a private place of theirs: they were taken for the customer at the time.
_EMPTY_REPLIES = text("""
    update outbox o set payload = '', external_ids = '{}', sealed_ids = '{}',
        state = case when state in ('waiting', 'failed', 'parked') then 'withdrawn' else state end
    where conversation_id = :id and place_id is not null and state <> 'sending'
        and not exists (select from places p where p.id = o.place_id)
""")

_STOP_TURN = text("""
    update conversations set fence = fence + 1, lease_until = null where id = :id
""")
