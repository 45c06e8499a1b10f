"""All jobs. A new one is a module and a line here."""

from difflib import get_close_matches

from bot.core.errors import BadUsage
from bot.jobs import audit_check, rewrap, rewrite, sweep, tidy_files
from bot.jobs.job import Job

JOBS: tuple[Job, ...] = (sweep.job, rewrite.job, rewrap.job, audit_check.job, tidy_files.job)


def find(name: str) -> Job:
    """Return the job with this name. Raises BadUsage, which suggests similar names."""
    for job in JOBS:
        if job.name == name:
            return job
    names = [job.name for job in JOBS]
    hint = " or ".join(get_close_matches(name, names, n=2)) or ", ".join(names)
    raise BadUsage(f"There is no job {name[:40]!r}. Try {hint}.")
