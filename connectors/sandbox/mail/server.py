"""A mail provider and the mail clients around it: it takes mail by SMTP, offers it by IMAP, and people
write.
"""

import asyncio
import re
import ssl
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import format_datetime, formataddr, getaddresses, make_msgid, parseaddr
from types import TracebackType
from typing import Self

from bot.core.ids import Clock, utc_now
from connectors.sandbox.fault import Faults, NoFaults
from connectors.sandbox.mail.bounces import delivery_status
from connectors.sandbox.mail.imap import ImapServer
from connectors.sandbox.mail.letters import File, Letter
from connectors.sandbox.mail.programs import Body, quoted, reply, write
from connectors.sandbox.mail.smtp import PLATFORM, SmtpServer

# Python folds a long Message-ID into an encoded word, which no mail program does.
_UNFOLDED = policy.default.clone(max_line_length=990)
_UNKNOWN_USER = "550 5.1.1 No such user here"


class MailServer:
    """One provider with the product's accounts, all of one domain, on two ports of loopback.

    A customer's mail arrives as through an MX: with Return-Path, Received and Authentication-Results of
    `authserv`. The product's mail goes to the customers' inboxes. For an unknown address, a bounce comes
    back. `async with` starts and ends the provider; for port 0 it takes a free one.
    """

    def __init__(
        self,
        domain: str = "brightdesk.example",
        *,
        faults: Faults | None = None,
        clock: Clock = utc_now,
        tls: ssl.SSLContext | None = None,
        idle: bool = True,
        smtp_port: int = 0,
        imap_port: int = 0,
        files_sent: bool = False,
    ) -> None:
        """Configure the provider.

        With `files_sent`, it puts sent mail into the sender's folder "Sent" itself.
        """
        self.domain = domain
        self.authserv = f"mx.{domain}"
        self.tokens: set[str] = set()  # the access tokens that XOAUTH2 accepts
        self.program = "gmail"  # of customers' mails for which none is named; see `programs()`
        self.on_change: Callable[[str], None] | None = None  # called with the customer's address
        self._passwords: dict[str, str] = {}
        self._aliases: dict[str, str] = {}
        self._customers: dict[str, Customer] = {}
        self._faults = faults or NoFaults()
        self._clock = clock
        self._ports = (smtp_port, imap_port)
        self._files_sent = files_sent
        self._late: set[asyncio.Task[None]] = set()
        self.imap = ImapServer(tokens=self.tokens, tls=tls, idle=idle)
        self.smtp = SmtpServer(
            passwords=self._passwords,
            tokens=self.tokens,
            deliver=self._submitted,
            faults=self._faults,
            tls=tls,
        )

    async def __aenter__(self) -> Self:
        await self.smtp.start(self._ports[0])
        await self.imap.start(self._ports[1])
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._late:
            task.cancel()
        if self._late:
            await asyncio.wait(self._late)
        await self.smtp.close()
        await self.imap.close()

    async def add_account(self, address: str, password: str, folders: Iterable[str] = ("Sent",)) -> None:
        """Add a mailbox of the product. Mail to `name+anything@domain` arrives in it too."""
        self._passwords[address] = password
        await self.imap.add_user(address, password, tuple(folders))

    def add_alias(self, alias: str, address: str) -> None:
        """Let mail to another address arrive in a mailbox of the product."""
        self._aliases[alias] = address

    def change_password(self, address: str, password: str) -> None:
        self._passwords[address] = password
        self.imap.set_password(address, password)

    def customer(self, address: str, name: str = "") -> "Customer":
        """Return the customer's mail client with that address. Create it if it is new."""
        return self._customers.setdefault(address, Customer(self, address, name, self._clock))

    @property
    def customers(self) -> Sequence["Customer"]:
        return tuple(self._customers.values())

    async def receive(
        self, raw: bytes, *, sender: str, recipient: str, verdict: str = "pass", folder: str = "INBOX"
    ) -> None:
        """Receive a mail from outside, as the MX does.

        `sender` is the envelope's; "" makes the mail a bounce.

        `verdict` is the result of SPF, DKIM and DMARC: "pass", "fail" or "none". Raise LookupError for an
        unknown recipient.
        """
        account = self._mailbox(recipient)
        if account not in self._passwords:
            raise LookupError(f"no account of {self.domain} has that address")
        domain = sender.partition("@")[2] or self.authserv
        stamped = (
            f"Return-Path: <{sender}>\r\n"
            f"Delivered-To: {recipient}\r\n"
            f"Received: from mail.{domain} by {self.authserv};\r\n {format_datetime(self._clock())}\r\n"
            f"Authentication-Results: {self.authserv}; spf={verdict} smtp.mailfrom={domain};\r\n"
            f" dkim={verdict} header.d={domain}; dmarc={verdict} header.from={domain}\r\n"
        ).encode() + raw
        for late in self._faults.deliveries(PLATFORM, "message"):
            if late:
                self._later(late, account, stamped, folder)
            else:
                await self.imap.store(account, stamped, self._clock(), folder)

    async def carry(self, raw: bytes, *, sender: str, verdict: str) -> None:
        """Deliver a customer's mail to each recipient that is known here. Drop it for the others."""
        message = message_from_bytes(raw)
        fields = [str(value) for value in (*message.get_all("To", ()), *message.get_all("Cc", ()))]
        for _, recipient in getaddresses(fields):
            if (other := self._customers.get(recipient)) is not None:
                other.take(Letter(raw))
                continue
            with suppress(LookupError):
                await self.receive(raw, sender=sender, recipient=recipient, verdict=verdict)

    async def bounce(
        self,
        letter: Letter,
        recipient: str,
        *,
        status: str = "5.1.1",
        words: str = _UNKNOWN_USER,
        action: str = "failed",
    ) -> None:
        """Return a delivery status notification about a mail of the product to its sender."""
        to = parseaddr(letter.header("Return-Path"))[1] or letter.sender[1]
        report = delivery_status(
            letter,
            recipient=recipient,
            to=to,
            domain=self.domain,
            status=status,
            words=words,
            action=action,
            now=self._clock().timestamp(),
        )
        await self.receive(report, sender="", recipient=to, verdict="none")

    async def inbox(self, address: str, folder: str = "INBOX") -> list[Letter]:
        """Return the mails in a folder of a product's account."""
        return [Letter(raw) for raw in await self.imap.raw_mails(address, folder)]

    async def _submitted(self, sender: str, recipient: str, raw: bytes) -> None:
        if not re.search(rb"(?im)^date:", raw.partition(b"\r\n\r\n")[0]):
            raw = f"Date: {format_datetime(self._clock())}\r\n".encode() + raw  # submission servers add it
        stamped = f"Return-Path: <{sender}>\r\n".encode() + raw
        if self._files_sent:
            await self._file(sender, raw)
        known = self._customers.get(recipient) or self._customers.get(_without_plus(recipient))
        if known is not None:
            known.take(Letter(stamped))
        elif self._mailbox(recipient) in self._passwords:
            await self.receive(raw, sender=sender, recipient=recipient)
        elif sender:
            await self.bounce(Letter(stamped), recipient)

    async def _file(self, sender: str, raw: bytes) -> None:
        sender = _without_plus(sender)
        sent = await self.imap.raw_mails(sender, "Sent")
        if raw not in sent:  # only once for all its recipients
            await self.imap.store(sender, raw, self._clock(), "Sent")

    def _mailbox(self, recipient: str) -> str:
        plain = _without_plus(recipient)
        return self._aliases.get(plain, plain)

    def _later(self, seconds: float, account: str, raw: bytes, folder: str) -> None:
        async def store() -> None:
            await asyncio.sleep(seconds)
            await self.imap.store(account, raw, self._clock(), folder)

        task = asyncio.create_task(store())
        self._late.add(task)
        task.add_done_callback(self._late.discard)


