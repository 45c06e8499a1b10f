"""Where the audit chain stood, noted outside the database: whoever cuts off its end cannot hide it here.

The chain proves that nothing within it was changed, but not where it ends: its last rows can be cut off with
their entries. So its newest link is noted at intervals in the file store, signed with a key that the database
does not have, and only where the chain still holds the link noted before: what goes on after a cut never
becomes the new truth by itself. What was written since the newest note is not covered.

Whoever can write to the file store as well can put an older note back. Against them each note is also in the
log, and where AUDIT_ANCHORS_URL says: that is kept by somebody else.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.errors import AnchorForged, PlatformDown, Refused
from bot.core.ids import OrgId
from storage.audit import Link, Verdict, verify
from storage.database import Database
from storage.filestore import FileStore
from storage.sealing import Keyring

AnyRow = Row[Any]
_LATE: Final = timedelta(minutes=10)  # an entry that old has an anchor, where a worker runs
_TAIL: Final = 256 * 1024  # bytes at the end of a file of anchors that are read


@dataclass(frozen=True, slots=True)
class Anchor:
    """A link of an organization's chain that was its newest at some time."""

    organization: OrgId
    link: Link
    at: datetime


class Anchors:
    """The notes in the file store, and in a file of the operator's if there is one, signed with the key."""

    def __init__(self, store: FileStore, keyring: Keyring, file: Path | None = None) -> None:
        self._store = store
        self._keyring = keyring
        self._file = file

    async def note(self, anchor: Anchor) -> Mapping[str, str | int]:
        """Keep the anchor as its day's newest, and return what was written. Idempotent but for the file's
        lines. Raises PlatformDown.
        """
        value: dict[str, str | int] = {
            "organization": str(anchor.organization),
            "position": anchor.link.position,
            "hash": anchor.link.hash.hex(),
            "at": anchor.at.isoformat(),
            "signature": self._keyring.sign(_told(anchor)).hex(),
        }
        written = json.dumps(value)
        if self._file is not None:
            await asyncio.to_thread(_append, self._file, f"{written}\n")
        await self._store.put_note(f"{_folder(anchor.organization)}/{anchor.at:%Y-%m-%d}", written.encode())
        return value

    async def newest(self, organization: OrgId) -> Sequence[Anchor]:
        """Return the newest anchor of the file store, and that of the operator's file, of those there are.

        Raises AnchorForged, PlatformDown.
        """
        found = []
        if name := await self._store.last_note(_folder(organization)):
            found.append(self._read(await self._store.read_note(name), organization, name))
        if self._file is not None:
            lines = await asyncio.to_thread(_last_lines, self._file)
            ours = (line for line in reversed(lines) if str(organization).encode() in line)
            if line := next(ours, b""):
                found.append(self._read(line, organization, str(self._file)))
        return found

    def _read(self, written: bytes, organization: OrgId, name: str) -> Anchor:
        try:
            value = json.loads(written)
            link = Link(int(value["position"]), bytes.fromhex(value["hash"]))
            anchor = Anchor(organization, link, datetime.fromisoformat(value["at"]))
            signature = bytes.fromhex(value["signature"])
        except (ValueError, KeyError, TypeError) as error:
            raise AnchorForged(name) from error
        if not self._keyring.verifies(_told(anchor), signature):
            raise AnchorForged(name)
        return anchor


@dataclass(frozen=True, slots=True)
class Compared:
    """What comparing a chain with the log and its anchors came to. `against` says with what, to people."""

    verdict: Verdict
    against: str


