"""`desk jobs` as a process of its own, on a real Redis."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from redis import Redis
from rq.job import Job, JobStatus

from bot.app.embedded import EmbeddedValkey
from bot.jobs.queue import SERIALIZER, enqueue, enqueue_due, queue_of
from bot.jobs.registry import JOBS, find
from tests.jobs.rig import NEW_KEY, NOW, key_text

PROGRAM = """
import os
from bot.app.embedded import Servers
from bot.app.jobs_process import run_jobs
from bot.app.logs import configure
from bot.app.settings import LogLevel, parse

configure(LogLevel.INFO, pretty=False)
servers = Servers(database_url=os.environ["OF_DATABASE"], redis_url=os.environ["OF_REDIS"])
run_jobs(parse({"ENCRYPTION_KEY": os.environ["OF_KEY"]}), servers, "aaaa")
"""
PATIENCE = 60.0  # seconds; a bound against hanging, nothing here waits for it


def until(true: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if true():
            return
        time.sleep(0.05)
    pytest.fail(f"not within {PATIENCE:.0f} s: {what}")


class Running:
    """One process and what it logs."""

    def __init__(self, database_url: str, redis_url: str, log: Path) -> None:
        self._log = log
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM],
                env=os.environ
                | {"OF_DATABASE": database_url, "OF_REDIS": redis_url, "OF_KEY": key_text(NEW_KEY)},
                stdout=output,
                stderr=output,
            )

    def logged(self) -> str:
        return self._log.read_text("utf-8")

    def wait_for(self, text: str, times: int = 1) -> None:
        until(lambda: self.logged().count(text) >= times, f"{text} in\n{self.logged()}")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(timeout=PATIENCE)


@pytest.fixture
def running(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[Running]:
    running = Running(database_url, redis_url, tmp_path / "log")
    yield running
    running.process.kill()
    running.process.wait()


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    with Redis.from_url(redis_url) as client:
        yield client


def status(redis: Redis, id_: str) -> JobStatus:
    return Job.fetch(id_, connection=redis, serializer=SERIALIZER).get_status()


@pytest.mark.long
def test_a_job_runs_and_leaves_its_counts_and_another_desk_on_the_same_redis_is_let_alone(
    running: Running, redis: Redis
) -> None:
    ours, theirs = enqueue(redis, "aaaa", "sweep", batch=10), enqueue(redis, "bbbb", "sweep")
    until(lambda: status(redis, ours) == JobStatus.FINISHED, "the job is finished")
    done = Job.fetch(ours, connection=redis, serializer=SERIALIZER)
    assert done.return_value() == {
        "bodies": 0,
        "keys": 0,
        "early_events": 0,
        "early_changes": 0,
        "tries": 0,
        "delivered": 0,
        "notices": 0,
        "links": 0,
        "unproved": 0,
        "loop_guard": 0,
        "floods": 0,
        "prices": 0,
        "turns": 0,
    }
    assert status(redis, theirs) == JobStatus.QUEUED
    assert running.stop(signal.SIGINT) == 0
    assert '"jobs stopped"' in running.logged()


@pytest.mark.long
def test_a_periodic_run_that_nobody_made_is_made_at_start(running: Running, redis: Redis) -> None:
    for name in ("sweep", "rewrap", "audit_check"):
        running.wait_for(f'"job": "{name}", "seconds"')
    assert running.stop() == 0


def test_a_periodic_run_is_made_once_however_many_processes_find_it_due(redis: Redis) -> None:
    assert enqueue_due(redis, "aaaa", find("sweep"), NOW) is not None
    assert enqueue_due(redis, "aaaa", find("sweep"), NOW) is None
    assert len(queue_of(redis, "aaaa")) == 1


@pytest.mark.long
def test_a_failed_job_stays_visible_waits_for_its_next_try_and_shows_no_values(
    running: Running, redis: Redis
) -> None:
    id_ = enqueue(redis, "aaaa", "sweep", batch="Please call me at +49 170 1234567")
    scheduled = queue_of(redis, "aaaa").scheduled_job_registry
    # RQ changes the status first and puts it into the registry afterwards: the registry is what counts.
    until(lambda: id_ in scheduled.get_job_ids(), "the job waits for its next try")
    assert status(redis, id_) == JobStatus.SCHEDULED
    assert running.stop() == 0
    assert "1234567" not in running.logged()
    assert '"job failed"' in running.logged()


@pytest.mark.long
def test_a_job_at_hand_is_put_back_when_the_process_is_told_twice_to_stop(
    running: Running, redis: Redis, database_url: str
) -> None:
    for name in ("sweep", "rewrap", "audit_check"):
        running.wait_for(f'"job": "{name}", "seconds"')  # the periodic ones, made at start
    with psycopg.connect(database_url) as connection, psycopg.connect(database_url) as watching:
        connection.execute("lock table organizations in access exclusive mode")
        id_ = enqueue(redis, "aaaa", "rewrap")
        until(lambda: _somebody_waits(watching), "the job waits for the lock")
        running.process.send_signal(signal.SIGTERM)
        running.wait_for('"jobs stopping"')
        assert running.stop() == 0
    assert status(redis, id_) == JobStatus.QUEUED
    assert '"job interrupted"' in running.logged()


def _somebody_waits(connection: psycopg.Connection) -> bool:
    waiting = connection.execute("select count(*) from pg_locks where not granted").fetchone()
    connection.rollback()
    return waiting is not None and waiting[0] > 0


@pytest.mark.long
def test_the_process_outlives_a_redis_that_goes_away_and_comes_back(
    database_url: str, tmp_path: Path, var: Path
) -> None:
    valkey = EmbeddedValkey(var, durable=False)
    asyncio.run(valkey.start())
    running = Running(database_url, valkey.url, tmp_path / "log")
    try:
        running.wait_for('"job": "audit_check", "seconds"')
        asyncio.run(valkey.kill())
        running.wait_for('"state": "down"')
        asyncio.run(valkey.start())
        running.wait_for('"state": "up"', times=2)
        with Redis.from_url(valkey.url) as redis:
            id_ = enqueue(redis, "aaaa", "rewrap")
            until(lambda: status(redis, id_) == JobStatus.FINISHED, "the job is finished")
        asyncio.run(valkey.kill())
        running.wait_for('"state": "down"', times=2)
        assert running.stop() == 0
        assert running.logged().count('"level": "error"') == 0
    finally:
        running.process.kill()
        running.process.wait()
        asyncio.run(valkey.stop())


@pytest.mark.long
def test_without_redis_each_periodic_job_runs_in_turn(database_url: str, tmp_path: Path) -> None:
    running = Running(database_url, "", tmp_path / "log")
    try:
        for job in JOBS:
            running.wait_for(f'"job": "{job.name}"')
        running.wait_for('"event": "job done"', times=len(JOBS))
        assert running.stop() == 0
        assert '"level": "error"' not in running.logged()
        assert '"level": "warning"' not in running.logged()
    finally:
        running.process.kill()
        running.process.wait()


@pytest.mark.long
def test_without_redis_a_job_at_hand_ends_when_the_process_is_told_twice_to_stop(
    database_url: str, tmp_path: Path
) -> None:
    with psycopg.connect(database_url) as holder:
        holder.execute("lock table outbox in access exclusive mode")  # the sweep waits for it
        running = Running(database_url, "", tmp_path / "log")
        try:
            running.wait_for('"event": "process started"')
            until(lambda: _waits(database_url), "the job waits for the lock")
            running.process.send_signal(signal.SIGTERM)
            assert running.stop() == 0
            assert '"event": "job interrupted"' in running.logged()
        finally:
            running.process.kill()
            running.process.wait()


def _waits(database_url: str) -> bool:
    with psycopg.connect(database_url, autocommit=True) as database:
        found = database.execute(
            "select 1 from pg_locks where not granted and database ="
            " (select oid from pg_database where datname = current_database())"
        )
        return found.fetchone() is not None


@pytest.mark.long
def test_redis_that_was_never_there_is_waited_for(database_url: str, free_port: int, tmp_path: Path) -> None:
    running = Running(database_url, f"redis://127.0.0.1:{free_port}/0", tmp_path / "log")
    try:
        running.wait_for('"state": "down"')
        assert running.stop() == 0
        assert running.logged().count('"state": "down"') == 1
    finally:
        running.process.kill()
        running.process.wait()
