"""Look up conversations by the numbers that customers ask about.

A conversation is found only for a verified identity of its own customer. For anybody else, somebody else's
number and an unused number look the same: both cost the same statements, and both find nothing.
"""

import json
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.conversation import TRIES, Asker, Case, Counted, Origin, Status, View
from bot.core.errors import DeskError
from bot.core.events import Event
from bot.core.ids import ConversationId, CustomerId
from orgs.answering.numbers import CaseNumberRequest, ask_of
from storage.arrivals import identity_hash
from storage.keys import Keys
from storage.sealed_fields import ADDRESS, PROFILE
from storage.views import message

AnyRow = Row[Any]
_AT_ONCE: Final = 10  # questions that are looked up in one turn; further ones find nothing
_LONGEST_LOG: Final = 5_000  # messages of a copy, the newest ones
_DAY: Final = timedelta(days=1)


async def with_askers(connection: AsyncConnection, keys: Keys, view: View) -> View:
    """Return the view with the senders who ask about a number in its inputs, and with their counts.

    Earlier inputs that may be answered now count as well.

    Senders who have used up their attempts of the day are not looked up.
    """
    name = view.conversation.customer_name
    asks = [
        (item.seq, item.body, ask)
        for item in (*view.inputs, *reversed(view.heard))
        if isinstance(item.body, Event)
        and item.origin is Origin.CUSTOMER
        and (ask := ask_of(item.body, name)) is not None
    ]
    if not asks:
        return view
    given = {"organization": view.conversation.organization}
    row = (await connection.execute(_ORGANIZATION, given)).one()
    index = keys.organization(view.conversation.organization, row.data_key, row.index_key).index
    for seq, event, ask in asks[:_AT_ONCE]:
        identity = identity_hash(index, event)
        theirs = await _theirs(connection, event, identity, view)
        view = await _with_counts(connection, view, identity, theirs)
        case = None
        if ask.number is None or not _used_up(view):
            number = view.conversation.number if ask.number is None else ask.number
            case = await _case(connection, view, theirs, number)
        if case is not None and ask.wanted is CaseNumberRequest.COPY:
            case = await _with_log(connection, keys, theirs, case)
        asker = Asker(identity, case, own=view.conversation.customer in theirs.ids)
        view = replace(view, askers={**view.askers, seq: asker})
    return view


@dataclass(frozen=True, slots=True)
class _Theirs:
    """A customer and those merged with them. Empty for a sender who is not verified."""

    root: CustomerId | None = None
    ids: tuple[CustomerId, ...] = ()


async def _theirs(connection: AsyncConnection, event: Event, identity: bytes, view: View) -> _Theirs:
    given = {
        "organization": view.conversation.organization,
        "channel": event.place.channel,
        "account": event.place.account,
        "identity": identity,
    }
    rows = (await connection.execute(_CUSTOMERS, given)).all()
    if not rows:
        return _Theirs()
    return _Theirs(CustomerId(rows[0].root), tuple(CustomerId(row.id) for row in rows))


async def _with_counts(connection: AsyncConnection, view: View, identity: bytes, theirs: _Theirs) -> View:
    """Return the view with the sender's counted replies. Attempts of all who ask in one turn add up."""
    organization = view.conversation.organization
    given = {
        "organization": organization,
        "identity": identity,
        "root": theirs.root.bytes if theirs.root else b"",
    }
    counted = {Counted(row.kind): tuple(row.replied) for row in await connection.execute(_COUNTS, given)}
    tries = {*view.replies.get(Counted.TRY, ()), *counted.get(Counted.TRY, ())}
    return replace(view, replies={**view.replies, **counted, Counted.TRY: tuple(tries)})


def _used_up(view: View) -> bool:
    return sum(at > view.now - _DAY for at in view.replies.get(Counted.TRY, ())) >= TRIES


async def _case(connection: AsyncConnection, view: View, theirs: _Theirs, number: int) -> Case | None:
    given = {
        "organization": view.conversation.organization,
        "number": number,
        "customers": list(theirs.ids),
    }
    row = (await connection.execute(_CASE, given)).one_or_none()
    if row is None or theirs.root is None:
        return None
    return Case(
        id=ConversationId(row.id),
        number=row.number,
        customer=theirs.root,
        status=Status(row.status),
        created_at=row.created_at,
        resolved_at=row.resolved_at,
        room=row.room,
    )


