"""The mailboxes of the stand-in, served by pymap: a real IMAP4rev1 server with IDLE, UIDPLUS and XOAUTH2."""

import asyncio
import re
import secrets
import ssl
from argparse import Namespace
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from proxyprotocol.reader import ProxyProtocolReader
from proxyprotocol.sock import SocketInfo
from proxyprotocol.version import ProxyProtocolVersion
from pymap.backend.dict import Config, Identity, Login
from pymap.backend.dict.filter import FilterSet
from pymap.backend.dict.mailbox import MailboxData, MailboxSet
from pymap.concurrent import Event
from pymap.exceptions import InvalidAuth
from pymap.imap import IMAPServer
from pymap.parsing.message import AppendMessage
from pymap.parsing.specials import ObjectId
from pymap.selected import SelectedMailbox
from pymap.user import UserMetadata
from pysasl import SASLAuth
from pysasl.creds.external import ExternalCredentials
from pysasl.creds.server import ServerCredentials
from pysasl.hashing import Cleartext

from connectors.sandbox.snapshots import Bytes

_KEPT = 50  # mails of a mailbox that outlive the process
_MECHANISMS = (b"PLAIN", b"LOGIN", b"XOAUTH2")


@dataclass(frozen=True, slots=True)
class KeptMail:
    uid: int
    at: datetime
    raw: Bytes


@dataclass(frozen=True, slots=True)
class KeptFolder:
    """The newest mails of a folder."""

    validity: int
    mails: list[KeptMail]


class _Config(Config):
    """pymap's in-memory backend, which also accepts access tokens, and may be without IDLE."""

    def __init__(self, tls: ssl.SSLContext | None, idle: bool) -> None:
        settings = Namespace(passlib_cfg=None, proxy_protocol=None, inherited_sockets=None)
        super().__init__(
            settings,
            demo_data=False,
            demo_user="",
            demo_password="",
            host="127.0.0.1",
            port=0,
            ssl_context=tls,
            tls_enabled=tls is not None,
            reject_dnsbl=False,
            invalid_user_sleep=0.0,
            hash_context=Cleartext(),
        )
        self._idle = idle

    @property
    def tls_auth(self) -> SASLAuth:
        return SASLAuth.named(_MECHANISMS)

    @property
    def login_capability(self) -> list[bytes]:
        return [each for each in super().login_capability if self._idle or each != b"IDLE"]


class _Login(Login):
    def __init__(self, config: Config, tokens: Collection[str]) -> None:
        super().__init__(config)
        self._access_tokens = tokens

    async def authenticate(self, credentials: ServerCredentials) -> Identity:
        if not isinstance(credentials, ExternalCredentials):
            return await super().authenticate(credentials)
        if credentials._token not in self._access_tokens:
            raise InvalidAuth
        return Identity(credentials.authzid, self, None, frozenset())


class _Mailbox(MailboxData):
    """pymap's folder, changed: pymap does not report a mail that came just before a client began to IDLE."""

    async def update_selected(
        self, selected: SelectedMailbox, *, wait_on: Event | None = None
    ) -> SelectedMailbox:
        there_is_news = selected.mod_sequence != self._mod_sequences.highest
        return await super().update_selected(selected, wait_on=None if there_is_news else wait_on)


class _Mailboxes(MailboxSet):
    def __init__(self) -> None:
        super().__init__()
        self._inbox = _Mailbox(self._content_cache, self._thread_cache)

    async def add_mailbox(self, name: str) -> ObjectId:
        await super().add_mailbox(name)
        made = self._set[name] = _Mailbox(self._content_cache, self._thread_cache)
        return made.mailbox_id


