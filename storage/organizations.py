"""Store versions of the organization file, and put one of them in force.

Every applied file becomes a version, complete and unchangeable, with its articles.
"""

import asyncio
import re
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from typing import Any, Final, NamedTuple
from weakref import WeakValueDictionary

from pydantic import JsonValue, TypeAdapter
from sqlalchemy import Row, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.errors import BadUsage, CommandError, InvalidOrganization, NotFound
from bot.core.ids import NewId, OrgId
from orgs.articles import Article
from orgs.changes import Change, diff, diff_articles
from orgs.documents import from_document, to_document
from orgs.loading import Loaded
from orgs.specification.organization import Organization
from storage.accounts import note_change
from storage.audit import AuditEntry, record
from storage.database import Database
from storage.inbox import Inboxes
from storage.keys import Keys, OrgKeys
from storage.organization_rows import write_rows
from storage.retiring import bring_back
from storage.staffing import NOTHING, Reassignments, reassignments, tell

AnyRow = Row[Any]
_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")
_ARTICLES: TypeAdapter[tuple[Article, ...]] = TypeAdapter(tuple[Article, ...])


class UnknownOrganization(NotFound):
    """No organization has this name. The message lists the existing ones."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        near = get_close_matches(name, known, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else f" There is {_listed(known)}." if known else ""
        CommandError.__init__(self, f"There is no organization {name[:60]!r}.{hint}")


class InForce(NamedTuple):
    """An organization and the version of its file that is in force."""

    organization: OrgId
    name: str
    version: int
    retired: bool = False


@dataclass(frozen=True, slots=True)
class Preview:
    """The changes that applying a file would make, in the organization and in open conversations."""

    changes: tuple[Change, ...]
    reassignments: Reassignments = NOTHING
    revives: bool = False  # the organization is retired, and would be active again


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """The changes that applying a file made. `version` is in force now: the old one if nothing changed."""

    organization: OrgId
    version: int
    changes: tuple[Change, ...]
    reassignments: Reassignments = NOTHING
    created: bool  # the organization is new
    revived: bool = False  # the organization was retired before


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionLine:
    """One version in the history of an organization."""

    version: int
    applied_by: str
    applied_at: datetime
    digest: str


@dataclass(frozen=True, slots=True)
class _File:
    """The content of a version."""

    organization: Organization
    articles: tuple[Article, ...]
    digest: str


# --- applying ----------------------------------------------------------------------------------------------


async def apply(
    connection: AsyncConnection, keys: Keys, new_id: NewId, loaded: Loaded, *, by: str, digest: str = ""
) -> Applied:
    """Put the file in force, in the caller's transaction. Write nothing if it changes nothing.

    `by` names who did it in the audit log. `digest` is the file's own unless given. Calls for the same
    organization wait for each other. Raise InvalidOrganization when another organization has one of its
    accounts.
    """
    file = _File(loaded.organization, loaded.articles, digest or loaded.digest)
    created = await _create(connection, keys, new_id, file.organization)
    row = (await connection.execute(_LOCK, {"name": file.organization.name})).one()
    now = _in_force(row)
    return await _advance(connection, keys, new_id, now, file, by, created)


async def apply_version(
    connection: AsyncConnection, keys: Keys, new_id: NewId, organization: OrgId, version: int, *, by: str
) -> Applied:
    """Go back to an earlier version by creating a new one with the same content. Raise NotFound."""
    row = (await connection.execute(_LOCK_BY_ID, {"organization": organization})).one_or_none()
    if row is None:
        raise NotFound("organization", str(organization))
    file = await _read(connection, organization, version)
    now = _in_force(row)
    return await _advance(connection, keys, new_id, now, file, by, False)


async def preview(connection: AsyncConnection, loaded: Loaded) -> Preview:
    """Return what `apply` would change."""
    row = (await connection.execute(_BY_NAME, {"name": loaded.organization.name})).one_or_none()
    after = _File(loaded.organization, loaded.articles, loaded.digest)
    if row is None or not row.version:
        return Preview(_changes(None, after))
    return await _preview(connection, _in_force(row), after)


async def preview_version(connection: AsyncConnection, organization: OrgId, version: int) -> Preview:
    """Return what `apply_version` would change. Raise NotFound."""
    row = (await connection.execute(_BY_ID, {"organization": organization})).one_or_none()
    if row is None:
        raise NotFound("organization", str(organization))
    after = await _read(connection, organization, version)
    if not row.version:
        return Preview(_changes(None, after))
    return await _preview(connection, _in_force(row), after)


def _in_force(row: AnyRow) -> InForce:
    return InForce(OrgId(row.id), row.name, row.version, row.retired_at is not None)


async def _preview(connection: AsyncConnection, now: InForce, after: _File) -> Preview:
    before = await _read(connection, now.organization, now.version)
    changes = _changes(before, after)
    if not changes:
        return Preview((), revives=now.retired)
    moved = await reassignments(connection, now.organization, before.organization, after.organization)
    return Preview(changes, moved, now.retired)


async def _create(connection: AsyncConnection, keys: Keys, new_id: NewId, organization: Organization) -> bool:
    """Create the row of a new organization. Return False if there is one, also if another process
    just made it.
    """
    if (await connection.execute(_BY_NAME, {"name": organization.name})).one_or_none():
        return False
    made = OrgId(new_id())
    data_key, index_key = keys.new_organization(made)
    row = await connection.execute(
        _CREATE, {"id": made, "name": organization.name, "data_key": data_key, "index_key": index_key}
    )
    return row.one_or_none() is not None


async def _advance(
    connection: AsyncConnection,
    keys: Keys,
    new_id: NewId,
    now: InForce,
    file: _File,
    by: str,
    created: bool,
) -> Applied:
    """Create the next version of an organization, if it differs. The organization's row is locked.

    In the same transaction, tell the conversations that lose their holder or their team.
    """
    before = await _read(connection, now.organization, now.version) if now.version else None
    changes = _changes(before, file)
    if not changes and not now.retired:
        return Applied(organization=now.organization, version=now.version, changes=(), created=False)
    if now.retired:
        await bring_back(connection, now.organization)
    document = _document(file)
    _check_storable(document, "")
    version = now.version + 1
    given = {
        "organization": now.organization,
        "version": version,
        "document": document,
        "digest": file.digest,
        "by": by[:255],
    }
    await connection.execute(_VERSION, given)
    moved = NOTHING
    if before is not None:
        moved = await reassignments(connection, now.organization, before.organization, file.organization)
        await tell(connection, keys, Inboxes(keys, new_id), now.organization, version, moved.affected)
    await write_rows(connection, new_id, now.organization, file.organization, file.articles)
    await note_change(connection, now.organization)
    in_force = {
        "organization": now.organization,
        "version": version,
        "description": file.organization.description,
    }
    at = await connection.scalar(_PUT_IN_FORCE, in_force)
    entry = AuditEntry(
        id=new_id(),
        at=at,
        actor=by,
        action="organization.applied",
        subject=f"organization:{now.organization}",
        details={
            "version": version,
            "digest": file.digest,
            "changes": len(changes),
            "reassigned": len(moved.affected),
        },
    )
    await record(connection, now.organization, [entry])
    return Applied(
        organization=now.organization,
        version=version,
        changes=changes,
        reassignments=moved,
        created=created,
        revived=now.retired,
    )


def _changes(before: _File | None, after: _File) -> tuple[Change, ...]:
    return (
        *diff(before.organization if before else None, after.organization),
        *diff_articles(before.articles if before else (), after.articles),
    )


def _document(file: _File) -> dict[str, JsonValue]:
    return {
        "organization": to_document(file.organization),
        "articles": _ARTICLES.dump_python(file.articles, mode="json"),
    }


def _check_storable(value: JsonValue, path: str) -> None:
    """Raise InvalidOrganization for a text with characters that PostgreSQL cannot store."""
    match value:
        case str():
            if _UNSTORABLE.search(value):
                raise InvalidOrganization(
                    [f"{path}: found a character that no text can keep (NUL or half a pair)"]
                )
        case dict():
            for name, inner in value.items():
                _check_storable(inner, f"{path}.{name}" if path else name)
        case list():
            for index, inner in enumerate(value):
                _check_storable(inner, f"{path}[{index}]")
        case _:
            pass


# --- reading -----------------------------------------------------------------------------------------------


async def load(connection: AsyncConnection, organization: OrgId, version: int) -> Organization:
    """Return the organization as this version describes it. Raise NotFound."""
    document = await connection.scalar(_ORGANIZATION, {"organization": organization, "version": version})
    if document is None:
        raise NotFound("version", str(version))
    return from_document(document)


async def keys_of(connection: AsyncConnection, keys: Keys, organization: OrgId) -> OrgKeys:
    """Return the organization's own keys. Raise NotFound."""
    row = (await connection.execute(_KEYS, {"organization": organization})).one_or_none()
    if row is None:
        raise NotFound("organization", str(organization))
    return keys.organization(organization, row.data_key, row.index_key)


