"""Decide whether the domain in From authenticates a mail.

First, the results of our own server count: its Authentication-Results (RFC 8601). Only the topmost ones in
its name are believed. Results below a header of another server are not, nor results below more Received lines
than this server writes above them. RFC 8601 (4 and 7.1) wants results above the line in which the server says
from whom it took the mail, because all that came from outside stands below that line (see `received`).

For a server that does so (`/above`), nothing below the first line that may be that one is believed. The same
holds for a server that leaves mails from outside without results: there a forged header would be the only
one. Some servers write below that line (Gmail; OpenDKIM and OpenDMARC until 2026). These must strip what came
in their name, and no mail shows whether they do.

A mail that no such server judged is judged here by its DKIM signatures (RFC 6376). Only signatures and
results that are *aligned* with From count (RFC 7489, 3.1): the same domain, or one above it, which controls
it. Domains beside or below it would need the Public Suffix List; for them a DMARC verdict is used.
"""

import logging
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace

import authres  # type: ignore[import-untyped]
import dkim as dkimpy  # type: ignore[import-untyped]
from authres.core import AuthResError  # type: ignore[import-untyped]

from connectors.email.reading.addresses import ascii_domain
from connectors.email.reading.decoding import unfold
from connectors.email.reading.mail import Mailbox, Trust
from connectors.email.reading.received import Way, border, hops
from connectors.email.reading.structure import ODD_RESULTS, RESULTS, Headers

KeyFor = Callable[[str], bytes | str | None]
"""The TXT record of a name, None if there is none. What it raises means: not to be had now."""

_MAX_RESULTS = 10  # Authentication-Results headers that are read
_MAX_SIGNATURES = 5
_ANY = 1_000_000  # Received lines
_MAX_VALUE = 8_000
# The signer chooses the key, and checking takes longer the larger the key is. Keys of up to 4096 bits must be
# accepted (RFC 8301, 3.2). Any exponent is allowed (RFC 8017), and all real keys have 65537.
_MAX_KEY_BITS = 4_096
_MAX_EXPONENT_BITS = 32
_MAX_RECORD = 4_096  # bytes; the largest key has 740
# Headers that decide how a mail is read, and occur once. A second one above was added after signing.
_ONCE = ("subject", "reply-to", "content-type", "content-transfer-encoding", "message-id")
_TAG = re.compile(r"(?:^|;)\s*([a-z]{1,3})\s*=\s*([^;]*)")
_JUDGING = {"dmarc", "dkim", "spf"}
_ALGORITHMS = {"rsa-sha256", "ed25519-sha256"}  # RFC 8301: SHA-1 no longer proves anything
# Exchange Online writes no server name before its results: https://learn.microsoft.com/defender-office-365/message-headers-eop-mdo
MICROSOFT = "protection.outlook.com"
# Both write their results below their own line and strip all others.
GOOGLE = "mx.google.com"
_NAMELESS = re.compile(r"^\s*(?:spf|dkim|dmarc|compauth)\s*=", re.I | re.ASCII)
_LITERAL = re.compile(
    rb"[ \t]*(?:[A-Za-z0-9][A-Za-z0-9._-]*(?:[ \t]+1)?\s*(?:;|$)|(?:spf|dkim|dmarc|compauth)[ \t]*=)", re.I
)
_CONTROL = re.compile(rb"[^\t\r\n\x20-\x7e\x80-\xff]")
# One result, up to the next semicolon that is in no quotes and no comment.
_ONE = re.compile(r"""(?:"(?:\\.|[^"\\])*+"|\((?:\\.|[^()"\\])*+\)|[^;"()\\])*+(?:;|$)""")
_METHOD = re.compile(r"""\s*([a-z][a-z0-9-]*)\s*=\s*[a-z]+(?:\s*\([^()"\\]*+\))?(?=\s|$)""", re.I | re.ASCII)
_MAX_NAME = 255
_MAX_ONE_BY_ONE = 30
_QUOTING = re.compile(r"""["()\\]""")
_COMMENT = re.compile(r"\((?:\\.|[^()\\])*+\)")
_AROUND_A_NAME = re.compile(r"""[\s\x00-\x1f\x7f"\\()]+""")
_MAX_DEPTH = 10  # of nested comments
UNREADABLE = "unreadable"  # the verdict of a result that cannot be understood

_silent = logging.getLogger("connectors.email.dkim")  # dkimpy logs domains and keys
_silent.addHandler(logging.NullHandler())
_silent.propagate = False


