"""Call the Graph API with aiohttp. Answers and times are bounded.

A refusal by Meta is told apart from a lost answer, after which nobody knows what was done.

https://developers.facebook.com/docs/graph-api/overview
"""

import hmac
import json
import re
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import IO
from urllib.parse import quote, urlsplit

import aiohttp

from bot.core.errors import OutcomeUnknown, PlatformDown, Refused, SendError
from connectors.beginning import begun
from connectors.payload import Node

API_URL = "https://graph.facebook.com"
VERSION = "v23.0"
_TIMEOUT = aiohttp.ClientTimeout(total=30, connect=10, sock_connect=10)
_UPLOAD = aiohttp.ClientTimeout(total=180, connect=10, sock_connect=10, sock_read=60)
_STREAM = aiohttp.ClientTimeout(total=180, connect=10, sock_connect=10, sock_read=30)
_CONNECTIONS = 64
_MAX_ANSWER = 2 * 1024 * 1024  # bytes; the largest answer is a page of templates
_CHUNK = 64 * 1024
_LONGEST_WAIT = timedelta(days=1)
# Hosts where Meta stores attachments. Nothing else is fetched, and nothing else gets our token.
_HOMES = ("facebook.com", "fbsbx.com", "fbcdn.net", "whatsapp.net", "whatsapp.com")
_NOT_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL)
_BROKEN = (aiohttp.ClientError, TimeoutError, OSError)


class GraphError(Exception):
    """A refusal by the Graph API. It is not a SendError yet: each channel knows what a code means.

    `message` and `details` are Meta's text and may quote what we sent, so they must not be logged.
    `retry_after` is how long Meta says to wait, if it says so.
    """

    def __init__(
        self,
        status: int,
        code: int = 0,
        subcode: int = 0,
        message: str = "",
        fbtrace: str = "",
        *,
        details: str = "",
        transient: bool = False,
        retry_after: timedelta | None = None,
    ) -> None:
        super().__init__(f"HTTP {status}, code {code}, subcode {subcode}, trace {fbtrace}")
        self.status = status
        self.code = code
        self.subcode = subcode
        self.message = message
        self.fbtrace = fbtrace
        self.details = details
        self.transient = transient
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Upload:
    """A file to upload. `field` is its name in the form."""

    chunks: AsyncIterator[bytes]
    mime_type: str
    name: str
    max_bytes: int
    field: str = "file"


