"""Connect one WhatsApp number of a business as an account of an organization."""

from collections.abc import AsyncIterator, Sequence
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
from bot.core.errors import Refused, SettingsError
from bot.core.events import Channel, Event
from bot.core.outbound import Outbound, Sent
from connectors.meta import Graph, decode, serve, verify
from connectors.whatsapp import checking, media
from connectors.whatsapp.capabilities import CAPABILITIES, CHANNEL
from connectors.whatsapp.checking import ApprovedTemplate
from connectors.whatsapp.sending import Sending
from connectors.whatsapp.webhooks import WebhookReader

_log = structlog.get_logger()


class WhatsAppConnector:
    """The connector of one WhatsApp number. It implements Connector and HasFiles.

    It does not implement Registers: the address for webhooks is set in the app dashboard, with a token that a
    system user does not have.
    """

    begins = True

    def __init__(self, settings: AccountSettings, resources: Resources) -> None:
        secrets = settings.secrets
        needed = [
            *((name, secrets.get(name)) for name in ("access_token", "app_secret", "verify_token")),
            ("phone_number_id", settings.options.get("phone_number_id")),
        ]
        if missing := next((name for name, value in needed if not value), ""):
            raise SettingsError(f"the whatsapp account {settings.account!r} needs {missing!r}")
        self._settings = settings
        self._clock = resources.clock
        self._number = settings.options["phone_number_id"]
        self._business_account = settings.options.get("business_account_id", "")
        self._graph = Graph(secrets["access_token"], settings.api_url, app_secret=secrets["app_secret"])
        self._reader = WebhookReader(settings.account, self._number)
        self._sending = Sending(self._graph, self._number, resources.files)

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
        verify(request, self._settings.secrets["app_secret"])

    def parse(self, request: RawRequest) -> tuple[Event, ...]:
        """Return the events of one webhook, possibly none. Do no I/O. Raise nothing but MalformedPayload."""
        return tuple(self._reader.read(decode(request.body), self._clock()).events)

    def _heard(self, request: RawRequest) -> tuple[Event, ...]:
        read = self._reader.read(decode(request.body), self._clock())
        if read.errors or read.unreadable or read.news:
            _log.warning(
                "trouble told by whatsapp",
                account=self.account,
                codes=read.errors,
                unreadable=read.unreadable,
                news=read.news,
            )
        if read.elsewhere:
            _log.warning("webhook of another number", account=self.account, changes=read.elsewhere)
        return tuple(read.events)

    def routes(self, inbox: Inbox) -> Sequence[Route]:
        secrets = self._settings.secrets

        async def handle(request: RawRequest) -> RawResponse:
            return await serve(
                request,
                app_secret=secrets["app_secret"],
                verify_token=secrets["verify_token"],
                parse=self._heard,
                accept=inbox.accept,
            )

        return (Route(self._settings.path, handle, ("GET", "POST")),)

    # Outgoing

    async def send(self, outbound: Outbound) -> Sent:
        return await self._sending.send(outbound)

    def open(self, ref: str) -> AsyncIterator[bytes]:
        return media.fetch(self._graph, self._number, ref)

    async def check(self) -> str:
        return await checking.check(self._graph, self._number, self._business_account)

    async def invitation(self, token: str) -> str:
        """Return a link that opens a chat with us in which the text with the token is already typed.

        https://faq.whatsapp.com/5913398998672934
        """
        number = await checking.phone_number(self._graph, self._number)
        return f"https://wa.me/{number}?text={quote(f'Hello! ({token})')}"

    async def approved_templates(self) -> Sequence[ApprovedTemplate]:
        """Return the templates that can be sent as they are. Raise SendError."""
        if not self._business_account:
            raise Refused(
                "business_account_id: name it in the organization file to have its templates listed"
            )
        return await checking.approved_templates(self._graph, self._business_account)

    async def close(self) -> None:
        await self._graph.close()
