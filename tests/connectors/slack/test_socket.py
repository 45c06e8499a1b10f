"""Socket Mode: an envelope is acknowledged after the commit and never before; connections come back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from bot.core.connector import Listens
from bot.core.errors import AccountSuspended
from bot.core.events import Said
from bot.core.outbound import Button, Post

from .conftest import Desk, connector_of


@asynccontextmanager
async def listening(desk: Desk) -> AsyncIterator[None]:
    connector = desk.other(mode="socket")
    assert isinstance(connector, Listens)
    task = asyncio.create_task(connector.listen(desk.inbox))
    try:
        async with asyncio.timeout(120):
            await desk.slack.socket_connected()
        yield
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await connector.close()
    assert len(asyncio.all_tasks()) < 40


async def test_an_event_arrives_and_is_acknowledged(desk: Desk) -> None:
    before = desk.slack.undelivered
    async with listening(desk):
        desk.slack.post_as("ana", "support", "hello")
        assert (await desk.inbox.event()).content == Said("hello")
        await desk.slack.settled()
    assert desk.inbox.calls == 1
    assert desk.slack.undelivered == before


@pytest.mark.long
async def test_an_envelope_that_was_not_stored_is_not_acknowledged(desk: Desk) -> None:
    async with listening(desk):
        sent = await desk.connector.send(desk.outbound(Post("Choose", (Button("take", "e", "Take"),))))
        desk.inbox.failures = 1
        pressed = asyncio.create_task(desk.slack.click("ana", "support", sent.message, "take:0"))
        outcome = await pressed
        assert not outcome.taken
        assert (await desk.slack.click("ana", "support", sent.message, "take:0")).taken


async def test_commands_are_answered_over_the_socket(desk: Desk) -> None:
    async with listening(desk):
        assert (await desk.slack.slash("ana", "support", "/desk", "help")).taken
    assert [whisper.text for whisper in desk.slack.ephemerals("ana")] == ["*Fine*"]


async def test_a_connection_that_slack_ends_is_made_anew(desk: Desk) -> None:
    async with listening(desk):
        await desk.slack.disconnect_sockets()
        async with asyncio.timeout(120):
            await desk.slack.socket_connected()
        desk.slack.post_as("ana", "support", "still there?")
        assert (await desk.inbox.event()).content == Said("still there?")


async def test_a_wrong_app_token_ends_listening_with_the_reason(desk: Desk) -> None:
    secrets = {**desk.settings.secrets, "app_token": "xapp-wrong"}
    connector = connector_of(replace(desk.settings, mode="socket", secrets=secrets), {})
    with pytest.raises(AccountSuspended, match="invalid_auth"):
        await connector.listen(desk.inbox)
    await connector.close()