class Graph:
    """A client of the Graph API. It connects on first use; `close` ends the connections.

    `repeatable` means that repeating a call does no harm: a lost answer is then PlatformDown. With
    `app_secret` each call proves that the caller knows the secret, which apps can be set to require:
    https://developers.facebook.com/docs/graph-api/guides/secure-requests
    """

    def __init__(
        self, token: str, api_url: str = "", version: str = VERSION, *, app_secret: str = ""
    ) -> None:
        self._token = token
        self._base = (api_url or API_URL).rstrip("/")
        self._version = version
        self._proof = hmac.new(app_secret.encode(), token.encode(), sha256).hexdigest() if app_secret else ""
        # HTTPS_PROXY and similar settings are for the real platform, not for a local stand-in.
        self._by_proxy = not api_url
        self._origin = urlsplit(self._base)
        self._session: aiohttp.ClientSession | None = None
        self._over = False

    async def close(self) -> None:
        """End the connections for good."""
        self._over = True
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def get(self, path: str, **query: str | int) -> Node:
        """Read from a path. Raise GraphError or PlatformDown."""
        return await self._call("GET", path, repeatable=True, query=query)

    async def post(self, path: str, body: Mapping[str, object], *, repeatable: bool = False) -> Node:
        """Post JSON to a path. Raise GraphError, PlatformDown or OutcomeUnknown."""
        return await self._call("POST", path, repeatable=repeatable, body=json.dumps(body).encode())

    async def delete(self, path: str, **query: str | int) -> Node:
        """Delete at a path. Raise GraphError or PlatformDown."""
        return await self._call("DELETE", path, repeatable=True, query=query)

    async def upload(
        self, path: str, fields: Mapping[str, str], file: Upload, *, repeatable: bool = True
    ) -> Node:
        """Send a form with a file in it.

        By default it may be repeated: nobody sees a file that was only uploaded.

        Raise Refused if the file is empty or too large, GraphError, PlatformDown, and what reading the file
        raises.
        """
        # Spool on disk first: the request then has a length, and a file that breaks off is never sent.
        with tempfile.TemporaryFile() as spool:
            await _copy(file, spool)
            form = aiohttp.FormData(quote_fields=False)
            for name, value in fields.items():
                form.add_field(name, value)
            form.add_field(file.field, spool, filename=_file_name(file.name), content_type=file.mime_type)
            return await self._call("POST", path, repeatable=repeatable, body=form, timeout=_UPLOAD)

    async def stream(
        self, url: str, *, max_bytes: int, with_token: bool = True
    ) -> AsyncGenerator[bytes, None]:
        """Stream a file that Meta stores, in pieces.

        Raise Refused if it is not at Meta, gone or larger than `max_bytes`. Raise GraphError or PlatformDown.
        """
        if not self.is_meta(url):
            raise Refused("file_elsewhere: the file is not kept by Meta")
        headers = {"Authorization": f"Bearer {self._token}"} if with_token else {}
        try:
            # No redirects: they could lead anywhere, with our token.
            async with self._open().get(
                url, headers=headers, timeout=_STREAM, allow_redirects=False
            ) as answer:
                if answer.status != 200:
                    raise await _failure(answer, repeatable=True)
                size = 0
                async for piece in answer.content.iter_chunked(_CHUNK):
                    size += len(piece)
                    if size > max_bytes:
                        raise Refused(f"file_too_large: more than {_megabytes(max_bytes)} are not fetched")
                    yield piece
        except _BROKEN as error:
            raise _no_answer(error, repeatable=True) from None

    def is_meta(self, url: str) -> bool:
        """Return True if a URL is the platform's own, so that it may be fetched and may get our token."""
        try:
            target = urlsplit(url)
            own = (target.scheme, target.hostname, target.port)
        except ValueError:
            return False
        if own == (self._origin.scheme, self._origin.hostname, self._origin.port):
            return True
        host = target.hostname or ""
        usual = target.scheme == "https" and target.port in (None, 443)
        return usual and any(host == home or host.endswith(f".{home}") for home in _HOMES)

    async def _call(
        self,
        method: str,
        path: str,
        *,
        repeatable: bool,
        query: Mapping[str, str | int] | None = None,
        body: bytes | aiohttp.FormData | None = None,
        timeout: aiohttp.ClientTimeout = _TIMEOUT,
    ) -> Node:
        headers = {"Authorization": f"Bearer {self._token}"}
        if isinstance(body, bytes):
            headers["Content-Type"] = "application/json"
        proof = {"appsecret_proof": self._proof} if self._proof else {}
        url = f"{self._base}/{self._version}/{quote(path.lstrip('/'), safe='/')}"
        try:
            async with self._open().request(
                method,
                url,
                params={**(query or {}), **proof},
                data=body,
                headers=headers,
                timeout=timeout,
                allow_redirects=False,
            ) as answer:
                if not 200 <= answer.status < 300:
                    raise await _failure(answer, repeatable=repeatable)
                read, told = await _object(answer), answer.headers
        except _BROKEN as error:
            # No cause: an aiohttp error may show the URL, which contains the proof.
            raise _no_answer(error, repeatable=repeatable) from None
        if read is None:
            raise _lost("unreadable_answer", repeatable=repeatable)
        if "error" in read:  # a partial failure may come with a 200
            raise _graph_error(200, read, told)
        return read

    def _open(self) -> aiohttp.ClientSession:
        """Return the session. Raise PlatformDown after `close`: nobody would close a new one."""
        if self._over:
            raise PlatformDown("closed")
        if self._session is None:
            self._session = aiohttp.ClientSession(
                # We end idle connections before the server ends them during a request.
                connector=aiohttp.TCPConnector(limit=_CONNECTIONS, keepalive_timeout=15.0),
                cookie_jar=aiohttp.DummyCookieJar(),
                trace_configs=begun(),
                trust_env=self._by_proxy,
            )
        return self._session


