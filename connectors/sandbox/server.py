"""Telegram, Slack, what can go wrong with them, and one page to play both sides: one application."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from aiohttp import web

from bot.core.ids import Clock, utc_now
from connectors.sandbox.control import Control
from connectors.sandbox.faults import FaultPlan
from connectors.sandbox.kept import Snapshot, StateFile
from connectors.sandbox.live import LiveFeed
from connectors.sandbox.pages import add_page
from connectors.sandbox.slack import Pace, Refused, SlackStandIn, Wire
from connectors.sandbox.slack.delivery import RETRY_DELAYS
from connectors.sandbox.staff import Staff, sample_staff
from connectors.sandbox.telegram import Limits, TelegramStandIn

CUSTOMERS = ("Maya Fischer",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What the product needs to be let in. They open nothing outside the sandbox."""

    telegram_token: str = "700000001:sandbox-telegram-token"  # noqa: S105
    telegram_username: str = "sandbox_desk_bot"
    slack_bot_token: str = "xoxb-sandbox"  # noqa: S105
    slack_app_token: str = "xapp-sandbox"  # noqa: S105
    slack_signing_secret: str = "sandbox-signing-secret"  # noqa: S105


class Sandbox:
    """`app()` is mounted at /sandbox, on a server that listens to loopback only.

    With a `state_file` it goes on where it was when it is started again; what the staff and the customers
    given here add to it is added. `telegram_limits` and `slack_pace` turn the platforms' sending limits on.
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
        slack_pace: Pace | None = None,
        slack_retry_delays: Sequence[timedelta] = RETRY_DELAYS,
    ) -> None:
        self.credentials = credentials or Credentials()
        self.faults = FaultPlan(seed)
        staff = staff or sample_staff()
        self.telegram = TelegramStandIn(
            self.credentials.telegram_token,
            self.credentials.telegram_username,
            clock=clock,
            faults=self.faults,
            limits=telegram_limits,
        )
        bot_user = "U0SANDBOX"
        self.slack = SlackStandIn(
            bot_token=self.credentials.slack_bot_token,
            app_token=self.credentials.slack_app_token,
            signing_secret=self.credentials.slack_signing_secret,
            bot_user=bot_user,
            users=staff.users,
            channels=staff.wire_channels(created=int(clock().timestamp()), bot_user=bot_user),
            post_pace=slack_pace,
            faults=self.faults,
            clock=clock,
            retry_delays=slack_retry_delays,
        )
        self._live = LiveFeed()
        self._slack_urls: dict[str, str] = {}
        self._control = Control(self.telegram, self.slack, self.faults, self._live, self.configure_slack)
        self._file = StateFile(state_file, self.snapshot, calm) if state_file is not None else None
        self._load(staff)
        for name in customers:
            self.telegram.user(name)
        self.telegram.on_change = self._telegram_changed
        self.slack.on_change = self._slack_changed

    def app(self) -> web.Application:
        app = web.Application()
        app.cleanup_ctx.append(self._keeping)  # before the stand-ins, so that it sees their first changes
        add_page(app)
        self._control.add_routes(app)
        app.router.add_get("/live", self._live.serve)
        app.on_shutdown.append(self._live.close)
        app.add_subapp("/telegram", self.telegram.app())
        app.add_subapp("/slack", self.slack.app())
        return app

    def configure_slack(self, events_url: str, interactions_url: str, commands_url: str) -> None:
        """Slack's Request URLs, for a product that does not use Socket Mode."""
        self.slack.configure_http(
            events_url=events_url, interactions_url=interactions_url, commands_url=commands_url
        )
        self._slack_urls = {
            "events_url": events_url,
            "interactions_url": interactions_url,
            "commands_url": commands_url,
        }
        self._mark()

    def snapshot(self) -> Snapshot:
        return {
            "version": 1,
            "telegram": self.telegram.snapshot(),
            "slack": self.slack.snapshot(),
            "slack_urls": self._slack_urls,
        }

    def _load(self, staff: Staff) -> None:
        saved = self._file.read() if self._file is not None else None
        if self._file is None or saved is None:
            return
        before = self.snapshot()
        try:
            self._restore(saved)
        except (KeyError, TypeError, ValueError, AttributeError, Refused) as error:
            self._restore(before)
            self._file.set_aside(error)
            return
        self._add_missing(staff)

    def _restore(self, saved: Snapshot) -> None:
        telegram, slack, urls = saved["telegram"], saved["slack"], saved["slack_urls"]
        if not isinstance(telegram, dict) or not isinstance(slack, dict) or not isinstance(urls, dict):
            raise TypeError("the state of the sandbox has telegram, slack and slack_urls")
        self.telegram.restore(telegram)
        self.slack.restore(slack)
        if urls:
            self.configure_slack(urls["events_url"], urls["interactions_url"], urls["commands_url"])

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

    def _telegram_changed(self, user_id: int) -> None:
        self._live.tell({"platform": "telegram", "user": user_id})
        self._mark()

    def _slack_changed(self, change: Wire) -> None:
        """The page asks again for what changed; it needs only to know where to look."""
        told = {"platform": "slack", "type": str(change["type"])}
        where = {key: change[key] for key in ("channel", "user") if isinstance(change.get(key), str)}
        self._live.tell(told | where)
        self._mark()

    def _mark(self) -> None:
        if self._file is not None:
            self._file.mark()
