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
from storage.files import Fetched, FileStore
from storage.keys import destroy
from tests.files.rig import PACE, PNG, Desk
from tests.files.test_scanning import EICAR, Clamd
from tests.story.rig import until
from tests.tools.shared_servers import Addresses

ROOT = Path(__file__).parents[2]


async def test_a_file_is_fetched_kept_sealed_and_told_of(house: Desk) -> None:
    house.platform.contents["f1"] = PNG
    async with house.fetching(house.fetcher()):
        await house.hears("f1", mime_type="application/pdf", name="../photo.exe")
        (row,) = await house.settled()
    assert (row.state, row.mime_type, row.size, row.ref) == ("stored", "image/png", len(PNG), None)
    assert (await house.files.find(house.organization, row.id)).name == "photo.exe.bin"
    assert await house.content(row.id) == PNG
    assert PNG[:20] not in house.objects()[0].read_bytes()
    (report,) = await house.told()
    assert (report.outcome, report.position, report.reason) == ("stored", 0, "")


async def test_a_text_of_ours_is_kept_without_asking_any_platform(house: Desk) -> None:
    """A platform that gave such a handle would get the text in it, and nothing else of ours."""
    async with house.fetching(house.fetcher()):
        await house.hears("made:Grüße aus dem Garten", mime_type="text/plain", name="4831-27.txt")
        (row,) = await house.settled()
    assert (row.state, row.mime_type, row.ref) == ("stored", "text/plain", None)
    assert (await house.files.find(house.organization, row.id)).name == "4831-27.txt"
    assert (await house.content(row.id)).decode() == "Grüße aus dem Garten"
    assert not house.platform.asked


async def test_all_files_of_a_message_are_fetched_however_many(house: Desk) -> None:
    refs = [f"f{n}" for n in range(20)]
    house.platform.contents |= {ref: PNG + ref.encode() for ref in refs}
    async with house.fetching(house.fetcher()):
        await house.hears(*refs)
        rows = await house.settled(20)
    assert [await house.content(row.id) for row in rows] == [PNG + ref.encode() for ref in refs]
    assert sorted(house.platform.asked) == sorted(refs)
    assert len(await house.told()) == 20


@pytest.mark.parametrize("trouble", [[503], [429, 500], [401]])
async def test_a_platform_in_trouble_is_asked_again(house: Desk, trouble: list[int | None]) -> None:
    house.platform.contents["f1"] = PNG
    house.platform.trouble["f1"] = list(trouble)
    async with house.fetching(house.fetcher()):
        await house.hears("f1")
        (row,) = await house.settled()
    assert (row.state, row.attempts, row.error) == ("stored", len(trouble) + 1, None)
    assert len(await house.told()) == 1


async def test_a_file_that_is_gone_is_told_once_and_not_asked_for_again(house: Desk) -> None:
    async with house.fetching(house.fetcher()):
        await house.hears("f1")
        (row,) = await house.settled()
    assert (row.state, row.error) == ("failed", "file has expired")
    assert house.platform.asked == ["f1"]
    (report,) = await house.told()
    assert (report.outcome, report.reason) == ("failed", "file has expired")


async def test_a_platform_that_never_recovers_is_given_up(house: Desk) -> None:
    house.platform.trouble["f1"] = [500] * 10
    async with house.fetching(house.fetcher(pace=replace(PACE, attempts=4))):
        await house.hears("f1")
        (row,) = await house.settled()
    assert (row.state, row.attempts, row.error) == ("failed", 4, "500")
    assert len(house.platform.asked) == 4


async def test_a_download_that_hangs_is_cut_off_and_begun_anew(house: Desk) -> None:
    house.platform.contents["f1"] = PNG
    house.platform.trouble["f1"] = [None]
    pace = replace(PACE, patience=timedelta(milliseconds=300))
    async with house.fetching(house.fetcher(pace=pace)):
        await house.hears("f1")
        (row,) = await house.settled()
    assert (row.state, row.attempts) == ("stored", 2)
    assert await house.content(row.id) == PNG
    assert house.connected.open_now == 0


