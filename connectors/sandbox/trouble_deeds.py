"""The part of the control API that makes things go wrong: faults of all platforms, troubles of Meta's, and
its clock.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta

from bot.core.errors import CommandError
from connectors.sandbox.body import Body, Deed
from connectors.sandbox.faults import PLATFORMS, FaultPlan, Mischief
from connectors.sandbox.meta import MovableClock, Trouble, Troubles


@dataclass(frozen=True, slots=True)
class TroubleDeeds:
    """Turns faults and troubles on and off, and moves Meta's clock. `troubles` is by platform.

    `tell` is called with what changed: "faults" or "clock". `put_back` sets the clock back to now.
    """

    faults: FaultPlan
    troubles: Mapping[str, Troubles]
    clock: MovableClock
    tell: Callable[[str], None]
    put_back: Callable[[], None]

    def views(self) -> Mapping[str, Deed]:
        return {"faults": self._show, "clock": self._show_clock}

    def deeds(self) -> Mapping[str, Deed]:
        return {
            "faults/switch": self._switch,
            "faults/add": self._add,
            "faults/remove": self._remove,
            "faults/clear": self._clear,
            "troubles/switch": self._switch_trouble,
            "clock/move": self._move,
            "clock/back": self._back,
        }

    async def _show(self, _: Body) -> object:
        return {
            "platforms": PLATFORMS,
            "kinds": [kind.value for kind in Mischief],
            "rules": [asdict(rule) for rule in self.faults.rules()],
            "injected": {f"{platform}/{kind}": n for (platform, kind), n in self.faults.injected.items()},
            "troubles": {
                platform: {trouble.value: times for trouble, times in troubles.on().items()}
                for platform, troubles in self.troubles.items()
            },
            "trouble_kinds": [trouble.value for trouble in Trouble],
            "clock": self._clock(),
        }

    async def _switch(self, body: Body) -> object:
        self.faults.switch(body.text("platform"), _mischief(body), body.fraction("probability", 1.0))
        return self._changed()

    async def _add(self, body: Body) -> object:
        seconds = body.values.get("seconds")
        rule = self.faults.add(
            body.text("platform"),
            _mischief(body),
            pattern=body.text("pattern", "*"),
            probability=body.fraction("probability", 1.0),
            count=body.maybe_number("count"),
            seconds=None if seconds is None else body.fraction("seconds", 0.0),
        )
        self._changed()
        return {"id": rule.id}

    async def _remove(self, body: Body) -> object:
        self.faults.remove(body.number("id"))
        return self._changed()

    async def _clear(self, _: Body) -> object:
        """Remove all rules and troubles. The clock stays: messages sent at its time remain."""
        self.faults.clear()
        for troubles in self.troubles.values():
            troubles.clear()
        return self._changed()

    async def _switch_trouble(self, body: Body) -> object:
        platform = body.text("platform")
        if platform not in self.troubles:
            raise CommandError(f"'platform' is one of {', '.join(self.troubles)}.")
        try:
            trouble = Trouble(body.text("kind"))
        except ValueError:
            raise CommandError(f"'kind' is one of {', '.join(Trouble)}.") from None
        self.troubles[platform].switch(trouble, body.flag("on", True), times=body.maybe_number("times"))
        return self._changed()

    async def _show_clock(self, _: Body) -> object:
        return self._clock()

    def _clock(self) -> Mapping[str, object]:
        return {"moved": self.clock.moved.total_seconds(), "now": self.clock().timestamp()}

    async def _move(self, body: Body) -> object:
        self.clock.move(timedelta(seconds=body.number("seconds")))
        self.tell("clock")
        return self._clock()

    async def _back(self, _: Body) -> object:
        """Set the clock back to now. Messages that were written in the future stay there."""
        self.put_back()
        self.tell("clock")
        return self._clock()

    def _changed(self) -> object:
        self.tell("faults")
        return {}


def _mischief(body: Body) -> Mischief:
    try:
        return Mischief(body.text("kind"))
    except ValueError:
        raise CommandError(f"'kind' is one of {', '.join(Mischief)}.") from None
