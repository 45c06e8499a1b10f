"""Note outside the database where the audit chain ends, so that cutting off its end is noticed.

The chain proves that nothing within it was changed, but not where it ends: its last rows can be cut off
together with their entries. So its newest link is noted at intervals in the file store, signed with a key
that the database does not have. It is noted only if the chain still holds the link noted before, so that the
continuation after a cut never silently becomes the truth. Entries since the newest note are not covered.

Somebody who can also write to the file store can restore an older note. Against that, each note is also in
the log, and sent to AUDIT_ANCHORS_URL, which somebody else keeps.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.errors import AnchorForged, PlatformDown, Refused
from bot.core.ids import OrgId
from storage.audit import GENESIS, Link, Verdict, verify
from storage.database import Database
from storage.filestore import FileStore
from storage.sealing import Keyring

AnyRow = Row[Any]
_LATE: Final = timedelta(minutes=10)  # an entry older than this has an anchor, if a worker runs
_TAIL: Final = 256 * 1024  # bytes that are read at the end of a file of anchors
_MAX: Final = 4 * 1024  # bytes of a note; ours have 300
STORE: Final = "the file store"
FILE: Final = "the operator's file"


@dataclass(frozen=True, slots=True)
class Anchor:
    """A link that was the newest of an organization's chain at some time."""

    organization: OrgId
    link: Link
    at: datetime


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest anchors of an organization, by the name of the place that keeps them."""

    anchors: Mapping[str, Anchor] = field(default_factory=dict)
    forged: Mapping[str, str] = field(default_factory=dict)  # what is wrong with a forged anchor
    failed: Mapping[str, str] = field(default_factory=dict)  # why a place could not be read


class Anchors:
    """The signed anchors in the file store, and in the operator's file if there is one."""

    def __init__(self, store: FileStore, keyring: Keyring, file: Path | None = None) -> None:
        self._store = store
        self._keyring = keyring
        self._file = file

    async def note(self, anchor: Anchor) -> Mapping[str, str | int]:
        """Store the anchor as the newest of its day, and return what was written.

        Idempotent, except that the operator's file gets another line. Raise PlatformDown; the file store,
        which is written first, may have the anchor nevertheless.
        """
        value: dict[str, str | int] = {
            "organization": str(anchor.organization),
            "position": anchor.link.position,
            "hash": anchor.link.hash.hex(),
            "at": anchor.at.isoformat(),
            "signature": self._keyring.sign(_told(anchor)).hex(),
        }
        written = json.dumps(value)
        await self._store.put_note(f"{_folder(anchor.organization)}/{anchor.at:%Y-%m-%d}", written.encode())
        if self._file is not None:
            await asyncio.to_thread(_append, self._file, f"{written}\n")
        return value

    async def newest(self, organization: OrgId) -> Newest:
        """Return the newest anchor of each place. A fault of one place hides no other."""
        anchors: dict[str, Anchor] = {}
        forged: dict[str, str] = {}
        failed: dict[str, str] = {}
        for place, newest_of in ((STORE, self._in_store), (FILE, self._in_file)):
            try:
                anchor = await newest_of(organization)
            except AnchorForged as error:
                forged[place] = str(error)
            except PlatformDown as error:
                failed[place] = error.reason
            else:
                if anchor is not None:
                    anchors[place] = anchor
        return Newest(anchors, forged, failed)

    async def _in_store(self, organization: OrgId) -> Anchor | None:
        name = await self._store.last_note(_folder(organization))
        if name is None:
            return None
        try:
            written = await self._store.read_note(name, _MAX)
        except Refused as error:  # it vanished since it was listed, or is larger than any of ours
            raise AnchorForged(name) from error
        return self._read(written, organization, name)

    async def _in_file(self, organization: OrgId) -> Anchor | None:
        if self._file is None:
            return None
        lines = await asyncio.to_thread(_last_lines, self._file)
        ours = (line for line in reversed(lines) if str(organization).encode() in line)
        line = next(ours, None)
        return None if line is None else self._read(line, organization, str(self._file))

    def _read(self, written: bytes, organization: OrgId, name: str) -> Anchor:
        """Return an anchor from its text. Raise AnchorForged if we did not write it."""
        if len(written) > _MAX:
            raise AnchorForged(name)
        try:
            value = json.loads(written)
            link = Link(int(value["position"]), bytes.fromhex(value["hash"]))
            anchor = Anchor(organization, link, datetime.fromisoformat(value["at"]))
            signature = bytes.fromhex(value["signature"])
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
            raise AnchorForged(name) from error
        if not self._keyring.verifies(_told(anchor), signature):
            raise AnchorForged(name)
        return anchor


@dataclass(frozen=True, slots=True)
class Compared:
    """The outcome of comparing a chain with the log and its anchors. `against` names for people what it was
    compared with.
    """

    verdict: Verdict
    against: str
    whole: bool  # the verdict is good, and every place with anchors could be read


