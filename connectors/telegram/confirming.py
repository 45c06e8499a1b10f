"""Buttons that ask for confirmation. Telegram has no such dialog, so the person presses twice."""

from collections import OrderedDict
from datetime import datetime, timedelta
from enum import Enum, auto

from bot.core.ids import Clock

SURE = "Sure? Press it once more, and it is done."
_GOOD_FOR = timedelta(minutes=1)
_MOST = 1024


class Press(Enum):
    """The turn of a press on a button that asks for confirmation."""

    FIRST = auto()
    FIRST_AGAIN = auto()  # the first press, delivered once more by Telegram
    SECOND = auto()


class RecentPresses:
    """Remembers who recently pressed which button once.

    Only this process remembers. Another process, or this one later, asks again.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._first: OrderedDict[str, tuple[int, datetime]] = OrderedDict()

    def heard(self, press: str, update_id: int) -> Press:
        """Return which press this is, and remember it."""
        now = self._clock()
        first, at = self._first.get(press, (None, now))
        if first == update_id:
            return Press.FIRST_AGAIN
        if first is not None and now - at < _GOOD_FOR:
            return Press.SECOND
        self._first[press] = update_id, now
        self._first.move_to_end(press)
        if len(self._first) > _MOST:
            self._first.popitem(last=False)
        return Press.FIRST
