"""Buttons that ask before they do anything: Telegram has no such question, so that they are pressed twice."""

from collections import OrderedDict
from datetime import datetime, timedelta

from bot.core.ids import Clock

SURE = "Sure? Press it once more, and it is done."
_GOOD_FOR = timedelta(minutes=1)
_MOST = 1024


class Asked:
    """Who pressed what once, of late. Of this process alone: elsewhere, and later, it is asked again."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._first: OrderedDict[str, tuple[int, datetime]] = OrderedDict()

    def sure(self, press: str, update_id: int) -> bool:
        """Whether `press` is a second one. The first, told again by Telegram, is none."""
        now = self._clock()
        first, at = self._first.get(press, (update_id, now))
        if first != update_id and now - at < _GOOD_FOR:
            return True
        if first != update_id or press not in self._first:
            self._first[press] = update_id, now
            self._first.move_to_end(press)
        if len(self._first) > _MOST:
            self._first.popitem(last=False)
        return False
