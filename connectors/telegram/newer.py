"""What an account has learned of a server that may not take what newer versions of the Bot API have."""

from datetime import datetime, timedelta

from bot.core.ids import Clock

_REMEMBERED = timedelta(hours=1)


class Newer:
    """Remembers refusals for an hour, so that not every message costs a call that fails.

    Of this process alone: a replica that does not know of a refusal yet asks once itself.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._taken: set[str] = set()
        self._lacking: set[str] = set()
        self._refused: dict[str, datetime] = {}

    def worth_trying(self, *features: str) -> bool:
        """Return whether none of the features is known to be lacking, or was refused of late."""
        if self._lacking.intersection(features):
            return False
        now = self._clock()
        known = (self._refused.get(each) for each in features)
        return all(at is None or now - at >= _REMEMBERED for at in known)

    def took(self, feature: str) -> None:
        """Note that the server knows a feature: from now on, a refusal is about one message alone."""
        self._taken.add(feature)

    def refused(self, feature: str, *, wholly: bool = False) -> None:
        """Note a refusal. `wholly`: it is certain that any other message would be refused, too."""
        if wholly:
            self._taken.discard(feature)
        if feature not in self._taken:
            self._refused[feature] = self._clock()

    def lacks(self, feature: str) -> None:
        """Note that the server does not know a feature, and that to try it again would do harm."""
        self._lacking.add(feature)
