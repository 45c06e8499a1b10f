"""A worker in a process of its own, for a test to kill: database, store and platform by their addresses."""

import asyncio
import sys
from collections.abc import AsyncIterator
from datetime import timedelta

import aiohttp

from bot.bus.fetch import Fetcher, FetchingPace
from bot.bus.wakeups import Wakeups
from bot.core.ids import new_id
from storage.database import Database
from storage.files import Files
from storage.filestore import FileStore
from storage.inbox import Inboxes
from storage.keys import Keys
from storage.sealing import Keyring
from tests.accounts import Brought, all_accounts


class Connected:
    """The part of a connector that fetches."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def open(self, ref: str) -> AsyncIterator[bytes]:
        async with aiohttp.ClientSession() as session, session.get(f"{self._url}/{ref}") as response:
            async for chunk in response.content.iter_any():
                yield chunk


async def main(database_url: str, store: str, platform: str) -> None:
    database, keys = Database(database_url, pool=2), Keys(Keyring((b"k" * 32,)))
    async with database.begin() as connection:
        accounts = {account.account: account for account in await all_accounts(connection, keys)}
    fetcher = Fetcher(
        files=Files(database, keys, Inboxes(keys, new_id)),
        store=FileStore(store),
        connectors=Brought(accounts, {"telegram": Connected(platform)}),
        wakeups=Wakeups(None, "files", []),
        scan=None,
        max_bytes=1024 * 1024,
        pace=FetchingPace(lease=timedelta(seconds=1)),
    )
    await fetcher.run(asyncio.Event())


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
