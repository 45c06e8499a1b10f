"""A connector on the real library, and what it talks to."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.core.commands import CommandAnswer
from bot.core.connector import AccountSettings, ChatCommand, RawRequest
from bot.core.events import Event, Place
from bot.core.ids import Clock, DeliveryId
from bot.core.outbound import Operation, Outbound
from connectors.sandbox.telegram import TelegramStandIn
from connectors.telegram.connector import CHANNEL, SECRET_HEADER, TelegramConnector
from tests.connectors.resources import MemoryMeans, memory_resources

TOKEN = "700000001:sandbox-telegram-token"
SECRET = "a-secret_of-ours"
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def settings(api_url: str = "http://127.0.0.1:1", **changes: object) -> AccountSettings:
    values: dict[str, object] = {
        "account": "support-bot",
        "serves": "customers",
        "mode": "webhook",
        "api_url": api_url,
        "public_url": "https://desk.example",
        "path": "/hooks/telegram/support-bot",
        "secrets": {"bot_token": TOKEN, "webhook_secret": SECRET},
    }
    return AccountSettings(**(values | changes))  # type: ignore[arg-type]


def resources(files: Mapping[str, bytes] | None = None, clock: Clock = lambda: NOW) -> MemoryMeans:
    return memory_resources(files, clock=clock)


def connector(
    api_url: str = "http://127.0.0.1:1", *, clock: Clock = lambda: NOW, **changes: object
) -> TelegramConnector:
    return TelegramConnector(settings(api_url, **changes), resources(clock=clock))


def signed(body: bytes, secret: str = SECRET) -> RawRequest:
    return RawRequest(headers={SECRET_HEADER: secret}, body=body)


def outbound(chat: object, operation: Operation, part: int = 0, thread: str = "") -> Outbound:
    place = Place(CHANNEL, "support-bot", str(chat), thread)
    return Outbound(DeliveryId(UUID(int=7)), place, operation, part)


@dataclass
class Inbox:
    """Keeps what it accepts; first it raises what it is told to."""

    raises: list[Exception] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    commands: list[ChatCommand] = field(default_factory=list)
    answer: str = "**Done**"
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def accept(self, events: Sequence[Event]) -> None:
        if self.raises:
            raise self.raises.pop(0)
        self.events.extend(events)
        self.arrived.set()

    async def command(self, command: ChatCommand) -> CommandAnswer:
        self.commands.append(command)
        return CommandAnswer(self.answer)


@asynccontextmanager
async def served(stand_in: TelegramStandIn) -> AsyncIterator[str]:
    """The stand-in behind a server; what it yields is the api_url."""
    root = web.Application()
    root.add_subapp("/sandbox/telegram", stand_in.app())
    async with TestServer(root) as server:
        yield str(server.make_url("/sandbox/telegram"))
