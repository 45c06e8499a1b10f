"""The `state` that accompanies a person to Slack's page and back: signed, short-lived, good for one use."""

import hmac
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256

from bot.core.connector import Vault
from bot.core.ids import Clock

LIFE = timedelta(minutes=10)
_MAX = 200


class States:
    def __init__(self, vault: Vault, clock: Clock, *, key: str, nonce: Callable[[], str]) -> None:
        self._vault = vault
        self._clock = clock
        self._key = hmac.digest(key.encode(), b"slack oauth state", "sha256")
        self._nonce = nonce

    def issue(self) -> str:
        """Return a new signed state. Nothing is stored for it, so asking for many costs us nothing."""
        until = int((self._clock() + LIFE).timestamp())
        stamp = f"{until}.{self._nonce()}"
        return f"{stamp}.{self._sign(stamp)}"

    async def spend(self, state: str) -> bool:
        """Return whether a state is ours, not expired and used for the first time.

        Raises StorageUnavailable.
        """
        stamp, _, signature = state.rpartition(".")
        if len(state) > _MAX or not hmac.compare_digest(
            self._sign(stamp).encode(), signature.encode("utf-8", "replace")
        ):
            return False
        now = int(self._clock().timestamp())
        if now >= int(stamp.partition(".")[0]):
            return False
        await self._sweep(now)
        return await self._vault.swap(f"spent:{stamp}", None, "")

    async def _sweep(self, now: int) -> None:
        for name in await self._vault.names("spent:"):
            if int(name.removeprefix("spent:").partition(".")[0]) <= now:
                await self._vault.delete(name)

    def _sign(self, stamp: str) -> str:
        return hmac.new(self._key, stamp.encode("utf-8", "replace"), sha256).hexdigest()
