"""Write the audit log: who did what to what, in the transaction that did it. Seal it into a chain soon after.

`record` only inserts, so that nothing waits for the chain. `seal` links the committed rows: each hash covers
the hash before it and the row. Whoever alters, removes or adds a row later breaks the chain there, and
`verify` says where. The chain needs no secret: somebody who can rewrite the tables can also recompute it from
some row on, or cut off its end together with the rows. Against that, its newest link is noted outside the
database (see `storage.anchors`), and given to `verify`; a `Link` from `tail` can be noted elsewhere as well.

Entries carry ids, codes and counts, never what people wrote: the log is not encrypted and not erased.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy import Row, TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

Detail = str | int | bool | None
Broken = Literal["altered", "missing row", "missing link", "row outside the chain"]

GENESIS: Final = bytes(32)  # the hash before the first link of an organization

_GREATEST: Final = 2**53 - 1  # JSON readers do not agree on larger whole numbers (RFC 7493)
_BATCH: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One action in the log. `actor` and `subject` are kinds and ids: "person:ana", "escalation:0198…"."""

    id: UUID
    at: datetime
    actor: str
    action: str  # dotted, past: "escalation.taken"
    subject: str
    details: Mapping[str, Detail]

    def __post_init__(self) -> None:
        if self.at.utcoffset() is None:
            raise ValueError(f"audit entry {self.id}: at must be timezone-aware, got {self.at!r}")
        for key, value in self.details.items():
            if value is not None and not isinstance(value, str | int):
                raise ValueError(f"audit entry {self.id}: {key!r} cannot be a {type(value).__name__}")
            if isinstance(value, int) and abs(value) > _GREATEST:
                raise ValueError(f"audit entry {self.id}: {key!r} is beyond 2**53 - 1; write it as text")


@dataclass(frozen=True, slots=True)
class Link:
    """A position in the chain and its hash. Noted outside the database, it proves that nothing before it
    changed.
    """

    position: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class AuditLine:
    """One row of the log, with its link if it is sealed."""

    entry: AuditEntry
    link: Link | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainVerdict:
    """The outcome of `verify`. `first_broken`, `audit_id` and `what` are None if it is `ok`."""

    ok: bool
    sealed: int  # links found good
    unsealed: int  # rows that wait for their link
    first_broken: int | None = None  # position in the chain; None for a row that has none
    audit_id: UUID | None = None
    what: Broken | None = None
    sentence: str  # for people


@dataclass(frozen=True, slots=True)
class _Flaw:
    what: Broken
    position: int | None
    audit_id: UUID | None
    sentence: str


# --- recording ---------------------------------------------------------------------------------------------

_RECORD: Final = text(
    """
    insert into audit_log (id, organization_id, at, actor, action, subject, details)
    select id, :organization_id, at, actor, action, subject, details::jsonb
      from unnest(cast(:ids as uuid[]), cast(:ats as timestamptz[]), cast(:actors as text[]),
                  cast(:actions as text[]), cast(:subjects as text[]), cast(:details as text[]))
           as entry (id, at, actor, action, subject, details)
    """
)


async def record(connection: AsyncConnection, organization_id: UUID, entries: Sequence[AuditEntry]) -> None:
    """Write the entries in the caller's transaction, in one statement.

    Replace characters that PostgreSQL cannot store (NUL, lone surrogates) by U+FFFD: a stranger's name must
    not undo the turn that reports it.
    """
    if not entries:
        return
    await connection.execute(
        _RECORD,
        {
            "organization_id": organization_id,
            "ids": [entry.id for entry in entries],
            "ats": [entry.at for entry in entries],
            "actors": [_storable(entry.actor) for entry in entries],
            "actions": [_storable(entry.action) for entry in entries],
            "subjects": [_storable(entry.subject) for entry in entries],
            "details": [_storable_details(entry.details) for entry in entries],
        },
    )


