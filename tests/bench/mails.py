"""`python -m tests.bench.mails`: CPU seconds to read mails of a megabyte that are made to be costly.

In the product one that takes more than three seconds is given up, and kept as its original.
"""

import sys
import time
from collections.abc import Mapping

from connectors.email.reading import head, key_names, read

SIZE = 1_000_000
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


def seconds(raw: bytes) -> float:
    begun = time.process_time()
    key_names(raw, trusted_servers=("mx.b.example",))
    read(raw, trusted_servers=("mx.b.example",), own_addresses=("s@b.example",))
    return time.process_time() - begun


def main() -> int:
    for name, raw in mails().items():
        begun = time.process_time()
        read(head(raw), trusted_servers=(), own_addresses=())
        headers = time.process_time() - begun
        print(f"{name:32} {seconds(raw):6.2f}  headers alone {headers:6.2f}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
