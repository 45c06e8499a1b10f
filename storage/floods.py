"""Who writes faster than their organization allows: a customer, or all who write to one account.

Each process counts what it accepts in memory, so that whoever writes at a person's pace costs no statement.
Only what is too much is recorded, with the moment from which it is no longer.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Final
from uuid import UUID

from sqlalchemy import text

from bot.core.ids import OrgId
from storage.database import Step

_ALLOWED_AT_ONCE: Final = 60.0  # seconds' worth of the rate
_LASTS: Final = 30.0  # a flood is over when that much of the allowance is free again
_ROUNDING: Final = 1e-6


class Floods:
    """Counts what comes from each subject, a customer or an account, by the generic cell rate algorithm
    (ITU-T I.371). Remembers so many subjects, those heard last.
    """

    def __init__(self, *, remembered: int = 20_000, clock: Callable[[], float] = time.monotonic) -> None:
        self._remembered = remembered
        self._clock = clock
        self._used_up: OrderedDict[UUID, float] = OrderedDict()  # until when each has used up its rate

    def count(self, subject: UUID, per_minute: int, most: float) -> float:
        """Count one event. Returns for how long its subject is flooding us from now, in seconds; 0 if not.

        Never for longer than `most`, however much has come.
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
    """Record who is flooding us, and for how long from now, as a step among others. Locks in order."""
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
