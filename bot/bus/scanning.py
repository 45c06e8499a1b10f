"""Connect a virus scanner, either a command or clamd. It reads each file as it streams by."""

import asyncio
import os
import shlex
import signal
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Protocol

from bot.core.errors import PlatformDown, Refused, SettingsError

_PATIENCE = 60.0  # seconds for a verdict, once the file is there
_CONNECT = 5.0  # seconds
_CHUNK = 64 * 1024
_LENGTH = struct.Struct(">I")
_SHOWN = 100  # characters of what the scanner says
# The scanner's process gets only these variables of our environment, and so none of our secrets.
_LENT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ")


class Scanning(Protocol):
    """The scan of one file."""

    async def feed(self, chunk: bytes) -> None:
        """Give the scanner the next bytes. Raises PlatformDown when the scanner went away."""

    async def verdict(self) -> str:
        """Return what was found, in the scanner's words, or "" for a clean file. Call it after the last
        bytes.

        Raises PlatformDown without a verdict, and Refused when there will never be one.
        """


Scan = Callable[[], AbstractAsyncContextManager[Scanning]]


def by_command(command: str) -> Scan:
    """Return a scan that runs a command for each file, which reads the file on its standard input.

    Exit code 0 means clean; 1 means infected, and the first line of output names the finding; with any other
    code the file is tried again. No shell runs the command. Raises SettingsError when it cannot be split into
    words as a shell does.
    """
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise SettingsError(
            f"SCAN_COMMAND cannot be read ({error}): write the command as for a shell, with its quotes closed"
        ) from None
    if not words:
        raise SettingsError("SCAN_COMMAND is empty")

    @asynccontextmanager
    async def scan() -> AsyncIterator[Scanning]:
        try:
            process = await asyncio.create_subprocess_exec(
                *words,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env={name: os.environ[name] for name in _LENT if name in os.environ},
                start_new_session=True,
            )
        except OSError as error:
            raise PlatformDown(f"scanner: {type(error).__name__}") from None
        assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018  both are pipes
        first = asyncio.create_task(_first_line(process.stdout), name="read the scanner")
        try:
            yield _Command(process, process.stdin, first)
        finally:
            first.cancel()
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)  # with all processes that it started
            await asyncio.gather(first, process.wait(), return_exceptions=True)

    return scan


class _Command:
    def __init__(
        self, process: asyncio.subprocess.Process, stdin: asyncio.StreamWriter, first: "asyncio.Task[str]"
    ) -> None:
        self._process = process
        self._stdin = stdin
        self._first = first
        self._closed = False

    async def feed(self, chunk: bytes) -> None:
        if self._closed:
            return
        try:
            self._stdin.write(chunk)
            await self._stdin.drain()
        except ConnectionError:
            self._closed = True  # it has read enough: its exit code is the verdict

    async def verdict(self) -> str:
        try:
            async with asyncio.timeout(_PATIENCE):
                with suppress(ConnectionError):
                    self._stdin.close()
                    await self._stdin.wait_closed()
                code, said = await self._process.wait(), await self._first
        except TimeoutError:
            raise PlatformDown("scanner: no verdict in time") from None
        if code == 0:
            return ""
        if code == 1:
            return said[:_SHOWN] or "something"
        raise PlatformDown(f"scanner: exit {code}")


async def _first_line(output: asyncio.StreamReader) -> str:
    """Return the first line of the output. Read to the end, so that the scanner does not block."""
    kept = b""
    while chunk := await output.read(_CHUNK):
        kept = (kept + chunk)[:4096]
    return _words(kept)


def by_clamd(address: str) -> Scan:
    """Return a scan by clamd's INSTREAM: https://docs.clamav.net/manual/Usage/Scanning.html#clamd

    `address` is host:port, or the path of a socket, such as /run/clamav/clamd.ctl. Raises SettingsError.
    """
    host, _, port = address.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    path = address.removeprefix("unix:")
    if not path.startswith("/") and not (
        host and port.isascii() and port.isdigit() and 0 < int(port[:6]) < 65536
    ):
        raise SettingsError(f"CLAMD is {address[:40]!r}: it must be host:port, or the path of a socket")

    @asynccontextmanager
    async def scan() -> AsyncIterator[Scanning]:
        try:
            async with asyncio.timeout(_CONNECT):
                opening = (
                    asyncio.open_unix_connection(path)
                    if path.startswith("/")
                    else asyncio.open_connection(host, int(port))
                )
                reader, writer = await opening
        except (OSError, TimeoutError) as error:
            raise PlatformDown(f"scanner: {type(error).__name__}") from None
        try:
            writer.write(b"zINSTREAM\0")
            yield _Clamd(reader, writer)
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    return scan


class _Clamd:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._closed = False

    async def feed(self, chunk: bytes) -> None:
        for start in range(0, len(chunk), _CHUNK):
            await self._write(chunk[start : start + _CHUNK])

    async def _write(self, piece: bytes) -> None:
        if self._closed:
            return
        try:
            self._writer.write(_LENGTH.pack(len(piece)) + piece)
            await self._writer.drain()
        except ConnectionError:
            self._closed = True  # clamd has said why before it closed the connection

    async def verdict(self) -> str:
        await self._write(b"")
        try:
            async with asyncio.timeout(_PATIENCE):
                answer = _words(await self._reader.readuntil(b"\0"))
        except asyncio.IncompleteReadError as error:
            answer = _words(error.partial)
        except (OSError, TimeoutError, asyncio.LimitOverrunError) as error:
            raise PlatformDown(f"scanner: {type(error).__name__}") from None
        if answer.endswith(" OK"):
            return ""
        if answer.endswith(" FOUND"):
            return answer.removeprefix("stream: ").removesuffix(" FOUND")[:_SHOWN]
        if "size limit exceeded" in answer:
            raise Refused("larger than what the virus scanner takes (clamd's StreamMaxLength)")
        raise PlatformDown("scanner: no verdict")


def _words(said: bytes) -> str:
    """Return the first line of what the scanner said, fit to be shown to people."""
    line = said.rstrip(b"\0\r\n").decode("utf-8", "replace").strip().partition("\n")[0]
    return "".join(c if c.isprintable() else " " for c in line).strip()
