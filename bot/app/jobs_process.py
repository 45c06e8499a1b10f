"""The body of `desk jobs`: an RQ worker, RQ's cron and the due retries, in one process.

It is a SimpleWorker, which runs jobs in this process. Forking a process for each job is unsafe beside
threads. Spawning one costs an interpreter and all our imports each time, for jobs that mostly wait for
PostgreSQL. What a fork would protect from is handled otherwise: a job that hangs is ended by its own limit,
and then by RQ's; one that takes the process down is tried again by the process that cleans up after it.

The worker has the main thread, where signals arrive; a thread of ours queues due periodic jobs. Any number of
such processes may run: a periodic run has an id made of its name and time, and RQ accepts an id once.

Without Redis the periodic jobs run in turn instead: see `jobs_in_turn`.
"""

import base64
import logging
import os
import signal
import threading
import time
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from types import FrameType

import structlog
from croniter import croniter  # type: ignore[import-untyped]
from redis import Redis
from redis.exceptions import RedisError
from rq import SimpleWorker
from rq.cron import CronJob, CronScheduler
from rq.exceptions import StopRequested
from rq.scheduler import RQScheduler
from rq.worker import WorkerStatus

from bot.app.embedded import Servers
from bot.app.jobs_health import healthy
from bot.app.jobs_in_turn import run_in_turn
from bot.app.process import namespace
from bot.app.settings import Settings
from bot.bus.redis_health import RedisHealth
from bot.core.errors import SettingsError
from bot.jobs.job import Job
from bot.jobs.perform import interrupt, perform
from bot.jobs.queue import SERIALIZER, enqueue_due, queue_name, queue_of
from bot.jobs.registry import JOBS

log = structlog.get_logger(__name__)

GRACE = timedelta(seconds=15)  # for the current job when the process is told to stop; 20 s in all
_TICK = 1.0  # seconds
_PATIENCE = 2.0  # seconds to connect to Redis
_WORKER_TTL = 60  # seconds; RQ asks Redis for a job a little shorter than that
_RESULT_TTL = 86_400  # seconds
CHILD_OF = "DESK_CHILD_OF"  # tells `desk jobs` which `desk up` it belongs to


def jobs(settings: Settings) -> None:
    """Run RQ's workers and cron until SIGTERM or SIGINT. Raises SettingsError without DATABASE_URL.

    Without Redis, run the periodic jobs one after the other.
    """
    url = settings.database_url
    if not url:
        raise SettingsError("`desk jobs` needs DATABASE_URL: give it the one of `desk work`")
    if parent := settings.environ.get(CHILD_OF, ""):
        threading.Thread(target=_follow, args=(int(parent),), daemon=True, name="parent").start()
    run_jobs(settings, Servers(database_url=url, redis_url=settings.redis_url or ""), namespace(url))


def _follow(parent: int) -> None:
    """End this process when the one that started it has ended, even if that one was killed."""
    while os.getppid() == parent:
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)


