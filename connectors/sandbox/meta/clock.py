"""A clock that can be set ahead, so that windows close without anybody waiting a day."""

from datetime import datetime, timedelta

from bot.core.ids import Clock, utc_now


class MovableClock:
    """A Clock: what `base` says, and what it was moved by. `move` only goes forward.

    Moving it moves the platform, not the product: unless both are given the same clock, the product goes on
    believing in its own time, as it does when it is wrong about a window.
    """

    def __init__(self, base: Clock = utc_now, moved: timedelta = timedelta()) -> None:
        self._base = base
        self.moved = moved

    def __call__(self) -> datetime:
        return self._base() + self.moved

    def move(self, by: timedelta) -> datetime:
        """Raises ValueError for a step back. Returns the new time."""
        if by < timedelta():
            raise ValueError(f"time goes forward only, not by {by}")
        self.moved += by
        return self()
