"""Open the keys of organizations and customers. Rows hold them wrapped by the keyring."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.errors import CannotDecrypt, KeyDestroyed
from bot.core.ids import ConversationId, CustomerId, OrgId
from storage.merging import alone
from storage.sealing import DataKeys, KeyedHash, Keyring, Sealer

_REWRAP_BATCH = 500


@dataclass(frozen=True, slots=True)
class OrgKeys:
    """The keys of an organization: one seals what belongs to no customer, one hashes identities and chats."""

    sealer: Sealer
    index: KeyedHash


class Keys:
    """Opens wrapped keys, and caches a bounded number of them. One per process."""

    def __init__(self, keyring: Keyring, *, customers: int = 20_000) -> None:
        self.keyring = keyring
        self._customers = DataKeys(keyring, customers)
        self._organizations: dict[OrgId, OrgKeys] = {}

    def organization(self, organization: OrgId, data_key: bytes, index_key: bytes) -> OrgKeys:
        keys = self._organizations.get(organization)
        if keys is None:
            keys = OrgKeys(
                Sealer(self.keyring.unwrap(data_key, owner=organization), organization),
                KeyedHash(self.keyring.unwrap(index_key, owner=organization, purpose="index")),
            )
            self._organizations[organization] = keys
        return keys

    def customer(self, customer: CustomerId, wrapped: bytes | None) -> Sealer:
        """Return a customer's sealer. Raise KeyDestroyed if they were erased, CannotDecrypt if no key
        fits.
        """
        return self._customers.sealer(customer, wrapped)

    def new_customer(self, customer: CustomerId) -> tuple[bytes, Sealer]:
        """Return a new data key, wrapped for the customer's row, and its sealer."""
        wrapped = self.keyring.wrap(self.keyring.new_data_key(), owner=customer)
        return wrapped, self._customers.sealer(customer, wrapped)

    def new_organization(self, organization: OrgId) -> tuple[bytes, bytes]:
        """Return the wrapped data key and index key of a new organization."""
        return (
            self.keyring.wrap(self.keyring.new_data_key(), owner=organization),
            self.keyring.wrap(self.keyring.new_data_key(), owner=organization, purpose="index"),
        )

    def forget(self, customer: CustomerId) -> None:
        self._customers.forget(customer)


async def why_unreadable(connection: AsyncConnection, keys: Keys, organization: OrgId) -> str:
    """Return why the keyring opens nothing that an organization stores, in one sentence; "" if it does."""
    row = (await connection.execute(_ORGANIZATION, {"id": organization})).one()
    try:
        keys.organization(organization, row.data_key, row.index_key)
    except CannotDecrypt as error:
        return str(error)
    return ""


async def destroy(
    connection: AsyncConnection, organization: OrgId, customer: CustomerId, *, by: str = ""
) -> list[CustomerId]:
    """Make everything that a customer ever wrote unreadable, for ever, and forget their addresses.

    This includes the customers merged into them, who are the same person, and unverified addresses to which
    they had a code sent (`storage.verification`). Pending inputs of their conversations are dropped, and a
    turn that is under way there cannot be committed. `by` names who asked for it in the audit log. Return the
    customers whose keys were destroyed.

    Raise KeyDestroyed when the organization has no such customer with a key.
    """
    await alone(connection, organization)
    gone = await lock_whole(connection, organization, customer)
    await destroy_locked(connection, gone, by=by)
    return gone


async def lock_whole(
    connection: AsyncConnection,
    organization: OrgId,
    customer: CustomerId,
    *,
    beside: Collection[ConversationId] = (),
) -> list[CustomerId]:
    """Lock all that is erased with a customer: their conversations, then their identities. Return whom
    `destroy` erases.

    `beside` are conversations of others that the caller changes: they are locked together with these. Raise
    KeyDestroyed when the organization has no such customer with a key.
    """
    given = {"organization": organization, "id": customer}
    gone = list(await connection.scalars(_NOT_ERASED, given))
    if not gone:
        raise KeyDestroyed(customer)
    asked_for = list(await connection.scalars(_ASKED_FOR, {"customers": gone}))
    await connection.execute(_LOCK, {"customers": gone + asked_for, "beside": sorted(beside)})
    gone += list(await connection.scalars(_ASKED_FOR, {"customers": gone}))  # read again under the locks
    await connection.execute(_LOCK_IDENTITIES, {"customers": gone})
    return gone


async def destroy_locked(
    connection: AsyncConnection, customers: Collection[CustomerId], *, by: str = ""
) -> None:
    """Erase customers as `destroy` does, once `lock_whole` has returned them."""
    given: dict[str, object] = {"customers": list(customers)}
    await connection.execute(_ERASE, given | {"by": by})
    for statement in _FORGET_PLACES:
        await connection.execute(statement, given)


