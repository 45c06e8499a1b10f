"""Keep the mails that a listener took until their files are fetched, as encrypted files in a folder.

Each has a key of its own, which is kept nowhere but in the references of its files. Those are sealed with the
key of their customer, and dropped when the customer is erased: after that nobody can read the mail.
"""

import asyncio
import os
import re
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bot.core.errors import Refused

_NONCE, _KEY, _ID = 12, 32, 16  # bytes
_KEEP = timedelta(days=7)  # a file that could not be fetched by then will never be
_NAME = re.compile(r"([0-9a-f]{32})\.([0-9a-f]{64})")
# Earlier versions named a mail by its hash and sealed it with a key of the account: that must not stay.
_FORMER = re.compile(r"[0-9a-f]{64}")


class Spool:
    """A folder of encrypted mails. Their names are random, and tell nothing of what is in them."""

    def __init__(self, folder: Path, *, seconds: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._seconds = seconds

    async def put(self, raw: bytes) -> str:
        """Store a mail, and return its name and key. It is on the disk when this returns. Raise OSError."""
        return await asyncio.to_thread(self._put, raw)

    async def get(self, name: str) -> bytes:
        """Return the mail with that name and key. Raise Refused if it is gone."""
        return await asyncio.to_thread(self._get, name)

    async def prune(self) -> None:
        """Delete the mails that are older than `_KEEP`, and those of earlier versions."""
        await asyncio.to_thread(self._prune)

    def _put(self, raw: bytes) -> str:
        name, key = os.urandom(_ID).hex(), os.urandom(_KEY)
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        nonce = os.urandom(_NONCE)
        draft = self._folder / f".{name}.{nonce.hex()}"
        with draft.open("wb") as file:
            file.write(nonce + AESGCM(key).encrypt(nonce, raw, name.encode()))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._folder / name)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return f"{name}.{key.hex()}"

    def _get(self, name: str) -> bytes:
        if (found := _NAME.fullmatch(name)) is None:
            raise Refused("no such mail")
        try:
            sealed = (self._folder / found[1]).read_bytes()
        except FileNotFoundError:
            raise Refused("the mail is no longer kept") from None
        try:
            return AESGCM(bytes.fromhex(found[2])).decrypt(
                sealed[:_NONCE], sealed[_NONCE:], found[1].encode()
            )
        except InvalidTag:
            raise Refused("the mail was sealed with another key") from None

    def _prune(self) -> None:
        oldest = self._seconds() - _KEEP.total_seconds()
        for path in self._folder.glob("*") if self._folder.is_dir() else ():
            if path.is_file() and (path.stat().st_mtime < oldest or _FORMER.fullmatch(path.name)):
                path.unlink(missing_ok=True)
