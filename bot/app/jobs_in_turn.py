"""The body of `desk jobs` without Redis: due periodic jobs, one after the other, in this process.

Without Redis there is no queue, and a process does not know what others have run, so each runs everything
that is due. A job does no harm if it runs twice.
"""

import threading
from datetime import UTC, datetime

from croniter import croniter  # type: ignore[import-untyped]

from bot.jobs.job import Job
from bot.jobs.perform import JobFailed, perform
from bot.jobs.registry import JOBS

_TICK = 1.0  # seconds


def run_in_turn(stop: threading.Event) -> None:
    """Run what is due until `stop` is set.

    Call it in the main thread, where `interrupt` can cancel the current job.
    """
    plans = [_Plan(job, job.cron, datetime.now(UTC)) for job in JOBS if job.cron]
    while not stop.is_set():
        for plan in plans:
            if not stop.is_set():
                plan.run_if_due()
        stop.wait(_TICK)


class _Plan:
    """The next run of one job."""

    def __init__(self, job: Job, cron: str, now: datetime) -> None:
        self._job = job
        self._cron = cron
        self._due: datetime = croniter(cron, now).get_prev(datetime)  # the last run may have been missed
        self._failures = 0

    def run_if_due(self) -> None:
        if self._due > datetime.now(UTC):
            return
        try:
            perform(self._job.name)
            self._failures = 0
        except JobFailed:  # it is in the log
            self._failures += 1
        self._due = self._next(datetime.now(UTC))

    def _next(self, now: datetime) -> datetime:
        if 0 < self._failures <= len(self._job.backoff):
            return now + self._job.backoff[self._failures - 1]
        self._failures = 0
        due: datetime = croniter(self._cron, now).get_next(datetime)
        return due
