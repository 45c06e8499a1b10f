# ruff: noqa: E501 - tables and markup read better whole
"""Bounds of reading: any bytes are read or refused as no mail, and soon."""

import hashlib
import time
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.core.errors import MalformedPayload
from connectors.email.capabilities import MAX_BYTES
from connectors.email.reading import Mail, digests, files, key_names, outline, read
from tests.lengths import times

SECONDS = 20.0  # of the processor, not of the clock: others share it. What it guards against takes minutes


def reading(raw: bytes) -> Mail:
    return read(
        raw, trusted_servers=("mx.acme.example",), own_addresses=("support@acme.example",), dkim=lambda _: b""
    )


HEADERS = st.sampled_from(
    [
        b"From: a@example.org", b"From: =?utf-8?q?a=", b"To: \"x, <a@b>", b"Subject: =?utf-8?B?4p==?=", b"From: <>",
        b"Content-Type: multipart/mixed; boundary=b", b"Content-Type: multipart/alternative; boundary=\"b\"",
        b"Content-Type: text/html; charset=utf-7", b"Content-Type: text/plain; charset=iso-2022-jp; format=flowed",
        b"Content-Type: message/rfc822", b"Content-Type: application/ms-tnef", b"Content-Transfer-Encoding: base64",
        b"Content-Type: multipart/report; report-type=delivery-status; boundary=b", b"Content-Type: message/delivery-status",
        b"Content-Transfer-Encoding: quoted-printable", b"Content-Transfer-Encoding: x-uuencode", b"Date: Thu, 99 Foo",
        b"Content-Disposition: attachment; filename*0*=utf-8''%e2; filename*1=x", b"Content-Type: text/html; charset=zlib",
        b"Authentication-Results: mx.acme.example; dmarc=pass (p=", b"Authentication-Results: mx.acme.example; dkim=pass reason=\"",
        b"DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=x; h=from; bh=AA==; b=AA==", b"Message-ID: <x@y>",
        b"Auto-Submitted: auto-replied", b"References: <a> <b", b"\tfolded =?koi8-r?Q?=ff?=", b"no colon", b"",
    ]
)  # fmt: skip
LINES = st.one_of(
    HEADERS,
    st.sampled_from(
        [b"--b", b"--b--", b"", b"> quoted", b">> deeper", b"On 1 May 2023 at 10:00, A <a@b.c> wrote:", b"-- ", b"begin 644 x",
         b"`", b"end", b"From: a", b"Sent: b", b"To: c", b"Subject: d", b"<div id=divRplyFwdMsg>", b"<blockquote type=cite>",
         b"<table><tr><td>", b"</div>", b"\x1b$B$3$l", b"\xff\xfe", b"Action: failed", b"Status: 5.1.1", b"<img src=cid:x>",
         b"-----Original Message-----", b"---------- Forwarded message ---------", b"<pre>", b"<!--", b"<a href='javascript:x'>x"]
    ),
    st.binary(max_size=60),
)  # fmt: skip


@settings(max_examples=times(400), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(HEADERS, max_size=6), st.lists(LINES, max_size=30), st.sampled_from([b"\n", b"\r\n", b"\r"]))
def test_anything_is_a_mail_or_refused(headers: list[bytes], lines: list[bytes], newline: bytes) -> None:
    raw = newline.join([*headers, b"", *lines])
    try:
        mail = reading(raw)
    except MalformedPayload:
        return
    for part in mail.attachments:
        assert files(raw)[part.index] == (part.mime, part.data)
        assert part.size == len(part.data)
        assert part.name
        assert "/" not in part.name
    text = "".join((mail.new, mail.quoted, mail.full, mail.subject, mail.sender.address, mail.sender.name))
    assert "\0" not in text
    text.encode()  # no lone surrogates
    key_names(raw, trusted_servers=())


@settings(max_examples=times(200), deadline=None)
@given(st.binary(max_size=2_000))
def test_any_bytes_are_a_mail_or_refused(raw: bytes) -> None:
    try:
        reading(raw)
    except MalformedPayload:
        return


@settings(max_examples=times(200), deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_behind_an_honest_head_are_a_mail(body: bytes) -> None:
    assert reading(b"From: a@example.org\r\n\r\n" + body).sender.address == "a@example.org"


HEAD = b"From: a@example.org\r\nMIME-Version: 1.0\r\n"


def _nested(depth: int) -> bytes:
    opened = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(depth)
    )
    return HEAD + opened + b"\r\ninnermost" + b"\r\nx" * 100_000


