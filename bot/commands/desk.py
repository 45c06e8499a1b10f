"""What the commands work with: one desk for each program that runs them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final
from uuid import UUID

from bot.core.commands import Call
from bot.core.errors import NotFound
from bot.core.ids import Clock, NewId, OrgId
from storage.database import Database
from storage.keys import Keys
from storage.organizations import InForce, Organizations, current, find

Ring = Callable[[], Awaitable[None]]
"""Wakes the workers after something changed for them. Never fails: they look for themselves, too."""


class Reply(Enum):
    """Whether a change shall be made. SEEN: yes, and what changes was shown with the question."""

    NO = "no"
    YES = "yes"
    SEEN = "seen"


Confirm = Callable[[str], Awaitable[Reply]]
"""Shows what is about to change and asks whether it shall."""

NOWHERE: Final = OrgId(UUID(int=0))
"""The caller's organization when none was named: the only one there is, is meant."""


async def unconfirmed(_: str) -> Reply:
    """For chat: nobody answers a question within a command, so whoever is sure says `--yes`."""
    return Reply.NO


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """`confirm` decides whether a change that was not insisted on (`--yes`) is made."""

    database: Database
    keys: Keys
    new_id: NewId
    clock: Clock
    organizations: Organizations
    ring: Ring
    confirm: Confirm = unconfirmed


def unopened() -> Desk:
    """A desk nobody sits at, for reading declarations: what a command reaches for is not there."""
    return object.__new__(Desk)


async def whose(desk: Desk, call: Call) -> InForce:
    """The organization that is meant. Raises CommandError when it cannot be told, NotFound."""
    async with desk.database.begin() as connection:
        if call.caller.organization == NOWHERE:
            return await find(connection, None)
        for known in await current(connection):
            if known.organization == call.caller.organization:
                return known
    raise NotFound("organization", str(call.caller.organization))


def actor(call: Call) -> str:
    """Who it is, as the audit log names them."""
    return f"person:{call.caller.person}" if call.caller.person else "shell"
