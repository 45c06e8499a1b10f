"""Store the bytes of files, in a folder or in anything that speaks S3."""

import asyncio
import os
import time
from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import aclosing, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import url2pathname
from uuid import UUID

import obstore
from obstore.exceptions import BaseError
from obstore.store import HTTPStore, LocalStore, ObjectStore, from_url

from bot.core.errors import PlatformDown, Refused, SettingsError
from storage.framing import FRAME, SALT, opened, sealed
from storage.sealing import Randomness, Sealer

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig

_PART = 5 * 1024 * 1024  # bytes: the least that S3 takes as a part; smaller files go in one request
_STALE = timedelta(days=1)  # writing a file never takes so long
# The caller repeats a failed request, so the client must neither hang nor retry for long. `timeout` limits a
# whole request, and so must suit the slowest reader; `read_timeout` detects a silent server. An endpoint
# without TLS is allowed, because the operator chose it and the content is sealed.
_CLIENT: "ClientConfig" = {
    "connect_timeout": "5s",
    "read_timeout": "20s",
    "timeout": "15m",
    "allow_http": True,
}
_RETRY: "RetryConfig" = {"max_retries": 2, "retry_timeout": timedelta(seconds=20)}


class FileStore:
    """The stored bytes. Raises PlatformDown when the store does not answer, Refused for missing or damaged
    files.
    """

    def __init__(self, url: str, *, randomness: Randomness = os.urandom) -> None:
        """Open the store at `url`: file:///folder or s3://bucket/prefix.

        The environment gives region, endpoint and credentials of S3 under the usual names (AWS_REGION,
        AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, …). Raise SettingsError.
        """
        self._folder: Path | None = None
        self._randomness = randomness
        try:
            if url.startswith("file://"):
                self._folder = Path(url2pathname(urlsplit(url).path))
                self._store: ObjectStore = LocalStore.from_url(url, mkdir=True)
            else:
                self._store = from_url(url, client_options=_CLIENT, retry_config=_RETRY)
        except (BaseError, ValueError, OSError) as error:
            # The text of other errors contains the URL, which may contain a password.
            why = str(error).partition(" (os error")[0] if isinstance(error, OSError) else "it names no store"
            raise SettingsError(
                f"FILES_URL cannot be used ({why}): give file:///a/folder which can be made and written, or"
                " s3://bucket/prefix"
            ) from None
        if isinstance(self._store, HTTPStore):
            raise SettingsError(
                "FILES_URL is a plain web address: give s3://bucket/prefix, and AWS_ENDPOINT_URL"
            )

    async def put(self, file: UUID, sealer: Sealer, content: AsyncIterable[bytes]) -> int:
        """Write a file, completely or not at all, and return its size in bytes. Replace an older version.

        Pass on what `content` raises. An error or a cancellation leaves nothing half written.
        """
        size, failure = 0, None

        async def counted() -> AsyncGenerator[bytes, None]:
            nonlocal size, failure
            try:
                async for chunk in content:
                    size += len(chunk)
                    yield chunk
            except OSError as error:
                failure = error
                raise

        salt = self._randomness(SALT)
        writer = obstore.open_writer_async(self._store, _path(file), buffer_size=_PART, max_concurrency=1)
        try:
            async with aclosing(sealed(counted(), file=file, sealer=sealer, salt=salt)) as frames, writer:
                async for frame in frames:
                    await writer.write(frame)
        except (BaseError, OSError) as error:  # the library's writer raises OSError
            _obey()
            if error is failure:
                raise
            raise PlatformDown(f"file_store: {type(error).__name__}") from None
        if self._folder is not None:
            try:
                await asyncio.to_thread(_flush, self._folder / _path(file))
            except OSError as error:
                raise PlatformDown(f"file_store: {type(error).__name__}") from None
        return size

    async def open(self, file: UUID, sealer: Sealer) -> AsyncGenerator[bytes, None]:
        """Stream a file. Every chunk is verified before it is yielded."""
        try:
            found = await obstore.get_async(self._store, _path(file))
            async with aclosing(
                opened(found.stream(min_chunk_size=FRAME), file=file, sealer=sealer)
            ) as plain:
                async for chunk in plain:
                    yield chunk
        except FileNotFoundError:
            raise Refused("file_gone: the store has it no longer") from None
        except BaseError as error:
            raise PlatformDown(f"file_store: {type(error).__name__}") from None

    async def delete(self, file: UUID) -> None:
        """Delete a file. Idempotent."""
        try:
            await obstore.delete_async(self._store, _path(file))
        except FileNotFoundError:
            pass
        except BaseError as error:
            raise PlatformDown(f"file_store: {type(error).__name__}") from None

    async def put_note(self, name: str, content: bytes) -> None:
        """Write a small note of our own, which belongs to no message. Notes are not sealed."""
        try:
            await obstore.put_async(self._store, name, content)
            if self._folder is not None:
                with suppress(FileNotFoundError):  # somebody has replaced it by a newer one
                    await asyncio.to_thread(_flush, self._folder / name)
        except (BaseError, OSError) as error:
            raise PlatformDown(f"file_store: {type(error).__name__}") from None

    async def read_note(self, name: str, most: int) -> bytes:
        """Return a note. Raise Refused if there is none of that name, or if it has more than `most` bytes."""
        try:
            found = await obstore.get_async(self._store, name)
            if found.meta["size"] > most:
                raise Refused("file_too_large: it is no note of ours")
            return bytes(await found.bytes_async())
        except FileNotFoundError:
            raise Refused("file_gone: the store has it no longer") from None
        except (BaseError, OSError) as error:
            raise PlatformDown(f"file_store: {type(error).__name__}") from None

    async def notes(self, folder: str) -> list[str]:
        """Return the names of a folder's notes, in any order."""
        try:
            return [
                found["path"] async for some in obstore.list(self._store, prefix=folder) for found in some
            ]
        except FileNotFoundError:
            return []
        except (BaseError, OSError) as error:
            raise PlatformDown(f"file_store: {type(error).__name__}") from None

    async def delete_note(self, name: str) -> None:
        """Delete a note. Idempotent."""
        try:
            await obstore.delete_async(self._store, name)
        except FileNotFoundError:
            pass
        except (BaseError, OSError) as error:
            raise PlatformDown(f"file_store: {type(error).__name__}") from None

    async def tidy(self) -> int:
        """Remove files that killed processes left half written, and return how many. Only for a folder.

        On S3, a lifecycle rule of the bucket must end multipart uploads that were never completed.
        """
        return 0 if self._folder is None else await asyncio.to_thread(_tidy, self._folder)


def _obey() -> None:
    """Re-raise a cancellation that was replaced by an error of its clean-up."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _path(file: UUID) -> str:
    return f"{file.hex[-2:]}/{file}"


def _flush(path: Path) -> None:
    """Flush a file and its folders to the disk, as PostgreSQL flushes its row, so that both survive a power
    failure.
    """
    for each in (path, path.parent, path.parent.parent):
        descriptor = os.open(each, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _tidy(folder: Path) -> int:
    """Remove stale temporary files, and return how many.

    The store's library writes to `file#1` before it renames the file.
    """
    before, count = time.time() - _STALE.total_seconds(), 0
    for path in folder.glob("??/*#*"):
        if path.stat().st_mtime < before:
            path.unlink(missing_ok=True)
            count += 1
    return count