def run_jobs(settings: Settings, servers: Servers, namespace: str) -> None:
    """Run jobs until SIGTERM or SIGINT. Call it in the main thread of a process of its own.

    Returns within 20 s of the signal: the current job has GRACE to end, and is then put back for the next
    process. A second signal puts it back at once. While Redis is away it waits; if no Redis is configured it
    works without.

    Raises SettingsError, StorageUnavailable, ProcessBroken.
    """
    # Job functions take plain arguments, and find their servers in the environment as every process does.
    os.environ.update(settings.environ)
    os.environ["DATABASE_URL"] = servers.database_url
    os.environ["REWRITE_MAX_MB"] = str(settings.rewrite_max // 1024**2)
    os.environ["ENCRYPTION_KEY"] = ",".join(base64.b64encode(k).decode() for k in settings.encryption_keys)
    _without_what_we_say()
    stop = _Stop()
    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        if not servers.redis_url:
            with healthy(settings, servers.database_url, redis=RedisHealth(used=False)):
                _begun(settings)
                run_in_turn(stop.asked)
        else:
            _run_queued(settings, servers, namespace, stop)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        log.info("jobs stopped", process="jobs")


def _run_queued(settings: Settings, servers: Servers, namespace: str, stop: "_Stop") -> None:
    redis = Redis.from_url(servers.redis_url, socket_connect_timeout=_PATIENCE, client_name="desk-jobs")
    ticker = _Ticker(Redis.from_url(servers.redis_url, socket_timeout=_PATIENCE), namespace, stop.asked)
    thread = threading.Thread(target=ticker.run, name="jobs ticker")
    try:
        with healthy(settings, servers.database_url, redis=ticker.redis):
            _begun(settings)
            thread.start()
            try:
                while not stop.asked.is_set():
                    _work(redis, namespace, stop)
                    stop.asked.wait(_TICK)  # the worker ended, mostly because Redis is away
            except StopRequested:
                pass
            finally:
                stop.asked.set()
                thread.join()
    finally:
        redis.close()


def _begun(settings: Settings) -> None:
    log.info(
        "process started",
        process="jobs",
        version=version("agents-market"),
        host=settings.host,
        port=settings.health_port,
        count=len(JOBS),
    )


class _Stop:
    """The signal handler of the process."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.worker: _Worker | None = None

    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        first = not self.asked.is_set()
        self.asked.set()
        if self.worker is None:
            interrupt(GRACE if first else timedelta())  # a job may run in turn
            return
        if self.worker.get_state() == WorkerStatus.BUSY:
            self.worker.stop_soon(GRACE if first else timedelta())
        elif first:
            raise StopRequested


class _Worker(SimpleWorker):
    """An RQ worker that obeys only signals: whoever can write to Redis cannot stop it."""

    log_result_lifespan = False
    exponential_backoff_factor = 1.0  # look for Redis once a second

    def subscribe(self) -> None: ...

    def unsubscribe(self) -> None: ...

    def _install_signal_handlers(self) -> None: ...

    def stop_soon(self, grace: timedelta) -> None:
        self._stop_requested = True
        interrupt(grace)
        log.info("jobs stopping", process="jobs", seconds=grace.total_seconds())


def _work(redis: Redis, namespace: str, stop: _Stop) -> None:
    """Run one worker until it is told to stop or RQ gives up on Redis."""
    try:
        stop.worker = _Worker(
            [queue_of(redis, namespace)],
            connection=redis,
            serializer=SERIALIZER,
            worker_ttl=_WORKER_TTL,
            default_result_ttl=_RESULT_TTL,
        )
        if not stop.asked.is_set():
            stop.worker.work()
    except (StopRequested, RedisError, OSError):
        pass  # the ticker reports the state of Redis
    finally:
        stop.worker = None


class _Periodic(CronJob):
    """A periodic job in RQ's cron.

    Its fields are in UTC; all processes run it once; missed runs are made up for.
    """

    def __init__(self, job: Job, namespace: str) -> None:
        super().__init__(
            queue_name=queue_name(namespace),
            func=perform,
            args=(job.name,),
            cron=job.cron,
            name=f"{namespace}:{job.name}",
        )
        self._job = job
        self._namespace = namespace

    def get_next_enqueue_time(self) -> datetime:
        """Return when the job is due next.

        The first time, return the last past time, in case that run was missed.
        """
        if self.latest_enqueue_time is None:
            due: datetime = croniter(self.cron, datetime.now(UTC)).get_prev(datetime)
        else:
            due = croniter(self.cron, self.latest_enqueue_time).get_next(datetime)
        return due

    def enqueue(self, connection: Redis) -> None:  # type: ignore[override]  # nobody reads RQ's return value
        due = self.next_enqueue_time
        if due is not None:
            enqueue_due(connection, self._namespace, self._job, due)


class _Ticker:
    """Queues due periodic jobs and due retries once a second. Reports the state of Redis."""

    def __init__(self, redis: Redis, namespace: str, stop: threading.Event) -> None:
        self._client = redis
        self._namespace = namespace
        self._stop = stop
        self.redis = RedisHealth(used=True)
        self._cron: CronScheduler | None = None
        self._retries: RQScheduler | None = None

    def run(self) -> None:
        while not self._stop.is_set():
            try:
                self._tick()
                self.redis.up()
            except (RedisError, OSError) as error:
                self.redis.down(error)
            except Exception as error:  # one bad entry in Redis must not end all periodic work
                log.error("jobs ticker failed", process="jobs", exc_info=error)
            self._stop.wait(_TICK)
        self._end()

    def _tick(self) -> None:
        if self._cron is None or self._retries is None:
            self._cron, self._retries = self._begin()
        if self._cron.enqueue_jobs():
            self._cron.save()
        self._cron.heartbeat()
        if self._retries.should_reacquire_locks:
            self._retries.acquire_locks()  # type: ignore[no-untyped-call]
        if self._retries.acquired_locks:
            self._retries.heartbeat()  # type: ignore[no-untyped-call]
            self._retries.enqueue_scheduled_jobs()  # type: ignore[no-untyped-call]

    def _begin(self) -> tuple[CronScheduler, RQScheduler]:
        cron = CronScheduler(self._client, logging_level=logging.WARNING)
        cron.get_jobs().extend(_Periodic(job, self._namespace) for job in JOBS if job.cron)
        cron.register_birth()
        retries = RQScheduler(
            [queue_name(self._namespace)],
            connection=self._client,
            logging_level=logging.WARNING,
            serializer=SERIALIZER,
        )
        retries.register_birth()
        return cron, retries

    def _end(self) -> None:
        try:
            if self._cron is not None:
                self._cron.register_death()
            if self._retries is not None:
                self._retries.stop()  # type: ignore[no-untyped-call]
        except (RedisError, OSError):
            pass  # our entries in Redis expire by themselves
        finally:
            self._client.close()


class _SaidByUs(logging.Filter):
    """Drops those of RQ's log records whose content we log ourselves.

    RQ logs a lost connection at every attempt, and failures with the message of the exception.
    """

    _PHRASES = ("could not connect to Redis", "Redis connection timeout", "exception raised while executing")

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        return not isinstance(error, RedisError | OSError) and not any(
            phrase in str(record.msg) for phrase in self._PHRASES
        )


def _without_what_we_say() -> None:
    for name in ("rq.worker", "rq.scheduler", "rq.cron", "rq.job"):
        logger = logging.getLogger(name)
        logger.setLevel(logging.WARNING)
        if not any(isinstance(known, _SaidByUs) for known in logger.filters):
            logger.addFilter(_SaidByUs())
