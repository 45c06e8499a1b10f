"""Limit how fast a number may send.

https://developers.facebook.com/docs/whatsapp/throughput and, for one recipient,
https://developers.facebook.com/docs/whatsapp/cloud-api/overview#pair-rate-limits
"""

from dataclasses import dataclass

from connectors.sandbox.meta.bucket import Bucket
from connectors.sandbox.whatsapp.refusals import refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Sending limits: to one person a message in six seconds, and up to 45 at once on credit; in all 80 a
    second.
    """

    per_number: float = 80.0
    number_burst: int = 80
    pair_seconds: float = 6.0
    pair_burst: int = 45


class Gate:
    """Refuses calls that come too fast. Times are seconds of any steady clock."""

    def __init__(self, limits: Limits) -> None:
        self._number = Bucket(1.0 / limits.per_number, limits.number_burst)
        self._pairs = Bucket(limits.pair_seconds, limits.pair_burst)

    def admit(self, wa_id: str, now: float) -> None:
        """Count a message.

        Raise GraphError 130429 or 131056 if it comes too fast, and then do not count it.
        """
        if not self._number.has_room("", now):
            raise refusal(130429)
        if not self._pairs.has_room(wa_id, now):
            raise refusal(131056)
        self._number.take("", now)
        self._pairs.take(wa_id, now)
