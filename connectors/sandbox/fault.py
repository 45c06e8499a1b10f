"""Define what can go wrong between the product and a platform, as data that a stand-in obeys."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class FaultKind(StrEnum):
    """A kind of fault in a call. The call has its effect only with `DELAY` and `LOST_RESPONSE`."""

    RATE_LIMITED = "rate_limited"  # 429 with Retry-After
    SERVER_ERROR = "server_error"  # 500
    RESET = "reset"  # the connection ends without an answer, before the effect
    LOST_RESPONSE = "lost_response"  # the connection ends without an answer, after the effect
    DELAY = "delay"  # answered late


@dataclass(frozen=True, slots=True)
class Fault:
    """One injected fault. `seconds` is the Retry-After of a rate limit, or the length of a delay."""

    kind: FaultKind
    seconds: float = 0.0


class Faults(Protocol):
    """Decides about faults.

    Each stand-in asks it before it answers a call, and before it sends an event to the product.
    """

    async def before(self, platform: str, call: str) -> Fault | None:
        """Return the fault that hits this API call, or None."""

    def deliveries(self, platform: str, kind: str) -> Sequence[float]:
        """Return the seconds after which each copy of an event leaves.

        (0.0,) is normal, (0.0, 0.0) a duplicate, (2.0,) late. An empty sequence loses the first attempt; the
        platform's own retries follow.
        """


class NoFaults:
    """Faults that never happen."""

    async def before(self, platform: str, call: str) -> Fault | None:  # noqa: ARG002
        return None

    def deliveries(self, platform: str, kind: str) -> Sequence[float]:  # noqa: ARG002
        return (0.0,)
