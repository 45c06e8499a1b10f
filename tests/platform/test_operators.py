"""Messages of the processes to operators: why one ended, and what is wrong with its database."""

import asyncio
import json
import os
import re
import signal
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import aiohttp
import psutil
import psycopg
import pytest

from bot.app.embedded import EmbeddedPostgres, EmbeddedValkey
from bot.app.embedded.server_files import free_port as a_free_port
from connectors.sandbox.server import Sandbox
from tests.accounts import hooks
from tests.chaos.processes import Program, Programs, programs
from tests.story.rig import KEY, environment, install, organization, quick, webhooks
from tests.tools.shared_servers import Addresses, on_database
from tests.webhooks.conftest import SECRET, SECRET_HEADER, dumped, update

PATIENCE = 120.0  # seconds; a bound against hanging


@pytest.fixture
async def running() -> AsyncIterator[Programs]:
    async with programs() as known:
        yield known


@pytest.fixture
def environ(database_url: str, redis_url: str, free_port: int, tmp_path: Path) -> dict[str, str]:
    return {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "ENCRYPTION_KEY": KEY,
        "DESK_ENV": "production",
        "HOST": "127.0.0.1",
        "PORT": str(free_port),
        "HEALTH_PORT": "",
        "METRICS_TOKEN": "",
        "LOG_LEVEL": "INFO",
        "FILES_URL": tmp_path.as_uri(),
        "VAR_DIR": str(tmp_path),
    }


def of(kind: str, environ: Mapping[str, str], running: Programs, **more: str) -> Program:
    """`desk KIND`, which answers health on PORT, or on HEALTH_PORT where it has no other."""
    port = environ["PORT"]
    if kind in ("work", "jobs"):
        port = more.setdefault("HEALTH_PORT", str(a_free_port()))
    arguments = ("-m", "bot.app", kind)
    return running.add(kind, arguments, {**environ, **more}, health=f"http://127.0.0.1:{port}")


def lines(program: Program) -> list[dict[str, object]]:
    """Return what was logged."""
    return [json.loads(line) for line in program.last_words().splitlines() if line.startswith("{")]


def last_sentence(program: Program) -> str:
    return program.last_words().splitlines()[-1]


async def logged(program: Program, level: str, code: str | None, event: str) -> None:
    """Return once such a line was logged."""
    async with asyncio.timeout(PATIENCE):
        while (level, code, event) not in [  # noqa: ASYNC110 (it tells nobody)
            (line["level"], line.get("code"), line["event"]) for line in lines(program)
        ]:
            await asyncio.sleep(0.05)


