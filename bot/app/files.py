"""The file store as connectors and browsers use it: streams, and links that expire."""

import base64
import hmac
import re
import shlex
import shutil
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import quote
from uuid import UUID

import structlog
from aiohttp import web

from bot.app.settings import Settings
from bot.bus.naming import UNKNOWN
from bot.bus.scanning import Scan, by_clamd, by_command
from bot.core.errors import DeskError, PlatformDown, Refused, SettingsError, StorageUnavailable
from bot.core.ids import Clock, OrgId
from storage.files import Files, StoredFile
from storage.filestore import FileStore

log = structlog.get_logger(__name__)

LINK_LIVES = timedelta(days=7)
_SIGNED = 16  # bytes
_TOKEN = re.compile(r"[A-Za-z0-9_-]{75}", re.ASCII)  # 16 + 16 + 8 + 16 bytes
# Not image/svg+xml, which can run scripts, and not PDF, which browsers do not show in a sandbox.
_SHOWN = ("image/png", "image/jpeg", "image/gif", "image/webp", "audio/", "video/", "text/plain")
_ACTIVE = re.compile(r"html|svg|[/+]xml|script|shockwave", re.IGNORECASE)
_TYPE = re.compile(r"[a-z0-9][\w.+-]{0,100}/[a-z0-9][\w.+-]{0,100}", re.ASCII | re.IGNORECASE)


