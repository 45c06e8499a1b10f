"""Make names of files safe to show, to save and to open."""

import re
import unicodedata
from mimetypes import MimeTypes
from pathlib import PurePosixPath
from typing import Final

UNKNOWN: Final = "application/octet-stream"
OFFICE: Final = "application/vnd.openxmlformats-officedocument."
_types = MimeTypes()  # Python's own table: the tables of machines differ
_types.add_type("text/markdown", ".md")
SUFFIXES: Final[dict[str, tuple[str, ...]]] = {  # of each MIME type, the usual suffix first
    "image/jpeg": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "image/png": (".png",),
    "image/gif": (".gif",),
    "image/webp": (".webp",),
    "image/heic": (".heic",),
    "image/heif": (".heif", ".heic"),
    "image/avif": (".avif",),
    "image/tiff": (".tiff", ".tif"),
    "image/bmp": (".bmp",),
    "image/svg+xml": (".svg",),
    "application/pdf": (".pdf",),
    "audio/ogg": (".ogg", ".oga", ".opus", ".spx"),
    "audio/mp4": (".m4a", ".mp4", ".m4b", ".aac"),
    "audio/mpeg": (".mp3",),
    "audio/amr": (".amr",),
    "audio/aac": (".aac",),
    "audio/wav": (".wav",),
    "audio/flac": (".flac",),
    "audio/webm": (".webm", ".weba"),
    "video/mp4": (".mp4", ".m4v"),
    "video/3gpp": (".3gp", ".3gpp", ".3g2"),
    "video/quicktime": (".mov", ".qt"),
    "video/webm": (".webm",),
    "video/x-matroska": (".mkv",),
    "text/html": (".html", ".htm"),
    "text/calendar": (".ics",),
    "text/vcard": (".vcf",),
    "message/rfc822": (".eml",),
    "application/zip": (".zip",),
    "application/gzip": (".gz", ".tgz"),
    "application/x-tgsticker": (".tgs",),
    "application/rtf": (".rtf",),
    "application/xml": (".xml",),
    "application/vnd.ms-outlook": (".msg",),
    "application/vnd.ms-word.document.macroenabled.12": (".docm",),
    "application/vnd.ms-excel.sheet.macroenabled.12": (".xlsm",),
    "application/vnd.ms-powerpoint.presentation.macroenabled.12": (".pptm",),
    f"{OFFICE}wordprocessingml.document": (".docx",),
    f"{OFFICE}spreadsheetml.sheet": (".xlsx",),
    f"{OFFICE}presentationml.presentation": (".pptx",),
}
_KNOWN: Final = frozenset(suffix for suffixes in SUFFIXES.values() for suffix in suffixes)
# Types of files that also have many other suffixes.
_LOOSE: Final = {UNKNOWN: ".bin", "text/plain": ".txt", "application/zip": ".zip"}
# Files with these suffixes run when they are opened. They must not, whatever they contain.
_RUNNING: Final = """.exe .scr .com .bat .cmd .pif .cpl .msi .msp .ps1 .vb .vbs .vbe .js .jse .wsf .wsh .hta
    .lnk .url .reg .scf .jar .app .dmg .pkg .apk .sh .command .desktop .dll .iso .img"""
_RUNS: Final = frozenset(_RUNNING.split())
_SUFFIX: Final = re.compile(r"\.[A-Za-z0-9]{1,10}\Z")
_UNSAFE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\\:*?\"<>|]")
# Marks of writing direction, invisible characters, surrogates and private characters.
_DECEIVING: Final = re.compile(
    "[\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffd\ud800-\udfff\ue000-\uf8ff]"
)
_RESERVED: Final = re.compile(
    r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|\Z)", re.I
)  # names that Windows reserves
_LONGEST: Final = 150  # bytes of UTF-8, without the suffixes added here; file systems take 255


def promised(name: str) -> str | None:
    """Return the MIME type that the suffix of a name stands for, or None."""
    return _types.guess_type(name)[0]


def named(name: str, kind: str) -> str:
    """Return a safe name that fits the MIME type: no folders, no disguises, nothing that runs when it is
    opened.
    """
    clean = unicodedata.normalize("NFC", _DECEIVING.sub("", name.replace("\\", "/")))
    clean = _UNSAFE.sub("_", PurePosixPath(clean).name).strip(" .")
    found = _SUFFIX.search(clean)
    suffix = found[0].lower() if found else ""
    stem = clean[: len(clean) - len(suffix)].encode()[:_LONGEST].decode(errors="ignore").strip(" .") or "file"
    if _RESERVED.match(stem):
        stem = f"_{stem}"
    usual = SUFFIXES.get(kind, ("",))[0] or _LOOSE.get(kind, "") or _types.guess_extension(kind) or ""
    if suffix in _RUNS or usual in _RUNS:
        return f"{stem}{suffix if suffix in _RUNS else usual}{_LOOSE.get(kind, '.bin')}"
    if suffix in SUFFIXES.get(kind, ()) or (suffix and _types.guess_type(f"x{suffix}")[0] == kind):
        return f"{stem}{suffix}"
    if suffix and suffix not in _KNOWN and (kind in _LOOSE or not usual):
        return f"{stem}{suffix}"
    if suffix in _KNOWN:  # the suffix belongs to another type
        return f"{stem}{usual or '.bin'}"
    return f"{stem}{suffix}{usual}"
