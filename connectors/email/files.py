"""Read the files of one mail, and the original mail for staff."""

import asyncio
from collections.abc import Sequence

from bot.core.errors import MalformedPayload, Refused
from connectors.email.incoming import ORIGINAL_TYPE, WHOLE
from connectors.email.reading import Budget, ReadingProcess, TooCostly, files, holds_card_number, is_light


class MailFiles:
    """The files of one mail.

    All are taken out at once, in a process that can be ended unless the mail is light.

    `budget` is the CPU time for all files, and for the search for payment card numbers.
    """

    def __init__(self, raw: bytes, process: ReadingProcess, budget: Budget) -> None:
        self._raw = raw
        self._process = process
        self._budget = budget
        self._files: Sequence[tuple[str, bytes | None]] | None = None

    async def get(self, index: str) -> bytes:
        """Return a file of the mail, or the mail itself. Raise Refused if it is not there or was not kept.

        Refuse the original of a mail that holds a payment card number (docs/decisions/011).
        """
        try:
            if index == WHOLE:
                return await self._checked(self._raw)
            kind, data = (await self._all())[int(index)]
            if kind == ORIGINAL_TYPE and data is not None:
                return await self._checked(data)
        except (IndexError, ValueError, MalformedPayload):
            raise Refused("the mail has no such file") from None
        except TooCostly:
            raise Refused(
                "too_costly: looking into this mail takes too long; it lies in the mailbox"
            ) from None
        if data is None:
            raise Refused("too_large: the files of this mail are more than are kept")
        return data

    async def _all(self) -> Sequence[tuple[str, bytes | None]]:
        if self._files is None:
            if is_light(self._raw):
                self._files = await asyncio.to_thread(files, self._raw)
            else:
                self._files = await self._process.files(self._raw, budget=self._budget)
        return self._files

    async def _checked(self, mail: bytes) -> bytes:
        if is_light(mail):
            found = await asyncio.to_thread(holds_card_number, mail)
        else:
            found = await self._process.holds_card_number(mail, budget=self._budget)
        if found:
            raise Refused("card_number: it holds a payment card number, which is not kept")
        return mail
