"""The stand-in's submission server: SMTP with AUTH PLAIN, LOGIN and XOAUTH2, and many ways to fail."""

import asyncio
import base64
import binascii
import re
import ssl
from collections.abc import Awaitable, Callable, Collection, Mapping

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from connectors.sandbox.fault import Fault, FaultKind, Faults

PLATFORM = "email"
Deliver = Callable[[str, str, bytes], Awaitable[None]]
_XOAUTH2 = re.compile(rb"user=([^\x01]*)\x01auth=Bearer ([^\x01]*)\x01\x01")
_MAX_BYTES = 40 * 1024 * 1024
_REPLIES = {
    FaultKind.RATE_LIMITED: "451 4.7.1 Greylisted, please try again later",
    FaultKind.SERVER_ERROR: "421 4.3.2 The system is not accepting mail just now",
}


class SmtpServer:
    """Takes mail from clients with a password or a token, and hands each recipient's copy to `deliver`.

    `refused` is the answer to RCPT by address: {"gone@example.org": "550 5.1.1 No such user"}. Faults are
    asked for before "MAIL", "RCPT" and "DATA"; for DATA, when the whole mail is there.
    """

    def __init__(
        self,
        *,
        passwords: Mapping[str, str],
        tokens: Collection[str],
        deliver: Deliver,
        faults: Faults,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.port = 0
        self.refused: dict[str, str] = {}
        self.refused_data = ""  # the answer to DATA, if it is refused
        self.tagged_senders = True  # False: nobody can send as name+anything@…, as in Exchange Online
        self.logins = 0
        self._passwords = passwords
        self._tokens = tokens
        self._deliver = deliver
        self._faults = faults
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._open: set[SMTP] = set()

    async def start(self, port: int) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connection, "127.0.0.1", port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
        waiting = [each._handler_coroutine for each in self._open if each._handler_coroutine is not None]
        for each in list(self._open):
            line = each._original_transport or each.transport  # under STARTTLS, the original one
            if isinstance(line, asyncio.WriteTransport):
                line.abort()
        for task in waiting:  # after a failed handshake, aiosmtpd waits for ever
            task.cancel()
        if waiting:
            await asyncio.wait(waiting)

    def _connection(self) -> SMTP:
        made = _Connection(
            self,
            self._open,
            data_size_limit=_MAX_BYTES,
            enable_SMTPUTF8=True,
            hostname="smtp.sandbox.invalid",
            tls_context=self._tls,
            auth_require_tls=False,
            authenticator=self._authenticate,
            loop=asyncio.get_running_loop(),
        )
        self._open.add(made)
        return made

    def _authenticate(
        self,
        server: SMTP,  # noqa: ARG002
        session: Session,  # noqa: ARG002
        envelope: Envelope,  # noqa: ARG002
        mechanism: str,  # noqa: ARG002
        data: object,
    ) -> AuthResult:
        good = isinstance(data, LoginPassword) and self._passwords.get(
            data.login.decode("utf-8", "replace")
        ) == data.password.decode("utf-8", "replace")
        self.logins += good
        return AuthResult(success=good, handled=False, auth_data=data)

    async def auth_XOAUTH2(self, server: SMTP, args: list[str]) -> AuthResult:
        given = args[1] if len(args) > 1 else ""
        try:
            found = _XOAUTH2.fullmatch(base64.b64decode(given))
        except binascii.Error:
            found = None
        if found is not None and found[2].decode() in self._tokens and found[1].decode() in self._passwords:
            self.logins += 1
            return AuthResult(success=True, auth_data=LoginPassword(found[1], b""))
        # As Google does: the reason is a challenge, which the client answers with an empty line.
        await server.push(b"334 " + base64.b64encode(b'{"status":"400","schemes":"Bearer"}'))
        await server._reader.readline()
        return AuthResult(success=False, handled=False)

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if not session.authenticated:
            return "530 5.7.0 Authentication required"
        login = str(getattr(session.auth_data, "login", b""), "utf-8")
        if (answer := await self._fault(server, "MAIL")) is not None:
            return answer
        if address and address.partition("@")[2] != login.partition("@")[2]:
            return "550 5.7.60 Client does not have permission to send as this sender"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 Sender OK"

    async def handle_RCPT(
        self,
        server: SMTP,
        session: Session,  # noqa: ARG002
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        if (answer := await self._fault(server, "RCPT")) is not None:
            return answer
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 Recipient OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: ARG002
        fault = await self._faults.before(PLATFORM, "DATA")
        if (answer := await self._befall(server, fault)) is not None:
            return answer
        if self.refused_data:
            return self.refused_data
        if not self.tagged_senders and "+" in (envelope.mail_from or ""):
            return f"554 5.2.252 SendAsDenied; not allowed to send as {envelope.mail_from}"
        content = envelope.original_content or b""
        for recipient in envelope.rcpt_tos:
            await self._deliver(envelope.mail_from or "", recipient, content)
        if fault is not None and fault.kind is FaultKind.LOST_RESPONSE:
            await _hang_up(server)
        return "250 2.0.0 Ok: queued"

    async def _fault(self, server: SMTP, call: str) -> str | None:
        return await self._befall(server, await self._faults.before(PLATFORM, call))

    async def _befall(self, server: SMTP, fault: Fault | None) -> str | None:
        if fault is None:
            return None
        if fault.kind is FaultKind.DELAY:
            await asyncio.sleep(fault.seconds)
        if fault.kind is FaultKind.RESET:
            await _hang_up(server)
        return _REPLIES.get(fault.kind)


async def _hang_up(server: SMTP) -> None:
    if isinstance(server.transport, asyncio.WriteTransport):
        server.transport.abort()
    await asyncio.get_running_loop().create_future()  # the lost connection cancels this coroutine


class _Connection(SMTP):
    line_length_limit = 1024 * 1024  # real relays accept the long lines of real programs

    def __init__(self, handler: SmtpServer, register: set[SMTP], **settings: object) -> None:
        super().__init__(handler, **settings)  # type: ignore[arg-type]
        self._register = register

    def connection_lost(self, error: Exception | None) -> None:
        self._register.discard(self)
        super().connection_lost(error)
