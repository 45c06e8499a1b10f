"""Encrypt at rest what people wrote and who they are.

There are three layers. `ENCRYPTION_KEY` holds the operator's keys (`Keyring`). They wrap one data key per
customer. The data key seals that customer's texts (`Sealer`). Destroying the wrapped data key is erasure: the
texts stay where they are, and nobody can read them again. All layers use AES-256-GCM (NIST SP 800-38D) with
random nonces of 96 bits, which is safe for 2**32 sealed texts under one data key (section 8.3). Lengths are
not hidden.
"""

import hashlib
import hmac
import os
from base64 import b64decode, urlsafe_b64decode, urlsafe_b64encode
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final, Self
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bot.core.errors import CannotDecrypt, KeyDestroyed, SettingsError

Randomness = Callable[[int], bytes]

KEY_BYTES: Final = 32
HASH_BYTES: Final = 16

_NONCE = 12
_TAG = 16
_FINGERPRINT = 4
_VERSION = b"\x01"
_SEALED_LEAST = len(_VERSION) + _NONCE + _TAG
_WRAPPED_HEAD = len(_VERSION) + _FINGERPRINT


class Keyring:
    """The operator's keys, newest first. The newest one wraps; any of them unwraps.

    A wrapped key is a version byte, 4 bytes that name the wrapping key, the nonce, and the ciphertext. It
    opens only for the owner and purpose it was wrapped for, so it cannot be copied to another row or column.
    """

    __slots__ = ("_ciphers", "_newest", "_randomness", "_signing")

    def __init__(self, keys: Sequence[bytes], *, randomness: Randomness = os.urandom) -> None:
        if not keys:
            raise SettingsError("ENCRYPTION_KEY is empty: give at least one key of 32 random bytes in base64")
        self._ciphers: dict[bytes, AESGCM] = {}
        for number, key in enumerate(keys, start=1):
            _check_key(key, f"key {number} of {len(keys)} in ENCRYPTION_KEY")
            mark = _fingerprint(key)
            if mark in self._ciphers:
                raise SettingsError(f"key {number} of {len(keys)} in ENCRYPTION_KEY is there twice")
            self._ciphers[mark] = AESGCM(key)
        self._newest = _fingerprint(keys[0])
        self._signing = tuple(hmac.digest(key, b"agents-market signatures", "sha256") for key in keys)
        self._randomness = randomness

    def sign(self, data: bytes) -> bytes:
        """Return the HMAC-SHA-256 of `data` under the newest key.

        `data` must say what it is, so that a signature is valid for one purpose only.
        """
        return hmac.digest(self._signing[0], data, "sha256")

    def verifies(self, data: bytes, signature: bytes) -> bool:
        """Return whether one of the keys made this signature of `data`."""
        return any(hmac.compare_digest(hmac.digest(key, data, "sha256"), signature) for key in self._signing)

    @classmethod
    def parse(cls, text: str, *, randomness: Randomness = os.urandom) -> Self:
        """Read `ENCRYPTION_KEY`: base64 keys (either alphabet), newest first, separated by commas.

        Raise SettingsError, which names a key by its number and never shows it.
        """
        parts = [part.strip() for part in text.split(",")] if text.strip() else []
        keys = []
        for number, part in enumerate(parts, start=1):
            try:
                keys.append(b64decode(part.replace("-", "+").replace("_", "/"), validate=True))
            except ValueError:
                raise SettingsError(
                    f"key {number} of {len(parts)} in ENCRYPTION_KEY is not base64: make one with"
                    " `openssl rand -base64 32`, and put commas between several"
                ) from None
        return cls(keys, randomness=randomness)

    @property
    def fingerprints(self) -> tuple[str, ...]:
        """Return short names of the keys for error messages, newest first. They reveal nothing of the
        keys.
        """
        return tuple(mark.hex() for mark in self._ciphers)

    def new_data_key(self) -> bytes:
        """Return 32 random bytes, the data key of one customer."""
        return self._randomness(KEY_BYTES)

    def wrap(self, data_key: bytes, *, owner: UUID, purpose: str = "data") -> bytes:
        """Encrypt a data key with the newest key. `purpose` separates two keys of one owner."""
        nonce = self._randomness(_NONCE)
        sealed = self._ciphers[self._newest].encrypt(nonce, data_key, _wrap_context(owner, purpose))
        return _VERSION + self._newest + nonce + sealed

    def unwrap(self, wrapped: bytes, *, owner: UUID, purpose: str = "data") -> bytes:
        """Return the data key. Raise CannotDecrypt if no key at hand wrapped it for this owner and
        purpose.
        """
        if len(wrapped) < _WRAPPED_HEAD + _NONCE + _TAG or not wrapped.startswith(_VERSION):
            raise CannotDecrypt(f"the wrapped {purpose} key of {owner} is damaged: its format is unknown")
        mark = wrapped[len(_VERSION) : _WRAPPED_HEAD]
        cipher = self._ciphers.get(mark)
        if cipher is None:
            raise CannotDecrypt(
                f"the {purpose} key of {owner} was wrapped with key {mark.hex()}, and ENCRYPTION_KEY has only"
                f" {', '.join(self.fingerprints)}: add the old key behind the newest"
            )
        nonce, sealed = wrapped[_WRAPPED_HEAD : _WRAPPED_HEAD + _NONCE], wrapped[_WRAPPED_HEAD + _NONCE :]
        try:
            return cipher.decrypt(nonce, sealed, _wrap_context(owner, purpose))
        except InvalidTag:
            raise CannotDecrypt(
                f"the wrapped {purpose} key of {owner} names key {mark.hex()} and does not open with it:"
                " it was altered, or belongs to another owner"
            ) from None

    def is_current(self, wrapped: bytes) -> bool:
        """Return whether the newest key wrapped this one. If not, rotation must wrap it again."""
        return wrapped.startswith(_VERSION + self._newest)

    def rewrap(self, wrapped: bytes, *, owner: UUID, purpose: str = "data") -> bytes:
        """Wrap the same data key with the newest key. Sealed texts need no change."""
        return self.wrap(self.unwrap(wrapped, owner=owner, purpose=purpose), owner=owner, purpose=purpose)


