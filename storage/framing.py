"""Seal a file in frames of 64 KiB, each with the key of the customer it belongs to.

    "AMF1", 16 random bytes, then for each frame: length (4 bytes), 1 for the last one or 0, sealed bytes

A frame opens only at its position, of its file, of this very version of it. So nothing can be cut off, added,
reordered, or taken from another file or from an older version of the same one.
"""

import struct
from collections.abc import AsyncGenerator, AsyncIterable
from uuid import UUID

from bot.core.errors import CannotDecrypt, Refused
from storage.sealing import Sealer

FRAME = 64 * 1024  # bytes of the file that are sealed together
SALT = 16
_MAGIC = b"AMF1"
_HEAD = len(_MAGIC) + SALT
_LENGTH = struct.Struct(">I")
_LARGEST = FRAME + 64  # bytes of a frame with all that sealing adds


async def sealed(
    content: AsyncIterable[bytes], *, file: UUID, sealer: Sealer, salt: bytes
) -> AsyncGenerator[bytes, None]:
    """Yield the frames of a file. The last one is yielded only when `content` has ended without an error."""
    yield _MAGIC + salt
    buffer, number = bytearray(), 0
    async for chunk in content:
        buffer += chunk
        while len(buffer) > FRAME:
            yield _frame(sealer, _field(file, salt, number, last=False), bytes(buffer[:FRAME]), last=False)
            del buffer[:FRAME]
            number += 1
    yield _frame(sealer, _field(file, salt, number, last=True), bytes(buffer), last=True)


async def opened(stored: AsyncIterable[bytes], *, file: UUID, sealer: Sealer) -> AsyncGenerator[bytes, None]:
    """Yield the content of a sealed file. Raise Refused where it differs from what was sealed.

    What was yielded before that is genuine.
    """
    buffer, salt, number, ended = bytearray(), b"", 0, False
    async for chunk in stored:
        buffer += chunk
        if not salt:
            if len(buffer) < _HEAD:
                continue
            if not buffer.startswith(_MAGIC):
                raise Refused("file_damaged: the store holds something else")
            salt = bytes(buffer[len(_MAGIC) : _HEAD])
            del buffer[:_HEAD]
        while (frame := _cut(buffer)) is not None:
            if ended:
                raise Refused("file_damaged: something was added to it")
            ended = frame[:1] == b"\x01"
            try:
                plain = sealer.open_bytes(frame[1:], field=_field(file, salt, number, last=ended))
            except CannotDecrypt:
                raise Refused("file_damaged: it does not open") from None
            number += 1
            if plain:
                yield plain
    if buffer or not ended:
        raise Refused("file_damaged: a part of it is missing")


def _cut(buffer: bytearray) -> bytes | None:
    """Remove the next frame from the buffer and return it, or None while it is not complete."""
    if len(buffer) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack_from(buffer)
    if length > _LARGEST:
        raise Refused("file_damaged: the store holds something else")
    end = _LENGTH.size + length
    if len(buffer) < end:
        return None
    frame = bytes(buffer[_LENGTH.size : end])
    del buffer[:end]
    return frame


def _frame(sealer: Sealer, field: str, plain: bytes, *, last: bool) -> bytes:
    body = bytes([last]) + sealer.seal_bytes(plain, field=field)
    return _LENGTH.pack(len(body)) + body


def _field(file: UUID, salt: bytes, number: int, *, last: bool) -> str:
    return f"file.{file}.{salt.hex()}.{number}.{'last' if last else 'more'}"