async def current(connection: AsyncConnection) -> list[InForce]:
    """Return every organization, in order of names."""
    return [_in_force(row) for row in await connection.execute(_CURRENT)]


async def find(connection: AsyncConnection, name: str | None) -> InForce:
    """Return the organization with this name, or the only one if `name` is None.

    Ignore retired organizations if `name` is None. Raise UnknownOrganization, BadUsage when a name is needed,
    CommandError when there is no organization.
    """
    known = await current(connection)
    names = [one.name for one in known]
    if name is not None:
        exact = [one for one in known if one.name == name]
        alike = [one for one in known if one.name.casefold() == name.strip().casefold()]
        if len(found := exact or alike) == 1:
            return found[0]
        raise UnknownOrganization(name, names)
    if not known:
        raise CommandError("There is no organization yet: `desk org apply PATH` makes one.")
    going_on = [one for one in known if not one.retired]
    if not going_on:
        raise CommandError(
            f"Every organization was retired: `desk org apply PATH` makes or revives one, and `--org` names a"
            f" retired one to look at. There is {_listed(names)}."
        )
    known, names = going_on, [one.name for one in going_on]
    if len(known) > 1:
        raise BadUsage(
            f"There are {len(known)} organizations: say which with `--org`. There is {_listed(names)}."
        )
    return known[0]


