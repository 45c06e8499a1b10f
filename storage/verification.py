"""Verify an address: write to it as to a stranger, and join it to its customer once they have proved it."""

import json
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.conversation import Conversation
from bot.core.effects import CompleteVerification, StartVerification
from bot.core.errors import TurnFailed
from bot.core.events import return_address
from bot.core.ids import ConversationId, CustomerId, LaneId, NewId
from storage.arrivals import returns_of, returns_row
from storage.keys import Keys
from storage.known_places import seal_place
from storage.lanes import lane_of
from storage.merging import merge
from storage.numbers import begin_numbered
from storage.places import SET_ASIDE
from storage.sealed_fields import ADDRESS, CONTEXT, PLACE, PROFILE
from storage.sealing import Sealer

CODES = 10  # that are sent to one address within CODES_SPAN, whoever asks for them
CODES_SPAN = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Beginning:
    """A place at which we write first. `sealer` belongs to the customer who owns the place."""

    place: UUID
    conversation: ConversationId
    lane: LaneId
    sealer: Sealer


async def begin(
    connection: AsyncConnection, keys: Keys, new_id: NewId, asking: Conversation, effect: StartVerification
) -> Beginning | None:
    """Create a stranger for the address: a customer, a resolved conversation, and a place.

    Whoever answers there is a stranger to us. All of it is erased with the customer who asked, and otherwise
    after a day (`storage.retention`).

    Return None, and create nothing, if the address was sent `CODES` codes within `CODES_SPAN`, by whoever
    asked. Otherwise somebody with many accounts could guess codes for ever, or flood a mailbox.
    """
    place, organization = effect.place, asking.organization
    given = {"organization": organization, "channel": place.channel, "account": place.account}
    account = (await connection.execute(_ACCOUNT, given)).one()
    index = keys.organization(organization, account.data_key, account.index_key).index
    slots = [index.of("code", place.channel, place.account, effect.address, str(n)) for n in range(CODES)]
    slot = await connection.scalar(_FREE_SLOT, {"slots": slots})
    if slot is None:
        return None
    lane = await lane_of(connection, organization, account.id, index, place.channel, place.chat, new_id)
    customer, conversation = CustomerId(new_id()), ConversationId(new_id())
    wrapped, sealer = keys.new_customer(customer)
    profile = {"name": "", "handle": "", "language": ""}
    shared = {
        "organization": organization,
        "customer": customer,
        "account": account.id,
        "identity": new_id(),
        "conversation": conversation,
        "place": UUID(effect.subject),
    }
    for statement, values in (
        (_CUSTOMER, {"key": wrapped, "profile": sealer.seal(json.dumps(profile), field=PROFILE)}),
        (
            _IDENTITY,
            {
                "hash": index.of("unverified", place.channel, place.chat, effect.address),
                "address": sealer.seal(effect.address, field=ADDRESS),
            },
        ),
        (_CONVERSATION, {"asking": asking.id}),
        (
            _PLACE,
            {
                "hash": index.of("place", place.channel, place.chat, place.thread),
                "lane": lane,
                "sealed": seal_place(place, sealer),
                "context": sealer.seal(effect.context, field=CONTEXT) if effect.context else None,
                **returns_row(returns_of(index, return_address(effect.address, verified=True))),
            },
        ),
        (_SETTLE, {}),
        (_TAKE_SLOT, {"link": new_id(), "slot": slot, "seconds": CODES_SPAN.total_seconds()}),
    ):
        names = set(statement._bindparams)
        given = {k: v for k, v in (shared | values).items() if k in names}
        if statement is _CONVERSATION:
            await begin_numbered(connection, statement, given)
        else:
            await connection.execute(statement, given)
    return Beginning(UUID(effect.subject), conversation, lane, sealer)


async def prove(
    connection: AsyncConnection,
    keys: Keys,
    new_id: NewId,
    conversation: Conversation,
    effect: CompleteVerification,
) -> Beginning:
    """Give the verified address to the customer, and merge whoever was known by it before into them.

    The address is the one that we wrote to: the place keeps it, sealed with the stranger's key. It is sealed
    with the owner's key now, and the stranger is erased. If somebody answered at the address meanwhile, their
    old messages stay where they are, and new ones join this conversation.
    """
    subject = {"place": UUID(effect.subject)}
    await connection.execute(_LOCK_STRANGER, subject)
    row = (await connection.execute(_BEGUN, subject)).one_or_none()
    if row is None:
        raise TurnFailed(f"the place {effect.subject} that was begun is gone")
    organization = conversation.organization
    stranger = keys.customer(CustomerId(row.customer_id), row.data_key)
    index = keys.organization(organization, row.org_key, row.index_key).index
    address = stranger.open(row.address, field=ADDRESS)
    hashed = index.of("identity", row.channel, address)
    known = (await connection.execute(_KNOWN, {"account": row.account_id, "hash": hashed})).one_or_none()
    mine = (await connection.execute(_CUSTOMER_KEY, {"id": conversation.customer})).one()
    if known is None:
        owner = keys.customer(CustomerId(mine.id), mine.data_key)
        identity = new_id()
        await connection.execute(
            _IDENTITY_PROVED,
            {
                "identity": identity,
                "organization": organization,
                "account": row.account_id,
                "hash": hashed,
                "customer": mine.id,
                "address": owner.seal(address, field=ADDRESS),
            },
        )
    else:
        identity, owner = known.id, keys.customer(CustomerId(known.customer_id), known.data_key)
        await merge(
            connection,
            new_id(),
            organization,
            kept=conversation.customer,
            merged=CustomerId(known.customer_id),
            by="customer",
            how="code",
        )
    sealed = stranger.open(row.place, field=PLACE)
    chat, thread = json.loads(sealed)
    leading = {"account": row.account_id, "hash": index.of("place", row.channel, chat, thread)}
    for other in list(await connection.scalars(_LEADING, subject | leading)):
        await connection.execute(SET_ASIDE, {"id": other})
    await connection.execute(
        _JOIN,
        subject
        | {
            "hash": leading["hash"],
            "identity": identity,
            "conversation": conversation.id,
            "sealed": owner.seal(sealed, field=PLACE),
            "context": owner.seal(stranger.open(row.context, field=CONTEXT), field=CONTEXT)
            if row.context
            else None,
        },
    )
    await connection.execute(_MOVE, subject | {"id": conversation.id})
    for statement in (_ERASE_STRANGER, _FORGET_STRANGER):
        await connection.execute(statement, {"stranger": row.customer_id})
    keys.forget(CustomerId(row.customer_id))
    return Beginning(UUID(effect.subject), conversation.id, LaneId(row.lane_id), owner)


