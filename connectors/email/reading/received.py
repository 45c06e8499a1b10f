"""Tell from the Received lines of a mail which of its headers our own servers wrote.

Each server puts its headers above those that are there. So ours wrote everything down to the *border*: the
line in which one of them took the mail from outside. All below it is the sender's, whatever it looks like. In
the border itself, the sender chooses the greeting, the reverse name and the addresses of the envelope, which
may hold blanks, brackets and whole clauses, and perhaps what is folded onto its end. The sender does not
choose the address that the server saw, nor removes the server's own `by`.

Hence a line is within the organization only where it has a single `by`, and a protocol that leads from no
stranger or addresses that are all private. The first line of which that is not certain counts as the border,
whichever server it names. Where that line has a single `by` and a public address in brackets, it tells who
took the mail. Where not, nothing is concluded from the mail about others, and never from a line below.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from connectors.email.reading.structure import Headers

_MAX_LINES = 100  # servers take a mail with so many for one that goes round in circles
_MAX_LINE = 8_000
_MAX_ADDRESSES = 10  # in a line
_BLANKS = re.compile(r"[ \t\r\n]+")
_BY = re.compile(r"(?<= )by(?= )")
# What one server hands to itself: Postfix, Exim, simscan and qmail write such lines.
_BY_ITSELF = re.compile(r"by |\(qmail \d+ invoked (?:by|for) ")
_SMTP = re.compile(r" with \w*smtp", re.ASCII)  # OpenSMTPD leaves out from whom if it is told to (mask-src)
# LMTP is not for wide area networks (RFC 2033, 5). By POP3 and IMAP a mail is fetched from one's own mailbox.
_TAKER = re.compile(r" ([^ ;()]+) ?(?:\([^()<>@]*+\) ?)*+(with (?:(?:utf8)?lmtps?a?|local|pop3|imap)\b)?")
# RFC 3848: from an authenticated sender
_AUTHENTICATED = re.compile(r" with (?:utf8)?(?:e?smtps?|lmtps?)a\b")
# A sender chooses an address given as greeting. Exim writes the true address there, and then the greeting.
_GREETING = re.compile(r"[^ ]+ (?!\((?:helo|port)=)")
_ENCLOSED = re.compile(r"([\[(])(?:ipv6:)?([0-9a-f.:]{2,45})(?:%\w{1,20})?[\])]", re.ASCII)
_BARE = re.compile(
    r"(?<![\w.:\]-])(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f]*+:[0-9a-f.]*+:)[0-9a-f.:]*+(?![\w-])", re.ASCII
)
_PRIVATE = tuple(
    map(
        ip_network,
        (
            *("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"),
            *("100.64.0.0/10", "::1/128", "fc00::/7", "fe80::/10"),
        ),
    )
)

_Address = IPv4Address | IPv6Address


class Way(Enum):
    """The way on which a mail came to the server that wrote a Received line."""

    LOCAL = auto()  # within one machine, or by a protocol that leads from no stranger
    PRIVATE = auto()  # from a private address: within the organization, unless a proxy or a NAT hides others
    OUTSIDE = auto()  # from a public address
    UNCLEAR = auto()


@dataclass(frozen=True, slots=True)
class Hop:
    """The content of a Received line. `server` is "" unless it is certain which server wrote the line."""

    way: Way
    server: str = ""
    authenticated: bool = False  # the sender has a password there

    @property
    def is_within(self) -> bool:
        return self.way in (Way.LOCAL, Way.PRIVATE)


def hops(headers: Headers) -> Iterator[tuple[int, Hop]]:
    """Yield what the Received lines of a mail tell, topmost first, each with its place among the headers."""
    places = (place for place, (key, _) in enumerate(headers.fields) if key == "received")
    for number, place in enumerate(places):
        yield place, hop(headers.fields[place][1]) if number < _MAX_LINES else Hop(Way.UNCLEAR)


def border(headers: Headers) -> tuple[int, Hop]:
    """Return the border of a mail and its place among the headers: below it, everything is the sender's.

    A mail that has no border came from within, and all its headers are above.
    """
    outer = ((place, line) for place, line in hops(headers) if not line.is_within)
    return next(outer, (len(headers.fields), Hop(Way.LOCAL)))


def hop(line: bytes) -> Hop:
    """Read a Received line.

    Decode it as single bytes: in another charset, a greeting could swallow what follows it.
    """
    if len(line) > _MAX_LINE:
        return Hop(Way.UNCLEAR)
    text = _BLANKS.sub(" ", line.decode("latin-1")).strip(" ").lower()
    if _BY_ITSELF.match(text):
        return Hop(Way.UNCLEAR if _SMTP.search(text) else Way.LOCAL)
    sender, *takers = _BY.split(text)
    taker = _TAKER.match(takers[0]) if len(takers) == 1 and sender.startswith("from ") else None
    if taker is None:
        return Hop(Way.UNCLEAR)
    way = Way.LOCAL if taker[2] else _way(_GREETING.sub("", sender.removeprefix("from "), count=1))
    return Hop(way, taker[1], _AUTHENTICATED.search(takers[0]) is not None)


def _way(peer: str) -> Way:
    """Return the way from what a line says about the peer behind its greeting."""
    enclosed, bare = _ENCLOSED.findall(peer), _BARE.findall(peer)
    if not enclosed or len(enclosed) + len(bare) > _MAX_ADDRESSES:
        return Way.UNCLEAR
    seen = [_address(text) for _, text in enclosed]
    if any(
        address is not None and address.is_global and mark == "["
        for (mark, _), address in zip(enclosed, seen, strict=True)
    ):
        return Way.OUTSIDE
    if not all(map(_is_private, (*seen, *map(_address, bare)))):
        return Way.UNCLEAR
    return Way.LOCAL if all(address is not None and address.is_loopback for address in seen) else Way.PRIVATE


def _is_private(address: _Address | None) -> bool:
    """Return True for an internal address of an organization.

    Not every address that is not public is internal: those of Teredo (2001::/32) lead to anybody.
    """
    return address is not None and any(
        address in network for network in _PRIVATE if network.version == address.version
    )


def _address(text: str) -> _Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address  # Courier writes ::ffff:192.0.2.1
