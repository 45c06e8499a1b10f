"""Record outside the database, once a minute, where each audit chain ends: see `storage.anchors`."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace

import aiohttp
import structlog

from bot.bus.metrics import CHAINS_BROKEN
from bot.core.errors import PlatformDown, StorageUnavailable
from bot.core.ids import OrgId
from storage.anchors import STORE, Anchor, Anchors, Newest, heads, holds
from storage.audit import Link
from storage.database import Database

log = structlog.get_logger(__name__)

_EVERY = 60.0  # seconds; entries of the last minute could be cut off unnoticed
_PATIENCE = aiohttp.ClientTimeout(total=10)
_BROKEN = (
    "The chain does not hold the link that was noted last, so nothing new is noted: `desk audit verify` says"
    " what is wrong, and `desk audit anchor` begins anew after a backup was restored."
)


async def anchor_audit(database: Database, anchors: Anchors, webhook: str) -> None:
    """Record outside the database where each chain ends, once a minute, until cancelled."""
    noted: dict[OrgId, Link] = {}
    while True:
        await asyncio.sleep(_EVERY)
        try:
            await note_heads(database, anchors, noted, webhook)
        except (StorageUnavailable, PlatformDown) as error:
            log.warning("audit not anchored", code=error.code, reason=str(error))


async def note_heads(
    database: Database, anchors: Anchors, noted: dict[OrgId, Link], webhook: str = ""
) -> None:
    """Record each chain that grew since it was `noted`, also in the log and at the webhook.

    A chain that no longer contains its newest anchor is reported each time and not recorded: a new anchor
    would make a cut or rewritten chain look true. Several workers may do this at once, as they write the
    same. A failure for one organization does not stop the others.

    Raises StorageUnavailable; PlatformDown at the end, if something failed.
    """
    async with database.begin() as connection:
        found = await heads(connection)
    broken = 0
    failures: list[PlatformDown] = []
    written: dict[Anchor, Mapping[str, str | int]] = {}
    for head in found:
        if noted.get(head.organization) == head.link:
            continue
        try:
            known = await anchors.newest(head.organization)
            if fault := await _fault(database, known, head):
                broken += 1
                log.error(
                    "audit chain broken",
                    organization=str(head.organization),
                    code="audit.anchor",
                    reason=fault,
                )
            elif head.link.position:
                anchor = replace(head, beginning=known.beginning)
                written[anchor] = await anchors.note(anchor)
                log.info("audit anchored", **written[anchor])
        except PlatformDown as error:
            failures.append(error)
    CHAINS_BROKEN.set(broken)
    unsent = await _send(webhook, written) if webhook else {}
    noted.update({anchor.organization: anchor.link for anchor in written if anchor not in unsent})
    failures += unsent.values()
    if failures:
        raise PlatformDown(f"{failures[0].reason} (organizations not noted everywhere: {len(failures)})")


async def _fault(database: Database, known: Newest, head: Anchor) -> str:
    """Return what is wrong with a chain that is to be recorded; "" if it contains its earlier anchors.

    Raises PlatformDown if the file store could not be asked, as a new anchor there must follow the earlier
    ones. The operator's own file is not needed for that, and may be unreadable.
    """
    async with database.begin(head.organization) as connection:
        whole = [await holds(connection, anchor) for anchor in known.anchors.values()]
    if not all(whole):
        return _BROKEN
    for forged in known.forged.values():
        return forged
    if STORE in known.failed:
        raise PlatformDown(known.failed[STORE])
    return ""


async def _send(
    webhook: str, written: Mapping[Anchor, Mapping[str, str | int]]
) -> Mapping[Anchor, PlatformDown]:
    """Send anchors to the operator's webhook, and return those that failed, to be sent again a minute later.

    All are sent at once, so that a webhook that hangs costs its timeout only once.
    """
    async with aiohttp.ClientSession(timeout=_PATIENCE) as session:
        failures = await asyncio.gather(*(_post(session, webhook, value) for value in written.values()))
    return {anchor: failure for anchor, failure in zip(written, failures, strict=True) if failure}


async def _post(
    session: aiohttp.ClientSession, webhook: str, value: Mapping[str, str | int]
) -> PlatformDown | None:
    try:
        async with session.post(webhook, json=dict(value), allow_redirects=False) as response:
            status = response.status
    except Exception as error:  # no address or answer may end the process
        return PlatformDown(f"audit_anchors: {type(error).__name__}")
    return PlatformDown(f"audit_anchors: HTTP {status}") if status >= 300 else None