_ORGANIZATION = text("select data_key, index_key from organizations where id = :id")

_NOT_ERASED = text("""
    select id from customers
    where organization_id = :organization and (id = :id or merged_into = :id) and data_key is not null
""")

# Strangers of unverified addresses. Uses ix_conversations_proving; they live for a day at most. Whoever wrote
# from there meanwhile is a customer of their own.
_ASKED_FOR = text("""
    select v.customer_id from conversations v join customers c on c.id = v.customer_id
    where v.owner_name = '' and v.place_id is not null and c.data_key is not null and not exists (
            select from conversations theirs where theirs.customer_id = c.id and theirs.last_accepted > 0
        )
        and v.previous_id in (
            select id from conversations where customer_id = any(cast(:customers as uuid[]))
        )
""")

_ERASE = text("""
    update customers set data_key = null, erased_at = clock_timestamp(), erased_by = :by, crm_hash = null
    where id = any(cast(:customers as uuid[]))
""")

_THEIRS = """
    select p.id from places p
    join identities i on i.id = p.identity_id join conversations v on v.id = p.conversation_id
    where i.customer_id = any(cast(:customers as uuid[])) or v.customer_id = any(cast(:customers as uuid[]))
"""

_LOCK = text(f"""
    select id from conversations
    where place_id in ({_THEIRS}) or customer_id = any(cast(:customers as uuid[]))
        or id = any(cast(:beside as uuid[]))
    order by id for update
""")

# An event from a new place locks an identity: the lock waits for it, so that its new rows are erased too.
_LOCK_IDENTITIES = text("""
    select id from identities where customer_id = any(cast(:customers as uuid[])) order by id for update
""")

# Nothing leads from an address to an erased customer: whoever writes from it again is a new customer.
_FORGET_PLACES = tuple(
    text(statement)
    for statement in (
        f"""
        update conversations set place_id = null,
            wake_at = case when customer_id = any(cast(:customers as uuid[])) then null else wake_at end,
            memory = case when customer_id = any(cast(:customers as uuid[])) then '{{}}' else memory end
        where place_id in ({_THEIRS}) or customer_id = any(cast(:customers as uuid[]))
        """,
        """
        update conversations
        set last_handled = last_accepted, fence = fence + 1, lease_until = null,
            attempts = 0, pending_since = null,
            status = case when status = 'escalated' then status else 'resolved' end,
            resolved_at = case when status = 'escalated' then resolved_at
                else coalesce(resolved_at, clock_timestamp()) end
        where customer_id = any(cast(:customers as uuid[]))
        """,
        """
        update messages m set writer = null
        where m.writer is not null and m.conversation_id in (
            select id from conversations where customer_id = any(cast(:customers as uuid[]))
        ) and not exists (
            select from customers w where w.erased_at is not null
                and w.id = case when length(m.writer) = 16 then cast(encode(m.writer, 'hex') as uuid) end
        )
        """,
        """
        update files set mime_type = ''
        where customer_id = any(cast(:customers as uuid[])) and mime_type <> ''
        """,
        f"""
        delete from links
        where place_id in ({_THEIRS}) or customer_id = any(cast(:customers as uuid[]))
        """,
        f"delete from places where id in ({_THEIRS})",
        "delete from identities where customer_id = any(cast(:customers as uuid[]))",
    )
)


async def rewrap(connection: AsyncConnection, keyring: Keyring, after: UUID) -> tuple[int, UUID | None]:
    """Wrap the next customers' keys with the newest key. Return how many changed, and where to continue.

    Safe to run beside everything else: a key is replaced only if it is still the one that was read.
    """
    rows = (
        await connection.execute(
            text("select id, data_key from customers where id > :after order by id limit :batch"),
            {"after": after, "batch": _REWRAP_BATCH},
        )
    ).all()
    changed = 0
    for row in rows:
        if row.data_key is None or keyring.is_current(row.data_key):
            continue
        wrapped = keyring.rewrap(row.data_key, owner=row.id)
        result = await connection.execute(
            text("update customers set data_key = :new where id = :id and data_key = :old"),
            {"new": wrapped, "id": row.id, "old": row.data_key},
        )
        changed += result.rowcount
    return changed, rows[-1].id if rows else None


async def rewrap_organizations(connection: AsyncConnection, keyring: Keyring) -> int:
    """Wrap the keys of all organizations with the newest key. Return how many changed."""
    changed = 0
    for row in (await connection.execute(text("select id, data_key, index_key from organizations"))).all():
        for column, purpose in (("data_key", "data"), ("index_key", "index")):
            old = getattr(row, column)
            if keyring.is_current(old):
                continue
            new = keyring.rewrap(old, owner=row.id, purpose=purpose)
            await connection.execute(
                text(f"update organizations set {column} = :new where id = :id"), {"new": new, "id": row.id}
            )
            changed += 1
    return changed
