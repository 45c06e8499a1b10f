"""A clock that can be set ahead, so that windows close without a day of waiting."""

from datetime import datetime, timedelta

from bot.core.ids import Clock, utc_now


class MovableClock:
    """A Clock that shows the time of `base` plus what it was moved by. `move` only goes forward.

    Moving it moves the platform, not the product. Unless both use this clock, the product keeps its own time,
    and is wrong about a window as it may be in reality.
    """

    def __init__(self, base: Clock = utc_now, moved: timedelta = timedelta()) -> None:
        self._base = base
        self.moved = moved

    def __call__(self) -> datetime:
        return self._base() + self.moved

    def move(self, by: timedelta) -> datetime:
        """Move the clock forward and return the new time. Raise ValueError for a step back."""
        if by < timedelta():
            raise ValueError(f"time goes forward only, not by {by}")
        self.moved += by
        return self()
