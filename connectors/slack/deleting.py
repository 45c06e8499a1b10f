"""Delete our messages and their files. Doing it twice changes nothing.

https://docs.slack.dev/reference/methods/chat.delete leaves a message's files, and
https://docs.slack.dev/reference/methods/files.delete leaves the message that shows the file.
"""

from bot.core.errors import Refused
from bot.core.outbound import BLANK, Erase
from connectors.slack.api import Api
from connectors.slack.failures import code_of
from connectors.slack.uploading import is_file

_KEPT = "compliance_exports_prevent_deletion"


class Deleting:
    def __init__(self, api: Api) -> None:
        self._api = api

    async def delete(self, operation: Erase, chat: str) -> None:
        """Delete a message with its files, or the file of an upload with the messages that show it.

        Raises SendError.
        """
        if is_file(operation.message):
            await self._upload(operation, chat)
        else:
            await self._message(operation, chat)

    async def _upload(self, operation: Erase, chat: str) -> None:
        try:
            found = await self._api.call(lambda web: web.files_info(file=operation.message), repeatable=True)
        except Refused as error:
            if code_of(error) not in ("file_not_found", "file_deleted"):
                raise
            return
        shares = found.node("file").node("shares")
        shown = [
            share.text("ts") for kind in ("private", "public") for share in shares.node(kind).nodes(chat)
        ]
        for ts in filter(None, shown):  # delete the file last: only the file tells where it is shown
            await self._delete(chat, ts, blank=operation.blank)
        await self._file(operation.message)

    async def _message(self, operation: Erase, chat: str) -> None:
        """Delete a message of ours and its files. The files go first, because only the message names them."""
        try:
            found = await self._api.call(
                lambda web: web.reactions_get(channel=chat, timestamp=operation.message, full=True),
                repeatable=True,
            )
        except Refused as error:
            if code_of(error) != "message_not_found":
                raise
            return
        for file in found.node("message").nodes("files"):
            await self._file(file.text("id"))
        await self._delete(chat, operation.message, blank=operation.blank)

    async def _delete(self, chat: str, ts: str, *, blank: bool) -> None:
        try:
            await self._api.call(lambda web: web.chat_delete(channel=chat, ts=ts), repeatable=True)
        except Refused as error:
            code = code_of(error)
            if code == _KEPT and blank:
                await self._api.call(
                    lambda web: web.chat_update(channel=chat, ts=ts, text=BLANK, blocks=[]), repeatable=True
                )
            elif code != "message_not_found":
                raise

    async def _file(self, file: str) -> None:
        try:
            await self._api.call(lambda web: web.files_delete(file=file), repeatable=True)
        except Refused as error:
            if code_of(error) not in ("file_not_found", "file_deleted"):
                raise
