"""Hand mails to the provider by SMTP with aiosmtplib, one connection for each mail."""

import asyncio
import re
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from enum import Enum

import aiosmtplib
import structlog

from bot.core.beginning import begin
from bot.core.errors import (
    AccountSuspended,
    OutcomeUnknown,
    PlatformDown,
    RateLimited,
    Refused,
    SendError,
    Unreachable,
)
from connectors.email.composing import in_ascii
from connectors.email.domain import missing_authentication
from connectors.email.oauth import AccessTokens
from connectors.email.settings import EmailSettings

_TIMEOUT = 30.0  # seconds to wait for each answer except the last
_DATA_TIMEOUT = 120.0  # seconds to wait for the last; RFC 5321 section 4.5.3.2 says ten minutes
_ENHANCED = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
_TOO_FAST = re.compile(r"\brate|too (?:many|fast)|throttl|quota exceeded|sending limit", re.IGNORECASE)
# Texts of servers that let a mailbox send only from its own address, and not from one with a tag.
_NOT_AS_SENDER = re.compile(
    r"send ?as|sender|5\.7\.60|5\.2\.252|not owned|envelope|return.?path|mail from", re.IGNORECASE
)
_AUTHENTICATION = (530, 534, 535, 538)
_GREYLISTED = timedelta(minutes=1)
_LIMITED = timedelta(minutes=5)
_DAILY_LIMIT = timedelta(hours=1)
_DELAYED = 1000

_log = structlog.get_logger()


class _SenderRefused(Exception):
    """The server refused a sender's address with a tag. It may accept our address without one."""


class Submission:
    """Sends the mails of one account."""

    def __init__(self, settings: EmailSettings, tokens: AccessTokens | None) -> None:
        self._settings = settings
        self._tokens = tokens
        self._delayed: deque[str] = deque(maxlen=_DELAYED)  # mails that a copy has already delayed once
        self._plain_sender = False  # True once the server refused a tag in the sender's address

    async def check(self) -> None:
        """Connect and log in. Raise SendError."""
        async with self._connected():
            pass

    async def send(
        self, message_id: str, raw: bytes, recipient: str, copies: Sequence[str], *, return_path: str
    ) -> None:
        """Send a mail in one transaction. Raise SendError.

        A refused copy does not keep the mail from the others. A copy that is put off delays the whole mail
        once.

        A mail that cannot be delivered comes back to `return_path`, unless the server refuses that as our
        address.
        """
        ours = self._settings.address
        if return_path != ours and not self._plain_sender:
            try:
                await self._send(message_id, raw, return_path, recipient, copies)
            except _SenderRefused:
                _log.info("no tagged return path", account=self._settings.account)
                self._plain_sender = True
            else:
                return
        await self._send(message_id, raw, ours, recipient, copies)

    async def _send(
        self, message_id: str, raw: bytes, sender: str, recipient: str, copies: Sequence[str]
    ) -> None:
        async with self._connected() as client:
            limit = client.esmtp_extensions.get("size", "")
            if limit.isdecimal() and 0 < int(limit) < len(raw):
                raise Refused(f"552: the mail server takes no more than {int(limit) // 1_000_000} MB")
            try:
                await client.mail(sender)
                await client.rcpt(in_ascii(recipient))
            except aiosmtplib.SMTPSenderRefused as error:
                raise self._refused(error, Stage.SENDER, sender) from error
            except aiosmtplib.SMTPResponseException as error:
                raise self._refused(error, Stage.RECIPIENT, sender) from error
            except (aiosmtplib.SMTPException, OSError) as error:
                raise PlatformDown(f"{type(error).__name__}: the mail server hung up") from error
            await self._copy(client, copies, message_id)
            await begin()
            try:
                await client.data(raw, timeout=_DATA_TIMEOUT)
            except aiosmtplib.SMTPResponseException as error:
                raise self._refused(error, Stage.DATA, sender) from error
            except (aiosmtplib.SMTPException, OSError) as error:
                raise OutcomeUnknown("no answer after the mail was handed over") from error

    def _refused(self, error: aiosmtplib.SMTPResponseException, stage: "Stage", sender: str) -> Exception:
        tagged = sender != self._settings.address and error.code >= 500
        if tagged and (stage is Stage.SENDER or _NOT_AS_SENDER.search(error.message)):
            return _SenderRefused()
        return as_send_error(error.code, error.message, stage)

    async def _copy(self, client: aiosmtplib.SMTP, copies: Sequence[str], message_id: str) -> None:
        for copy in copies:
            try:
                await client.rcpt(in_ascii(copy))
            except (aiosmtplib.SMTPResponseException, Refused) as error:
                code = error.code
                if isinstance(code, int) and code < 500 and message_id not in self._delayed:
                    # Nothing was sent yet: delay the whole mail for this copy, but only once.
                    self._delayed.append(message_id)
                    raise as_send_error(code, "", Stage.RECIPIENT) from error
                _log.info("a copy was refused", account=self._settings.account, code=code)
            except (aiosmtplib.SMTPException, OSError) as error:
                raise PlatformDown(f"{type(error).__name__}: the mail server hung up") from error

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[aiosmtplib.SMTP]:
        server = self._settings.smtp
        client = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            use_tls=server.security == "tls",
            start_tls=server.security == "starttls",
            tls_context=None if server.security == "none" else self._settings.tls,
            local_hostname=self._settings.domain.encode("idna").decode(),
            timeout=_TIMEOUT,
        )
        try:
            await self._enter(client)
            yield client
        finally:
            await _leave(client)

    async def _enter(self, client: aiosmtplib.SMTP) -> None:
        where = str(self._settings.smtp)
        try:
            await client.connect()
            await client.ehlo()
            if self._tokens is not None:
                await self._show_token(client, self._tokens)
            elif self._settings.password:
                await client.login(self._settings.username, self._settings.password)
        except aiosmtplib.SMTPAuthenticationError as error:
            if error.code < 500:
                raise PlatformDown(f"{error.code}: the mail server cannot check the password now") from error
            raise AccountSuspended(
                f"{error.code}: {where} does not accept the user name and password of this mailbox"
            ) from error
        except aiosmtplib.SMTPResponseException as error:
            raise as_send_error(error.code, error.message, Stage.GREETING) from error
        except (aiosmtplib.SMTPException, OSError) as error:
            if type(error) in (aiosmtplib.SMTPException, aiosmtplib.SMTPNotSupported):
                # The library raises these for a server without STARTTLS, or without our way to log in.
                words = f"{where} cannot do what `security` asks, or has no such login"
                raise AccountSuspended(words) from error
            raise PlatformDown(f"{type(error).__name__}: no connection to {where}") from error

    async def _show_token(self, client: aiosmtplib.SMTP, tokens: AccessTokens) -> None:
        token = await tokens.token()
        try:
            await client.auth_xoauth2(self._settings.username, token)
        except aiosmtplib.SMTPAuthenticationError:  # the token may have been revoked early
            tokens.forget(token)
            await client.auth_xoauth2(self._settings.username, await tokens.token())


