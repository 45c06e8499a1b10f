"""One connection to a mailbox: aioimaplib, and what that library lacks.

The library does not tell waiting commands that the connection is lost. It hangs for ever when a server greets
and then falls silent. It has no STARTTLS, and cannot answer the challenge that follows a refused XOAUTH2.
https://www.rfc-editor.org/rfc/rfc3501
"""

import asyncio
import logging
import re
import ssl
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, TypeVar

from aioimaplib.aioimaplib import (  # type: ignore[import-untyped]
    AUTH,
    IMAP4,
    NONAUTH,
    AioImapException,
    Command,
    IMAP4ClientProtocol,
    Response,
)

from bot.core.errors import AccountSuspended, PlatformDown, Refused
from connectors.email.oauth import AccessTokens
from connectors.email.settings import EmailSettings, Server

_TIMEOUT = 30.0
_BYE = 3.0
_SIZE = re.compile(rb"\bRFC822\.SIZE (\d+)")
_UID = re.compile(rb"\bUID (\d+)")
_DATE = re.compile(rb'\bINTERNALDATE "([^"]+)"')
# https://www.rfc-editor.org/rfc/rfc5530#section-3, and the text of Gmail
_NOT_NOW = re.compile(
    rb"^\[(?:UNAVAILABLE|INUSE|LIMIT|SERVERBUG|THROTTLED)\b|too many (?:simultaneous )?conn", re.I
)
_STATE = re.compile(rb"\[(UIDVALIDITY|UIDNEXT) (\d+)\]")

logging.getLogger("aioimaplib").setLevel(logging.ERROR)  # its other lines contain what people write

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Selected:
    validity: int
    next: int  # the UID that the next mail will have; 0 where the server does not say


@dataclass(frozen=True, slots=True)
class Outline:
    uid: int
    size: int
    arrived: datetime | None


class Withheld(PlatformDown):
    """The server answers, but does not give what was asked about these mails."""


class _Protocol(IMAP4ClientProtocol):  # type: ignore[misc]
    answer = b""
    news = False  # the server has reported a new mail, in the answer to any command
    transport: Any

    async def welcome(self, greeting: bytes) -> None:
        """Note the server's greeting, without asking for its capabilities as the library does.

        The library asks while it holds the lock that other commands need to give up waiting.
        """
        if b"OK" not in greeting:
            self.transport.abort()  # BYE, or another protocol
            return
        async with self.state_condition:
            self.state = NONAUTH
            self.state_condition.notify_all()

    def _untagged_response(self, line: bytes) -> Any:
        self.news = self.news or line.rstrip().upper().endswith(b" EXISTS")
        return super()._untagged_response(line)

    def _continuation(self, line: bytes) -> None:
        if self.pending_sync_command is not None and self.pending_sync_command.name == "AUTHENTICATE":
            # First send the token. A second challenge is the reason of a refusal, and requires an empty line.
            answer, self.answer = self.answer, b""
            self.transport.write(answer + b"\r\n")
        else:
            super()._continuation(line)

    async def xoauth2_in_turn(self, user: str, token: str, timeout: float) -> Response:
        self.answer = b64encode(f"user={user}\1auth=Bearer {token}\1\1".encode())
        made = Command("AUTHENTICATE", self.new_tag(), "XOAUTH2", loop=self.loop, timeout=timeout)
        response = await self.execute(made)
        if response.result == "OK":
            self.state = AUTH
        return response

    async def starttls(self, context: ssl.SSLContext, host: str, timeout: float) -> bool:
        made = Command("STARTTLS", self.new_tag(), loop=self.loop, timeout=timeout)
        response = await self.execute(made)
        if response.result != "OK":
            return False
        self.incomplete_line = b""  # text that came unencrypted after the answer could be forged
        self.transport = await self.loop.start_tls(self.transport, self, context, server_hostname=host)
        await self.capability()
        return True


