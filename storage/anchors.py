"""Note outside the database where the audit chain ends, so that cutting off its end is noticed.

The chain proves that nothing within it was changed, but not where it ends: its last rows can be cut off
together with their entries. So its newest link is noted at intervals in the file store, signed with a key
that the database does not have. It is noted only if the chain still holds the link noted before, so that the
continuation after a cut never silently becomes the truth. Entries since the newest note are not covered.

The newest note is the one of the greatest position, not of the latest time: clocks are set back, and a
worker that stalled writes late. After a backup was restored the chain ends earlier than was noted; so an
admin begins anew, and notes of that beginning go before those of all earlier ones, whatever their positions.

Somebody who can also write to the file store can restore an older note. Against that, each note is also in
the log, and sent to AUDIT_ANCHORS_URL, which somebody else keeps.
"""

import asyncio
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.errors import AnchorForged, PlatformDown, Refused
from bot.core.ids import OrgId
from storage.audit import GENESIS, ChainVerdict, Link, verify
from storage.database import Database
from storage.filestore import FileStore
from storage.sealing import Keyring

AnyRow = Row[Any]
_LATE: Final = timedelta(minutes=10)  # an entry older than this has an anchor, if a worker runs
_BLOCK: Final = 1024 * 1024  # bytes of a file of anchors that are read at once
_MAX: Final = 4 * 1024  # bytes of a note; ours have 300
_TRIES: Final = 10  # how often a note is looked for that another worker replaced since it was listed
_PRUNED: Final = 20  # how many replaced notes are deleted at once; usually there is one
_BY_POSITION: Final = re.compile(r"link-[0-9]{6}-[0-9]{19}")
_BY_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")  # what earlier versions wrote
STORE: Final = "the file store"
FILE: Final = "the operator's file"


@dataclass(frozen=True, slots=True)
class Anchor:
    """A link that was the newest of an organization's chain at some time."""

    organization: OrgId
    link: Link
    at: datetime
    beginning: int = 0  # how often an admin had begun anew before

    @property
    def order(self) -> tuple[int, int]:
        """Return what is greater for the newer of two anchors of an organization."""
        return self.beginning, self.link.position


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest anchors of an organization, by the name of the place that keeps them.

    A place that has only anchors from before the last new beginning is left out.
    """

    anchors: Mapping[str, Anchor] = field(default_factory=dict)
    forged: Mapping[str, str] = field(default_factory=dict)  # what is wrong with a forged anchor
    failed: Mapping[str, str] = field(default_factory=dict)  # why a place could not be read

    @property
    def beginning(self) -> int:
        """Return how often an admin has begun anew."""
        return max((anchor.beginning for anchor in self.anchors.values()), default=0)


class Anchors:
    """The signed anchors in the file store, and in the operator's file if there is one."""

    def __init__(self, store: FileStore, keyring: Keyring, file: Path | None = None) -> None:
        self._store = store
        self._keyring = keyring
        self._file = file

    async def note(self, anchor: Anchor) -> Mapping[str, str | int]:
        """Store the anchor beside newer ones and in place of older ones, and return what was written.

        Idempotent, except that the operator's file gets another line. Raise PlatformDown; the file store,
        which is written first, may have the anchor nevertheless.
        """
        value = await self._write(anchor)
        name = _name(anchor)
        with suppress(PlatformDown):  # the next note deletes what this one did not
            older = [each for each in await self._names(anchor.organization) if each < name]
            for each in older[:_PRUNED]:
                await self._store.delete_note(each)
        return value

    async def begin_anew(self, head: Anchor) -> Mapping[str, str | int]:
        """Store where a chain ends now as what it is compared with, in place of all earlier notes.

        Return what was written. Raise PlatformDown, also if an earlier note could not be deleted.
        """
        earlier = await self._names(head.organization)
        known = await self.newest(head.organization)
        anchor = replace(head, beginning=known.beginning + 1)
        value = await self._write(anchor)
        for each in earlier:
            if each != _name(anchor):
                await self._store.delete_note(each)
        return value

    async def _write(self, anchor: Anchor) -> Mapping[str, str | int]:
        value: dict[str, str | int] = {
            "organization": str(anchor.organization),
            "beginning": anchor.beginning,
            "position": anchor.link.position,
            "hash": anchor.link.hash.hex(),
            "at": anchor.at.isoformat(),
            "signature": self._keyring.sign(_told(anchor)).hex(),
        }
        written = json.dumps(value)
        await self._store.put_note(_name(anchor), written.encode())
        if self._file is not None:
            await asyncio.to_thread(_append, self._file, f"{written}\n".encode())
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
        latest = max((anchor.beginning for anchor in anchors.values()), default=0)
        anchors = {place: anchor for place, anchor in anchors.items() if anchor.beginning == latest}
        return Newest(anchors, forged, failed)

    async def _names(self, organization: OrgId) -> list[str]:
        """Return the names of an organization's notes in the file store, the newest last."""
        folder = _folder(organization)
        names = await self._store.notes(folder)
        ours = (_BY_POSITION, _BY_DATE)
        return sorted(name for name in names if any(each.fullmatch(name, len(folder) + 1) for each in ours))

    async def _in_store(self, organization: OrgId) -> Anchor | None:
        """Return the newest anchor in the file store. Raise AnchorForged, PlatformDown."""
        gone = ""
        for _ in range(_TRIES):
            names = await self._names(organization)
            if not names and not gone:
                return None
            if not names or names[-1] <= gone:
                break
            try:
                return await self._newest_of(names, organization)
            except Refused:  # whoever replaced it since it was listed wrote a newer one
                gone = names[-1]
        raise AnchorForged(gone)

    async def _newest_of(self, names: Sequence[str], organization: OrgId) -> Anchor:
        """Return the newest of these anchors, of which the last by name must be ours.

        Raise AnchorForged, PlatformDown; Refused if the last is gone or larger than any of ours.
        """
        *others, last = names
        anchor = self._read(await self._store.read_note(last, _MAX), organization, last)
        if _BY_POSITION.fullmatch(last, len(_folder(organization)) + 1):
            if last != _name(anchor):
                raise AnchorForged(last)
            return anchor
        found = [anchor]  # all are named by date, which a clock that was ahead made wrong
        for name in others:
            with suppress(AnchorForged, Refused):  # an old one may be signed with a key that was retired
                found.append(self._read(await self._store.read_note(name, _MAX), organization, name))
        return max(found, key=lambda anchor: anchor.order)

    async def _in_file(self, organization: OrgId) -> Anchor | None:
        """Return the newest anchor in the operator's file. Raise AnchorForged, PlatformDown."""
        return None if self._file is None else await asyncio.to_thread(self._newest_line, organization)

    def _newest_line(self, organization: OrgId) -> Anchor | None:
        """Return the newest of the last anchors in the operator's file, of which the last must be ours.

        A worker that stalled may have added an older one after a newer one.
        """
        name = str(self._file)
        found: list[Anchor] = []
        for line in _last_lines(Path(name), str(organization).encode()):
            try:
                found.append(self._read(line, organization, name))
            except AnchorForged:
                if not found:
                    raise
        return max(found, key=lambda anchor: anchor.order, default=None)

    def _read(self, written: bytes, organization: OrgId, name: str) -> Anchor:
        """Return an anchor from its text. Raise AnchorForged if we did not write it."""
        if len(written) > _MAX:
            raise AnchorForged(name)
        try:
            value = json.loads(written)
            link = Link(int(value["position"]), bytes.fromhex(value["hash"]))
            beginning = int(value.get("beginning", 0))
            anchor = Anchor(organization, link, datetime.fromisoformat(value["at"]), beginning)
            signature = bytes.fromhex(value["signature"])
        except (
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
            OverflowError,
            RecursionError,
        ) as error:
            raise AnchorForged(name) from error
        if not self._keyring.verifies(_told(anchor), signature):
            raise AnchorForged(name)
        return anchor


