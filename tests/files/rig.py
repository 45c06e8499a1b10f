"""Around the fetching of files: a platform that hands them out, what accepts messages, and a store."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import aiohttp
from aiohttp import web
from sqlalchemy import Row, text

from bot.bus.accept import Bus
from bot.bus.directory import Directory
from bot.bus.fetch import Fetcher, FetchingPace
from bot.bus.scanning import Scan
from bot.bus.wakeups import Wakeups
from bot.core.conversation import FileReport
from bot.core.errors import AccountSuspended, PlatformDown, RateLimited, Refused
from bot.core.events import Attachment, AttachmentKind, Channel, Event, Place, Said, Sender
from bot.core.ids import ConversationId, CustomerId, OrgId, new_id
from storage.accounts import Account
from storage.database import Database
from storage.files import Files
from storage.filestore import FileStore
from storage.inbox import Inboxes
from storage.keys import Keys
from storage.organizations import Organizations
from storage.sealed_fields import FILE_ERROR
from storage.sealing import Keyring
from storage.views import views
from tests.accounts import Brought, all_accounts
from tests.story.rig import install, organization

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4
WAITS = timedelta(milliseconds=10)
PACE = FetchingPace(
    poll=WAITS, breath=WAITS, first_pause=WAITS, longest_pause=WAITS * 3, grace=timedelta(milliseconds=50)
)


@dataclass
class Platform:
    """Hands out files by their handle. `trouble` comes first, one for each request; None hangs half way."""

    contents: dict[str, bytes] = field(default_factory=dict)
    trouble: dict[str, list[int | None]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    hanging: asyncio.Event = field(default_factory=asyncio.Event)
    url: str = ""

    async def hand_out(self, request: web.Request) -> web.StreamResponse:
        ref = request.match_info["ref"]
        self.asked.append(ref)
        content = self.contents.get(ref, b"")
        trouble = self.trouble.get(ref)
        status = trouble.pop(0) if trouble else 200 if ref in self.contents else 404
        if status is None:
            response = web.StreamResponse(headers={"Content-Length": str(len(content))})
            await response.prepare(request)
            await response.write(content[: len(content) // 2])
            self.hanging.set()
            with suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
            return response
        return web.Response(status=status, body=content if status == 200 else b"")


class Connected:
    """The part of a connector that fetches."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.open_now = 0

    async def open(self, ref: str) -> AsyncIterator[bytes]:
        self.open_now += 1
        try:
            async with aiohttp.ClientSession() as session, session.get(f"{self._url}/{ref}") as response:
                if response.status == 200:
                    async for chunk in response.content.iter_chunked(16 * 1024):
                        yield chunk
                elif response.status == 429:
                    raise RateLimited("429", retry_after=WAITS)
                elif response.status == 401:
                    raise AccountSuspended("401", retry_after=WAITS)
                elif response.status >= 500:
                    raise PlatformDown(str(response.status))
                else:
                    raise Refused("file has expired")
        except aiohttp.ClientConnectionError:
            raise PlatformDown("cannot connect") from None
        finally:
            self.open_now -= 1


