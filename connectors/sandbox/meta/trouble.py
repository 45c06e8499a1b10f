"""Troubles that only Meta's platforms have, beside the faults of all platforms
(`connectors.sandbox.faults`).
"""

from collections.abc import Mapping
from enum import StrEnum


class Trouble(StrEnum):
    """A kind of trouble, with the name that the page uses.

    It lasts until it is switched off, or for a number of times.
    """

    BATCHES = "batches"  # all ready events leave in one webhook request
    RECEIPTS_SHUFFLED = "receipts_shuffled"  # receipts come in the wrong order
    WINDOW_EXPIRED = "window_expired"  # every window counts as closed
    TOKEN_EXPIRED = "token_expired"  # noqa: S105  # the access token counts as expired
    ACCOUNT_THROTTLED = "account_throttled"  # 80007, the limit of the business account
    MEDIA_EXPIRED = "media_expired"  # media ids have expired
    URL_EXPIRED = "url_expired"  # the download URL has expired
    HASH_MISMATCH = "hash_mismatch"  # the downloaded file differs from the announced hash
    UPLOAD_FAILED = "upload_failed"  # 131053 for a file that is uploaded or fetched from a link


class Troubles:
    """The troubles that are on. A trouble without a number of times stays on until it is switched off."""

    def __init__(self) -> None:
        self._on: dict[Trouble, int | None] = {}

    def switch(self, trouble: Trouble, on: bool = True, *, times: int | None = None) -> None:
        self._on.pop(trouble, None)
        if on and (times is None or times > 0):
            self._on[trouble] = times

    def clear(self) -> None:
        self._on.clear()

    def on(self) -> Mapping[Trouble, int | None]:
        """Return the troubles that are on, and how many times each still strikes (None: no limit)."""
        return dict(self._on)

    def restore(self, saved: Mapping[Trouble, int | None]) -> None:
        self._on = dict(saved)

    def strikes(self, trouble: Trouble) -> bool:
        """Return True if the trouble strikes now. This counts as one time."""
        if trouble not in self._on:
            return False
        left = self._on[trouble]
        if left is not None:
            if left <= 1:
                del self._on[trouble]
            else:
                self._on[trouble] = left - 1
        return True
