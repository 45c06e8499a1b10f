"""The parts of a channel that the contract's tests need: its connector, its platform, and one customer.

An adapter runs the connector against the channel's stand-in, and plays the customer there. What the channel
claims in its capabilities it must be able to play: a method that is not written fails the test of its claim.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import TypeVar
from uuid import UUID

from aiohttp import web

from bot.core.commands import CommandAnswer
from bot.core.connector import (
    Capabilities,
    ChannelKind,
    ChatCommand,
    Connector,
    RawRequest,
    RawResponse,
    Route,
)
from bot.core.errors import (
    DeskError,
    ForgedRequest,
    MalformedPayload,
    RateLimited,
    SendError,
    StorageUnavailable,
)
from bot.core.events import AttachmentKind, Content, Event, Place
from bot.core.ids import DeliveryId
from bot.core.outbound import Operation, Outbound, Sent, Template
from connectors.sandbox.fault import Fault, FaultKind
from tests.connectors.resources import MemoryMeans

Heard = TypeVar("Heard", bound=Content)
PATIENCE = 60  # seconds for what comes in through sockets


class NotingInbox:
    """A bus that notes every delivery, also the second of one event; first it fails as often as told."""

    def __init__(self) -> None:
        self.accepted: list[Event] = []
        self.failures = 0
        self._changed = asyncio.Condition()

    @property
    def events(self) -> list[Event]:
        """Each event once, as the database would have it."""
        return list({event.external_id: event for event in reversed(self.accepted)}.values())[::-1]

    async def accept(self, events: Sequence[Event]) -> None:
        if self.failures:
            self.failures -= 1
            raise StorageUnavailable("the database is away")
        self.accepted += events
        async with self._changed:
            self._changed.notify_all()

    async def known(self, threads: Sequence[Place]) -> frozenset[Place]:
        return frozenset(threads) & {event.place for event in self.accepted}

    async def command(self, command: ChatCommand) -> CommandAnswer:  # noqa: ARG002
        return CommandAnswer("Done.")

    async def until(self, found: Callable[["NotingInbox"], bool]) -> None:
        async with asyncio.timeout(PATIENCE), self._changed:
            await self._changed.wait_for(lambda: found(self))


class Script:
    """The faults of a platform: each meets the next call that `hits` it, once."""

    def __init__(self) -> None:
        self.copies: tuple[float, ...] = (0.0,)
        self._waiting: list[tuple[Fault, Callable[[str], bool]]] = []

    def strike(self, fault: Fault, hits: Callable[[str], bool]) -> None:
        self._waiting.append((fault, hits))

    async def before(self, platform: str, call: str) -> Fault | None:  # noqa: ARG002
        for index, (fault, hits) in enumerate(self._waiting):
            if hits(call):
                del self._waiting[index]
                return fault
        return None

    def deliveries(self, platform: str, kind: str) -> Sequence[float]:  # noqa: ARG002
        return self.copies

    @property
    def spent(self) -> bool:
        return not self._waiting


@dataclass(frozen=True, slots=True)
class Bubble:
    """A message of ours, as it stands on the customer's screen."""

    id: str
    text: str = ""
    buttons: tuple[str, ...] = ()
    rows: tuple[str, ...] = ()
    file: bytes | None = None
    is_fact: bool = False  # a place or a contact, shown as such
    links: str = ""  # where words lead that are no address themselves


