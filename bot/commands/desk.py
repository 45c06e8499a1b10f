"""Give the commands what they work with: one `Desk` for each program that runs them."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Final, Protocol
from uuid import UUID

from bot.core.commands import Call
from bot.core.connector import ChannelKind, Connector
from bot.core.errors import CommandError, NotFound, SettingsError
from bot.core.ids import Clock, NewId, OrgId
from orgs.loading import NO_CHANNELS
from orgs.specification.organization import Account as Declared
from orgs.specification.organization import Organization
from storage.accounts import Account
from storage.anchors import Anchors
from storage.database import Database
from storage.keys import Keys
from storage.organizations import InForce, Organizations, current, find

WakeWorkers = Callable[[], Awaitable[None]]
"""Wakes the workers after something changed for them. Never fails, as workers also look by themselves."""


class Consent(Enum):
    """The answer to whether a change is to be made. Whoever agreed or declined was shown what changes."""

    UNASKED = "unasked"  # nobody was there to answer
    INSISTED = "insisted"  # `--yes`
    AGREED = "agreed"
    DECLINED = "declined"

    @property
    def go_on(self) -> bool:
        return self in (Consent.INSISTED, Consent.AGREED)

    @property
    def shown(self) -> bool:
        return self in (Consent.AGREED, Consent.DECLINED)


Confirm = Callable[[str, str], Awaitable[Consent]]
"""Show what is about to change, then ask the question about it. UNASKED if nobody is there to answer."""


AskSecret = Callable[[str], Awaitable[str]]
"""Ask for a secret, without showing what is typed. Raises CommandError if nobody is there to answer."""


class Borrow(Protocol):
    """Opens the connector of an account for as long as it is held.

    Raises SettingsError if it cannot be opened. `organization` is the file that declares the account.
    """

    def __call__(
        self, account: Account, declared: Declared, organization: Organization
    ) -> AbstractAsyncContextManager[Connector]: ...


NOWHERE: Final = OrgId(UUID(int=0))
"""The caller's organization if none was named: it means the only one that exists."""


@asynccontextmanager
async def nothing_to_borrow(
    account: Account,
    declared: Declared,  # noqa: ARG001
    organization: Organization,  # noqa: ARG001
) -> AsyncIterator[Connector]:
    """Raise SettingsError: this desk has no connectors."""
    raise SettingsError(f"account {account.account}: this program opens no connectors")
    yield  # what makes it a context manager


async def unconfirmed(_: str, __: str) -> Consent:
    """Return UNASKED: in chat nobody can answer a question within a command, so it needs `--yes`."""
    return Consent.UNASKED


async def nobody_to_ask(_: str) -> str:
    """Raise CommandError for chat, where a secret that is typed stays readable."""
    raise CommandError("A secret is not told in chat: type this on the shell.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Everything that the commands use.

    `confirm` decides whether a change without `--yes` is made. `address` returns where platforms call an
    account.
    """

    database: Database
    keys: Keys
    new_id: NewId
    clock: Clock
    organizations: Organizations
    wake_workers: WakeWorkers
    channels: Mapping[str, ChannelKind]
    anchors: Anchors
    confirm: Confirm = unconfirmed
    ask_secret: AskSecret = nobody_to_ask
    borrow: Borrow = nothing_to_borrow
    address: Callable[[Account], str] = lambda _: ""


def unopened(channels: Mapping[str, ChannelKind] = NO_CHANNELS) -> Desk:
    """Return a desk for reading the declarations of commands.

    It has only channels, and no command can run on it.
    """
    desk = object.__new__(Desk)
    object.__setattr__(desk, "channels", channels)
    return desk


async def whose(desk: Desk, call: Call) -> InForce:
    """Return the organization that the call is for.

    Raises CommandError if it must be named, and NotFound if it does not exist.
    """
    named = call.caller.organization
    async with desk.database.begin(None if named == NOWHERE else named) as connection:
        if named == NOWHERE:
            return await find(connection, None)
        for known in await current(connection):
            if known.organization == named:
                return known
    raise NotFound("organization", str(named))


def actor(call: Call) -> str:
    """Return who calls, as the audit log names them."""
    return f"person:{call.caller.person}" if call.caller.person else "shell"
