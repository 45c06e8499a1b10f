"""Provide what the stand-ins for WhatsApp and Messenger share: webhook, calls of the product, and clock."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import timedelta
from typing import Generic, TypedDict, TypeVar, Unpack

from aiohttp import web

from bot.core.ids import Clock, utc_now
from connectors.sandbox.fault import Faults, NoFaults
from connectors.sandbox.meta.calls import Calls, SentCall
from connectors.sandbox.meta.clock import MovableClock
from connectors.sandbox.meta.errors import GraphError, JsonObject
from connectors.sandbox.meta.files import KeptFile
from connectors.sandbox.meta.phone import MetaPhone
from connectors.sandbox.meta.trouble import Troubles
from connectors.sandbox.meta.webhook import PAUSES, Parcel, Webhook
from connectors.sandbox.webhook_queue import RetryPauses

Phone = TypeVar("Phone", bound=MetaPhone)


class Options(TypedDict, total=False):
    """A `clock` that is a MovableClock is shared, so that several stand-ins can be moved together."""

    clock: Clock
    faults: Faults | None
    pauses: RetryPauses | None
    webhook_timeout: float
    call_log: int  # how many of the product's calls `sent` remembers


class MetaStandIn(ABC, Generic[Phone]):
    """One account at Meta.

    Tests and the control API act for people by plain calls; the product by HTTP.

    `app()` is mounted where the product expects graph.facebook.com. `webhook_url` counts as verified;
    `configure` asks it first. `compose` makes the body of a webhook, and `throttled` the platform's own 429.
    """

    def __init__(
        self,
        platform: str,
        token: str,
        app_secret: str,
        verify_token: str,
        webhook_url: str,
        compose: Callable[[Sequence[Parcel]], JsonObject],
        throttled: Callable[[float], GraphError],
        **options: Unpack[Options],
    ) -> None:
        self.token, self.app_secret, self.verify_token = token, app_secret, verify_token
        clock = options.get("clock", utc_now)
        self.clock = clock if isinstance(clock, MovableClock) else MovableClock(clock)
        self.troubles = Troubles()
        self.on_change: Callable[[str], None] | None = None  # called with the id whose chat changed
        faults = options.get("faults") or NoFaults()
        self._webhook = Webhook(
            platform,
            app_secret=app_secret,
            verify_token=verify_token,
            compose=compose,
            taken=self._taken,
            faults=faults,
            troubles=self.troubles,
            pauses=options.get("pauses") or PAUSES,
            timeout=options.get("webhook_timeout", 20.0),
        )
        self._webhook.url = webhook_url
        self._calls = Calls(
            platform,
            token=token,
            app_secret=app_secret,
            clock=self.clock,
            faults=faults,
            troubles=self.troubles,
            throttled=throttled,
            log_size=options.get("call_log", 100_000),
        )

    def app(self) -> web.Application:
        app = web.Application()
        self._add_routes(app)
        app.cleanup_ctx.append(self._running)
        return app

    @abstractmethod
    def phone(self, person: str) -> Phone | None:
        """Return the phone of the person with that id."""

    @abstractmethod
    def phones(self) -> list[Phone]: ...

    @abstractmethod
    def window(self, phone: Phone) -> timedelta:
        """Return how long free text may still be sent. It is not positive when the window is closed."""

    @abstractmethod
    def file(self, file_id: str) -> KeptFile | None: ...

    @abstractmethod
    def _add_routes(self, app: web.Application) -> None: ...

    @abstractmethod
    def _taken(self, parcel: Parcel) -> None:
        """Give the customer's own message two ticks: the product has accepted it."""

    async def _running(self, _: web.Application) -> AsyncIterator[None]:
        await self.start()
        yield
        await self.close()

    async def start(self) -> None:
        """Begin to deliver webhooks. Before that, and after `close`, they are collected.

        Safe to call twice.
        """
        self._webhook.start()

    async def close(self) -> None:
        await self._webhook.close()

    async def configure(self, webhook_url: str) -> None:
        """Enter a callback URL as in the app dashboard. It must answer the challenge. Raise CommandError."""
        await self._webhook.verify(webhook_url)
        self.point_at(webhook_url)

    def point_at(self, webhook_url: str) -> None:
        """Set the callback URL without asking it. "" lets webhooks wait."""
        self._webhook.point_at(webhook_url)

    def sent(self, name: str = "") -> list[SentCall]:
        """Return the product's calls of one name ("messages", "media", …), or all, oldest first."""
        return [call for call in self._calls.log if name in ("", call.name)]

    def pending(self) -> int:
        """Return how many webhooks the product has not accepted yet."""
        return len(self._webhook.queue.pending())

    @property
    def undelivered(self) -> int:
        """Return how many webhooks were given up after the last attempt."""
        return self._webhook.queue.given_up

    async def settled(self) -> None:
        """Wait until the product has accepted every webhook."""
        await self._webhook.queue.settled()

    def start_over(self) -> None:
        """Forget what was said, and all troubles. People and the webhook stay.

        The clock shows the real time again.
        """
        self.troubles.clear()
        self.clock.moved = timedelta()

    def _changed(self, person: str) -> None:
        if self.on_change is not None:
            self.on_change(person)