async def test_what_is_too_large_is_refused_and_not_kept(house: Desk) -> None:
    house.platform.contents["f1"] = b"x" * (1024 * 1024 + 1)
    house.platform.contents["f2"] = b"x" * 1024 * 1024
    async with house.fetching(house.fetcher()):
        await house.hears("f1", "f2")
        large, fits = await house.settled(2)
    assert (large.state, large.error) == ("refused", "larger than 1 MB")
    assert fits.state == "stored"
    assert [path.name for path in house.objects()] == [str(fits.id)]
    assert house.connected.open_now == 0


async def test_an_infected_file_is_refused_and_never_in_the_store(house: Desk) -> None:
    house.platform.contents |= {"f1": b"x" * 300_000 + EICAR, "f2": PNG}
    async with Clamd().listening() as address, house.fetching(house.fetcher(scan=by_clamd(address))):
        await house.hears("f1", "f2")
        bad, good = await house.settled(2)
    assert (bad.state, bad.error) == ("refused", "the virus scanner found Eicar-Test")
    assert [path.name for path in house.objects()] == [str(good.id)]
    assert {report.outcome for report in await house.told()} == {"refused", "stored"}


async def test_without_the_scanner_nothing_is_kept_and_nothing_lost(house: Desk, free_port: int) -> None:
    house.platform.contents["f1"] = PNG
    async with house.fetching(house.fetcher(scan=by_clamd(f"127.0.0.1:{free_port}"))):
        await house.hears("f1")
        await house.tried(2)
    assert house.objects() == []
    async with Clamd().listening() as address, house.fetching(house.fetcher(scan=by_clamd(address))):
        (row,) = await house.settled()
    assert row.state == "stored"


async def test_a_store_that_is_away_is_tried_again(house: Desk, tmp_path: Path) -> None:
    house.platform.contents["f1"] = PNG
    elsewhere = tmp_path / "other"
    store = FileStore(elsewhere.as_uri())
    elsewhere.rmdir()
    elsewhere.write_text("in the way")
    async with house.fetching(house.fetcher(store=store)):
        await house.hears("f1")
        await house.tried(2)
        elsewhere.unlink()
        (row,) = await house.settled()
    assert row.state == "stored"


async def test_what_a_dead_worker_put_is_recorded_without_fetching_it_again(house: Desk) -> None:
    """It died between putting and recording; meanwhile the platform has forgotten the file."""
    await house.hears("f1")
    (wanted,) = await house.files.claim([], 1, timedelta())

    async def content() -> AsyncIterator[bytes]:
        yield PNG

    await house.store.put(wanted.id, wanted.sealer, content())
    async with house.fetching(house.fetcher()):
        (row,) = await house.settled()
    assert (row.state, row.mime_type, row.size) == ("stored", "image/png", len(PNG))
    assert house.platform.asked == []


async def test_the_files_of_a_killed_worker_are_taken_over(house: Desk, database_url: str) -> None:
    """A real process claims a file, and is killed in the middle of fetching it."""
    house.platform.contents["f1"] = PNG
    house.platform.trouble["f1"] = [None]
    await house.hears("f1")
    command = [sys.executable, "-m", "tests.files.worker", database_url, house.folder.as_uri()]
    worker = await asyncio.create_subprocess_exec(*command, house.platform.url, cwd=ROOT)
    try:
        async with asyncio.timeout(120):
            await house.platform.hanging.wait()
    finally:
        worker.kill()
        await worker.wait()
    async with house.fetching(house.fetcher()):
        (row,) = await house.settled()
    assert (row.state, row.attempts) == ("stored", 2)
    assert await house.content(row.id) == PNG
    assert len(await house.told()) == 1


