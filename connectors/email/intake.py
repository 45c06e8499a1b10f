"""Turn the bytes of a mail into events, whichever way they came."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from bot.core.connector import Inbox, Vault
from bot.core.errors import MalformedPayload
from bot.core.events import Event, Place
from connectors.email.domain import TxtRecords
from connectors.email.incoming import MailLocation, MailReader, joining
from connectors.email.queue import MailQueue
from connectors.email.reading import (
    Budget,
    Digests,
    Mail,
    ReadingProcess,
    TooCostly,
    digests,
    head,
    is_light,
    outline,
    read,
)
from connectors.email.servers import TrustedServers
from connectors.email.settings import EmailSettings
from connectors.email.threads import Threads

_LARGE = 256 * 1024  # bytes from which a mail is hashed in a thread
KeyRecord = Callable[[str], Awaitable[bytes | None]]

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ReadingBudget:
    """The limits for reading one mail, in CPU seconds where no other unit is given."""

    first: float = 0.3  # for the first reading, which mails behind this one wait for
    whole: float = 3.0
    files: float = 3.0  # for taking its files out, in another process
    lookups: float = 1.0  # seconds of DNS lookups for keys that mails behind this one wait for


class Intake:
    """Reads mails for one account.

    A mail that takes long is read in a second process, while the first reads others.
    """

    def __init__(
        self,
        settings: EmailSettings,
        threads: Threads,
        look_up: TxtRecords,
        servers: TrustedServers,
        limits: ReadingBudget,
    ) -> None:
        self._settings = settings
        self._threads = threads
        self._reader = MailReader(settings.account, settings.addresses, threads)
        self._look_up = look_up
        self._servers = servers
        self._limits = limits
        self._process = ReadingProcess()
        self._patient_process = ReadingProcess()
        self._queue = MailQueue()

    async def close(self) -> None:
        """End the two processes."""
        await self._process.close()
        await self._patient_process.close()

    async def accept(
        self,
        inbox: Inbox,
        raw: bytes,
        kept: MailLocation,
        arrived: datetime,
        *,
        too_large: bool = False,
        go_on: Callable[[], None] = lambda: None,
    ) -> None:
        """Read a mail and hand its events to `inbox`. The mail is accepted when this returns.

        Call `go_on` as soon as the next mail may be given, if reading or waiting takes longer. The next mail
        stays behind this one if both are of one author or one conversation, and overtakes it otherwise.

        Raise what `Inbox.accept` raises.
        """
        mail = await self._given(raw, kept, arrived, too_large=too_large)
        first = await self._first_reading(mail)
        if first.results_above:
            await self._servers.shown_above(first.results_above)
        for server in first.silent_servers:
            await self._servers.was_silent(server)
        events, rest = first.events, first.rest
        async with self._queue.entered(first.keys, len(raw) if rest else 0) as queued:
            if rest or queued.before:
                go_on()
            if rest is not None:
                found = await queued.read(self._patient_reading(mail, rest))
                if found is None:
                    self._log("mail not read to its end", mail)
                events = events if found is None else found
            await queued.turn()
            events = await self._joined(inbox, first.others, events)
            if events:
                await self._hand_over(inbox, mail, events)

    async def _joined(
        self, inbox: Inbox, others: Sequence[Place], events: tuple[Event, ...]
    ) -> tuple[Event, ...]:
        """Return the event moved to the conversation whose customer put its author in Cc.

        Without one, return `events`.
        """
        if not others or len(events) != 1:
            return events
        known = await inbox.known(others)
        begun = next((place for place in others if place in known), None)
        return events if begun in (None, events[0].place) else (joining(events[0], begun),)

    async def _hand_over(self, inbox: Inbox, mail: "_Given", events: Sequence[Event]) -> None:
        try:
            await inbox.accept(events)
        except MalformedPayload as error:  # the product will never accept these events
            self._log("mail not kept", mail, reason=str(error))
            await inbox.accept((self._reader.unreadable(mail.digests.whole, mail.kept, mail.arrived),))

    async def accept_unreadable(self, inbox: Inbox, name: str, kept: MailLocation, arrived: datetime) -> None:
        """Accept a mail that the server never gave us, as an unreadable one.

        `name` is all that is known of it.

        Raise what `Inbox.accept` raises.
        """
        await inbox.accept((self._reader.unreadable(name, kept, arrived),))

    async def events(self, raw: bytes, kept: MailLocation, arrived: datetime) -> tuple[Event, ...]:
        """Return the events of a mail, however long reading takes.

        Raise OSError if no process can be started.
        """
        mail = await self._given(raw, kept, arrived)
        first = await self._first_reading(mail)
        found = await self._patient_reading(mail, first.rest) if first.rest else None
        return first.events if found is None else found

    async def _given(
        self, raw: bytes, kept: MailLocation, arrived: datetime, *, too_large: bool = False
    ) -> "_Given":
        found = digests(raw) if len(raw) < _LARGE else await asyncio.to_thread(digests, raw)
        return _Given(raw, kept, arrived, await self._servers.names(), found, too_large)

    async def _first_reading(self, given: "_Given") -> "_Reading":
        """Read a mail, or only its headers if it takes long.

        A key that the DNS does not give in time counts as absent.
        """
        raw, limits = given.raw, self._limits
        late = False

        async def resolve(name: str) -> bytes | None:
            nonlocal late
            try:
                async with asyncio.timeout(limits.lookups):
                    return await self._key(name)
            except TimeoutError:
                late = True
                raise

        too_costly, left = False, limits.whole
        try:
            if is_light(raw):
                mail = await self._read_light(given, raw)
            else:
                left -= limits.first
                try:
                    mail = await self._read(self._process, given, raw, Budget(limits.first), resolve)
                except TooCostly:
                    too_costly, headers = True, Budget(limits.first)
                    mail = await self._read_head(given, headers, resolve)
                    left -= limits.first - headers.left
            events = self._events(given, mail, too_costly=too_costly)
            rest = Budget(max(left, 0.0)) if too_costly or late else None
            keys = self._reader.order_keys(mail, events)
            return _Reading(
                events, keys, rest, mail.results_above, mail.silent_servers, self._reader.of_others(mail)
            )
        except OSError:
            raise
        except Exception as error:
            return _Reading((self._not_understood(given, error),))

    async def _key(self, name: str) -> bytes | None:
        """Return the TXT record with a DKIM key, or None if there is none.

        A DNS wildcard may return other records too.
        """
        return next((record for record in await self._look_up(name) if b"p=" in record), None)

    async def _patient_reading(self, mail: "_Given", budget: Budget) -> tuple[Event, ...] | None:
        """Return the events of a mail, or None if reading it costs more than `budget`."""
        try:
            return self._events(
                mail, await self._read(self._patient_process, mail, mail.raw, budget, self._key)
            )
        except TooCostly:
            return None
        except OSError:
            raise
        except Exception as error:
            return (self._not_understood(mail, error),)

    def _events(self, given: "_Given", mail: Mail, *, too_costly: bool = False) -> tuple[Event, ...]:
        return self._reader.events(
            mail,
            given.kept,
            given.arrived,
            digests=given.digests,
            too_large=given.too_large,
            too_costly=too_costly,
        )

    async def _read_head(self, given: "_Given", budget: Budget, resolve: KeyRecord) -> Mail:
        """Read only the headers of a mail.

        If even they cost too much, read those that say who sent it and its thread.
        """
        try:
            return await self._read(self._process, given, head(given.raw), budget, resolve)
        except TooCostly:
            return await self._read_light(given, outline(given.raw))

    async def _read_light(self, given: "_Given", raw: bytes) -> Mail:
        return await asyncio.to_thread(
            read,
            raw,
            trusted_servers=given.servers,
            own_addresses=self._settings.addresses,
            dkim=lambda _: None,  # a light mail has no signature
            languages=self._settings.languages,
        )

    async def _read(
        self, process: ReadingProcess, given: "_Given", raw: bytes, budget: Budget, resolve: KeyRecord
    ) -> Mail:
        """Read a mail, or a part of it. Raise TooCostly if it costs more than `budget`."""
        names = await process.key_names(raw, trusted_servers=given.servers, budget=budget)
        found = await asyncio.gather(*map(resolve, names), return_exceptions=True)
        return await process.read(
            raw,
            trusted_servers=given.servers,
            own_addresses=self._settings.addresses,
            keys=dict(zip(names, found, strict=True)),
            budget=budget,
            languages=self._settings.languages,
        )

    def _not_understood(self, mail: "_Given", error: Exception) -> Event:
        """Return an event for a mail whose reading failed.

        Without it, that mail would hold up all that follow.
        """
        self._log("mail not understood", mail, code=type(error).__name__)
        return self._reader.unreadable(mail.digests.whole, mail.kept, mail.arrived)

    def _log(self, event: str, mail: "_Given", **facts: str) -> None:
        _log.error(event, account=self._settings.account, digest=mail.digests.whole, **facts)


@dataclass(frozen=True, slots=True)
class _Given:
    """A mail as the server gave it to us."""

    raw: bytes
    kept: MailLocation
    arrived: datetime
    servers: tuple[str, ...]  # the trusted servers
    digests: Digests
    too_large: bool = False


@dataclass(frozen=True, slots=True)
class _Reading:
    """The events of a mail.

    `rest` is what a second reading may cost; without it no second reading is needed.
    """

    events: tuple[Event, ...]
    keys: frozenset[str] = frozenset()  # mails that share a key keep their order
    rest: Budget | None = None
    results_above: str = ""
    silent_servers: tuple[str, ...] = ()
    others: tuple[Place, ...] = ()  # threads of other people that the mail may belong to


async def former_keys(settings: EmailSettings, vault: Vault) -> tuple[bytes, ...]:
    """Return the keys that signed before the password changed. Raise StorageUnavailable.

    Store today's key, so that it is found here after the next change.
    """
    name = f"key:{hashlib.sha256(b'name of ' + settings.key).hexdigest()[:16]}"
    former = []
    known = await vault.names("key:")
    for each in known:
        if each != name and (kept := await vault.get(each)) is not None:
            former.append(bytes.fromhex(kept))
    if name not in known:
        await vault.put(name, settings.key.hex())
    return tuple(former)