async def _copy(file: Upload, spool: IO[bytes]) -> None:
    size = 0
    async for piece in file.chunks:
        size += len(piece)
        if size > file.max_bytes:
            raise Refused(f"file_too_large: more than {_megabytes(file.max_bytes)} are not taken")
        spool.write(piece)
    if not size:
        raise Refused("file_empty: the file has no content")
    spool.seek(0)


def _megabytes(size: int) -> str:
    return f"{size / 1024 / 1024:.3g} MB"


def _file_name(name: str) -> str:
    return re.sub(r'[\x00-\x1f\x7f"\\/]', "_", name)[:200] or "file"


async def _object(answer: aiohttp.ClientResponse) -> Node | None:
    """Return the JSON object of an answer, or None if it is not one or is too large."""
    body = bytearray()
    async for piece in answer.content.iter_chunked(_CHUNK):
        body += piece
        if len(body) > _MAX_ANSWER:
            return None
    try:
        value: object = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return Node(value) if isinstance(value, dict) else None


async def _failure(answer: aiohttp.ClientResponse, *, repeatable: bool) -> GraphError | SendError:
    read = await _object(answer)
    if read is not None and "error" in read:
        return _graph_error(answer.status, read, answer.headers)
    if answer.status == 504:  # a gateway gave up waiting; the server behind it may have done it
        return _lost("http_504", repeatable=repeatable)
    if answer.status >= 500:
        return PlatformDown(f"http_{answer.status}: Meta's servers are in trouble")
    return GraphError(answer.status, retry_after=_wait(answer.headers))


def _graph_error(status: int, answer: Node, headers: Mapping[str, str]) -> GraphError:
    """Return the error that an answer describes.

    https://developers.facebook.com/docs/graph-api/guides/error-handling
    """
    error = answer.node("error")
    return GraphError(
        status,
        error.whole("code") or 0,
        error.whole("error_subcode") or 0,
        error.text("message"),
        error.text("fbtrace_id"),
        details=error.node("error_data").text("details") or error.text("error_user_msg"),
        transient=error.flag("is_transient"),
        retry_after=_wait(headers),
    )


def _wait(headers: Mapping[str, str]) -> timedelta | None:
    """Return how long Meta says to wait: Retry-After in seconds, or the usage of a business case in minutes.

    Return None if Meta does not say it. https://developers.facebook.com/docs/graph-api/overview/rate-limiting
    """
    seconds = headers.get("Retry-After", "")
    if seconds.isascii() and seconds.isdigit() and len(seconds) <= 9:
        return min(timedelta(seconds=int(seconds)), _LONGEST_WAIT)
    try:
        usage: object = json.loads(headers.get("X-Business-Use-Case-Usage", ""))
    except (ValueError, RecursionError):
        return None
    # There is one list of uses for each business. Node returns None for what is no number.
    uses = [use for key, _ in Node(usage).items() for use in Node(usage).nodes(key)]
    minutes = max((use.whole("estimated_time_to_regain_access") or 0 for use in uses), default=0)
    return min(timedelta(minutes=min(minutes, 10_000)), _LONGEST_WAIT) if minutes > 0 else None


def _no_answer(error: BaseException, *, repeatable: bool) -> SendError:
    name = type(error).__name__
    if isinstance(error, _NOT_SENT):
        return PlatformDown(f"not_connected: {name}")
    return _lost(f"no_answer: {name}", repeatable=repeatable)


def _lost(reason: str, *, repeatable: bool) -> SendError:
    return PlatformDown(reason) if repeatable else OutcomeUnknown(reason)
