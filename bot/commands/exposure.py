"""Find out who reads the staff's channels, before a file comes into force and for `accounts check`."""

import asyncio
from dataclasses import dataclass

from bot.commands.desk import NOWHERE, Desk
from bot.core.connector import Connector, TellsExposure
from bot.core.errors import DeskError, SendError
from bot.core.events import Channel
from bot.core.ids import AccountId
from orgs.routing import private_rooms_on
from orgs.specification.organization import Account as Declared
from orgs.specification.organization import Organization, Serves
from storage.accounts import Account

_PATIENCE = 15.0  # seconds that a platform may take to answer


@dataclass(frozen=True, slots=True)
class Exposure:
    """The findings about rooms. Each entry is a sentence.

    `exposed` is about channels that others can read, `unknown` about channels of which the platform could not
    be asked.
    """

    exposed: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


async def exposed_rooms(connector: Connector, organization: Organization, account: str) -> Exposure:
    """Ask about each channel of the account that the file calls private. Never raises a SendError."""
    if not isinstance(connector, TellsExposure):
        return Exposure()
    exposed, unknown = [], []
    for room, public in private_rooms_on(organization, account):
        try:
            if who := await connector.exposure(room, public=public):
                exposed.append(
                    f"{room} is to be private, but {who}: make it private, or name another channel in the"
                    " organization file"
                )
        except SendError as error:
            unknown.append(f"{room}: nobody could ask who reads it ({error.reason})")
    return Exposure(tuple(exposed), tuple(unknown))


async def exposures(desk: Desk, organization: Organization) -> Exposure:
    """Ask about all staff accounts at once, before their file comes into force.

    An account that cannot be opened yet is left out: `accounts check` says why.
    """
    staff = [each for each in organization.accounts if each.serves is Serves.STAFF]
    found = await asyncio.gather(*(_of_account(desk, organization, each) for each in staff))
    return Exposure(
        tuple(sentence for each in found for sentence in each.exposed),
        tuple(sentence for each in found for sentence in each.unknown),
    )


async def _of_account(desk: Desk, organization: Organization, declared: Declared) -> Exposure:
    id_ = desk.new_id()
    keys = desk.keys.organization(NOWHERE, *desk.keys.new_organization(NOWHERE))
    provisional = Account(
        AccountId(id_), NOWHERE, Channel(declared.channel), declared.id, declared.serves.value, 0, keys
    )
    try:
        async with asyncio.timeout(_PATIENCE), desk.borrow(provisional, declared, organization) as connector:
            return await exposed_rooms(connector, organization, declared.id)
    except TimeoutError:
        return Exposure(unknown=(f"account {declared.id}: the platform does not say who reads its channels",))
    except DeskError:
        return Exposure()
