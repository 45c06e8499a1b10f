"""Types and names of files: what a file is said to be, and what it is."""

import io
import struct
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.bus.naming import named
from bot.bus.sniffing import WINDOW, sniffed

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
JPEG = bytes.fromhex("ffd8ffe000104a464946000101")
OFFICE = "application/vnd.openxmlformats-officedocument."
DOCX, XLSX = f"{OFFICE}wordprocessingml.document", f"{OFFICE}spreadsheetml.sheet"
EXE = "application/vnd.microsoft.portable-executable"
UNKNOWN = "application/octet-stream"
PE = b"MZ" + b"\0" * 58 + struct.pack("<I", 64) + b"PE\0\0"
OGG = b"OggS\0\2" + bytes(8) + b"\1\2\3\4" + bytes(8) + b"\1\x13"
MAIL = b"Received: from a by b\r\nFrom: a@b.example\r\nSubject: x\r\n\r\nhello"
OLE = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(504)


def packed(*names: str, first: bytes = b"") -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        if first:
            archive.writestr("mimetype", first)
        for name in names:
            archive.writestr(name, "x" * 100)
    return held.getvalue()


def kind(content: bytes, claimed: str = "", name: str = "") -> str:
    return sniffed(content[:WINDOW], content[-WINDOW:], claimed, name)[0]


