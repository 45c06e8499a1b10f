"""Read the files and the text of Outlook's winmail.dat ([MS-OXTNEF]).

`tnefparse` is not used, because it trusts the counts in the data: 45 forged bytes keep it busy for hours. The
tests compare the two on honest data.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from connectors.email.reading.decoding import decode

MAX_FILES = 100
_MAX_OBJECTS = 5_000
_MAX_PROPERTIES = 5_000
_SIGNATURE = 0x223E9F78

_BODY, _FILE_TITLE, _FILE_DATA, _FILE_BEGINS, _PROPERTIES, _FILE_PROPERTIES, _CODEPAGE = (
    0x800C, 0x8010, 0x800F, 0x9002, 0x9003, 0x9005, 0x9007,
)  # fmt: skip

# MAPI: https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxprops
_MAPI_BODY, _MAPI_HTML, _MAPI_CODEPAGE = 0x1000, 0x1013, 0x3FDE
_MAPI_DATA, _MAPI_SHORT_NAME, _MAPI_LONG_NAME, _MAPI_MIME, _MAPI_CID = 0x3701, 0x3704, 0x3707, 0x370E, 0x3712
_FIXED = {0x0002: 4, 0x000B: 4, 0x0003: 4, 0x0004: 4, 0x000A: 4, 0x0005: 8, 0x0006: 8, 0x0007: 8, 0x0014: 8,
          0x0040: 8, 0x0048: 16, 0x0001: 0}  # fmt: skip
_VARIABLE = {0x000D, 0x001E, 0x001F, 0x0102}


@dataclass(slots=True)
class Attached:
    name: str = ""
    mime: str = ""
    content_id: str = ""
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class Winmail:
    text: str
    html: str
    files: tuple[Attached, ...]


def unpack(data: bytes) -> Winmail | None:
    """Return the content of winmail.dat, or None if the data is not TNEF.

    Of a cut stream, return what is complete.
    """
    if len(data) < 6 or struct.unpack_from("<I", data)[0] != _SIGNATURE:
        return None
    charset, text, html = "cp1252", "", ""
    files: list[Attached] = []
    for name, value in _objects(data):
        match name:
            case _ if name == _CODEPAGE and len(value) >= 4:
                charset = f"cp{struct.unpack_from('<I', value)[0]}"
            case _ if name == _BODY:
                text = text or decode(value.rstrip(b"\0"), charset)
            case _ if name == _PROPERTIES:
                found = dict(_properties(value, charset))
                page = found.get(_MAPI_CODEPAGE)
                charset = _codepage(page) if isinstance(page, bytes) else charset
                text = text or _string(found.get(_MAPI_BODY), charset)
                html = html or _string(found.get(_MAPI_HTML), charset)
            case _ if name == _FILE_BEGINS:
                if len(files) == MAX_FILES:
                    break
                files.append(Attached())
            case _ if files:
                _add(files[-1], name, value, charset)
    whole = tuple(file for file in files if file.data)
    return Winmail(text=text, html=html, files=whole)


def _add(file: Attached, name: int, value: bytes, charset: str) -> None:
    if name == _FILE_TITLE:
        file.name = file.name or decode(value.rstrip(b"\0"), charset)
    elif name == _FILE_DATA:
        file.data = value
    elif name == _FILE_PROPERTIES:
        found = dict(_properties(value, charset))
        file.name = _string(found.get(_MAPI_LONG_NAME), charset) or file.name
        file.name = file.name or _string(found.get(_MAPI_SHORT_NAME), charset)
        file.mime = _string(found.get(_MAPI_MIME), charset)
        file.content_id = _string(found.get(_MAPI_CID), charset)
        inner = found.get(_MAPI_DATA)
        if not file.data and isinstance(inner, bytes):
            file.data = inner


def _objects(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the attribute and the bytes of each object.

    An object is level, attribute, type, length, bytes and checksum.
    """
    position = 6
    for _ in range(_MAX_OBJECTS):
        if position + 9 > len(data):
            return
        _level, name, _kind, length = struct.unpack_from("<BHHI", data, position)
        end = position + 9 + length
        if end > len(data):
            return
        yield name, data[position + 9 : end]
        position = end + 2


def _properties(data: bytes, charset: str) -> Iterator[tuple[int, str | bytes]]:
    """Yield each single value with its id. End where the data ends, whatever the counts say."""
    position = 4
    try:
        for _ in range(min(struct.unpack_from("<I", data)[0], _MAX_PROPERTIES)):
            kind, name = struct.unpack_from("<HH", data, position)
            position += 4
            if name >= 0x8000:  # named: a GUID, and a number or a name
                (by_name,) = struct.unpack_from("<I", data, position + 16)
                (length,) = struct.unpack_from("<I", data, position + 20)
                position += 24 + (_padded(length) if by_name else 0)
            many, kind = bool(kind & 0x1000), kind & ~0x1000
            if kind in _VARIABLE or many:
                (count,) = struct.unpack_from("<I", data, position)
                position += 4
            else:
                count = 1
            if kind in _FIXED:
                end = position + _FIXED[kind] * count
                if end > len(data):
                    return
                if not many:
                    yield name, data[position:end]
                position = end
                continue
            if kind not in _VARIABLE or count > _MAX_PROPERTIES:
                return
            for _value in range(count):
                (length,) = struct.unpack_from("<I", data, position)
                value = data[position + 4 : position + 4 + length]
                position += 4 + _padded(length)
                if len(value) == length and not many:
                    yield name, _typed(kind, value, charset)
    except struct.error:
        return


def _typed(kind: int, value: bytes, charset: str) -> str | bytes:
    if kind == 0x001F:
        return value.decode("utf-16-le", "replace").rstrip("\0")
    if kind == 0x001E:
        return decode(value.rstrip(b"\0"), charset)
    return value[16:] if kind == 0x000D else value  # an object begins with the GUID of its interface


def _padded(length: int) -> int:
    return length + -length % 4


def _codepage(value: bytes) -> str:
    number = struct.unpack_from("<I", value)[0]
    return "utf-8" if number == 65001 else f"cp{number}"


def _string(value: str | bytes | None, charset: str) -> str:
    return decode(value.rstrip(b"\0"), charset) if isinstance(value, bytes) else value or ""
