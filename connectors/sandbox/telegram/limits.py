"""The sending limits Telegram publishes: https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this"""

import math
from dataclasses import dataclass, field

from connectors.sandbox.telegram.model import ApiError


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Messages per second. Short bursts are allowed, as on the platform.

    A group may get 20 messages a minute.
    """

    per_bot: float = 30.0
    per_chat: float = 1.0
    bot_burst: int = 30
    chat_burst: int = 3
    per_group: float = 20 / 60
    group_burst: int = 20


@dataclass(slots=True)
class Gate:
    """Refuses messages that come too fast, with a 429. Times are seconds of any monotonic clock."""

    limits: Limits
    _free_at: dict[int | None, float] = field(default_factory=dict)

    def admit(self, chat_id: int, now: float, *, group: bool = False) -> None:
        limits = self.limits
        rate = limits.per_group if group else limits.per_chat
        burst = limits.group_burst if group else limits.chat_burst
        per_bot = self._next_free(None, now, limits.per_bot, limits.bot_burst)
        per_chat = self._next_free(chat_id, now, rate, burst)
        self._free_at[None], self._free_at[chat_id] = per_bot, per_chat

    def _next_free(self, key: int | None, now: float, rate: float, burst: int) -> float:
        # The generic cell rate algorithm: one number per key says when the bucket would be empty again.
        free_at = max(self._free_at.get(key, now), now)
        wait = free_at - now - (burst - 1) / rate
        if wait > 1e-6:
            seconds = math.ceil(wait)
            raise ApiError(429, f"Too Many Requests: retry after {seconds}", retry_after=seconds)
        return free_at + 1.0 / rate