def judge(
    raw: bytes,
    headers: Headers,
    authors: Sequence[Mailbox],
    trusted_servers: Sequence[str],
    key_for: KeyFor | None,
) -> Trust:
    """Decide whether a mail is authenticated. Never raise."""
    if len(headers.all("from")) != 1 or len(authors) != 1 or headers.cut:
        return Trust(False, "none", "not exactly one author")
    if any(len(headers.all(name)) > 1 for name in _ONCE):
        return Trust(False, "none", "a header that must be there once is there twice")
    domain = ascii_domain(authors[0].domain)
    if not domain:
        return Trust(False, "none", "the author has no domain")
    results = server_results(headers, trusted_servers)
    trust = _by_server(results, domain, headers)
    if trust.verified or is_whole(results):
        return trust
    if key_for is None:
        return Trust(False, "none", "no server judged it and no signature was checked")
    return _by_signature(raw, headers, domain, key_for)


def is_aligned(domain: str, author: str) -> bool:
    """Return True if `domain` is the author's, or one above it: the owner of example.com controls
    mail.example.com.
    """
    domain = ascii_domain(domain)
    return "." in domain and (domain == author or author.endswith(f".{domain}"))


Result = tuple[str, str, dict[str, str]]  # method, verdict, properties


def is_whole(results: Sequence[Result]) -> bool:
    """Return True if a server judged a mail, and all its results or its DMARC verdict are understood.

    Otherwise the signatures are checked here.
    """
    judged = [method for method, verdict, _ in results if verdict != UNREADABLE]
    return bool(results) and (len(judged) == len(results) or "dmarc" in judged)


def server_results(headers: Headers, trusted_servers: Sequence[str]) -> list[Result]:
    """Return what the trusted server found. Another server's header above its own makes its own worthless.

    The server may consist of filters that write a header each. A header that repeats a method, or follows a
    header with several methods, was in the mail before. So was a header below one of another kind, unless the
    server writes above its own line, where nothing of the mail stands.
    """
    trusted = _trusted(trusted_servers)
    end, _ = border(headers)
    results: list[Result] = []
    begun, adjacent, name, received = False, False, "", 0
    judged: set[str] = set()
    for at, (key, value) in enumerate(headers.fields):
        if key == "received":
            if begun:
                break  # the lines below were in the mail when the server got it
            received += 1
        if key not in (RESULTS, ODD_RESULTS):
            adjacent = False
            continue
        server, found = _server_and_results(key, value)
        if begun and not (adjacent or trusted[name].above):
            break
        place = trusted.get(server)
        if place is None or not place.holds(received, outside=at > end) or (begun and server != name):
            break
        methods = {method for method, _, _ in found} & _JUDGING
        if methods & judged:
            break
        begun, adjacent, name = True, True, server
        judged |= methods
        results += found
        if len(methods) > 1 or len(results) > _MAX_RESULTS * 5:
            break
    return results


@dataclass(frozen=True, slots=True)
class _Place:
    """The place of a server's results: below at most so many Received lines, or above the border."""

    most: int = _ANY
    above: bool = False

    def holds(self, received: int, *, outside: bool) -> bool:
        """Return True for results below so many Received lines, `outside` meaning below the border."""
        return received <= self.most and not (self.above and outside)


def _trusted(servers: Sequence[str]) -> dict[str, _Place]:
    """Return where each server writes its results, from names like mx.example.com/1 or
    mx.example.com/above.
    """
    named = (server.lower().strip().partition("/") for server in servers)
    return {
        name: _Place(int(place) if place.isdecimal() else _ANY, place == "above") for name, _, place in named
    }


@dataclass(frozen=True, slots=True)
class Traces:
    """The place in a mail where the results of a trusted server stand. `server` is "" if there are none."""

    server: str = ""
    received: int = 0  # Received lines above the topmost results
    brought: bool = False  # other results in its name came with the mail and would be believed
    above: str = ""  # the server that `writes_above`
    silent: tuple[str, ...] = ()  # the `silent_servers`


def traces(headers: Headers, trusted_servers: Sequence[str]) -> Traces:
    """Look for results in the name of a trusted server that came from outside.

    Such results repeat a method of the topmost ones, pass DMARC for a domain that those do not mention, or
    stand below a Received line that stands below those. In a mail without results by the server itself, such
    a header would be believed.
    """
    trusted = _trusted(trusted_servers)
    above, silent = writes_above(headers, trusted_servers), silent_servers(headers, trusted_servers)
    end, _ = border(headers)
    found, received = Traces(above=above, silent=silent), 0
    judged: set[str] = set()
    topmost: list[Result] = []
    for at, (key, value) in enumerate(headers.fields):
        if key == "received":
            received += 1
        if key not in (RESULTS, ODD_RESULTS):
            continue
        server, results = _server_and_results(key, value)
        place = trusted.get(server)
        if place is None or not place.holds(received, outside=at > end):
            continue
        methods = {method for method, _, _ in results} & _JUDGING
        if found.server and (received > found.received or methods & judged or _is_new(results, topmost)):
            return replace(found, brought=True)
        if not found.server:
            found, topmost = replace(found, server=server, received=received), results
        judged |= methods
    return found