class FileService:
    """The files of all organizations, and links to them."""

    def __init__(self, files: Files, store: FileStore, *, public_url: str, key: bytes, clock: Clock) -> None:
        self._files = files
        self._store = store
        self._public_url = public_url.rstrip("/")
        self._key = hmac.digest(key, b"agents-market file links", "sha256")
        self._clock = clock

    def of(self, organization: OrgId) -> "OrganizationFiles":
        """Return the files of one organization for its connectors. They see no files of another one."""
        return OrganizationFiles(self, organization)

    async def open(self, organization: OrgId, file: str) -> AsyncGenerator[bytes, None]:
        """Stream a file.

        Raises Refused when it is gone, PlatformDown when the store or the database is away.
        """
        try:
            kept = await self._files.find(organization, UUID(file))
        except ValueError:
            raise Refused("file_unknown: not the id of a file") from None
        except StorageUnavailable as error:
            raise PlatformDown(error.code) from None
        async with aclosing(self._store.open(kept.id, kept.sealer)) as content:
            async for chunk in content:
                yield chunk

    def link(self, organization: OrgId, file: str) -> str:
        """Return a link to a file, which works for anybody for LINK_LIVES; "" without a public URL.

        The link contains its end, and a signature over everything in it.
        """
        if not self._public_url or not file:
            return ""
        ends = int((self._clock() + LINK_LIVES).timestamp())
        return f"{self._public_url}/files/{self._token(organization, UUID(file), ends)}"

    def _token(self, organization: OrgId, file: UUID, ends: int) -> str:
        body = organization.bytes + file.bytes + ends.to_bytes(8, "big")
        return base64.urlsafe_b64encode(body + self._signature(body)).decode().rstrip("=")

    def _signature(self, body: bytes) -> bytes:
        return hmac.digest(self._key, body, "sha256")[:_SIGNED]

    def meant(self, token: str) -> tuple[OrgId, UUID] | None:
        """Return the organization and the file of a link, or None if it is not ours or has expired."""
        if not _TOKEN.fullmatch(token):
            return None
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        body, signature = raw[:-_SIGNED], raw[-_SIGNED:]
        if not hmac.compare_digest(signature, self._signature(body)):
            return None
        if int.from_bytes(body[32:], "big") < self._clock().timestamp():
            return None
        return OrgId(UUID(bytes=body[:16])), UUID(bytes=body[16:32])

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Serve GET /files/{token}. What is shown has no access to any page of ours."""
        meant = self.meant(request.match_info["token"])
        if meant is None:
            return _absent("link.expired", 404)
        try:
            kept = await self._files.find(*meant)
            async with aclosing(self._store.open(kept.id, kept.sealer)) as content:
                first = await anext(content, b"")  # before the answer begins: a missing file gets a status
                return await _answer(request, kept, first, content)
        except Refused:
            return _absent("file.gone", 404)
        except (PlatformDown, StorageUnavailable) as error:
            return _absent(error.code, 503)


@dataclass(frozen=True, slots=True)
class OrganizationFiles:
    """The `bot.core.connector.Files` of one organization."""

    file_service: FileService
    organization: OrgId

    def open(self, file: str) -> AsyncIterator[bytes]:
        return self.file_service.open(self.organization, file)

    def link(self, file: str) -> str:
        return self.file_service.link(self.organization, file)


async def _answer(
    request: web.Request, kept: StoredFile, first: bytes, rest: AsyncIterator[bytes]
) -> web.StreamResponse:
    headers = headers_of(kept)
    wanted = _wanted(request, kept.size)
    if wanted is not None and not wanted:
        return web.Response(status=416, headers={"Content-Range": f"bytes */{kept.size}"})
    if wanted is not None:
        headers["Content-Length"] = str(len(wanted))
        headers["Content-Range"] = f"bytes {wanted.start}-{wanted.stop - 1}/{kept.size}"
    response = web.StreamResponse(status=200 if wanted is None else 206, headers=headers)
    await response.prepare(request)
    if request.method == "HEAD":
        return response
    try:
        async for chunk in _cut(first, rest, range(kept.size) if wanted is None else wanted):
            await response.write(chunk)
        await response.write_eof()
    except (
        DeskError
    ) as error:  # a part is sent already: only an aborted connection shows that more is missing
        log.warning("file cut off", file=str(kept.id), code=error.code)
        if request.transport is not None:
            request.transport.abort()
    return response


def _wanted(request: web.Request, size: int) -> range | None:
    """Return the range of bytes that is asked for. Some browsers play sound and video only in ranges.

    None means the whole file, also if the range cannot be read. An empty range means that there is no such
    part.
    """
    try:
        asked = request.http_range
    except ValueError:
        return None
    if (asked.start, asked.stop) == (None, None) or "If-Range" in request.headers:
        return None
    return range(*asked.indices(size))


async def _cut(first: bytes, rest: AsyncIterator[bytes], wanted: range) -> AsyncIterator[bytes]:
    """Yield the wanted part.

    What comes before it is read too, as encrypted frames can only be opened in order.
    """
    at = 0
    chunk = first
    while chunk and at < wanted.stop:
        if piece := chunk[max(0, wanted.start - at) : wanted.stop - at]:
            yield piece
        at += len(chunk)
        chunk = await anext(rest, b"") if at < wanted.stop else b""


def headers_of(kept: StoredFile) -> dict[str, str]:
    """Return the response headers of a file.

    Pictures, sound and plain text are shown; everything else is saved. What could be a web page gets no type.
    """
    manner = "inline" if kept.mime_type.startswith(_SHOWN) else "attachment"
    kind = (
        UNKNOWN if _ACTIVE.search(kept.mime_type) or not _TYPE.fullmatch(kept.mime_type) else kept.mime_type
    )
    return {
        "Content-Type": "text/plain; charset=utf-8" if kind == "text/plain" else kind,
        "Content-Length": str(kept.size),
        "Content-Disposition": f"{manner}; filename*=UTF-8''{_written(kept.name)}",
        # The browser's own player needs the last three; with `sandbox` the file is not of our origin.
        "Content-Security-Policy": (
            "default-src 'none'; sandbox; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'"
        ),
        "Accept-Ranges": "bytes",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "private, no-store",
        "Referrer-Policy": "no-referrer",
        "X-Robots-Tag": "noindex",
    }


def _written(name: str) -> str:
    """Return a file name encoded as RFC 8187 requires."""
    return quote(name.encode("utf-8", "replace"), safe="")


def _absent(code: str, status: int) -> web.Response:
    return web.json_response({"error": code}, status=status, headers={"Cache-Control": "no-store"})


def scanner(settings: Settings) -> Scan | None:
    """Return the virus scanner that SCAN_COMMAND or CLAMD names, or None.

    Raises SettingsError, also if the program does not exist.
    """
    if settings.has("SCAN_COMMAND"):
        command = settings.secret("SCAN_COMMAND")
        scan = by_command(command)
        program = shlex.split(command)[0]
        if shutil.which(program) is None:
            raise SettingsError(
                f"SCAN_COMMAND begins with {program[:100]!r}, and there is no such program: install it, or"
                " give its whole path"
            )
        return scan
    if settings.has("CLAMD"):
        return by_clamd(settings.secret("CLAMD"))
    return None
