"""Files small enough to write down, of types that look into them would confirm."""

from bot.core.connector import Media
from bot.core.events import AttachmentKind

_PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
_PNG = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00" + b"\x00" * 40
)
_JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00" + b"\x00" * 40 + b"\xff\xd9"
_WEBP = b"RIFF\x24\x00\x00\x00WEBPVP8 " + b"\x00" * 32
_OGG = b"OggS\x00\x02" + b"\x00" * 22 + b"OpusHead\x01\x01" + b"\x00" * 40
_MP3 = b"ID3\x04\x00\x00\x00\x00\x00\x00\xff\xfb\x90\x00" + b"\x00" * 60
_MP4 = b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2" + b"\x00" * 40
_SAMPLES = {
    "application/pdf": _PDF,
    "image/png": _PNG,
    "image/jpeg": _JPEG,
    "image/webp": _WEBP,
    "audio/ogg": _OGG,
    "audio/mpeg": _MP3,
    "audio/mp4": _MP4,
    "video/mp4": _MP4,
}
_OF_FAMILY = {"image/*": "image/png", "audio/*": "audio/mpeg", "video/*": "video/mp4"}
_OF_KIND = {
    AttachmentKind.PHOTO: "image/jpeg",
    AttachmentKind.STICKER: "image/webp",
    AttachmentKind.VOICE: "audio/ogg",
    AttachmentKind.AUDIO: "audio/mpeg",
    AttachmentKind.VIDEO: "video/mp4",
}


def sample(media: Media) -> tuple[str, bytes]:
    """A type that the channel claims to carry, and a file of that type."""
    usual = _OF_KIND.get(media.kind, "application/pdf")
    types = [usual if pattern == "*/*" else _OF_FAMILY.get(pattern, pattern) for pattern in media.types]
    known = next((each for each in types if each in _SAMPLES), "")
    assert known or not types, f"no sample is at hand of any of {types}"
    return known, _SAMPLES.get(known, b"")
