"""Count automatic replies by the address they go to, across all processes and conversations.

An address is known by the keyed hash that its place has. Whoever tries conversation numbers or asks for
copies is known by a keyed hash or an id of theirs. Rows are locked in order, after conversations and before
lanes.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.conversation import Counted
from bot.core.effects import CountReply
from bot.core.errors import Superseded
from storage.database import Step, pipeline

KEPT: Final = timedelta(days=1)  # no limit looks further back


async def count(connection: AsyncConnection, replies: Sequence[tuple[UUID, CountReply]]) -> None:
    """Count each reply for its subject, or else for the address that answers from its place go to.

    Raise Superseded when one exceeds its limit.
    """
    if not replies:
        return
    places = {place for place, _ in replies}
    [rows] = await pipeline(connection, (_HASHES, {"places": sorted(places)}))
    found = {row.id: row for row in rows}
    counting = []
    for place, effect in replies:
        row = found[place]
        hash_ = row.domain_hash if effect.kind is Counted.DOMAIN else row.mailbox_hash
        hash_ = effect.subject or hash_
        if hash_ is not None:
            counting.append((row.organization_id, bytes(hash_), effect))
    counting.sort(key=lambda one: (one[0], one[1], one[2].kind))
    steps: list[Step] = [
        (_COUNT, {"organization": organization, "hash": hash_, "kind": effect.kind.value, "kept": KEPT})
        for organization, hash_, effect in counting
    ]
    counted = await pipeline(connection, *steps)
    for (_, _, effect), [row] in zip(counting, counted, strict=True):
        since = row.replied[0] - effect.window
        if sum(at > since for at in row.replied) > effect.most:
            raise Superseded("what is counted has reached its limit meanwhile")


_HASHES = text("""
    select id, organization_id, mailbox_hash, domain_hash from places
    where id = any(cast(:places as uuid[]))
""")

_COUNT = text("""
    insert into loop_guard as g (organization_id, hash, kind, replied, last_at)
    values (:organization, :hash, :kind, array[clock_timestamp()], clock_timestamp())
    on conflict (organization_id, hash, kind) do update set last_at = clock_timestamp(),
        replied = clock_timestamp() || array(
            select at from unnest(g.replied) with ordinality as r(at, n)
            where at > clock_timestamp() - cast(:kept as interval) order by n
        )
    returning replied
""")
