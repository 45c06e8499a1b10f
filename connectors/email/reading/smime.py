"""Take out a mail that lies within its own signature (S/MIME, application/pkcs7-mime): RFC 8551 and RFC 5652.

The signature is not checked here: `trust` decides who wrote a mail. The data is BER, since many programs
write it as a stream.
"""

from collections.abc import Iterator

_SIGNED = bytes.fromhex("2a864886f70d010702")
_ENCRYPTED = (bytes.fromhex("2a864886f70d010703"), bytes.fromhex("2a864886f70d0109100117"))
_OCTETS, _SEQUENCE, _CONSTRUCTED = 0x04, 0x30, 0x20
_MAX_DEPTH = 12
_MAX_PIECES = 200_000

Piece = tuple[int, int, int]  # tag, and the start and end of the content


def signed_content(data: bytes) -> bytes:
    """Return the mail within the signed data, or b"" if it cannot be read."""
    reader = _Reader(data)
    try:
        [kind, content, *_] = reader.within(reader.only(0, len(data)))
        if reader.content(kind) != _SIGNED:
            return b""
        _, *signed = reader.within(reader.only(content[1], content[2]))
        inner = next(piece for piece in signed if piece[0] == _SEQUENCE)
        [_, octets, *_] = reader.within(inner)
        return b"".join(reader.octets(octets, 0))
    except (ValueError, IndexError, StopIteration):
        return b""


def is_encrypted(data: bytes) -> bool:
    """Return True if the data is an encrypted S/MIME message."""
    reader = _Reader(data)
    try:
        [kind, *_] = reader.within(reader.only(0, len(data)))
    except (ValueError, IndexError):
        return False
    return reader.content(kind) in _ENCRYPTED


class _Reader:
    """Reads BER.

    Raises ValueError or IndexError if the data is not BER, or has too many or too deep pieces.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._left = _MAX_PIECES

    def content(self, piece: Piece) -> bytes:
        return self._data[piece[1] : piece[2]]

    def only(self, start: int, end: int) -> Piece:
        piece, _ = self._piece(start, end, 0)
        if piece[0] != _SEQUENCE:
            raise ValueError("something else")
        return piece

    def within(self, piece: Piece) -> list[Piece]:
        _, start, end = piece
        found: list[Piece] = []
        while start < end:
            inner, start = self._piece(start, end, 0)
            found.append(inner)
        return found

    def octets(self, piece: Piece, depth: int) -> Iterator[bytes]:
        """Yield the content of an octet string, which may be divided into pieces."""
        if depth > _MAX_DEPTH:
            raise ValueError("too deep")
        for inner in self.within(piece):
            if inner[0] == _OCTETS:
                yield self.content(inner)
            elif inner[0] == _OCTETS | _CONSTRUCTED:
                yield from self.octets(inner, depth + 1)

    def _piece(self, start: int, end: int, depth: int) -> tuple[Piece, int]:
        """Return the piece at `start`, and the position of the next one."""
        self._left -= 1
        if self._left < 0 or depth > _MAX_DEPTH:
            raise ValueError("too many, or too deep")
        tag, length = self._data[start], self._data[start + 1]
        start += 2
        if length == 0x80:  # indefinite length: until two zero bytes
            at = start
            while self._data[at : at + 2] != b"\0\0":
                _, at = self._piece(at, end, depth + 1)
            return (tag, start, at), at + 2
        if length > 0x80:
            size = length & 0x7F
            length = int.from_bytes(self._data[start : start + size], "big")
            start += size
        if start + length > end:
            raise ValueError("cut")
        return (tag, start, start + length), start + length
