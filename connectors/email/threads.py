"""How a mail finds its thread: tokens in our addresses and Message-IDs, which only we can make.

A token says three things and signs them: which thread, and which address may speak in it as the customer,
and whether that address was vouched for when the thread began. That of a Message-ID also says which mail it
is, and is the tag of the address to which this mail is returned (VERP), even by reports that repeat nothing
of it. A subject says nothing.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

_THREAD_BYTES = 10
_BOUND_BYTES = 5  # nobody can try addresses but by sending us mail
_MAIL_BYTES = 5  # of all those in one thread
_MAC_BYTES = 10
_MAX_LOCAL_PART = 64  # RFC 5321 section 4.5.3.1.1
_TOKEN = re.compile(r"([a-z2-7]{16})([a-z2-7]{8})([a-z2-7]{16})")
_MAIL_TOKEN = re.compile(r"([a-z2-7]{8})([a-z2-7]{16})([a-z2-7]{8})([a-z2-7]{16})")
_MESSAGE_ID = re.compile(r"<([a-z2-7]{48})@[^<>\s@]{1,255}>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Found:
    """A thread that one of our tokens names. `bound` is for `Threads.speaks`."""

    thread: str
    bound: str
    key: bytes


class Threads:
    """Signs with `key`, believes also what was signed with `former` ones. Pure.

    Everything made here is the same for the same arguments, on any replica and in any year.
    """

    def __init__(self, key: bytes, account: str, former: Iterable[bytes] = ()) -> None:
        self._key = derived(key, account)
        self._keys = (self._key, *(derived(each, account) for each in former if each != key))

    def begun_by(self, root: str, address: str, *, vouched: bool) -> str:
        """The thread which the mail named `root`, or a reply to it without a token, begins for its sender.

        The address is part of it: whoever else answers to the same mail has a thread of their own.
        """
        return _text(_mac(self._key, "thread", root, address.casefold(), _flag(vouched), size=_THREAD_BYTES))

    def fresh(self, randomness: bytes) -> str:
        """A thread that nobody wrote in before."""
        return _text(_mac(self._key, "fresh", randomness.hex(), size=_THREAD_BYTES))

    def plus_address(self, ours: str, thread: str, address: str, *, vouched: bool) -> str:
        """Our address with a token; our address alone if that would be too long for one."""
        bound = _bound(self._key, thread, address, vouched)
        return _tagged(ours, f"{thread}{bound}{_text(_mac(self._key, 'address', thread, bound))}")

    def message_id(
        self, delivery: UUID, part: int, thread: str, address: str, domain: str, *, vouched: bool
    ) -> str:
        bound = _bound(self._key, thread, address, vouched)
        mail = _text(_mac(self._key, "delivery", delivery.hex, str(part), size=_MAIL_BYTES))
        mac = _text(_mac(self._key, "mail", mail, thread, bound))
        return f"<{mail}{thread}{bound}{mac}@{domain}>"

    def return_path(self, ours: str, message_id: str) -> str:
        """The address to which that mail of ours is returned; our address alone if that would be too long."""
        found = _MESSAGE_ID.fullmatch(message_id)
        return ours if found is None else _tagged(ours, found[1])

    def by_address(self, recipient: str, ours: Sequence[str]) -> Found | None:
        """The thread of `support+token@…`, if that is ours and signed by us."""
        tag = _tag(recipient, ours)
        if (found := _TOKEN.fullmatch(tag)) is not None:
            return self._signed(found[1], found[2], found[3], "address", found[1], found[2])
        return self._mail(tag)

    def returned(self, recipient: str, ours: Sequence[str], domain: str) -> str:
        """The Message-ID of the mail of ours that is returned to an address, "" where there is none."""
        tag = _tag(recipient, ours)
        return f"<{tag}@{domain}>" if self._mail(tag) is not None else ""

    def by_message_id(self, message_id: str) -> Found | None:
        """The thread of a mail of ours, if we signed this very Message-ID."""
        found = _MESSAGE_ID.fullmatch(message_id)
        return None if found is None else self._mail(found[1].lower())

    def _mail(self, token: str) -> Found | None:
        found = _MAIL_TOKEN.fullmatch(token)
        if found is None:
            return None
        mail, thread, bound, mac = found.groups()
        return self._signed(thread, bound, mac, "mail", mail, thread, bound)

    def speaks(self, found: Found, address: str, *, vouched: bool) -> bool:
        """Whether `address` is the customer of that thread."""
        return hmac.compare_digest(_bound(found.key, found.thread, address, vouched), found.bound)

    def _signed(self, thread: str, bound: str, mac: str, *facts: str) -> Found | None:
        for key in self._keys:
            if hmac.compare_digest(_text(_mac(key, *facts)), mac):
                return Found(thread, bound, key)
        return None


def derived(key: bytes, purpose: str) -> bytes:
    """A key for one purpose, from which the first cannot be told."""
    return hmac.new(key, f"email {purpose}".encode(), hashlib.sha256).digest()


def _tagged(ours: str, token: str) -> str:
    local, _, domain = ours.rpartition("@")
    tagged = f"{local}+{token}"
    return f"{tagged}@{domain}" if len(tagged) <= _MAX_LOCAL_PART else ours


def _tag(recipient: str, ours: Sequence[str]) -> str:
    """What stands behind the last plus of an address of ours, "" where there is nothing."""
    local, _, domain = recipient.casefold().rpartition("@")
    name, plus, tag = local.rpartition("+")
    return tag if plus and f"{name}@{domain}" in [each.casefold() for each in ours] else ""


def _bound(key: bytes, thread: str, address: str, vouched: bool) -> str:
    return _text(_mac(key, "bound", thread, address.casefold(), _flag(vouched), size=_BOUND_BYTES))


def _flag(vouched: bool) -> str:
    return "vouched" if vouched else "unvouched"


def _mac(key: bytes, *facts: str, size: int = _MAC_BYTES) -> bytes:
    # NUL between facts: none of them can hold one, so no two lists of facts read alike.
    message = "\0".join(fact.replace("\0", "") for fact in facts).encode("utf-8", "replace")
    return hmac.new(key, message, hashlib.sha256).digest()[:size]


def _text(mac: bytes) -> str:
    return base64.b32encode(mac).decode().lower()
