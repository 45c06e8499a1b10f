"""Verdicts of a virus scanner: a program, or a clamd that is spoken to in its own protocol."""

import asyncio
import os
import struct
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.bus.scanning import Scan, by_clamd, by_command
from bot.core.errors import PlatformDown, Refused, SettingsError

EICAR = b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE"
LARGE = 2 * 1024 * 1024


class Clamd:
    """Speaks INSTREAM; `limit` is its StreamMaxLength."""

    def __init__(self, *, limit: int = 10 * LARGE, mute: bool = False) -> None:
        self.limit = limit
        self.mute = mute
        self.received = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            assert await reader.readuntil(b"\0") == b"zINSTREAM\0"
            content = b""
            while size := struct.unpack(">I", await reader.readexactly(4))[0]:
                content += await reader.readexactly(size)
                self.received = len(content)
                if len(content) > self.limit:
                    writer.write(b"INSTREAM size limit exceeded. ERROR\0")
                    await writer.drain()
                    while await reader.read(65536):
                        pass
                    return
            if not self.mute:
                writer.write(b"stream: Eicar-Test FOUND\0" if EICAR in content else b"stream: OK\0")
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        async with await asyncio.start_server(self.serve, "127.0.0.1", 0) as server:
            yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def verdict(scan: Scan, *chunks: bytes) -> str:
    async with asyncio.timeout(120), scan() as scanning:
        for chunk in chunks:
            await scanning.feed(chunk)
        return await scanning.verdict()


def program(body: str) -> Scan:
    return by_command(f'{sys.executable} -c "import sys, os, time; {body}"')


async def test_clamd_finds_what_is_spread_over_two_chunks() -> None:
    async with Clamd().listening() as address:
        assert await verdict(by_clamd(address), b"x" + EICAR[:10], EICAR[10:]) == "Eicar-Test"
        assert await verdict(by_clamd(address), b"x" * LARGE, b"y") == ""
        assert await verdict(by_clamd(address)) == ""


async def test_clamd_listens_at_a_path_as_well(tmp_path: Path) -> None:
    path = str(tmp_path / "clamd.ctl")
    async with await asyncio.start_unix_server(Clamd().serve, path):
        assert await verdict(by_clamd(path), EICAR) == "Eicar-Test"
        assert await verdict(by_clamd(f"unix:{path}"), b"hello") == ""


async def test_a_file_that_is_too_large_for_clamd_is_refused_for_good() -> None:
    clamd = Clamd(limit=100)
    async with clamd.listening() as address:
        with pytest.raises(Refused, match="larger than what the virus scanner takes"):
            await verdict(by_clamd(address), b"x" * 50, b"x" * 60)


async def test_a_clamd_without_an_answer_says_nothing_about_the_file(free_port: int) -> None:
    async with Clamd(mute=True).listening() as address:
        with pytest.raises(PlatformDown, match="no verdict"):
            await verdict(by_clamd(address), b"x")
    with pytest.raises(PlatformDown):
        await verdict(by_clamd(f"127.0.0.1:{free_port}"), b"x")


async def test_a_program_reads_the_file_and_its_exit_code_tells() -> None:
    finds = "found = b'EICAR' in sys.stdin.buffer.read(); print('Eicar', 'found'); sys.exit(found)"
    assert await verdict(program(finds), b"x" * LARGE, EICAR) == "Eicar found"
    assert await verdict(program(finds), b"x" * LARGE) == ""
    with pytest.raises(PlatformDown, match="exit 2"):
        await verdict(program("sys.exit(2)"), b"x")
    with pytest.raises(PlatformDown, match="exit -9"):
        await verdict(program("os.kill(os.getpid(), 9)"), b"x")


async def test_a_program_may_know_before_it_has_read_everything() -> None:
    assert await verdict(program("print('Early'); sys.exit(1)"), *[b"x" * 65536] * 32) == "Early"


async def test_a_program_that_talks_a_lot_does_not_block() -> None:
    talks = "print('Long'); print('x' * 3000000); sys.stdin.buffer.read(); sys.exit(1)"
    assert await verdict(program(talks), *[b"x" * 65536] * 32) == "Long"


async def test_a_program_sees_none_of_our_secrets() -> None:
    os.environ["DESK_TEST_SECRET"] = "s3cret"
    try:
        found = "print('DESK_TEST_SECRET' in os.environ, 'PATH' in os.environ); sys.exit(1)"
        assert await verdict(program(found), b"x") == "False True"
    finally:
        del os.environ["DESK_TEST_SECRET"]


async def test_a_program_ends_with_the_fetch_that_started_it(tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    hangs = f"open('{mark}', 'w').write(str(os.getpid())); time.sleep(600)"
    async with asyncio.timeout(120), program(hangs)() as scanning:
        await scanning.feed(b"x")
        while not (mark.exists() and mark.read_text()):  # noqa: ASYNC110  another process writes it
            await asyncio.sleep(0.01)
    with pytest.raises(ProcessLookupError):
        os.kill(int(mark.read_text()), 0)


async def test_a_program_that_is_not_there_may_come_later() -> None:
    with pytest.raises(PlatformDown, match="FileNotFoundError"):
        await verdict(by_command("/nowhere/at-all"), b"x")


@pytest.mark.parametrize("words", ["", "  ", "'unfinished"])
def test_a_command_that_cannot_be_read_is_a_mistake_in_the_settings(words: str) -> None:
    with pytest.raises(SettingsError):
        by_command(words)


@pytest.mark.parametrize("address", ["", "clamd", "clamd:", ":3310", "clamd:many", "clamd:99999"])
def test_an_address_that_is_none_is_a_mistake_in_the_settings(address: str) -> None:
    with pytest.raises(SettingsError):
        by_clamd(address)
