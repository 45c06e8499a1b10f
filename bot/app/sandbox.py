"""The sandbox beside the product: settings that use the stand-ins, and a way to start over."""

import asyncio
import re
from collections.abc import AsyncIterator, Set
from typing import Final

from bot.app.embedded.server_files import LOOPBACK
from bot.app.instance import running_instance
from bot.app.settings import Settings, load
from bot.commands.desk import Desk
from bot.commands.execute import execute
from bot.commands.registry import registry
from bot.core.commands import shell_of
from bot.core.errors import SettingsError
from bot.core.ids import CustomerId, OrgId
from connectors.sandbox.credentials import Credentials, environment
from storage import customers, queries
from storage.organizations import current

_PAGE: Final = 100
_PATIENCE: Final = 5.0  # seconds until staff have been told of erased customers
_LOOK_EVERY: Final = 0.1


def in_sandbox(settings: Settings, port: int, mail: tuple[int, int]) -> Settings:
    """Return settings that use the stand-ins instead of the platforms.

    `mail`: the ports of their SMTP and IMAP servers.
    """
    here = f"http://{LOOPBACK}:{port}"
    known = environment(Credentials(), f"{here}/sandbox", mail)
    return load({**settings.environ, **known, "HOST": LOOPBACK, "PORT": str(port), "PUBLIC_URL": here})


def in_running_sandbox(settings: Settings) -> Settings:
    """Return settings for the sandbox that runs on this var folder. Raises SettingsError if none does."""
    found = running_instance(settings.var)
    if found is None or found.mail is None:
        raise SettingsError(
            f"no sandbox runs on the data in {settings.var}: start one with `make run`, or ask in the folder"
            " where it was started"
        )
    return in_sandbox(settings, found.port, found.mail)


async def forget_customers(desk: Desk, addresses: Set[str]) -> None:
    """Erase every customer with one of the addresses on a platform, and wait until staff have been told.

    Others stay: the same data may contain customers of the real platforms.
    """
    erase, _ = registry(desk).find(["customers", "erase"])
    async with desk.database.begin() as connection:
        organizations = [known.organization for known in await current(connection)]
    for organization in organizations:
        caller = shell_of(organization)
        async for customer in _customers_at(desk, organization, addresses):
            await execute(desk, caller, erase, {"customer": str(customer), "yes": "yes"})
        await _silence(desk, organization)


async def _customers_at(desk: Desk, organization: OrgId, addresses: Set[str]) -> AsyncIterator[CustomerId]:
    before: CustomerId | None = None
    while True:
        async with desk.database.begin() as connection:
            lines = await customers.customers(connection, desk.keys, organization, before=before, limit=_PAGE)
            stories = [
                await customers.customer(connection, desk.keys, organization, line.id)
                for line in lines
                if not line.erased
            ]
        for story in stories:
            if any(_ids(identity.address) & addresses for identity in story.identities):
                yield story.line.id
        if len(lines) < _PAGE:
            return
        before = lines[-1].id


def _ids(shown: str) -> set[str]:
    """Return each possible platform id in an address as staff see it, such as "+4915…" or "@maya (id 7…)"."""
    return {part.removeprefix("+") for part in re.split(r"[\s(),]+", shown)}


async def _silence(desk: Desk, organization: OrgId) -> None:
    """Wait until nothing is left to be sent, for a few seconds at most."""
    try:
        async with asyncio.timeout(_PATIENCE):
            while True:
                async with desk.database.begin() as connection:
                    told = await queries.counts(connection, organization)
                if not told.deliveries_waiting:
                    return
                await asyncio.sleep(_LOOK_EVERY)
    except TimeoutError:
        return
