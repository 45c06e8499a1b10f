"""Short numbers of conversations: unique in an organization, random, so that none tells how many there are.

Whoever begins a conversation draws its number, and draws again where that is taken. No counter is shared:
nobody waits for another to begin one.
"""

import secrets
from collections.abc import Callable, Mapping
from itertools import count
from typing import Final

from sqlalchemy import TextClause
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.database import together

DIGITS: Final = 6  # of the first draw; each further one has a digit more
NewNumber = Callable[[int], int]


def new_number(digits: int) -> int:
    """Return a random number of so many digits, the first of them no zero."""
    least: int = 10 ** (digits - 1)
    drawn: int = secrets.randbelow(9 * least)
    return least + drawn


async def begin_numbered(
    connection: AsyncConnection,
    statement: TextClause,
    given: Mapping[str, object],
    draw: NewNumber = new_number,
) -> None:
    """Insert a conversation under a number that no other of its organization has.

    `statement` takes `number`, does nothing where that is taken, and returns a row otherwise.
    """
    for digits in count(DIGITS):
        [rows] = await together(connection, (statement, {**given, "number": draw(digits)}))
        if rows:
            return
