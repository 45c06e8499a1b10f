"""A server that is WhatsApp for the product: the Cloud API on one side, people with phones on the other."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from aiohttp import web

from bot.core.errors import CommandError
from bot.core.ids import Clock, utc_now
from connectors.sandbox.fault import Faults, NoFaults
from connectors.sandbox.meta.calls import Calls, SentCall
from connectors.sandbox.meta.clock import MovableClock
from connectors.sandbox.meta.errors import JsonObject
from connectors.sandbox.meta.files import KeptFile
from connectors.sandbox.meta.ids import HexIds, random_hex
from connectors.sandbox.meta.trouble import Trouble, Troubles
from connectors.sandbox.meta.webhook import PAUSES, Parcel, Webhook
from connectors.sandbox.snapshots import dump, load
from connectors.sandbox.webhook_queue import RetryPauses
from connectors.sandbox.whatsapp.limits import Limits
from connectors.sandbox.whatsapp.line import Line, Owner, compose
from connectors.sandbox.whatsapp.model import Tick
from connectors.sandbox.whatsapp.phone import Phone, digits
from connectors.sandbox.whatsapp.refusals import REFUSALS, failure, refusal
from connectors.sandbox.whatsapp.sending import Planned, Sending
from connectors.sandbox.whatsapp.server import Server, unreachable_callback
from connectors.sandbox.whatsapp.templates import SAMPLES, Template

PLATFORM = "whatsapp"


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What is saved of the stand-in."""

    owners: list[Owner]
    files: dict[str, KeptFile]
    pending: list[Parcel]
    troubles: Mapping[Trouble, int | None]
    subscribed: bool
    moved: timedelta  # the clock
    webhook_url: str


