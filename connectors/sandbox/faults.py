"""A fault plan: which platform misbehaves, how and how often. It can be changed while everything runs."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from random import Random

from connectors.sandbox.fault import Fault, FaultKind

PLATFORMS = ("telegram", "slack", "whatsapp", "messenger", "email")


class Mischief(StrEnum):
    """A kind of rule.

    The first three hit events on their way to the product, the others the product's calls.
    """

    DUPLICATE = "duplicate"  # the event comes twice
    DELAY = "delay"  # the event comes late
    REORDER = "reorder"  # the event comes at a random time within `seconds`, so later ones may overtake it
    RATE_LIMITED = "rate_limited"  # 429
    SERVER_ERROR = "server_error"  # 500
    RESET = "reset"  # the connection ends before anything happened
    LOST_RESPONSE = "lost_response"  # the connection ends after it happened
    SLOW = "slow"  # the call is answered late


_ON_CALLS = {
    Mischief.RATE_LIMITED: FaultKind.RATE_LIMITED,
    Mischief.SERVER_ERROR: FaultKind.SERVER_ERROR,
    Mischief.RESET: FaultKind.RESET,
    Mischief.LOST_RESPONSE: FaultKind.LOST_RESPONSE,
    Mischief.SLOW: FaultKind.DELAY,
}
_USUAL_SECONDS = {
    Mischief.DUPLICATE: 0.2,
    Mischief.DELAY: 2.0,
    Mischief.REORDER: 1.0,
    Mischief.RATE_LIMITED: 1.0,
    Mischief.SLOW: 2.0,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule that hits calls or events of a platform whose name fits `pattern`, a glob such as "send*".

    It hits each with `probability`, and at most `count` in all (None: no limit). `seconds` is the pause
    before a second copy, the delay, the span of a reordering, or the Retry-After.
    """

    id: int
    platform: str
    kind: Mischief
    pattern: str = "*"
    probability: float = 1.0
    count: int | None = None
    seconds: float = 0.0

    def fits(self, platform: str, name: str) -> bool:
        return self.platform in ("*", platform) and fnmatchcase(name, self.pattern)


class FaultPlan:
    """Decides about faults by rules.

    The same seed and the same calls in the same order give the same faults.
    """

    def __init__(self, seed: int = 0) -> None:
        self._random = Random(seed)  # noqa: S311  # faults must be repeatable, not secret
        self._on_calls: dict[int, Rule] = {}
        self._on_events: dict[int, Rule] = {}
        self._left: dict[int, int] = {}
        self._last_id = 0
        self.injected: Counter[tuple[str, Mischief]] = Counter()

    def add(
        self,
        platform: str,
        kind: Mischief,
        *,
        pattern: str = "*",
        probability: float = 1.0,
        count: int | None = None,
        seconds: float | None = None,
    ) -> Rule:
        """Add a rule and return it. `platform` may be "*".

        Raise ValueError for an unknown platform or a wrong probability.
        """
        if platform not in (*PLATFORMS, "*"):
            raise ValueError(f"there is no platform {platform!r}: it is one of {', '.join(PLATFORMS)} or *")
        if not 0.0 <= probability <= 1.0:
            raise ValueError(f"a probability lies between 0 and 1, not at {probability}")
        self._last_id += 1
        rule = Rule(
            id=self._last_id,
            platform=platform,
            kind=kind,
            pattern=pattern,
            probability=probability,
            count=count,
            seconds=_USUAL_SECONDS.get(kind, 0.0) if seconds is None else seconds,
        )
        if count is not None:
            self._left[rule.id] = count
        (self._on_calls if kind in _ON_CALLS else self._on_events)[rule.id] = rule
        return rule

    def remove(self, rule_id: int) -> None:
        for rules in (self._on_calls, self._on_events):
            rules.pop(rule_id, None)
        self._left.pop(rule_id, None)

    def switch(self, platform: str, kind: Mischief, probability: float) -> None:
        """Replace the rules of this platform and kind by one that lasts.

        A probability of 0 only removes them.
        """
        for rule in self.rules():
            if rule.platform == platform and rule.kind is kind:
                self.remove(rule.id)
        if probability > 0:
            self.add(platform, kind, probability=probability)

    def clear(self) -> None:
        """Remove all rules, and set the counters to zero."""
        for rule in self.rules():
            self.remove(rule.id)
        self.injected.clear()

    def rules(self) -> list[Rule]:
        return [*self._on_calls.values(), *self._on_events.values()]

    async def before(self, platform: str, call: str) -> Fault | None:
        """Return the fault of the first rule that hits this call, or None."""
        if not self._on_calls:
            return None
        for rule in list(self._on_calls.values()):
            if rule.fits(platform, call) and self._hits(rule, platform):
                return Fault(_ON_CALLS[rule.kind], rule.seconds)
        return None

    def deliveries(self, platform: str, kind: str) -> Sequence[float]:
        """Return when each copy of an event leaves, in seconds.

        Each rule that hits adds its effect: a duplicate may also be late.
        """
        if not self._on_events:
            return (0.0,)
        late, copies = 0.0, [0.0]
        for rule in list(self._on_events.values()):
            if not (rule.fits(platform, kind) and self._hits(rule, platform)):
                continue
            if rule.kind is Mischief.DUPLICATE:
                copies.append(rule.seconds)
            elif rule.kind is Mischief.REORDER:
                late += self._random.uniform(0.0, rule.seconds)
            else:
                late += rule.seconds
        return tuple(late + copy for copy in copies)

    def _hits(self, rule: Rule, platform: str) -> bool:
        if rule.probability < 1.0 and self._random.random() >= rule.probability:
            return False
        if rule.count is not None:
            self._left[rule.id] = left = self._left.get(rule.id, 0) - 1
            if left <= 0:
                self.remove(rule.id)
        self.injected[platform, rule.kind] += 1
        return True
