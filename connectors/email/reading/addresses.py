"""Read the mail addresses in headers."""

import re
from collections.abc import Iterable
from email.utils import getaddresses

from connectors.email.reading.decoding import decode_words, unfold
from connectors.email.reading.mail import Mailbox
from connectors.email.reading.structure import Headers

MAX_MAILBOXES = 500
_MAX_NAME = 200
# `Maria maria@example.org`: the program forgot the brackets. This has no other meaning.
_UNBRACKETED = re.compile(r"([^@<>,;:()\"]{1,200})\s([^\s@<>,;:()\"]{1,64}@[^\s@<>,;:()\"]{1,253})")

# `boss@acme.example <maria@example.org>`: an address in place of a name. The address is the one in brackets,
# here as for servers that judge the mail and programs that show it.
_ADDRESS_AS_NAME = re.compile(
    r"(?:^|(?<=,))\s*([^<>,;:()\"\\@]{0,200}@[^<>,;:()\"\\]{0,200}?)\s*<(?=[^<>@,]{1,64}@[^<>@,]{1,253}>)"
)


def mailboxes(values: Iterable[bytes]) -> tuple[Mailbox, ...]:
    """Return each address once, with its name, in the order in which they come.

    Encoded words are decoded only after the addresses were split. So an encoded comma separates nothing, and
    an encoded address is not an address.
    """
    found: dict[str, Mailbox] = {}
    for value in values:
        text = _ADDRESS_AS_NAME.sub(r' "\1" <', unfold(value))
        forgotten = _UNBRACKETED.fullmatch(text)
        try:
            pairs = [(forgotten[1], forgotten[2])] if forgotten is not None else getaddresses([text])
        except (ValueError, IndexError, TypeError, AttributeError, RecursionError):
            continue
        for name, address in pairs[:MAX_MAILBOXES]:
            box = _mailbox(name, address)
            if box is not None and len(found) < MAX_MAILBOXES:
                found.setdefault(box.key, box)
    return tuple(found.values())


def ascii_domain(domain: str) -> str:
    domain = domain.strip(" .").lower()
    try:
        return domain if domain.isascii() else domain.encode("idna").decode("ascii")
    except UnicodeError:
        return ""


def one_mailbox(headers: Headers, *names: str) -> Mailbox:
    return next((box for name in names for box in mailboxes(headers.all(name))), Mailbox(""))


def _mailbox(name: str, address: str) -> Mailbox | None:
    local, at, domain = address.strip().rpartition("@")
    well_formed = (
        at
        and local
        and domain
        and len(address) <= 320
        and not any(c.isspace() or c in "<>,;" for c in address)
    )
    if not well_formed:
        return None
    # Programs write the same domain as müller.example or as xn--mller-kva.example.
    plain = f"{local}@{ascii_domain(domain) or domain.lower()}"
    named = " ".join(decode_words(name).split()).strip("'\" ")[:_MAX_NAME]
    return Mailbox(plain, "" if named.casefold() == plain.casefold() else named)
