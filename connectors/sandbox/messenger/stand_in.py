"""A server that is Messenger for the product: the Graph API on one side, people with phones on the other."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Unpack

from aiohttp import web

from connectors.sandbox.messenger.limits import Limits
from connectors.sandbox.messenger.model import ChatMessage, Member, Tick
from connectors.sandbox.messenger.page import AD_WINDOW, INBOX_APP_ID, WINDOW, Page, compose
from connectors.sandbox.messenger.phone import Phone
from connectors.sandbox.messenger.refusals import REFUSALS, THROTTLED, refusal
from connectors.sandbox.messenger.sending import Sending
from connectors.sandbox.messenger.server import Server
from connectors.sandbox.meta.errors import JsonObject
from connectors.sandbox.meta.files import KeptFile
from connectors.sandbox.meta.ids import HexIds, numeric, random_hex
from connectors.sandbox.meta.stand_in import MetaStandIn, Options
from connectors.sandbox.meta.trouble import Trouble
from connectors.sandbox.meta.webhook import Parcel
from connectors.sandbox.snapshots import dump, load

PLATFORM = "messenger"


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedMessenger:
    """The saved state of the stand-in."""

    members: list[Member]
    files: dict[str, KeptFile]
    pending: list[Parcel]
    troubles: Mapping[Trouble, int | None]
    subscribed: set[str]
    moved: timedelta  # the clock
    last_ms: int
    webhook_url: str


class MessengerStandIn(MetaStandIn[Phone]):
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
        ids: HexIds = random_hex,
        limits: Limits | None = None,
        human_agent: bool = True,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(
            PLATFORM,
            token,
            app_secret,
            verify_token,
            webhook_url,
            compose=lambda parcels: compose(page_id, parcels, self._page.now_ms),
            throttled=lambda seconds: refusal(THROTTLED, account=page_id, seconds=seconds),
            **options,
        )
        self.page_id = page_id
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
        self._server = Server(self._page, self._sending, self._calls)

    # The server

    @property
    def url(self) -> str:
        """Return the address of this stand-in from outside, or "" while it is unknown."""
        return self._page.url

    @url.setter
    def url(self, url: str) -> None:
        self._page.url = url.rstrip("/")

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

    def phone(self, person: str) -> Phone | None:
        member = self._page.members.get(person)
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

    # Saving and loading

    def start_over(self) -> None:
        super().start_over()
        self._page.start_over()

    def snapshot(self) -> JsonObject:
        """Return the whole state as JSON, except the log of calls."""
        state = SavedMessenger(
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
        state = load(SavedMessenger, saved)
        self.troubles.restore(state.troubles)
        self._page.replace_members(state.members)
        self._page.files = state.files
        self._page.subscribed = state.subscribed
        self._page.last_ms = state.last_ms
        self.clock.moved = state.moved
        self._webhook.restore(state.webhook_url, state.pending)

    # Internal

    def _add_routes(self, app: web.Application) -> None:
        self._server.add_routes(app)

    def _taken(self, parcel: Parcel) -> None:
        if parcel.message and (found := self._page.find(parcel.message)):
            self._page.advance(found[0], parcel.message, Tick.DELIVERED)