async def compare(
    database: Database, anchors: Anchors, organization: OrgId, noted: Sequence[Link] = ()
) -> Compared:
    """Compare a chain with the log, with its anchors outside the database, and with links noted elsewhere.

    A forged or missing anchor is a fault, like a broken link of the chain. A place that cannot be read is no
    fault, but then the outcome is not `whole`. Raise StorageUnavailable.
    """
    known = await anchors.newest(organization)
    links = [anchor.link for anchor in known.anchors.values()]
    async with database.begin(organization) as connection:
        verdict = await verify(connection, organization, [*noted, *links])
        furthest = max((link.position for link in links), default=0)
        late = await connection.scalar(
            _LATE_ENTRY, {"organization_id": organization, "position": furthest, "late": _LATE}
        )
    fault = " ".join(known.forged.values())
    if late is not None and not fault and not known.failed:
        fault = (
            f"No anchor was written after link {furthest}, although an entry of {late:%Y-%m-%d %H:%M} UTC"
            " came later: anchors were taken away, or no `desk work` has run since. Start one, and ask again"
            " in two minutes; if one ran all the time, find out who writes to the file store."
        )
    verdict = _less_good(verdict, fault)
    return Compared(verdict, _against(known), verdict.ok and not known.failed)


def _less_good(verdict: Verdict, fault: str) -> Verdict:
    if not fault:
        return verdict
    found = fault if verdict.ok else f"{verdict.sentence} {fault}"
    return replace(verdict, ok=False, what=verdict.what or "altered", sentence=found)


def _against(known: Newest) -> str:
    without = [f"Not compared with {place}: its newest anchor is not ours." for place in known.forged]
    without += [
        f"Not compared with {place}: it does not answer ({reason})." for place, reason in known.failed.items()
    ]
    if known.anchors:
        newest = max(known.anchors.values(), key=lambda anchor: anchor.link.position)
        where = " and in ".join(known.anchors)
        compared = (
            f"Compared with the anchor of {newest.at:%Y-%m-%d %H:%M} UTC in {where}, at link"
            f" {newest.link.position}: what came after it could be cut off unseen."
        )
    elif without:
        compared = "Compared with no anchor."
    else:
        compared = "Compared with nothing outside the database: no anchor was written yet."
    return " ".join((compared, *without))


async def holds(connection: AsyncConnection, anchor: Anchor) -> bool:
    """Return whether the organization's chain still has the link of this anchor."""
    found = await connection.scalar(
        _HASH_AT, {"organization_id": anchor.organization, "position": anchor.link.position}
    )
    return found is not None and bytes(found) == anchor.link.hash


async def heads(connection: AsyncConnection) -> list[Anchor]:
    """Return the newest link of each organization's chain, with the database's time.

    For an empty chain, return position 0 with GENESIS: the whole chain may have been cut off.
    """
    return [
        Anchor(OrgId(row.organization_id), Link(row.position, row.hash), row.now)
        for row in await connection.execute(_HEADS, {"genesis": GENESIS})
    ]


async def head_of(connection: AsyncConnection, organization: OrgId) -> Anchor | None:
    """Return the newest link of one chain, or None if the chain is empty."""
    row = (await connection.execute(_HEAD, {"organization_id": organization})).one_or_none()
    return None if row is None else Anchor(organization, Link(row.position, row.hash), row.now)


def file_of(url: str) -> Path | None:
    """Return the file that AUDIT_ANCHORS_URL names, or None if it names a webhook or nothing."""
    parts = urlsplit(url)
    return Path(unquote(parts.path)) if parts.scheme == "file" else None


def _folder(organization: OrgId) -> str:
    return f"audit-anchors/{organization}"


def _told(anchor: Anchor) -> bytes:
    told = (anchor.organization, anchor.link.position, anchor.link.hash.hex(), anchor.at.isoformat())
    return f"audit anchor {':'.join(map(str, told))}".encode()


def _append(file: Path, line: str) -> None:
    """Append a line in one write, because several workers may append. Raise PlatformDown."""
    try:
        with file.open("ab", buffering=0) as out:
            out.write(line.encode())
    except OSError as error:
        raise PlatformDown(f"audit_anchors: {error.strerror}") from None


def _last_lines(file: Path) -> list[bytes]:
    """Return the complete lines at the end of a file, or none if there is no file. Raise PlatformDown."""
    try:
        with file.open("rb") as lines:
            size = lines.seek(0, 2)
            lines.seek(max(0, size - _TAIL))
            found = lines.read(_TAIL).splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise PlatformDown(f"audit_anchors: {error.strerror}") from None
    return found[1:] if size > _TAIL else found


_HEADS: Final = text("""
    select o.id as organization_id, coalesce(last.position, 0) as position,
        coalesce(last.hash, cast(:genesis as bytea)) as hash, clock_timestamp() as now
    from organizations o left join lateral (
        select position, hash from audit_chain where organization_id = o.id order by position desc limit 1
    ) as last on true
    order by o.id
""")
_HEAD: Final = text("""
    select position, hash, clock_timestamp() as now from audit_chain
    where organization_id = :organization_id order by position desc limit 1
""")
_HASH_AT: Final = text(
    "select hash from audit_chain where organization_id = :organization_id and position = :position"
)
_LATE_ENTRY: Final = text("""
    select log.at from audit_chain chain join audit_log log on log.id = chain.audit_id
    where chain.organization_id = :organization_id and log.organization_id = :organization_id
        and chain.position > :position and log.at < clock_timestamp() - cast(:late as interval)
    order by chain.position limit 1
""")
