"""Claim lanes of the outbox, and record the outcome of each attempt.

A lane is one chat of one account. One worker at a time advances it. After each message it rests as long as
the platform's published limit asks.

Messages for a customer leave in the order in which they were added. In a chat of the staff, this order holds
within each conversation, and customers take turns: a card never waits behind everything that another customer
has written, in however many conversations. A row that waits for its next attempt holds up only what comes
after it in its conversation, or in its customer's chat.

A row is marked `sending` in the transaction that claims it. It is marked `begun` in another transaction, just
before its request is sent. Only a row with both marks, whose worker died, is in doubt.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.conversation import Origin
from bot.core.errors import CannotDecrypt, KeyDestroyed
from bot.core.events import Reference
from bot.core.ids import AccountId, DeliveryId, LaneId, NewId, OrgId
from storage.account_rates import Allowance, free_slots, idle_time, until_next
from storage.codec import dump_reference
from storage.database import Step, pipeline
from storage.delivery_outcomes import Dead, Delivered, Later, Result, report_of
from storage.disclosure import PERSON
from storage.entries import NOBODY, Entry, Wake
from storage.inbox import Inboxes
from storage.keys import Keys
from storage.lanes import wake
from storage.notices import NOTICE, notices
from storage.outbox_items import Item, final_state, item_of
from storage.outbox_statements import (
    AGAIN,
    BEGIN,
    CLAIM,
    CLAIMED,
    DETAILS,
    FREE,
    HEARD,
    LOCK,
    OURS,
    PACE,
    PACES,
    POINTLESS,
    RENEW,
    SAY,
    UNSEND,
)
from storage.posted import DELETE_POSTS, queue_deletions
from storage.sealed_fields import REFERENCE
from storage.settled_rows import arrived_late, settling

AnyRow = Row[Any]
log = structlog.get_logger(__name__)

_UNREADABLE = timedelta(minutes=5)  # until a row that no key opens is tried again
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Claimed:
    """The leased rows.

    `held_back` is the time until the first account that used all its slots may send again.
    """

    items: list[Item]
    held_back: timedelta | None = None
    waiting: tuple[AccountId, ...] = ()  # these have something ready, but no known allowance


class Outbox:
    """Claims and settles deliveries. One per process; the caller owns the transaction."""

    def __init__(self, keys: Keys, inboxes: Inboxes, new_id: NewId) -> None:
        self._keys = keys
        self._inboxes = inboxes
        self._new_id = new_id

    async def claim(
        self,
        connection: AsyncConnection,
        allow: Callable[[AccountId], Allowance | None],
        limit: int,
        lease: timedelta,
        *,
        without: Collection[AccountId] = (),
    ) -> Claimed:
        """Lease ready lanes, as many as their accounts may send now, and claim the first row of each.

        Skip the accounts in `without`, and those for which `allow` returns None.
        """
        [found] = await pipeline(connection, (PACES, {"without": sorted(without)}))
        allowances = {row.id: known for row in found if (known := allow(AccountId(row.id))) is not None}
        waiting = tuple(AccountId(row.id) for row in found if row.id not in allowances)
        accounts = [row for row in found if row.id in allowances]
        if not accounts:
            return Claimed([], waiting=waiting)
        idle_for = {row.id: idle_time(row.idle, allowances[row.id]) for row in accounts}
        free = {row.id: free_slots(idle_for[row.id], allowances[row.id]) for row in accounts}
        given = {
            "accounts": list(free),
            "slots": list(free.values()),
            "limit": limit,
            "seconds": lease.total_seconds(),
        }
        [rows] = await pipeline(connection, (CLAIM, given))
        sent: dict[AccountId, int] = {}
        for row in rows:
            sent[row.account_id] = sent.get(row.account_id, 0) + (row.outbox_id is not None)
        waits = [
            until_next(idle_for[row.id], sent.get(row.id, 0), allowances[row.id])
            for row in accounts
            if sent.get(row.id, 0) >= free[row.id]
        ]
        held_back = min(waits, default=None)
        if not rows:
            return Claimed([], held_back, waiting)
        pace = {
            "ids": list(sent),
            "seconds": [count / allowances[id_].per_second for id_, count in sent.items()],
            "bursts": [allowances[id_].burst / allowances[id_].per_second for id_ in sent],
        }
        claimed = {row.outbox_id: row for row in rows if row.outbox_id is not None}
        steps: list[Step] = [(PACE, pace)]
        if idle := [LaneId(row.lane_id) for row in rows if row.outbox_id is None]:
            steps.append((FREE, _freed(idle)))
        *_, details = await pipeline(connection, *steps, (DETAILS, {"ids": list(claimed)}))
        return Claimed(await self._readable(connection, details, claimed), held_back, waiting)

    async def _readable(
        self, connection: AsyncConnection, details: Sequence[AnyRow], claimed: Mapping[UUID, AnyRow]
    ) -> list[Item]:
        """Return the claimed rows that can be sent.

        Withdraw, fail or postpone the others, so that they do not hold up their lanes: the customer was
        erased, the place is gone, or no key opens the row.
        """
        items, pointless, unreadable, deleting = [], [], [], []
        shown = [row.notice_id for row in details if row.kind == NOTICE]
        noticed = await notices(connection, shown) if shown else {}
        for row in details:
            if row.kind == DELETE_POSTS:
                deleting.append(row)
                continue
            try:
                notice = noticed[row.notice_id] if row.kind == NOTICE else None
                items.append(item_of(self._keys, row, claimed[row.id], notice))
            except KeyDestroyed:
                pointless.append(row)
            except CannotDecrypt as error:
                log.error("unreadable delivery", delivery=str(row.id), code=error.code)
                unreadable.append(row)
        for row in deleting:
            await queue_deletions(connection, self._new_id, row)
        if pointless:
            await connection.execute(POINTLESS, [final_state(self._keys, row) for row in pointless])
        if unreadable:
            given = {"ids": [row.id for row in unreadable], "seconds": _UNREADABLE.total_seconds()}
            await connection.execute(UNSEND, given)
        if left := [*deleting, *pointless, *unreadable]:
            await pipeline(connection, (FREE, _freed([LaneId(row.lane_id) for row in left])))
        return items

    async def begin(self, connection: AsyncConnection, items: Sequence[Item]) -> list[bool]:
        """Record that the requests of these items are sent now. Return False for an item that another worker
        has.

        The fence of the lane shows a claim that was committed before. The row's count of attempts, read again
        under the row's lock, shows a claim that is committed meanwhile.

        The log says from now on what stands above the message. Turns lock messages before the outbox, too.
        """
        above = [item for item in items if {item.disclosed, item.disclosed_before} - {"", PERSON}]
        if above:
            above.sort(key=lambda item: item.conversation)
            await connection.execute(SAY, [_saying(item) for item in above])
        given = {
            "ids": [item.id for item in items],
            "lanes": [item.lane for item in items],
            "fences": [item.fence for item in items],
            "attempts": [item.attempts for item in items],
            "disclosed": [item.disclosed for item in items],
        }
        begun = {row.id for row in await connection.execute(BEGIN, given)}
        return [item.id in begun for item in items]

    async def renew(self, connection: AsyncConnection, items: Sequence[Item], lease: timedelta) -> None:
        await connection.execute(
            RENEW,
            {
                "ids": [item.lane for item in items],
                "fences": [item.fence for item in items],
                "seconds": lease.total_seconds(),
            },
        )

    async def settle(self, connection: AsyncConnection, results: Sequence[Result]) -> tuple[Wake, ...]:
        """Record the outcome of each attempt and free its lane. Return the conversations that must hear of
        it.

        If the lane has passed to another worker meanwhile, that worker's outcome stands. Only where it
        recorded `unknown`, a delivery that succeeded here replaces it.
        """
        results = await self._unless_reopened(connection, results)
        wakes = await self._report(connection, results)
        held = {"ids": [r.item.lane for r in results], "fences": [r.item.fence for r in results]}
        [rows] = await pipeline(connection, (OURS, held))
        ours = {row.id for row in rows}
        kept = sorted((r for r in results if r.item.lane in ours), key=lambda r: r.item.lane)
        if late := [r for r in results if r.item.lane not in ours and isinstance(r, Delivered)]:
            await pipeline(connection, arrived_late(late))
        if not kept:
            return wakes
        steps = settling(kept, self._new_id)
        free = {
            "ids": [r.item.lane for r in kept],
            "rests": [r.rest.total_seconds() if isinstance(r, Delivered) else 0.0 for r in kept],
            "slacks": [r.slack.total_seconds() if isinstance(r, Delivered) else 0.0 for r in kept],
            "pauses": [r.rest.total_seconds() if isinstance(r, Later) else 0.0 for r in kept],
            "turns": [0 if isinstance(r, Later) else r.item.turn for r in kept],
        }
        await pipeline(connection, *steps, (FREE, free))
        return wakes

    async def _unless_reopened(
        self, connection: AsyncConnection, results: Sequence[Result]
    ) -> Sequence[Result]:
        """Replace "parked" by an immediate retry where the customer has written meanwhile.

        Lock the conversations first. Either the customer's message is seen here, or the turn that handles it
        sees the parked message.
        """
        parked = {r.item.id for r in results if isinstance(r, Dead) and r.outcome == "parked"}
        if not parked:
            return results
        told = {result.item.conversation for result in results if report_of(result) is not None}
        _, rows = await pipeline(connection, (LOCK, {"ids": sorted(told)}), (HEARD, {"ids": list(parked)}))
        heard = {row.id: row.heard_at for row in rows}
        return [
            Later(r.item, timedelta(), r.code, r.reason, counts=False)
            if isinstance(r, Dead) and heard.get(r.item.id, _LONG_AGO) > (r.item.heard_at or _LONG_AGO)
            else r
            for r in results
        ]

    async def _report(self, connection: AsyncConnection, results: Sequence[Result]) -> tuple[Wake, ...]:
        entries = [
            Entry(
                NOBODY,
                f"delivery:{result.item.id}:{result.item.lane}:{result.item.fence}",
                result.item.organization,
                result.item.conversation,
                Origin.SELF,
                report,
                result.item.sealer,
            )
            for result in results
            if (report := report_of(result)) is not None
        ]
        return await self._inboxes.tell(connection, entries) if entries else ()

    async def unclaim(self, connection: AsyncConnection, items: Sequence[Item]) -> None:
        """Give back items that were not sent, and whose claim may not have been committed.

        If nobody knows whether the claim was committed, another worker may have the same fence since, but not
        the same end of the lease.
        """
        rows = await connection.execute(
            CLAIMED,
            {
                "ids": [item.lane for item in items],
                "fences": [item.fence for item in items],
                "untils": [item.until for item in items],
            },
        )
        ours = {row.id for row in rows}
        kept = sorted((item for item in items if item.lane in ours), key=lambda item: item.lane)
        if not kept:
            return
        # An item whose earlier attempt may have arrived stays in doubt.
        unsent = [item.id for item in kept if not item.interrupted]
        await connection.execute(UNSEND, {"ids": unsent, "seconds": 0.0})
        await connection.execute(FREE, _freed([item.lane for item in kept]))

    async def again(self, connection: AsyncConnection, organization: OrgId, delivery: DeliveryId) -> bool:
        """Put a failed or unknown delivery back. Return False if there is none, or if its customer was
        erased, or somebody whose words it may repeat.

        The row of somebody erased stays, because it shows what may have arrived.
        """
        lane = await connection.scalar(AGAIN, {"organization": organization, "id": delivery})
        if lane is None:
            return False
        await wake(connection, (LaneId(lane),))
        return True


def _saying(item: Item) -> dict[str, Any]:
    said = dump_reference(Reference(disclosed=item.disclosure)) if item.disclosure else ""
    return {
        "message": item.message,
        "organization": item.organization,
        "reference": item.sealer.seal(said, field=REFERENCE) if said else None,
        "lane": item.lane,
        "fence": item.fence,
    }


def _freed(lanes: Sequence[LaneId]) -> dict[str, object]:
    """Return the values that free lanes from which nothing was sent."""
    zeros = [0.0] * len(lanes)
    return {
        "ids": list(lanes),
        "rests": zeros,
        "slacks": zeros,
        "pauses": zeros,
        "turns": [0] * len(lanes),
    }
