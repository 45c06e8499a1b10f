"""Notes outside the database, once a minute, where each audit chain stands: see `storage.anchors`."""

import asyncio
from collections.abc import Mapping

import aiohttp
import structlog

from bot.bus.metrics import CHAINS_BROKEN
from bot.core.errors import AnchorForged, PlatformDown, StorageUnavailable
from bot.core.ids import OrgId
from storage.anchors import Anchor, Anchors, heads, holds
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
    Raises StorageUnavailable, PlatformDown.
    """
    async with database.begin() as connection:
        found = await heads(connection)
    broken = 0
    for head in found:
        if noted.get(head.organization) == head.link:
            continue
        if fault := await _fault(database, anchors, head):
            broken += 1
            log.error(
                "audit chain broken", organization=str(head.organization), code="audit.anchor", reason=fault
            )
            continue
        written = await anchors.note(head)
        log.info("audit anchored", **written)
        if webhook:
            await _send(webhook, written)
        noted[head.organization] = head.link
    CHAINS_BROKEN.set(broken)


async def _fault(database: Database, anchors: Anchors, head: Anchor) -> str:
    """Return what is wrong with a chain that is to be noted; "" when it holds what was noted before."""
    try:
        known = await anchors.newest(head.organization)
    except AnchorForged as error:
        return str(error)
    async with database.begin(head.organization) as connection:
        whole = [await holds(connection, anchor) for anchor in known]
    return "" if all(whole) else _BROKEN


async def _send(webhook: str, written: Mapping[str, str | int]) -> None:
    """Give an anchor to the operator's webhook. Raises PlatformDown: it is sent again a minute later."""
    try:
        async with (
            aiohttp.ClientSession(timeout=_PATIENCE) as session,
            session.post(webhook, json=dict(written), allow_redirects=False) as response,
        ):
            status = response.status
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise PlatformDown(f"audit_anchors: {type(error).__name__}") from None
    if status >= 300:
        raise PlatformDown(f"audit_anchors: HTTP {status}")
