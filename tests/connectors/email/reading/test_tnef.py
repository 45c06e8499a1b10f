"""winmail.dat. The tests write it byte by byte; `tnefparse` must see the same in it."""

import struct
from pathlib import Path

import tnefparse

from connectors.email.reading import read
from connectors.email.reading.tnef import unpack

HTML = "<p>Guten Tag, <b>Müller</b></p>".encode()


def _object(level: int, name: int, kind: int, data: bytes) -> bytes:
    return struct.pack("<BHHI", level, name, kind, len(data)) + data + struct.pack("<H", sum(data) & 0xFFFF)


def _properties(*items: tuple[int, int, bytes]) -> bytes:
    packed = struct.pack("<I", len(items))
    for kind, name, value in items:
        packed += struct.pack("<HH", kind, name)
        if kind == 0x0003:
            packed += value
        else:
            packed += struct.pack("<II", 1, len(value)) + value + b"\0" * (-len(value) % 4)
    return packed


def winmail() -> bytes:
    body = _properties((0x0003, 0x3FDE, struct.pack("<I", 65001)), (0x0102, 0x1013, HTML))
    long_name = "Rechnung für Müller.pdf".encode("utf-16-le") + b"\0\0"
    return b"".join(
        [
            struct.pack("<IH", 0x223E9F78, 1),
            _object(1, 0x9006, 8, struct.pack("<I", 0x10000)),
            _object(1, 0x9007, 6, struct.pack("<II", 1252, 0)),
            _object(1, 0x9003, 6, body),
            _object(2, 0x9002, 6, b"\1\0" + b"\0" * 12),
            _object(2, 0x8010, 1, b"RECHNU~1.PDF\0"),
            _object(2, 0x800F, 6, b"%PDF-1.7 bill"),
            _object(2, 0x9005, 6, _properties((0x001F, 0x3707, long_name))),
            _object(2, 0x9002, 6, b"\1\0" + b"\0" * 12),
            _object(2, 0x8010, 1, b"notes.txt\0"),
            _object(2, 0x800F, 6, b"some notes"),
        ]
    )


MAIL = (
    b"From: a@example.org\r\nMIME-Version: 1.0\r\nContent-Type: application/ms-tnef; name=winmail.dat\r\n"
    b"Content-Transfer-Encoding: 8bit\r\n\r\n"
)


def test_the_text_and_the_files_are_unpacked() -> None:
    mail = read(MAIL + winmail(), trusted_servers=(), own_addresses=())
    assert mail.new == "Guten Tag, **Müller**"
    assert [(part.name, part.data) for part in mail.attachments] == [
        ("Rechnung für Müller.pdf", b"%PDF-1.7 bill"),
        ("notes.txt", b"some notes"),
    ]


def test_the_library_sees_the_same() -> None:
    ours, theirs = unpack(winmail()), tnefparse.TNEF(winmail())
    assert ours is not None
    assert [file.data for file in ours.files] == [file.data for file in theirs.attachments]
    assert Path(ours.files[1].name).name == theirs.attachments[1].name
    assert ours.html == theirs.htmlbody


def test_a_stream_that_breaks_off_gives_what_was_whole() -> None:
    whole = winmail()
    found = unpack(whole[:-8])
    assert found is not None
    assert [file.name for file in found.files] == ["Rechnung für Müller.pdf"]


def test_a_file_that_is_no_winmail_stays_a_file() -> None:
    mail = read(MAIL + b"nonsense", trusted_servers=(), own_addresses=())
    assert [part.name for part in mail.attachments] == ["winmail.dat"]