def _html(body: bytes) -> bytes:
    return HEAD + b"Content-Type: text/html; charset=utf-8\r\n\r\n" + body


BOMBS: dict[str, Callable[[], bytes]] = {
    "deep multiparts": lambda: _nested(2_000),
    "many parts": lambda: HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 200_000,
    "false boundaries": lambda: HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--bx\r\n" * 2_000_000,
    "mails in mails": lambda: HEAD + b"Content-Type: message/rfc822\r\n\r\n" * 50_000,
    "many headers": lambda: HEAD + b"X-A: b\r\n" * 500_000 + b"\r\nhello",
    "one long header": lambda: HEAD + b"Subject: " + b"=?utf-8?q?a?= " * 500_000 + b"\r\n\r\nhello",
    "endless recipients": lambda: b"To: " + b"\"a\" <a@b.c>,(" * 4_000 + b"\r\n" + HEAD + b"\r\nhello",
    "open comments": lambda: b"To: " + b"(" * 60_000 + b"\r\n" + HEAD + b"\r\nhello",
    "open quotes in parameters": lambda: HEAD + b"Content-Type: text/plain; " + b'a="\\' * 15_000 + b"\r\n\r\nhello",
    "deep html": lambda: _html(b"<div>" * 200_000 + b"hello"),
    "deep blockquotes": lambda: _html(b"<blockquote type=cite>" * 490 + b"hello" + b"</blockquote>" * 490),
    "deep bold": lambda: _html(b"<b><i><u>" * 30_000 + b"hello"),
    "deep spans": lambda: _html(b"<p><em>" * 50_000 + b"hello"),
    "deep lists": lambda: _html(b"<ul><li>" * 400 + b"hello"),
    "deep unclosed": lambda: _html(b"<dl><dd><h1><small>" * 50_000 + b"hello"),
    "wide html": lambda: _html(b"<p>a <b>b</b></p>" * 60_000),
    "many tables": lambda: _html(b"<table><tr><td>a<td>b<tr><td>c<td>d</table>" * 10_000),
    "one long table": lambda: _html(b"<table>" + b"<tr><td>a<td>b" * 30_000 + b"</table>"),
    "many quotes": lambda: _html(b"<blockquote type=cite>a</blockquote>b" * 20_000),
    "many replies": lambda: _html(b"<div id=divRplyFwdMsg>a</div>" * 30_000),
    "styles": lambda: _html(b"<blockquote style='" + b"margin: text-decoration: border" * 40_000 + b"'>hello</blockquote>"),
    "struck out": lambda: _html(b"<div style='text-decoration:line-through'>" + b"a<p>b</p>c<br>" * 15_000),
    "letters without a size": lambda: _html(b"<div style='font-size:0'>" + b"a<b>b</b>" * 19_000),
    "bars below attributions": lambda: HEAD + b"\r\n" + b"On 5 Apr 2023 A <a@b.c> wrote:\r\n| x\r\n" * 20_000,
    "attributes": lambda: _html(b"<div " + b"a=b " * 200_000 + b">hello</div>"),
    "blanks": lambda: _html(b"a" + b" " * 900_000 + b"b"),
    "blanks in a block of code": lambda: _html(b"<pre>a" + b"\n" * 900_000 + b"b</pre>"),
    "pictures side by side": lambda: _html(b'<img src="cid:a">' * 39_000),
    "rules": lambda: _html(b"<hr>" * 39_000),
    "dashes": lambda: HEAD + b"\r\n" + b"---\r\n" * 100_000,
    "closing words": lambda: HEAD + b"\r\n" + b"Regards\r\n\r\n" * 100_000,
    "entities": lambda: _html(b"&a;" * 330_000),
    "open tags": lambda: _html(b"<" * 900_000),
    "data pictures": lambda: _html(b'<img src="data:image/png;base64,' + b"A" * 20_000_000 + b'">hello'),
    "attributions": lambda: HEAD + b"\r\n" + b"On 1 May 2023 at 10:00 wrote\r\n" * 200_000,
    "attributions that end": lambda: HEAD + b"\r\n" + (b"On " * 120 + b" 2023 a <a@b.c> x:\r\n") * 20_000,
    "header blocks": lambda: HEAD + b"\r\n" + b"From: a\r\n\r\nTo: b\r\n\r\n" * 100_000,
    "quote marks": lambda: HEAD + b"\r\n" + b">" * 5_000_000,
    "long words": lambda: HEAD + b"\r\n" + b"a" * 20_000_000,
    "brackets": lambda: HEAD + b"\r\n" + b"[" * 5_000_000 + b"](" * 100_000,
    "links": lambda: HEAD + b"\r\n" + b"[a](" * 1_000_000,
    "uuencoded": lambda: HEAD + b"\r\n" + b"begin 644 a\nM" * 500_000,
    "flowed": lambda: HEAD + b"Content-Type: text/plain; format=flowed\r\n\r\n" + b"a \r\n" * 1_000_000,
    "base64": lambda: HEAD + b"Content-Transfer-Encoding: base64\r\n\r\n" + b"=?!AAAA\n" * 2_500_000,
    "quoted-printable": lambda: HEAD + b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + b"=" * 10_000_000,
    "8-bit": lambda: HEAD + b"\r\n" + bytes(range(128, 256)) * 100_000,
    "signatures": lambda: b"DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=x; h=from; bh=AA==; b=AA==\r\n" * 500 + HEAD + b"\r\nhello",
    "results": lambda: b"Authentication-Results: mx.acme.example; " + b"dkim=pass (" * 5_000 + b"\r\n" + HEAD + b"\r\nhello",
    "parts of text": lambda: HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + (b"--b\r\n\r\n" + b"\xe4\xf6\xfc x " * 10_000 + b"\r\n") * 150,
    "tnef": lambda: HEAD + b"Content-Type: application/ms-tnef\r\n\r\n" + b"\x78\x9f\x3e\x22\x01\x00" + (b"\x01\x03\x90\x06\x00\x0c\x00\x00\x00\xff\xff\xff\x7f\x02\x10\x01\x00\xff\xff\xff\xff\x00\x00") * 100_000,
    "pictures": lambda: HEAD + b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + "\ue005".encode() * 1_000_000,
    "invitations": lambda: HEAD + b"Content-Type: text/calendar\r\n\r\nBEGIN:VEVENT\r\n" + b'A;"' * 5_000_000,
    "signed in the text": lambda: HEAD + b"\r\n" + b"-----BEGIN PGP SIGNED MESSAGE-----\n" * 500_000,
    "within its signature": lambda: HEAD + b"Content-Type: application/pkcs7-mime\r\n\r\n" + b"\x30\x80" * 10_000_000,
    "answers below": lambda: HEAD + b"\r\n" + b"comments comments ver " * 1_000_000,
    "blanks in headers": lambda: b"Subject: a" + b" " * 30_000 + b"b\r\nList-Id: a" + b" " * 30_000 + b"b\r\n" + HEAD + b"\r\nhello",
    "reports": lambda: HEAD + b"Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n" + b"Action: failed\r\n\r\n" * 300_000,
}  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_read_in_bounded_time(name: str) -> None:
    raw = BOMBS[name]()[:MAX_BYTES]
    begun = time.process_time()
    mail = reading(raw)
    assert time.process_time() - begun < SECONDS
    assert len(mail.attachments) <= 200
    assert len(mail.new) <= 200_000
    begun = time.process_time()
    reading(outline(raw))
    assert time.process_time() - begun < SECONDS / 100


@given(
    st.lists(
        st.sampled_from([b"\r", b"\n", b"\r\n", b" ", b"a", b"\r" * 66_000, b"\r\n" * 40_000, b"b" * 65_535])
    ),
    st.sampled_from([b"", b"\r\n", b"\n\n"]),
)
def test_a_mail_is_told_from_others_by_its_text_whatever_its_line_ends_are(
    text: list[bytes], above: bytes
) -> None:
    body = b"".join(text)
    found = digests(above + HEAD + b"\r\n" + body)
    assert found.body == hashlib.sha256(body.replace(b"\r\n", b"\n").rstrip()).hexdigest()
    assert found.whole == hashlib.sha256(above + HEAD + b"\r\n" + body).hexdigest()


def test_a_mail_that_is_too_large_is_refused() -> None:
    with pytest.raises(MalformedPayload, match="larger than"):
        reading(HEAD + b"\r\n" + b"x" * MAX_BYTES)


def test_bytes_without_a_header_are_refused() -> None:
    with pytest.raises(MalformedPayload, match="no header"):
        reading(b"GET / HTTP/1.1\r\n\r\n")
