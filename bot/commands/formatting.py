"""Write ids, times and numbers for the output of commands, in chat as on the shell."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from bot.core.errors import BadUsage

_SHORT: Final = 13  # characters; in a UUIDv7 they are its millisecond
_UNITS: Final = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def short_ids(ids: Sequence[UUID]) -> list[str]:
    """Return the ids shortened, just long enough to differ. A command accepts them instead of whole ids."""
    whole = [str(id_) for id_ in ids]
    for length in (_SHORT, 18, 23):
        if len({text[:length] for text in whole}) == len(set(whole)):
            return [text[:length] for text in whole]
    return whole


def short_id(id_: UUID) -> str:
    return str(id_)[:_SHORT]


def moment(at: datetime | None) -> str:
    """Return a time in UTC, to the second, or "-"."""
    return f"{at:%Y-%m-%d %H:%M:%S}" if at else "-"


def span(length: timedelta) -> str:
    """Return a length of time in its largest whole unit: `3 min`, `2 d`. Never negative."""
    seconds = max(0, int(length.total_seconds()))
    for name, size in _UNITS:
        if seconds >= size:
            return f"{seconds // size} {name}"
    return "0 s"


def since(now: datetime, at: datetime | None) -> str:
    return span(now - at) if at else "-"


def left(now: datetime, deadline: datetime | None) -> str:
    """Return how much time is left until the deadline, or `overdue 3 min`."""
    if deadline is None:
        return "-"
    return span(deadline - now) if deadline > now else f"overdue {span(now - deadline)}"


def plural(count: int, one: str, many: str = "") -> str:
    return f"{count} {one if count == 1 else many or one + 's'}"


def count_of(text: str, name: str, most: int) -> int:
    """Return the text as a whole number from 1 to `most`. Raises BadUsage."""
    if text.isascii() and text.isdigit() and 1 <= len(text) <= 9 and 1 <= int(text) <= most:
        return int(text)
    raise BadUsage(f"--{name} is {text[:20]!r}: it must be a whole number from 1 to {most}.")
