"""Detect who writes faster than their organization allows.

That may be a customer, the strangers in one conversation, or all senders of one account. Each process counts
in memory what it accepts, so that somebody who writes at a person's pace costs no statement. Only a flood is
recorded, with the time at which it ends.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Final
from uuid import UUID

from sqlalchemy import text

from bot.core.ids import OrgId
from storage.database import Step

_ALLOWED_AT_ONCE: Final = 60.0  # seconds of the rate that may come at once
_LASTS: Final = 30.0  # a flood is over when this many seconds of the rate are free again
_ROUNDING: Final = 1e-6


class Floods:
    """Counts the events of each subject: a customer, a conversation, or an account.

    Uses the generic cell rate algorithm (ITU-T I.371). Remembers up to `remembered` subjects, those heard
    last.
    """

    def __init__(self, *, remembered: int = 20_000, clock: Callable[[], float] = time.monotonic) -> None:
        self._remembered = remembered
        self._clock = clock
        self._used_up: OrderedDict[UUID, float] = OrderedDict()  # until when each has used up its rate

    def count(self, subject: UUID, per_minute: int, most: float) -> float:
        """Count one event. Return for how many seconds from now its subject is flooding us, or 0.

        Never return more than `most`, however many events have come.
        """
        now = self._clock()
        used_up = max(self._used_up.get(subject, now), now) + 60 / per_minute
        used_up = min(used_up, now + most + _ALLOWED_AT_ONCE - _LASTS)
        self._used_up[subject] = used_up
        self._used_up.move_to_end(subject)
        if len(self._used_up) > self._remembered:
            self._used_up.popitem(last=False)
        ahead = used_up - now
        return ahead - (_ALLOWED_AT_ONCE - _LASTS) if ahead > _ALLOWED_AT_ONCE + _ROUNDING else 0.0


def recording(found: Mapping[UUID, tuple[OrgId, float]]) -> Step:
    """Return a step that records who is flooding us, and for how many seconds from now. It locks in order."""
    subjects = sorted(found)
    return _RECORD, {
        "subjects": subjects,
        "organizations": [found[subject][0] for subject in subjects],
        "seconds": [found[subject][1] for subject in subjects],
    }


_RECORD = text("""
    insert into floods as f (subject_id, organization_id, until)
    select subject, organization, clock_timestamp() + make_interval(secs => seconds)
    from unnest(cast(:subjects as uuid[]), cast(:organizations as uuid[]), cast(:seconds as float8[]))
        as t(subject, organization, seconds)
    on conflict (subject_id) do update set until = greatest(f.until, excluded.until)
""")
