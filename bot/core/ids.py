"""Identifiers, and the source of new ones."""

import os
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NewType
from uuid import UUID

OrgId = NewType("OrgId", UUID)
AccountId = NewType("AccountId", UUID)
CustomerId = NewType("CustomerId", UUID)
ConversationId = NewType("ConversationId", UUID)
MessageId = NewType("MessageId", UUID)
EscalationId = NewType("EscalationId", UUID)
DeliveryId = NewType("DeliveryId", UUID)
LaneId = NewType("LaneId", UUID)

# Ids from the organization file, unique within their organization.
AgentId = NewType("AgentId", str)
TeamId = NewType("TeamId", str)
PersonId = NewType("PersonId", str)

Clock = Callable[[], datetime]
NewId = Callable[[], UUID]


def utc_now() -> datetime:
    """Return the time of the wall clock, aware and in UTC."""
    return datetime.now(UTC)


class Uuid7:
    """Makes UUIDs of version 7 (RFC 9562 section 5.7): 48 bits of milliseconds, a counter, randomness.

    Strictly increasing within one instance, also when the clock stands still or steps back, so that rows made
    by one process sort in the order in which they were made. Thread-safe.
    """

    def __init__(
        self,
        milliseconds: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        randomness: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._milliseconds = milliseconds
        self._randomness = randomness
        self._lock = threading.Lock()
        self._last = 0  # the last 48 bits of time and 12 bits of counter that were used

    def __call__(self) -> UUID:
        with self._lock:
            tick = max(self._milliseconds() << 12, self._last + 1)
            self._last = tick
        tail = int.from_bytes(self._randomness(8), "big") & ((1 << 62) - 1)
        return UUID(int=(tick >> 12) << 80 | 0x7 << 76 | (tick & 0xFFF) << 64 | 0b10 << 62 | tail)


new_id: NewId = Uuid7()