@dataclass(frozen=True, slots=True)
class Compared:
    """The outcome of comparing a chain with the log and its anchors. `against` names for people what it was
    compared with.
    """

    verdict: ChainVerdict
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


def _less_good(verdict: ChainVerdict, fault: str) -> ChainVerdict:
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


def _name(anchor: Anchor) -> str:
    """Return the name of a note in the file store. Names sort as anchors do, and after those of dates."""
    return f"{_folder(anchor.organization)}/link-{anchor.beginning:06}-{anchor.link.position:019}"


def _told(anchor: Anchor) -> bytes:
    told = (anchor.organization, anchor.link.position, anchor.link.hash.hex(), anchor.at.isoformat())
    anew = f"of beginning {anchor.beginning} " if anchor.beginning else ""
    return f"audit anchor {anew}{':'.join(map(str, told))}".encode()


def _append(file: Path, line: bytes) -> None:
    """Append a line in one write, because several workers may append. Raise PlatformDown."""
    try:
        with file.open("ab", buffering=0) as out:
            written = out.write(line)
    except OSError as error:
        raise PlatformDown(f"audit_anchors: {error.strerror}") from None
    if written != len(line):
        raise PlatformDown("audit_anchors: no space for a whole line")


def _last_lines(file: Path, wanted: bytes) -> list[bytes]:
    """Return the last lines of a file with the wanted text, the last one first; none if there is no file.

    The file is read backwards, as far as there are some, and a block further. Raise PlatformDown.
    """
    found: list[bytes] = []
    try:
        with file.open("rb") as opened:
            end = opened.seek(0, 2)
            while end > 0:
                start, enough = max(0, end - _BLOCK), bool(found)
                before = max(0, start - _MAX)
                opened.seek(before)
                block = opened.read(end + _MAX - before)
                found += _lines_of(block, wanted, start - before, end - before)
                if enough:
                    break
                end = start
    except FileNotFoundError:
        return []
    except OSError as error:
        raise PlatformDown(f"audit_anchors: {error.strerror}") from None
    return found


def _lines_of(block: bytes, wanted: bytes, start: int, end: int) -> Iterator[bytes]:
    """Yield the lines in which the wanted text begins between start and end, the last one first."""
    at = block.rfind(wanted, start, end + len(wanted) - 1)
    while at >= 0:
        first, after = block.rfind(b"\n", 0, at) + 1, block.find(b"\n", at)
        yield block[first : after if after >= 0 else len(block)]
        at = block.rfind(wanted, start, max(start, first))


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
