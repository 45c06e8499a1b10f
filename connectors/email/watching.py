"""Watch the folders of a mailbox for new mail, with IDLE if the server supports it, otherwise by polling."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import datetime, timedelta

import structlog

from bot.core.connector import Inbox, Vault
from bot.core.errors import DeskError, PlatformDown, StorageUnavailable, UnknownAccount
from bot.core.ids import Clock
from connectors.email.capabilities import MAX_BYTES
from connectors.email.imap import ImapSession, Outline, Selected, Withheld, opened
from connectors.email.incoming import MailLocation
from connectors.email.intake import Intake
from connectors.email.oauth import AccessTokens
from connectors.email.quarantine import Quarantine
from connectors.email.settings import EmailSettings

Pause = Callable[[float], Awaitable[None]]
IDLE_SECONDS = (
    9 * 60.0
)  # servers end an IDLE after 29 minutes (RFC 2177), and many routers drop a quiet connection after 10
POLL_SECONDS = 30.0
_LONGEST_PAUSE = 60.0
_BEGINNING = 1024 * 1024  # bytes fetched of a mail that is too large: its text comes first
_LOOK_BACK = timedelta(days=7)
_SKEW = timedelta(minutes=1)  # allowed between the server's clock and ours
_BATCH = 50
_TRIES = 3  # failures that end the connection, before a mail is set aside

_log = structlog.get_logger()


class Folder:
    """Watches one folder, on a connection of its own.

    The vault keeps the position up to which the folder is read, as "validity:uid". It moves only when that
    mail and all before it are accepted. A mail that takes long to read does not hold up the next ones. After
    a crash these are read again, and the inbox recognizes the duplicates.

    The first look reads no old mails. If the server has numbered its mails anew, the mails of the last days
    are read again. A mail that the server does not give holds up no others: it is tried again for an hour,
    and then reported as unreadable.
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
        self._quarantine = Quarantine(name, vault, clock)
        self._read_at: datetime | None = None  # when a mail was last fetched and accepted
        self._stuck = (0, 0)  # the UID that failed last, and how often in a row
        self._last = 0  # the UID up to which mails were given to the intake
        self._unfinished: set[int] = set()  # those given to the intake and not accepted yet
        self._marked: int | None = None  # the UID in the vault; None while it must not move
        self._marking = asyncio.Lock()

    async def watch(self) -> None:
        """Watch the folder until cancelled. Connect again after each error."""
        while True:
            try:
                async with opened(self._settings, self._tokens) as session, asyncio.TaskGroup() as tasks:
                    await self._follow(session, tasks)
            except Exception as error:  # a watcher that ends with an error would silence the channel
                await self._pause(self._wait(error))

    async def _follow(self, session: ImapSession, tasks: asyncio.TaskGroup) -> None:
        selected = await session.select(self._name)
        self._unfinished.clear()
        self._marked = None
        await self._quarantine.open(selected.validity)
        await self._begin(session, selected, tasks)
        if self._quarantine.is_full:
            await self._try_again(session, selected)  # there is no room to set another mail aside
        while True:
            while uids := await session.uids_after(self._last):
                await self._take(session, selected, tasks, uids)
                self._last = max(self._last, uids[-1])
            await self._try_again(session, selected)
            self._failures = 0
            if session.idles:
                await session.wait(IDLE_SECONDS)
            else:
                await self._pause(POLL_SECONDS)
                await session.noop()

    async def _begin(self, session: ImapSession, selected: Selected, tasks: asyncio.TaskGroup) -> None:
        """Find the UID up to which the folder is read."""
        newest = selected.next - 1 if selected.next else max(await session.uids_after(0), default=0)
        saved = await self._vault.get(f"uid:{self._name}")
        if saved is None:
            await self._vault.put(f"since:{self._name}", self._clock().isoformat())
        else:
            validity, _, last = saved.partition(":")
            if validity == str(selected.validity) and not 0 < selected.next <= int(last):
                self._last = self._marked = int(last)
                return
            await self._go_through(session, selected, tasks)
        self._last, self._marked = newest, -1
        await self._mark(selected)

    async def _go_through(self, session: ImapSession, selected: Selected, tasks: asyncio.TaskGroup) -> None:
        """Read the mails of the last days again, in a folder that has numbered its mails anew."""
        began = await self._vault.get(f"since:{self._name}")
        since = self._clock() - _LOOK_BACK
        if began is not None:
            since = max(since, datetime.fromisoformat(began) - _SKEW)
        # The server counts days in its own time zone.
        uids = await session.uids_since((since - timedelta(days=1)).date())
        _log.info("mails numbered anew", account=self._settings.account, again=len(uids))
        await self._take(session, selected, tasks, uids, since=since)

    async def _take(
        self,
        session: ImapSession,
        selected: Selected,
        tasks: asyncio.TaskGroup,
        uids: Sequence[int],
        since: datetime | None = None,
    ) -> None:
        for batch in _batches(uids):
            for outline in await self._outlines(session, batch):
                if since is None or outline.arrived is None or outline.arrived >= since:
                    await self._give(session, selected, tasks, outline)

    async def _give(
        self, session: ImapSession, selected: Selected, tasks: asyncio.TaskGroup, outline: Outline
    ) -> None:
        """Give a mail to the intake. Return as soon as the next one may be given."""
        if outline.uid in self._unfinished:
            return
        go_on = asyncio.Event()
        self._last = max(self._last, outline.uid)
        self._unfinished.add(outline.uid)
        task = tasks.create_task(self._finish(session, selected, outline, go_on.set))
        task.add_done_callback(lambda _: go_on.set())
        await go_on.wait()

    async def _finish(
        self, session: ImapSession, selected: Selected, outline: Outline, go_on: Callable[[], None]
    ) -> None:
        await self._try(session, selected, outline, go_on)
        self._unfinished.remove(outline.uid)
        await self._mark(selected)

    async def _mark(self, selected: Selected) -> None:
        """Store the UID up to which all mails are accepted."""
        async with self._marking:
            read = min([self._last, *(uid - 1 for uid in self._unfinished)])
            if self._marked not in (None, read):
                await self._vault.put(f"uid:{self._name}", f"{selected.validity}:{read}")
                self._marked = read

    async def _outlines(self, session: ImapSession, uids: Sequence[int]) -> Sequence[Outline]:
        try:
            return await session.outlines(uids)
        except Withheld:
            if len(uids) == 1:
                await self._put_aside(uids[0])
                return ()
            return [outline for uid in uids for outline in await self._outlines(session, [uid])]

    async def _try(
        self, session: ImapSession, selected: Selected, outline: Outline, go_on: Callable[[], None]
    ) -> None:
        """Accept a mail, or set it aside. Raise if the mail is not to blame, or the connection is gone."""
        uid = outline.uid
        if uid in self._quarantine:
            return
        try:
            await self._accept(session, selected, outline, go_on)
        except Withheld:
            await self._put_aside(uid)
        except (StorageUnavailable, UnknownAccount):
            raise
        except Exception:
            before, times = self._stuck
            self._stuck = (uid, times + 1 if uid == before else 1)
            if self._stuck[1] >= _TRIES:
                await self._put_aside(uid)
            raise

    async def _try_again(self, session: ImapSession, selected: Selected) -> None:
        for uid in self._quarantine.due():
            try:
                for outline in await session.outlines([uid]):
                    await self._accept(session, selected, outline)
            except (StorageUnavailable, UnknownAccount):
                raise
            except Exception as error:
                if self._quarantine.is_hopeless(uid, self._read_at):
                    await self._give_up(selected, uid)
                if not isinstance(error, Withheld):
                    raise
            else:
                await self._quarantine.remove(uid)

    async def _give_up(self, selected: Selected, uid: int) -> None:
        name = f"{self._name};{selected.validity};{uid}"
        digest = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()
        kept = MailLocation(f"imap;{selected.validity};{uid}", self._name)
        await self._intake.accept_unreadable(self._inbox, digest, kept, self._clock())
        await self._quarantine.remove(uid)

    async def _put_aside(self, uid: int) -> None:
        if self._quarantine.is_full:
            raise PlatformDown("the server gives hardly any mail")
        _log.warning("a mail is put aside", account=self._settings.account, uid=uid)
        await self._quarantine.add(uid)

    async def _accept(
        self,
        session: ImapSession,
        selected: Selected,
        outline: Outline,
        go_on: Callable[[], None] = lambda: None,
    ) -> None:
        too_large = outline.size > MAX_BYTES
        if too_large:
            raw = await session.fetch_beginning(outline.uid, _BEGINNING)
        else:
            raw = await session.fetch(outline.uid)
        if raw is None:
            return  # deleted meanwhile
        kept = MailLocation(f"imap;{selected.validity};{outline.uid}", self._name, outline.size)
        arrived = outline.arrived or self._clock()
        await self._intake.accept(self._inbox, raw, kept, arrived, too_large=too_large, go_on=go_on)
        self._read_at = self._clock()

    def _wait(self, error: Exception) -> float:
        self._failures += 1
        while isinstance(error, ExceptionGroup):  # the first error ended all tasks
            error = error.exceptions[0]
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
