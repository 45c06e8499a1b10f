"""Slack's published rate limits: for posting in a channel, and for reading history by an unlisted app."""

import math
from dataclasses import dataclass
from datetime import datetime

from connectors.sandbox.slack.wire import Clock


@dataclass(frozen=True, slots=True)
class Pace:
    """Posts per second in a channel, and how many at once: https://docs.slack.dev/apis/web-api/rate-limits"""

    per_second: float = 1.0
    burst: int = 1


# https://docs.slack.dev/changelog/2025/05/29/rate-limit-changes-for-non-marketplace-apps
LOOKING_BACK = frozenset({"conversations.history", "conversations.replies"})
UNLISTED = Pace(per_second=1 / 60)
UNLISTED_PAGE = 15


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: datetime


class Limiter:
    """A token bucket for each key, such as a channel. It counts the calls that it refused."""

    def __init__(self, pace: Pace | None, clock: Clock) -> None:
        self.pace = pace
        self.violations = 0
        self._clock = clock
        self._buckets: dict[str, _Bucket] = {}

    def refuses(self, key: str) -> int:
        """Return 0 if a call may pass, else the seconds of Retry-After."""
        if self.pace is None:
            return 0
        now = self._clock()
        bucket = self._buckets.setdefault(key, _Bucket(float(self.pace.burst), now))
        earned = (now - bucket.at).total_seconds() * self.pace.per_second
        bucket.tokens = min(float(self.pace.burst), bucket.tokens + earned)
        bucket.at = now
        if bucket.tokens >= 1:
            bucket.tokens -= 1
            return 0
        self.violations += 1
        return max(1, math.ceil((1 - bucket.tokens) / self.pace.per_second))
