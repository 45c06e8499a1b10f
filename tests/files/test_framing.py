"""Sealed frames: any bytes come back as they went in, and nothing that was changed opens."""

import asyncio
import struct
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.errors import Refused
from storage.framing import FRAME, opened, sealed
from storage.sealing import Sealer
from tests.lengths import times

FILE, OTHER = UUID(int=1), UUID(int=2)
SEALER = Sealer(b"d" * 32, UUID(int=9))
SALT = b"s" * 16
HEAD = 20
sizes = st.one_of(
    st.integers(0, 300), st.sampled_from([FRAME - 1, FRAME, FRAME + 1, 2 * FRAME, 2 * FRAME + 7])
)


async def chunks(data: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


def seal(data: bytes, *, file: UUID = FILE, salt: bytes = SALT, piece: int = 50_000) -> bytes:
    async def run() -> bytes:
        pieces = sealed(chunks(data, piece), file=file, sealer=SEALER, salt=salt)
        return b"".join([piece async for piece in pieces])

    return asyncio.run(run())


def unseal(stored: bytes, *, file: UUID = FILE, sealer: Sealer = SEALER, piece: int = 50_000) -> bytes:
    async def run() -> bytes:
        return b"".join([x async for x in opened(chunks(stored, piece), file=file, sealer=sealer)])

    return asyncio.run(run())


def frames(stored: bytes) -> list[bytes]:
    found, at = [], HEAD
    while at < len(stored):
        (length,) = struct.unpack_from(">I", stored, at)
        found.append(stored[at : at + 4 + length])
        at += 4 + length
    return found


@given(sizes, st.integers(1, 90_000), st.integers(1, 90_000))
@settings(deadline=None, max_examples=times(40))
def test_any_bytes_come_back_however_they_are_cut(size: int, written: int, read: int) -> None:
    data = bytes(i * 7 % 251 for i in range(size))
    stored = seal(data, piece=max(written, size // 50, 1))
    assert unseal(stored, piece=max(read, len(stored) // 50)) == data


@given(st.data())
@settings(deadline=None, max_examples=times(60))
def test_any_bit_that_flips_is_noticed(data: st.DataObject) -> None:
    stored = bytearray(seal(b"x" * 500))
    at = data.draw(st.integers(0, len(stored) - 1))
    stored[at] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(Refused):
        unseal(bytes(stored))


@given(st.data())
@settings(deadline=None, max_examples=times(60))
def test_any_end_that_is_cut_off_is_noticed(data: st.DataObject) -> None:
    stored = seal(b"y" * (2 * FRAME + 10))
    borders = [HEAD, *(len(stored) - len(frames(stored)[-1]) + extra for extra in (0, 4))]
    cut = data.draw(st.one_of(st.integers(0, len(stored) - 1), st.sampled_from(borders)))
    with pytest.raises(Refused):
        unseal(stored[:cut])


@given(st.permutations(range(4)))
@settings(deadline=None, max_examples=times(24))
def test_frames_open_in_their_order_alone(order: list[int]) -> None:
    data = b"".join(bytes([n]) * FRAME for n in range(4))
    stored = seal(data)
    mixed = stored[:HEAD] + b"".join(frames(stored)[n] for n in order)
    if order == [0, 1, 2, 3]:
        assert unseal(mixed) == data
    else:
        with pytest.raises(Refused):
            unseal(mixed)


def test_nothing_can_be_added() -> None:
    stored = seal(b"z" * (FRAME + 1))
    for extra in (b"\x00", frames(stored)[0], frames(stored)[-1]):
        with pytest.raises(Refused):
            unseal(stored + extra)
    with pytest.raises(Refused):
        unseal(stored[:HEAD] + frames(stored)[0] + frames(stored)[0] + frames(stored)[1])


def test_frames_of_another_file_another_customer_or_an_older_writing_do_not_open() -> None:
    stored, older = seal(b"a" * (FRAME + 5)), seal(b"a" * (FRAME + 5), salt=b"o" * 16)
    with pytest.raises(Refused):
        unseal(stored, file=OTHER)
    with pytest.raises(Refused):
        unseal(stored, sealer=Sealer(b"e" * 32, UUID(int=9)))
    with pytest.raises(Refused):
        unseal(stored[:HEAD] + frames(older)[0] + frames(stored)[1])


def test_a_length_that_no_frame_has_is_refused_before_it_is_waited_for() -> None:
    with pytest.raises(Refused, match="something else"):
        unseal(b"AMF1" + SALT + struct.pack(">I", 1 << 31))


def test_a_sealed_file_tells_nothing_of_its_content() -> None:
    assert b"secret" not in seal(b"a secret " * 100)