async def test_a_file_that_kills_every_worker_is_given_up(house: Desk) -> None:
    await house.hears("f1")
    for _ in range(3):
        await house.files.claim([], 1, timedelta())
    async with house.fetching(house.fetcher(pace=replace(PACE, attempts=3))):
        (row,) = await house.settled()
    assert (row.state, row.error) == ("failed", "given up after too many tries")
    assert house.platform.asked == []


async def test_a_long_download_keeps_its_lease(house: Desk) -> None:
    house.platform.contents["f1"] = PNG
    house.platform.trouble["f1"] = [None]
    pace = replace(PACE, lease=timedelta(milliseconds=300), patience=timedelta(seconds=1))
    async with house.fetching(house.fetcher(pace=pace)):
        await house.hears("f1")
        await house.platform.hanging.wait()
        await asyncio.sleep(0.6)  # two leases: time itself is what is tested
        assert await house.files.claim([], 1, timedelta(seconds=30)) == []
        await house.settled()


async def test_a_worker_that_stops_hands_back_what_it_was_fetching(house: Desk) -> None:
    house.platform.contents["f1"] = PNG
    house.platform.trouble["f1"] = [None]
    async with house.fetching(house.fetcher()):
        await house.hears("f1")
        await house.platform.hanging.wait()
    (row,) = await house.rows()
    assert (row.state, row.attempts, row.lease_until) == ("waiting", 0, None)
    assert (house.objects(), house.connected.open_now) == ([], 0)
    async with house.fetching(house.fetcher()):
        (row,) = await house.settled()
    assert row.state == "stored"


async def test_who_lost_a_file_to_another_records_nothing(house: Desk) -> None:
    await house.hears("f1")
    (slow,) = await house.files.claim([], 1, timedelta())
    (quick,) = await house.files.claim([], 1, timedelta(minutes=1))
    for outcome in ("later", "failed", "stored"):
        with pytest.raises(StaleLease):
            await house.files.settle(Fetched(slow, outcome, reason="late"))
    assert await house.told() == []
    await house.files.renew([slow], timedelta(hours=1))
    await house.files.release([slow])
    assert await house.files.claim([], 1, timedelta()) == []
    await house.files.settle(Fetched(quick, "stored", "image/png", "photo.png", 5))
    with pytest.raises(StaleLease):
        await house.files.settle(Fetched(quick, "stored", "image/png", "photo.png", 5))
    assert len(await house.told()) == 1


async def test_files_of_an_account_that_is_open_elsewhere_are_left_to_who_has_it(house: Desk) -> None:
    house.platform.contents["f1"] = PNG
    async with house.fetching(house.fetcher(connectors={})):
        await house.hears("f1")
        await asyncio.sleep(0.1)
    (row,) = await house.rows()
    assert (row.state, row.attempts) == ("waiting", 0)


async def test_one_slow_account_leaves_room_for_others(house: Desk) -> None:
    house.platform.contents["slow"] = PNG
    house.platform.trouble["slow"] = [None] * 10
    async with house.fetching(house.fetcher(pace=replace(PACE, slots=4))):
        await house.hears(*["slow"] * 6)
        await until(lambda: len(house.platform.asked) >= 2)
        await asyncio.sleep(0.2)
        assert len(house.platform.asked) == 2


async def test_a_message_is_accepted_while_its_file_cannot_be_had(house: Desk) -> None:
    house.platform.trouble["f1"] = [None]
    async with house.fetching(house.fetcher()):
        async with asyncio.timeout(120):
            await house.hears("f1")
            await house.platform.hanging.wait()
            await house.hears()
        async with house.database.begin() as connection:
            assert await connection.scalar(text("select count(*) from messages")) == 2


