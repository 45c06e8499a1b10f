"""Collect the rows of many turns, and write each table once."""

from collections import defaultdict
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.conversation import View
from bot.core.effects import CountReply
from bot.core.errors import Superseded
from bot.core.ids import LaneId, NewId, OrgId
from bot.core.outbound import DirectMessage, Operation
from storage.audit import AuditEntry, record
from storage.codec import dump_operation
from storage.database import Step, pipeline
from storage.effect_statements import BEGUN, FINDING, LANES_OF, STATEMENTS
from storage.keys import Keys
from storage.lanes import locking, waking
from storage.loop_guard import count
from storage.sealed_fields import PAYLOAD
from storage.sealing import KeyedHash, Sealer


@dataclass(frozen=True, slots=True)
class CurrentPlace:
    """The place where a turn continues: the log's last position, the customer's lane, place and keys."""

    position: int
    lane: LaneId
    place: UUID
    sealer: Sealer
    index: KeyedHash


class TurnRows:
    """The rows of one transaction, by table, written in an order that satisfies every foreign key."""

    def __init__(self, keys: Keys, new_id: NewId) -> None:
        self.keys = keys
        self.new_id = new_id
        self.by_table: dict[str, list[dict[str, object]]] = defaultdict(list)
        self.audit: dict[OrgId, list[AuditEntry]] = defaultdict(list)
        self.lanes: set[LaneId] = set()
        self.replies: list[tuple[UUID, CountReply]] = []
        self.unsent: list[Step] = []  # changes of unsent messages, in the order of the effects
        self.noticed: list[Step] = []  # changes of notices: what they list, and who pressed their buttons
        self.believed_unsent: set[UUID] = set()  # messages whose sending must not have begun

    def to_customer(
        self,
        view: View,
        location: CurrentPlace,
        kind: str,
        operation: Operation,
        message: UUID | None,
        *,
        reports: bool = False,
    ) -> None:
        """Add a row that goes to the customer's current place."""
        row = self.row(view, location.sealer, kind, operation, message)
        self.by_table["outbox"].append(
            row
            | {
                "lane": location.lane,
                "place": location.place,
                "room": None,
                "grows": None,
                "reports": reports,
            }
        )
        self.lanes.add(location.lane)

    def to_staff(
        self,
        view: View,
        sealer: Sealer,
        lane: LaneId,
        kind: str,
        operation: Operation | None,
        message: UUID | None,
        room: UUID | None,
        *,
        grows: UUID | None = None,
    ) -> None:
        row = self.row(view, sealer, kind, operation, message)
        there = {"lane": lane, "place": None, "room": room, "grows": grows}
        self.by_table["outbox"].append(row | there | {"reports": False})
        self.lanes.add(lane)

    def row(
        self,
        view: View,
        sealer: Sealer,
        kind: str,
        operation: Operation | DirectMessage | None,
        message: UUID | None,
    ) -> dict[str, object]:
        return {
            "id": self.new_id(),
            "organization": view.conversation.organization,
            "conversation": view.conversation.id,
            "message": message,
            "kind": kind,
            "payload": sealer.seal(dump_operation(operation), field=PAYLOAD) if operation else "",
        }

    async def flush(self, connection: AsyncConnection) -> None:
        """Write everything. Lock the lanes in order; the conversations' rows are locked already.

        Raise Superseded when a message has begun to leave that a turn believed unsent, or when too many
        automatic replies have been sent to one recipient.
        """
        await count(connection, self.replies)
        steps: list[Step] = [
            (statement, rows) for name, statement in STATEMENTS.items() if (rows := self.by_table.get(name))
        ]
        found = [
            (statement, row) for name, statement in FINDING.items() for row in self.by_table.get(name, ())
        ]
        if found:
            steps += found
            written = await pipeline(connection, *steps)
            self.lanes |= {LaneId(row.lane_id) for rows in written[-len(found) :] for row in rows}
            steps = []
        if self.unsent:
            given = {"messages": [changed["message"] for _, changed in self.unsent]}  # type: ignore[call-overload]
            [*_, there] = await pipeline(connection, *steps, (LANES_OF, given))
            steps = [locking(self.lanes | {LaneId(row.lane_id) for row in there})]
        if self.lanes:
            steps.append(waking(self.lanes))
        if self.believed_unsent:
            steps.append((BEGUN, {"messages": sorted(self.believed_unsent)}))
            [*_, begun] = await pipeline(connection, *steps)
            if begun:
                raise Superseded("what a turn took for unsent has begun to leave")
            steps = []
        # Nobody claims from the locked lanes, so nothing that waits there begins to leave before the commit.
        steps += [*self.unsent, *self.noticed]
        if steps:
            await pipeline(connection, *steps)
        for organization, entries in self.audit.items():
            await record(connection, organization, entries)
