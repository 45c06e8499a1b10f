"""Where the audit chain stood, noted outside the database: whoever cuts off its end cannot hide it here.

The chain proves that nothing within it was changed, but not where it ends: its last rows can be cut off with
their entries. So its newest link is noted at intervals in the file store, signed with a key that the database
does not have. A cut shows when it goes behind the newest note; what was written since then is not covered.
"""

import json
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.errors import AnchorForged, PlatformDown, Refused
from bot.core.ids import OrgId
from storage.audit import Link, Verdict
from storage.filestore import FileStore
from storage.sealing import Keyring

AnyRow = Row[Any]


@dataclass(frozen=True, slots=True)
class Anchor:
    """A link of an organization's chain that was its newest at some time."""

    organization: OrgId
    link: Link
    at: datetime


class Anchors:
    """The notes in the file store, signed with the operator's key."""

    def __init__(self, store: FileStore, keyring: Keyring) -> None:
        self._store = store
        self._keyring = keyring

    async def note(self, anchor: Anchor) -> str:
        """Keep the anchor as its day's newest, and return its signature. Idempotent. Raises PlatformDown."""
        signature = self._keyring.sign(_told(anchor)).hex()
        value = {
            "organization": str(anchor.organization),
            "position": anchor.link.position,
            "hash": anchor.link.hash.hex(),
            "at": anchor.at.isoformat(),
            "signature": signature,
        }
        name = f"{_folder(anchor.organization)}/{anchor.at:%Y-%m-%d}"
        await self._store.put_note(name, json.dumps(value).encode())
        return signature

    async def newest(self, organization: OrgId) -> Anchor | None:
        """Return the newest anchor; None where there is none yet. Raises AnchorForged, PlatformDown."""
        name = await self._store.last_note(_folder(organization))
        if name is None:
            return None
        try:
            value = json.loads(await self._store.read_note(name))
            link = Link(int(value["position"]), bytes.fromhex(value["hash"]))
            anchor = Anchor(organization, link, datetime.fromisoformat(value["at"]))
            signature = bytes.fromhex(value["signature"])
        except (ValueError, KeyError, TypeError) as error:
            raise AnchorForged(name) from error
        if not self._keyring.verifies(_told(anchor), signature):
            raise AnchorForged(name)
        return anchor


@dataclass(frozen=True, slots=True)
class Outside:
    """What is known of a chain outside the database. `against` says it to people; `fault`: it is not ours."""

    links: tuple[Link, ...]
    against: str
    fault: str = ""

    def judge(self, verdict: Verdict) -> Verdict:
        """Return what comparing the chain with the log came to, less good if the anchor is not ours."""
        if not self.fault:
            return verdict
        found = self.fault if verdict.ok else f"{verdict.sentence} {self.fault}"
        return replace(verdict, ok=False, what=verdict.what or "altered", sentence=found)


async def outside(anchors: Anchors, organization: OrgId) -> Outside:
    """Look for the newest anchor. Never raises: what cannot be asked now is said."""
    try:
        anchor = await anchors.newest(organization)
    except AnchorForged as error:
        return Outside((), "Compared with no anchor: the newest one is not ours.", str(error))
    except (PlatformDown, Refused) as error:
        return Outside((), f"Compared with no anchor: the file store does not answer ({error.reason}).")
    if anchor is None:
        return Outside((), "Compared with nothing outside the database: no anchor was written yet.")
    return Outside(
        (anchor.link,),
        f"Compared with the anchor of {anchor.at:%Y-%m-%d %H:%M} UTC in the file store, at link"
        f" {anchor.link.position}: what came after it could be cut off unseen.",
    )


async def heads(connection: AsyncConnection) -> list[Anchor]:
    """Return the newest link of each organization's chain, with the database's time."""
    return [
        Anchor(OrgId(row.organization_id), Link(row.position, row.hash), row.now)
        for row in await connection.execute(_HEADS)
    ]


def _folder(organization: OrgId) -> str:
    return f"audit-anchors/{organization}"


def _told(anchor: Anchor) -> bytes:
    told = (anchor.organization, anchor.link.position, anchor.link.hash.hex(), anchor.at.isoformat())
    return f"audit anchor {':'.join(map(str, told))}".encode()


_HEADS: Final = text("""
    select o.id as organization_id, last.position, last.hash, clock_timestamp() as now
    from organizations o cross join lateral (
        select position, hash from audit_chain where organization_id = o.id order by position desc limit 1
    ) as last
    order by o.id
""")