_ACCOUNT = text("""
    select a.id, o.data_key, o.index_key from accounts a join organizations o on o.id = a.organization_id
    where a.organization_id = :organization and a.channel = :channel and a.account = :account
""")

_CUSTOMER = text("""
    insert into customers (id, organization_id, data_key, profile)
    values (:customer, :organization, :key, :profile)
""")

_IDENTITY = text("""
    insert into identities (id, organization_id, account_id, address_hash, customer_id, address, verified)
    values (:identity, :organization, :account, :hash, :customer, :address, false)
""")

_IDENTITY_PROVED = text("""
    insert into identities (id, organization_id, account_id, address_hash, customer_id, address, verified)
    values (:identity, :organization, :account, :hash, :customer, :address, true)
""")

_CONVERSATION = text("""
    insert into conversations (id, organization_id, customer_id, number, previous_id, owner_kind, owner_name,
        status, resolved_at)
    values (:conversation, :organization, :customer, :number, :asking, 'agent', '', 'resolved',
        clock_timestamp())
    on conflict (organization_id, number) do nothing returning id
""")

_PLACE = text("""
    insert into places (id, organization_id, account_id, place_hash, shared, private, identity_id,
        conversation_id, lane_id, place, context, mailbox_hash, domain_hash, return_verified)
    values (:place, :organization, :account, :hash, true, true, :identity, :conversation, :lane, :sealed,
        :context, :mailbox, :domain, :return_verified)
""")

_FREE_SLOT = text("""
    select slot from unnest(cast(:slots as bytea[])) as s(slot) where not exists (
        select 1 from links l where l.token_hash = s.slot and l.expires_at > clock_timestamp()
    ) limit 1
""")

# Two transactions at once may take the same slot: then one code more is sent.
_TAKE_SLOT = text("""
    insert into links (id, organization_id, token_hash, customer_id, conversation_id, place_id, expires_at,
        used_at)
    values (:link, :organization, :slot, :customer, :conversation, :place,
        clock_timestamp() + make_interval(secs => :seconds), clock_timestamp())
    on conflict (token_hash) do update set expires_at = excluded.expires_at
""")

_SETTLE = text("update conversations set place_id = :place where id = :conversation")

# Locks the customer before the place, in the same order as erasing does.
_LOCK_STRANGER = text("""
    select c.id from places p
    join identities i on i.id = p.identity_id join customers c on c.id = i.customer_id
    where p.id = :place for no key update of c
""")

_BEGUN = text("""
    select p.account_id, p.lane_id, p.place, p.context, i.address, i.customer_id, c.data_key, a.channel,
        o.data_key as org_key, o.index_key
    from places p
    join identities i on i.id = p.identity_id
    join customers c on c.id = i.customer_id
    join accounts a on a.id = p.account_id
    join organizations o on o.id = p.organization_id
    where p.id = :place for update of p
""")

_KNOWN = text("""
    select i.id, i.customer_id, c.data_key from identities i join customers c on c.id = i.customer_id
    where i.account_id = :account and i.address_hash = :hash
""")

_CUSTOMER_KEY = text("select id, data_key from customers where id = :id")

_JOIN = text("""
    update places set identity_id = :identity, conversation_id = :conversation, place = :sealed,
        place_hash = :hash, context = :context
    where id = :place
""")

# The place of whoever answered there before the address was verified: at most one row.
_LEADING = text("select id from places where account_id = :account and place_hash = :hash and id <> :place")

# Whoever wrote from there before, unverified, is a customer of their own.
_SILENT = """not exists (
        select from conversations v where v.customer_id = cast(:stranger as uuid) and v.last_accepted > 0
    )"""

_ERASE_STRANGER = text(f"""
    update customers set data_key = null, erased_at = clock_timestamp(), erased_by = ''
    where id = :stranger and {_SILENT}
""")

_FORGET_STRANGER = text(f"delete from identities where customer_id = :stranger and {_SILENT}")

_MOVE = text("update conversations set place_id = :place where id = :id")
