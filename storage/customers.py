"""Read customers for staff: their identities, the customers merged with them, and their history.

Nothing here reveals how an identity is found: addresses are sealed with the key of their customer, and the
CRM's id is stored only as a keyed hash.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.conversation import Status
from bot.core.errors import CommandError, KeyDestroyed, NotFound
from bot.core.events import Channel
from bot.core.ids import ConversationId, CustomerId, NewId, OrgId
from bot.core.permissions import Scope
from storage.keys import Keys
from storage.merging import Merged, alone, lock, merge, root_of
from storage.queries import ERASED
from storage.scopes import SCOPES, ScopedStatement, limits
from storage.sealed_fields import ADDRESS, CONTENT, PROFILE
from storage.sealing import KeyedHash, Sealer

AnyRow = Row[Any]

HISTORY: Final = 100  # conversations that a story lists, the newest ones


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerLine:
    """One person. Customers merged into them are counted here, and have no line of their own."""

    id: CustomerId
    name: str
    created_at: datetime
    erased: bool
    channels: tuple[Channel, ...]
    conversations: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityLine:
    customer: CustomerId  # its own customer, whoever that one is merged into
    channel: Channel
    account: str
    address: str
    verified: bool  # False: anybody can pretend to have this address
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MergedLine:
    """A customer who was merged into this one, and how that was decided."""

    id: CustomerId
    name: str
    into: CustomerId
    by: str
    how: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryLine:
    conversation: ConversationId
    number: int
    customer: CustomerId
    channels: tuple[Channel, ...]
    status: Status
    created_at: datetime
    resolved_at: datetime | None
    messages: int
    first_words: str  # the customer's first message


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerStory:
    line: CustomerLine
    in_crm: bool
    identities: tuple[IdentityLine, ...]
    merged: tuple[MergedLine, ...]  # in the order of merging
    history: tuple[HistoryLine, ...]  # newest first, at most HISTORY

    @property
    def unverified(self) -> tuple[IdentityLine, ...]:
        return tuple(identity for identity in self.identities if not identity.verified)


@dataclass(frozen=True, slots=True)
class InCrm:
    """The outcome of linking a customer with their id in the CRM."""

    customer: CustomerId
    merged: Merged | None = None  # the merge with the customer who had that id
    replaced: bool = False  # the customer had another id before
    known: bool = False  # nothing changed


async def customers(
    connection: AsyncConnection,
    keys: Keys,
    organization: OrgId,
    *,
    before: CustomerId | None = None,
    limit: int = 20,
    scopes: Sequence[Scope] | None = None,
) -> tuple[CustomerLine, ...]:
    """Return customers with a conversation in the scopes, newest first.

    `before` continues after that customer.
    """
    given = {"organization": organization, "before": before, "limit": limit, **limits(scopes)}
    return tuple(_line(row, keys) for row in await connection.execute(CUSTOMERS.of(scopes), given))


async def customer(
    connection: AsyncConnection,
    keys: Keys,
    organization: OrgId,
    id_: CustomerId,
    *,
    scopes: Sequence[Scope] | None = None,
) -> CustomerStory:
    """Return all that is known of the person that this customer is. Raise NotFound.

    Of their conversations, count and list those in the scopes.
    """
    given = {"organization": organization, "customer": id_, "most": HISTORY, **limits(scopes)}
    row = (await connection.execute(CUSTOMER.of(scopes), given)).one_or_none()
    if row is None:
        raise NotFound("customer", str(id_))
    given["ids"] = row.ids
    identities = await connection.execute(IDENTITIES, given)
    merged = await connection.execute(MERGED, given)
    history = await connection.execute(HISTORIES.of(scopes), given)
    return CustomerStory(
        line=_line(row, keys),
        in_crm=row.in_crm,
        identities=tuple(_identity(i, keys) for i in identities),
        merged=tuple(_merged(m, keys) for m in merged),
        history=tuple(_history(h, keys) for h in history),
    )


async def know_by_crm(
    connection: AsyncConnection,
    keys: Keys,
    new_id: NewId,
    organization: OrgId,
    customer: CustomerId,
    crm_id: str,
    *,
    by: str,
) -> InCrm:
    """Link the CRM's `crm_id` with this customer, and merge the customer who had that id into them.

    Raise NotFound, KeyDestroyed, and CommandError when both have ids of their own, because they are two
    people then.
    """
    await alone(connection, organization)
    root = await root_of(connection, organization, customer)
    hash_ = (await _index(connection, keys, organization)).of("crm", crm_id)
    given = {"organization": organization, "root": root, "hash": hash_}
    holder = await connection.scalar(_HOLDER, given)
    if holder == root:
        return InCrm(root, known=True)
    own = list(await connection.scalars(_OWN, given))
    if holder is None:
        await connection.execute(_TAKE_AWAY, {"ids": own})
        await connection.execute(_KNOW, given)
        return InCrm(root, replaced=bool(own))
    if own:
        raise CommandError(
            f"The customers {root} and {holder} have different ids in the CRM, which says that they are two"
            " people. If they are one, merge them in the CRM, and say `customers merge` here."
        )
    other = CustomerId(holder)
    await lock(connection, organization, root, other)
    merged = await merge(connection, new_id(), organization, kept=root, merged=other, by=by, how="crm")
    return InCrm(root, merged=merged)


async def _index(connection: AsyncConnection, keys: Keys, organization: OrgId) -> KeyedHash:
    row = (await connection.execute(_ORGANIZATION, {"organization": organization})).one()
    return keys.organization(organization, row.data_key, row.index_key).index


# --- from rows ---------------------------------------------------------------------------------------------


def _sealer(keys: Keys, row: AnyRow) -> Sealer | None:
    """Return the customer's sealer, or None if they were erased."""
    try:
        return keys.customer(CustomerId(row.customer_id), row.data_key)
    except KeyDestroyed:
        return None


