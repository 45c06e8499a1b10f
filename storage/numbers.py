"""Draw short numbers of conversations: unique in an organization, and random, so that they reveal no count.

Whoever begins a conversation draws its number, and draws again if it is taken. There is no shared counter, so
nobody waits for another to begin one.
"""

import secrets
from collections.abc import Callable, Mapping
from itertools import count
from typing import Final

from sqlalchemy import TextClause
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.database import pipeline

DIGITS: Final = 6  # of the first draw; each further draw has one digit more
NewNumber = Callable[[int], int]


def new_number(digits: int) -> int:
    """Return a random number of so many digits, without a leading zero."""
    least: int = 10 ** (digits - 1)
    drawn: int = secrets.randbelow(9 * least)
    return least + drawn


async def begin_numbered(
    connection: AsyncConnection,
    statement: TextClause,
    given: Mapping[str, object],
    draw: NewNumber = new_number,
) -> None:
    """Insert a conversation with a number that no other conversation of its organization has.

    `statement` takes `number`. It returns a row, or does nothing if the number is taken.
    """
    for digits in count(DIGITS):
        [rows] = await pipeline(connection, (statement, {**given, "number": draw(digits)}))
        if rows:
            return
