"""A server that is WhatsApp for the product: the Cloud API on one side, people with phones on the other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Unpack

from aiohttp import web

from bot.core.errors import CommandError
from connectors.sandbox.meta.errors import JsonObject
from connectors.sandbox.meta.files import KeptFile
from connectors.sandbox.meta.ids import HexIds, random_hex
from connectors.sandbox.meta.stand_in import MetaStandIn, Options
from connectors.sandbox.meta.trouble import Trouble
from connectors.sandbox.meta.webhook import Parcel
from connectors.sandbox.snapshots import dump, load
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
class SavedWhatsApp:
    """The saved state of the stand-in."""

    owners: list[Owner]
    files: dict[str, KeptFile]
    pending: list[Parcel]
    troubles: Mapping[Trouble, int | None]
    subscribed: bool
    moved: timedelta  # the clock
    webhook_url: str


class WhatsAppStandIn(MetaStandIn[Phone]):
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
        ids: HexIds = random_hex,
        limits: Limits | None = None,
        late_refusals: bool = True,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(
            PLATFORM,
            token,
            app_secret,
            verify_token,
            webhook_url,
            compose=lambda parcels: compose(business_account_id, parcels),
            throttled=lambda seconds: refusal(80007, account=business_account_id, seconds=seconds),
            **options,
        )
        self.phone_number_id, self.business_account_id = phone_number_id, business_account_id
        self.display_phone_number = digits(display_phone_number)
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
        self._server = Server(
            self._line,
            self._sending,
            self._calls,
            secret=app_secret,
            verified_name=verified_name,
            subscribe=self._subscribed,
        )

    # The server

    async def close(self) -> None:
        await self._line.stop()
        await super().close()

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

    def phone(self, person: str) -> Phone | None:
        owner = self._line.owners.get(digits(person))
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

    async def settled(self) -> None:
        """Wait until every link was fetched, and the product has accepted every webhook."""
        await self._line.idle()
        await super().settled()

    # Saving and loading

    def start_over(self) -> None:
        super().start_over()
        self._line.start_over()

    def snapshot(self) -> JsonObject:
        """Return the whole state as JSON, except the log of calls and the templates."""
        state = SavedWhatsApp(
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
        state = load(SavedWhatsApp, saved)
        self.troubles.restore(state.troubles)
        self._line.replace_owners(state.owners)
        self._line.files = state.files
        self._line.subscribed = state.subscribed
        self.clock.moved = state.moved
        self._webhook.restore(state.webhook_url, state.pending)

    # Internal

    def _add_routes(self, app: web.Application) -> None:
        self._server.add_routes(app)

    async def _subscribed(self, url: str, verify_token: str) -> None:
        try:
            await self._webhook.verify(url, verify_token)
        except CommandError:
            raise unreachable_callback() from None
        self.point_at(url)

    def _taken(self, parcel: Parcel) -> None:
        if parcel.message and (found := self._line.find(parcel.message)):
            self._line.advance(found[0], parcel.message, Tick.DELIVERED)