def _name(row: AnyRow, sealer: Sealer | None) -> str:
    return str(json.loads(sealer.open(row.profile, field=PROFILE))["name"]) if sealer else ERASED


def _channels(names: Sequence[str] | None) -> tuple[Channel, ...]:
    return tuple(Channel(name) for name in names or ())


def _line(row: AnyRow, keys: Keys) -> CustomerLine:
    return CustomerLine(
        id=CustomerId(row.customer_id),
        name=_name(row, _sealer(keys, row)),
        created_at=row.created_at,
        erased=row.data_key is None,
        channels=_channels(row.channels),
        conversations=row.conversations,
    )


def _identity(row: AnyRow, keys: Keys) -> IdentityLine:
    sealer = _sealer(keys, row)
    return IdentityLine(
        customer=CustomerId(row.customer_id),
        channel=Channel(row.channel),
        account=row.account,
        address=sealer.open(row.address, field=ADDRESS) if sealer is not None and row.address else "",
        verified=row.verified,
        created_at=row.created_at,
    )


def _merged(row: AnyRow, keys: Keys) -> MergedLine:
    return MergedLine(
        id=CustomerId(row.customer_id),
        name=_name(row, _sealer(keys, row)),
        into=CustomerId(row.kept_id),
        by=row.by,
        how=row.how,
        at=row.at,
    )


def _history(row: AnyRow, keys: Keys) -> HistoryLine:
    sealer = _sealer(keys, row)
    words = sealer.open(row.content, field=CONTENT) if sealer is not None and row.content else ""
    return HistoryLine(
        conversation=ConversationId(row.id),
        number=row.number,
        customer=CustomerId(row.customer_id),
        channels=_channels(row.channels),
        status=Status(row.status),
        created_at=row.created_at,
        resolved_at=row.resolved_at,
        messages=row.position,
        first_words=words if sealer is not None else ERASED,
    )


# --- statements --------------------------------------------------------------------------------------------

# ix_customers_organization_created, and for each row ix_customers_merged_into, ix_identities_customer_id and
# ix_conversations_customer_id.
_LINE = """
    select c.id as customer_id, c.profile, c.data_key, c.created_at, g.ids, t.channels, t.conversations
"""

_PERSON = f"""
    from customers c
    cross join lateral (
        select array(select c.id union all select f.id from customers f where f.merged_into = c.id) as ids
    ) g
    cross join lateral (
        select (select count(*) from conversations v
                where v.customer_id = any(g.ids) and v.owner_name <> '' and {SCOPES}) as conversations,
            (select array_agg(distinct cast(a.channel as text)) from identities i
                join accounts a on a.id = i.account_id where i.customer_id = any(g.ids)) as channels
    ) t
    where c.organization_id = :organization and c.merged_into is null
"""

CUSTOMERS: Final = ScopedStatement(
    _LINE
    + _PERSON
    + """
        and t.conversations > 0
        and (cast(:before as uuid) is null or (c.created_at, c.id) < (
            select created_at, id from customers
            where id = cast(:before as uuid) and organization_id = :organization
        ))
    order by c.created_at desc, c.id desc limit :limit
    """
)

CUSTOMER: Final = ScopedStatement(
    _LINE
    + ", exists (select 1 from customers f where f.id = any(g.ids) and f.crm_hash is not null) as in_crm"
    + _PERSON
    + """
        and c.id = (select coalesce(merged_into, id) from customers
            where id = :customer and organization_id = :organization)
    """
)

# ix_identities_customer_id
IDENTITIES: Final = text("""
    select i.customer_id, c.data_key, a.channel, a.account, i.address, i.verified, i.created_at
    from identities i join customers c on c.id = i.customer_id join accounts a on a.id = i.account_id
    where i.customer_id = any(cast(:ids as uuid[])) and i.organization_id = :organization
    order by a.channel, i.created_at, i.id
""")

# ix_merges_merged_id
MERGED: Final = text("""
    select m.merged_id as customer_id, c.profile, c.data_key, m.kept_id, m.by, m.how, m.created_at as at
    from merges m join customers c on c.id = m.merged_id
    where m.merged_id = any(cast(:ids as uuid[])) and m.organization_id = :organization
        and m.undone_at is null
    order by m.created_at, m.id
""")

# ix_conversations_customer_id, ix_places_conversation_id, uq_messages_position
HISTORIES: Final = ScopedStatement(f"""
    select v.id, v.number, v.customer_id, c.data_key, v.status, v.created_at, v.resolved_at, v.position,
        m.content,
        (select array_agg(distinct cast(a.channel as text)) from places p
            join accounts a on a.id = p.account_id
            where p.conversation_id = v.id or p.id = v.place_id) as channels
    from conversations v join customers c on c.id = v.customer_id
    left join lateral (
        select content from messages where conversation_id = v.id and role = 'customer'
        order by position limit 1
    ) m on true
    where v.customer_id = any(cast(:ids as uuid[])) and v.organization_id = :organization and {SCOPES}
    order by v.created_at desc, v.id desc limit :most
""")

_ORGANIZATION = text("select data_key, index_key from organizations where id = :organization")

# uq_customers_crm_hash
_HOLDER = text("""
    select coalesce(merged_into, id) from customers where organization_id = :organization and crm_hash = :hash
""")

_OWN = text("""
    select id from customers where (id = :root or merged_into = :root) and crm_hash is not null order by id
""")

_TAKE_AWAY = text("update customers set crm_hash = null where id = any(cast(:ids as uuid[]))")

_KNOW = text("update customers set crm_hash = :hash where id = :root")
