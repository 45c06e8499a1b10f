"""One Slack account of the staff, behind the connector contract."""

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from functools import partial

from bot.core.connector import (
    AccountSettings,
    Capabilities,
    Inbox,
    RawRequest,
    RawResponse,
    Resources,
    Route,
)
from bot.core.errors import SettingsError
from bot.core.events import Channel, Place
from bot.core.outbound import Outbound, Sent
from connectors.background import BackgroundTasks
from connectors.slack.api import Api
from connectors.slack.capabilities import CHANNEL, of_account
from connectors.slack.channels import Channels
from connectors.slack.exposure import exposure
from connectors.slack.finding import Finding
from connectors.slack.listening import can_connect, listen
from connectors.slack.people import People
from connectors.slack.receiver import ANSWER_WITHIN, Receiver
from connectors.slack.receiving import serve
from connectors.slack.scopes import STAFF
from connectors.slack.sending import Sending

GRACE = timedelta(seconds=5)  # for answers to commands still under way when the program ends


class SlackConnector:
    """A Slack account of the staff. Implements Connector, Listens, Reconciles, HasFiles and HasPermalinks.

    It uses HTTP if the account's mode is `webhook`, and Socket Mode if it is `socket`.
    """

    begins = True

    def __init__(
        self,
        settings: AccountSettings,
        resources: Resources,
        *,
        answer_within: timedelta = ANSWER_WITHIN,
    ) -> None:
        self._settings = settings
        self._check_secrets()
        self._clock = resources.clock
        self._background = BackgroundTasks()
        self._api = Api(settings.secrets["bot_token"], settings.api_url)
        self._channels = channels = Channels(self._api, resources.clock)
        self._sending = Sending(self._api, channels, resources.files, resources.clock)
        self._finding = Finding(self._api, channels, resources.files)
        self._receiver = Receiver(
            self._api,
            People(self._api, colleagues=True),
            self._background,
            account=settings.account,
            clock=resources.clock,
            answer_within=answer_within,
        )
        self._capabilities = of_account(settings)

    def _check_secrets(self) -> None:
        mode, secrets = self._settings.mode, self._settings.secrets
        needed = {"socket": ("bot_token", "app_token"), "webhook": ("bot_token", "signing_secret")}
        if mode not in needed:
            raise SettingsError(
                f"account {self._settings.account}: Slack knows no mode {mode!r}; use socket or webhook"
            )
        if missing := [name for name in needed[mode] if not secrets.get(name)]:
            raise SettingsError(
                f"account {self._settings.account}: mode {mode!r} of Slack needs the secret {missing[0]!r}"
            )

    @property
    def channel(self) -> Channel:
        return CHANNEL

    @property
    def account(self) -> str:
        return self._settings.account

    @property
    def capabilities(self) -> Capabilities:
        return self._capabilities

    def routes(self, inbox: Inbox) -> Sequence[Route]:
        if self._settings.mode != "webhook":
            return ()
        base, handle = self._settings.path, partial(self._serve, inbox)
        return tuple(Route(f"{base}/{kind}", handle) for kind in ("events", "commands", "interactions"))

    async def _serve(self, inbox: Inbox, request: RawRequest) -> RawResponse:
        return await serve(
            request,
            secret=self._settings.secrets["signing_secret"],
            clock=self._clock,
            receiver=self._receiver,
            inbox=inbox,
        )

    async def listen(self, inbox: Inbox) -> None:
        """Listen over Socket Mode until cancelled.

        Raises SendError if the app token opens no connection, SettingsError if the account's mode is not
        `socket`.
        """
        if self._settings.mode != "socket":
            raise SettingsError(f"account {self.account} is served over HTTP: there is nothing to listen to")
        await listen(self._api, self._receiver, inbox, self._settings.secrets["app_token"])

    async def send(self, outbound: Outbound) -> Sent:
        return await self._sending.send(outbound)

    async def find(self, outbound: Outbound) -> Sent | None:
        return await self._finding.find(outbound)

    def open(self, ref: str) -> AsyncIterator[bytes]:
        return self._api.download(ref)

    async def check(self) -> str:
        us = await self._api.check(STAFF)
        self._api.must_last()
        if self._settings.mode == "socket":
            await can_connect(self._api, self._settings.secrets["app_token"])
        return f"@{us.name} in {us.workspace}"

    async def exposure(self, room: str, *, public: bool) -> str:
        return await exposure(self._api, self._channels, room, public=public)

    async def permalink(self, place: Place) -> str:
        """Return the link to a thread, equal to that of
        https://docs.slack.dev/reference/methods/chat.getPermalink
        """
        us = await self._api.identity()
        return f"{us.url.rstrip('/')}/archives/{place.chat}/p{place.thread.replace('.', '')}"

    async def close(self) -> None:
        await self._background.finish(GRACE)
        await self._api.close()