async def asked(url: str, **headers: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as response:
        return response.status, await response.text()


async def metric(program: Program, sample: str, true: Callable[[float], bool]) -> None:
    """Return once the sample of `/metrics` is so."""
    async with asyncio.timeout(PATIENCE):
        while True:
            _, text = await asked(f"{program.health}/metrics")
            found = re.search(rf"^{re.escape(sample)} (\S+)$", text, flags=re.MULTILINE)
            if found and true(float(found[1])):
                return
            await asyncio.sleep(0.05)


# --- how a process ends ------------------------------------------------------------------------------------


@pytest.mark.long
async def test_no_process_needs_redis(environ: dict[str, str], running: Programs) -> None:
    for kind in ("serve", "work", "jobs"):
        program = of(kind, environ | {"REDIS_URL": ""}, running)
        await program.start()
        await metric(program, "desk_database_up", lambda up: up == 1)
        assert (await program.ready())["redis"] == "off"
        program.terminate()
        assert await program.ended(30) == 0
        assert [line for line in lines(program) if line["level"] != "info"] == []


@pytest.mark.long
async def test_a_process_with_a_part_that_ended_ends_with_1_and_says_so(
    environ: dict[str, str], running: Programs, database_url: str
) -> None:
    work = of("work", environ, running)
    await work.start()
    with psycopg.connect(database_url, autocommit=True) as database:
        database.execute("alter table conversations rename column wake_at to woken_at")
    assert await work.ended(PATIENCE) == 1
    assert re.fullmatch(
        r"desk: a part of the process, '\w+', ended by itself \(\w+\): the log says where\."
        r" Report it, and start the process again\.",
        last_sentence(work),
    )
    assert [line["level"] for line in lines(work) if line["event"] == "process ended by itself"] == ["error"]


@pytest.mark.long
async def test_all_in_one_end_with_1_when_their_jobs_were_ended(
    environ: dict[str, str], running: Programs
) -> None:
    up = of("up", environ, running)
    await up.start()
    async with asyncio.timeout(PATIENCE):
        while not (children := psutil.Process(up.pid).children()):  # noqa: ASYNC110 (it tells nobody)
            await asyncio.sleep(0.05)
    (child,) = children
    child.kill()
    assert await up.ended(PATIENCE) == 1
    assert last_sentence(up).startswith(
        "desk: `desk jobs` beside this process ended by itself (exit code -9)"
    )


@pytest.mark.long
@pytest.mark.parametrize(("server", "name"), [("postgres", "PostgreSQL"), ("valkey-server", "Valkey")])
async def test_all_in_one_end_with_1_when_a_server_of_theirs_was_killed(
    server: str, name: str, environ: dict[str, str], running: Programs, var: Path
) -> None:
    own = {"DATABASE_URL": "", "REDIS_URL": "", "DESK_ENV": "embedded", "VAR_DIR": str(var)}
    up = of("up", environ, running, **own)
    await up.start()
    servers = EmbeddedPostgres(var) if server == "postgres" else EmbeddedValkey(var)
    for pid in servers.pids():
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    assert await up.ended(PATIENCE) == 1
    assert last_sentence(up).startswith(f"desk: {name} ended by itself")


@pytest.fixture
def small_disk(var: Path) -> Iterator[Path]:
    """A disk of 8 MB."""
    command = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", var]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("only who may mount a small disk can fill one")
    yield var
    subprocess.run(["umount", "--lazy", var], check=True)


@pytest.mark.long
async def test_a_full_disk_is_told_before_anything_runs(
    environ: dict[str, str], running: Programs, small_disk: Path
) -> None:
    own = {"DATABASE_URL": "", "REDIS_URL": "", "DESK_ENV": "embedded", "VAR_DIR": str(small_disk)}
    up = of("up", environ, running, **own)
    up.launch()
    assert await up.ended(PATIENCE) == 1
    assert re.search(r"the disk of .* is full\. Make room there", last_sentence(up), re.IGNORECASE)


@pytest.mark.long
@pytest.mark.parametrize(
    ("kind", "variable"), [("serve", "PORT"), ("work", "HEALTH_PORT"), ("jobs", "HEALTH_PORT")]
)
async def test_a_port_that_is_taken_is_named_with_its_variable(
    kind: str, variable: str, environ: dict[str, str], running: Programs
) -> None:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        program = of(kind, environ, running, **{variable: str(port)})
        program.launch()
        assert await program.ended(PATIENCE) == 1
    assert last_sentence(program) == (
        f"desk: port {port} cannot be used (Address already in use): stop what listens there, or choose"
        f" another: {variable}={port + 1}"
    )


@pytest.mark.long
@pytest.mark.parametrize(
    ("setting", "value", "sentence"),
    [
        (
            "SCAN_COMMAND",
            "/no/such -x",
            "SCAN_COMMAND begins with '/no/such', and there is no such program: ins",
        ),
        (
            "SCAN_COMMAND",
            "'clamscan -",
            "SCAN_COMMAND cannot be read (No closing quotation): write the command",
        ),
        ("CLAMD", "host:abc", "CLAMD is 'host:abc': it must be host:port, or the path of a socket"),
        (
            "HEALTH_PORT",
            "",
            "PORT and HEALTH_PORT are both {port}: give HEALTH_PORT another number, or leave it",
        ),
        (
            "FILES_URL",
            "file:///dev/null/x",
            "FILES_URL cannot be used (Not a directory): give file:///a/folder",
        ),
        ("FILES_URL", "file://host/x", "FILES_URL cannot be used (it names no store): give file:///a/folder"),
        ("HOST", "999.1.1.1", "HOST is '999.1.1.1', which is no address of this machine: give 127.0.0.1"),
        ("HOST", "192.0.2.1", "HOST is '192.0.2.1', which is no address of this machine: give 127.0.0.1"),
        (
            "DATABASE_URL",
            "postgresql://a@127.0.0.1:abc/c",
            "DATABASE_URL cannot be read, its port must be one",
        ),
        ("REDIS_URL", "redis://127.0.0.1:abc", "REDIS_URL cannot be read, its port must be a number from 1"),
    ],
)
async def test_a_setting_that_cannot_be_used_is_named_with_what_to_do(
    setting: str, value: str, sentence: str, environ: dict[str, str], running: Programs
) -> None:
    program = of("serve", environ, running, **{setting: value or environ["PORT"]})
    program.launch()
    assert await program.ended(PATIENCE) == 1
    assert last_sentence(program).startswith(f"desk: {sentence.format(port=environ['PORT'])}")


NEVER_STARTED = {
    "schema.missing": "desk: The database lacks tables of this program: run `desk db migrate`.",
    "schema.older": "desk: The database's schema (0001) is older than this program's",
    "schema.newer": "desk: The database's schema (9001) is newer than this program's",
    "storage.login_refused": "desk: PostgreSQL refuses the user or the password of DATABASE_URL",
    "storage.unavailable": "desk: The database cannot be reached",
}


@pytest.mark.long
@pytest.mark.parametrize("code", NEVER_STARTED)
async def test_a_process_does_not_start_on_a_database_that_cannot_do_its_work(
    code: str, environ: dict[str, str], running: Programs, database_url: str, servers: Addresses
) -> None:
    with psycopg.connect(database_url, autocommit=True) as database:
        match code:
            case "schema.missing":
                environ["DATABASE_URL"] = on_database(servers.admin_url, "postgres")
            case "schema.older":
                database.execute("update alembic_version set version_num = '0001'")
            case "schema.newer":
                database.execute("update alembic_version set version_num = '9001'")
            case "storage.login_refused":
                environ["DATABASE_URL"] = re.sub(r":[^:@]+@", ":wrong@", database_url)
            case _:
                environ["DATABASE_URL"] = re.sub(r"@.+/", f"@127.0.0.1:{a_free_port()}/", database_url)
    # Starting takes seconds: every kind of process meets one of them, and one kind of process all.
    kinds = ["serve", "work", "jobs", "up"] if code == "storage.login_refused" else ["serve"]
    started = [of(kind, environ, running) for kind in kinds]
    for program in started:
        program.launch()
    for program in started:
        assert await program.ended(PATIENCE) == 1
        assert last_sentence(program).startswith(NEVER_STARTED[code])
        assert [(line["level"], line.get("code")) for line in lines(program)][-1] == ("error", code)


# --- what is wrong with the database -----------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.parametrize(
    ("kind", "code", "status", "level", "sentence"),
    [
        (
            "serve",
            "schema.older",
            503,
            "error",
            r"The database's schema \(0001\) is older .*: run `desk db migrate`\.",
        ),
        (
            "work",
            "schema.newer",
            200,
            "warning",
            r"The database's schema \(9001\) is newer .*: start the version .*",
        ),
        *(
            (
                kind,
                "storage.unavailable",
                503,
                "error",
                r"The database cannot be reached .*: see that PostgreSQL runs.*",
            )
            for kind in ("serve", "jobs")
        ),
    ],
)
async def test_a_problem_of_the_database_is_told_everywhere_and_so_is_its_end(
    kind: str,
    code: str,
    status: int,
    level: str,
    sentence: str,
    environ: dict[str, str],
    running: Programs,
    database_url: str,
    servers: Addresses,
) -> None:
    program = of(kind, environ, running)
    await program.start()
    name = database_url.rpartition("/")[2]
    with psycopg.connect(on_database(servers.admin_url, "postgres"), autocommit=True) as admin:
        if code == "storage.unavailable":
            admin.execute(f'alter database "{name}" with allow_connections false')
            admin.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", (name,)
            )
        else:
            with psycopg.connect(database_url, autocommit=True) as database:
                version = "0001" if code == "schema.older" else "9001"
                database.execute("create table before as table alembic_version")
                database.execute("update alembic_version set version_num = %s", (version,))
        await logged(program, level, code, "something is wrong with the database")
        found, told = await program.told()
        assert found == status
        assert told["problem"]["code"] == code  # type: ignore[index]
        assert re.fullmatch(sentence, told["problem"]["sentence"])  # type: ignore[index]
        await metric(program, f'desk_problem{{code="{code}"}}', lambda there: there == 1)
        await metric(program, "desk_database_up", lambda up: up == (status == 200))

        if code == "storage.unavailable":
            admin.execute(f'alter database "{name}" with allow_connections true')
        else:
            with psycopg.connect(database_url, autocommit=True) as database:
                database.execute("update alembic_version set version_num = (select version_num from before)")
        await logged(program, "info", code, "the database is back")
    assert (await program.ready())["problem"] is None
    await metric(program, "desk_database_up", lambda up: up == 1)
    assert "desk_problem{" not in (await asked(f"{program.health}/metrics"))[1]
    program.terminate()
    assert await program.ended(30) == 0