class Customer:
    """A person with a mail program. `inbox` holds what they received, oldest first."""

    def __init__(self, server: MailServer, address: str, name: str, clock: Clock) -> None:
        self.address = address
        self.name = name
        self.inbox: list[Letter] = []
        self.sent: list[Letter] = []
        self._server = server
        self._clock = clock
        self._arrived = asyncio.Event()

    async def write(
        self,
        subject: str,
        text: str,
        *,
        to: str,
        html: str = "",
        attachments: Sequence[File] = (),
        cc: Sequence[str] = (),
        program: str = "",
        headers: dict[str, str] | None = None,
        verdict: str = "pass",
    ) -> Letter:
        """Write a new mail. `headers` are added, or replace those that are there. Without a `program` it is
        the server's.
        """
        body = Body(text, html) if html else write(text, program or self._server.program)
        return await self._send(subject, body, to, cc, attachments, headers or {}, verdict)

    async def reply(
        self,
        letter: Letter,
        text: str,
        *,
        program: str = "",
        language: str = "en",
        attachments: Sequence[File] = (),
        cc: Sequence[str] = (),
        to: str = "",
        headers: dict[str, str] | None = None,
        verdict: str = "pass",
    ) -> Letter:
        """Press Reply: answer to the Reply-To, quoting as the program does. With `cc` it is Reply All."""
        asked = parseaddr(letter.header("Reply-To"))[1] or letter.sender[1]
        subject = letter.subject if letter.subject[:3].lower() == "re:" else f"Re: {letter.subject}"
        chain = f"{letter.header('References')} {letter.message_id}".split()
        threading = {"In-Reply-To": letter.message_id, "References": " ".join(chain)}
        body = reply(text, quoted(letter), program or self._server.program, language)
        return await self._send(
            subject, body, to or asked, cc, attachments, threading | (headers or {}), verdict
        )

    async def send_raw(self, raw: bytes, *, to: str, verdict: str = "pass") -> None:
        """Send any bytes as a mail from this address."""
        await self._server.receive(raw, sender=self.address, recipient=to, verdict=verdict)

    async def bounce(self, letter: Letter, *, status: str = "5.1.1", words: str = _UNKNOWN_USER) -> None:
        """Return a mail of the product from this customer's server."""
        await self._server.bounce(letter, self.address, status=status, words=words)

    async def received(self, count: int, timeout: float = 120.0) -> list[Letter]:
        """Wait until so many mails are in the inbox. Raise TimeoutError."""
        async with asyncio.timeout(timeout):
            while len(self.inbox) < count:
                self._arrived.clear()
                await self._arrived.wait()
        return list(self.inbox)

    def take(self, letter: Letter) -> None:
        """Put a letter into the inbox."""
        self.inbox.append(letter)
        self._arrived.set()
        if self._server.on_change is not None:
            self._server.on_change(self.address)

    async def _send(
        self,
        subject: str,
        body: Body,
        to: str,
        cc: Sequence[str],
        attachments: Sequence[File],
        headers: dict[str, str],
        verdict: str,
    ) -> Letter:
        mail = EmailMessage(policy=_UNFOLDED)
        mail["From"] = formataddr((self.name, self.address)) if self.name else self.address
        mail["To"] = to
        if cc:
            mail["Cc"] = ", ".join(cc)
        mail["Subject"] = subject
        mail["Date"] = format_datetime(self._clock())
        mail["Message-ID"] = make_msgid(domain=self.address.partition("@")[2])
        mail.set_content(body.text)
        if body.html:
            mail.add_alternative(body.html, subtype="html")
        for file in attachments:
            kind, _, subtype = file.mime_type.partition("/")
            mail.add_attachment(file.content, maintype=kind, subtype=subtype, filename=file.name)
        for name, value in headers.items():
            del mail[name]
            mail[name] = value
        raw = mail.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        await self._server.carry(raw, sender=self.address, verdict=verdict)
        sent = Letter(raw)
        self.sent.append(sent)
        return sent


def _without_plus(address: str) -> str:
    local, _, domain = address.lower().rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"
