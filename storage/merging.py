"""One customer, many identities: who was found to be whom, undoable.

`merges` is a forest: a customer was merged into at most one other, and whoever can be reached from a customer
that way is the same person. `customers.merged_into` is what follows from it, the root of the tree, so that no
reader has to climb. To undo a merge is to cut one branch, in whatever order it is done.
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
    """`merged` is from now on `kept`. Whom the caller named may have been merged into them before."""

    kept: CustomerId
    merged: CustomerId


@dataclass(frozen=True, slots=True)
class Parted:
    """`customer` is no more one with `remaining`; `places` had gone on in a matter of the other side."""

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
    """From now on `merged` is `kept`: their history is one, and what they write anywhere is one matter.

    Each keeps their own key and their own rows, so that `unmerge` can part them again. None: they are one
    already, and nothing changes. Whoever locks conversations as well does so before (`lock`). Raises NotFound
    for customers that the organization does not have, and KeyDestroyed for those who were erased.
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
    """Part `customer`, and who was merged into them, from whom they were merged into.

    Where one side went on in a matter of the other, that place goes back to a matter of its own side: the one
    which it had left, or one that is over, so that whoever writes there next begins anew. Raises NotFound
    where nothing is to be undone.
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
    """One merge at a time in an organization: two at once could make a chain, or a ring.

    Comes before the locks of conversations, which parting and going on need as well.
    """
    await connection.execute(_GUARD, {"key": f"merges:{organization}"})


async def lock(connection: AsyncConnection, organization: OrgId, *customers: CustomerId) -> None:
    """Lock the conversations of these customers, and of whoever is one with them, by id."""
    await alone(connection, organization)
    await connection.execute(_LOCK, {"organization": organization, "customers": list(customers)})


async def root_of(connection: AsyncConnection, organization: OrgId, customer: CustomerId) -> CustomerId:
    """Whom they are merged into, or themselves. Raises NotFound, KeyDestroyed."""
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

# No key is changed: others may go on to insert rows that refer to these customers.
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

# In private also one that goes on elsewhere: there it would be joined anyhow.
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

# What is said in those conversations from now on goes to whose they are: where they wrote last of what leads
# there, else in a private place of theirs.
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
