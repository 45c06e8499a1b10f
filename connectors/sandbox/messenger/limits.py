"""Limit how fast a page may send: https://developers.facebook.com/docs/messenger-platform/overview/rate-limiting"""

from dataclasses import dataclass

from connectors.sandbox.messenger.refusals import THROTTLED, refusal
from connectors.sandbox.meta.bucket import Bucket


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Calls per second: 300 with text, links, reactions and stickers, 10 with audio and video."""

    texts: float = 300.0
    media: float = 10.0


class Gate:
    """Refuses calls that come too fast. Times are seconds of any steady clock."""

    def __init__(self, limits: Limits) -> None:
        self._texts = Bucket(1.0 / limits.texts, max(1, int(limits.texts)))
        self._media = Bucket(1.0 / limits.media, max(1, int(limits.media)))

    def admit(self, page_id: str, now: float, *, media: bool) -> None:
        """Count a call. Raise GraphError 613 if it comes too fast, and then do not count it."""
        bucket = self._media if media else self._texts
        if not bucket.has_room("", now):
            raise refusal(THROTTLED, account=page_id, seconds=1.0)
        bucket.take("", now)
