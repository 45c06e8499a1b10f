"""Remember which of Slack's newer blocks a workspace does not accept."""


class RefusedFeatures:
    """Remembers a refusal while the process runs, so that not every message costs a call that fails.

    Once such a block was accepted, a refusal concerns only its one message.
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
