"""Merge customers who are the same person, and undo it.

`merges` is a forest: a customer is merged into at most one other, and all customers of one tree are the same
person. `customers.merged_into` holds the root of the tree, so that readers need not climb it. Undoing a merge
cuts one branch; merges can be undone in any order.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.errors import KeyDestroyed, NotFound
from bot.core.ids import CustomerId, OrgId


@dataclass(frozen=True, slots=True)
class Merged:
    """The outcome of a merge: `merged` is now `kept`. Each is the root of the customer whom the
    caller named.
    """

    kept: CustomerId
    merged: CustomerId


@dataclass(frozen=True, slots=True)
class Parted:
    """The outcome of undoing a merge: `customer` and `remaining` are two people again.

    `places` counts the places that had continued in a conversation of the other side.
    """

    customer: CustomerId
    remaining: CustomerId
    places: int


async def merge(
    connection: AsyncConnection,
    id_: UUID,
    organization: OrgId,
    *,
    kept: CustomerId,
    merged: CustomerId,
    by: str,
    how: str,
) -> Merged | None:
    """Merge `merged` into `kept`: from now on they have one history, and share one open conversation.

    Each keeps their own key and rows, so that `unmerge` can part them again. Return None, and change nothing,
    if they are one already. A caller that also locks conversations must call `lock` or `alone` before that.

    Raise NotFound for customers of another organization, KeyDestroyed for erased ones.
    """
    await alone(connection, organization)
    root, other = (
        await root_of(connection, organization, kept),
        await root_of(connection, organization, merged),
    )
    if root == other:
        return None
    given = {"id": id_, "organization": organization, "kept": root, "merged": other, "by": by, "how": how}
    given["followers"] = list(await connection.scalars(_FOLLOWERS, given))
    await connection.execute(_MERGE, given)
    await connection.execute(_RECORD, given)
    return Merged(root, other)


async def unmerge(connection: AsyncConnection, organization: OrgId, customer: CustomerId) -> Parted:
    """Part `customer`, with those merged into them, from the customer whom they were merged into.

    A place that continued in a conversation of the other side returns to a conversation of its own side: the
    one it had left, or a closed one, so that its next message opens a new conversation. Raise NotFound if
    there is nothing to undo.
    """
    await lock(connection, organization, customer)
    given: dict[str, object] = {"organization": organization, "customer": customer}
    undone = await connection.scalar(_UNDO, given)
    if undone is None:
        raise NotFound("merge of customer", str(customer))
    remaining = CustomerId(await connection.scalar(_ROOT_OF, given))
    given["parted"] = list(await connection.scalars(_BRANCH, given))
    given["everybody"] = list(await connection.scalars(_GROUP, {"root": remaining}))
    await connection.execute(_PART, given)
    return Parted(customer, remaining, await _part_places(connection, given))


async def alone(connection: AsyncConnection, organization: OrgId) -> None:
    """Lock the merges of an organization: two at once could build a chain or a ring.

    Call it before conversations are locked.
    """
    await connection.execute(_GUARD, {"key": f"merges:{organization}"})


async def lock(connection: AsyncConnection, organization: OrgId, *customers: CustomerId) -> None:
    """Lock the conversations of these customers, and of all customers merged with them, in order of ids."""
    await alone(connection, organization)
    await connection.execute(_LOCK, {"organization": organization, "customers": list(customers)})


async def root_of(connection: AsyncConnection, organization: OrgId, customer: CustomerId) -> CustomerId:
    """Return the customer into whom this one is merged, or the customer. Raise NotFound, KeyDestroyed."""
    given = {"organization": organization, "customer": customer}
    row = (await connection.execute(_ROOT, given)).one_or_none()
    if row is None:
        raise NotFound("customer", str(customer))
    if row.erased:
        raise KeyDestroyed(row.id)
    return CustomerId(row.id)


async def _part_places(connection: AsyncConnection, given: dict[str, object]) -> int:
    crossed: Sequence[UUID] = list(await connection.scalars(_CROSSED, given))
    if crossed:
        home = set(await connection.scalars(_GO_HOME, given | {"crossed": crossed}))
        gone = [place for place in crossed if place not in home]
        for statement in (_FORGET_LINKS, _ANSWER_ELSEWHERE, _FORGET):
            await connection.execute(statement, given | {"crossed": crossed, "gone": gone})
    return len(crossed)


_GUARD = text("select pg_advisory_xact_lock(hashtextextended(:key, 0))")

_ROOT = text("""
    select r.id, r.data_key is null as erased from customers c
    join customers r on r.id = coalesce(c.merged_into, c.id)
    where c.organization_id = :organization and c.id = :customer