async def test_a_database_that_goes_away_meanwhile_loses_nothing(
    house: Desk, database_url: str, servers: Addresses
) -> None:
    house.platform.contents["f1"] = PNG
    house.platform.trouble["f1"] = [None]
    name = database_url.rpartition("/")[2].partition("?")[0]
    allow = "alter database {} with allow_connections {}"
    with psycopg.connect(servers.admin_url, autocommit=True) as admin:
        async with house.fetching(house.fetcher(pace=replace(PACE, patience=timedelta(seconds=1)))):
            await house.hears("f1")
            await house.platform.hanging.wait()
            admin.execute(sql.SQL(allow).format(sql.Identifier(name), sql.SQL("false")))
            try:
                admin.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [name]
                )
                await asyncio.sleep(1.5)  # the download is over, and cannot be recorded
            finally:
                admin.execute(sql.SQL(allow).format(sql.Identifier(name), sql.SQL("true")))
            (row,) = await house.settled()
    assert row.state == "stored"
    assert len(await house.told()) == 1


async def test_the_files_of_an_erased_customer_are_neither_fetched_nor_kept(house: Desk) -> None:
    house.platform.contents |= {"f1": PNG, "f2": PNG}
    async with house.fetching(house.fetcher()):
        await house.hears("f1")
        (row,) = await house.settled()
    await house.hears("f2")
    (wanted,) = await house.files.claim([], 1, timedelta())

    async def content() -> AsyncIterator[bytes]:
        yield PNG

    await house.store.put(wanted.id, wanted.sealer, content())  # and the worker dies before it can record it
    async with house.database.begin() as connection:
        await destroy(connection, wanted.organization, row.customer_id)
    with pytest.raises(Refused, match="erased"):
        await house.files.find(house.organization, row.id)
    assert await house.files.claim([], 1, timedelta()) == []
    assert len(house.objects()) == 2
    assert await house.files.sweep(house.store, 10) == 2
    assert house.objects() == []
    assert await house.files.sweep(house.store, 10) == 0
    assert {row.state for row in await house.rows()} == {"failed"}


async def test_a_sweep_goes_on_where_a_failing_store_stopped_it(house: Desk, tmp_path: Path) -> None:
    async with house.fetching(house.fetcher()):
        house.platform.contents["f1"] = PNG
        await house.hears("f1")
        (row,) = await house.settled()
    async with house.database.begin() as connection:
        await destroy(connection, row.organization_id, row.customer_id)
    away = FileStore((tmp_path / "away").as_uri())
    (tmp_path / "away").rmdir()
    (tmp_path / "away").write_text("in the way")
    with pytest.raises(PlatformDown):
        await house.files.sweep(away, 10)
    assert await house.files.sweep(house.store, 10) == 1


async def test_a_row_that_no_key_opens_holds_up_nobody(house: Desk) -> None:
    house.platform.contents |= {"f1": PNG, "f2": PNG}
    await house.hears("f1", "f2")
    async with house.database.begin() as connection:
        await connection.execute(text("update files set ref = 'nonsense' where position = 0"))
    async with house.fetching(house.fetcher()):
        bad, good = await house.settled(1)
    assert (bad.state, bad.attempts, good.state) == ("waiting", 0, "stored")


async def test_an_idle_fetcher_hardly_asks_the_database(house: Desk) -> None:
    house.platform.contents["f1"] = PNG
    slow = replace(PACE, poll=timedelta(seconds=30), deaf=timedelta(seconds=30))
    async with house.fetching(house.fetcher(pace=slow)):
        await asyncio.sleep(0.1)
        await house.hears("f1")  # the bell rings
        (row,) = await house.settled(seconds=5)
    assert row.state == "stored"


@asynccontextmanager
async def broken_scan() -> AsyncIterator[None]:
    raise ValueError("a mistake of ours")
    yield


async def test_a_mistake_of_ours_does_not_end_the_fetching(house: Desk) -> None:
    house.platform.contents["f1"] = PNG
    scan: Scan = broken_scan  # type: ignore[assignment]
    async with house.fetching(house.fetcher(scan=scan, pace=replace(PACE, attempts=2))):
        await house.hears("f1")
        (row,) = await house.settled()
    assert (row.state, row.error) == ("failed", "ValueError")
