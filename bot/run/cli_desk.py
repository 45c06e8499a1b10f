"""What a command on the shell works with: a database, opened for as long as the command runs."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from getpass import getpass
from typing import TextIO
from uuid import UUID

from bot.commands.desk import Desk, Reply
from bot.commands.secrets import LONGEST
from bot.core.connector import Means
from bot.core.errors import SettingsError
from bot.core.ids import new_id, utc_now
from bot.run.checking import lender
from bot.run.cli_output import printable
from bot.run.connections import Lend, address_of
from bot.run.embedded import EmbeddedPostgres, running
from bot.run.embedded.kept import LOOPBACK
from bot.run.files import Shelf
from bot.run.instance import running_instance
from bot.run.settings import Settings, load, parse
from bot.run.wiring import CHANNELS
from storage.accounts import Account
from storage.anchors import Anchors, file_of
from storage.database import Database
from storage.files import Files, FileStore
from storage.health import check
from storage.inbox import Inboxes
from storage.keys import Keys, rewrap, rewrap_organizations
from storage.migrate import upgrade
from storage.organizations import Organizations
from storage.sealing import Keyring
from storage.vault import AccountVault

_POOL = 2


@dataclass(frozen=True, slots=True)
class Shell:
    """Ask on a terminal. Without one nobody is there to answer, so nothing is agreed to."""

    answers: TextIO
    questions: TextIO

    async def confirm(self, changes: str, question: str) -> Reply:
        if not (self.answers.isatty() and self.questions.isatty()):
            return Reply.UNASKED
        self.questions.write(f"{printable(changes)}\n{question} [y/N] ")
        self.questions.flush()
        answer = await asyncio.to_thread(self.answers.readline)
        return Reply.AGREED if answer.strip().lower() in ("y", "yes") else Reply.DECLINED

    async def ask_secret(self, prompt: str) -> str:
        """Read a secret: all that is piped in, or a line that is typed unseen."""
        if self.answers.isatty():
            return await asyncio.to_thread(getpass, prompt, self.questions)
        return await asyncio.to_thread(self.answers.read, LONGEST + 2)


def settings_for(environ: Mapping[str, str], *, begins: bool) -> Settings:
    """Load the settings of a command. `begins`: it may begin with an empty database.

    Raises SettingsError where another one finds no data: it was typed in the wrong folder. Makes nothing.
    """
    told = parse(environ)
    if not begins and told.database_url is None and not EmbeddedPostgres(told.var).exists:
        raise SettingsError(
            f"there is no data in {told.var}: type this in the folder where `make run` was started, or set"
            " VAR_DIR"
        )
    return _as_running(load(environ))


def _as_running(settings: Settings) -> Settings:
    """Let what is shown lead to the program that runs on the same data, where nothing else was told."""
    if settings.has("PUBLIC_URL") or settings.has("PORT"):
        return settings
    found = running_instance(settings.var)
    if found is None:
        return settings
    return replace(settings, port=found.port, public_url=f"http://{LOOPBACK}:{found.port}")


@asynccontextmanager
async def database_url(settings: Settings) -> AsyncIterator[str]:
    """The database of the settings; without one our own, started if nobody runs it."""
    if settings.database_url is not None:
        yield settings.database_url
        return
    async with running(EmbeddedPostgres(settings.var)) as postgres:
        yield postgres.url


@asynccontextmanager
async def opened_desk(settings: Settings, shell: Shell, *, migrate: bool) -> AsyncIterator[Desk]:
    """Workers look for themselves once a second, so nobody is rung from here.

    Our own database is always brought to the newest schema, a database of yours only when `migrate` says so.
    """
    async with database_url(settings) as url:
        if migrate or settings.database_url is None:
            await asyncio.to_thread(upgrade, url)
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
                ring=_nobody,
                channels=CHANNELS,
                anchors=Anchors(FileStore(settings.files_url), keys.keyring, file_of(settings.anchors_url)),
                confirm=shell.confirm,
                ask_secret=shell.ask_secret,
                borrow=lender(settings, CHANNELS, database, _lend(settings, database, keys)),
                address=partial(address_of, settings),
            )
        finally:
            await database.close()


def _lend(settings: Settings, database: Database, keys: Keys) -> Lend:
    """As the processes lend it. What few commands need is built when one asks for it."""

    def lend(account: Account) -> Means:
        shelf = Shelf(
            Files(database, keys, Inboxes(keys, new_id)),
            FileStore(settings.files_url),
            public_url=settings.public_url,
            key=settings.encryption_keys[0],
            clock=utc_now,
        )
        return Means(files=shelf.of(account.organization), vault=AccountVault(database, account))

    return lend


async def _nobody() -> None:
    pass


async def migrated(settings: Settings) -> list[str]:
    """The migrations that were applied."""
    async with database_url(settings) as url:
        return await asyncio.to_thread(upgrade, url)


async def rotated(settings: Settings) -> tuple[int, int]:
    """How many keys of customers and of organizations were wrapped anew. Can be interrupted and repeated."""
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
