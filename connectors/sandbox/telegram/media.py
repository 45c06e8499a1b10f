"""Files that people and the bot send, in the shapes the Bot API gives them."""

import mimetypes
import struct
from collections.abc import Mapping

from connectors.sandbox.telegram.model import JsonObject, StoredFile

FILE_KINDS = ("photo", "document", "voice", "video", "audio", "sticker", "animation", "video_note")
PLACE_KINDS = ("location", "contact")
CAPTIONED = frozenset({"photo", "document", "voice", "video", "audio", "animation"})
MAX_UPLOAD = 50 * 1024 * 1024  # https://core.telegram.org/bots/api#sending-files
MAX_DOWNLOAD = 20 * 1024 * 1024  # https://core.telegram.org/bots/api#getfile

_DEFAULT_MIME = {
    "photo": "image/jpeg",
    "voice": "audio/ogg",
    "video": "video/mp4",
    "audio": "audio/mpeg",
    "sticker": "image/webp",
    "animation": "video/mp4",
    "video_note": "video/mp4",
}
_FOLDERS = {"photo": "photos", "voice": "voice", "video": "videos", "audio": "music", "sticker": "stickers"}
# What the platform reads from a file's content. The stand-in reads only the sizes of PNG and JPEG.
_DIMENSIONS: dict[str, JsonObject] = {
    "voice": {"duration": 3},
    "video": {"width": 1280, "height": 720, "duration": 5},
    "animation": {"width": 480, "height": 270, "duration": 2},
    "audio": {"duration": 60},
    "video_note": {"length": 240, "duration": 5},
    "sticker": {"type": "regular", "width": 512, "height": 512, "is_animated": False, "is_video": False},
}
_NAMED = frozenset({"document", "video", "audio", "animation"})
_TYPED = _NAMED | {"voice"}


def stored_file(number: int, kind: str, name: str, mime_type: str, content: bytes) -> StoredFile:
    mime = mime_type or mimetypes.guess_type(name)[0] or _DEFAULT_MIME.get(kind, "application/octet-stream")
    suffix = f".{name.rsplit('.', 1)[1]}" if "." in name else mimetypes.guess_extension(mime) or ""
    folder = _FOLDERS.get(kind, "documents")
    return StoredFile(
        file_id=f"SandboxFile{number:08d}",
        unique_id=f"SandboxUnique{number:08d}",
        path=f"{folder}/file_{number}{suffix}",
        name=name or f"file_{number}{suffix}",
        mime_type=mime,
        content=content,
    )


def file_wire(kind: str, file: StoredFile, details: Mapping[str, object]) -> JsonObject:
    wire: JsonObject = {"file_id": file.file_id, "file_unique_id": file.unique_id}
    if kind == "photo":
        wire["width"], wire["height"] = image_size(file.content)
    wire.update(_DIMENSIONS.get(kind, {}))
    if kind in _NAMED:
        wire["file_name"] = file.name
    if kind in _TYPED:
        wire["mime_type"] = file.mime_type
    wire["file_size"] = len(file.content)
    wire.update(details)
    return wire


def image_size(content: bytes) -> tuple[int, int]:
    """Return width and height of a PNG or JPEG; a common size for any other content."""
    if content.startswith(b"\x89PNG\r\n\x1a\n") and len(content) >= 24:
        width, height = struct.unpack(">II", content[16:24])
        return int(width), int(height)
    if content.startswith(b"\xff\xd8"):
        return _jpeg_size(content)
    return 800, 600


def _jpeg_size(content: bytes) -> tuple[int, int]:
    at = 2
    while at + 9 <= len(content) and content[at] == 0xFF:
        marker, length = content[at + 1], int.from_bytes(content[at + 2 : at + 4], "big")
        if 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}:
            height, width = struct.unpack(">HH", content[at + 5 : at + 9])
            return int(width), int(height)
        at += 2 + length
    return 800, 600
