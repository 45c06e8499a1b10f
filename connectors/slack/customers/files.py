"""Files of customers. An event of Slack Connect tells only their ids; the rest must be asked for.

https://docs.slack.dev/apis/slack-connect#files
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from bot.core.errors import Refused, SendError
from bot.core.events import Attachment
from connectors.payload import Node
from connectors.slack.api import Api
from connectors.slack.parsing import kind_of
from connectors.slack.people import PATIENCE

AT_ONCE = 20  # look-ups for one message; of further files only the content is fetched


async def introduced(files: Sequence[Attachment], api: Api, key: str) -> tuple[Attachment, ...]:
    """Return the files with what Slack tells about them in time, and with refs that `fetched` understands."""
    told = list(files)

    async def ask(index: int) -> None:
        try:
            found = await _info(api, files[index].ref)
        except SendError:
            return  # its content is asked for later, and with more patience
        told[index] = replace(
            files[index],
            kind=kind_of(found),
            name=found.text("name") or found.text("title"),
            mime_type=found.text("mimetype"),
            size=found.whole("size"),
        )

    hidden = [index for index, file in enumerate(files) if not file.mime_type][:AT_ONCE]
    try:
        async with asyncio.timeout(PATIENCE.total_seconds()), asyncio.TaskGroup() as tasks:
            for index in hidden:
                tasks.create_task(ask(index))
    except TimeoutError:
        pass  # what was learnt in time is used
    return tuple(replace(file, ref=f"{key}/{file.ref}") for file in told)


async def fetched(file: str, api: Api) -> AsyncIterator[bytes]:
    """Stream a file by its id. Raises SendError."""
    found = await _info(api, file)
    address = found.text("url_private_download") or found.text("url_private")
    if not address:
        raise Refused("file_not_visible: Slack does not show this file to the app")
    async for chunk in api.download(address):
        yield chunk


async def _info(api: Api, file: str) -> Node:
    answer = await api.call(lambda web: web.files_info(file=file), repeatable=True)
    return answer.node("file")