class Sealer:
    """Seals and opens the texts of one owner: a customer, or an organization for what belongs to no customer.

    A sealed text opens only under the owner and the field (such as "messages.content") it was sealed for.
    """

    __slots__ = ("_cipher", "_context", "_owner", "_randomness")

    def __init__(self, data_key: bytes, owner: UUID, *, randomness: Randomness = os.urandom) -> None:
        if len(data_key) != KEY_BYTES:
            raise CannotDecrypt(f"the data key of {owner} has {len(data_key)} bytes instead of {KEY_BYTES}")
        self._cipher = AESGCM(data_key)  # expands the key once: half the cost of sealing a short text
        self._context = _VERSION + owner.bytes
        self._owner = owner
        self._randomness = randomness

    def seal(self, text: str, *, field: str) -> str:
        """Seal a text, as URL-safe base64.

        Accept any `str`, also with lone surrogates, which the platforms' JSON can carry.
        """
        sealed = self.seal_bytes(text.encode("utf-8", "surrogatepass"), field=field)
        return urlsafe_b64encode(sealed).decode("ascii")

    def open(self, sealed: str, *, field: str) -> str:
        """Return the text. Raise CannotDecrypt if it was altered, or sealed for another owner or field."""
        try:
            raw = urlsafe_b64decode(sealed)
        except ValueError:
            raise self._refusal(field) from None
        # The decoder ignores foreign characters and spare bits. A sealed text must have one form only.
        if urlsafe_b64encode(raw) != sealed.encode("ascii", "replace"):
            raise self._refusal(field)
        return self.open_bytes(raw, field=field).decode("utf-8", "surrogatepass")

    def seal_bytes(self, data: bytes, *, field: str) -> bytes:
        """Seal bytes. The result (version byte, nonce, ciphertext with tag) is 29 bytes longer than
        `data`.
        """
        nonce = self._randomness(_NONCE)
        return _VERSION + nonce + self._cipher.encrypt(nonce, data, self._context + field.encode())

    def open_bytes(self, sealed: bytes, *, field: str) -> bytes:
        if len(sealed) < _SEALED_LEAST or not sealed.startswith(_VERSION):
            raise self._refusal(field)
        try:
            return self._cipher.decrypt(sealed[1:13], sealed[13:], self._context + field.encode())
        except InvalidTag:
            raise self._refusal(field) from None

    def _refusal(self, field: str) -> CannotDecrypt:
        return CannotDecrypt(
            f"a text in {field} of {self._owner} does not open:"
            " it was altered, or sealed for another owner or field"
        )


