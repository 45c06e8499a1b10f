"""Receive mail as an LMTP or SMTP server. It answers 250 only once the mail is accepted.

https://www.rfc-editor.org/rfc/rfc2033
"""

import asyncio
import logging
from collections.abc import Callable, Collection
from typing import Any

import structlog
from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Envelope, Session

from bot.core.connector import Inbox
from bot.core.errors import DeskError
from bot.core.ids import Clock
from connectors.email.capabilities import MAX_BYTES
from connectors.email.incoming import MailLocation
from connectors.email.intake import Intake
from connectors.email.settings import EmailSettings
from connectors.email.spool import Spool

_LATER = "451 4.3.0 Please try again later"
_IDLE_SECONDS = 300
_MAX_CONNECTIONS = 50
_PRUNE_EVERY = 3600.0
_STAMP = 2048  # bytes reserved for the headers that we write before the mail

_log = structlog.get_logger()


class Listener:
    """The LMTP or SMTP server of one account."""

    def __init__(self, settings: EmailSettings, intake: Intake, spool: Spool, *, clock: Clock) -> None:
        self._settings = settings
        self._intake = intake
        self._spool = spool
        self._clock = clock
        self._open: set[SMTP] = set()

    async def run(self, inbox: Inbox, listening: Callable[[int], None]) -> None:
        """Serve until cancelled. Call `listening` with the port. Raise OSError if it cannot listen there."""
        at = self._settings.listen
        if at is None:
            raise ValueError("a listener needs the option listen")
        handler = _Door(self._settings, self._intake, self._spool, inbox, self._clock, self._open)
        server = await asyncio.get_running_loop().create_server(
            lambda: self._connection(handler), at.host, at.port
        )
        listening(server.sockets[0].getsockname()[1])
        try:
            while True:
                await self._spool.prune()
                await asyncio.sleep(_PRUNE_EVERY)
        finally:
            server.close()
            await self._hang_up()

    async def _hang_up(self) -> None:
        serving = [each._handler_coroutine for each in self._open if each._handler_coroutine is not None]
        for each in list(self._open):
            if isinstance(each.transport, asyncio.Transport):
                each.transport.abort()
        if serving:
            await asyncio.wait(serving)

    def _connection(self, handler: "_Door") -> SMTP:
        kind = _LmtpConnection if self._settings.lmtp else _SmtpConnection
        made: SMTP = kind(
            handler,
            self._open,
            data_size_limit=MAX_BYTES - _STAMP,
            enable_SMTPUTF8=True,
            hostname=self._settings.domain,
            ident="ready",
            timeout=_IDLE_SECONDS,
            loop=asyncio.get_running_loop(),
        )
        self._open.add(made)
        return made


class _Door:
    """The hooks that aiosmtpd calls: one for each recipient, one for each mail."""

    def __init__(
        self,
        settings: EmailSettings,
        intake: Intake,
        spool: Spool,
        inbox: Inbox,
        clock: Clock,
        connections: Collection[SMTP],
    ) -> None:
        self._settings = settings
        self._ours = {each.casefold() for each in settings.addresses}
        self._intake = intake
        self._spool = spool
        self._inbox = inbox
        self._clock = clock
        self._open = connections

    async def handle_RCPT(
        self,
        server: SMTP,  # noqa: ARG002
        session: Session,  # noqa: ARG002
        envelope: Envelope,
        address: str,
        options: list[str],  # noqa: ARG002
    ) -> str:
        if len(self._open) > _MAX_CONNECTIONS:
            return "421 4.3.2 Too many connections"
        local, _, domain = address.casefold().rpartition("@")
        plain = f"{local.partition('+')[0]}@{domain}"
        if f"{local}@{domain}" not in self._ours and not (self._settings.plus and plain in self._ours):
            return "550 5.1.1 No such mailbox here"
        if envelope.rcpt_tos:
            # LMTP requires an answer for each recipient, and those could differ.
            return "452 4.5.3 One recipient at a time"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: ARG002
        sender = (envelope.mail_from or "").replace("\r", "").replace("\n", "")
        stamp = f"Return-Path: <{sender}>\r\nDelivered-To: {envelope.rcpt_tos[0]}\r\n"
        raw = stamp.encode("utf-8", "replace") + (envelope.original_content or b"")
        try:
            name = await self._spool.put(raw)
            kept = MailLocation(f"spool;{name}", size=len(raw))
            await self._intake.accept(self._inbox, raw, kept, self._clock())
        except (DeskError, OSError) as error:
            code = error.code if isinstance(error, DeskError) else type(error).__name__
            _log.warning("mail not taken", account=self._settings.account, code=code)
            return _LATER
        return "250 2.0.0 OK"

    async def handle_exception(self, error: Exception) -> str:
        _log.error("mail session failed", account=self._settings.account, code=type(error).__name__)
        return _LATER


class _Connection(SMTP):
    line_length_limit = MAX_BYTES  # RFC 5321 says 1000, but some programs write a mail in one line

    def __init__(self, handler: _Door, register: set[SMTP], **settings: Any) -> None:
        super().__init__(handler, **settings)
        self._register = register

    def connection_lost(self, error: Exception | None) -> None:
        self._register.discard(self)
        super().connection_lost(error)


class _SmtpConnection(_Connection):
    pass


class _LmtpConnection(_Connection, LMTP):
    pass


logging.getLogger("mail.log").setLevel(logging.ERROR)  # aiosmtpd writes addresses and whole mails into it
