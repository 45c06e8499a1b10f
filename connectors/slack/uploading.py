"""Upload files into a thread: three calls, of which only the last makes them visible.

https://docs.slack.dev/messaging/working-with-files#uploading_files
"""

import json
import re
import tempfile
from collections.abc import AsyncIterator, Mapping
from typing import IO

from bot.core.connector import FileAccess
from bot.core.errors import Refused
from bot.core.events import Attachment
from connectors.payload import Node
from connectors.slack.api import CHUNK, Api
from connectors.slack.blocks import Block, mrkdwn
from connectors.slack.capabilities import MAX_FILE
from connectors.slack.writing import escape

_FILE = re.compile(r"F[A-Z0-9]{2,20}")
_IN_MEMORY = 4 * 1024 * 1024


def is_file(id_: str) -> bool:
    """Return whether it is the id of a file, which identifies an upload until Slack tells its ts."""
    return bool(_FILE.fullmatch(id_))


class Uploads:
    def __init__(self, api: Api, files: FileAccess) -> None:
        self._api = api
        self._files = files

    async def send(
        self, attachment: Attachment, *, chat: str, thread: str, mark: str, named: Mapping[str, str]
    ) -> str:
        """Put one file into a thread, posted as `named`.

        `mark` is the id of the block by which it is found again.

        Returns the ts of its message if Slack tells it, else the file's id. Raises SendError.
        """
        name = attachment.name or f"{attachment.kind.value}"
        if attachment.size is not None and attachment.size > MAX_FILE:
            raise _too_large(name)
        # Slack wants the length first, and a file which is not what its record says must not hang the upload.
        with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as spool:
            length = await self._fetch(attachment, spool, name)
            target = await self._api.call(
                lambda web: web.files_getUploadURLExternal(filename=name, length=length), repeatable=True
            )
            await self._api.post(
                target.text("upload_url"),
                _stream(spool),
                {"Content-Length": str(length), "Content-Type": "application/octet-stream"},
            )
        caption: list[Block] = [
            {"type": "context", "block_id": mark, "elements": [mrkdwn(f"📎 {escape(name)}", 1000)]}
        ]
        answer = await self._api.call(
            lambda web: web.files_completeUploadExternal(
                files=[{"id": target.text("file_id"), "title": name}],
                channel_id=chat,
                thread_ts=thread or None,
                username=named.get("username"),
                icon_emoji=named.get("icon_emoji"),
                icon_url=named.get("icon_url"),
                blocks=json.dumps(caption),  # slack_sdk puts this method's arguments into the query
            ),
            repeatable=False,
        )
        return _shared(answer, chat) or target.text("file_id")

    async def _fetch(self, attachment: Attachment, spool: IO[bytes], name: str) -> int:
        length = 0
        source = self._files.open(attachment.file)
        async for chunk in source:
            length += len(chunk)
            if length > MAX_FILE:
                raise _too_large(name)
            spool.write(chunk)
        spool.seek(0)
        if not length:
            raise Refused(f"file_empty: {name[:80]} has no content")
        return length


async def _stream(spool: IO[bytes]) -> AsyncIterator[bytes]:
    while chunk := spool.read(CHUNK):
        yield chunk


def _shared(answer: Node, chat: str) -> str:
    """Return the ts of an upload's message, "" if the answer does not tell it.

    Slack posts the message a moment later, and names it here only sometimes.
    """
    for file in answer.nodes("files"):
        shares = file.node("shares")
        for kind in ("private", "public"):
            for share in shares.node(kind).nodes(chat):
                return share.text("ts")
    return ""


def _too_large(name: str) -> Refused:
    return Refused(f"file_too_large: {name[:80]} has more than {MAX_FILE // 1_000_000} MB")
