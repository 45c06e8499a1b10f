"""Track attachments: which must be fetched, what became of each, and which are stored, sealed.

The bytes of a file are in an object store (a folder, or anything that speaks S3) under its id. They are
sealed with the key of the customer whose conversation it belongs to (see `storage.framing`), so that
destroying that key makes files unreadable too. The row says whether the store has the file. A file is stored
first and recorded after that: a crash leaves at worst a file in the store, which the next attempt replaces.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.conversation import FileReport, Origin
from bot.core.errors import CannotDecrypt, KeyDestroyed, Refused, StaleLease
from bot.core.ids import AccountId, ConversationId, CustomerId, MessageId, OrgId
from storage.database import Database
from storage.entries import NOBODY, Entry, Wake
from storage.filestore import FileStore
from storage.inbox import Inboxes
from storage.keys import Keys
from storage.message_rows import MADE
from storage.sealed_fields import FILE_ERROR, FILE_NAME, FILE_REF
from storage.sealing import Sealer

__all__ = ["ClaimedFile", "Fetched", "FileStore", "Files", "StoredFile"]

log = structlog.get_logger(__name__)

AnyRow = Row[Any]


@dataclass(frozen=True, slots=True)
class ClaimedFile:
    """A file to fetch, claimed: nobody else fetches it before the lease ends."""

    id: UUID
    organization: OrgId
    conversation: ConversationId
    message: MessageId
    position: int
    account: AccountId
    ref: str
    name: str
    claimed_type: str
    attempts: int  # including this one; also the fence, because no two claims of a file have the same
    sealer: Sealer

    @property
    def made(self) -> bytes | None:
        """Return the content of a file that we wrote ourselves, or None if it must be fetched."""
        return self.ref.removeprefix(MADE).encode() if self.ref.startswith(MADE) else None


@dataclass(frozen=True, slots=True)
class Fetched:
    """The outcome of fetching a file. `outcome` is stored, refused, failed, or later."""

    wanted: ClaimedFile
    outcome: str
    mime_type: str = ""
    name: str = ""
    size: int = 0
    reason: str = ""
    after: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A stored file."""

    id: UUID
    name: str
    mime_type: str
    size: int
    sealer: Sealer


class Files:
    """Claims, settles and finds the rows of files."""

    def __init__(self, database: Database, keys: Keys, inboxes: Inboxes) -> None:
        self._database = database
        self._keys = keys
        self._inboxes = inboxes

    async def claim(self, without: Collection[AccountId], limit: int, lease: timedelta) -> list[ClaimedFile]:
        """Claim up to `limit` files that are due, those that are due longest first, except of accounts in
        `without`.

        Give up files of erased customers. Postpone files that no key at hand opens. Raise StorageUnavailable.
        """
        given = {"without": sorted(without), "limit": limit, "seconds": lease.total_seconds()}
        wanted: list[ClaimedFile] = []
        erased, unreadable = [], []
        async with self._database.begin() as connection:
            for row in (await connection.execute(_CLAIM, given)).all():
                try:
                    wanted.append(self._wanted(row))
                except KeyDestroyed:
                    erased.append(row.id)
                except CannotDecrypt as error:
                    unreadable.append(row.id)
                    log.error("unreadable file", file=str(row.id), code=error.code)
            if erased:
                await connection.execute(_LEAVE, {"ids": erased})
            if unreadable:
                await connection.execute(_PUT_OFF, {"ids": unreadable})
        return wanted

    def _wanted(self, row: AnyRow) -> ClaimedFile:
        sealer = self._keys.customer(CustomerId(row.customer_id), row.data_key)
        return ClaimedFile(
            row.id,
            OrgId(row.organization_id),
            ConversationId(row.conversation_id),
            MessageId(row.message_id),
            row.position,
            AccountId(row.account_id),
            sealer.open(row.ref or "", field=FILE_REF),
            sealer.open(row.name, field=FILE_NAME),
            row.mime_type,
            row.attempts,
            sealer,
        )

    async def renew(self, held: Sequence[ClaimedFile], lease: timedelta) -> None:
        """Extend the leases of those files that are still ours."""
        async with self._database.begin() as connection:
            await connection.execute(_RENEW, _claims(held) | {"seconds": lease.total_seconds()})

    async def release(self, held: Sequence[ClaimedFile]) -> None:
        """Give the files back, as if they had not been claimed: other workers can fetch them at once."""
        async with self._database.begin() as connection:
            await connection.execute(_RELEASE, _claims(held))

    async def settle(self, result: Fetched) -> tuple[Wake, ...]:
        """Record the outcome of fetching a file, and tell its conversation unless it is tried again.

        Raise StaleLease, and record nothing, if the file was claimed by another worker or settled already.
        """
        wanted, again = result.wanted, result.outcome == "later"
        given = {
            "id": wanted.id,
            "attempts": wanted.attempts,
            "state": "waiting" if again else result.outcome,
            "again": again,
            "seconds": result.after.total_seconds(),
            "mime_type": result.mime_type[:255] or wanted.claimed_type,
            "name": wanted.sealer.seal(result.name or wanted.name, field=FILE_NAME),
            "size": result.size if result.outcome == "stored" else None,
            "error": wanted.sealer.seal(result.reason[:500], field=FILE_ERROR) if result.reason else None,
        }
        async with self._database.begin() as connection:
            wakes = () if again else await self._tell(connection, result)  # locks the conversation first
            if not (await connection.execute(_SETTLE, given)).rowcount:
                raise StaleLease(f"file {wanted.id}")
        return wakes

    async def _tell(self, connection: AsyncConnection, result: Fetched) -> tuple[Wake, ...]:
        wanted = result.wanted
        report = FileReport(wanted.message, wanted.position, result.outcome, result.reason)
        entry = Entry(
            NOBODY,
            f"file:{wanted.id}",
            wanted.organization,
            wanted.conversation,
            Origin.SELF,
            report,
            wanted.sealer,
        )
        return await self._inboxes.tell(connection, (entry,))

    async def find(self, organization: OrgId, file: UUID) -> StoredFile:
        """Return a stored file. Raise Refused if there is none, or if its customer was erased."""
        given = {"organization": organization, "id": file}
        async with self._database.begin(organization) as connection:
            row = (await connection.execute(_FIND, given)).one_or_none()
        if row is None:
            raise Refused("file_gone: there is no such file")
        try:
            sealer = self._keys.customer(CustomerId(row.customer_id), row.data_key)
            return StoredFile(row.id, sealer.open(row.name, field=FILE_NAME), row.mime_type, row.size, sealer)
        except KeyDestroyed:
            raise Refused("file_erased: the customer was erased") from None
        except CannotDecrypt as error:
            raise Refused(f"file_sealed: {error.code}") from None

    async def sweep(self, store: FileStore, limit: int) -> int:
        """Delete from the store up to `limit` files of erased customers. They are unreadable already.

        Return how many; fewer than `limit` means that none is left. Raise PlatformDown.
        """
        async with self._database.begin() as connection:
            outdated = list(await connection.scalars(_OUTDATED, {"limit": limit}))
        swept: list[UUID] = []
        try:
            for file in outdated:
                await store.delete(file)
                swept.append(file)
        finally:
            if swept:
                async with self._database.begin() as connection:
                    await connection.execute(_GIVE_UP, {"ids": swept})
        return len(swept)


