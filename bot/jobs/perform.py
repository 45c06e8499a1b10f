"""The one function that RQ calls: it runs a job's body within its limit, and lets only safe errors out.

RQ stores the traceback of a failure in Redis, with the exception's message; messages of other libraries may
contain data. So a failure leaves here as JobFailed, with a code, a type and places in the source.
"""

import asyncio
import os
import time
import traceback
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from pathlib import Path

import structlog
from rq import Retry, get_current_job

from bot.bus.metrics import JOBS
from bot.core.errors import DeskError, SettingsError
from bot.core.ids import utc_now
from bot.jobs.job import Context, Counts, Job, Plain
from bot.jobs.registry import find
from storage.anchors import file_of
from storage.database import Database
from storage.sealing import Keyring

log = structlog.get_logger(__name__)

_PLACE = "place"  # in the job's meta
_TASK = "job"  # the name of the task in which a body runs
_INTERRUPTIONS = 100  # how often a stopping process may interrupt one run; no failure is counted for that
_POOL = 2


class JobFailed(DeskError):
    """A job failed. RQ records this error instead of the original one."""

    code = "job.failed"


def perform(name: str, **arguments: Plain) -> dict[str, int] | Retry:
    """Run one job to its end, and return its counts. Reads DATABASE_URL, ENCRYPTION_KEY and REWRITE_MAX_MB.

    Raises JobFailed, upon which RQ tries again after a pause. When this process is about to stop, return a
    Retry, which puts the job back for the next process.
    """
    job = find(name)
    started = time.monotonic()
    try:
        counts = asyncio.run(_run(job, arguments, os.environ), debug=False)
    except asyncio.CancelledError:
        JOBS.labels(name, "interrupted").inc()
        log.info("job interrupted", job=name, seconds=_since(started))
        return Retry(max=_INTERRUPTIONS)
    except Exception as error:
        JOBS.labels(name, "failed").inc()
        log.error("job failed", job=name, seconds=_since(started), exc_info=error)
        raise JobFailed(_described(name, error)) from None
    for part, count in counts.items():
        log.info("job counted", job=name, kind=part, count=count)
    JOBS.labels(name, "done").inc()
    log.info("job done", job=name, seconds=_since(started))
    return dict(counts)


def interrupt(after: timedelta) -> None:
    """Cancel the body that runs in this thread when `after` has passed. Called by a signal handler."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return  # the body has just ended
    for task in asyncio.all_tasks(loop):
        if task.get_name() == _TASK:
            # A loop that waits for a socket looks at its timers only when it is woken.
            loop.call_soon_threadsafe(partial(loop.call_later, after.total_seconds(), task.cancel))


async def _run(job: Job, arguments: Mapping[str, Plain], environ: Mapping[str, str]) -> Counts:
    for needed in ("DATABASE_URL", "ENCRYPTION_KEY", "REWRITE_MAX_MB"):
        if not environ.get(needed):
            raise SettingsError(f"{needed} is not set for the process that runs jobs")
    database = Database(environ["DATABASE_URL"], pool=_POOL)
    current = get_current_job()
    place = str(current.meta.get(_PLACE, "")) if current else ""
    end = time.monotonic() + job.budget.total_seconds()

    def remember(place: str) -> None:
        if current is not None:
            current.meta[_PLACE] = place
            current.save_meta()  # type: ignore[no-untyped-call]

    context = Context(
        database=database,
        keyring=Keyring.parse(environ["ENCRYPTION_KEY"]),
        files_url=environ.get("FILES_URL") or _usual_folder(environ),
        anchors_file=file_of(environ.get("AUDIT_ANCHORS_URL", "")),
        rewrite_max=int(environ["REWRITE_MAX_MB"]) * 1024**2,
        clock=utc_now,
        spent=lambda: time.monotonic() >= end,
        place=place,
        remember=remember,
    )
    task = asyncio.current_task()
    if task is not None:
        task.set_name(_TASK)
    try:
        async with asyncio.timeout(job.limit.total_seconds()):
            return await partial(job.body, context, **arguments)()
    finally:
        await database.close()


def _usual_folder(environ: Mapping[str, str]) -> str:
    """Return the file store's URL that the settings use if FILES_URL is not given."""
    return (Path(environ.get("VAR_DIR") or "var").expanduser().absolute() / "files").as_uri()


def _described(name: str, error: Exception) -> str:
    """Describe an error by its type and place in the source.

    Messages of our own errors are for operators by contract, and are added; those of other errors are not.
    """
    kind = f"{type(error).__module__}.{type(error).__qualname__}"
    said = f" ({error.code}: {error})" if isinstance(error, DeskError) else ""
    places = [
        f"{'/'.join(Path(frame.filename).parts[-3:])}:{frame.lineno}"
        for frame in traceback.extract_tb(error.__traceback__)
    ]
    return f"{name}: {kind}{said} at {' < '.join(reversed(places[-6:]))}"


def _since(started: float) -> float:
    return round(time.monotonic() - started, 3)
