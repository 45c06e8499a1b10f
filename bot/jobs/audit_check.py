"""Compare the audit chain of every organization with its log, every night."""

from datetime import timedelta

import structlog

from bot.jobs.job import Context, Counts, Job
from storage.anchors import Anchors, compare
from storage.filestore import FileStore
from storage.organizations import current

log = structlog.get_logger(__name__)


async def audit_check(context: Context) -> Counts:
    """Compare all chains, and log for operators each one that is broken or could not be compared.

    A broken chain is no failure of the job, as trying again would not help.
    """
    async with context.database.begin() as connection:
        organizations = sorted(known.organization for known in await current(connection))
    anchors = Anchors(FileStore(context.files_url), context.keyring, context.anchors_file)
    checked = broken = unasked = links = 0
    for organization in organizations:
        if context.spent():
            break
        compared = await compare(context.database, anchors, organization)
        verdict = compared.verdict
        checked += 1
        links += verdict.sealed
        if not verdict.ok:
            broken += 1
            log.error(
                "audit chain broken",
                job="audit_check",
                organization=organization,
                code=verdict.what,
                reason=verdict.sentence,
            )
        elif not compared.whole:
            unasked += 1
            log.error(
                "audit chain not compared",
                job="audit_check",
                organization=organization,
                code="audit.anchor",
                reason=compared.against,
            )
    if checked < len(organizations):
        log.error("audit check unfinished", job="audit_check", pending=len(organizations) - checked)
    return {"organizations": checked, "broken": broken, "unasked": unasked, "links": links}


job = Job(name="audit_check", body=audit_check, cron="41 3 * * *", limit=timedelta(hours=2))
