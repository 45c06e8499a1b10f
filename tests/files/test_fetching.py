"""A message's files: fetched beside it, tried again, given up, taken over, and told to the conversation."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import text

from bot.bus.scanning import Scan, by_clamd
from bot.core.errors import PlatformDown, Refused, StaleLease
from storage.files import Fetched
from storage.filestore import FileStore
from storage.keys import destroy
from tests.files.rig import PACE, PNG, Desk
from tests.files.test_scanning import EICAR, Clamd
from tests.story.rig import until
from tests.tools.shared_servers import Addresses

ROOT = Path(__file__).parents[2]


@pytest.mark.long
async def test_a_file_is_fetched_kept_sealed_and_told_of(services: Desk) -> None:
    services.platform.contents["f1"] = PNG
    async with services.fetching(services.fetcher()):
        await services.hears("f1", mime_type="application/pdf", name="../photo.exe")
        (row,) = await services.settled()
    assert (row.state, row.mime_type, row.size, row.ref) == ("stored", "image/png", len(PNG), None)
    assert (await services.files.find(services.organization, row.id)).name == "photo.exe.bin"
    assert await services.content(row.id) == PNG
    assert PNG[:20] not in services.objects()[0].read_bytes()
    (report,) = await services.told()
    assert (report.outcome, report.position, report.reason) == ("stored", 0, "")


@pytest.mark.long
async def test_a_text_of_ours_is_kept_without_asking_any_platform(services: Desk) -> None:
    """A platform that gave such a handle would get the text in it, and nothing else of ours."""
    async with services.fetching(services.fetcher()):
        await services.hears("made:Grüße aus dem Garten", mime_type="text/plain", name="4831-27.txt")
        (row,) = await services.settled()
    assert (row.state, row.mime_type, row.ref) == ("stored", "text/plain", None)
    assert (await services.files.find(services.organization, row.id)).name == "4831-27.txt"
    assert (await services.content(row.id)).decode() == "Grüße aus dem Garten"
    assert not services.platform.asked


@pytest.mark.long
async def test_all_files_of_a_message_are_fetched_however_many(services: Desk) -> None:
    refs = [f"f{n}" for n in range(20)]
    services.platform.contents |= {ref: PNG + ref.encode() for ref in refs}
    async with services.fetching(services.fetcher()):
        await services.hears(*refs)
        rows = await services.settled(20)
    assert [await services.content(row.id) for row in rows] == [PNG + ref.encode() for ref in refs]
    assert sorted(services.platform.asked) == sorted(refs)
    assert len(await services.told()) == 20


@pytest.mark.long
@pytest.mark.parametrize("trouble", [[503], [429, 500], [401]])
async def test_a_platform_in_trouble_is_asked_again(services: Desk, trouble: list[int | None]) -> None:
    services.platform.contents["f1"] = PNG
    services.platform.trouble["f1"] = list(trouble)
    async with services.fetching(services.fetcher()):
        await services.hears("f1")
        (row,) = await services.settled()
    assert (row.state, row.attempts, row.error) == ("stored", len(trouble) + 1, None)
    assert len(await services.told()) == 1


async def test_a_file_that_is_gone_is_told_once_and_not_asked_for_again(services: Desk) -> None:
    async with services.fetching(services.fetcher()):
        await services.hears("f1")
        (row,) = await services.settled()
    assert (row.state, row.error) == ("failed", "file has expired")
    assert services.platform.asked == ["f1"]
    (report,) = await services.told()
    assert (report.outcome, report.reason) == ("failed", "file has expired")


@pytest.mark.long
async def test_a_platform_that_never_recovers_is_given_up(services: Desk) -> None:
    services.platform.trouble["f1"] = [500] * 10
    async with services.fetching(services.fetcher(pace=replace(PACE, attempts=4))):
        await services.hears("f1")
        (row,) = await services.settled()
    assert (row.state, row.attempts, row.error) == ("failed", 4, "500")
    assert len(services.platform.asked) == 4


@pytest.mark.long
async def test_a_download_that_hangs_is_cut_off_and_begun_anew(services: Desk) -> None:
    services.platform.contents["f1"] = PNG
    services.platform.trouble["f1"] = [None]
    pace = replace(PACE, patience=timedelta(milliseconds=300))
    async with services.fetching(services.fetcher(pace=pace)):
        await services.hears("f1")
        (row,) = await services.settled()
    assert (row.state, row.attempts) == ("stored", 2)
    assert await services.content(row.id) == PNG
    assert services.connected.open_now == 0


@pytest.mark.long
async def test_a_file_that_is_too_large_is_refused_and_not_stored(services: Desk) -> None:
    services.platform.contents["f1"] = b"x" * (1024 * 1024 + 1)
    services.platform.contents["f2"] = b"x" * 1024 * 1024
    async with services.fetching(services.fetcher()):
        await services.hears("f1", "f2")
        large, fits = await services.settled(2)
    assert (large.state, large.error) == ("refused", "larger than 1 MB")
    assert fits.state == "stored"
    assert [path.name for path in services.objects()] == [str(fits.id)]
    assert services.connected.open_now == 0


async def test_an_infected_file_is_refused_and_never_in_the_store(services: Desk) -> None:
    services.platform.contents |= {"f1": b"x" * 300_000 + EICAR, "f2": PNG}
    async with Clamd().listening() as address, services.fetching(services.fetcher(scan=by_clamd(address))):
        await services.hears("f1", "f2")
        bad, good = await services.settled(2)
    assert (bad.state, bad.error) == ("refused", "the virus scanner found Eicar-Test")
    assert [path.name for path in services.objects()] == [str(good.id)]
    assert {report.outcome for report in await services.told()} == {"refused", "stored"}


@pytest.mark.long
async def test_without_the_scanner_nothing_is_kept_and_nothing_lost(services: Desk, free_port: int) -> None:
    services.platform.contents["f1"] = PNG
    async with services.fetching(services.fetcher(scan=by_clamd(f"127.0.0.1:{free_port}"))):
        await services.hears("f1")
        await services.tried(2)
    assert services.objects() == []
    async with Clamd().listening() as address, services.fetching(services.fetcher(scan=by_clamd(address))):
        (row,) = await services.settled()
    assert row.state == "stored"


async def test_a_store_that_is_away_is_tried_again(services: Desk, tmp_path: Path) -> None:
    services.platform.contents["f1"] = PNG
    elsewhere = tmp_path / "other"
    store = FileStore(elsewhere.as_uri())
    elsewhere.rmdir()
    elsewhere.write_text("in the way")
    async with services.fetching(services.fetcher(store=store)):
        await services.hears("f1")
        await services.tried(2)
        elsewhere.unlink()
        (row,) = await services.settled()
    assert row.state == "stored"


async def test_a_file_that_a_dead_worker_put_is_recorded_without_fetching_it_again(services: Desk) -> None:
    """It died between putting and recording; meanwhile the platform has forgotten the file."""
    await services.hears("f1")
    (wanted,) = await services.files.claim([], 1, timedelta())

    async def content() -> AsyncIterator[bytes]:
        yield PNG

    await services.store.put(wanted.id, wanted.sealer, content())
    async with services.fetching(services.fetcher()):
        (row,) = await services.settled()
    assert (row.state, row.mime_type, row.size) == ("stored", "image/png", len(PNG))
    assert services.platform.asked == []


@pytest.mark.long
async def test_the_files_of_a_killed_worker_are_taken_over(services: Desk, database_url: str) -> None:
    """A real process claims a file, and is killed in the middle of fetching it."""
    services.platform.contents["f1"] = PNG
    services.platform.trouble["f1"] = [None]
    await services.hears("f1")
    command = [sys.executable, "-m", "tests.files.worker", database_url, services.folder.as_uri()]
    worker = await asyncio.create_subprocess_exec(*command, services.platform.url, cwd=ROOT)
    try:
        async with asyncio.timeout(120):
            await services.platform.hanging.wait()
    finally:
        worker.kill()
        await worker.wait()
    async with services.fetching(services.fetcher()):
        (row,) = await services.settled()
    assert (row.state, row.attempts) == ("stored", 2)
    assert await services.content(row.id) == PNG
    assert len(await services.told()) == 1


async def test_a_file_that_kills_every_worker_is_given_up(services: Desk) -> None:
    await services.hears("f1")
    for _ in range(3):
        await services.files.claim([], 1, timedelta())
    async with services.fetching(services.fetcher(pace=replace(PACE, attempts=3))):
        (row,) = await services.settled()
    assert (row.state, row.error) == ("failed", "given up after too many tries")
    assert services.platform.asked == []


@pytest.mark.long
async def test_a_long_download_keeps_its_lease(services: Desk) -> None:
    services.platform.contents["f1"] = PNG
    services.platform.trouble["f1"] = [None]
    pace = replace(PACE, lease=timedelta(milliseconds=300), patience=timedelta(seconds=1))
    async with services.fetching(services.fetcher(pace=pace)):
        await services.hears("f1")
        await services.platform.hanging.wait()
        await asyncio.sleep(0.6)  # two leases: time itself is what is tested
        assert await services.files.claim([], 1, timedelta(seconds=30)) == []
        await services.settled()


@pytest.mark.long
async def test_a_worker_that_stops_hands_back_what_it_was_fetching(services: Desk) -> None:
    services.platform.contents["f1"] = PNG
    services.platform.trouble["f1"] = [None]
    async with services.fetching(services.fetcher()):
        await services.hears("f1")
        await services.platform.hanging.wait()
    (row,) = await services.rows()
    assert (row.state, row.attempts, row.lease_until) == ("waiting", 0, None)
    assert (services.objects(), services.connected.open_now) == ([], 0)
    async with services.fetching(services.fetcher()):
        (row,) = await services.settled()
    assert row.state == "stored"


@pytest.mark.long
async def test_a_worker_that_lost_a_file_to_another_records_nothing(services: Desk) -> None:
    await services.hears("f1")
    (slow,) = await services.files.claim([], 1, timedelta())
    (quick,) = await services.files.claim([], 1, timedelta(minutes=1))
    for outcome in ("later", "failed", "stored"):
        with pytest.raises(StaleLease):
            await services.files.settle(Fetched(slow, outcome, reason="late"))
    assert await services.told() == []
    await services.files.renew([slow], timedelta(hours=1))
    await services.files.release([slow])
    assert await services.files.claim([], 1, timedelta()) == []
    await services.files.settle(Fetched(quick, "stored", "image/png", "photo.png", 5))
    with pytest.raises(StaleLease):
        await services.files.settle(Fetched(quick, "stored", "image/png", "photo.png", 5))
    assert len(await services.told()) == 1


async def test_files_of_an_account_that_is_open_elsewhere_are_left_to_that_process(services: Desk) -> None:
    services.platform.contents["f1"] = PNG
    async with services.fetching(services.fetcher(connectors={})):
        await services.hears("f1")
        await asyncio.sleep(0.1)
    (row,) = await services.rows()
    assert (row.state, row.attempts) == ("waiting", 0)


@pytest.mark.long
async def test_one_slow_account_leaves_room_for_others(services: Desk) -> None:
    services.platform.contents["slow"] = PNG
    services.platform.trouble["slow"] = [None] * 10
    async with services.fetching(services.fetcher(pace=replace(PACE, slots=4))):
        await services.hears(*["slow"] * 6)
        await until(lambda: len(services.platform.asked) >= 2)
        await asyncio.sleep(0.2)
        assert len(services.platform.asked) == 2


async def test_a_message_is_accepted_while_its_file_cannot_be_had(services: Desk) -> None:
    services.platform.trouble["f1"] = [None]
    async with services.fetching(services.fetcher()):
        async with asyncio.timeout(120):
            await services.hears("f1")
            await services.platform.hanging.wait()
            await services.hears()
        async with services.database.begin() as connection:
            assert await connection.scalar(text("select count(*) from messages")) == 2


@pytest.mark.long
async def test_a_database_that_goes_away_meanwhile_loses_nothing(
    services: Desk, database_url: str, servers: Addresses
) -> None:
    services.platform.contents["f1"] = PNG
    services.platform.trouble["f1"] = [None]
    name = database_url.rpartition("/")[2].partition("?")[0]
    allow = "alter database {} with allow_connections {}"
    with psycopg.connect(servers.admin_url, autocommit=True) as admin:
        async with services.fetching(services.fetcher(pace=replace(PACE, patience=timedelta(seconds=1)))):
            await services.hears("f1")
            await services.platform.hanging.wait()
            admin.execute(sql.SQL(allow).format(sql.Identifier(name), sql.SQL("false")))
            try:
                admin.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [name]
                )
                await asyncio.sleep(1.5)  # the download is over, and cannot be recorded
            finally:
                admin.execute(sql.SQL(allow).format(sql.Identifier(name), sql.SQL("true")))
            (row,) = await services.settled()
    assert row.state == "stored"
    assert len(await services.told()) == 1


@pytest.mark.long
async def test_the_files_of_an_erased_customer_are_neither_fetched_nor_kept(services: Desk) -> None:
    services.platform.contents |= {"f1": PNG, "f2": PNG}
    async with services.fetching(services.fetcher()):
        await services.hears("f1")
        (row,) = await services.settled()
    await services.hears("f2")
    (wanted,) = await services.files.claim([], 1, timedelta())

    async def content() -> AsyncIterator[bytes]:
        yield PNG

    await services.store.put(
        wanted.id, wanted.sealer, content()
    )  # and the worker dies before it can record it
    async with services.database.begin() as connection:
        await destroy(connection, wanted.organization, row.customer_id)
    with pytest.raises(Refused, match="erased"):
        await services.files.find(services.organization, row.id)
    assert await services.files.claim([], 1, timedelta()) == []
    assert len(services.objects()) == 2
    assert await services.files.sweep(services.store, 10) == 2
    assert services.objects() == []
    assert await services.files.sweep(services.store, 10) == 0
    assert {row.state for row in await services.rows()} == {"failed"}


@pytest.mark.long
async def test_a_sweep_goes_on_where_a_failing_store_stopped_it(services: Desk, tmp_path: Path) -> None:
    async with services.fetching(services.fetcher()):
        services.platform.contents["f1"] = PNG
        await services.hears("f1")
        (row,) = await services.settled()
    async with services.database.begin() as connection:
        await destroy(connection, row.organization_id, row.customer_id)
    away = FileStore((tmp_path / "away").as_uri())
    (tmp_path / "away").rmdir()
    (tmp_path / "away").write_text("in the way")
    with pytest.raises(PlatformDown):
        await services.files.sweep(away, 10)
    assert await services.files.sweep(services.store, 10) == 1


@pytest.mark.long
async def test_a_row_that_no_key_opens_holds_up_nobody(services: Desk) -> None:
    services.platform.contents |= {"f1": PNG, "f2": PNG}
    await services.hears("f1", "f2")
    async with services.database.begin() as connection:
        await connection.execute(text("update files set ref = 'nonsense' where position = 0"))
    async with services.fetching(services.fetcher()):
        bad, good = await services.settled(1)
    assert (bad.state, bad.attempts, good.state) == ("waiting", 0, "stored")


async def test_a_message_with_a_file_wakes_the_fetcher_at_once(services: Desk) -> None:
    services.platform.contents["f1"] = PNG
    slow = replace(PACE, poll=timedelta(seconds=30))
    async with services.fetching(services.fetcher(pace=slow)):
        await asyncio.sleep(0.1)
        await services.hears("f1")  # and wakes it
        (row,) = await services.settled(seconds=5)
    assert row.state == "stored"


@asynccontextmanager
async def broken_scan() -> AsyncIterator[None]:
    raise ValueError("a mistake of ours")
    yield


@pytest.mark.long
async def test_a_mistake_of_ours_does_not_end_the_fetching(services: Desk) -> None:
    services.platform.contents["f1"] = PNG
    scan: Scan = broken_scan  # type: ignore[assignment]
    async with services.fetching(services.fetcher(scan=scan, pace=replace(PACE, attempts=2))):
        await services.hears("f1")
        (row,) = await services.settled()
    assert (row.state, row.error) == ("failed", "ValueError")
