"""Fetch files that customers sent: look them up by id, download them with our token, and verify their hash.

https://developers.facebook.com/docs/whatsapp/cloud-api/reference/media#download-media
"""

import base64
import re
from collections.abc import AsyncIterator
from contextlib import aclosing
from hashlib import sha256

from bot.core.errors import PlatformDown, Refused
from connectors.meta import Graph, GraphError
from connectors.payload import Node
from connectors.whatsapp.capabilities import MAX_FILE
from connectors.whatsapp.failures import refusal

_MEDIA_ID = re.compile(r"[A-Za-z0-9_-]{1,200}")


async def fetch(graph: Graph, number: str, ref: str) -> AsyncIterator[bytes]:
    """Stream a file of at most 100 MB. Whoever reads it to the end knows that it is complete.

    Raise Refused if it is gone (Meta keeps it for 7 days) or too large. Raise PlatformDown if it differs from
    what Meta promised, or its address (valid for 5 minutes) is refused. Raise the other SendErrors.
    """
    if not _MEDIA_ID.fullmatch(ref):
        raise Refused("media_id: not a file of WhatsApp's")
    try:
        file = await graph.get(ref, phone_number_id=number)
    except GraphError as error:
        if error.status == 404 or error.subcode == 33:
            raise Refused("file_gone: WhatsApp keeps a file for seven days only") from None
        raise refusal(error) from None
    size = file.number("file_size")
    if size is not None and size > MAX_FILE:
        raise Refused("file_too_large: more than 100 MB")
    digest = sha256()
    try:
        async with aclosing(graph.stream(file.text("url"), max_bytes=MAX_FILE)) as pieces:
            async for piece in pieces:
                digest.update(piece)
                yield piece
    except GraphError as error:
        raise PlatformDown(
            f"url_refused: HTTP {error.status}; the next try asks for another address"
        ) from None
    if not _same(file, digest.digest()):
        raise PlatformDown("hash_mismatch: the file is not what WhatsApp said it is")


def _same(file: Node, digest: bytes) -> bool:
    """Return True if the file has the promised hash. WhatsApp writes it in hexadecimal or in base64."""
    promised = file.text("sha256")
    return not promised or promised.lower() == digest.hex() or promised == base64.b64encode(digest).decode()