@pytest.mark.long
async def test_a_full_disk_is_told_and_the_platform_sends_again(
    environ: dict[str, str], running: Programs, database_url: str
) -> None:
    await install(database_url, organization(quick, webhooks))
    nowhere = environment(database_url, "", int(environ["PORT"]), a_free_port(), Sandbox(customers=()))
    serve = of("serve", environ | nowhere | {"LOG_LEVEL": "INFO"}, running)
    await serve.start()
    with psycopg.connect(database_url, autocommit=True) as database:
        database.execute(
            "create function full_disk() returns trigger language plpgsql as $$ begin"
            " raise exception 'could not extend file' using errcode = '53100'; end $$"
        )
        database.execute("create trigger full_disk before insert on inbox execute function full_disk()")
        headers = {SECRET_HEADER: SECRET, "Content-Type": "application/json"}
        address = serve.health + hooks(database_url, "")["telegram"]
        async with aiohttp.ClientSession() as session:
            async with session.post(address, data=dumped(update(1)), headers=headers) as refused:
                assert (refused.status, await refused.json()) == (503, {"error": "storage.disk_full"})
            status, told = await serve.told()
            assert (status, told["database"]) == (503, "storage.disk_full")
            assert told["problem"] == {
                "code": "storage.disk_full",
                "sentence": "PostgreSQL's disk is full: make room there; nothing accepted is lost meanwhile.",
            }
            await logged(serve, "error", "storage.disk_full", "something is wrong with the database")
            await metric(serve, 'desk_problem{code="storage.disk_full"}', lambda there: there == 1)
            database.execute("drop trigger full_disk on inbox")
            async with session.post(address, data=dumped(update(1)), headers=headers) as taken:
                assert taken.status == 200


