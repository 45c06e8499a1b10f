"""A server that is Messenger for the product: the Graph API on one side, people with phones on the other."""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from aiohttp import web

from bot.core.ids import Clock, utc_now
from connectors.sandbox.fault import Faults, NoFaults
from connectors.sandbox.messenger.limits import Limits
from connectors.sandbox.messenger.model import ChatMessage, Member, Tick
from connectors.sandbox.messenger.page import AD_WINDOW, INBOX_APP_ID, WINDOW, Page, compose
from connectors.sandbox.messenger.phone import Phone
from connectors.sandbox.messenger.refusals import REFUSALS, THROTTLED, refusal
from connectors.sandbox.messenger.sending import Sending
from connectors.sandbox.messenger.server import Server
from connectors.sandbox.meta.calls import Calls, SentCall
from connectors.sandbox.meta.clock import MovableClock
from connectors.sandbox.meta.errors import JsonObject
from connectors.sandbox.meta.files import KeptFile
from connectors.sandbox.meta.ids import HexIds, numeric, random_hex
from connectors.sandbox.meta.trouble import Trouble, Troubles
from connectors.sandbox.meta.webhook import PAUSES, Parcel, Webhook
from connectors.sandbox.snapshots import dump, load
from connectors.sandbox.webhook_queue import RetryPauses

