"""Find the thread of a mail by signed tokens in our addresses and Message-IDs. Only we can make them.

A token names a thread, the address that may speak in it as the customer, and whether that address was
verified when the thread began. The token of a Message-ID also names the mail. It is the tag of the return
path of that mail (VERP), so that a bounce is recognized even if it repeats nothing of the mail. Subjects are
never used.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

_THREAD_BYTES = 10
_BOUND_BYTES = 5  # few are enough: each guess at an address costs a mail to us
_MAIL_BYTES = 5  # enough to tell the mails of one thread apart
_MAC_BYTES = 10
_MAX_LOCAL_PART = 64  # RFC 5321 section 4.5.3.1.1
_TOKEN = re.compile(r"([a-z2-7]{16})([a-z2-7]{8})([a-z2-7]{16})")
_MAIL_TOKEN = re.compile(r"([a-z2-7]{8})([a-z2-7]{16})([a-z2-7]{8})([a-z2-7]{16})")
_MESSAGE_ID = re.compile(r"<([a-z2-7]{48})@[^<>\s@]{1,255}>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Found:
    """A thread that a token of ours names. `bound` is for `Threads.speaks`."""

    thread: str
    bound: str
    key: bytes


class Threads:
    """Makes and checks tokens. It signs with `key`, and also accepts tokens signed with a key of `former`.

    Pure.

    Every result is the same for the same arguments, on any replica and in any year.
    """

    def __init__(self, key: bytes, account: str, former: Iterable[bytes] = ()) -> None:
        self._key = derived(key, account)
        self._keys = (self._key, *(derived(each, account) for each in former if each != key))

    def begun_by(self, root: str, address: str, *, vouched: bool) -> str:
        """Return the thread that the mail `root`, or a reply to it without a token, opens for its sender.

        The address is part of it: somebody else who answers the same mail has a thread of their own.
        """
        return _text(_mac(self._key, "thread", root, address.casefold(), _flag(vouched), size=_THREAD_BYTES))

    def fresh(self, randomness: bytes) -> str:
        """Return a new thread that nobody has written in."""
        return _text(_mac(self._key, "fresh", randomness.hex(), size=_THREAD_BYTES))

    def plus_address(self, ours: str, thread: str, address: str, *, vouched: bool) -> str:
        """Return our address with a token of the thread, or our address alone if it would be too long."""
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
        """Return the address to which that mail of ours bounces, or our address alone if it would be too
        long.
        """
        found = _MESSAGE_ID.fullmatch(message_id)
        return ours if found is None else _tagged(ours, found[1])

    def by_address(self, recipient: str, ours: Sequence[str]) -> Found | None:
        """Return the thread that `support+token@…` names, or None if the address is not ours or we did not
        sign it.
        """
        tag = _tag(recipient, ours)
        if (found := _TOKEN.fullmatch(tag)) is not None:
            return self._signed(found[1], found[2], found[3], "address", found[1], found[2])
        return self._mail(tag)

    def returned(self, recipient: str, ours: Sequence[str], domain: str) -> str:
        """Return the Message-ID of our mail that bounces to this address, or "" if the address names none."""
        tag = _tag(recipient, ours)
        return f"<{tag}@{domain}>" if self._mail(tag) is not None else ""

    def by_message_id(self, message_id: str) -> Found | None:
        """Return the thread of the mail of ours with this Message-ID, or None if we did not sign it."""
        found = _MESSAGE_ID.fullmatch(message_id)
        return None if found is None else self._mail(found[1].lower())

    def _mail(self, token: str) -> Found | None:
        found = _MAIL_TOKEN.fullmatch(token)
        if found is None:
            return None
        mail, thread, bound, mac = found.groups()
        return self._signed(thread, bound, mac, "mail", mail, thread, bound)

    def speaks(self, found: Found, address: str, *, vouched: bool) -> bool:
        """Return True if `address` is the customer of that thread."""
        return hmac.compare_digest(_bound(found.key, found.thread, address, vouched), found.bound)

    def _signed(self, thread: str, bound: str, mac: str, *facts: str) -> Found | None:
        for key in self._keys:
            if hmac.compare_digest(_text(_mac(key, *facts)), mac):
                return Found(thread, bound, key)
        return None


def derived(key: bytes, purpose: str) -> bytes:
    """Derive a key for one purpose. The original key cannot be computed from it."""
    return hmac.new(key, f"email {purpose}".encode(), hashlib.sha256).digest()


def _tagged(ours: str, token: str) -> str:
    local, _, domain = ours.rpartition("@")
    tagged = f"{local}+{token}"
    return f"{tagged}@{domain}" if len(tagged) <= _MAX_LOCAL_PART else ours


def _tag(recipient: str, ours: Sequence[str]) -> str:
    """Return the tag behind the last plus of an address of ours, or "" if it has none or is not ours."""
    local, _, domain = recipient.casefold().rpartition("@")
    name, plus, tag = local.rpartition("+")
    return tag if plus and f"{name}@{domain}" in [each.casefold() for each in ours] else ""


def _bound(key: bytes, thread: str, address: str, vouched: bool) -> str:
    return _text(_mac(key, "bound", thread, address.casefold(), _flag(vouched), size=_BOUND_BYTES))


def _flag(vouched: bool) -> str:
    return "vouched" if vouched else "unvouched"


def _mac(key: bytes, *facts: str, size: int = _MAC_BYTES) -> bytes:
    # Facts are joined by NUL, and none contains one, so no two lists of facts give the same message.
    message = "\0".join(fact.replace("\0", "") for fact in facts).encode("utf-8", "replace")
    return hmac.new(key, message, hashlib.sha256).digest()[:size]


def _text(mac: bytes) -> str:
    return base64.b32encode(mac).decode().lower()
