"""What a workspace turned out not to take of Slack's newer blocks."""


class Newer:
    """Remembers a refusal for as long as the process runs, so that not every message costs a call that fails.

    Once one was taken, a refusal is about that one message alone.
    """

    def __init__(self) -> None:
        self._taken = self._refused = False

    @property
    def worth_trying(self) -> bool:
        return not self._refused

    def took(self) -> None:
        self._taken = True

    def refused(self) -> None:
        self._refused = not self._taken
