"""The lease loop: work is claimed, renewed, taken over, finished and given back in the same way."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta

import psycopg
import pytest
from psycopg import sql

from bot.bus.lease_loop import LeaseLoop, LeasePace
from storage.database import Database
from tests.bus.errands import Errand, Errands
from tests.story.rig import ROOT, until
from tests.tools.shared_servers import Addresses

PACE = LeasePace(slots=4, batch=2, poll=timedelta(seconds=120), grace=timedelta(seconds=60))
SOON = timedelta(milliseconds=20)


@dataclass
class Gate:
    """Holds errands up until it is opened."""

    opened: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, _: Errand) -> None:
        await self.opened.wait()


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url, pool=4)
    yield database
    await database.close()


@pytest.fixture
async def errands(database: Database) -> Errands:
    errands = Errands(database, PACE)
    await errands.create()
    return errands


@asynccontextmanager
async def running(errands: Errands) -> AsyncIterator[LeaseLoop[Errand]]:
    """A loop beside the block, told to stop at its end."""
    loop, stop = errands.loop(), asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(loop.run(stop))
        try:
            yield loop
        finally:
            stop.set()


async def all_done(errands: Errands, count: int) -> None:
    async with asyncio.timeout(120):
        while sum(done for _, done, _ in (await errands.rows()).values()) < count:  # noqa: ASYNC110  in SQL
            await asyncio.sleep(0.01)


async def test_everything_that_is_due_is_done_once(errands: Errands) -> None:
    await errands.create(*range(50))
    async with running(errands):
        await all_done(errands, 50)
    assert set((await errands.rows()).values()) == {(1, 1, False)}


async def test_no_more_is_claimed_than_there_are_slots(errands: Errands) -> None:
    await errands.create(*range(10))
    errands.task = gate = Gate()
    async with running(errands) as loop:
        await until(lambda: len(errands.begun) == PACE.slots)
        assert loop.free == 0
        loop.look()
        await asyncio.sleep(0)
        assert len(errands.begun) == PACE.slots
        assert sum(leased for _, _, leased in (await errands.rows()).values()) == PACE.slots
        gate.opened.set()
        await all_done(errands, 10)


async def test_a_wake_up_is_answered_long_before_the_poll(errands: Errands) -> None:
    async with running(errands) as loop:
        for id_ in range(3):
            await errands.create(id_)
            loop.look()
            await all_done(errands, id_ + 1)


async def test_work_that_becomes_due_is_claimed_without_another_wakeup(errands: Errands) -> None:
    async with running(errands) as loop:
        loop.look_after(timedelta(seconds=100))
        await errands.create(1)
        loop.look_after(timedelta(milliseconds=50))
        await all_done(errands, 1)


async def test_a_lost_wake_up_costs_one_poll(errands: Errands) -> None:
    errands.pace = replace(PACE, poll=SOON)
    async with running(errands):
        await errands.create(1)
        await all_done(errands, 1)


@pytest.mark.long
async def test_a_long_task_keeps_its_lease(errands: Errands) -> None:
    errands.pace = replace(PACE, lease=timedelta(seconds=3))
    errands.task = gate = Gate()
    await errands.create(1)
    async with running(errands):
        await until(lambda: errands.renewed >= 4)  # longer than the lease
        assert await errands.claim(1) == []
        gate.opened.set()
        await all_done(errands, 1)
    assert (await errands.rows())[1] == (1, 1, False)


async def test_a_lease_that_was_lost_is_noticed_and_records_nothing(errands: Errands) -> None:
    errands.pace = replace(PACE, lease=timedelta(milliseconds=300))
    errands.task = gate = Gate()
    await errands.create(1)
    async with running(errands):
        await until(lambda: errands.begun)
        async with errands.database.begin() as connection:  # as a process that was stopped would find it
            await connection.exec_driver_sql("update errands set attempts = 2, lease_until = now() + '1 h'")
        await until(lambda: errands.lost)
        gate.opened.set()
    assert (await errands.rows())[1] == (2, 0, True)


async def test_a_task_that_breaks_ends_nothing_and_is_tried_again(errands: Errands) -> None:
    errands.pace = replace(PACE, lease=timedelta(milliseconds=200), poll=SOON)

    async def breaks_once(errand: Errand) -> None:
        if errand.attempt == 1:
            raise ValueError("a mistake of ours")

    errands.task = breaks_once
    await errands.create(1, 2)
    async with running(errands):
        await all_done(errands, 2)
    assert set((await errands.rows()).values()) == {(2, 1, False)}


async def test_a_stopping_loop_finishes_what_has_begun_and_claims_nothing_more(errands: Errands) -> None:
    errands.task = gate = Gate()
    await errands.create(*range(10))
    async with running(errands) as loop:
        await until(lambda: loop.free == 0)
        asyncio.get_running_loop().call_later(0.1, gate.opened.set)
    rows = await errands.rows()
    assert sorted(row for row in rows.values() if row[0]) == [(1, 1, False)] * PACE.slots
    assert errands.released == []


async def test_work_that_outlasts_the_grace_is_given_back(errands: Errands) -> None:
    errands.pace = replace(PACE, grace=timedelta())
    errands.task = Gate()
    await errands.create(1, 2)
    async with running(errands):
        await until(lambda: len(errands.begun) == 2)
    assert sorted(errands.released) == [1, 2]
    assert set((await errands.rows()).values()) == {(1, 0, False)}
    errands.task = Gate(opened=_open())
    async with running(errands):
        await all_done(errands, 2)


@pytest.mark.long
async def test_after_an_outage_the_own_leases_are_renewed_before_anything_is_claimed(
    errands: Errands, database_url: str, servers: Addresses
) -> None:
    errands.pace = replace(PACE, lease=timedelta(hours=1), poll=SOON)
    errands.task = gate = Gate()
    await errands.create(1)
    name = sql.Identifier(database_url.rpartition("/")[2].partition("?")[0])
    allow = sql.SQL("alter database {} with allow_connections {}")
    with psycopg.connect(servers.admin_url, autocommit=True) as admin:
        async with running(errands):
            await until(lambda: errands.begun)
            assert errands.renewed == 0  # a third of the lease has not passed
            admin.execute(allow.format(name, sql.SQL("false")))
            try:
                admin.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s",
                    [name.as_string().strip('"')],
                )
                await asyncio.sleep(0.5)  # time for claims to fail
            finally:
                admin.execute(allow.format(name, sql.SQL("true")))
            await until(lambda: errands.renewed)
            gate.opened.set()
            await all_done(errands, 1)
    assert (await errands.rows())[1] == (1, 1, False)


@pytest.mark.long
async def test_work_of_a_killed_process_is_taken_over_with_its_attempt_counted(
    errands: Errands, database_url: str
) -> None:
    await errands.create(1, 2)
    dead = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bus.errands", database_url, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert dead.stdout is not None
    try:
        async with asyncio.timeout(120):
            assert {await dead.stdout.readline(), await dead.stdout.readline()} == {b"1\n", b"2\n"}
    finally:
        with suppress(ProcessLookupError):
            dead.kill()
        await dead.wait()
    errands.pace = replace(PACE, poll=SOON)
    async with running(errands):
        await all_done(errands, 2)
    assert set((await errands.rows()).values()) == {(2, 1, False)}


def _open() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event
