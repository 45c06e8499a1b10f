"""Take a mail apart into headers and leaves.

The standard library's parser builds the whole tree by recursion. It looks at every line once per level before
anybody can count the levels, so a mail of some megabytes can take it minutes. This parser cuts the bytes at
boundaries and stops at its limits: what lies deeper or later stays one closed part.
"""

import binascii
from collections.abc import Iterator
from dataclasses import dataclass, field

from connectors.email.reading.decoding import base64_bytes, charset_of, header_text, parameters

MAX_DEPTH = 20
MAX_PARTS = 200
MAX_BEYOND = 1_000  # further parts, of which only the names are read
MAX_HEADERS = 1_000
MAX_HEADER_BYTES = 64 * 1024
_MAX_FALSE_BOUNDARIES = 10_000
_MAX_NAMED_WITHIN = 2_048  # bytes
_ABBREVIATED = {"text": "text/plain", "plain": "text/plain", "html": "text/html"}
_NOT_BASE64 = bytes(
    set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=")
)


RESULTS = "authentication-results"
# The name for results in a form that no server writes: with blanks before the colon, or behind a bare LF in a
# mail of CRLFs. A server that strips results from outside may not see these.
ODD_RESULTS = f"{RESULTS} "


@dataclass(frozen=True, slots=True)
class Headers:
    """Header fields in the order of the mail, topmost first. Names are in lower case, values still folded."""

    fields: tuple[tuple[str, bytes], ...] = ()
    cut: bool = False  # the mail has more header lines than are read

    def all(self, name: str) -> list[bytes]:
        return [value for key, value in self.fields if key == name]

    def first(self, name: str) -> bytes | None:
        return next((value for key, value in self.fields if key == name), None)

    def text(self, name: str) -> str:
        """Return the decoded value of a header in one line, or "" if it is missing."""
        value = self.first(name)
        return header_text(value) if value is not None else ""

    def __contains__(self, name: object) -> bool:
        return any(key == name for key, _ in self.fields)


@dataclass(frozen=True, slots=True)
class MimePart:
    """One part of the tree: a leaf with a body, or children."""

    headers: Headers
    mime: str
    params: dict[str, str]
    disposition: str
    filename: str  # as the mail gives it; "" if it has none
    body: bytes = field(repr=False)  # still encoded for transfer; the whole content of a multipart
    children: tuple["MimePart", ...] = ()
    beyond: tuple[str, ...] = ()  # names of parts beyond the limit, "" for a part without one

    @property
    def content_id(self) -> str:
        return self.headers.text("content-id").strip().removeprefix("<").removesuffix(">")[:500]

    def decoded(self) -> bytes:
        """Return the body without its transfer encoding. Never decompress anything."""
        encoding = self.headers.text("content-transfer-encoding").lower().strip(" ;\"'")
        match encoding:
            case "base64":
                return base64_bytes(self.body.translate(None, _NOT_BASE64))
            case "quoted-printable":
                return binascii.a2b_qp(self.body)
            case "x-uuencode" | "uuencode" | "x-uue" | "uue":
                return uudecode(self.body)
            case _:
                return self.body

    def walk(self) -> Iterator["MimePart"]:
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(slots=True)
class _Budget:
    charset: str | None  # the charset of the mail, for raw letters in file names
    parts: int = MAX_PARTS
    beyond: int = MAX_BEYOND
    false_boundaries: int = _MAX_FALSE_BOUNDARIES


def take_apart(raw: bytes) -> MimePart:
    return _node(raw, 0, len(raw), _Budget(charset_of(raw)), depth=0, default="text/plain")


def _node(raw: bytes, start: int, end: int, budget: _Budget, *, depth: int, default: str) -> MimePart:
    budget.parts -= 1
    headers, body_start = read_headers(raw, start, end)
    mime, params = parameters(headers.first("content-type") or b"", budget.charset)
    if mime.count("/") != 1 or len(mime) > 200:
        mime = default if not mime else _ABBREVIATED.get(mime, "application/octet-stream")
    disposition, disposition_params = parameters(headers.first("content-disposition") or b"", budget.charset)
    children: tuple[MimePart, ...] = ()
    beyond: list[str] = []
    if depth < MAX_DEPTH:
        if mime.startswith("multipart/") and (boundary := params.get("boundary")):
            inner = "message/rfc822" if mime == "multipart/digest" else "text/plain"
            found = []
            for first, last in _between(raw, body_start, end, boundary, budget):
                if budget.parts > 0:
                    found.append(_node(raw, first, last, budget, depth=depth + 1, default=inner))
                else:
                    budget.beyond -= 1
                    beyond.append(_name_of(raw, first, last, budget))
            children = tuple(found)
        elif _holds_mail(mime, params) and not _is_encoded(headers) and budget.parts > 0:
            children = (_node(raw, body_start, end, budget, depth=depth + 1, default="text/plain"),)
    filename = disposition_params.get("filename") or params.get("name", "")
    return MimePart(
        headers, mime, params, disposition, filename, raw[body_start:end], children, tuple(beyond)
    )


