"""A last guard against loops: a program that hides what it is begins a new thread with each of its mails."""

from collections import OrderedDict, deque
from datetime import datetime, timedelta

from bot.core.errors import Refused
from bot.core.ids import Clock

MOST = 30  # automatic mails to one address within an hour, of one process; the house counts by conversation
_HOUR = timedelta(hours=1)
_ADDRESSES = 10_000


class Restraint:
    """Counts what programs of ours write. What a person writes always goes."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sent: OrderedDict[str, deque[datetime]] = OrderedDict()

    def check(self, address: str) -> None:
        """Raises Refused where it was enough."""
        times = self._sent.get(address.casefold())
        if times is not None and len(times) == MOST and self._clock() - times[0] < _HOUR:
            raise Refused(f"loop: {MOST} automatic mails went there within an hour; perhaps to a program")

    def note(self, address: str) -> None:
        times = self._sent.setdefault(address.casefold(), deque(maxlen=MOST))
        times.append(self._clock())
        self._sent.move_to_end(address.casefold())
        if len(self._sent) > _ADDRESSES:
            self._sent.popitem(last=False)