class _Client(IMAP4):  # type: ignore[misc]
    def create_client(
        self,
        host: str,
        port: int,
        loop: object,  # noqa: ARG002
        conn_lost_cb: object,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        running = asyncio.get_running_loop()
        self.protocol = _Protocol(running, conn_lost_cb)
        self._client_task = running.create_task(
            running.create_connection(lambda: self.protocol, host, port, ssl=ssl_context)
        )


class ImapSession:
    """A logged-in connection. Every method raises PlatformDown when the connection or the server fails."""

    def __init__(self, client: _Client, lost: asyncio.Future[None]) -> None:
        self._client = client
        self._lost = lost
        self._patience: float = client.timeout

    @property
    def idles(self) -> bool:
        return bool(self._client.has_capability("IDLE"))

    async def select(self, folder: str) -> Selected:
        """Open a folder. Return its UIDVALIDITY and UIDNEXT. Raise Refused if there is no such folder."""
        answer = await self._do(self._client.select(quoted(packed(folder))))
        if answer.result != "OK":
            raise Refused(f"the mailbox has no folder {folder!r}")
        facts = dict(_STATE.findall(b"\n".join(bytes(line) for line in answer.lines)))
        if b"UIDVALIDITY" not in facts:
            raise PlatformDown("the server names no UIDVALIDITY")
        return Selected(int(facts[b"UIDVALIDITY"]), int(facts.get(b"UIDNEXT", 0)))

    async def uids_after(self, last: int) -> list[int]:
        """Return the UIDs of the mails that came after the UID `last`.

        When it returns none, an IDLE that follows reports every mail that comes from now on.
        """
        while True:
            self._client.protocol.news = False
            # "n:*" always holds the newest mail, even where its UID is smaller than n.
            found = [uid for uid in await self._search(f"UID {last + 1}:*") if uid > last]
            # The server reports a mail that came during the search with the answer, and never again.
            if found or not self._client.protocol.news:
                return found

    async def uids_since(self, day: date) -> list[int]:
        return await self._search(f"SINCE {day.day}-{_MONTHS[day.month - 1]}-{day.year}")

    async def uids_named(self, message_id: str) -> list[int]:
        return await self._search(f"HEADER Message-ID {quoted(message_id)}")

    async def outlines(self, uids: Sequence[int]) -> list[Outline]:
        """Return the outlines of those mails that are still there, ordered by UID. Raise Withheld.

        Ask for some dozens at a time.
        """
        wanted = ",".join(str(uid) for uid in uids)
        answer = await self._do(self._client.uid("fetch", wanted, "(UID RFC822.SIZE INTERNALDATE)"))
        if answer.result != "OK":
            raise Withheld(f"IMAP {answer.result}: the server does not tell of a mail")
        found = {}
        for line in answer.lines:
            uid, size = _UID.search(line), _SIZE.search(line)
            if uid and size:
                found[int(uid[1])] = Outline(int(uid[1]), int(size[1]), _arrival(line))
        return [found[uid] for uid in sorted(found) if uid in set(uids)]

    async def fetch(self, uid: int) -> bytes | None:
        """Return the whole mail, or None if it is gone. The mail stays unread. Raise Withheld."""
        return await self._literal(uid, "(UID BODY.PEEK[])")

    async def fetch_beginning(self, uid: int, limit: int) -> bytes | None:
        return await self._literal(uid, f"(UID BODY.PEEK[]<0.{limit}>)")

    async def headers(self, uids: Sequence[int], limit: int) -> list[bytes]:
        """Return the first `limit` bytes of each mail's headers. Ask for some dozens at a time."""
        wanted = ",".join(str(uid) for uid in uids)
        answer = await self._good(self._client.uid("fetch", wanted, f"(UID BODY.PEEK[HEADER]<0.{limit}>)"))
        return [bytes(line) for line in answer.lines if isinstance(line, bytearray)]

    async def wait(self, seconds: float) -> None:
        """Wait until the server reports something, for at most `seconds`. The server must support IDLE."""
        # The library waits for ever for a server that does not answer the IDLE command.
        begun = asyncio.wait_for(self._client.idle_start(seconds + 60), self._patience)
        idle = await self._do(begun)
        try:
            await self._do(_at_most(self._client.protocol.idle_queue.get(), seconds))
            self._client.idle_done()
            await self._do(asyncio.wait_for(asyncio.shield(idle), self._patience))
        finally:
            idle.cancel()
            if self._client._idle_waiter is not None:
                self._client._idle_waiter.cancel()

    async def noop(self) -> None:
        await self._good(self._client.noop())

    async def _search(self, criteria: str) -> list[int]:
        answer = await self._good(self._client.uid_search(criteria, charset=None))
        first = answer.lines[0].split() if len(answer.lines) > 1 else []
        return sorted(int(each) for each in first if each.isdigit())

    async def _literal(self, uid: int, what: str) -> bytes | None:
        answer = await self._do(self._client.uid("fetch", str(uid), what))
        if answer.result != "OK":
            raise Withheld(f"IMAP {answer.result}: the server does not give a mail")
        for before, line in zip(answer.lines, answer.lines[1:], strict=False):
            # A literal is a bytearray. Unsolicited answers about other mails have none.
            if isinstance(line, bytearray) and (found := _UID.search(before)) and int(found[1]) == uid:
                return bytes(line)
        literals = [line for line in answer.lines if isinstance(line, bytearray)]
        if len(literals) == 1:
            return bytes(literals[0])
        if any(
            (found := _UID.search(line)) and int(found[1]) == uid and b" BODY[" in line
            for line in answer.lines
        ):
            raise Withheld("the server gives a mail without what is in it")
        return None

    async def _good(self, call: Coroutine[Any, Any, Response]) -> Response:
        answer = await self._do(call)
        if answer.result != "OK":
            raise PlatformDown(f"IMAP {answer.result}: the server did not do what it was asked")
        return answer

    async def _do(self, call: Awaitable[_T]) -> _T:
        return await until_lost(call, self._lost)


async def until_lost(call: Awaitable[_T], lost: asyncio.Future[None]) -> _T:
    """Return the result of the call. Raise PlatformDown if the connection ends first."""
    task: asyncio.Future[_T] = asyncio.ensure_future(call)
    try:
        await asyncio.wait([task, lost], return_when=asyncio.FIRST_COMPLETED)  # type: ignore[type-var]
        if not task.done():
            raise PlatformDown("the connection to the mailbox was lost")
        return task.result()
    except (AioImapException, OSError, ValueError, IndexError) as error:  # TimeoutError is an OSError
        raise PlatformDown(f"{type(error).__name__}: the mailbox did not answer as it should") from error
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait([task])


async def _at_most(call: Coroutine[Any, Any, object], seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(call, seconds)


@asynccontextmanager
async def opened(
    settings: EmailSettings, tokens: AccessTokens | None, *, patience: float = _TIMEOUT
) -> AsyncIterator[ImapSession]:
    """Connect and log in. Log out at the end. Raise PlatformDown or AccountSuspended.

    `patience` is the seconds to wait for each answer; while a mail is fetched, for each piece of it.
    """
    server = settings.imap
    if server is None:
        raise Refused("this account has no mailbox to read")
    lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def gone(_: Exception | None) -> None:
        if not lost.done():
            lost.set_result(None)

    context = settings.tls if server.security == "tls" else None
    client = _Client(server.host, server.port, timeout=patience, conn_lost_cb=gone, ssl_context=context)
    try:
        await _enter(client, lost, settings, tokens, server)
        yield ImapSession(client, lost)
    finally:
        await _leave(client, lost)


async def _enter(
    client: _Client,
    lost: asyncio.Future[None],
    settings: EmailSettings,
    tokens: AccessTokens | None,
    server: Server,
) -> None:
    try:
        await until_lost(client.wait_hello_from_server(), lost)
    except PlatformDown as error:
        raise PlatformDown(f"no connection to {server}") from error
    if server.security == "starttls":
        secured = await until_lost(client.protocol.starttls(settings.tls, server.host, client.timeout), lost)
        if not secured:
            raise AccountSuspended(f"{server} offers no STARTTLS; set `security` to what it does")
    answer = await _login(client, lost, settings, tokens)
    if answer.result != "OK":
        if _NOT_NOW.search(b" ".join(bytes(line) for line in answer.lines[-1:])):
            raise PlatformDown(f"IMAP {answer.result}: {server} lets nobody in just now")
        raise AccountSuspended(f"{server} does not accept the user name and password of this mailbox")
    await until_lost(asyncio.wait_for(client.protocol.capability(), client.timeout), lost)


async def _login(
    client: _Client, lost: asyncio.Future[None], settings: EmailSettings, tokens: AccessTokens | None
) -> Response:
    if tokens is None:
        return await until_lost(client.login(quoted(settings.username), settings.password), lost)
    for _ in range(2):  # the first token may have been revoked early
        token = await tokens.token()
        login = client.protocol.xoauth2_in_turn(settings.username, token, client.timeout)
        answer = await until_lost(login, lost)
        if answer.result == "OK":
            break
        tokens.forget(token)
    return answer


async def _leave(client: _Client, lost: asyncio.Future[None]) -> None:
    client._client_task.cancel()
    await asyncio.wait([client._client_task])
    if not client._client_task.cancelled():
        client._client_task.exception()  # read it; whoever waits for the greeting reports it
    transport = client.protocol.transport
    if transport is None:
        return
    if not lost.done() and not client.has_pending_idle():
        with suppress(PlatformDown, TimeoutError):  # logging out may fail: the work is done
            async with asyncio.timeout(_BYE):
                await until_lost(client.logout(), lost)
    transport.abort()
    for task in client.tasks:
        task.cancel()


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def packed(folder: str) -> str:
    """Encode a folder's name in modified UTF-7 (RFC 3501 section 5.1.3)."""
    pieces = []
    for run in re.findall(r"[\x20-\x7e]+|[^\x20-\x7e]+", folder):
        if run.isascii() and run.isprintable():
            pieces.append(run.replace("&", "&-"))
        else:
            base64 = b64encode(run.encode("utf-16-be")).decode().rstrip("=").replace("/", ",")
            pieces.append(f"&{base64}-")
    return "".join(pieces)


def _arrival(line: bytes) -> datetime | None:
    found = _DATE.search(line)
    if found is None:
        return None
    try:
        # Not strptime's %b: the months are English whatever the locale.
        day, month, rest = found[1].decode("ascii").strip().split("-", 2)
        year, clock, zone = rest.split()
        number = _MONTHS.index(month.title()) + 1
        return datetime.strptime(f"{year}-{number}-{day} {clock} {zone}", "%Y-%m-%d %H:%M:%S %z").astimezone(
            UTC
        )
    except ValueError:
        return None
