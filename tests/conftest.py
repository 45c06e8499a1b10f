"""Fixtures that every test may ask for: a database of its own, a Redis database, a free port, a Chromium, the
shared folder.

Nothing but this machine can be reached: connecting anywhere else raises NotLoopback.
"""

import gc
import ipaddress
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis
from hypothesis import settings

from bot.app.embedded.server_files import free_port as find_free_port
from tests.lengths import FULL, LAST_RUN
from tests.tools.shared_servers import Addresses, SharedServers, ask, clone, drop, on_database

ROOT = Path(__file__).resolve().parents[1]
_numbers = itertools.count(1)
_servers = pytest.StashKey[SharedServers]()
_folder = pytest.StashKey[Path]()
_begun = pytest.StashKey[float]()
_COSTLY = frozenset({"servers", "chromium", "var", "free_port"})  # fixtures of tests that start something
_COSTLY_CASES, _CASES = 3, 24  # so many cases of a test has a short run
_ORDER = {folder: n for n, folder in enumerate(("chaos", "story", "platform", "sandbox", "rooms", "turns"))}


settings.register_profile("desk", deadline=None)  # no test depends on the speed of the machine
settings.load_profile("desk")


class NotLoopback(OSError):
    """A test tried to reach another machine."""


def _only_loopback(event: str, args: tuple[object, ...]) -> None:
    if event not in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        return
    address = args[1]
    if not isinstance(address, tuple) or not address:
        return  # a unix socket, or one that is connected already
    try:
        reachable = ipaddress.ip_address(str(address[0]).partition("%")[0]).is_loopback
    except ValueError:
        reachable = address[0] in ("", "localhost")
    if not reachable:
        raise NotLoopback(f"a test may not connect to {address[0]}: loopback only")


def pytest_configure(config: pytest.Config) -> None:
    gc.set_threshold(50_000, 20, 50)  # by default it costs a tenth of the time, for little that is garbage
    sys.addaudithook(_only_loopback)  # below asyncio and every client, and nothing is patched
    config.stash[_begun] = time.monotonic()
    workerinput = getattr(config, "workerinput", None)
    if workerinput is not None:
        config.stash[_folder] = Path(workerinput["servers"])
    else:
        servers = config.stash[_servers] = SharedServers()
        config.stash[_folder] = servers.folder


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: object) -> None:
    """Called by pytest-xdist in the controlling process, once for each worker."""
    node.workerinput["servers"] = str(node.config.stash[_folder])  # type: ignore[attr-defined]


@pytest.hookimpl(trylast=True)  # -k and -m choose first
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what a short run of all tests has no time for, and begin with what takes longest.

    A run of files or tests that are named leaves nothing out.
    """
    if not FULL and _is_whole(config):
        chosen = set(_short(items))
        config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
        items[:] = [item for item in items if item in chosen]
    items.sort(key=lambda item: _ORDER.get(item.path.relative_to(ROOT / "tests").parts[0], len(_ORDER)))


def _is_whole(config: pytest.Config) -> bool:
    """Return whether no test, file or folder was named."""
    return all(Path(given).resolve() == ROOT / "tests" for given in config.args)


def pytest_collection_finish() -> None:
    """Keep what lives until the end, modules and tests, out of what is searched for garbage."""
    gc.collect()
    gc.freeze()


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Note how long a whole run took, for `make bench` to show."""
    config = session.config
    chosen = config.getoption("-m") or config.getoption("-k")
    if exitstatus or chosen or hasattr(config, "workerinput") or not _is_whole(config):
        return
    known = json.loads(LAST_RUN.read_text("utf-8")) if LAST_RUN.exists() else {}
    known["full" if FULL else "short"] = round(time.monotonic() - config.stash[_begun], 1)
    LAST_RUN.parent.mkdir(exist_ok=True)
    LAST_RUN.write_text(json.dumps(known), "utf-8")


