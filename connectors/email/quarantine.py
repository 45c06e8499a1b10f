"""Mails that the server did not give us: they are set aside, so that they hold up no other mail, and tried
again.
"""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta

from bot.core.connector import Vault
from bot.core.ids import Clock

TRY_AGAIN = timedelta(minutes=10)
GIVE_UP = timedelta(hours=1)
MOST = 50  # when more mails fail at a time, the server is to blame


class Quarantine:
    """The UIDs of a folder's mails that were set aside, and since when. They are kept in the vault."""

    def __init__(self, folder: str, vault: Vault, clock: Clock) -> None:
        self._name = f"aside:{folder}"
        self._vault = vault
        self._clock = clock
        self._validity = 0
        self._since: dict[int, datetime] = {}
        self._next: datetime | None = None

    def __contains__(self, uid: int) -> bool:
        return uid in self._since

    @property
    def is_full(self) -> bool:
        return len(self._since) >= MOST

    async def open(self, validity: int) -> None:
        """Load the UIDs of the folder.

        Start empty where its UIDVALIDITY has changed: old UIDs then mean nothing.
        """
        kept = json.loads(await self._vault.get(self._name) or "{}")
        self._validity = validity
        since = kept["since"] if kept.get("validity") == validity else {}
        self._since = {int(uid): datetime.fromisoformat(at) for uid, at in since.items()}

    async def add(self, uid: int) -> None:
        self._since.setdefault(uid, self._clock())
        await self._put()

    async def remove(self, uid: int) -> None:
        del self._since[uid]
        await self._put()

    def due(self) -> Sequence[int]:
        """Return the UIDs to try again now, in ascending order.

        These are all of them, once in `TRY_AGAIN`, or at once when there is no room for another one.
        """
        now = self._clock()
        if not self._since or (self._next is not None and now < self._next and not self.is_full):
            return ()
        self._next = now + TRY_AGAIN
        return sorted(self._since)

    def is_hopeless(self, uid: int, read_at: datetime | None) -> bool:
        """Return True when a mail was tried for `GIVE_UP`, and the server has given another mail since, at
        `read_at`.
        """
        since = self._since[uid]
        return self._clock() - since >= GIVE_UP and read_at is not None and read_at > since

    async def _put(self) -> None:
        since = {str(uid): at.isoformat() for uid, at in self._since.items()}
        await self._vault.put(self._name, json.dumps({"validity": self._validity, "since": since}))
