"""Identify a file by its content. The type that a platform or a sender claims is only a hint.

A claim decides only between types that the content fits equally well. A container that holds only sound is
audio/mp4 or video/mp4 as claimed. A text is a table or a letter as claimed, but never a picture.
"""

import re
from typing import Final

import puremagic

from bot.bus.naming import OFFICE, SUFFIXES, UNKNOWN, named, promised

WINDOW: Final = 64 * 1024  # bytes that are read of the beginning, and of the end

_BY_START: Final = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"%PDF-", "application/pdf"),
    (b"\x7fELF", "application/x-executable"),
    (b"L\x00\x00\x00\x01\x14\x02\x00", "application/x-ms-shortcut"),
    (b"\xcf\xfa\xed\xfe", "application/x-mach-binary"),
    (b"\xce\xfa\xed\xfe", "application/x-mach-binary"),
    (b"\xca\xfe\xba\xbe", "application/java-vm"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"BZh", "application/x-bzip2"),
    (b"\xfd7zXZ\x00", "application/x-xz"),
    (b"fLaC", "audio/flac"),
    (b"#!AMR-WB\n", "audio/amr-wb"),
    (b"#!AMR\n", "audio/amr"),
    (b"{\\rtf", "application/rtf"),
    (b"%!PS", "application/postscript"),
    (b"-----BEGIN PGP MESSAGE", "application/pgp-encrypted"),
)
_BRANDS: Final = {
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"), "image/heic"),
    **dict.fromkeys((b"mif1", b"msf1"), "image/heif"),
    **dict.fromkeys((b"avif", b"avis"), "image/avif"),
    **dict.fromkeys((b"M4A ", b"M4B "), "audio/mp4"),
    b"qt  ": "video/quicktime",
}
_FORMS: Final = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}
_OOXML: Final = (  # the folder of its parts, the type, the type with macros
    ("word/", f"{OFFICE}wordprocessingml.document", "application/vnd.ms-word.document.macroenabled.12"),
    ("xl/", f"{OFFICE}spreadsheetml.sheet", "application/vnd.ms-excel.sheet.macroenabled.12"),
    (
        "ppt/",
        f"{OFFICE}presentationml.presentation",
        "application/vnd.ms-powerpoint.presentation.macroenabled.12",
    ),
)
_OLE: Final = (
    ("WordDocument", "application/msword"),
    ("Workbook", "application/vnd.ms-excel"),
    ("PowerPoint Document", "application/vnd.ms-powerpoint"),
    ("__nameid_version1.0", "application/vnd.ms-outlook"),
)
_PACKED: Final = re.compile(
    rb"application/(?:vnd\.oasis\.opendocument\.(?:text|spreadsheet|presentation|graphics|chart|formula|image)"
    rb"(?:-template|-master|-web)?|epub\+zip)"
)
_MARKUP: Final = re.compile(
    r"<(?:!doctype html|html|head|body|script|iframe|meta|table|div|p|b|a)[\s>]", re.I
)
_MAIL: Final = re.compile(
    r"(?:return-path|received|from|to|subject|date|message-id|mime-version|delivered-to|dkim-signature):",
    re.I,
)
_HEADER: Final = re.compile(rb"[A-Za-z][A-Za-z0-9-]{0,75}:")
_READABLE: Final = ("text/csv", "text/markdown", "text/tab-separated-values", "text/html", "application/json")
_CONTROLS: Final = frozenset(range(32)) - frozenset(b"\t\n\v\f\r\x1b")


def sniffed(head: bytes, tail: bytes, claimed: str, name: str) -> tuple[str, str]:
    """Return the MIME type of a file, and a name for it that is safe to show and to save.

    `head` and `tail` are the first and the last bytes of the file, up to WINDOW of each.
    """
    kind = _kind(head, tail, claimed.partition(";")[0].strip().lower(), name)
    return kind, named(name, kind)


def _kind(head: bytes, tail: bytes, claimed: str, name: str) -> str:
    for start, kind in _BY_START:
        if head.startswith(start):
            return kind
    return (
        _container(head, tail, claimed)
        or _executable(head)
        or _sound(head, claimed)
        or _text(head, claimed, name)
        or (_uncommon(head) if head else "")
        or UNKNOWN
    )


def _container(head: bytes, tail: bytes, claimed: str) -> str:
    if head[4:8] == b"ftyp":
        return _heard_or_seen(_BRANDS.get(head[8:12], _telephone(head[8:12])), claimed)
    if head.startswith(b"RIFF"):
        return _FORMS.get(head[8:12], "")
    if head.startswith(b"OggS"):
        seen = b"theora" in head[:256] or b"BBCD" in head[:256]
        return "video/ogg" if seen else "audio/ogg"
    if head.startswith(b"\x1aE\xdf\xa3"):
        return _heard_or_seen("video/webm" if b"webm" in head[:128] else "video/x-matroska", claimed)
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zip(head, tail)
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return _ole(head + tail, claimed)
    if head.startswith(b"\x1f\x8b"):  # Telegram's animated stickers are gzip inside
        return claimed if claimed == "application/x-tgsticker" else "application/gzip"
    if head.startswith(b"BM") and head[6:10] == bytes(4) and head[14:18] in (b"\x28\0\0\0", b"\x7c\0\0\0"):
        return "image/bmp"
    return "application/x-tar" if head[257:262] == b"ustar" else ""


