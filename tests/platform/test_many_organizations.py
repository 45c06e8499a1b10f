"""With many organizations a process does what has to do with those that change or are written to."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest

from bot.app.channels import CHANNELS
from bot.app.connections import Connections
from bot.app.files import FileService
from bot.app.settings import parse
from bot.bus.directory import Directory
from bot.core.connector import AccountSettings, Connector, Resources
from bot.core.ids import new_id, utc_now
from connectors.email.settings import read_settings
from orgs.loading import Loaded, load
from storage.accounts import Account
from storage.database import Database
from storage.files import Files
from storage.filestore import FileStore
from storage.inbox import Inboxes
from storage.keys import Keys
from storage.organizations import Organizations, apply
from storage.sealing import Keyring
from storage.vault import AccountVault
from tests.story.rig import SAMPLE

MANY = 5


def named(loaded: Loaded, number: int) -> Loaded:
    """Return the same file for another organization, with accounts of its own."""
    accounts = tuple(
        account.model_copy(
            update={"secrets": {key: f"{name}_{number}" for key, name in account.secrets.items()}}
        )
        for account in loaded.organization.accounts
    )
    own = {"name": f"Shop {number}", "accounts": accounts}
    return replace(loaded, organization=loaded.organization.model_copy(update=own))


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url, pool=2)
    yield database
    await database.close()


async def install(database: Database, keys: Keys, loaded: Loaded) -> None:
    async with database.begin() as connection:
        await apply(connection, keys, new_id, loaded, by="test")


async def test_a_refresh_reads_the_organizations_that_changed_and_no_others(database: Database) -> None:
    keys, loaded = Keys(Keyring((b"k" * 32,))), load(SAMPLE)
    for number in range(MANY):
        await install(database, keys, named(loaded, number))
    directory = Directory(database, keys, Organizations(database))
    await directory.refresh()
    assert len(directory.take_changes()) == MANY

    await directory.refresh()
    assert directory.take_changes() == set()
    before = tuple(directory)

    shop = named(loaded, 3)
    changed = shop.organization.model_copy(update={"description": "Sells boards."})
    await install(database, keys, replace(shop, organization=changed, digest="changed"))
    await directory.refresh()
    [organization] = directory.take_changes()
    kept = [account for account in directory if any(account is known for known in before)]
    assert all(account.organization != organization for account in kept)
    assert len(kept) == len(before) * (MANY - 1) // MANY, "those of the others were not read again"


async def test_a_connector_opens_with_the_first_use_of_its_account(
    database: Database, tmp_path: Path
) -> None:
    keys, loaded = Keys(Keyring((b"k" * 32,))), load(SAMPLE)
    for number in range(MANY):
        await install(database, keys, named(loaded, number))
    opened: list[AccountSettings] = []
    kind = CHANNELS["whatsapp"]

    def opening(settings: AccountSettings, resources: Resources) -> Connector:
        opened.append(settings)
        return kind.open(settings, resources)

    secrets = {
        name: "x" * 32
        for number in range(MANY)
        for account in named(loaded, number).organization.accounts
        for name in account.secrets.values()
    }
    settings = parse({"PUBLIC_URL": "https://desk.example", **secrets})
    stored = Files(database, keys, Inboxes(keys, new_id))
    files = FileService(
        stored, FileStore(tmp_path.as_uri()), public_url=settings.public_url, key=b"k" * 32, clock=utc_now
    )

    def lend(account: Account) -> Resources:
        return Resources(files=files.of(account.organization), vault=AccountVault(database, account))

    directory = Directory(database, keys, Organizations(database))
    kinds = {"whatsapp": replace(kind, open=opening)}
    connections = Connections(settings, kinds, directory, database, lend)
    await directory.refresh()
    await connections.sync()
    assert opened == [], "there are accounts, and nobody has written to them"

    account = next(account for account in directory if account.channel == "whatsapp")
    assert await connections.get(account.id) is await connections.get(account.id)
    assert [each.account for each in opened] == [account.account]
    await connections.close()


def test_mailboxes_share_their_tls_context() -> None:
    """A TLS context takes up to a megabyte, and 100 ms to make."""
    boxes = [
        AccountSettings(
            account=name,
            serves="customers",
            mode="polling",
            secrets=MappingProxyType({"password": "hush"}),
            options=MappingProxyType(
                {
                    "address": f"{name}@a.example",
                    "imap": "imap.a.example",
                    "smtp": "smtp.a.example",
                }
            ),
        )
        for name in ("sales", "billing")
    ]
    first, second = (read_settings(box).tls for box in boxes)
    assert first is second