@dataclass
class Platform(ABC):
    kind: ChannelKind
    connector: Connector
    inbox: NotingInbox
    resources: MemoryMeans
    script: Script
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    @property
    def capabilities(self) -> Capabilities:
        return self.connector.capabilities

    # Requests, as the platform would send them or somebody else

    @abstractmethod
    def forged(self) -> Sequence[RawRequest]:
        """Requests that the platform did not send. None for a channel that has no webhook."""

    async def forge(self) -> str:
        """Somebody says something in the customer's name. For a channel that has no webhook."""
        raise NotImplementedError

    @abstractmethod
    def empty(self) -> Sequence[RawRequest]:
        """Genuine requests in which nothing has happened."""

    @abstractmethod
    async def tell_unknown(self) -> None:
        """Something happens that this version of the connector has never heard of."""

    # What the customer does. Each returns the platform's id of the message.

    @abstractmethod
    async def say(self, text: str) -> str: ...

    async def attach(self, kind: AttachmentKind, content: bytes, mime_type: str) -> tuple[str, bytes]:
        """Send a file as the customer. Return also what was sent: some stickers are the platform's own."""
        raise NotImplementedError

    async def tap(self, bubble: Bubble, label: str) -> None:
        raise NotImplementedError

    async def edit(self, message: str, text: str) -> None:
        raise NotImplementedError

    async def delete(self, message: str) -> None:
        raise NotImplementedError

    async def react(self, bubble: Bubble) -> None:
        raise NotImplementedError

    async def read(self) -> None:
        """The customer looks at all that has come."""
        raise NotImplementedError

    async def leave(self) -> None:
        """From now on the platform cannot bring anything to the customer, and says so."""
        raise NotImplementedError

    async def submit_form(self) -> None:
        raise NotImplementedError

    async def robot(self) -> None:
        """An automatic reply comes in."""
        raise NotImplementedError

    async def pass_time(self, seconds: float) -> None:
        raise NotImplementedError

    # What the customer sees

    @abstractmethod
    def shown(self) -> list[Bubble]:
        """Everything of ours, oldest first."""

    def reactions(self, message: str) -> Sequence[str]:
        """Return what we put on a message of the customer."""
        raise NotImplementedError

    async def where_typing_shows(self, hello: Event) -> Event:
        """An event in whose place it is shown, where that is not everywhere."""
        return hello

    def typing(self) -> bool:
        raise NotImplementedError

    def whispers(self) -> Sequence[str]:
        raise NotImplementedError

    def template(self) -> Template:
        """Return a template that the platform has approved."""
        raise NotImplementedError

    # What goes wrong

    @abstractmethod
    def is_post(self, call: str) -> bool:
        """Return whether a call of the platform's API makes a message."""

    @abstractmethod
    def is_download(self, call: str) -> bool:
        """Return whether a call of the platform's API fetches a file."""

    def next_fault(self, kind: FaultKind, *, seconds: float = 0.0) -> None:
        """Meets the next message of ours."""
        self.script.strike(Fault(kind, seconds), self.is_post)

    @contextmanager
    def no_downloads(self) -> Iterator[None]:
        """Within it, files cannot be fetched."""
        self.script.strike(Fault(FaultKind.SERVER_ERROR), self.is_download)
        yield
        assert self.script.spent, "nothing was fetched"

    # The rest is the same for all

    @abstractmethod
    async def settled(self) -> None:
        """Wait until the connector has taken what happened, or the platform has given up."""

    async def greeted(self) -> Event:
        """The event of a customer who says hello."""
        return await self.heard(await self.say("Hello there"))

    async def say_twice(self, text: str) -> None:
        """The customer says it once, and the platform delivers it twice."""
        self.script.copies = (0.0, 0.0)
        await self.say(text)
        self.script.copies = (0.0,)

    async def heard(self, message: str) -> Event:
        """The event of a message of the customer."""
        await self.inbox.until(lambda inbox: any(event.message == message for event in inbox.events))
        await self.settled()
        return next(event for event in self.inbox.events if event.message == message)

    async def heard_of(self, kind: type[Heard]) -> Heard:
        """The first content of that kind."""
        await self.inbox.until(lambda inbox: any(isinstance(event.content, kind) for event in inbox.events))
        return next(event.content for event in self.inbox.events if isinstance(event.content, kind))

    @property
    def rate_limit(self) -> type[SendError]:
        """Return the error as which a rate limit is told."""
        return RateLimited

    def told_to_wait(self, seconds: float) -> float:
        """Return how long the platform says to wait for this rate limit: some platforms cannot say it."""
        return seconds

    def outbound(self, to: Event, operation: Operation, part: int = 0) -> Outbound:
        return Outbound(
            DeliveryId(UUID(int=next(self._numbers))), to.place, operation, part, to.reply_context
        )

    async def deliver(self, to: Event, operation: Operation) -> list[Sent]:
        """All parts of it, as the bus sends them."""
        first = self.outbound(to, operation)
        sent: list[Sent] = []
        while True:
            sent.append(
                await self.connector.send(
                    Outbound(first.id, first.place, first.operation, len(sent), first.context)
                )
            )
            await self.settled()
            if not sent[-1].more:
                return sent
            assert len(sent) < 100, "there is no end of parts"


Opening = Callable[[], AbstractAsyncContextManager[Platform]]


async def knock(connector: Connector, inbox: NotingInbox, request: RawRequest) -> RawResponse:
    """One request at the connector's first webhook."""
    return await connector.routes(inbox)[0].handle(request)


class Webhook:
    """Our own web server: open before the connector is built, which must know where it will be reached."""

    def __init__(self) -> None:
        self.url = ""
        self._routes: Sequence[Route] = ()

    def serve(self, routes: Sequence[Route]) -> None:
        self._routes = routes

    async def handle(self, request: web.Request) -> web.Response:
        for route in self._routes:
            if route.path == request.path and request.method in route.methods:
                headers = {name.lower(): value for name, value in request.headers.items()}
                raw = RawRequest(headers, await request.read(), request.method, dict(request.query))
                return await _answered(route, raw)
        return web.Response(status=404)


async def _answered(route: Route, request: RawRequest) -> web.Response:
    try:
        answer = await route.handle(request)
    except ForgedRequest:
        return web.Response(status=401)
    except MalformedPayload:
        return web.Response(status=400)
    except DeskError:
        return web.Response(status=503)
    return web.Response(status=answer.status, body=answer.body, content_type=answer.content_type)


@asynccontextmanager
async def open_webhook() -> AsyncIterator[Webhook]:
    webhook = Webhook()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", webhook.handle)
    async with served(app) as url:
        webhook.url = url
        yield webhook


@asynccontextmanager
async def served(app: web.Application) -> AsyncIterator[str]:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()