def _storable(value: str) -> str:
    if value.isascii():
        return value.replace("\0", "\ufffd")
    return value.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _storable_details(details: Mapping[str, Detail]) -> str:
    return json.dumps(
        {_storable(key): _storable(v) if isinstance(v, str) else v for key, v in details.items()}
    )


# --- the canonical encoding --------------------------------------------------------------------------------

# The columns that are hashed. PostgreSQL formats the time, in UTC with microseconds, independently of the
# session's settings and of the value.
_ROW: Final = """
    log.id, log.organization_id, to_char(log.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at,
    log.actor, log.action, log.subject, cast(log.details as text) as details,
    cast(log.transaction as text) as transaction
"""


def canonical(
    *,
    id: UUID,
    organization_id: UUID,
    at: str,
    actor: str,
    action: str,
    subject: str,
    details: object,
    transaction: str,
) -> bytes:
    """Return the bytes to hash: JSON by RFC 8785 with the columns as keys, `at` as
    "2026-01-31T23:59:59.000001Z".
    """
    row = {
        "action": action,
        "actor": actor,
        "at": at,
        "details": _ordered(details),
        "id": str(id),
        "organization_id": str(organization_id),
        "subject": subject,
        "transaction": transaction,
    }
    return json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode()


def _ordered(value: object) -> object:
    match value:
        case dict():
            # RFC 8785 section 3.2.3 sorts by UTF-16 code units, which differs from Python beyond U+FFFF.
            keys = sorted(value, key=lambda key: str(key).encode("utf-16-be"))
            return {key: _ordered(value[key]) for key in keys}
        case list():
            return [_ordered(part) for part in value]
        case _:
            return value


def chained(previous: bytes, encoded: bytes) -> bytes:
    """Return the hash of a link: SHA-256 over the previous hash (32 bytes) and the canonical row."""
    return hashlib.sha256(previous + encoded).digest()


def _hash(previous: bytes, row: Row[Any]) -> bytes:
    encoded = canonical(
        id=row.id,
        organization_id=row.organization_id,
        at=row.at,
        actor=row.actor,
        action=row.action,
        subject=row.subject,
        details=json.loads(row.details),
        transaction=row.transaction,
    )
    return chained(previous, encoded)


# --- sealing -----------------------------------------------------------------------------------------------


def _waiting(select: str, where: str = "true") -> TextClause:
    """Return a statement for rows that wait for their link, oldest first.

    It skips a row whose log row is gone: `verify` reports that.
    """
    return text(
        f"select {select} from audit_unsealed as unsealed join audit_log as log on log.id = unsealed.audit_id"
        f" where {where} order by unsealed.audit_id limit :limit"
    )


_WAITING_ORGANIZATIONS: Final = _waiting("log.organization_id")
_WAITING_ROWS: Final = _waiting(_ROW, "unsealed.organization_id = any(cast(:organizations as uuid[]))")

_LOCK: Final = text(
    """
    select organization_id
      from unnest(cast(:organizations as uuid[]), cast(:locks as bigint[])) as asked (organization_id, lock)
     where pg_try_advisory_xact_lock(lock)
    """
)

_LAST_LINKS: Final = text(
    """
    select last.organization_id, last.position, last.hash
      from unnest(cast(:organizations as uuid[])) as asked (organization_id)
     cross join lateral (
           select organization_id, position, hash from audit_chain
            where organization_id = asked.organization_id order by position desc limit 1
           ) as last
    """
)

_LINK: Final = text(
    """
    with linked as (
        delete from audit_unsealed where audit_id = any(cast(:audit_ids as uuid[]))
    )
    insert into audit_chain (organization_id, position, audit_id, previous, hash)
    select * from unnest(cast(:organizations as uuid[]), cast(:positions as bigint[]),
                         cast(:audit_ids as uuid[]), cast(:previous as bytea[]), cast(:hashes as bytea[]))
    """
)


