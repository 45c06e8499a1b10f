"""The calls that make things go wrong: faults of all platforms, troubles of Meta's, and its clock."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from bot.core.errors import CommandError
from connectors.sandbox.control.calls import action, view
from connectors.sandbox.faults import PLATFORMS, FaultPlan, Mischief
from connectors.sandbox.meta import MovableClock, Trouble, Troubles


@dataclass(frozen=True, slots=True)
class FaultsControl:
    """Turns faults and troubles on and off. `troubles` is by platform. `changed` is called after a change."""

    faults: FaultPlan
    troubles: Mapping[str, Troubles]
    clock: MovableClock
    changed: Callable[[], None]

    @view
    def plan(self) -> object:
        return {
            "platforms": PLATFORMS,
            "kinds": list(Mischief),
            "rules": self.faults.rules(),
            "injected": {f"{platform}/{kind}": n for (platform, kind), n in self.faults.injected.items()},
            "troubles": {platform: troubles.on() for platform, troubles in self.troubles.items()},
            "trouble_kinds": list(Trouble),
            "clock": _shown(self.clock),
        }

    @action
    def switch(self, platform: str, kind: Mischief, probability: float = 1.0) -> None:
        self.faults.switch(platform, kind, probability)
        self.changed()

    @action
    def add(
        self,
        platform: str,
        kind: Mischief,
        pattern: str = "*",
        probability: float = 1.0,
        count: int | None = None,
        seconds: float | None = None,
    ) -> object:
        rule = self.faults.add(
            platform, kind, pattern=pattern, probability=probability, count=count, seconds=seconds
        )
        self.changed()
        return {"id": rule.id}

    @action
    def remove(self, id: int) -> None:
        self.faults.remove(id)
        self.changed()

    @action
    def clear(self) -> None:
        """Remove all rules and troubles. The clock stays: messages sent at its time remain."""
        self.faults.clear()
        for troubles in self.troubles.values():
            troubles.clear()
        self.changed()

    @action
    def switch_trouble(self, platform: str, kind: Trouble, on: bool = True, times: int | None = None) -> None:
        if platform not in self.troubles:
            raise CommandError(f"'platform' is one of {', '.join(self.troubles)}.")
        self.troubles[platform].switch(kind, on, times=times)
        self.changed()


@dataclass(frozen=True, slots=True)
class ClockControl:
    """Moves Meta's clock. `put_back` sets it back to now. `changed` is called after a change."""

    clock: MovableClock
    put_back: Callable[[], None]
    changed: Callable[[], None]

    @action
    def move(self, seconds: float) -> object:
        self.clock.move(timedelta(seconds=seconds))
        self.changed()
        return _shown(self.clock)

    @action
    def back(self) -> object:
        """Set the clock back to now. Messages that were written in the future stay there."""
        self.put_back()
        self.changed()
        return _shown(self.clock)


def _shown(clock: MovableClock) -> Mapping[str, float]:
    return {"moved": clock.moved.total_seconds(), "now": clock().timestamp()}
