"""`python -m tests.bench.mails`: CPU seconds to read mails made to be costly, of 8 KiB and of a megabyte.

In the product one that takes more than three seconds is given up, and kept as its original. Light ones are
read in a thread and not given up: they must cost little; `python -m tests.bench.mails light` reads these.
"""

import sys
import time
from collections.abc import Mapping

from connectors.email.reading import head, is_light, key_names, read

SIZE = 1_000_000
LIGHT = 8 * 1024
_HEAD = b"From: Mallory <m@x.example>\r\nTo: s@b.example\r\nSubject: Hi\r\nMIME-Version: 1.0\r\n"
_HTML: Mapping[str, str] = {
    "plain words": "The parcel left our warehouse on Monday. ",
    "`&a;`": "&a;",
    "`&amp;`": "&amp;",
    "nested blocks": "<div>",
    "nested quotes": "<blockquote>",
    "nested lists": "<ul><li>",
    "nested tables": "<table><tr><td>",
    "tables side by side": "<table><tr><td>a</table>",
    "rows": "<tr><td>a<td>b",
    "bold and never closed": "<b>a",
    "closed and never opened": "</b></i>",
    "one tag of many attributes": "<p " + 'a="b" ' * (SIZE // 6) + ">a",
    "tags of many attributes": "<p " + 'a="b" ' * 50 + ">a",
    "one huge style": "<p style='" + "color:red;" * (SIZE // 10) + "'>a",
    "styles": "<p style='display:none;font-size:0'>a",
    "style sheets": "<style>p{color:red}</style>a",
    "one style sheet": "<style>" + "p{color:red}" * (SIZE // 12) + "</style>a",
    "comments": "<!-- a -->",
    "comments never closed": "<!-- a ",
    "dashes in a comment": "<!--" + "--!" * (SIZE // 3),
    "CDATA": "<![CDATA[a]]>",
    "CDATA never closed": "<![CDATA[",
    "processing instructions": "<?a ?>",
    "`<`": "<",
    "rules": "<hr>",
    "breaks": "<br>",
    "links": "<a href='https://example.org/a'>a</a> ",
    "pictures": "<img src='cid:a' alt='b'>",
    "empty paragraphs": "<p>",
    "spaces that do not break": "&nbsp;",
    "signs of Markdown": "*_`[",
    "quote signs": "&gt; ",
}


def _html(markup: str, parts: int = 1) -> bytes:
    size = SIZE // parts
    body = (markup * (size // len(markup) + 1))[:size] if len(markup) < size else markup[:size]
    if parts == 1:
        return _HEAD + b"Content-Type: text/html; charset=utf-8\r\n\r\n" + body.encode()
    part = b"--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + body.encode() + b"\r\n"
    return _HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + part * parts + b"--b--\r\n"


def _text(line: str) -> bytes:
    return _HEAD + b"\r\n" + (line * (SIZE // len(line) + 1)).encode()[:SIZE]


def costly_parts(headers: bytes) -> bytes:
    """Return a mail of ten parts, each of which costs seconds."""
    part = b"--b\r\nContent-Type: text/html\r\n\r\n" + b"&a;" * 330_000 + b"\r\n"
    return headers + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + part * 10 + b"--b--\r\n"


def mails() -> dict[str, bytes]:
    made = {name: _html(markup) for name, markup in _HTML.items()}
    made["ten parts of `&a;`"] = _html("&a;", 10)
    made["parts within parts"] = _HEAD + b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(20_000)
    )
    made["many small parts"] = (
        _HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\na\r\n" * 90_000
    )
    made["text: `From: a` on each line"] = _text("From: a\n")
    made["text: `> ` on each line"] = _text("> a\n")
    made["text: attributions"] = _text("On Monday, Maya wrote:\n")
    made["text: one line"] = _text("a")
    made["headers without end"] = _HEAD + b"X-A: b\r\n" * (SIZE // 8)
    made["one header folded without end"] = _HEAD + b"X-A: b\r\n" + b" b\r\n" * (SIZE // 4)
    made["references"] = _HEAD + b"References: " + b"<a@b>\r\n " * (SIZE // 9)
    made["encoded words"] = _HEAD + b"X: y\r\nCc: " + b"=?utf-8?q?a?= " * 20_000
    return made


_LINES = {
    "words": b"The parcel left our warehouse on Monday.\r\n",
    "`From: a` on each line": b"From: a\n",
    "headers of an answer": b"From: a\nSent: b\nTo: c\nSubject: d\n",
    "`> ` on each line": b"> a\n",
    "quotes of many depths": b">>>>>>>>>>>>>>>> a\n> b\n",
    "attributions": b"On Monday, Maya wrote:\n",
    "attributions with dates": b"On 1 May 2023 at 10:00, A <a@b.c> wrote:\n> a\n",
    "attributions never ended": b"On 1 May 2023 ",
    "rules": b"-----Original Message-----\n",
    "forwarded": b"---------- Forwarded message ---------\n",
    "signatures": b"-- \na\n",
    "empty lines": b"\n",
    "blanks": b" ",
    "tabs": b"\t",
    "one line": b"a",
    "digits": b"4111 1111 1111 ",
    "addresses": b"a@b.c <a@b.c> ",
    "addresses never ended": b"<a@",
    "links": b"https://example.org/a ",
    "marks": b"*_`[",
    "files within the text": b"begin 644 x\n",
    "files within the text, ended": b"begin 644 x\n`\nend\n",
    "pictures": b"[cid:a] [image: a] ",
    "Cyrillic": "Привет ".encode("koi8-r"),
    "bytes of no charset": bytes(range(128, 256)),
    "Japanese": b"\x1b$B$3$l\x1b(B",
    "dashes": b"-",
    "brackets": b"[(<",
    "a combining sign": "a\u0301".encode(),
}
_FIELDS = {
    "results that judge one thing each": b"Authentication-Results: mx.b.example; none\r\n",
    "headers": b"X-A: b\r\n",
    "headers without a word": b"a:\n",
    "a folded header": b"X-A: b\r\n" + b" b\r\n" * 2_000,
    "references": b"References: " + b"<a@b>\r\n " * 900,
    "identifiers never ended": b"References: " + b"<" * 8_000,
    "recipients": b"To: " + b"a@b.example, " * 620,
    "recipients never ended": b'To: "' + b"\\" * 8_000,
    "recipients with comments": b"To: " + b"(" * 8_000,
    "encoded words": b"Subject: " + b"=?utf-8?q?a?= " * 570,
    "encoded words of many charsets": b"Subject: " + b"=?koi8-r?q?=ff?= =?big5?q?=ff?= " * 250,
    "encoded words never ended": b"Subject: " + b"=?a?q?" * 1_300,
    "blanks in the subject": b"Subject: a" + b" " * 8_000 + b"a",
    "a subject of no charset": b"Subject: " + bytes(range(128, 256)) * 62,
    "subjects of no charset": b"Cc: " + bytes(range(128, 168)) + b"\r\n",
    "replies": b"Subject: " + b"Re: " * 2_000,
    "parameters": b"Content-Type: text/plain" + b"; a=b" * 1_600,
    "parameters in pieces": b"Content-Type: text/plain" + b"".join(b"; a*%d*=%%e2" % n for n in range(640)),
    "parameters never ended": b'Content-Type: text/plain; a="' + b"\\a" * 4_000,
    "blanks among parameters": b"Content-Type: text/plain" + b";" + b" " * 8_000,
    "results": b"Authentication-Results: mx.b.example" + b"; dkim=pass header.d=a.b" * 330,
    "results with comments": b"Authentication-Results: mx.b.example; " + b"(" * 8_000,
    "results of many servers": b"Authentication-Results: a; none\r\n",
    "results with blanks": b"Authentication-Results: mx.b.example; dkim=pass" + b" " * 8_000 + b"(",
    "received": b"Received: from a [1.1.1.1] by mx.b.example\r\n",
    "received with blanks": b"Received: from a" + b" by" * 2_600,
    "received with addresses": b"Received: from " + b"[1.1.1.1" * 900 + b" by mx.b.example",
    "dates": b"Date: " + b"1 " * 4_000,
}


def light_mails() -> dict[str, bytes]:
    """Return mails just below the size at which each gets a process of its own, none of them signed."""
    made = {}
    for name, line in _LINES.items():
        for kind, more in (("text", b""), ("answer", b"Subject: Re: a\r\nIn-Reply-To: <a@b>\r\n")):
            top = _HEAD + more + b"\r\n"
            made[f"{kind}: {name}"] = top + (line * LIGHT)[: LIGHT - len(top)]
    top = _HEAD + b"Content-Type: text/plain; format=flowed; delsp=yes\r\n\r\n"
    made["flowed text"] = top + (b"a \r\n" * LIGHT)[: LIGHT - len(top)]
    top = _HEAD + b"Content-Transfer-Encoding: base64\r\n\r\n"
    made["base64"] = top + (b"PHA+" * LIGHT)[: LIGHT - len(top)]
    for charset in ("utf-7", "hz", "iso-2022-jp", "utf-16", "gb18030", "big5", "cp1252", "utf-8"):
        top = _HEAD + f"Content-Type: text/plain; charset={charset}\r\n\r\n".encode()
        made[f"text in {charset}"] = top + (bytes(range(128, 256)) * 64)[: LIGHT - len(top)]
    for name, field in _FIELDS.items():
        room = LIGHT - len(_HEAD) - 9
        fields = (field * (room // len(field) + 1))[:room] if field.endswith(b"\n") else field[:room]
        made[f"headers: {name}"] = _HEAD + fields + b"\r\n\r\nHello"
    return {name: raw for name, raw in made.items() if is_light(raw)}


def seconds(raw: bytes) -> float:
    begun = time.process_time()
    key_names(raw, trusted_servers=("mx.b.example",))
    read(raw, trusted_servers=("mx.b.example",), own_addresses=("s@b.example",))
    return time.process_time() - begun


def main() -> int:
    for name, raw in light_mails().items():
        print(f"{name:48} {seconds(raw):6.3f}", flush=True)
    if "light" in sys.argv[1:]:
        return 0
    for name, raw in mails().items():
        begun = time.process_time()
        read(head(raw), trusted_servers=(), own_addresses=())
        headers = time.process_time() - begun
        print(f"{name:32} {seconds(raw):6.2f}  headers alone {headers:6.2f}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