async def seal(connection: AsyncConnection, organization_id: UUID | None = None, limit: int = _BATCH) -> int:
    """Link up to `limit` committed rows, oldest first, of one organization or of all. Return how many.

    Call it in a transaction of its own at READ COMMITTED, and commit right after. Skip organizations that
    another process is sealing, so that any number of processes may seal. A row gets its position when it is
    sealed: a row that commits late comes after those sealed before it, and none is left out. This takes five
    statements, for any number of organizations.
    """
    if organization_id is None:
        waiting = await connection.execute(_WAITING_ORGANIZATIONS, {"limit": limit})
        asked = sorted(set(waiting.scalars()))
    else:
        asked = [organization_id]
    # The locks are a statement of their own, the first one: a later statement sees the last holder's links.
    locked = await connection.execute(
        _LOCK, {"organizations": asked, "locks": [_lock_of(organization) for organization in asked]}
    )
    mine = {"organizations": list(locked.scalars())}
    if not mine["organizations"]:
        return 0
    newest = await connection.execute(_LAST_LINKS, mine)
    last = {row.organization_id: (row.position, row.hash) for row in newest}
    links = []
    for row in await connection.execute(_WAITING_ROWS, {**mine, "limit": limit}):
        position, previous = last.get(row.organization_id, (0, GENESIS))
        link = (position + 1, _hash(previous, row))
        last[row.organization_id] = link
        links.append((row.organization_id, row.id, previous, *link))
    if links:
        names = ("organizations", "audit_ids", "previous", "positions", "hashes")
        columns = (list(column) for column in zip(*links, strict=True))
        await connection.execute(_LINK, dict(zip(names, columns, strict=True)))
    return len(links)


def _lock_of(organization_id: UUID) -> int:
    """Return the key of the advisory lock. On a collision, two organizations merely take turns."""
    digest = hashlib.sha256(b"audit chain\x00" + organization_id.bytes).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


# --- reading -----------------------------------------------------------------------------------------------

_LINKS: Final = text(
    f"""
    select link.position, link.audit_id, link.previous, link.hash, {_ROW}
      from audit_chain as link left join audit_log as log on log.id = link.audit_id
     where link.organization_id = :organization_id and link.position > :after
     order by link.position limit :limit
    """
)

_LOST: Final = text(
    """
    select unsealed.audit_id
      from audit_unsealed as unsealed left join audit_log as log on log.id = unsealed.audit_id
     where unsealed.organization_id = :organization_id and log.id is null
     order by unsealed.audit_id limit 1
    """
)

_OUTSIDE: Final = text(
    """
    select log.id from audit_log as log
     where log.organization_id = :organization_id
       and not exists (select from audit_chain as link where link.audit_id = log.id)
       and not exists (select from audit_unsealed as unsealed where unsealed.audit_id = log.id)
     order by log.id limit 1
    """
)

_UNSEALED: Final = text("select count(*) from audit_unsealed where organization_id = :organization_id")

_TAIL: Final = text(
    """
    select log.id, log.at, log.actor, log.action, log.subject, log.details, link.position, link.hash
      from audit_log as log left join audit_chain as link on link.audit_id = log.id
     where log.organization_id = :organization_id order by log.id desc limit :limit
    """
)


async def verify(
    connection: AsyncConnection, organization_id: UUID, noted: Sequence[Link] = (), batch: int = _BATCH
) -> ChainVerdict:
    """Compare the whole chain with the log, `batch` links at a time. Sealing may continue meanwhile.

    `noted` are links kept outside the database: the chain must still contain them.
    """
    hashes: dict[int, set[bytes]] = {}
    for link in noted:
        hashes.setdefault(link.position, set()).add(link.hash)
    last, flaw = await _walk(connection, organization_id, hashes, batch)
    flaw = flaw or await _loose(connection, organization_id)
    unsealed = await connection.scalar(_UNSEALED, {"organization_id": organization_id}) or 0
    if flaw is None:
        links = "1 entry is" if last == 1 else f"{last} entries are"
        sentence = f"The audit chain is whole: {links} sealed, {unsealed} waiting."
        return ChainVerdict(ok=True, sealed=last, unsealed=unsealed, sentence=sentence)
    return ChainVerdict(
        ok=False,
        sealed=last,
        unsealed=unsealed,
        first_broken=flaw.position,
        audit_id=flaw.audit_id,
        what=flaw.what,
        sentence=flaw.sentence,
    )