# --- what is told at the start, and to whom ----------------------------------------------------------------


@pytest.mark.long
async def test_every_process_says_at_its_start_where_it_listens_and_as_what(
    environ: dict[str, str], running: Programs, database_url: str
) -> None:
    await install(database_url, organization(quick, webhooks))
    nowhere = environment(database_url, environ["REDIS_URL"], 1, a_free_port(), Sandbox(customers=()))
    for kind in ("serve", "work", "jobs"):
        program = of(kind, nowhere | environ, running)
        await program.start()
        (begun,) = [line for line in lines(program) if line["event"] == "process started"]
        assert (begun["process"], begun["level"], begun["version"]) == (kind, "info", "0.1.0")
        assert f"http://{begun['host']}:{begun['port']}" == program.health
        assert begun.get("accounts") == (None if kind == "jobs" else 2)
        program.end()


@pytest.mark.long
async def test_jobs_tell_of_themselves(environ: dict[str, str], running: Programs) -> None:
    jobs = of("jobs", environ, running)
    await jobs.start()
    await metric(jobs, 'desk_jobs_total{job="sweep",outcome="done"}', lambda done: done >= 1)
    async with asyncio.timeout(PATIENCE):
        while (await jobs.ready())["redis"] != "up":  # noqa: ASYNC110 (it tells nobody)
            await asyncio.sleep(0.05)
    assert (await asked(f"{jobs.health}/healthz"))[0] == 200
    jobs.terminate()
    assert await jobs.ended(30) == 0