def _name_of(raw: bytes, start: int, end: int, budget: _Budget) -> str:
    headers, _ = read_headers(raw, start, min(end, start + _MAX_NAMED_WITHIN))
    _, params = parameters(headers.first("content-type") or b"", budget.charset)
    _, disposition = parameters(headers.first("content-disposition") or b"", budget.charset)
    return disposition.get("filename") or params.get("name", "")


def _holds_mail(mime: str, params: dict[str, str]) -> bool:
    """Return True for a part that is a mail, or the first piece of a mail cut up by a relay (RFC 2046,
    5.2.2).
    """
    return mime in ("message/rfc822", "message/global") or (
        mime == "message/partial" and params.get("number", "1") == "1"
    )


def _is_encoded(headers: Headers) -> bool:
    return headers.text("content-transfer-encoding").lower() in ("base64", "quoted-printable")


def read_headers(raw: bytes, start: int = 0, end: int | None = None) -> tuple[Headers, int]:
    """Return the header fields at `start`, and the position where the body begins.

    A line that is no field ends the headers: some programs forget the empty line. Lines beyond the limit are
    skipped, and then `cut` is True.
    """
    end = len(raw) if end is None else end
    fields: list[tuple[str, list[bytes]]] = []
    position, used, cut = start, 0, False
    crlf = raw.find(b"\r\n", start, end) == raw.find(b"\n", start, end) - 1
    while position < end:
        newline = raw.find(b"\n", position, end)
        after = end if newline < 0 else newline + 1
        line = raw[position : min(after, position + MAX_HEADER_BYTES)].rstrip(b"\r\n")
        if not line:
            return _headers(fields, cut), after
        used += after - position
        room = used <= MAX_HEADER_BYTES and len(fields) < MAX_HEADERS
        if line[:1] in b" \t":
            if fields and room:
                fields[-1][1].append(line)
        else:
            written, colon, value = line.partition(b":")
            name = written.rstrip(b" \t")
            if colon and 0 < len(name) <= 200 and all(33 <= byte <= 126 for byte in name):
                key = name.decode("ascii").lower()
                bare = crlf and position > start and raw[position - 2 : position] != b"\r\n"
                if key == RESULTS and (bare or written != name):
                    key = ODD_RESULTS
                if room:
                    fields.append((key, [value]))
            elif not (position == start and line.startswith((b"From ", b">From "))):
                return _headers(fields, cut), position
        cut = cut or not room
        position = after
    return _headers(fields, cut), end


def _headers(fields: list[tuple[str, list[bytes]]], cut: bool) -> Headers:
    return Headers(tuple((name, b"\r\n".join(lines)) for name, lines in fields), cut)


def _between(raw: bytes, start: int, end: int, boundary: str, budget: _Budget) -> Iterator[tuple[int, int]]:
    """Yield the start and the end of each part of a multipart. The last boundary may be missing."""
    mark = b"--" + boundary.encode("utf-8", "replace")[:200].rstrip()
    position = start if raw.startswith(mark, start, end) else raw.find(b"\n" + mark, start, end) + 1 or -1
    begun = -1
    while position >= 0 and budget.false_boundaries > 0:
        newline = raw.find(b"\n", position, end)
        after = end if newline < 0 else newline + 1
        rest = raw[position + len(mark) : min(after, position + len(mark) + 1_000)].strip()
        if rest in (b"", b"--"):
            if begun >= 0:
                yield begun, _without_newline(raw, begun, position)
            begun = after
            if rest or (budget.parts <= 0 and budget.beyond <= 0):
                return
        else:
            budget.false_boundaries -= 1
        position = raw.find(b"\n" + mark, after - 1, end) + 1 or -1
    if 0 <= begun < end:
        yield begun, end


def _without_newline(raw: bytes, start: int, end: int) -> int:
    """Return `end` without the newline before a boundary, which belongs to the boundary (RFC 2046, 5.1.1)."""
    if end > start and raw[end - 1 : end] == b"\n":
        end -= 1
        if end > start and raw[end - 1 : end] == b"\r":
            end -= 1
    return end


def uudecode(data: bytes) -> bytes:
    """Decode the bytes between `begin` and `end`. Stop at a line that cannot be read."""
    lines = iter(data.splitlines())
    for line in lines:
        if line.startswith(b"begin "):
            break
    pieces: list[bytes] = []
    for line in lines:
        if line.strip() in (b"end", b"`", b""):
            break
        try:
            pieces.append(binascii.a2b_uu(line))
        except binascii.Error:
            try:  # Many encoders leave out or add a pad character at the end of the line.
                pieces.append(binascii.a2b_uu(line[: 1 + ((line[0] - 32 & 63) * 4 + 5) // 3]))
            except (binascii.Error, IndexError):
                break
    return b"".join(pieces)