def writes_above(headers: Headers, trusted_servers: Sequence[str]) -> str:
    """Return the trusted server whose results stand above the line in which it took the mail from outside, or
    "" if there is none.

    Nobody outside can make a mail with such results. So stop at a line that may be that one: also where the
    server took the mail from a private address, behind which a proxy may hide strangers.
    """
    trusted = _trusted(trusted_servers)
    for at, line in hops(headers):
        ours = line.server in trusted
        if line.way is Way.OUTSIDE and ours and line.server != GOOGLE:
            above = (_server(value) for key, value in headers.fields[:at] if key == RESULTS)
            return line.server if line.server in above else ""
        if not line.is_within or (line.way is Way.PRIVATE and ours):
            break
    return ""


def silent_servers(headers: Headers, trusted_servers: Sequence[str]) -> tuple[str, ...]:
    """Return the trusted servers that may have taken a mail from outside and wrote no results into it.

    Omit servers whose place is given, and those known to write results always.
    """
    trusted = _trusted(trusted_servers)
    _, line = border(headers)
    if line.way is not Way.OUTSIDE or line.authenticated:
        return ()
    if any(key in (RESULTS, ODD_RESULTS) and _may_name(value, trusted) for key, value in headers.fields):
        return ()
    named = (line.server,) if line.server in trusted else trusted
    return tuple(name for name in named if trusted[name] == _Place() and name not in (GOOGLE, MICROSOFT))


def _may_name(value: bytes, servers: Collection[str]) -> bool:
    """Return True if a header of results begins with the name of one of the servers, in any notation.

    The header also contains what a sender has chosen, so the rest of it may be anything.
    """
    text = unfold(value).lower()
    for _ in range(_MAX_DEPTH):
        text, found = _COMMENT.subn("", text)
        if not found:
            break
    name = _AROUND_A_NAME.sub("", text.partition(";")[0])
    return any(re.match(rf"{re.escape(server)}\.?\d*(?![a-z0-9._-])", name) for server in servers)


def _is_new(results: list[Result], topmost: list[Result]) -> bool:
    """Return True if results pass DMARC for a domain for which the topmost results passed nothing."""
    for method, verdict, properties in results:
        domain = ascii_domain(properties.get("header.from", ""))
        if (method, verdict) == ("dmarc", "pass") and not any(
            is_aligned(other, domain) for other in _passed(topmost)
        ):
            return True
    return False


def _passed(results: list[Result]) -> Iterator[str]:
    """Yield the domains for which SPF or DKIM passed."""
    for method, verdict, properties in results:
        if verdict == "pass" and method == "dkim":
            yield properties.get("header.d") or properties.get("header.i", "").rpartition("@")[2]
        elif verdict == "pass" and method == "spf":
            yield properties.get("smtp.mailfrom", "").rpartition("@")[2]


def _server(value: bytes) -> str:
    """Return the server that a header of results names, as `_server_and_results` does, whatever else the
    header says.
    """
    if _LITERAL.match(value) is None:
        return ""
    text = unfold(value[:_MAX_VALUE])
    if _NAMELESS.match(text):
        return MICROSOFT
    name = text.partition(";")[0]
    head = _understood(f"{name}; none") if len(name) <= _MAX_NAME else None
    return head[0] if head is not None else ""


def _server_and_results(key: str, value: bytes) -> tuple[str, list[Result]]:
    """Return the server and the results of an Authentication-Results header.

    The server is "" in a notation no server writes.

    The name must follow the header's name literally. RFC 8601 would allow comments, folds and quotes. With
    those, a header from outside gets past a server that strips headers with its name.
    """
    if key != RESULTS or _LITERAL.match(value) is None or _CONTROL.search(value):
        return "", []
    return _parsed(unfold(value)[:_MAX_VALUE])


def _parsed(value: str) -> tuple[str, list[Result]]:
    if _NAMELESS.match(value):
        value = f"{MICROSOFT}; {value}"
    return _understood(value) or _one_by_one(value) or ("", [])


def _one_by_one(value: str) -> tuple[str, list[Result]] | None:
    """Read each result by itself if one of them is invalid, such as `smtp.mailfrom=<>`.

    Return None if it is not certain what belongs to which result. A sender with a quote or a parenthesis in
    the address could have the rest of it read as results.
    """
    name, _, rest = value.partition(";")
    head = _understood(f"{name}; none") if len(name) <= _MAX_NAME else None
    results: list[Result] = []
    at = 0
    while at < len(rest):
        one = _ONE.match(rest, at)
        if one is None or head is None or len(results) > _MAX_ONE_BY_ONE:
            return None
        at = one.end()
        text = one[0].rstrip(";")
        understood = _understood(f"{name}; {text}") if text.strip() else (name, [])
        if understood is not None:
            results += understood[1]
        elif (method := _METHOD.match(text)) and not _QUOTING.search(text, method.end()):
            results.append((method[1].lower(), UNREADABLE, {}))
        else:
            return None
    return (head[0], results) if head is not None and results else None


