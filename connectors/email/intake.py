"""The bytes of a mail as events, whichever way they came."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from datetime import datetime

import dns.asyncresolver
import dns.resolver
import structlog

from bot.core.connector import Inbox, Vault
from bot.core.errors import MalformedPayload
from bot.core.events import Event, Place, Sender, Unsupported
from connectors.email.incoming import CHANNEL, Kept, MailReader
from connectors.email.reading import Mail, ReadingProcess, TooCostly, head, resolve_and_read
from connectors.email.settings import EmailSettings
from connectors.email.threads import Threads

ResolveTxt = Callable[[str], Awaitable[bytes | None]]
_DNS_SECONDS = 5.0
# Such a mail costs less than a second whatever is in it, and needs no process of its own.
_SMALL = 8 * 1024

_log = structlog.get_logger()


class Intake:
    """Reads mails for one account."""

    def __init__(
        self,
        settings: EmailSettings,
        threads: Threads,
        resolve_txt: ResolveTxt,
        process: ReadingProcess,
    ) -> None:
        self._settings = settings
        self._threads = threads
        self._reader = MailReader(settings.account, settings.addresses, threads)
        self._resolve_txt = resolve_txt
        self._process = process

    async def accept(
        self, inbox: Inbox, raw: bytes, kept: Kept, arrived: datetime, *, too_large: bool = False
    ) -> None:
        """Hand it to the house; when this returns it may be let go. Raises what `Inbox.accept` does."""
        events = await self.events(raw, kept, arrived, too_large=too_large)
        if not events:
            return
        try:
            await inbox.accept(events)
        except MalformedPayload as error:  # the house will never take it like this
            digest = hashlib.sha256(raw).hexdigest()
            _log.error("mail not kept", account=self._settings.account, reason=str(error), digest=digest)
            await self.accept_unreadable(inbox, digest, arrived)

    async def accept_unreadable(self, inbox: Inbox, name: str, arrived: datetime) -> None:
        """Tell that there is a mail. `name` is all that is known of it. Raises what `Inbox.accept` does."""
        await inbox.accept((self._unreadable(name, arrived),))

    async def events(
        self, raw: bytes, kept: Kept, arrived: datetime, *, too_large: bool = False
    ) -> tuple[Event, ...]:
        """A mail that nobody can read is an event as well: kept back, it would keep back all that follow.

        Raises OSError where no process can be started to read it in.
        """
        try:
            try:
                mail, too_costly = await self._read(raw), False
            except TooCostly:
                self._log("mail too costly to read", raw)
                mail, too_costly = await self._in_process(head(raw)), True
            return self._reader.events(mail, kept, arrived, too_large=too_large, too_costly=too_costly)
        except OSError:
            raise
        except Exception as error:
            self._log("mail not understood", raw, code=type(error).__name__)
            return (self._unreadable(hashlib.sha256(raw).hexdigest(), arrived),)

    async def _read(self, raw: bytes) -> Mail:
        if len(raw) > _SMALL:
            return await self._in_process(raw)
        return await resolve_and_read(
            raw,
            trusted_servers=self._settings.trusted_servers,
            own_addresses=self._settings.addresses,
            resolve=self._resolve_txt,
        )

    async def _in_process(self, raw: bytes) -> Mail:
        """Raises TooCostly."""
        names = await self._process.key_names(raw, trusted_servers=self._settings.trusted_servers)
        found = await asyncio.gather(*map(self._resolve_txt, names), return_exceptions=True)
        return await self._process.read(
            raw,
            trusted_servers=self._settings.trusted_servers,
            own_addresses=self._settings.addresses,
            keys=dict(zip(names, found, strict=True)),
        )

    def _log(self, event: str, raw: bytes, **facts: str) -> None:
        digest = hashlib.sha256(raw).hexdigest()
        _log.error(event, account=self._settings.account, digest=digest, **facts)

    def _unreadable(self, name: str, arrived: datetime) -> Event:
        thread = self._threads.begun_by(name, "", vouched=False)
        return Event(
            external_id=name,
            place=Place(CHANNEL, self._settings.account, thread),
            sender=Sender("unknown", verified=False),
            content=Unsupported("mail_unreadable"),
            occurred_at=arrived,
            shared=True,
            automatic=True,
        )


async def former_keys(settings: EmailSettings, vault: Vault) -> tuple[bytes, ...]:
    """What signed before the password changed; today's is kept for that day. Raises StorageUnavailable."""
    name = f"key:{hashlib.sha256(b'name of ' + settings.key).hexdigest()[:16]}"
    former = []
    known = await vault.names("key:")
    for each in known:
        if each != name and (kept := await vault.get(each)) is not None:
            former.append(bytes.fromhex(kept))
    if name not in known:
        await vault.put(name, settings.key.hex())
    return tuple(former)


async def resolve_txt(name: str) -> bytes | None:
    """The TXT record with a key, None where there is none. Raises DNSException when the DNS is too slow."""
    try:
        answer = await dns.asyncresolver.resolve(name, "TXT", lifetime=_DNS_SECONDS)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return None
    records = [b"".join(record.strings) for record in answer]
    return next((record for record in records if b"p=" in record), None)  # a wildcard may bring others along
