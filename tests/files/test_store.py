"""File stores: a folder, and servers that speak S3. The same promises hold for both."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from uuid import UUID

import pytest

from bot.core.errors import PlatformDown, Refused, SettingsError
from bot.core.ids import OrgId, new_id, utc_now
from storage.anchors import Anchor, Anchors
from storage.audit import Link
from storage.filestore import FileStore
from storage.sealing import Keyring, Sealer
from tests.files.s3 import S3

FILE = UUID(int=77)
SEALER = Sealer(b"d" * 32, UUID(int=9))
LARGE = 12 * 1024 * 1024  # three parts


async def of(data: bytes, piece: int = 60_000) -> AsyncIterator[bytes]:
    for start in range(0, len(data), piece):
        yield data[start : start + piece]


async def read(store: FileStore, file: UUID = FILE) -> bytes:
    return b"".join([chunk async for chunk in store.open(file, SEALER)])


def left(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file()]


@contextmanager
def environ(**names: str) -> Iterator[None]:
    """S3's settings come from the environment, as they do for every program that speaks it."""
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(names)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


@asynccontextmanager
async def bucket(s3: S3) -> AsyncIterator[FileStore]:
    async with s3.listening() as url:
        with environ(
            AWS_ENDPOINT_URL=url,
            AWS_REGION="eu-central-1",
            AWS_ACCESS_KEY_ID="ours",
            AWS_SECRET_ACCESS_KEY="secret",
        ):
            store = FileStore("s3://files/desk")
        yield store


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path.as_uri())


@pytest.mark.parametrize("data", [b"", b"x", bytes(range(256)) * 1000, b"L" * LARGE])
async def test_a_folder_keeps_what_it_is_given_and_nobody_can_read_it_there(
    store: FileStore, tmp_path: Path, data: bytes
) -> None:
    assert await store.put(FILE, SEALER, of(data)) == len(data)
    assert await read(store) == data
    (kept,) = (path for path in tmp_path.rglob("*") if path.is_file())
    assert data[:30] == b"x" or not data or data[:30] not in kept.read_bytes()


async def test_a_second_writing_replaces_the_first(store: FileStore) -> None:
    await store.put(FILE, SEALER, of(b"first" * 50_000))
    await store.put(FILE, SEALER, of(b"second"))
    assert await read(store) == b"second"


@pytest.mark.parametrize("size", [100_000, LARGE])
async def test_content_that_breaks_leaves_nothing_and_tells_what_happened(
    store: FileStore, tmp_path: Path, size: int
) -> None:
    async def breaking() -> AsyncIterator[bytes]:
        async for chunk in of(b"x" * size):
            yield chunk
        raise Refused("gone in the middle")

    with pytest.raises(Refused, match="gone in the middle"):
        await store.put(FILE, SEALER, breaking())
    assert left(tmp_path) == []


@pytest.mark.parametrize("size", [100_000, LARGE])
async def test_a_cancelled_writing_leaves_nothing_and_keeps_what_was_there(
    store: FileStore, tmp_path: Path, size: int
) -> None:
    await store.put(FILE, SEALER, of(b"before"))
    reached = asyncio.Event()

    async def hanging() -> AsyncIterator[bytes]:
        async for chunk in of(b"x" * size):
            yield chunk
        reached.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(store.put(FILE, SEALER, hanging()))
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert left(tmp_path) == [str(FILE)]
    assert await read(store) == b"before"


async def test_a_file_that_is_gone_or_damaged_is_refused(store: FileStore, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="file_gone"):
        await read(store)
    await store.put(FILE, SEALER, of(b"x" * 100_000))
    (path,) = (path for path in tmp_path.rglob("*") if path.is_file())
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(Refused, match="file_damaged"):
        await read(store)
    await store.delete(FILE)
    await store.delete(FILE)
    assert left(tmp_path) == []