def _understood(value: str) -> tuple[str, list[Result]] | None:
    try:
        header = authres.parse_value(value)
    except (AuthResError, ValueError, IndexError, AttributeError, TypeError, RecursionError):
        return None
    found = [
        (
            str(result.method).lower(),
            str(result.result or "").lower(),
            {f"{p.type}.{p.name}".lower(): str(p.value).strip() for p in reversed(result.properties)},
        )
        for result in header.results
        if result.method
    ]
    return str(header.authserv_id).lower(), found


def _by_server(results: list[Result], domain: str, headers: Headers) -> Trust:
    sent_by = any(
        method == "spf"
        and verdict == "pass"
        and is_aligned(properties.get("smtp.mailfrom", "").rpartition("@")[2], domain)
        for method, verdict, properties in results
    )
    # A signature survives forwarding, also with headers added above it.
    reply_to = sent_by or any(signatures(headers, domain))
    verdicts = ", ".join(f"{method}={verdict}" for method, verdict, _ in results)[:200]
    for method, verdict, properties in results:
        if method == "dmarc":
            passed = verdict == "pass" and ascii_domain(properties.get("header.from", "")) == domain
            if passed:
                return Trust(True, "dmarc", verdicts, reply_to)
            if verdict not in ("none", "temperror", "permerror", UNREADABLE):
                return Trust(False, "none", verdicts)
    for method, verdict, properties in results:
        if method == "dkim" and verdict == "pass":
            signer = properties.get("header.d") or properties.get("header.i", "").rpartition("@")[2]
            if is_aligned(signer, domain):
                return Trust(True, "dkim", verdicts, reply_to)
    if sent_by:
        return Trust(True, "spf", verdicts)
    return Trust(False, "none", verdicts)


def signatures(headers: Headers, domain: str) -> Iterator[tuple[int, str]]:
    """Yield the signatures that can authenticate `domain`: the number from the top, and the DNS name of the
    key.

    Omit a signature of only the beginning of the body (l=): anybody may add text. Omit one that leaves a
    Reply-To unsigned: whoever forwards the mail could redirect the answers.
    """
    wanted = {"from", "reply-to"} if "reply-to" in headers else {"from"}
    for number, value in enumerate(headers.all("dkim-signature")[:_MAX_SIGNATURES]):
        tags = {name: content.strip() for name, content in _TAG.findall(unfold(value)[:_MAX_VALUE])}
        signed = {name.strip().lower() for name in tags.get("h", "").split(":")}
        usable = tags.get("a", "").lower() in _ALGORITHMS and "l" not in tags and wanted <= signed
        signer, selector = tags.get("d", ""), tags.get("s", "")
        if usable and selector and is_aligned(signer, domain):
            yield number, f"{selector}._domainkey.{signer}".lower()


def _by_signature(raw: bytes, headers: Headers, domain: str, key_for: KeyFor) -> Trust:
    tried = 0
    for number, name in signatures(headers, domain):
        tried += 1
        try:
            record = key_for(name)
        except Exception:  # whatever a resolver raises, the mail does not wait and is not believed
            return Trust(False, "none", "the key of its signature could not be looked up")
        if record is None:
            continue
        if _verifies(raw, number, record if isinstance(record, bytes) else record.encode("utf-8", "replace")):
            return Trust(True, "dkim", "dkim=pass, checked here")
    return Trust(False, "none", "dkim=fail, checked here" if tried else "no aligned signature")


def _verifies(raw: bytes, number: int, record: bytes) -> bool:
    def known(_name: object, timeout: float = 0) -> bytes:  # noqa: ARG001
        return record

    try:
        if not _is_bounded(record):
            return False
        checked = dkimpy.DKIM(raw, logger=_silent)
        return bool(checked.verify(idx=number, dnsfunc=known))
    except Exception:  # dkimpy raises whatever Python does on malformed keys and headers
        return False


def _is_bounded(record: bytes) -> bool:
    """Return True if checking a signature with this key takes little time. Raise what dkimpy raises."""
    if len(record) > _MAX_RECORD:
        return False
    key, bits, kind, _ = dkimpy.evaluate_pk("the key", record)
    if kind != b"rsa":
        return True
    exponent: int = key["publicExponent"]
    return int(bits) <= _MAX_KEY_BITS and exponent.bit_length() <= _MAX_EXPONENT_BITS