async def compare(
    database: Database, anchors: Anchors, organization: OrgId, noted: Sequence[Link] = ()
) -> Compared:
    """Compare a chain with the log, with what is noted outside the database, and with links noted elsewhere.

    An anchor that is not ours, or that should be there and is not, is a fault like one of the chain. What
    cannot be asked now is said. Raises StorageUnavailable.
    """
    known: Sequence[Anchor] = ()
    fault = failed = ""
    try:
        known = await anchors.newest(organization)
    except AnchorForged as error:
        fault, failed = str(error), "Compared with no anchor: the newest one is not ours."
    except (PlatformDown, Refused) as error:
        failed = f"Compared with no anchor: the file store does not answer ({error.reason})."
    links = [anchor.link for anchor in known]
    async with database.begin(organization) as connection:
        verdict = await verify(connection, organization, [*noted, *links])
        furthest = max((link.position for link in links), default=0)
        late = await connection.scalar(
            _LATE_ENTRY, {"organization_id": organization, "position": furthest, "late": _LATE}
        )
    if late is not None and not failed:
        fault = (
            f"No anchor was written after link {furthest}, although an entry of {late:%Y-%m-%d %H:%M} UTC"
            " came later: anchors were taken away, or no `desk work` has run since. Start one, and ask again"
            " in two minutes; if one ran all the time, find out who writes to the file store."
        )
    return Compared(_less_good(verdict, fault), failed or _against(known))


def _less_good(verdict: Verdict, fault: str) -> Verdict:
    if not fault:
        return verdict
    found = fault if verdict.ok else f"{verdict.sentence} {fault}"
    return replace(verdict, ok=False, what=verdict.what or "altered", sentence=found)


def _against(known: Sequence[Anchor]) -> str:
    if not known:
        return "Compared with nothing outside the database: no anchor was written yet."
    newest = max(known, key=lambda anchor: anchor.link.position)
    where = "in the file store" if len(known) == 1 else "in the file store and in the operator's file"
    return (
        f"Compared with the anchor of {newest.at:%Y-%m-%d %H:%M} UTC {where}, at link {newest.link.position}:"
        " what came after it could be cut off unseen."
    )


async def holds(connection: AsyncConnection, anchor: Anchor) -> bool:
    """Return whether the organization's chain still has the link of an anchor."""
    found = await connection.scalar(
        _HASH_AT, {"organization_id": anchor.organization, "position": anchor.link.position}
    )
    return found is not None and bytes(found) == anchor.link.hash


async def heads(connection: AsyncConnection) -> list[Anchor]:
    """Return the newest link of each organization's chain, with the database's time."""
    return [
        Anchor(OrgId(row.organization_id), Link(row.position, row.hash), row.now)
        for row in await connection.execute(_HEADS)
    ]


async def head_of(connection: AsyncConnection, organization: OrgId) -> Anchor | None:
    """Return the newest link of one chain; None for one without any."""
    row = (await connection.execute(_HEAD, {"organization_id": organization})).one_or_none()
    return None if row is None else Anchor(organization, Link(row.position, row.hash), row.now)


def file_of(url: str) -> Path | None:
    """Return the file that AUDIT_ANCHORS_URL names; None where it is a webhook, or nothing."""
    parts = urlsplit(url)
    return Path(unquote(parts.path)) if parts.scheme == "file" else None


def _folder(organization: OrgId) -> str:
    return f"audit-anchors/{organization}"


def _told(anchor: Anchor) -> bytes:
    told = (anchor.organization, anchor.link.position, anchor.link.hash.hex(), anchor.at.isoformat())
    return f"audit anchor {':'.join(map(str, told))}".encode()


def _append(file: Path, line: str) -> None:
    """Add a line, in one write: several workers may do so. Raises PlatformDown."""
    try:
        with file.open("ab", buffering=0) as out:
            out.write(line.encode())
    except OSError as error:
        raise PlatformDown(f"audit_anchors: {error.strerror}") from None


def _last_lines(file: Path) -> list[bytes]:
    """Return the whole lines at the end of a file; none of one that is not there. Raises PlatformDown."""
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
    select o.id as organization_id, last.position, last.hash, clock_timestamp() as now
    from organizations o cross join lateral (
        select position, hash from audit_chain where organization_id = o.id order by position desc limit 1
    ) as last
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
