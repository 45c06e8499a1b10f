"""Declare which media WhatsApp accepts, and how large they may be.

https://developers.facebook.com/docs/whatsapp/cloud-api/reference/media#supported-media-types
"""

from collections.abc import Mapping
from datetime import timedelta

from connectors.sandbox.meta.errors import GraphError, invalid

MEGABYTE = 1024 * 1024
KINDS = ("audio", "document", "image", "sticker", "video")
CAPTIONED = frozenset({"document", "image", "video"})
MAX_CAPTION = 1024
URL_LIVES = timedelta(minutes=5)
MEDIA_LIVES = timedelta(days=30)
MAX_BYTES: Mapping[str, int] = {
    "audio": 16 * MEGABYTE,
    "document": 100 * MEGABYTE,
    "image": 5 * MEGABYTE,
    "sticker": 500 * 1024,  # for animated ones; still ones have 100 KB, but the stand-in cannot tell
    "video": 16 * MEGABYTE,
}
_DOCUMENTS = (
    "application/vnd.ms-powerpoint",
    "application/msword",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/pdf",
    "text/plain",
    "application/vnd.ms-excel",
)
TYPES: Mapping[str, tuple[str, ...]] = {
    "audio": ("audio/aac", "audio/mp4", "audio/mpeg", "audio/amr", "audio/ogg", "audio/opus"),
    "image": ("image/jpeg", "image/png"),
    "sticker": ("image/webp",),
    "video": ("video/mp4", "video/3gpp"),
}
UPLOADED = (*TYPES["audio"], *_DOCUMENTS, *TYPES["image"], *TYPES["sticker"], *TYPES["video"])


def plain(mime_type: str) -> str:
    """Return a media type without parameters: "audio/ogg" for "audio/ogg; codecs=opus"."""
    return mime_type.partition(";")[0].strip().lower()


def kind_of(mime_type: str) -> str:
    """Return the kind as which a customer's phone would send this type."""
    return next(
        (kind for kind in ("image", "audio", "video") if plain(mime_type).startswith(kind)), "document"
    )


def check_upload(mime_type: str, size: int) -> None:
    """Raise GraphError if a file cannot be uploaded."""
    kind = plain(mime_type)
    if kind not in UPLOADED:
        raise invalid(
            f"Param file must be a file with one of the following types: {', '.join(UPLOADED)}."
            f" Received file of type '{kind[:80]}'."
        )
    most = max(limit for each, limit in MAX_BYTES.items() if kind in TYPES.get(each, _DOCUMENTS))
    if not 0 < size <= most:
        raise GraphError(
            131053,
            "(#131053) Media upload error",
            details=f"File size is {size} bytes; {kind} may have 1 to {most} bytes.",
        )


def problem(kind: str, mime_type: str, size: int) -> str:
    """Return why a file cannot be sent as this kind, in Meta's words, or "" if it can."""
    allowed = TYPES.get(kind)
    if allowed is not None and plain(mime_type) not in allowed:
        return (
            f"Unsupported {kind.capitalize()} mime type {plain(mime_type)[:80]}."
            f" Please use one of {', '.join(allowed)}."
        )
    if size > MAX_BYTES[kind]:
        return f"Media file size too big. Max file size we currently support: {MAX_BYTES[kind] // 1024} KB."
    return ""