@pytest.mark.parametrize(
    ("content", "claimed", "is_"),
    [
        (PNG, "application/pdf", "image/png"),
        (JPEG, "image/png", "image/jpeg"),
        (b"\xff\xd8\xff\xdb\0C\0", "", "image/jpeg"),
        (b"RIFF\x24\0\0\0WEBPVP8 ", "image/jpeg", "image/webp"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "", "audio/wav"),
        (b"GIF89a\1\0\1\0", "", "image/gif"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "image/jpeg", "image/heic"),
        (b"\0\0\0\x18ftypavif\0\0\0\0", "", "image/avif"),
        (b"%PDF-1.7\n%\xe2\xe3", "image/png", "application/pdf"),
        (OGG + b"OpusHead\1\1", "audio/ogg; codecs=opus", "audio/ogg"),
        (OGG + b"\1vorbis", "application/pdf", "audio/ogg"),
        (OGG + b"\x80theora", "", "video/ogg"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", "", "video/mp4"),
        (b"\0\0\0\x18ftypisom\0\0\2\0isomiso2", "audio/mp4", "audio/mp4"),
        (b"\0\0\0\x18ftypM4A \0\0\0\0", "video/mp4", "audio/mp4"),
        (b"\0\0\0\x14ftypqt  ", "", "video/quicktime"),
        (b"\0\0\0\x14ftyp3gp4", "audio/3gpp", "audio/3gpp"),
        (b"\x1aE\xdf\xa3\x01\0\0\0\0\0\0\x1fB\x82\x84webm", "", "video/webm"),
        (b"\x1aE\xdf\xa3\x01\0\0\0\0\0\0\x1fB\x82\x84webm", "audio/webm", "audio/webm"),
        (b"#!AMR\n<\x91", "", "audio/amr"),
        (b"ID3\3\0\0\0\0\0\x0f\0\0", "", "audio/mpeg"),
        (b"\xff\xfb\x90d\0\0", "audio/mpeg", "audio/mpeg"),
        (b"\xff\xf1\x50\x80\0\0", "", "audio/aac"),
        (packed("[Content_Types].xml", "word/document.xml"), "application/zip", DOCX),
        (packed("[Content_Types].xml", "xl/workbook.xml"), DOCX, XLSX),
        (
            packed("[Content_Types].xml", "word/document.xml", "word/vbaProject.bin"),
            DOCX,
            "application/vnd.ms-word.document.macroenabled.12",
        ),
        (
            packed("content.xml", first=b"application/vnd.oasis.opendocument.text"),
            "",
            "application/vnd.oasis.opendocument.text",
        ),
        (packed("a.txt"), DOCX, "application/zip"),
        (packed("META-INF/MANIFEST.MF", "A.class"), "application/zip", "application/java-archive"),
        (OLE + "WordDocument".encode("utf-16-le"), "", "application/msword"),
        (OLE + "Workbook".encode("utf-16-le"), "application/msword", "application/vnd.ms-excel"),
        (OLE, "image/png", "application/x-ole-storage"),
        (b"\x1f\x8b\x08\0\0", "", "application/gzip"),
        (b"\x1f\x8b\x08\0\0", "application/x-tgsticker", "application/x-tgsticker"),
        (PE, "image/jpeg", EXE),
        (b"\x7fELF\2\1\1\0", "text/plain", "application/x-executable"),
        (b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n", "text/plain", "text/calendar"),
        (b"BEGIN:VCARD\r\nVERSION:3.0\r\n", "", "text/vcard"),
        (MAIL, "message/rfc822", "message/rfc822"),
        (MAIL, "", "message/rfc822"),
        (MAIL + "\r\npå kortet\r\n".encode("latin-1"), "message/rfc822", "message/rfc822"),
        (b"ARC-Seal: i=1\r\nFrom: a@example.org\r\n\r\n\0\x01\xff", "message/rfc822", "message/rfc822"),
        (b"<html><script>", "message/rfc822", "text/html"),
        (b"From: here to there we went\nand came back", "text/plain", "text/plain"),
        (b"<!DOCTYPE html><html><script>", "text/plain", "text/html"),
        (b"  \n<script>alert(1)</script>", "image/png", "text/html"),
        (b"<b>hello</b>", "text/html", "text/html"),
        (b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'>", "image/png", "image/svg+xml"),
        (b"<svg onload='alert(1)'/>", "image/svg+xml", "image/svg+xml"),
        (b"<?xml version='1.0'?><html xmlns='x'>", "", "application/xhtml+xml"),
        (b"<?xml version='1.0'?><a/>", "", "application/xml"),
        (b'{"a": 1}', "application/json", "application/json"),
        (b"a,b\n1,2\n", "text/csv", "text/csv"),
        ("Größe;Preis\n".encode("latin-1"), "text/csv", "text/csv"),
        ("a;b\n".encode("utf-16"), "text/csv", "text/csv"),
        ("Grüße\n".encode(), "", "text/plain"),
        (b"alert(1)", "text/javascript", "text/plain"),
        (b"MZ is how this letter begins", "", "text/plain"),
        (b"BM and no picture", "image/bmp", "text/plain"),
        (b"hello", "image/png", "text/plain"),
        (b"GIF89a/*" + b"<script>", "text/html", "image/gif"),
        (JPEG + packed("a.txt"), "application/zip", "image/jpeg"),
        (b"{\\rtf1\\ansi", "", "application/rtf"),
        (b"\0\1\2\3", "image/png", UNKNOWN),
        (b"", "image/png", UNKNOWN),
        (b"8BPS\0\1" + bytes(20), "", "image/vnd.adobe.photoshop"),
    ],
)
def test_the_content_tells_what_a_file_is(content: bytes, claimed: str, is_: str) -> None:
    assert kind(content, claimed) == is_


def test_a_table_is_known_by_its_name_where_the_platform_claims_nothing() -> None:
    assert kind(b"a,b\n", UNKNOWN, "prices.csv") == "text/csv"


def test_a_large_document_is_known_by_the_list_at_its_end() -> None:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("customXml/large.xml", bytes(200_000))
        archive.writestr("[Content_Types].xml", "")
        archive.writestr("word/document.xml", bytes(200_000))
    assert kind(held.getvalue()) == DOCX


def test_a_character_cut_by_the_window_is_no_reason_to_doubt_a_text() -> None:
    assert kind(b"x" * (WINDOW - 1) + "ü".encode()) == "text/plain"


@given(st.binary(max_size=300), st.text(max_size=20), st.text(max_size=40))
def test_any_content_gets_a_type_and_a_name(content: bytes, claimed: str, name: str) -> None:
    found, written = sniffed(content, content, claimed, name)
    assert found.count("/") == 1
    assert not set(written) & set('/\\\0\r\n":*?<>|\u202e\u2066')
    written.encode()
    assert 0 < len(written.encode()) < 255


@given(
    st.binary(max_size=200).map(lambda rest: b"\0" + rest), st.sampled_from(["text/html", "image/svg+xml"])
)
def test_no_claim_makes_a_page_of_bytes(content: bytes, claimed: str) -> None:
    assert kind(content, claimed) != claimed


@pytest.mark.parametrize(
    ("name", "type_", "becomes"),
    [
        ("photo.JPG", "image/jpeg", "photo.jpg"),
        ("photo.jpeg", "image/jpeg", "photo.jpeg"),
        ("photo.jpg", "image/png", "photo.png"),
        ("", "image/png", "file.png"),
        ("../../etc/passwd", "text/plain", "passwd.txt"),
        ("C:\\Users\\maya\\bill.pdf", "application/pdf", "bill.pdf"),
        ("a\0b\r\nc.pdf", "application/pdf", "a_b__c.pdf"),
        ("annex\u202efdp.exe", "application/pdf", "annexfdp.exe.bin"),
        ("invoice.pdf.exe", EXE, "invoice.pdf.exe.bin"),
        ("holiday.jpg", EXE, "holiday.bin"),
        ("run.js", "text/plain", "run.js.txt"),
        ("run.vbs", "text/plain", "run.vbs.txt"),
        ("bill.pdf", UNKNOWN, "bill.bin"),
        ("plan.dwg", UNKNOWN, "plan.dwg"),
        ("release 1.2", "image/png", "release 1.2.png"),
        ("notes.log", "text/plain", "notes.log"),
        ("page.svg", "text/plain", "page.txt"),
        ("voice.ogg", "audio/ogg", "voice.ogg"),
        ("con.txt", "text/plain", "_con.txt"),
        ("  . ", "application/zip", "file.zip"),
        ('a"b<c>.png', "image/png", "a_b_c_.png"),
        ("half\ud83d.png", "image/png", "half.png"),
        ("👩‍💻.png", "image/png", "👩‍💻.png"),
        ("report.docx", DOCX, "report.docx"),
        ("bundle.odt", "application/vnd.oasis.opendocument.text", "bundle.odt"),
    ],
)
def test_a_name_is_made_safe_and_fits_the_content(name: str, type_: str, becomes: str) -> None:
    assert named(name, type_) == becomes


def test_a_name_is_short_enough_for_every_file_system() -> None:
    assert len(named("ü" * 5000 + ".pdf", "application/pdf").encode()) <= 155
    assert len(named("a." + "b" * 5000, UNKNOWN).encode()) <= 155
