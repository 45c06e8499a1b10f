"""Compute how many messages an account may send now, and when it may send the next."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Allowance:
    """The rate at which an account may send: `per_second` on average, and `burst` messages at once."""

    per_second: float
    burst: int


def idle_time(idle: float, allowance: Allowance) -> float:
    """Return for how many seconds an account has been free, negative while it is not.

    A burst keeps an account busy for a bounded time. A value further in the future was written before the
    clock was set back: it is ignored, or the account would not send until that time.
    """
    longest = (allowance.burst + 1) / allowance.per_second
    return idle if idle >= -longest else 0.0


def free_slots(idle: float, allowance: Allowance) -> int:
    """Return how many messages an account may send now, given for how many seconds it has been free.

    `idle` is negative while the account is not free.
    """
    return max(0, min(allowance.burst, int(idle * allowance.per_second) + (idle >= 0)))


def until_next(idle: float, sent: int, allowance: Allowance) -> timedelta:
    """Return when an account that has just sent `sent` messages may send the next one, counted from now."""
    saved = min(idle, allowance.burst / allowance.per_second)
    return timedelta(seconds=max(0.0, sent / allowance.per_second - saved))
