"""Files of the file store on their way to Telegram."""

import re
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from mimetypes import guess_extension
from typing import IO

from telegram import InputFile

from bot.core.errors import DeskError, PlatformDown, Refused, SendError
from bot.core.events import Attachment, AttachmentKind
from connectors.telegram.capabilities import MAX_PHOTO, MAX_UPLOAD

SENT_AS = frozenset({"photo", "document", "voice", "audio", "video", "video_note", "animation", "sticker"})
# The library opens a local file if a file_id is the name of one, so only real file_ids may pass.
_FILE_ID = re.compile(r"[A-Za-z0-9_-]{12,}")
_UNSAFE = re.compile(r'[\x00-\x1f\x7f"\\/]')


def known_file(ref: str) -> tuple[str, str]:
    """Return how the file of a handle is sent, and its file_id.

    Raises Refused for a handle that is not ours.
    """
    sent_as, _, file_id = ref.partition(":")
    if sent_as not in SENT_AS or not _FILE_ID.fullmatch(file_id):
        raise Refused("not a file of this account")
    return sent_as, file_id


@asynccontextmanager
async def fetched(
    attachment: Attachment, pieces: AsyncIterator[bytes]
) -> AsyncIterator[tuple[str, InputFile]]:
    """Yield how to send the file, and the file.

    It is on disk, so that its size is known before the upload.
    """
    with tempfile.TemporaryFile() as file:
        size = await _copy(pieces, file)
        if size == 0:
            raise Refused("file is empty")
        file.seek(0)
        yield _sent_as(attachment, size), InputFile(file, filename=_name(attachment), read_file_handle=False)


async def _copy(pieces: AsyncIterator[bytes], file: IO[bytes]) -> int:
    size = 0
    try:
        async for piece in pieces:
            size += len(piece)
            if size > MAX_UPLOAD:
                raise Refused("file too large")
            file.write(piece)
    except SendError:
        raise
    except DeskError as error:
        raise PlatformDown(error.code) from error  # nothing was sent yet
    return size


def _sent_as(attachment: Attachment, size: int) -> str:
    """Return how to send a file of that size: a photo that is too large goes as a document.

    `plan` has done this for all files whose size was known.
    """
    if attachment.kind is AttachmentKind.PHOTO and size > MAX_PHOTO:
        return "document"
    return attachment.kind.value


def _name(attachment: Attachment) -> str:
    if name := _UNSAFE.sub("_", attachment.name).strip(". ")[:200]:
        return name
    return attachment.kind.value + (guess_extension(attachment.mime_type.partition(";")[0]) or "")
