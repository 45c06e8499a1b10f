"""Run a `/desk` command on the shell: open the database, run the command, close the database."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from getpass import getpass
from typing import Final, TextIO
from uuid import UUID

from bot.app.addresses import address_of
from bot.app.channels import CHANNELS
from bot.app.cli_output import printable
from bot.app.embedded import EmbeddedPostgres, running
from bot.app.embedded.server_files import LOOPBACK
from bot.app.instance import running_instance
from bot.app.logs import configure
from bot.app.settings import LogLevel, Settings, load, parse, surroundings
from bot.commands.desk import NOWHERE, Borrow, Consent, Desk, unopened
from bot.commands.execute import execute
from bot.commands.registry import registry
from bot.commands.secrets import LONGEST
from bot.core.commands import Call, Output, shell_of
from bot.core.connector import Connector, Resources
from bot.core.errors import SettingsError
from bot.core.ids import new_id, utc_now
from orgs.specification.organization import Account as Declared
from orgs.specification.organization import Organization
from storage.accounts import Account
from storage.anchors import Anchors, file_of
from storage.database import Database
from storage.filestore import FileStore
from storage.health import check
from storage.keys import Keys, rewrap, rewrap_organizations
from storage.organizations import Organizations, find
from storage.sealing import Keyring

_POOL = 2
_WITHOUT_STORAGE: Final = frozenset(("help", "org lint", "channels"))


async def run_command(name: str, arguments: dict[str, str], org: str, *, sandbox: bool) -> Output:
    """Run a command as the shell. Raises DeskError."""
    noun = name.split(maxsplit=1)[0]
    if name in _WITHOUT_STORAGE:
        command, _ = registry(unopened(CHANNELS), noun).find(name.split())
        return await command.handler(Call(shell_of(NOWHERE), arguments))
    configure(LogLevel.WARNING)
    applies = name == "org apply" and bool(arguments["path"])
    settings = await asyncio.to_thread(settings_for, surroundings(os.environ), begins=applies)
    if sandbox:
        from bot.app.sandbox import in_running_sandbox

        settings = in_running_sandbox(settings)
    async with opened_desk(settings, Shell(sys.stdin, sys.stderr), migrate=applies) as desk:
        command, _ = registry(desk, noun).find(name.split())
        organization = NOWHERE
        if org:
            async with desk.database.begin() as connection:
                organization = (await find(connection, org)).organization
        return await execute(desk, shell_of(organization), command, arguments)


@dataclass(frozen=True, slots=True)
class Shell:
    """Asks questions on a terminal. Without a terminal nobody can answer, so nothing is agreed to."""

    answers: TextIO
    questions: TextIO

    async def confirm(self, changes: str, question: str) -> Consent:
        if not (self.answers.isatty() and self.questions.isatty()):
            return Consent.UNASKED
        self.questions.write(f"{printable(changes)}\n{question} [y/N] ")
        self.questions.flush()
        answer = await asyncio.to_thread(self.answers.readline)
        return Consent.AGREED if answer.strip().lower() in ("y", "yes") else Consent.DECLINED

    async def ask_secret(self, prompt: str) -> str:
        """Read a secret: everything that is piped in, or on a terminal one line, which is not shown."""
        if self.answers.isatty():
            return await asyncio.to_thread(getpass, prompt, self.questions)
        return await asyncio.to_thread(self.answers.read, LONGEST + 2)


def settings_for(environ: Mapping[str, str], *, begins: bool) -> Settings:
    """Load the settings of a command. `begins`: the command may start with an empty database.

    Raises SettingsError when any other command finds no data, because it was typed in the wrong folder.
    Creates nothing.
    """
    told = parse(environ)
    if not begins and told.database_url is None and not EmbeddedPostgres(told.var).exists:
        raise SettingsError(
            f"there is no data in {told.var}: type this in the folder where `make run` was started, or set"
            " VAR_DIR"
        )
    return _as_running(load(environ))


def _as_running(settings: Settings) -> Settings:
    """Return settings whose links lead to the program that runs on the same data.

    PUBLIC_URL or PORT take precedence where one is set.
    """
    if settings.has("PUBLIC_URL") or settings.has("PORT"):
        return settings
    found = running_instance(settings.var)
    if found is None:
        return settings
    return replace(settings, port=found.port, public_url=f"http://{LOOPBACK}:{found.port}")


@asynccontextmanager
async def database_url(settings: Settings) -> AsyncIterator[str]:
    """Yield the URL of the configured database, or of our own PostgreSQL if none is configured.

    Our own server is started if it does not run yet.
    """
    if settings.database_url is not None:
        yield settings.database_url
        return
    async with running(EmbeddedPostgres(settings.var)) as postgres:
        yield postgres.url


@asynccontextmanager
async def opened_desk(settings: Settings, shell: Shell, *, migrate: bool) -> AsyncIterator[Desk]:
    """Open the desk for one command of the shell, and close its database afterwards.

    The command wakes no workers, because workers look for work once a second. Our own database is always
    migrated to the newest schema; a database of the operator's own only if `migrate` is set.
    """
    async with database_url(settings) as url:
        if migrate or settings.database_url is None:
            await _upgraded(url)
        database = Database(url, pool=_POOL)
        keys = Keys(Keyring(settings.encryption_keys))
        try:
            await check(database)
            yield Desk(
                database=database,
                keys=keys,
                new_id=new_id,
                clock=utc_now,
                organizations=Organizations(database),
                wake_workers=_nobody,
                channels=CHANNELS,
                anchors=Anchors(FileStore(settings.files_url), keys.keyring, file_of(settings.anchors_url)),
                confirm=shell.confirm,
                ask_secret=shell.ask_secret,
                borrow=_borrower(settings, database, keys),
                address=partial(address_of, settings),
            )
        finally:
            await database.close()


def _borrower(settings: Settings, database: Database, keys: Keys) -> Borrow:
    """Return a function that lends connectors as the processes do.

    The code for that is loaded only when a command borrows one, which few do.
    """

    @asynccontextmanager
    async def borrow(
        account: Account, declared: Declared, organization: Organization
    ) -> AsyncIterator[Connector]:
        from bot.app.files import FileService
        from bot.app.lending import lender
        from storage.files import Files
        from storage.inbox import Inboxes
        from storage.vault import AccountVault

        file_service = FileService(
            Files(database, keys, Inboxes(keys, new_id)),
            FileStore(settings.files_url),
            public_url=settings.public_url,
            key=settings.encryption_keys[0],
            clock=utc_now,
        )

        def lend(account: Account) -> Resources:
            return Resources(
                files=file_service.of(account.organization), vault=AccountVault(database, account)
            )

        async with lender(settings, CHANNELS, database, lend)(account, declared, organization) as connector:
            yield connector

    return borrow


async def _nobody() -> None:
    pass


async def _upgraded(url: str) -> list[str]:
    from storage.migrate import upgrade

    return await asyncio.to_thread(upgrade, url)


async def migrated() -> list[str]:
    """Apply all pending migrations and return their names."""
    settings = load(surroundings(os.environ))
    async with database_url(settings) as url:
        return await _upgraded(url)


async def rotated() -> tuple[int, int]:
    """Wrap all keys anew with the newest encryption key. May be interrupted and repeated.

    Return how many keys of customers and how many of organizations were wrapped.
    """
    settings = load(surroundings(os.environ))
    keyring = Keyring(settings.encryption_keys)
    async with database_url(settings) as url:
        database = Database(url, pool=_POOL)
        try:
            await check(database)
            async with database.begin() as connection:
                organizations = await rewrap_organizations(connection, keyring)
            customers, after = 0, UUID(int=0)
            while True:
                async with database.begin() as connection:
                    changed, last = await rewrap(connection, keyring, after)
                customers += changed
                if last is None:
                    return customers, organizations
                after = last
        finally:
            await database.close()