class KeyedHash:
    """Hashes identities and addresses with a key: equal parts give equal hashes, and only the key makes them.

    The hash is HMAC-SHA256, cut to 16 bytes. Without the key nobody can search for collisions, so only chance
    counts: a thousand million identities collide with a probability of 10**-21, and the index is half as
    large.
    """

    __slots__ = ("_key",)

    def __init__(self, index_key: bytes) -> None:
        if len(index_key) != KEY_BYTES:
            raise CannotDecrypt(f"an index key has {len(index_key)} bytes instead of {KEY_BYTES}")
        self._key = index_key

    def of(self, *parts: str) -> bytes:
        """Return the hash of the parts, 16 bytes. Each part is preceded by its length: ("ab", "c") and ("a",
        "bc") differ.
        """
        encoded = bytearray()
        for part in parts:
            raw = part.encode("utf-8", "surrogatepass")
            encoded += len(raw).to_bytes(4, "big")
            encoded += raw
        return hmac.digest(self._key, encoded, "sha256")[:HASH_BYTES]


class DataKeys:
    """The sealers of recently met customers, so that a turn does not unwrap their keys again.

    For one event loop. The caller passes the wrapped key as read in its transaction, and a cached sealer is
    used only while that key is unchanged. So a key that another process has destroyed is refused here at
    once.
    """

    __slots__ = ("_capacity", "_keyring", "_sealers")

    def __init__(self, keyring: Keyring, capacity: int = 10_000) -> None:
        if capacity < 1:
            raise ValueError(f"capacity must be at least 1, got {capacity!r}")
        self._keyring = keyring
        self._capacity = capacity
        self._sealers: OrderedDict[UUID, tuple[bytes, Sealer]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._sealers)

    def sealer(self, customer_id: UUID, wrapped: bytes | None) -> Sealer:
        """Return the customer's sealer.

        Raise KeyDestroyed if there is no wrapped key, CannotDecrypt if it does not open.
        """
        if wrapped is None:
            self.forget(customer_id)
            raise KeyDestroyed(customer_id)
        known = self._sealers.get(customer_id)
        if known is not None and known[0] == wrapped:
            self._sealers.move_to_end(customer_id)
            return known[1]
        sealer = Sealer(self._keyring.unwrap(wrapped, owner=customer_id), customer_id)
        self._sealers[customer_id] = (wrapped, sealer)
        self._sealers.move_to_end(customer_id)
        if len(self._sealers) > self._capacity:
            self._sealers.popitem(last=False)
        return sealer

    def forget(self, customer_id: UUID) -> None:
        """Drop the unwrapped key from this process, if it is here."""
        self._sealers.pop(customer_id, None)


def _check_key(key: bytes, name: str) -> None:
    if len(key) != KEY_BYTES:
        raise SettingsError(
            f"{name} has {len(key)} bytes instead of {KEY_BYTES}: make one with `openssl rand -base64 32`"
        )


def _fingerprint(key: bytes) -> bytes:
    return hashlib.sha256(b"agents-market key fingerprint\x00" + key).digest()[:_FINGERPRINT]


def _wrap_context(owner: UUID, purpose: str) -> bytes:
    return _VERSION + owner.bytes + purpose.encode()
