"""Keep the mails that a listener took until their files are fetched, as encrypted files in a folder."""

import asyncio
import hashlib
import os
import re
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bot.core.errors import Refused
from connectors.email.threads import derived

_NONCE = 12
_KEEP = timedelta(days=7)  # a file that could not be fetched by then will never be
_NAME = re.compile(r"[0-9a-f]{64}")


class Spool:
    """A folder of encrypted mails, named by a hash of their content, so that the same mail has the same name.

    It encrypts with the first key, and decrypts with any of them.
    """

    def __init__(
        self, folder: Path, keys: Sequence[bytes], *, seconds: Callable[[], float] = time.time
    ) -> None:
        self._folder = folder
        self._ciphers = [AESGCM(derived(key, "spool")) for key in keys]
        self._seconds = seconds

    async def put(self, raw: bytes) -> str:
        """Store a mail and return its name. The mail is on the disk when this returns. Raise OSError."""
        return await asyncio.to_thread(self._put, raw)

    async def get(self, name: str) -> bytes:
        """Return the mail with that name. Raise Refused if it is gone."""
        return await asyncio.to_thread(self._get, name)

    async def prune(self) -> None:
        """Delete the mails that are older than `_KEEP`."""
        await asyncio.to_thread(self._prune)

    def _put(self, raw: bytes) -> str:
        name = hashlib.sha256(raw).hexdigest()
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        nonce = os.urandom(_NONCE)
        draft = self._folder / f".{name}.{nonce.hex()}"
        with draft.open("wb") as file:
            file.write(nonce + self._ciphers[0].encrypt(nonce, raw, name.encode()))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._folder / name)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return name

    def _get(self, name: str) -> bytes:
        if not _NAME.fullmatch(name):
            raise Refused("no such mail")
        try:
            sealed = (self._folder / name).read_bytes()
        except FileNotFoundError:
            raise Refused("the mail is no longer kept") from None
        for cipher in self._ciphers:
            try:
                return cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], name.encode())
            except InvalidTag:
                continue
        raise Refused("the mail was sealed with a key that is not here")

    def _prune(self) -> None:
        oldest = self._seconds() - _KEEP.total_seconds()
        for path in self._folder.glob("*") if self._folder.is_dir() else ():
            if path.is_file() and path.stat().st_mtime < oldest:
                path.unlink(missing_ok=True)