""")

# `for no key update`: other transactions can still insert rows that refer to these customers.
_FOLLOWERS = text("select id from customers where merged_into = :merged order by id for no key update")

_MERGE = text("update customers set merged_into = :kept where id = :merged or merged_into = :merged")

_RECORD = text("""
    insert into merges (id, organization_id, kept_id, merged_id, followers, by, how)
    values (:id, :organization, :kept, :merged, cast(:followers as uuid[]), :by, :how)
""")

_UNDO = text("""
    update merges set undone_at = clock_timestamp()
    where organization_id = :organization and merged_id = :customer and undone_at is null returning id
""")

_ROOT_OF = text("select merged_into from customers where id = :customer")

_BRANCH = text("""
    with recursive branch as (
        select cast(:customer as uuid) as id
        union
        select m.merged_id from branch join merges m on m.kept_id = branch.id and m.undone_at is null
    )
    select id from branch order by id
""")

_GROUP = text("select id from customers where id = :root or merged_into = :root order by id")

_PART = text("""
    update customers set merged_into = case when id = :customer then null else cast(:customer as uuid) end
    where id = any(cast(:parted as uuid[]))
""")

_LOCK = text("""
    select w.id from conversations w
    where w.id = any(array(
        select v.id
        from customers c
        join customers same on same.id = coalesce(c.merged_into, c.id)
            or same.merged_into = coalesce(c.merged_into, c.id)
        join conversations v on v.customer_id = same.id
        where c.organization_id = :organization and c.id = any(cast(:customers as uuid[]))
    ))
    order by w.id for update
""")

_CROSSED = text("""
    select p.id from identities i
    join places p on p.identity_id = i.id join conversations v on v.id = p.conversation_id
    where i.customer_id = any(cast(:everybody as uuid[])) and v.customer_id = any(cast(:everybody as uuid[]))
        and (i.customer_id = any(cast(:parted as uuid[]))) <> (v.customer_id = any(cast(:parted as uuid[])))
    order by p.id for update of p
""")

# A private place may also return to an open conversation of another place: it would join that one anyway.
_GO_HOME = text("""
    update places p set conversation_id = home.conversation
    from (
        select distinct on (p.id) p.id as place, v.id as conversation
        from places p
        join identities i on i.id = p.identity_id
        join conversations v on v.customer_id = any(cast(:everybody as uuid[]))
            and (v.customer_id = any(cast(:parted as uuid[])))
                = (i.customer_id = any(cast(:parted as uuid[])))
        where p.id = any(cast(:crossed as uuid[]))
            and (v.place_id = p.id or v.status = 'resolved' or (p.private and not p.shared))
        order by p.id, v.place_id = p.id desc, v.created_at desc
    ) home
    where p.id = home.place returning p.id
""")

_FORGET_LINKS = text("delete from links where place_id = any(cast(:gone as uuid[]))")

# Replies in those conversations now go to their own customer: to the place of the conversation in which they
# wrote last, else to a private place of theirs.
_ANSWER_ELSEWHERE = text("""
    update conversations v set place_id = (
        select p.id from customers c
        join customers f on f.id = any(cast(:everybody as uuid[]))
            and coalesce(f.merged_into, f.id) = coalesce(c.merged_into, c.id)
        join identities i on i.customer_id = f.id join places p on p.identity_id = i.id
        where c.id = v.customer_id and p.id <> all(cast(:gone as uuid[]))
            and (p.conversation_id = v.id or (p.private and not p.shared))
        order by p.conversation_id = v.id desc, p.heard_at desc nulls last, p.id limit 1
    )
    from places q join identities j on j.id = q.identity_id
    where q.id = v.place_id and q.id = any(cast(:crossed as uuid[]))
        and (q.id = any(cast(:gone as uuid[]))
            or (j.customer_id = any(cast(:parted as uuid[])))
                <> (v.customer_id = any(cast(:parted as uuid[]))))
""")

_FORGET = text("delete from places where id = any(cast(:gone as uuid[]))")
