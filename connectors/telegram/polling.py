"""getUpdates as a source of events. https://core.telegram.org/bots/api#getupdates"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

import structlog
from telegram.error import TelegramError

from bot.core.connector import Inbox
from bot.core.errors import DeskError, MalformedPayload
from connectors.telegram.failures import as_send_error
from connectors.telegram.updates import ReadUpdate

POLL_SECONDS = 25
Pause = Callable[[float], Awaitable[None]]
_LONGEST_PAUSE = 30.0

_log = structlog.get_logger()


class Poller:
    """Fetches the updates of one account. An update is confirmed to Telegram once its events are accepted.

    `fetch` gets the updates from an offset on, waiting until there are some. `begin` removes the webhook,
    `read` is pure, and `accepted` gets every accepted update.
    """

    def __init__(
        self,
        account: str,
        *,
        begin: Callable[[], Awaitable[object]],
        fetch: Callable[[int | None], Awaitable[Sequence[object]]],
        read: Callable[[object], ReadUpdate],
        accepted: Callable[[ReadUpdate], None],
        pause: Pause = asyncio.sleep,
    ) -> None:
        self._account = account
        self._begin = begin
        self._fetch = fetch
        self._read = read
        self._accepted = accepted
        self._pause = pause
        self._offset: int | None = None
        self._failures = 0

    async def run(self, inbox: Inbox) -> None:
        """Fetch updates until cancelled."""
        while True:
            try:
                await self._begin()
                while True:
                    await self._once(inbox)
                    self._failures = 0
            except Exception as error:  # an error must not end the listener, as the channel would fall silent
                await self._pause(self._wait(error))

    async def _once(self, inbox: Inbox) -> None:
        batch = await self._fetch(self._offset)
        updates: list[ReadUpdate] = []
        following = self._offset
        for data in batch:
            try:
                update = self._read(data)
            except MalformedPayload as error:
                # If it were not confirmed, it would come again for ever and block the updates behind it.
                _log.error("update skipped", account=self._account, code=error.code, path=error.path)
            else:
                updates.append(update)
            following = max(following or 0, _update_id(data) + 1)
        if events := [event for update in updates for event in update.events]:
            await inbox.accept(events)
        self._offset = following
        for update in updates:
            self._accepted(update)

    def _wait(self, error: Exception) -> float:
        self._failures += 1
        known = as_send_error(error, idempotent=True) if isinstance(error, TelegramError) else error
        code = known.code if isinstance(known, DeskError) else type(known).__name__
        wait = min(_LONGEST_PAUSE, 0.5 * 2.0 ** min(self._failures, 10))
        if isinstance(known, DeskError) and known.retry_after is not None:
            wait = max(wait, known.retry_after / timedelta(seconds=1))
        _log.warning("polling failed", account=self._account, code=code, failures=self._failures, wait=wait)
        return wait


def _update_id(data: object) -> int:
    """Return the update's id; -1, which confirms nothing, if the update is too broken to have one."""
    found = data.get("update_id") if isinstance(data, dict) else None
    return found if isinstance(found, int) else -1