class WhatsAppStandIn:
    """The WhatsApp of one business number.

    Tests and the control API act for people by plain calls; the product by HTTP.

    `app()` is mounted where the product expects graph.facebook.com. `webhook_url` counts as verified;
    `configure` asks it first. A `clock` that is a MovableClock is shared, so that several stand-ins and the
    product can be moved together. `limits` turns on the sending limits.
    """

    def __init__(
        self,
        token: str = "sandbox-whatsapp-token",  # noqa: S107  # opens nothing outside
        app_secret: str = "sandbox-app-secret",  # noqa: S107
        verify_token: str = "sandbox-verify-token",  # noqa: S107
        phone_number_id: str = "106540352242922",
        business_account_id: str = "102290129340398",
        webhook_url: str = "",
        *,
        display_phone_number: str = "15550783881",
        verified_name: str = "Sandbox",
        templates: Sequence[Template] = SAMPLES,
        clock: Clock = utc_now,
        ids: HexIds = random_hex,
        faults: Faults | None = None,
        limits: Limits | None = None,
        pauses: RetryPauses | None = None,
        webhook_timeout: float = 20.0,
        late_refusals: bool = True,
        call_log: int = 100_000,
    ) -> None:
        self.token, self.app_secret, self.verify_token = token, app_secret, verify_token
        self.phone_number_id, self.business_account_id = phone_number_id, business_account_id
        self.display_phone_number = digits(display_phone_number)
        self.clock = clock if isinstance(clock, MovableClock) else MovableClock(clock)
        self.troubles = Troubles()
        self.on_change: Callable[[str], None] | None = None  # called with the wa_id whose chat changed
        faults = faults or NoFaults()
        self._webhook = Webhook(
            PLATFORM,
            app_secret=app_secret,
            verify_token=verify_token,
            compose=lambda parcels: compose(business_account_id, parcels),
            taken=self._taken,
            faults=faults,
            troubles=self.troubles,
            pauses=pauses or PAUSES,
            timeout=webhook_timeout,
        )
        self._webhook.url = webhook_url
        self._line = Line(
            phone_number_id=phone_number_id,
            business_account_id=business_account_id,
            display_phone_number=self.display_phone_number,
            clock=self.clock,
            ids=ids,
            troubles=self.troubles,
            emit=self._webhook.add,
            changed=self._changed,
        )
        self._sending = Sending(self._line, limits, late_refusals, tuple(templates))
        self._calls = Calls(
            PLATFORM,
            token=token,
            app_secret=app_secret,
            clock=self.clock,
            faults=faults,
            troubles=self.troubles,
            throttled=lambda seconds: refusal(80007, account=business_account_id, seconds=seconds),
            log_size=call_log,
        )
        self._server = Server(
            self._line,
            self._sending,
            self._calls,
            secret=app_secret,
            verified_name=verified_name,
            subscribe=self._subscribed,
        )

    # The server

    def app(self) -> web.Application:
        app = web.Application()
        self._server.add_routes(app)
        app.cleanup_ctx.append(self._running)
        return app

    async def start(self) -> None:
        """Begin to deliver webhooks. Before that, and after `close`, they are collected.

        Safe to call twice.
        """
        self._webhook.start()

    async def close(self) -> None:
        await self._line.stop()
        await self._webhook.close()

    async def configure(self, webhook_url: str) -> None:
        """Enter a callback URL as in the app dashboard. It must answer the challenge. Raise CommandError."""
        await self._webhook.verify(webhook_url)
        self.point_at(webhook_url)

    def point_at(self, webhook_url: str) -> None:
        """Set the callback URL without asking it. "" lets webhooks wait."""
        self._webhook.point_at(webhook_url)

    # People

    def customer(self, name: str, phone: str) -> Phone:
        """Return the phone with that number, and set its owner's name. Create it if nobody has the number."""
        wa_id = digits(phone)
        if not 5 <= len(wa_id) <= 15:
            raise CommandError(f"{phone[:30]!r} is no phone number.")
        owner = self._line.owners.setdefault(wa_id, Owner(wa_id, name))
        owner.name = name
        self._changed(wa_id)
        return Phone(self._line, owner)

    def phone(self, wa_id: str) -> Phone | None:
        owner = self._line.owners.get(digits(wa_id))
        return None if owner is None else Phone(self._line, owner)

    def phones(self) -> list[Phone]:
        return [Phone(self._line, owner) for owner in self._line.owners.values()]

    def hand_over(self, phone: Phone, *, elsewhere: bool) -> None:
        """Give control of the chat with this person to another app, or to the product, which is told.

        Any message of the product takes control, except a template.
        """
        self._line.hand_over(self._line.owners[phone.wa_id], elsewhere=elsewhere)

    # What can go wrong

    def refuse_next(self, code: int, *, times: int = 1, late: bool = False, seconds: float = 1.0) -> None:
        """Refuse the next sends with this code of Meta's table; with `late`, by a failed status.

        Raise ValueError.
        """
        if code not in REFUSALS:
            raise ValueError(f"{code} is not in the table of refusals")
        self._sending.planned.extend([Planned(code, late, seconds)] * times)

    @property
    def late_refusals(self) -> bool:
        return self._sending.late_refusals

    @late_refusals.setter
    def late_refusals(self, late: bool) -> None:
        self._sending.late_refusals = late

    def report(self, code: int, details: str = "") -> None:
        """Send a webhook with an error that belongs to no message."""
        self._line.tell("", "errors", self._line.value(errors=[failure(code, details)]))

    def tell(self, field: str, value: JsonObject, lane: str = "") -> None:
        """Send a webhook of any field as it is: account_update, a template's status, and others that no
        phone can cause.
        """
        self._line.tell(lane, field, value, field_name=field)

    # What can be seen

    @property
    def templates(self) -> Sequence[Template]:
        return self._sending.templates

    @templates.setter
    def templates(self, approved: Sequence[Template]) -> None:
        self._sending.templates = tuple(approved)

    def sent(self, name: str = "") -> list[SentCall]:
        """Return the product's calls of one name ("messages", "media", …), or all, oldest first."""
        return [call for call in self._calls.log if name in ("", call.name)]

    def window(self, phone: Phone) -> timedelta:
        """Return how long free text may still be sent. It is not positive when the window is closed."""
        owner = self._line.owners[phone.wa_id]
        return timedelta() if owner.wrote_at is None else owner.wrote_at + timedelta(hours=24) - self.clock()

    def bill(self) -> Mapping[str, int]:
        """Return how many messages have arrived, by the category that Meta charges."""
        return self._line.bill()

    def clock_put_back(self) -> None:
        """Count messages from a later time as written now, so that a window lasts 24 hours at most."""
        now = self.clock()
        for owner in self._line.owners.values():
            owner.wrote_at = owner.wrote_at and min(owner.wrote_at, now)

    def file(self, file_id: str) -> KeptFile | None:
        return self._line.files.get(file_id)

    def pending(self) -> int:
        """Return how many webhooks the product has not accepted yet."""
        return len(self._webhook.queue.pending())

    @property
    def undelivered(self) -> int:
        """Return how many webhooks were given up after the last attempt."""
        return self._webhook.queue.given_up

    async def settled(self) -> None:
        """Wait until links are fetched, and the product has accepted every webhook."""
        await self._line.idle()
        await self._webhook.queue.settled()

    # Saving and loading

    def start_over(self) -> None:
        """Forget what was said, and all troubles. People and the webhook stay.

        The clock shows the real time again.
        """
        self.troubles.clear()
        self.clock.moved = timedelta()
        self._line.start_over()

    def snapshot(self) -> JsonObject:
        """Return the whole state as JSON, except the log of calls and the templates."""
        state = State(
            owners=list(self._line.owners.values()),
            files=self._line.files,
            pending=self._webhook.queue.pending(),
            troubles=self.troubles.on(),
            subscribed=self._line.subscribed,
            moved=self.clock.moved,
            webhook_url=self._webhook.url,
        )
        return dump(state)

    def restore(self, saved: Mapping[str, object]) -> None:
        """Load a snapshot before `start`. Raise ValueError if it is not one."""
        state = load(State, saved)
        self.troubles.restore(state.troubles)
        self._line.replace_owners(state.owners)
        self._line.files = state.files
        self._line.subscribed = state.subscribed
        self.clock.moved = state.moved
        self._webhook.restore(state.webhook_url, state.pending)

    # Internal

    async def _running(self, _: web.Application) -> AsyncIterator[None]:
        await self.start()
        yield
        await self.close()

    async def _subscribed(self, url: str, verify_token: str) -> None:
        try:
            await self._webhook.verify(url, verify_token)
        except CommandError:
            raise unreachable_callback() from None
        self.point_at(url)

    def _taken(self, parcel: Parcel) -> None:
        """Give the customer's own message two ticks: the product has accepted it."""
        if parcel.message and (found := self._line.find(parcel.message)):
            self._line.advance(found[0], parcel.message, Tick.DELIVERED)

    def _changed(self, wa_id: str) -> None:
        if self.on_change is not None:
            self.on_change(wa_id)
