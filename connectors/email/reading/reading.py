"""Turn the bytes of a mail into a `Mail`."""

import hashlib
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from bot.core.errors import MalformedPayload
from bot.core.payment_cards import masked
from connectors.email.capabilities import MAX_BYTES
from connectors.email.reading import bounces, phrases, quoting, reactions, robots, trust
from connectors.email.reading.addresses import ascii_domain, mailboxes, one_mailbox
from connectors.email.reading.contents import Contents, Text, sort_out
from connectors.email.reading.decoding import header_text, parameters
from connectors.email.reading.html import html_lines, without_tags
from connectors.email.reading.lines import MailLine, text_lines, unflow, without_pictures
from connectors.email.reading.mail import Mail, Mailbox
from connectors.email.reading.structure import MAX_HEADER_BYTES, Headers, MimePart, read_headers, take_apart

_SMALL = 8 * 1024
_PIECE = 64 * 1024
MAX_TEXT = 200_000  # characters of `new`, `full` and `quoted`
MAX_SUBJECT = 1_000
_MAX_IDS = 100
_COPIED_HEADER = 15  # lines in which a copied header block must name the author
_ONLY_PICTURES = re.compile(r"(?:\[image\]|\s)*")
_MESSAGE_ID = re.compile(r"<[^\s<>\x00-\x1f\x7f]{1,900}>")
_SHOWN = ("subject", "from", "to", "cc", "reply-to")
_MAX_OUTLINED = 1_000  # bytes
_OUTLINE = (
    *("from", "sender", "return-path", "to", "cc", "delivered-to", "x-original-to", "envelope-to"),
    *("subject", "date", "message-id", "in-reply-to", "references"),
    *("auto-submitted", "precedence", "list-id"),
)
_ENVELOPE = ("delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "x-rcpt-to")


def read(
    raw: bytes,
    *,
    trusted_servers: Collection[str],
    own_addresses: Collection[str],
    dkim: trust.KeyFor | None = None,
    languages: Collection[str] = (),
) -> Mail:
    """Read a mail. Pure: the same bytes and keys give the same result.

    `trusted_servers` are the names under which our own servers write Authentication-Results. `dkim` returns
    the TXT record of a name (see `key_names`); without it no signature is checked. `languages` are those in
    which a text without a charset is likely to be. Reading takes from milliseconds to a few seconds: call it
    in a thread.

    Raise MalformedPayload if `raw` is no mail: it has no header at its beginning, or is larger than
    MAX_BYTES.
    """
    root = _parsed(raw)
    headers = root.headers
    authors = mailboxes(headers.all("from")[:1])
    sender = authors[0] if authors else one_mailbox(headers, "sender", "return-path")
    contents = sort_out(root, languages)
    subject = headers.text("subject")[:MAX_SUBJECT]
    references = _ids(headers, "references")
    in_reply_to = _ids(headers, "in-reply-to")
    by_server = headers.text("return-path") == "<>" or robots.is_daemon(sender)
    is_report = bounces.is_report(root, by_server=by_server)
    text = _Text(subject, is_reply=bool(references or in_reply_to), has_files=bool(contents.files)).of(
        contents
    )
    # Only a server reports: a person who quotes a report in a mail does not.
    reported = bounces.bounces(
        root,
        text.full,
        by_server=is_report or by_server or "x-failed-recipients" in headers,
        by_daemon=is_report or robots.is_daemon(sender),
    )
    to, cc = mailboxes(headers.all("to")), mailboxes(headers.all("cc"))
    reply_to = mailboxes(headers.all("reply-to"))
    return Mail(
        message_id=next(iter(_ids(headers, "message-id")), ""),
        digest=hashlib.sha256(raw).hexdigest(),
        in_reply_to=in_reply_to,
        references=references,
        subject=subject,
        sender=sender,
        to=to,
        cc=cc,
        reply_to=reply_to,
        lists=robots.lists(headers, (sender, *to, *cc, *reply_to)),
        recipients=_recipients(headers, (*to, *cc)),
        date=_date(headers),
        new=text.new[:MAX_TEXT],
        quoted=text.quoted[:MAX_TEXT],
        full=text.full[:MAX_TEXT],
        attachments=tuple(contents.files),
        unread_files=tuple(contents.beyond),
        forwarded=text.forwarded,
        old_pictures=text.old_pictures,
        automatic=robots.automatic(
            headers,
            sender,
            own_addresses=own_addresses,
            is_report=is_report or any(each.evidence == "report" for each in reported),
        ),
        bounces=reported,
        returned=bounces.returned_ids(root) if reported else (),
        reaction=reactions.reaction(root, text.new) if references or in_reply_to else "",
        trust=trust.judge(raw, headers, authors, tuple(trusted_servers), dkim),
        results_above=trust.writes_above(headers, tuple(trusted_servers)),
        silent_servers=trust.silent_servers(headers, tuple(trusted_servers)),
    )


def is_light(raw: bytes) -> bool:
    """Return True if a mail needs no process of its own: it is small, only plain text, and not signed.

    docs/performance.md says what such a mail costs at most. Signatures and HTML are left to the process,
    because libraries of others check and read them.
    """
    if len(raw) > _SMALL:
        return False
    headers, _ = read_headers(raw.lstrip(b"\r\n"))
    kinds = headers.all("content-type")
    plain = not kinds or (len(kinds) == 1 and parameters(kinds[0])[0] == "text/plain")
    return plain and not headers.cut and "dkim-signature" not in headers


def key_names(raw: bytes, *, trusted_servers: Collection[str]) -> tuple[str, ...]:
    """Return the DNS names whose TXT records `read` may need, at most five.

    Return none if a trusted server judged the mail.
    """
    headers, _ = read_headers(raw.lstrip(b"\r\n"))
    authors = mailboxes(headers.all("from")[:1])
    if len(authors) != 1 or trust.is_whole(trust.server_results(headers, tuple(trusted_servers))):
        return ()
    domain = ascii_domain(authors[0].domain)
    return tuple(dict.fromkeys(name for _, name in trust.signatures(headers, domain))) if domain else ()


def traces(raw: bytes, *, trusted_servers: Collection[str]) -> trust.Traces:
    """Return where in a mail's headers the results of a trusted server stand."""
    headers, _ = read_headers(raw.lstrip(b"\r\n"))
    return trust.traces(headers, tuple(trusted_servers))


def files(raw: bytes) -> list[tuple[str, bytes | None]]:
    """Return the type and the bytes of each of `read(raw).attachments`; None in place of bytes beyond twice
    MAX_BYTES.

    A mail within a mail is a file, which holds all mails within it. Raise what `read` raises.
    """
    found: list[tuple[str, bytes | None]] = []
    room = 2 * MAX_BYTES
    for part in sort_out(_parsed(raw)).files:
        room -= part.size
        found.append((part.mime, part.data if room >= 0 else None))
    return found


def head(raw: bytes) -> bytes:
    """Return the headers of a mail. `read` takes them as a mail without a body."""
    raw = raw.lstrip(b"\r\n")
    _, body = read_headers(raw[: 2 * MAX_HEADER_BYTES])
    return raw[:body]


def outline(raw: bytes) -> bytes:
    """Return the headers that say whose a mail is and which thread it belongs to, each cut short.

    `read` reads them in almost no time. It trusts them as little as any mail that no server judged.
    """
    headers, _ = read_headers(raw[: 2 * MAX_HEADER_BYTES].lstrip(b"\r\n"))
    lines = [
        name.encode() + b": " + b" ".join(value.split())[:_MAX_OUTLINED]
        for name in _OUTLINE
        for value in headers.all(name)[:1]
    ]
    return b"".join(line + b"\r\n" for line in lines)


@dataclass(frozen=True, slots=True)
class Digests:
    """SHA-256 in hex of a mail as it came, and of its body with normalized line ends."""

    whole: str
    body: str


def digests(raw: bytes) -> Digests:
    """Return the hashes that tell a mail from others.

    Work in pieces, so that other threads get their turns.
    """
    start = len(raw) - len(raw.lstrip(b"\r\n")) + len(head(raw))
    end = _without_blanks(raw, start)
    body, open_end = hashlib.sha256(), b""
    for position in range(start, end, _PIECE):
        piece = open_end + raw[position : min(position + _PIECE, end)]
        open_end = b"\r" if piece.endswith(b"\r") else b""  # this may be half a line end
        body.update(piece.removesuffix(b"\r").replace(b"\r\n", b"\n"))
    return Digests(hashlib.sha256(raw).hexdigest(), body.hexdigest())


def _without_blanks(raw: bytes, start: int) -> int:
    """Return the end of the text that begins at `start`, without white space at its end."""
    end = len(raw)
    while end > start:
        begin = max(start, end - _PIECE)
        end = begin + len(raw[begin:end].rstrip())
        if end > begin:
            break
    return end


def holds_card_number(raw: bytes) -> bool:
    """Return True if a mail program would show a payment card number."""
    return any(masked(text) != text for text in texts(raw))


def texts(raw: bytes) -> Iterator[str]:
    """Yield what a mail program shows: subjects, names, and each rendering of the texts with their quotes."""
    root = take_apart(raw.lstrip(b"\r\n"))
    for node in root.walk():
        yield from (header_text(value) for name in _SHOWN for value in node.headers.all(name))
        yield node.filename
    contents = sort_out(root)
    for text in contents.texts:
        yield from (text.plain, without_tags(text.html))
    yield contents.invitation


def _parsed(raw: bytes) -> MimePart:
    if len(raw) > MAX_BYTES:
        raise MalformedPayload("mail", f"larger than {MAX_BYTES} bytes")
    root = take_apart(raw.lstrip(b"\r\n"))
    if not any(
        name in root.headers for name in ("from", "sender", "return-path", "received", "message-id", "date")
    ):
        raise MalformedPayload("mail", "no header of a mail at its beginning")
    return _joined(root) if root.mime == "message/partial" and root.children else root


def _joined(root: MimePart) -> MimePart:
    """Return the first piece of a mail that a relay cut up, as a mail of its own (RFC 2046, 5.2.2.1)."""
    inner = root.children[0]
    own = [field for field in inner.headers.fields if _is_of_the_whole(field[0])]
    fields = [field for field in root.headers.fields if not _is_of_the_whole(field[0])]
    return replace(inner, headers=Headers((*fields, *own), root.headers.cut))


def _is_of_the_whole(name: str) -> bool:
    return name.startswith("content-") or name in ("subject", "message-id", "mime-version")


class _Text:
    """Puts the texts of a mail together."""

    def __init__(self, subject: str, *, is_reply: bool, has_files: bool) -> None:
        self._subject, self._is_reply, self._has_files = subject, is_reply, has_files
        self.new = self.quoted = self.full = ""
        self.old_pictures: frozenset[str] = frozenset()
        self.forwarded: str | None = None

    def of(self, contents: Contents) -> "_Text":
        new, quoted, full = [], [], []
        own = [text for text in contents.texts if text.forwarded is None]
        lines = [line for text in own for line in [*self._lines(text), MailLine("")]]
        divided = quoting.divide(
            lines,
            subject=self._subject,
            forwarding=any(phrases.forwarding(self._subject, text.html or text.plain) for text in own),
            is_reply=self._is_reply,
            has_files=self._has_files,
        )
        if divided.passed_on:
            self.forwarded = _copied_author(divided.passed_on)
        told, shown = without_pictures(divided.new)
        old, old_pictures = without_pictures(divided.quoted)
        self.old_pictures = old_pictures - shown
        new.append("" if _ONLY_PICTURES.fullmatch(told) else told)
        quoted.append(old)
        full.append(without_pictures(quoting.everything(lines))[0])
        for text in contents.texts:
            if text.forwarded is not None:
                inner, _ = without_pictures(quoting.everything(self._lines(text)))
                whole = f"{_heading(text.forwarded.headers)}\n\n{inner}"
                self.forwarded = self.forwarded or text.forwarded.headers.text("from")[:500]
                new.append(whole)
                full.append(whole)
        if not any(part.strip() for part in new) and contents.invitation:
            new.append(contents.invitation)
            full.append(contents.invitation)
        self.new, self.quoted, self.full = ("\n\n".join(filter(None, parts)) for parts in (new, quoted, full))
        return self

    def _lines(self, text: Text) -> list[MailLine]:
        if text.html:
            lines = html_lines(text.html, forwarded=phrases.forwarding(self._subject, text.html))
            if any(not line.blank for line in lines) or not text.plain:
                return lines
        plain = unflow(text.plain, delete_space=text.delete_space) if text.flowed else text.plain
        return text_lines(plain.expandtabs(8))


def _heading(headers: Headers) -> str:
    shown = [(name.title(), headers.text(name)[:500]) for name in ("from", "date", "to", "subject")]
    return "\n".join(
        ["---------- Forwarded message ----------", *(f"{name}: {value}" for name, value in shown if value)]
    )


def _copied_author(passed_on: Sequence[MailLine]) -> str:
    """Return who wrote a forwarded mail, by the header block that mail programs copy above it."""
    for line in passed_on[:_COPIED_HEADER]:
        if phrases.label(line.text) == "from":
            return re.split("[:：]", phrases.bare(line.text), maxsplit=1)[-1].strip()[:500]
    return ""


def _ids(headers: Headers, name: str) -> tuple[str, ...]:
    found = (
        match
        for value in headers.all(name)
        for match in _MESSAGE_ID.findall(value.decode("utf-8", "replace"))
    )
    ids = tuple(dict.fromkeys(found))
    return ids if len(ids) <= _MAX_IDS else (ids[0], *ids[1 - _MAX_IDS :])


def _recipients(headers: Headers, named: Iterable[Mailbox]) -> tuple[str, ...]:
    noted = mailboxes([value for name in _ENVELOPE for value in headers.all(name)])
    return tuple(dict.fromkeys(box.address for box in (*named, *noted) if box.address))


def _date(headers: Headers) -> datetime | None:
    try:
        date = parsedate_to_datetime(headers.text("date")[:200])
        return date.astimezone(UTC) if date.tzinfo else date.replace(tzinfo=UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