async def test_a_disk_that_takes_nothing_is_down(tmp_path: Path) -> None:
    store = FileStore((tmp_path / "files").as_uri())
    (tmp_path / "files").rmdir()
    (tmp_path / "files").write_text("in the way")
    with pytest.raises(PlatformDown, match="file_store"):
        await store.put(FILE, SEALER, of(b"x"))


async def test_half_written_files_of_killed_processes_are_removed_a_day_later(
    store: FileStore, tmp_path: Path
) -> None:
    await store.put(FILE, SEALER, of(b"kept"))
    folder = next(tmp_path.iterdir())
    old, new = folder / f"{UUID(int=5)}#1", folder / f"{UUID(int=6)}#1"
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (time.time() - 90_000,) * 2)
    assert await store.tidy() == 1
    assert sorted(left(tmp_path)) == sorted([str(FILE), new.name])


@pytest.mark.parametrize("url", ["s3://", "nonsense://x", "https://files.example/folder", "file://host/x"])
def test_an_address_that_is_no_store_is_a_mistake_in_the_settings(url: str) -> None:
    with pytest.raises(SettingsError, match="FILES_URL"):
        FileStore(url)


@pytest.mark.parametrize("data", [b"", b"small" * 1000, b"L" * LARGE])
async def test_a_bucket_keeps_what_it_is_given(data: bytes) -> None:
    s3 = S3()
    async with bucket(s3) as store:
        assert await store.put(FILE, SEALER, of(data)) == len(data)
        assert await read(store) == data
        assert list(s3.objects) == [f"files/desk/4d/{FILE}"]
        whole = ["PUT"] if len(data) < LARGE else ["POST", "PUT", "PUT", "PUT", "POST"]
        assert s3.requests == [*whole, "GET"]
        await store.delete(FILE)
        await store.delete(FILE)
        assert s3.objects == {}
        with pytest.raises(Refused, match="file_gone"):
            await read(store)
        assert await store.tidy() == 0


async def test_a_large_file_that_breaks_leaves_no_parts_in_the_bucket() -> None:
    s3 = S3()

    async def breaking() -> AsyncIterator[bytes]:
        async for chunk in of(b"x" * LARGE):
            yield chunk
        raise Refused("the virus scanner found it")

    async with bucket(s3) as store:
        with pytest.raises(Refused, match="scanner"):
            await store.put(FILE, SEALER, breaking())
    assert (s3.objects, s3.uploads) == ({}, {})


async def test_a_cancelled_upload_leaves_no_parts_in_the_bucket() -> None:
    s3 = S3(hangs=True)
    async with bucket(s3) as store:
        task = asyncio.create_task(store.put(FILE, SEALER, of(b"x" * LARGE)))
        await s3.received_part.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (s3.objects, s3.uploads) == ({}, {})


@pytest.mark.long
async def test_a_bucket_that_fails_or_is_away_is_down() -> None:
    s3 = S3()
    async with bucket(s3) as store:
        await store.put(FILE, SEALER, of(b"x"))
        s3.fails = True
        for failing in (store.put(FILE, SEALER, of(b"x")), read(store), store.delete(FILE)):
            with pytest.raises(PlatformDown, match="file_store"):
                await failing
    with pytest.raises(PlatformDown, match="file_store"):
        await read(store)


async def test_a_bucket_keeps_the_newest_anchor_of_each_organization() -> None:
    s3 = S3()
    async with bucket(s3) as store:
        anchors = Anchors(store, Keyring([bytes(32)]))
        ours, theirs = OrgId(new_id()), OrgId(new_id())
        for organization, position in ((ours, 1), (theirs, 9), (ours, 12), (ours, 3)):
            await anchors.note(Anchor(organization, Link(position, bytes(32)), utc_now()))
        [newest] = (await anchors.newest(ours)).anchors.values()
        assert newest.link.position == 12
        await anchors.begin_anew(Anchor(ours, Link(2, bytes(32)), utc_now()))
        [newest] = (await anchors.newest(ours)).anchors.values()
        assert (newest.beginning, newest.link.position) == (1, 2)
        assert len(s3.objects) == 2
        s3.fails = True
        assert (await anchors.newest(ours)).failed