def _short(items: list[pytest.Item]) -> Iterator[pytest.Item]:
    """Yield the tests of a short run: none that is marked as long, and some cases of those with many.

    The cases are spread evenly over the list that the test is given, so that it is the same ones every time.
    """
    tests: dict[tuple[Path, str], list[pytest.Item]] = {}
    for item in items:
        if item.get_closest_marker("long") is None:
            tests.setdefault((item.path, item.nodeid.partition("[")[0]), []).append(item)
    for cases in tests.values():
        costly = not _COSTLY.isdisjoint(getattr(cases[0], "fixturenames", ()))
        most = _COSTLY_CASES if costly else _CASES
        yield from (
            cases if len(cases) <= most else (cases[n * (len(cases) - 1) // (most - 1)] for n in range(most))
        )


def pytest_unconfigure(config: pytest.Config) -> None:
    if (servers := config.stash.get(_servers, None)) is not None:
        servers.close()


@pytest.fixture(scope="session")
def servers(pytestconfig: pytest.Config) -> Addresses:
    """The run's PostgreSQL and Valkey. Tests ask for `database_url` and `redis_url`."""
    return ask(pytestconfig.stash[_folder])


@pytest.fixture(scope="session")
def _admin(servers: Addresses) -> Iterator[psycopg.Connection]:
    with psycopg.connect(servers.admin_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def database_url(servers: Addresses, _admin: psycopg.Connection, worker_id: str) -> Iterator[str]:
    """A database of this test alone, migrated to the newest schema; dropped afterwards."""
    name = f"test_{worker_id}_{next(_numbers)}"
    clone(_admin, name)
    yield on_database(servers.admin_url, name)
    drop(_admin, name)


@pytest.fixture
def second_database_url(servers: Addresses, _admin: psycopg.Connection, worker_id: str) -> Iterator[str]:
    """Another database, for tests of two installations side by side."""
    name = f"test_{worker_id}_{next(_numbers)}"
    clone(_admin, name)
    yield on_database(servers.admin_url, name)
    drop(_admin, name)


@pytest.fixture
def redis_url(servers: Addresses, worker_id: str) -> Iterator[str]:
    """An empty Redis database which no test running at the same time uses."""
    number = 1 + (int(worker_id.removeprefix("gw")) if worker_id != "master" else 0)
    url = on_database(servers.redis_url, str(number))
    with redis.Redis.from_url(url) as client:
        client.flushdb()
        yield url
        client.flushdb()


@pytest.fixture
def free_port() -> int:
    return find_free_port()


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """Published wire formats and data sets, which are not part of the project."""
    folder = Path(os.environ.get("SHARED_DIR", ROOT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"no folder {folder.name!r} beside the project: set SHARED_DIR to run this test")
    return folder


@pytest.fixture(scope="session")
def chromium() -> Path:
    """The path of a Chromium. Without one: skipped on a developer's machine, failed in CI."""
    search = subprocess.run(
        [ROOT / "tests" / "tools" / "chromium", sys.executable],
        env=os.environ | {"CHROMIUM_SEARCH_ONLY": "1", "CHROMIUM": os.environ.get("CHROMIUM", "")},
        capture_output=True,
        text=True,
        check=False,
    )
    if search.returncode == 0:
        return Path(search.stdout.strip())
    if os.environ.get("CI"):
        pytest.fail(search.stderr)
    pytest.skip("no Chromium on this machine: install one, or set CHROMIUM to its path")


@pytest.fixture(scope="session")
def artifacts() -> Path:
    """Return the folder where tests leave what people may want to look at, such as screenshots."""
    folder = ROOT / "tests" / "artifacts"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture
def var() -> Iterator[Path]:
    """An empty folder for a test's own servers. Not `tmp_path`, which PostgreSQL's account could not
    enter.
    """
    with tempfile.TemporaryDirectory(prefix="desk-var-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o711)
        yield folder