def _telephone(brand: bytes) -> str:
    return "video/3gpp" if brand.startswith(b"3g") else "video/mp4"


def _heard_or_seen(kind: str, claimed: str) -> str:
    """Return the audio type of a container when audio is claimed: the same container may hold sound alone."""
    heard = kind.replace("video/", "audio/")
    alike = {heard, "audio/x-m4a", "audio/m4a", "audio/aac"} if kind == "video/mp4" else {heard}
    return heard if claimed in alike else kind


def _zip(head: bytes, tail: bytes) -> str:
    names = [*_names(head, b"PK\x03\x04", 26, 30), *_names(tail, b"PK\x01\x02", 28, 46)]
    if names[:1] == ["mimetype"] and (packed := _PACKED.match(head, 38)):
        return packed[0].decode()
    if "[Content_Types].xml" in names:
        for folder, plain, macros in _OOXML:
            if any(name.startswith(folder) for name in names):
                return macros if f"{folder}vbaProject.bin" in names else plain
    if "AndroidManifest.xml" in names:
        return "application/vnd.android.package-archive"
    return "application/java-archive" if "META-INF/MANIFEST.MF" in names else "application/zip"


def _names(part: bytes, mark: bytes, length_at: int, name_at: int) -> list[str]:
    """Return the names of the zip entries whose headers are in this part of the file.

    See https://pkware.cachefly.net/webdocs/APPNOTE, 4.3.
    """
    found: list[str] = []
    at = part.find(mark)
    while at >= 0 and len(found) < 1000:
        length = int.from_bytes(part[at + length_at : at + length_at + 2], "little")
        found.append(part[at + name_at : at + name_at + length].decode("utf-8", "replace"))
        at = part.find(mark, at + name_at)
    return found


def _ole(seen: bytes, claimed: str) -> str:
    for stream, kind in _OLE:
        if stream.encode("utf-16-le") in seen:
            return kind
    if "EncryptedPackage".encode("utf-16-le") in seen and claimed.startswith(OFFICE):
        return claimed
    known = {kind for _, kind in _OLE}
    # The directory that names the streams may be in the middle of the file.
    return claimed if claimed in known else "application/x-ole-storage"


def _executable(head: bytes) -> str:
    if not head.startswith(b"MZ"):
        return ""
    at = int.from_bytes(head[60:64], "little")
    real = head[at : at + 4] == b"PE\0\0" or (len(head) >= 64 and b"\0" in head[:64])
    return "application/vnd.microsoft.portable-executable" if real else ""


def _sound(head: bytes, claimed: str) -> str:
    if head.startswith(b"ID3") and len(head) > 10 and head[3] < 5 and head[4] < 255:
        return "audio/mpeg"
    if head[:2] in (b"\xff\xf1", b"\xff\xf9"):
        return "audio/aac"
    if head[:2] in (b"\xff\xfb", b"\xff\xfa", b"\xff\xf3", b"\xff\xf2") and claimed.startswith("audio/"):
        return "audio/mpeg"
    return ""


def _text(head: bytes, claimed: str, name: str) -> str:
    """Return the MIME type of a readable text, or ""."""
    if claimed == "message/rfc822" and _HEADER.match(head.lstrip()):
        return claimed  # a mail may contain text in any charset, and bytes that are valid in none
    said = _decoded(head, sure=not claimed.startswith("text/"))
    if not said:
        return ""
    begin = said.lstrip("\ufeff \t\r\n")[:4096]
    low = begin.lower()
    if low.startswith("begin:vcalendar"):
        return "text/calendar"
    if low.startswith("begin:vcard"):
        return "text/vcard"
    if low.startswith("<"):
        if "<svg" in low:
            return "image/svg+xml"
        if _MARKUP.search(begin[:1024]) and not low.startswith("<?xml"):
            return "text/html"
        if low.startswith("<?xml"):
            return "application/xhtml+xml" if "<html" in low else "application/xml"
    lines = begin.splitlines()[:8]
    if sum(bool(_MAIL.match(line)) for line in lines) >= 3:
        return "message/rfc822"
    if claimed == "application/json" and not low.startswith(("{", "[")):
        return "text/plain"
    likely = claimed if claimed.startswith(("text/", "application/json")) else promised(name)
    return likely if likely in _READABLE else "text/plain"


def _decoded(head: bytes, *, sure: bool) -> str:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return head[: len(head) // 2 * 2].decode("utf-16", "ignore")
    if not _CONTROLS.isdisjoint(head):
        return ""
    try:
        return head[: max(len(head) - 3, 0)].decode() + head[-3:].decode(errors="ignore")
    except UnicodeDecodeError as error:
        if error.start >= len(head) - 6:  # the window ends within a character
            return head[: error.start].decode()
        return "" if sure else head.decode("cp1252", "replace")


def _uncommon(head: bytes) -> str:
    """Return the MIME type that the puremagic library finds, except text and the types recognized above."""
    try:
        matches = puremagic.magic_string(head[:8192])
    except (puremagic.PureError, ValueError):
        return ""
    for match in matches:
        kind = str(match.mime_type)
        if match.confidence >= 0.4 and kind.partition("/")[0] != "text" and kind not in SUFFIXES:
            return kind
    return ""
