"""A leaky bucket for each key."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Bucket:
    """Admits one call in `pause` seconds for each key, and up to `burst` at once on credit."""

    pause: float
    burst: int
    _free_at: dict[str, float] = field(default_factory=dict)

    def has_room(self, key: str, now: float) -> bool:
        return self._free_at.get(key, now) - now <= (self.burst - 1) * self.pause + 1e-6

    def take(self, key: str, now: float) -> None:
        # The generic cell rate algorithm: one number says when all credit is paid back.
        self._free_at[key] = max(self._free_at.get(key, now), now) + self.pause
