"""Notes outside the database, once a minute, where each audit chain stands: see `storage.anchors`."""

import asyncio
from collections.abc import Mapping

import aiohttp
import structlog

from bot.bus.metrics import CHAINS_BROKEN
from bot.core.errors import PlatformDown, StorageUnavailable
from bot.core.ids import OrgId
from storage.anchors import STORE, Anchor, Anchors, heads, holds
from storage.audit import Link
from storage.database import Database

log = structlog.get_logger(__name__)

_EVERY = 60.0  # seconds: of the newest entries so much could be cut off unseen
_PATIENCE = aiohttp.ClientTimeout(total=10)
_BROKEN = (
    "The chain does not hold the link that was noted last, so nothing new is noted: `desk audit verify` says"
    " what is wrong, and `desk audit anchor` begins anew after a backup was restored."
)


async def anchor_audit(database: Database, anchors: Anchors, webhook: str) -> None:
    """Note outside the database where each chain stands, now and then, until cancelled."""
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
    """Note each chain that went on since it was `noted`, also in the log and at the webhook.

    A chain that does not hold its newest anchor any more is told of each time, and not noted: the note would
    make what somebody has cut or rewritten the new truth. Several workers may do so: they write the same.
    What fails for one organization keeps no other from being noted. Raises StorageUnavailable; PlatformDown
    at the end, when something failed.
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
            if fault := await _fault(database, anchors, head):
                broken += 1
                log.error(
                    "audit chain broken",
                    organization=str(head.organization),
                    code="audit.anchor",
                    reason=fault,
                )
            elif head.link.position:
                written[head] = await anchors.note(head)
                log.info("audit anchored", **written[head])
        except PlatformDown as error:
            failures.append(error)
    CHAINS_BROKEN.set(broken)
    unsent = await _send(webhook, written) if webhook else {}
    noted.update({head.organization: head.link for head in written if head not in unsent})
    failures += unsent.values()
    if failures:
        raise PlatformDown(f"{failures[0].reason} (organizations not noted everywhere: {len(failures)})")


async def _fault(database: Database, anchors: Anchors, head: Anchor) -> str:
    """Return what is wrong with a chain that is to be noted; "" when it holds what was noted before.

    Raises PlatformDown when the file store could not be asked: what is noted there next must follow what was.
    A file of the operator's that cannot be read is not needed for that.
    """
    known = await anchors.newest(head.organization)
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
    """Give anchors to the operator's webhook, and return those that it did not take: they are sent again a
    minute later. All at once: a webhook that hangs takes its time once.
    """
    async with aiohttp.ClientSession(timeout=_PATIENCE) as session:
        failures = await asyncio.gather(*(_post(session, webhook, value) for value in written.values()))
    return {head: failure for head, failure in zip(written, failures, strict=True) if failure}


async def _post(
    session: aiohttp.ClientSession, webhook: str, value: Mapping[str, str | int]
) -> PlatformDown | None:
    try:
        async with session.post(webhook, json=dict(value), allow_redirects=False) as response:
            status = response.status
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        return PlatformDown(f"audit_anchors: {type(error).__name__}")
    return PlatformDown(f"audit_anchors: HTTP {status}") if status >= 300 else None