async def versions(connection: AsyncConnection, organization: OrgId, limit: int = 50) -> list[VersionLine]:
    """Return the versions of an organization, newest first."""
    rows = await connection.execute(_VERSIONS, {"organization": organization, "limit": limit})
    return [
        VersionLine(
            version=row.version, applied_by=row.applied_by, applied_at=row.created_at, digest=row.digest
        )
        for row in rows
    ]


async def _read(connection: AsyncConnection, organization: OrgId, version: int) -> _File:
    row = (
        await connection.execute(_DOCUMENT, {"organization": organization, "version": version})
    ).one_or_none()
    if row is None:
        raise NotFound("version", str(version))
    return _File(
        from_document(row.document["organization"]),
        _ARTICLES.validate_python(row.document["articles"]),
        row.digest,
    )


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:8])
    return f"{shown} and {len(names) - 8} more" if len(names) > 8 else shown


class Organizations:
    """Caches up to `capacity` versions, which never change. Safe for concurrent use."""

    def __init__(self, database: Database, *, capacity: int = 200) -> None:
        self._database = database
        self._capacity = capacity
        self._loaded: OrderedDict[tuple[OrgId, int], Organization] = OrderedDict()
        self._loading: WeakValueDictionary[tuple[OrgId, int], asyncio.Lock] = WeakValueDictionary()

    async def get(self, organization: OrgId, version: int) -> Organization:
        """Return this version. Concurrent calls wait for one load. Raise NotFound, StorageUnavailable."""
        key = (organization, version)
        if (known := self._known(key)) is not None:
            return known
        lock = self._loading.get(key)
        if lock is None:
            lock = self._loading[key] = asyncio.Lock()
        async with lock:
            if (known := self._known(key)) is not None:
                return known
            async with self._database.begin(organization) as connection:
                value = await load(connection, organization, version)
            self._loaded[key] = value
            if len(self._loaded) > self._capacity:
                self._loaded.popitem(last=False)
            return value

    def _known(self, key: tuple[OrgId, int]) -> Organization | None:
        known = self._loaded.get(key)
        if known is not None:
            self._loaded.move_to_end(key)
        return known


# --- statements --------------------------------------------------------------------------------------------

_BY_NAME: Final = text("select id, name, version, retired_at from organizations where name = :name")

_BY_ID: Final = text("select id, name, version, retired_at from organizations where id = :organization")

# `for no key update` lets turns continue: their rows refer to this one, and are locked before it.
_LOCK: Final = text(
    "select id, name, version, retired_at from organizations where name = :name for no key update"
)

_LOCK_BY_ID: Final = text("""
    select id, name, version, retired_at from organizations where id = :organization for no key update
""")

_CURRENT: Final = text("select id, name, version, retired_at from organizations order by name")

_KEYS: Final = text("select data_key, index_key from organizations where id = :organization")

_CREATE: Final = text("""
    insert into organizations (id, name, data_key, index_key) values (:id, :name, :data_key, :index_key)
    on conflict (name) do nothing returning id
""")

_VERSION: Final = text("""
    insert into organization_versions (organization_id, version, document, digest, applied_by)
    values (:organization, :version, :document, :digest, :by)
""").bindparams(bindparam("document", type_=JSONB))

_PUT_IN_FORCE: Final = text("""
    update organizations set version = :version, description = :description where id = :organization
    returning clock_timestamp()
""")

_DOCUMENT: Final = text("""
    select document, digest from organization_versions
    where organization_id = :organization and version = :version
""")

_ORGANIZATION: Final = text("""
    select document -> 'organization' from organization_versions
    where organization_id = :organization and version = :version
""")

_VERSIONS: Final = text("""
    select version, applied_by, created_at, digest from organization_versions
    where organization_id = :organization order by version desc limit :limit
""")
