"""Put jobs into RQ's queue. Two installations that share one Redis have separate queues, by `namespace`.

Blocks for a round trip to Redis: from an event loop, call it through `asyncio.to_thread`.
"""

from datetime import datetime, timedelta

from redis import Redis
from rq import Queue, Retry
from rq.exceptions import DuplicateJobError

from bot.jobs.job import Job, Plain
from bot.jobs.perform import perform
from bot.jobs.registry import find

SERIALIZER = "json"  # plain, readable values; RQ's default would execute whatever bytes it finds in Redis
_RESULT_KEPT = timedelta(days=2)  # longer than any period, so that no other process repeats the same run
_FAILURE_KEPT = timedelta(days=30)
_SECOND_NET = timedelta(seconds=30)  # how much later than the job's own limit RQ ends it


def queue_name(namespace: str) -> str:
    return f"desk:{namespace}:jobs"


def queue_of(redis: Redis, namespace: str) -> Queue:
    return Queue(queue_name(namespace), connection=redis, serializer=SERIALIZER)


def enqueue(redis: Redis, namespace: str, name: str, /, **arguments: Plain) -> str:
    """Queue a job to run soon, and return RQ's id of it. Raises BadUsage for an unknown job, RedisError."""
    id_ = _put(queue_of(redis, namespace), find(name), arguments, None)
    if id_ is None:
        raise RuntimeError("RQ refused a job without an id of its own as a duplicate")
    return id_


def enqueue_due(redis: Redis, namespace: str, job: Job, due: datetime) -> str | None:
    """Queue the periodic run of a job that was due at this time, and return RQ's id of it.

    Return None if this process or another has queued it before.
    """
    return _put(queue_of(redis, namespace), job, {}, f"desk-{namespace}-{job.name}-{due:%Y%m%dT%H%M}")


def _put(queue: Queue, job: Job, arguments: dict[str, Plain], id_: str | None) -> str | None:
    try:
        put = queue.enqueue_call(
            perform,
            args=(job.name,),
            kwargs=arguments,
            timeout=int((job.limit + _SECOND_NET).total_seconds()),
            result_ttl=int(_RESULT_KEPT.total_seconds()),
            failure_ttl=int(_FAILURE_KEPT.total_seconds()),
            description=job.name,
            job_id=id_,
            unique=id_ is not None,
            retry=Retry(max=len(job.backoff), interval=[int(pause.total_seconds()) for pause in job.backoff])
            if job.backoff
            else None,
        )
    except DuplicateJobError:
        return None
    return str(put.id)