@dataclass
class Desk:
    """The part of one process that has to do with files."""

    platform: Platform
    connected: Connected
    database: Database
    keys: Keys
    wakeups: Wakeups
    bus: Bus
    files: Files
    store: FileStore
    folder: Path
    accounts: Mapping[str, Account]

    @property
    def organization(self) -> OrgId:
        return self.accounts["telegram"].organization

    def fetcher(
        self,
        *,
        scan: Scan | None = None,
        max_bytes: int = 1024 * 1024,
        pace: FetchingPace = PACE,
        store: FileStore | None = None,
        connectors: Mapping[str, object] | None = None,
    ) -> Fetcher:
        usual: Mapping[str, object] = {"telegram": self.connected}
        return Fetcher(
            files=self.files,
            store=store or self.store,
            connectors=Brought(self.accounts, usual if connectors is None else connectors),
            wakeups=self.wakeups,
            scan=scan,
            max_bytes=max_bytes,
            pace=pace,
        )

    @asynccontextmanager
    async def fetching(self, fetcher: Fetcher) -> AsyncIterator[None]:
        stop = asyncio.Event()
        running = asyncio.create_task(fetcher.run(stop))
        try:
            yield
        finally:
            stop.set()
            async with asyncio.timeout(120):
                await running

    async def hears(self, *refs: str, mime_type: str = "image/png", name: str = "photo.png") -> None:
        """Maya sends a message with files."""
        attached = tuple(
            Attachment(kind=AttachmentKind.DOCUMENT, ref=ref, mime_type=mime_type, name=name) for ref in refs
        )
        place = Place(Channel("telegram"), "telegram", "4711")
        await self.bus.accept(
            self.accounts["telegram"].id,
            [
                Event(
                    external_id=f"update:{new_id()}",
                    place=place,
                    sender=Sender("4711", "Maya"),
                    content=Said("look at this", attached),
                    occurred_at=datetime.now(UTC),
                )
            ],
        )

    async def rows(self) -> list[object]:
        """Return the rows of all files, with what is sealed of their failures opened."""
        joined = "select f.*, c.data_key from files f join customers c on c.id = f.customer_id"
        async with self.database.begin() as connection:
            rows = (await connection.execute(text(f"{joined} order by f.position"))).all()
        return [SimpleNamespace(**{**row._mapping, "error": self._opened(row)}) for row in rows]

    def _opened(self, row: Row[Any]) -> str | None:
        if not row.error:
            return None
        sealer = self.keys.customer(CustomerId(row.customer_id), row.data_key)
        return sealer.open(row.error, field=FILE_ERROR)

    async def settled(self, count: int = 1, *, seconds: float = 60.0) -> list[object]:
        """The rows, once so many have an end."""
        async with asyncio.timeout(seconds):
            while True:
                rows = await self.rows()
                if sum(row.state != "waiting" for row in rows) >= count:  # type: ignore[attr-defined]
                    return rows
                await asyncio.sleep(0.01)

    async def tried(self, times: int) -> None:
        """Wait until the first file has been claimed so often."""
        async with asyncio.timeout(120):
            while (await self.rows())[0].attempts < times:  # type: ignore[attr-defined]  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async def told(self) -> list[FileReport]:
        """Return what the conversation has been told of its files."""
        async with self.database.begin() as connection:
            (id_,) = await connection.scalars(text("select id from conversations"))
            view = (await views(connection, self.keys, [ConversationId(id_)]))[ConversationId(id_)]
        return [item.body for item in view.inputs if isinstance(item.body, FileReport)]

    async def content(self, file: UUID) -> bytes:
        kept = await self.files.find(self.organization, file)
        return b"".join([chunk async for chunk in self.store.open(kept.id, kept.sealer)])

    def objects(self) -> list[Path]:
        return [path for path in self.folder.rglob("*") if path.is_file()]


@asynccontextmanager
async def desk(database_url: str, folder: Path) -> AsyncIterator[Desk]:
    await install(database_url, organization())
    platform = Platform()
    async with AsyncExitStack() as stack:
        app = web.Application()
        app.router.add_get("/{ref}", platform.hand_out)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        platform.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        database = Database(database_url, pool=4)
        stack.push_async_callback(database.close)
        keys = Keys(Keyring((b"k" * 32,)))
        inboxes = Inboxes(keys, new_id)
        wakeups = Wakeups(None, "files", [])
        directory = Directory(database, keys, Organizations(database))

        async def nothing(*_: object) -> str:
            return ""

        async with database.begin() as connection:
            accounts = {account.account: account for account in await all_accounts(connection, keys)}
        bus = Bus(database, inboxes, directory, wakeups, nothing)
        running = asyncio.create_task(bus.run())
        stack.push_async_callback(asyncio.gather, running, return_exceptions=True)
        stack.callback(running.cancel)
        yield Desk(
            platform,
            Connected(platform.url),
            database,
            keys,
            wakeups,
            bus,
            Files(database, keys, inboxes),
            FileStore(folder.as_uri()),
            folder,
            accounts,
        )