async def _leave(client: aiosmtplib.SMTP) -> None:
    """Say QUIT if the connection allows it. Ignore errors: the mail was accepted or refused before."""
    if client.is_connected:
        with suppress(aiosmtplib.SMTPException, OSError, asyncio.TimeoutError):
            await client.quit(timeout=5)
    client.close()


class Stage(Enum):
    """The step of the SMTP dialogue that the server answered."""

    GREETING = "greeting"
    SENDER = "sender"
    RECIPIENT = "recipient"
    DATA = "data"


def as_send_error(code: int, message: str, stage: Stage) -> SendError:
    """Return the error that an SMTP answer means. Its enhanced code decides, if there is one (RFC 3463).

    The server's own text may name people, so it is not kept.
    """
    found = _ENHANCED.search(message)
    known = f"{code} {found[0]}" if found else str(code)
    subject, detail = (found[2], found[3]) if found else ("", "")
    if (subject, detail) == ("4", "5") and code >= 500:
        return RateLimited(f"{known}: the provider's daily limit is reached", retry_after=_DAILY_LIMIT)
    if code < 500 and _TOO_FAST.search(message):
        return RateLimited(f"{known}: the mail server wants less mail", retry_after=_LIMITED)
    if code < 500:
        return PlatformDown(f"{known}: the mail server asks to come again later", retry_after=_GREYLISTED)
    if why := missing_authentication(known):
        return Refused(f"{known}: {why}")
    if code in _AUTHENTICATION or stage in (Stage.GREETING, Stage.SENDER):
        return AccountSuspended(f"{known}: the mail server does not let this mailbox send")
    if subject == "1" or (subject, detail) == ("2", "1"):
        return Unreachable(f"{known}: no such mailbox")
    if stage is Stage.RECIPIENT and not found and code in (550, 551, 553):
        return Unreachable(f"{known}: the mail server does not take mail for this address")
    if (subject, detail) == ("2", "2") or code == 552:
        return Refused(f"{known}: the mailbox is full, or the mail too large")
    return Refused(f"{known}: the mail server refused the mail")
