# ruff: noqa: E501 - tables and markup read better whole
"""1,216 mails: 19 programs x 19 languages x up to 4 shapes, each with what is known to be new in it.

They are 361 layouts (program and language) of 38 texts; the shape "text" is in the charset of its country.

pytest tests/connectors/email/reading/test_corpus.py -s      # accuracy by program and by language
"""

import base64
import quopri
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from email.header import Header

from connectors.email.reading import Mail, read
from tests.connectors.email.reading.programs import FORWARDS, REPLIES, SUBJECT, Layout, expected_between
from tests.connectors.email.reading.tongues import TONGUES, Tongue

PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGBgAAAABQABh6FO1AAAAABJRU5ErkJggg=="
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    program: str
    tongue: str
    shape: str  # text | html | both | files
    raw: bytes
    new: str | None  # exactly; None for a forwarded mail
    contains: tuple[str, ...] = ()
    files: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.program} {self.tongue} {self.shape}"


def cases() -> Iterator[Case]:
    for tongue in TONGUES:
        for name, program in REPLIES.items():
            layout = program(tongue, tongue.body, tongue.quoted)
            new = expected_between(tongue) if name == "between quotes" else tongue.body
            yield from _shapes(name, tongue, layout, new, f"Re: {SUBJECT}")
        for name, program in FORWARDS.items():
            layout = program(tongue, tongue.body, tongue.quoted)
            yield from _shapes(name, tongue, layout, None, f"{tongue.forward_prefix}: {SUBJECT}")


def _shapes(name: str, tongue: Tongue, layout: Layout, new: str | None, subject: str) -> Iterator[Case]:
    contains = (tongue.body.split("\n")[0], *tongue.quoted.split("\n")[:2]) if new is None else ()

    def case(shape: str, body: bytes, files: tuple[str, ...] = ()) -> Case:
        raw = _headers(tongue, subject) + body
        return Case(
            program=name, tongue=tongue.code, shape=shape, raw=raw, new=new, contains=contains, files=files
        )

    encoding = {"text": "8bit", "html": "base64"}
    local = _text_part(layout.plain, tongue.charset, "plain", encoding["text"], flowed=layout.flowed)
    yield case("text", local)
    if layout.html is None:
        return
    modern = _text_part(layout.plain, "utf-8", "plain", "quoted-printable")
    html = _text_part(layout.html, "utf-8", "html", encoding["html"])
    both = _multipart("alternative", "alt", [modern, html])
    yield case("both", both)
    picture = (
        b'Content-Type: image/png; name="=?utf-8?B?' + base64.b64encode("Übersicht.png".encode()) + b'?="\r\n'
        b"Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename*=UTF-8''%C3%9Cbersicht.png\r\n\r\n"
        + base64.encodebytes(PICTURE)
    )
    yield case("files", _multipart("mixed", "outer", [both, picture]), ("Übersicht.png",))
    yield case("html", html)


def _headers(tongue: Tongue, subject: str) -> bytes:
    name = Header(
        "Maria Example-Ä" if tongue.charset.startswith("iso-8859-1") else "Maria Example", "utf-8"
    ).encode()
    title = Header(subject, "utf-8").encode()
    return (
        f"From: {name} <maria@example.org>\r\nTo: Acme Support <support@acme.example>\r\nSubject: {title}\r\n"
        "Date: Wed, 05 Apr 2023 11:00:00 +0200\r\nMessage-ID: <new@example.org>\r\n"
        "In-Reply-To: <old@acme.example>\r\nReferences: <first@acme.example> <old@acme.example>\r\nMIME-Version: 1.0\r\n"
    ).encode("ascii")


def _text_part(text: str, charset: str, kind: str, encoding: str, *, flowed: bool = False) -> bytes:
    data = text.replace("\n", "\r\n").encode(charset, "replace")
    flow = "; format=flowed" if flowed else ""
    head = f"Content-Type: text/{kind}; charset={charset}{flow}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n".encode()
    match encoding:
        case "base64":
            return head + base64.encodebytes(data)
        case "quoted-printable":
            return head + quopri.encodestring(data.replace(b"\r\n", b"\n")).replace(b"\n", b"\r\n")
        case _:
            return head + data


def _multipart(kind: str, boundary: str, parts: list[bytes]) -> bytes:
    head = f'Content-Type: multipart/{kind}; boundary="=_{boundary}"\r\n\r\nThis is a multi-part message.\r\n'.encode()
    return (
        head
        + b"".join(f"--=_{boundary}\r\n".encode() + part + b"\r\n" for part in parts)
        + f"--=_{boundary}--\r\n".encode()
    )


def is_right(case: Case, mail: Mail) -> bool:
    if tuple(part.name for part in mail.attachments) != case.files:
        return False
    return mail.new == case.new if case.new is not None else all(piece in mail.new for piece in case.contains)


def accuracy() -> tuple[Counter[str], Counter[str], list[Case], list[Case]]:
    """Count all cases and the right ones (by program, by language). Return also the misses and those that would be
    right if nothing were ever cut.
    """
    seen: Counter[str] = Counter()
    right: Counter[str] = Counter()
    misses, idle = [], []
    for case in cases():
        mail = read(case.raw, trusted_servers=(), own_addresses=())
        hit = is_right(case, mail)
        for key in (case.program, case.tongue, f"as {case.shape}", "all"):
            seen[key] += 1
            right[key] += hit
        if not hit:
            misses.append(case)
        if case.new == mail.full:
            idle.append(case)
    return seen, right, misses, idle
