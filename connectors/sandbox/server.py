"""The sandbox as one application: a stand-in for every platform, faults, and one page to play all sides."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import Protocol

from aiohttp import web

from bot.core.ids import Clock, utc_now
from connectors.sandbox import slack, telegram
from connectors.sandbox.connecting import Connecting
from connectors.sandbox.control.customers import CustomersControl, SandboxControl
from connectors.sandbox.control.email import EmailControl
from connectors.sandbox.control.faults import ClockControl, FaultsControl
from connectors.sandbox.control.messenger import MessengerControl
from connectors.sandbox.control.routes import ControlApi, PlatformControl
from connectors.sandbox.control.slack import SlackControl
from connectors.sandbox.control.telegram import TelegramControl
from connectors.sandbox.control.whatsapp import WhatsAppControl
from connectors.sandbox.credentials import Credentials
from connectors.sandbox.faults import FaultPlan
from connectors.sandbox.live import LiveFeed
from connectors.sandbox.mail import MailServer
from connectors.sandbox.mailbox import Mailbox
from connectors.sandbox.messenger import MessengerStandIn
from connectors.sandbox.meta import MovableClock
from connectors.sandbox.pages import add_page
from connectors.sandbox.people import TEAM, People
from connectors.sandbox.rate_limit import Rate
from connectors.sandbox.slack import Refused, SlackStandIn
from connectors.sandbox.slack.delivery import RETRY_DELAYS
from connectors.sandbox.snapshots import load
from connectors.sandbox.staff import NIGHT_WATCH, Staff, sample_staff
from connectors.sandbox.state_file import Snapshot, StateFile
from connectors.sandbox.telegram import Limits, TelegramStandIn
from connectors.sandbox.whatsapp import WhatsAppStandIn


class StandIn(Protocol):
    def snapshot(self) -> Mapping[str, object]: ...

    def restore(self, saved: Mapping[str, object], /) -> None: ...

    def start_over(self) -> None: ...


CUSTOMERS = ("Maya Fischer",)
_FIRST_STAFF_ID = 7_100_000_001
Forget = Callable[[Set[str]], Awaitable[None]]
_VERSION = 3  # of the state file


@dataclass(frozen=True, slots=True)
class SavedSandbox:
    stand_ins: dict[str, dict[str, object]]
    slack_urls: dict[str, str]


class Sandbox:
    """The sandbox. `app()` is mounted at /sandbox, on a server that listens only to loopback.

    With a `state_file` it continues where it was when it is started again. The staff and customers given here
    are added to that state. `telegram_limits` and `slack_post_rate` turn on the platforms' sending limits.
    `mail_ports` are those of SMTP and IMAP; 0 takes any free port, known once the application runs. `forget`
    makes the product forget customers by their addresses, before the platforms forget them: see `start_over`.
    """

    def __init__(
        self,
        *,
        credentials: Credentials | None = None,
        staff: Staff | None = None,
        customers: Iterable[str] = CUSTOMERS,
        state_file: Path | None = None,
        seed: int = 0,
        clock: Clock = utc_now,
        calm: timedelta = timedelta(milliseconds=500),
        telegram_limits: Limits | None = None,
        slack_post_rate: Rate | None = None,
        slack_retry_delays: Sequence[timedelta] = RETRY_DELAYS,
        mail_ports: tuple[int, int] = (0, 0),
        forget: Forget | None = None,
    ) -> None:
        self.credentials = known = credentials or Credentials()
        self.faults = FaultPlan(seed)
        staff = staff or sample_staff()
        self.telegram = TelegramStandIn(
            known.telegram_token,
            known.telegram_username,
            clock=clock,
            faults=self.faults,
            limits=telegram_limits,
        )
        self.telegram_staff = TelegramStandIn(
            known.telegram_staff_token,
            known.telegram_staff_username,
            clock=clock,
            ids=count(_FIRST_STAFF_ID).__next__,
            faults=self.faults,
        )
        self.slack = SlackStandIn(
            bot_token=known.slack_bot_token,
            app_token=known.slack_app_token,
            signing_secret=known.slack_signing_secret,
            users=staff.users,
            channels=staff.wire_channels(created=int(clock().timestamp()), bot_user="U0SANDBOX"),
            post_rate=slack_post_rate,
            faults=self.faults,
            clock=clock,
            retry_delays=slack_retry_delays,
        )
        self.slack_customers = SlackStandIn(
            bot_token="",
            app_token="xapp-customers",  # noqa: S106 - an app without Socket Mode
            signing_secret=known.slack_customers_signing_secret,
            app_id="A0CUSTOMERS",
            bot_id="B0CUSTOMERS",
            bot_user="U0CUSTOMERS",
            bot_name="Brightdesk",
            users=staff.users,
            public_url="http://127.0.0.1",  # until a call shows it: see `slack.together`
            faults=self.faults,
            clock=clock,
            retry_delays=slack_retry_delays,
            client=slack.Client(known.slack_client_id, known.slack_client_secret),
        )
        home = self.slack_customers.installation.team_id
        self.slack_customers.installs.revoke(home)  # the app is added by OAuth there, as in every workspace
        self.clock = MovableClock(clock)
        self.whatsapp = WhatsAppStandIn(
            known.whatsapp_access_token,
            known.whatsapp_app_secret,
            known.whatsapp_verify_token,
            verified_name="Brightdesk",
            clock=self.clock,
            faults=self.faults,
        )
        self.messenger = MessengerStandIn(
            known.messenger_page_token,
            known.messenger_app_secret,
            known.messenger_verify_token,
            page_name="Brightdesk",
            clock=self.clock,
            faults=self.faults,
        )
        domain = known.email_address.partition("@")[2]
        smtp, imap = mail_ports
        self.mail = MailServer(domain, faults=self.faults, clock=clock, smtp_port=smtp, imap_port=imap)
        self._mailbox = Mailbox(self.mail, known.email_address, known.email_password, clock)
        self._people = People(
            telegram=self.telegram,
            whatsapp=self.whatsapp,
            messenger=self.messenger,
            mail=self.mail,
            slack=self.slack_customers,
        )
        self._connecting = Connecting(self.whatsapp, self.messenger, self.slack_customers, (home, TEAM))
        self._live = LiveFeed()
        self._slack_urls: dict[str, str] = {}
        self._stand_ins: dict[str, StandIn] = {
            "telegram": self.telegram,
            "slack": self.slack,
            "whatsapp": self.whatsapp,
            "messenger": self.messenger,
            "email": self._mailbox,
            "slack-customers": self.slack_customers,
            "telegram-staff": self.telegram_staff,
        }
        self._forget = forget
        self._control = self._control_api()
        self._file = StateFile(state_file, self.snapshot, calm) if state_file is not None else None
        self._inside = [user.id for user in staff.users]
        self._load(staff, tuple(customers))
        self._watch()

    def _control_api(self) -> ControlApi:
        platforms: dict[str, PlatformControl] = {
            "telegram": TelegramControl(self.telegram),
            "slack": SlackControl(self.slack, self.configure_slack),
            "whatsapp": WhatsAppControl(self.whatsapp),
            "messenger": MessengerControl(self.messenger),
            "email": EmailControl(self._mailbox),
            "slack-customers": SlackControl(self.slack_customers, self.configure_customers),
            "telegram-staff": TelegramControl(self.telegram_staff),
        }
        troubles = {"whatsapp": self.whatsapp.troubles, "messenger": self.messenger.troubles}
        faults_changed = partial(self._live.tell, {"platform": "faults"})
        clock_changed = partial(self._live.tell, {"platform": "clock"})
        parts = {
            "faults": FaultsControl(self.faults, troubles, self.clock, faults_changed),
            "clock": ClockControl(self.clock, self._put_clock_back, clock_changed),
            "customers": CustomersControl(self._people, self._connecting),
            "sandbox": SandboxControl(self._connecting, self.start_over),
        }
        return ControlApi(platforms, parts)

    def _put_clock_back(self) -> None:
        """Set Meta's clock back to now. No window becomes longer by that."""
        self.clock.moved = timedelta()
        self.whatsapp.clock_put_back()
        self.messenger.clock_put_back()
        self._mark()

    def app(self) -> web.Application:
        app = web.Application()
        app.cleanup_ctx.append(self._keeping)  # first, so that it sees the first changes of the stand-ins
        app.cleanup_ctx.append(self._mailbox.running)
        add_page(app)
        self._control.add_routes(app)
        app.router.add_get("/live", self._live.serve)
        app.on_shutdown.append(self._live.close)
        app.add_subapp("/telegram", telegram.together((self.telegram, self.telegram_staff)))
        app.add_subapp("/slack", slack.together((self.slack, self.slack_customers)))
        app.add_subapp("/whatsapp", self.whatsapp.app())
        app.add_subapp("/messenger", self.messenger.app())
        return app

    async def connect(self, hooks: Mapping[str, str]) -> None:
        """Tell the platforms the addresses of the product's accounts, once it serves them. Idempotent.

        Never raise.
        """
        await self._connecting.connect(hooks)
        self._live.tell({"platform": "slack-customers", "type": "installed"})
        self._mark()

    async def start_over(self) -> None:
        """Forget everything that was said on every platform. People, accounts and channels stay."""
        if self._forget is not None:
            await self._forget(self._people.addresses())
        self.faults.clear()
        for stand_in in self._stand_ins.values():
            stand_in.start_over()
        self._live.tell({"platform": "clock"})
        self._mark()

    def customer(self, name: str) -> Mapping[str, str]:
        """Return the name and the ids of a person on every channel.

        Add them to channels where they are new.
        """
        self._people.add([name], inside=self._inside)
        return self._people.ids(name)

    def configure_slack(self, events_url: str, interactions_url: str, commands_url: str) -> None:
        """Set Slack's Request URLs, for a product that does not use Socket Mode."""
        self.slack.configure_http(
            events_url=events_url, interactions_url=interactions_url, commands_url=commands_url
        )
        self._slack_urls = {
            "events_url": events_url,
            "interactions_url": interactions_url,
            "commands_url": commands_url,
        }
        self._mark()

    def configure_customers(self, events_url: str, interactions_url: str, commands_url: str) -> None:
        """Set the Request URLs of the Slack app for customers."""
        self.slack_customers.configure_http(
            events_url=events_url, interactions_url=interactions_url, commands_url=commands_url
        )

    def snapshot(self) -> Snapshot:
        stand_ins = {name: stand_in.snapshot() for name, stand_in in self._stand_ins.items()}
        return {"version": _VERSION, "stand_ins": stand_ins, "slack_urls": self._slack_urls}

    def _load(self, staff: Staff, customers: Sequence[str]) -> None:
        saved = self._file.read() if self._file is not None else None
        if self._file is not None and saved is not None:
            before = self.snapshot()
            try:
                self._restore(saved)
            except (KeyError, TypeError, ValueError, Refused) as error:
                self._restore(before)
                self._file.set_aside(error)
            else:
                self._add_missing(staff)
        if self._file is not None:
            self.telegram.skip_ids()
            self.telegram_staff.skip_ids()
        self._people.add(customers, inside=self._inside)
        members = [self.telegram_staff.user(name) for name in staff.on_telegram]
        if members:
            group = self.telegram_staff.group(NIGHT_WATCH, members)
            for member in members:
                group.join(member)

    def _restore(self, saved: Snapshot) -> None:
        """Load a saved state.

        Raise KeyError, TypeError, ValueError or Refused for a broken one, or one of another version.
        """
        if saved.get("version") != _VERSION:
            raise ValueError("another version of the sandbox wrote it")
        state = load(SavedSandbox, saved)
        for name, stand_in in self._stand_ins.items():
            stand_in.restore(state.stand_ins.get(name, {}))
        if state.slack_urls:
            self.configure_slack(**state.slack_urls)

    def _add_missing(self, staff: Staff) -> None:
        known = {str(user["id"]) for user in self.slack.users()}
        for user in staff.users:
            if user.id not in known:
                self.slack.add_user(
                    user.name,
                    real_name=user.real_name,
                    email=user.email,
                    user_id=user.id,
                    is_admin=user.is_admin,
                )
        there = {channel.get("name") for channel in self.slack.channels()}
        for plan in staff.channels:
            if plan.name not in there:
                self.slack.add_channel(plan.name, private=plan.private, members=plan.members)

    async def _keeping(self, _: web.Application) -> AsyncIterator[None]:
        if self._file is None:
            yield
            return
        keeper = asyncio.create_task(self._file.keep())
        yield
        keeper.cancel()
        with suppress(asyncio.CancelledError):
            await keeper
        self._file.write_now()

    def _watch(self) -> None:
        self.telegram.on_change = partial(self._changed, "telegram")
        self.telegram_staff.on_change = partial(self._changed, "telegram-staff")
        self.whatsapp.on_change = partial(self._changed, "whatsapp")
        self.messenger.on_change = partial(self._changed, "messenger")
        self._mailbox.on_change = partial(self._changed, "email")
        self.slack.on_change = partial(self._slack_changed, "slack")
        self.slack_customers.on_change = partial(self._slack_changed, "slack-customers")

    def _changed(self, side: str, user: int | str) -> None:
        self._live.tell({"platform": side, "user": user})
        self._mark()

    def _slack_changed(self, side: str, change: Mapping[str, object]) -> None:
        """Tell the page what changed in Slack.

        It asks for the change itself, so it only needs to know where.
        """
        told = {"platform": side, "type": str(change["type"])}
        where = {key: change[key] for key in ("channel", "user") if isinstance(change.get(key), str)}
        self._live.tell(told | where)
        self._mark()

    def _mark(self) -> None:
        if self._file is not None:
            self._file.mark()
