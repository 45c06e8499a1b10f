"""The whole way of a file in: a phone sends it, Telegram's stand-in hands it out, and the store has it."""

import asyncio
from contextlib import suppress

from aiohttp import web

from bot.app.embedded.server_files import free_port
from bot.core.connector import AccountSettings, Connector, Listens, Resources
from connectors import telegram
from connectors.sandbox.server import Sandbox
from tests.connectors.resources import MemoryFiles, MemoryVault
from tests.files.rig import PNG, Desk
from tests.story.rig import serving

VOICE = b"OggS\0\2" + bytes(20) + b"\1\x13OpusHead\1\1" + bytes(500)


async def test_a_picture_and_a_voice_note_arrive_as_they_were_sent(services: Desk) -> None:
    sandbox, port, root = Sandbox(), free_port(), web.Application()
    root.add_subapp("/sandbox", sandbox.app())
    async with serving(root, port):
        connector: Connector = telegram.channel.open(
            AccountSettings(
                account="telegram",
                serves="customers",
                mode="polling",
                api_url=f"http://127.0.0.1:{port}/sandbox/telegram",
                secrets={"bot_token": sandbox.credentials.telegram_token, "webhook_secret": "secret"},
            ),
            Resources(files=MemoryFiles(), vault=MemoryVault()),
        )
        assert isinstance(connector, Listens)
        listening = asyncio.create_task(connector.listen(services.bus.of(services.accounts["telegram"].id)))
        try:
            async with services.fetching(services.fetcher(connectors={"telegram": connector})):
                maya = sandbox.telegram.users()[0]
                sandbox.telegram.send_media(
                    maya, "document", PNG, name="invoice.pdf", mime_type="application/pdf", caption="see"
                )
                sandbox.telegram.send_media(maya, "voice", VOICE, mime_type="audio/ogg")
                rows = await services.settled(2)
        finally:
            listening.cancel()
            with suppress(asyncio.CancelledError):
                await listening
            await connector.close()
    found = {row.mime_type: row.id for row in rows}
    assert set(found) == {"image/png", "audio/ogg"}
    assert await services.content(found["image/png"]) == PNG
    assert await services.content(found["audio/ogg"]) == VOICE
    assert (await services.files.find(services.organization, found["image/png"])).name == "invoice.png"
