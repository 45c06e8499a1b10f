"""Connect one Facebook Page as an account of an organization."""

import hmac
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from functools import partial
from hashlib import sha256
from urllib.parse import quote

import structlog

from bot.core.connector import (
    AccountSettings,
    Capabilities,
    Inbox,
    RawRequest,
    RawResponse,
    Resources,
    Route,
)
from bot.core.errors import AccountSuspended, Refused, SettingsError
from bot.core.events import Channel, Event
from bot.core.outbound import Outbound, Sent
from connectors.messenger.capabilities import CAPABILITIES, CHANNEL, FIELDS, MAX_FILE
from connectors.messenger.contents import GET_STARTED
from connectors.messenger.failures import file_error, send_error
from connectors.messenger.media import may_fetch
from connectors.messenger.people import People
from connectors.messenger.reading import Reader
from connectors.messenger.sending import Sending
from connectors.meta import Graph, GraphError, serve, verify

_SECRETS = ("page_token", "app_secret", "verify_token")
_META_ID = re.compile(r"[0-9]{1,30}")

_log = structlog.get_logger()


class MessengerConnector:
    """The connector of one Facebook Page. It implements Connector, Registers and HasFiles."""

    begins = True

    def __init__(self, settings: AccountSettings, resources: Resources) -> None:
        for name in _SECRETS:
            if not settings.secrets.get(name):
                raise SettingsError(f"the messenger account {settings.account!r} needs the secret {name}")
        page = settings.options.get("page_id", "")
        if not _META_ID.fullmatch(page):
            raise SettingsError(
                f"the page_id of the messenger account {settings.account!r} is the Page's number, which"
                " stands under About, Page transparency"
            )
        app = settings.options.get("app_id", "")
        if app and not _META_ID.fullmatch(app):
            raise SettingsError(
                f"the app_id of the messenger account {settings.account!r} is the number of your app, which"
                " stands at the top of its dashboard"
            )
        self._settings = settings
        self._page = page
        self._app = app
        self._app_secret = settings.secrets["app_secret"]
        self._clock = resources.clock
        # Tells echoes of this installation from those of other apps or installations.
        mark = hmac.new(self._app_secret.encode(), f"echo of {page}".encode(), sha256).hexdigest()[:20]
        self._graph = Graph(
            settings.secrets["page_token"], settings.api_url, app_secret=settings.secrets["app_secret"]
        )
        self._reader = Reader(account=settings.account, page=page, app=app, mark=f"{mark}:")
        self._people = People(self._graph)
        self._sending = Sending(self._graph, page, resources.files, f"{mark}:")

    @property
    def channel(self) -> Channel:
        return CHANNEL

    @property
    def account(self) -> str:
        return self._settings.account

    @property
    def capabilities(self) -> Capabilities:
        return self._settings.limited(CAPABILITIES)

    # Incoming

    def verify(self, request: RawRequest) -> None:
        """Raise ForgedRequest unless Meta sent this request. Pure, in constant time."""
        verify(request, self._app_secret)

    def parse(self, request: RawRequest) -> tuple[Event, ...]:
        """Return the events of one webhook request, possibly none. Do no I/O.

        Raise nothing but MalformedPayload.
        """
        return self._reader.read(request.body, self._clock()).events

    def routes(self, inbox: Inbox) -> Sequence[Route]:
        async def handle(request: RawRequest) -> RawResponse:
            return await serve(
                request,
                app_secret=self._app_secret,
                verify_token=self._settings.secrets["verify_token"],
                parse=self._parse_and_tell,
                accept=partial(self._people.accept, inbox),
            )

        return (Route(self._settings.path, handle, methods=("GET", "POST")),)

    def _parse_and_tell(self, request: RawRequest) -> tuple[Event, ...]:
        found = self._reader.read(request.body, self._clock())
        if found.elsewhere:
            _log.warning("webhook of another page", account=self.account, entries=found.elsewhere)
        return found.events

    async def open(self, ref: str) -> AsyncIterator[bytes]:
        """Stream a file from Meta's CDN. Do not send our token there: the address itself is the key."""
        if not may_fetch(ref, self._settings.api_url):
            raise Refused("file_elsewhere: the file is not kept by Meta")
        try:
            async with aclosing(self._graph.stream(ref, max_bytes=MAX_FILE, with_token=False)) as pieces:
                async for piece in pieces:
                    yield piece
        except GraphError as error:
            raise file_error(error) from error

    # Outgoing

    async def send(self, outbound: Outbound) -> Sent:
        return await self._sending.do(outbound)

    async def register(self) -> None:
        """Subscribe the app to the Page's events, and let new chats begin with a button. Idempotent.

        The address of the webhook belongs to the app, and is set in its dashboard. Without the button, a new
        customer who follows an invitation comes without its token. A button that the Page has already is not
        changed. https://developers.facebook.com/docs/graph-api/reference/page/subscribed_apps/
        """
        body = {"subscribed_fields": ",".join(FIELDS)}
        profile = f"{self._page}/messenger_profile"
        try:
            await self._graph.post(f"{self._page}/subscribed_apps", body, repeatable=True)
            known = await self._graph.get(profile, fields="get_started")
            if not any(part.node("get_started") for part in known.nodes("data")):
                button = {"get_started": {"payload": GET_STARTED}}
                await self._graph.post(profile, button, repeatable=True)
        except GraphError as error:
            raise send_error(error) from error

    async def invitation(self, token: str) -> str:
        """Return a link that opens a chat with the Page and carries the token.

        https://developers.facebook.com/documentation/business-messaging/messenger-platform/discovery/m-me-links
        """
        return f"https://m.me/{self._page}?ref={quote(token)}"

    async def check(self) -> str:
        try:
            page = await self._graph.get("me", fields="id,name")
            if page.id("id") != self._page:
                raise AccountSuspended(
                    f"other_page: the page_token is not of the Page {self._page} but of {page.id('id')}"
                    f" ({page.text('name')[:80]}): make a token for the right Page, or correct page_id"
                )
            apps = await self._graph.get(f"{self._page}/subscribed_apps", fields="id,name,subscribed_fields")
        except GraphError as error:
            raise send_error(error) from error
        # Other apps of the Page may be listed too. Ours is named, or subscribed to most of our fields.
        ours = [app for app in apps.nodes("data") if self._app in ("", app.id("id"))]
        heard = [set(app.texts("subscribed_fields")) for app in ours]
        missing = min((set(FIELDS) - fields for fields in heard), key=len, default=set(FIELDS))
        if missing:
            raise Refused(
                f"not_subscribed: the app does not hear {', '.join(sorted(missing))} of this Page: subscribe"
                " the Page to these fields in the app dashboard, under Messenger, Webhooks"
            )
        return f"{page.text('name')} (Page {self._page})"

    async def close(self) -> None:
        await self._graph.close()
