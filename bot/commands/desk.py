"""What the commands work with: one desk for each program that runs them."""

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

Ring = Callable[[], Awaitable[None]]
"""Wakes the workers after something changed for them. Never fails: they look for themselves, too."""


class Reply(Enum):
    """Whether a change shall be made. Who agreed or declined was shown with the question what changes."""

    UNASKED = "unasked"  # nobody was there to answer
    INSISTED = "insisted"  # `--yes`
    AGREED = "agreed"
    DECLINED = "declined"

    @property
    def go_on(self) -> bool:
        return self in (Reply.INSISTED, Reply.AGREED)

    @property
    def shown(self) -> bool:
        return self in (Reply.AGREED, Reply.DECLINED)


Confirm = Callable[[str, str], Awaitable[Reply]]
"""Show what is about to change, then ask the question about it. UNASKED where nobody is there to answer."""


AskSecret = Callable[[str], Awaitable[str]]
"""Ask for a secret, without showing what is typed. Raises CommandError where nobody is there to answer."""


class Borrow(Protocol):
    """The connector of an account, for as long as it is held. Raises SettingsError where it cannot be opened.

    `organization` is the file that declares the account.
    """

    def __call__(
        self, account: Account, declared: Declared, organization: Organization
    ) -> AbstractAsyncContextManager[Connector]: ...


NOWHERE: Final = OrgId(UUID(int=0))
"""The caller's organization when none was named: the only one there is, is meant."""


@asynccontextmanager
async def nothing_to_borrow(
    account: Account,
    declared: Declared,  # noqa: ARG001
    organization: Organization,  # noqa: ARG001
) -> AsyncIterator[Connector]:
    """For a desk without connectors."""
    raise SettingsError(f"account {account.account}: this program opens no connectors")
    yield  # what makes it a context manager


async def unconfirmed(_: str, __: str) -> Reply:
    """For chat: nobody answers a question within a command, so whoever is sure says `--yes`."""
    return Reply.UNASKED


async def nobody_to_ask(_: str) -> str:
    """For chat, where whatever is typed stays readable."""
    raise CommandError("A secret is not told in chat: type this on the shell.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """`confirm` decides whether a change that was not insisted on (`--yes`) is made.

    `address` is where platforms call an account.
    """

    database: Database
    keys: Keys
    new_id: NewId
    clock: Clock
    organizations: Organizations
    ring: Ring
    channels: Mapping[str, ChannelKind]
    anchors: Anchors
    confirm: Confirm = unconfirmed
    ask_secret: AskSecret = nobody_to_ask
    borrow: Borrow = nothing_to_borrow
    address: Callable[[Account], str] = lambda _: ""


def unopened(channels: Mapping[str, ChannelKind] = NO_CHANNELS) -> Desk:
    """A desk nobody sits at, for reading declarations: whatever else a command reaches for is not there."""
    desk = object.__new__(Desk)
    object.__setattr__(desk, "channels", channels)
    return desk


async def whose(desk: Desk, call: Call) -> InForce:
    """The organization that is meant. Raises CommandError when it cannot be told, NotFound."""
    named = call.caller.organization
    async with desk.database.begin(None if named == NOWHERE else named) as connection:
        if named == NOWHERE:
            return await find(connection, None)
        for known in await current(connection):
            if known.organization == named:
                return known
    raise NotFound("organization", str(named))


def actor(call: Call) -> str:
    """Who it is, as the audit log names them."""
    return f"person:{call.caller.person}" if call.caller.person else "shell"