PLATFORM = "messenger"


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What is saved of the stand-in."""

    members: list[Member]
    files: dict[str, KeptFile]
    pending: list[Parcel]
    troubles: Mapping[Trouble, int | None]
    subscribed: set[str]
    moved: timedelta  # the clock
    last_ms: int
    webhook_url: str


class MessengerStandIn:
    """The Messenger of one Page.

    Tests and the control API act for people by plain calls; the product calls by HTTP.

    `app()` is mounted where the product expects graph.facebook.com. `url` is that address, with which links
    to attachments begin. Without `url`, the product's first call that sends something shows it. `webhook_url`
    counts as verified; `configure` asks it first. `limits` turns on the sending limits.
    """

    def __init__(
        self,
        token: str = "sandbox-messenger-token",  # noqa: S107  # opens nothing outside
        app_secret: str = "sandbox-app-secret",  # noqa: S107
        verify_token: str = "sandbox-verify-token",  # noqa: S107
        page_id: str = "404217156637689",
        webhook_url: str = "",
        *,
        page_name: str = "Sandbox",
        url: str = "",
        clock: Clock = utc_now,
        ids: HexIds = random_hex,
        faults: Faults | None = None,
        limits: Limits | None = None,
        pauses: RetryPauses | None = None,
        webhook_timeout: float = 20.0,
        human_agent: bool = True,
        call_log: int = 100_000,
    ) -> None:
        self.token, self.app_secret, self.verify_token = token, app_secret, verify_token
        self.page_id = page_id
        self.clock = clock if isinstance(clock, MovableClock) else MovableClock(clock)
        self.troubles = Troubles()
        self.on_change: Callable[[str], None] | None = None  # called with the psid whose chat changed
        faults = faults or NoFaults()
        self._webhook = Webhook(
            PLATFORM,
            app_secret=app_secret,
            verify_token=verify_token,
            compose=lambda parcels: compose(page_id, parcels, self._page.now_ms),
            taken=self._taken,
            faults=faults,
            troubles=self.troubles,
            pauses=pauses or PAUSES,
            timeout=webhook_timeout,
        )
        self._webhook.url = webhook_url
        self._page = Page(
            page_id=page_id,
            name=page_name,
            secret=app_secret.encode(),
            clock=self.clock,
            ids=ids,
            troubles=self.troubles,
            emit=self._webhook.add,
            changed=self._changed,
            url=url.rstrip("/"),
        )
        self._sending = Sending(self._page, limits, human_agent)
        self._calls = Calls(
            PLATFORM,
            token=token,
            app_secret=app_secret,
            clock=self.clock,
            faults=faults,
            troubles=self.troubles,
            throttled=lambda seconds: refusal(THROTTLED, account=page_id, seconds=seconds),
            log_size=call_log,
        )
        self._server = Server(self._page, self._sending, self._calls)

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
        await self._webhook.close()

    @property
    def url(self) -> str:
        """Return the address of this stand-in from outside, or "" while it is unknown."""
        return self._page.url

    @url.setter
    def url(self, url: str) -> None:
        self._page.url = url.rstrip("/")

    async def configure(self, webhook_url: str) -> None:
        """Enter a callback URL as in the app dashboard. It must answer the challenge. Raise CommandError."""
        await self._webhook.verify(webhook_url)
        self.point_at(webhook_url)

    def point_at(self, webhook_url: str) -> None:
        """Set the callback URL without asking it. "" lets webhooks wait."""
        self._webhook.point_at(webhook_url)

    # People

    def customer(self, name: str, psid: str = "") -> Phone:
        """Return the phone of the person with that id or, without an id, that name.

        Create a new person if there is none.
        """
        for known in self._page.members.values():
            if known.psid == psid or (not psid and known.name == name):
                return Phone(self._page, known)
        member = Member(psid or numeric(self._page.ids()), name)
        self._page.members[member.psid] = member
        self._changed(member.psid)
        return Phone(self._page, member)

    def phone(self, psid: str) -> Phone | None:
        member = self._page.members.get(psid)
        return None if member is None else Phone(self._page, member)

    def phones(self) -> list[Phone]:
        return [Phone(self._page, member) for member in self._page.members.values()]

    def answer_from_inbox(self, phone: Phone, text: str) -> ChatMessage:
        """Write as staff of the Page in Meta's own inbox. The product gets an echo."""
        member = self._page.members[phone.psid]
        message = ChatMessage(id=self._page.new_mid(), from_page=True, at=self._page.now_ms(), text=text)
        self._page.send_off(member, message)
        self._page.echo(member, message, app_id=INBOX_APP_ID)
        return message

    # What can go wrong

    def refuse_next(self, name: str, *, times: int = 1, seconds: float = 1.0) -> None:
        """Refuse the next sends with an entry of the table in `refusals`.

        Raise ValueError for another name.
        """
        if name not in REFUSALS:
            raise ValueError(f"{name!r} is not in the table: there are {', '.join(REFUSALS)}")
        account = self._page.page_id
        for _ in range(times):
            self._sending.planned.append(refusal(name, account=account, seconds=seconds))

    def tell(self, phone: Phone, kind: str, body: JsonObject) -> None:
        """Send an event of any kind as it is: opt-ins, handovers, and others that no phone here can cause."""
        self._page.tell(self._page.members[phone.psid], kind, body)

    # What can be seen

    def sent(self, name: str = "") -> list[SentCall]:
        """Return the product's calls of one name ("messages", "message_attachments", …), or all, oldest
        first.
        """
        return [call for call in self._calls.log if name in ("", call.name)]

    def window(self, phone: Phone) -> timedelta:
        """Return how long the Page may still answer without a tag.

        It is not positive when the window is closed.
        """
        member = self._page.members[phone.psid]
        if member.wrote_at is None:
            return timedelta()
        return max(member.wrote_at + WINDOW, member.ad_until or member.wrote_at) - self.clock()

    def clock_put_back(self) -> None:
        """Count messages from a later time as written now, so that no window is longer than usual."""
        now = self.clock()
        for member in self._page.members.values():
            member.wrote_at = member.wrote_at and min(member.wrote_at, now)
            member.ad_until = member.ad_until and min(member.ad_until, now + AD_WINDOW)

    def file(self, file_id: str) -> KeptFile | None:
        return self._page.files.get(file_id)

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

    # Saving and loading

    def start_over(self) -> None:
        """Forget what was said, and all troubles. People and the webhook stay.

        The clock shows the real time again.
        """
        self.troubles.clear()
        self.clock.moved = timedelta()
        self._page.start_over()

    def snapshot(self) -> JsonObject:
        """Return the whole state as JSON, except the log of calls."""
        state = State(
            members=list(self._page.members.values()),
            files=self._page.files,
            pending=self._webhook.queue.pending(),
            troubles=self.troubles.on(),
            subscribed=self._page.subscribed,
            moved=self.clock.moved,
            last_ms=self._page.last_ms,
            webhook_url=self._webhook.url,
        )
        return dump(state)

    def restore(self, saved: Mapping[str, object]) -> None:
        """Load a snapshot before `start`. Raise ValueError if it is not one."""
        state = load(State, saved)
        self.troubles.restore(state.troubles)
        self._page.replace_members(state.members)
        self._page.files = state.files
        self._page.subscribed = state.subscribed
        self._page.last_ms = state.last_ms
        self.clock.moved = state.moved
        self._webhook.restore(state.webhook_url, state.pending)

    # Internal

    async def _running(self, _: web.Application) -> AsyncIterator[None]:
        await self.start()
        yield
        await self.close()

    def _taken(self, parcel: Parcel) -> None:
        if parcel.message and (found := self._page.find(parcel.message)):
            self._page.advance(found[0], parcel.message, Tick.DELIVERED)

    def _changed(self, psid: str) -> None:
        if self.on_change is not None:
            self.on_change(psid)