async def _walk(
    connection: AsyncConnection, organization_id: UUID, noted: Mapping[int, set[bytes]], batch: int
) -> tuple[int, _Flaw | None]:
    """Return the position of the last good link, and what is wrong with the next one, if anything."""
    position, previous = 0, GENESIS
    while True:
        result = await connection.execute(
            _LINKS, {"organization_id": organization_id, "after": position, "limit": batch}
        )
        rows = result.all()
        for row in rows:
            if flaw := _check(row, position + 1, previous, noted):
                return position, flaw
            position, previous = row.position, row.hash
        if len(rows) < batch:
            break
    if (furthest := max(noted, default=0)) > position:
        why = f"The chain ends at link {position}, but link {furthest} was noted: its end was cut off."
        return position, _Flaw("missing link", position + 1, None, why)
    return position, None


def _check(row: Row[Any], expected: int, previous: bytes, noted: Mapping[int, set[bytes]]) -> _Flaw | None:
    if row.position != expected:
        why = f"Link {expected} is missing: the chain goes on at {row.position}."
        return _Flaw("missing link", expected, None, why)
    if row.id is None:
        why = f"Link {expected} seals entry {row.audit_id}, and that entry is gone from the log."
        return _Flaw("missing row", expected, row.audit_id, why)
    if row.previous != previous or row.hash != _hash_or_none(previous, row):
        why = f"Link {expected} does not match entry {row.audit_id}: the entry or the link was altered."
        return _Flaw("altered", expected, row.audit_id, why)
    if expected in noted and noted[expected] != {row.hash}:
        why = f"Link {expected} is not the one that was noted: the chain was computed anew here or before."
        return _Flaw("altered", expected, row.audit_id, why)
    return None


def _hash_or_none(previous: bytes, row: Row[Any]) -> bytes | None:
    """Return the hash of a row, or None for a row that `record` cannot have written.

    Such a row has numbers or nesting beyond what the JSON reader takes.
    """
    try:
        return _hash(previous, row)
    except (ValueError, RecursionError):
        return None


async def _loose(connection: AsyncConnection, organization_id: UUID) -> _Flaw | None:
    """Return a waiting row that is gone from the log, or a row that neither waits nor has a link, or None."""
    lost: UUID | None = await connection.scalar(_LOST, {"organization_id": organization_id})
    if lost is not None:
        return _Flaw("missing row", None, lost, f"Entry {lost} waits to be sealed, and is gone from the log.")
    outside: UUID | None = await connection.scalar(_OUTSIDE, {"organization_id": organization_id})
    if outside is not None:
        why = (
            f"Entry {outside} is in the log, has no link and does not wait for one:"
            " it was slipped in, or the end of the chain was cut off."
        )
        return _Flaw("row outside the chain", None, outside, why)
    return None


async def tail(connection: AsyncConnection, organization_id: UUID, limit: int) -> tuple[AuditLine, ...]:
    """Return the last `limit` lines of the log, newest first."""
    rows = await connection.execute(_TAIL, {"organization_id": organization_id, "limit": limit})
    return tuple(
        AuditLine(
            entry=AuditEntry(
                id=row.id,
                at=row.at.astimezone(UTC),
                actor=row.actor,
                action=row.action,
                subject=row.subject,
                details=row.details,
            ),
            link=None if row.position is None else Link(row.position, row.hash),
        )
        for row in rows
    )
