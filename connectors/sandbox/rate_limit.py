"""Limit how fast the product may call. Each platform has its own rates."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TypeVar


@dataclass(frozen=True, slots=True)
class Rate:
    """Calls per second, and how many may come at once."""

    per_second: float
    burst: int = 1


@dataclass(frozen=True, slots=True)
class RateExceeded:
    """The rate that a call exceeds, and the seconds until the call may come."""

    rate: Rate
    seconds: float


Key = TypeVar("Key", bound=Hashable)


class RateLimiter:
    """Counts calls by the generic cell rate algorithm.

    It keeps one number for each key, such as a chat: the time at which the whole burst is free again.
    """

    def __init__(self) -> None:
        self.refused = 0
        self._free_at: dict[Hashable, float] = {}

    def refuses(self, now: float, limits: Mapping[Key, Rate]) -> RateExceeded | None:
        """Count a call for all keys of `limits`, or return the first rate that it exceeds and count nothing.

        `now` is in seconds of any steady clock.
        """
        free_at = {key: max(self._free_at.get(key, now), now) for key in limits}
        for key, rate in limits.items():
            wait = free_at[key] - now - (rate.burst - 1) / rate.per_second
            if wait > 1e-6:
                self.refused += 1
                return RateExceeded(rate, wait)
        self._free_at |= {key: free_at[key] + 1 / rate.per_second for key, rate in limits.items()}
        return None