async def _with_log(connection: AsyncConnection, keys: Keys, theirs: _Theirs, case: Case) -> Case | None:
    """Return the case with the messages that its customer wrote, and those that we sent them.

    Leave out what is for staff, what has not arrived or only in part, and what other people wrote in a shared
    thread. Return None if a message cannot be read.
    """
    given = {"id": case.id, "customers": list(theirs.ids), "most": _LONGEST_LOG}
    try:
        addresses = {
            _bare(keys.customer(CustomerId(row.customer_id), row.data_key).open(row.address, field=ADDRESS))
            for row in await connection.execute(_ADDRESSES, given)
        }
        whose = (await connection.execute(_WHOSE, given)).one()
        profile = keys.customer(CustomerId(whose.id), whose.data_key).open(whose.profile, field=PROFILE)
        rows = (await connection.execute(_LOG, given)).all()
        told = [message(row, keys.customer(CustomerId(row.customer_id), row.data_key)) for row in rows]
    except DeskError:
        return None
    log = (m for m in reversed(told) if not m.reference.address or _bare(m.reference.address) in addresses)
    return replace(case, name=json.loads(profile)["name"], log=tuple(log))


def _bare(address: str) -> str:
    """Return an address without the name of its workspace, which may become known only later."""
    return address.partition(" ")[0].casefold()


_ORGANIZATION = text("select data_key, index_key from organizations where id = :organization")

# uq_accounts_organization_id_channel_account, uq_identities_account_id_address_hash, ix_customers_merged_into
_CUSTOMERS = text("""
    select same.id, coalesce(c.merged_into, c.id) as root
    from accounts a
    join identities i on i.account_id = a.id and i.address_hash = :identity and i.verified
    join customers c on c.id = i.customer_id and c.data_key is not null
    join customers same on (same.id = coalesce(c.merged_into, c.id)
        or same.merged_into = coalesce(c.merged_into, c.id)) and same.data_key is not null
    where a.organization_id = :organization and a.channel = :channel and a.account = :account
""")

# pk_loop_guard
_COUNTS = text("""
    select kind, replied from loop_guard
    where organization_id = :organization and (
        hash = :identity and kind = 'try' or hash = :root and kind = 'copy'
    )
""")

# uq_conversations_number: costs the same, whoever's number it is.
_CASE = text("""
    select v.id, v.number, v.status, v.created_at, v.resolved_at, (
        select r.id from escalations e join rooms r on r.escalation_id = e.id and r.open
        where e.conversation_id = v.id and e.state in ('waiting', 'held')
        order by r.created_at desc, r.id desc limit 1
    ) as room
    from conversations v
    where v.organization_id = :organization and v.number = :number
        and v.customer_id = any(cast(:customers as uuid[])) and v.owner_name <> ''
""")

# pk_conversations, pk_customers
_WHOSE = text("""
    select c.id, c.data_key, c.profile from conversations v join customers c on c.id = v.customer_id
    where v.id = :id
""")

# ix_identities_customer_id
_ADDRESSES = text("""
    select i.address, i.customer_id, c.data_key from identities i join customers c on c.id = i.customer_id
    where i.customer_id = any(cast(:customers as uuid[])) and i.verified and i.address <> ''
""")

# uq_messages_position, ix_outbox_message_id. Old deliveries have no row in the outbox any more. Only
# the connector knew which words of a message have left that was stopped midway.
_LOG = text("""
    select m.*, v.customer_id, c.data_key
    from conversations v join customers c on c.id = v.customer_id
    join messages m on m.conversation_id = v.id
    where v.id = :id and v.customer_id = any(cast(:customers as uuid[])) and (
        m.role = 'customer' and m.state = 'received'
        or m.role <> 'customer' and m.state in ('released', 'sent', 'delivered', 'read') and (
            select count(*) = 0 or bool_or(o.state = 'delivered') from outbox o
            where o.message_id = m.id and o.room_id is null and o.kind = 'post'
        )
    )
    order by m.position desc limit :most
""")