class ImapServer:
    """The IMAP server. It reads `tokens` at each XOAUTH2 login. With a TLS context, TLS starts by STARTTLS.

    `answers` makes the server misbehave. It gives answers by a pattern of the command: lines in which TAG is
    the tag of the command; None for no answer; "" to hang up. It does not work behind STARTTLS.
    """

    def __init__(
        self, *, tokens: Collection[str], tls: ssl.SSLContext | None = None, idle: bool = True
    ) -> None:
        self.port = 0
        self._tls = tls
        self._config = _Config(tls, idle)
        self._login = _Login(self._config, tokens)
        self._server: asyncio.Server | None = None
        self._connections: dict[asyncio.StreamWriter, asyncio.Task[Any] | None] = {}
        self.refusing = False
        self.answers: dict[str, str | None] = {}

    async def start(self, port: int) -> None:
        self._config.apply_context()
        reader = ProxyProtocolReader(ProxyProtocolVersion.get(None))
        serve = reader.get_callback(self._serve)
        self._server = await asyncio.start_server(serve, "127.0.0.1", port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        await self.drop()

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, info: SocketInfo
    ) -> None:
        if self.refusing:
            writer.close()
            return
        self._connections[writer] = asyncio.current_task()
        try:
            heard = reader if self._tls else asyncio.StreamReader()
            async with asyncio.TaskGroup() as tasks:
                listening = tasks.create_task(self._listen(reader, heard, writer))
                await IMAPServer(self._login, self._config)(heard, writer, info)
                listening.cancel()
        except* (ConnectionError, EOFError, ssl.SSLError):
            pass  # the other side closed
        finally:
            del self._connections[writer]
            writer.close()

    async def _listen(
        self, reader: asyncio.StreamReader, heard: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Pass on what a client says to the server, except commands that `answers` covers."""
        if heard is reader:
            return
        while True:
            try:
                line = await reader.readuntil(b"\n")
            except asyncio.LimitOverrunError as literal:
                heard.feed_data(await reader.read(literal.consumed))
                continue
            except asyncio.IncompleteReadError as last:
                heard.feed_data(last.partial)
                break
            pattern = next((each for each in self.answers if re.search(each, line.decode())), None)
            if pattern is None:
                heard.feed_data(line)
                continue
            answer = self.answers[pattern]
            if answer == "":
                writer.transport.abort()
            elif answer is not None:
                tag = line.split()[0].decode()
                writer.write(answer.replace("TAG", tag).encode() + b"\r\n")
        heard.feed_eof()

    async def drop(self) -> None:
        """End every connection, as a restart of the server does."""
        tasks = [task for task in self._connections.values() if task is not None]
        for writer in list(self._connections):
            writer.transport.abort()
        if tasks:
            _, waiting = await asyncio.wait(tasks, timeout=0.5)
            for task in waiting:  # after STARTTLS, a reader does not learn that its connection is gone
                task.cancel()
            if waiting:
                await asyncio.wait(waiting)

    @property
    def connections(self) -> int:
        return len(self._connections)

    async def add_user(self, address: str, password: str, folders: Collection[str] = ()) -> None:
        self.set_password(address, password)
        self._config.set_cache.setdefault(address, (_Mailboxes(), FilterSet()))
        async with Identity(address, self._login, None, frozenset()).new_session() as session:
            for folder in folders:
                await session.mailbox_set.add_mailbox(folder)

    def set_password(self, address: str, password: str) -> None:
        self._login.users_dict[address] = UserMetadata(self._config, address, password=password)

    async def folder(self, address: str, name: str = "INBOX") -> MailboxData:
        async with Identity(address, self._login, None, frozenset()).new_session() as session:
            return await session.mailbox_set.get_mailbox(name)

    async def store(self, address: str, raw: bytes, when: datetime, folder: str = "INBOX") -> int:
        """Store a mail, as the local delivery agent does. Return its UID."""
        box = await self.folder(address, folder)
        message = await box.append(AppendMessage(raw, when, frozenset()), recent=True)
        return message.uid

    def kept(self, address: str) -> KeptFolder | None:
        """Return the newest mails of a user's INBOX, or None if there is no such user."""
        known = self._config.set_cache.get(address)
        if known is None:
            return None
        box = known[0]._inbox
        mails = [
            KeptMail(message.uid, message.internal_date, bytes(message._content))
            for message in list(box._messages.values())[-_KEPT:]
            if message._content is not None
        ]
        return KeptFolder(box._uid_validity, mails)

    async def restore(self, address: str, saved: KeptFolder, now: datetime) -> None:
        """Fill an empty INBOX with what `kept` returned.

        Mails that come later get UIDs that were never used, also if `saved` is older than what the product
        read.
        """
        box = await self.folder(address)
        box._uid_validity = saved.validity
        for mail in saved.mails:
            box._max_uid = mail.uid - 1
            await box.append(AppendMessage(mail.raw, mail.at, frozenset()), recent=False)
        box._max_uid = max(box._max_uid, int(now.timestamp()))

    async def raw_mails(self, address: str, folder: str = "INBOX") -> list[bytes]:
        box = await self.folder(address, folder)
        return [bytes(each._content) async for each in box.messages() if each._content is not None]

    async def renumber(self, address: str, folder: str = "INBOX", *, says_so: bool = True) -> None:
        """Give the mails of a folder new UIDs, as a rebuilt server does. Drop all connections.

        With `says_so`, the folder gets a new UIDVALIDITY. Otherwise the UIDs are lower than they were.
        """
        box = await self.folder(address, folder)
        await self.drop()
        mails = [message async for message in box.messages()]
        if says_so:
            box._uid_validity += secrets.randbelow(1000) + 1
        box._messages.clear()
        box._mod_sequences = type(box._mod_sequences)()
        box._max_uid = 0
        for message in mails:
            content = message._content
            if content is not None:
                kept = AppendMessage(bytes(content), message.internal_date, frozenset())
                await box.append(kept, recent=False)
