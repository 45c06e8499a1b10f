"""Do what the product's owner does once at each platform: enter the webhooks, and add the app to Slack."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import aiohttp

from bot.core.errors import CommandError
from connectors.sandbox.messenger import MessengerStandIn
from connectors.sandbox.slack import SlackStandIn
from connectors.sandbox.whatsapp import WhatsAppStandIn

_PATIENCE = aiohttp.ClientTimeout(total=10)

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Connecting:
    """Connects the platforms to the product's accounts.

    Accounts have the ids of the sample organization; each has an address of its own.
    """

    whatsapp: WhatsAppStandIn
    messenger: MessengerStandIn
    slack: SlackStandIn  # the workspaces of customers
    teams: Sequence[str]
    install_url: str = ""  # where an administrator begins to add the app; "" while unknown
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def connect(self, hooks: Mapping[str, str]) -> None:
        """Enter the address of each account that the product serves, from `hooks`. Idempotent.

        Never raise.
        """
        async with self._lock:
            for name, stand_in in (("whatsapp", self.whatsapp), ("messenger", self.messenger)):
                if name in hooks:
                    await self._enter(name, stand_in, hooks[name])
            if (slack := hooks.get("slack-customers")) is None:
                return
            self.slack.configure_http(
                events_url=f"{slack}/events",
                interactions_url=f"{slack}/interactions",
                commands_url=f"{slack}/commands",
            )
            self.install_url = f"{slack}/install"
            for team in self.teams:
                try:
                    await self._install(team)
                except (aiohttp.ClientError, TimeoutError, CommandError) as error:
                    log.warning("Slack's app was not added to %s: %s", team, error or type(error).__name__)

    async def _enter(self, name: str, stand_in: WhatsAppStandIn | MessengerStandIn, url: str) -> None:
        try:
            await stand_in.configure(url)
        except CommandError as error:
            log.warning("the webhook of %s was not taken: %s", name, error)

    async def _install(self, team: str) -> None:
        """Add the app to a workspace, as an administrator's browser does.

        Revoke the token of an earlier installation: the product may have lost it.
        """
        jar = aiohttp.CookieJar(unsafe=True)  # accepts cookies from our pages at an IP address
        async with aiohttp.ClientSession(timeout=_PATIENCE, cookie_jar=jar) as browser:
            async with browser.get(self.install_url) as page:
                if page.status != 200 or not page.history:
                    raise CommandError(f"{self.install_url} answered {page.status}")
                allow = page.url.with_path(page.url.path.replace("/authorize", "/allow"), keep_query=True)
            self.slack.installs.revoke(team)
            async with browser.get(allow.update_query(team=team)) as done:
                if done.status != 200:
                    raise CommandError(f"the product answered {done.status}")