@pytest.mark.long
@pytest.mark.parametrize("kind", ["serve", "up"])
async def test_a_public_address_shows_strangers_only_that_the_process_lives(
    kind: str, environ: dict[str, str], running: Programs
) -> None:
    program = of(kind, environ | {"HOST": "0.0.0.0"}, running)  # noqa: S104
    program.launch()
    await logged(program, "warning", None, "/readyz and /metrics are not answered")
    for path, status in (("/healthz", 200), ("/readyz", 404), ("/metrics", 404)):
        assert (await asked(program.health + path))[0] == status
    program.terminate()
    assert await program.ended(30) == 0


@pytest.mark.long
async def test_behind_a_proxy_strangers_see_only_that_the_process_lives(
    environ: dict[str, str], running: Programs
) -> None:
    """It listens on this machine alone, and everybody reaches it through the proxy."""
    serve = of("serve", environ, running, PUBLIC_URL="https://desk.example")
    serve.launch()
    await logged_start(serve)
    for path, status in (("/healthz", 200), ("/readyz", 404), ("/metrics", 404)):
        assert (await asked(serve.health + path))[0] == status


@pytest.mark.long
async def test_a_redis_that_is_not_there_is_told_once_with_what_to_do(
    environ: dict[str, str], running: Programs
) -> None:
    nowhere = f"redis://127.0.0.1:{a_free_port()}/0"
    for kind in ("serve", "work", "jobs"):
        program = of(kind, environ | {"REDIS_URL": nowhere}, running)
        await program.start()
        await logged(program, "warning", "redis.unreachable", "redis")
        _, told = await asked(program.health + "/readyz")
        assert "see that it runs, and REDIS_URL" in json.loads(told)["redis_problem"]
        await metric(program, "desk_redis_up", lambda up: up == 0)


@pytest.mark.long
async def test_a_redis_that_refuses_the_password_is_told_as_that(
    environ: dict[str, str], running: Programs, redis_url: str
) -> None:
    refused = redis_url.replace("redis://", "redis://:wrong@", 1)
    work = of("work", environ | {"REDIS_URL": refused}, running)
    await work.start()
    await logged(work, "warning", "redis.login_refused", "redis")


@pytest.mark.long
async def test_a_token_opens_what_a_public_address_hides(environ: dict[str, str], running: Programs) -> None:
    serve = of("serve", environ | {"HOST": "0.0.0.0", "METRICS_TOKEN": "a-token"}, running)  # noqa: S104
    serve.launch()
    await logged_start(serve)
    for path in ("/readyz", "/metrics"):
        assert (await asked(serve.health + path))[0] == 401
        assert (await asked(serve.health + path, Authorization="Bearer another"))[0] == 401
        assert (await asked(serve.health + path, Authorization="a-token"))[0] == 401
        assert (await asked(serve.health + path, Authorization="Bearer a-token"))[0] == 200
    assert (await asked(serve.health + "/healthz"))[0] == 200
    assert "a-token" not in serve.last_words()


@pytest.mark.long
async def test_a_port_of_its_own_takes_health_from_the_public_one(
    environ: dict[str, str], running: Programs
) -> None:
    health = a_free_port()
    serve = of("serve", environ | {"HOST": "0.0.0.0"}, running, HEALTH_PORT=str(health))  # noqa: S104
    serve.launch()
    await logged_start(serve)
    for path in ("/readyz", "/metrics"):
        assert (await asked(serve.health + path))[0] == 404
        assert (await asked(f"http://127.0.0.1:{health}{path}"))[0] == 200
    assert [line for line in lines(serve) if line["level"] != "info"] == []


async def logged_start(program: Program) -> None:
    async with asyncio.timeout(PATIENCE):
        while not any(line["event"] == "process started" for line in lines(program)):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