def _claims(held: Sequence[ClaimedFile]) -> dict[str, object]:
    return {"ids": [wanted.id for wanted in held], "attempts": [wanted.attempts for wanted in held]}


_CLAIM = text("""
    with due as (
        select f.id from files f join accounts a on a.id = f.account_id
        where f.due_at <= statement_timestamp()
            and (f.lease_until is null or f.lease_until < statement_timestamp())
            and a.active and a.id <> all(cast(:without as uuid[]))
        order by f.due_at limit :limit for update of f skip locked
    ), claimed as (
        update files f set lease_until = clock_timestamp() + make_interval(secs => :seconds),
            attempts = f.attempts + 1
        where f.id = any(array(select id from due)) returning f.*
    )
    select c.*, k.data_key from claimed c join customers k on k.id = c.customer_id
    order by c.due_at
""")

_GIVE_UP = text("""
    update files set state = 'failed', due_at = null, ref = null, lease_until = null
    where id = any(cast(:ids as uuid[]))
""")

# The state stays `waiting` for `sweep`, because an earlier attempt may have stored the file.
_LEAVE = text("""
    update files set due_at = null, ref = null, lease_until = null where id = any(cast(:ids as uuid[]))
""")

_PUT_OFF = text("""
    update files set due_at = clock_timestamp() + interval '15 minutes', lease_until = null,
        attempts = attempts - 1
    where id = any(cast(:ids as uuid[]))
""")

_RENEW = text("""
    update files f set lease_until = clock_timestamp() + make_interval(secs => :seconds)
    from unnest(cast(:ids as uuid[]), cast(:attempts as int[])) as t(id, attempts)
    where f.id = t.id and f.attempts = t.attempts and f.state = 'waiting' and f.lease_until is not null
""")

_RELEASE = text("""
    update files f set lease_until = null, attempts = f.attempts - 1
    from unnest(cast(:ids as uuid[]), cast(:attempts as int[])) as t(id, attempts)
    where f.id = t.id and f.attempts = t.attempts and f.state = 'waiting' and f.lease_until is not null
""")

_SETTLE = text("""
    update files set state = :state, mime_type = :mime_type, name = :name, size = :size, error = :error,
        lease_until = null, ref = case when :again then ref end,
        due_at = case when :again then clock_timestamp() + make_interval(secs => :seconds) end
    where id = :id and attempts = :attempts and state = 'waiting' and lease_until is not null
""")

_FIND = text("""
    select f.id, f.customer_id, f.mime_type, f.size, f.name, c.data_key
    from files f join customers c on c.id = f.customer_id
    where f.organization_id = :organization and f.id = :id and f.state = 'stored'
""")

# Includes waiting files: a worker may have died after storing a file and before recording it.
_OUTDATED = text("""
    select f.id from customers c join files f on f.customer_id = c.id
    where c.erased_at is not null and f.state in ('stored', 'waiting')
        and (f.lease_until is null or f.lease_until < statement_timestamp())
    limit :limit
""")
