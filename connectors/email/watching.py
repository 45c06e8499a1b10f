"""Mail as it arrives in the folders of a mailbox: IDLE where the server can, else asking every so often."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import datetime, timedelta

import structlog

from bot.core.connector import Inbox, Vault
from bot.core.errors import DeskError
from bot.core.ids import Clock
from connectors.email.imap import ImapSession, Outline, Selected, opened
from connectors.email.incoming import Kept
from connectors.email.intake import Intake
from connectors.email.oauth import AccessTokens
from connectors.email.reading import MAX_BYTES
from connectors.email.settings import EmailSettings

Pause = Callable[[float], Awaitable[None]]
IDLE_SECONDS = (
    9 * 60.0
)  # servers end an IDLE after 29 minutes (RFC 2177), and many a router a quiet line after 10
POLL_SECONDS = 30.0
_LONGEST_PAUSE = 60.0
_HEAD_BYTES = 64 * 1024
_LOOK_BACK = timedelta(days=7)
_SKEW = timedelta(minutes=1)  # between the server's clock and ours
_BATCH = 50

_log = structlog.get_logger()


class Folder:
    """Watches one folder, on a connection of its own.

    How far it is read stands in the vault as "validity:uid", and moves only after the mail is accepted. It
    begins with what comes after the first look; where the server has numbered its mails anew, the mails of
    the last days are gone through once more, and the house knows which of them it has.
    """

    def __init__(
        self,
        name: str,
        settings: EmailSettings,
        tokens: AccessTokens | None,
        intake: Intake,
        vault: Vault,
        inbox: Inbox,
        *,
        clock: Clock,
        pause: Pause,
    ) -> None:
        self._name = name
        self._settings = settings
        self._tokens = tokens
        self._intake = intake
        self._vault = vault
        self._inbox = inbox
        self._clock = clock
        self._pause = pause
        self._failures = 0

    async def watch(self) -> None:
        """Until cancelled."""
        while True:
            try:
                async with opened(self._settings, self._tokens) as session:
                    await self._follow(session)
            except Exception as error:  # a listener that ends for any error would be a silent channel
                await self._pause(self._wait(error))

    async def _follow(self, session: ImapSession) -> None:
        selected = await session.select(self._name)
        last = await self._begin(session, selected)
        while True:
            while uids := await session.uids_after(last):
                last = await self._take(session, selected, uids)
            self._failures = 0
            if session.idles:
                await session.wait(IDLE_SECONDS)
            else:
                await self._pause(POLL_SECONDS)
                await session.noop()

    async def _begin(self, session: ImapSession, selected: Selected) -> int:
        """The UID up to which the folder is read."""
        newest = selected.next - 1 if selected.next else max(await session.uids_after(0), default=0)
        saved = await self._vault.get(f"uid:{self._name}")
        if saved is None:
            await self._vault.put(f"since:{self._name}", self._clock().isoformat())
            await self._put(selected, newest)
            return newest
        validity, _, last = saved.partition(":")
        if validity == str(selected.validity):
            return int(last)
        began = await self._vault.get(f"since:{self._name}")
        since = self._clock() - _LOOK_BACK
        if began is not None:
            since = max(since, datetime.fromisoformat(began) - _SKEW)
        # The server counts days in its own time zone.
        uids = await session.uids_since((since - timedelta(days=1)).date())
        _log.info("mails numbered anew", account=self._settings.account, again=len(uids))
        if uids:
            await self._take(session, selected, uids, since=since)
        await self._put(selected, newest)
        return newest

    async def _take(
        self, session: ImapSession, selected: Selected, uids: Sequence[int], since: datetime | None = None
    ) -> int:
        for batch in _batches(uids):
            for outline in await session.outlines(batch):
                if since is None or outline.arrived is None or outline.arrived >= since:
                    await self._accept(session, selected, outline)
                await self._put(selected, outline.uid)
        return uids[-1]

    async def _accept(self, session: ImapSession, selected: Selected, outline: Outline) -> None:
        too_large = outline.size > MAX_BYTES
        if too_large:
            raw = await session.fetch_head(outline.uid, _HEAD_BYTES)
        else:
            raw = await session.fetch(outline.uid)
        if raw is None:
            return  # taken away meanwhile
        kept = Kept(f"imap;{selected.validity};{outline.uid}", self._name, outline.size)
        arrived = outline.arrived or self._clock()
        await self._intake.accept(self._inbox, raw, kept, arrived, too_large=too_large)

    async def _put(self, selected: Selected, uid: int) -> None:
        await self._vault.put(f"uid:{self._name}", f"{selected.validity}:{uid}")

    def _wait(self, error: Exception) -> float:
        self._failures += 1
        code = error.code if isinstance(error, DeskError) else type(error).__name__
        wait = min(_LONGEST_PAUSE, 0.5 * 2.0 ** min(self._failures, 10))
        if isinstance(error, DeskError) and error.retry_after is not None:
            wait = max(wait, error.retry_after / timedelta(seconds=1))
        _log.warning(
            "watching a folder failed",
            account=self._settings.account,
            code=code,
            reason=getattr(error, "reason", ""),
            failures=self._failures,
            wait=wait,
        )
        return wait


def _batches(uids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(uids), _BATCH):
        yield uids[start : start + _BATCH]
