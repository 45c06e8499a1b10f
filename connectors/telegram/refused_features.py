"""Remember which features of newer Bot API versions an account's server does not accept."""

from datetime import datetime, timedelta

from bot.core.ids import Clock

_REMEMBERED = timedelta(hours=1)


class RefusedFeatures:
    """Remembers refusals for an hour, so that not every message costs a call that fails.

    Only this process remembers: another replica asks the server once itself.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._taken: set[str] = set()
        self._lacking: set[str] = set()
        self._refused: dict[str, datetime] = {}

    def worth_trying(self, *features: str) -> bool:
        """Return whether no feature is known to be missing, and none was refused recently."""
        if self._lacking.intersection(features):
            return False
        now = self._clock()
        known = (self._refused.get(each) for each in features)
        return all(at is None or now - at >= _REMEMBERED for at in known)

    def took(self, feature: str) -> None:
        """Note that the server accepts a feature. A later refusal then concerns only its one message."""
        self._taken.add(feature)

    def refused(self, feature: str, *, wholly: bool = False) -> None:
        """Note a refusal. `wholly`: any other message would certainly be refused, too."""
        if wholly:
            self._taken.discard(feature)
        if feature not in self._taken:
            self._refused[feature] = self._clock()

    def lacks(self, feature: str) -> None:
        """Note that the server does not know a feature, and that trying it again would do harm."""
        self._lacking.add(feature)
