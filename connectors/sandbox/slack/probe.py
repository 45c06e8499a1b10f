"""Walk through untrusted JSON, and collect complaints with JSON pointers.

Slack returns such complaints in `response_metadata`.
"""

from collections.abc import Sequence

from connectors.sandbox.slack.wire import Wire

MRKDWN: tuple[str, ...] = ("plain_text", "mrkdwn")
PLAIN: tuple[str, ...] = ("plain_text",)
MAX_ACTION_ID = 255
MAX_BLOCK_ID = 255


class Probe:
    """One JSON object, its JSON pointer, and the complaints that all probes of the same document share."""

    def __init__(self, value: Wire, path: str = "", complaints: list[str] | None = None) -> None:
        self.value = value
        self.complaints: list[str] = [] if complaints is None else complaints
        self._path = path

    def complain(self, text: str, at: str = "") -> None:
        self.complaints.append(f"{text} [json-pointer:{self._path}{at}]")

    def missing(self, key: str) -> None:
        self.complain(f"missing required field: {key}")

    def string(self, key: str, *, least: int = 0, most: int | None = None, required: bool = False) -> None:
        value = self.value.get(key)
        if value is None:
            if required:
                self.missing(key)
            return
        self._measured(value, f"/{key}", least, most)

    def choice(self, key: str, allowed: Sequence[str], *, required: bool = False) -> None:
        value = self.value.get(key)
        if value is None and not required:
            return
        if value not in allowed:
            self.complain(f"must be one of: {', '.join(allowed)}", f"/{key}")

    def number(self, key: str, *, least: int, most: int) -> None:
        value = self.value.get(key)
        if value is None:
            return
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            self.complain(f"must be a number from {least} to {most}", f"/{key}")

    def text(self, key: str, most: int, kinds: tuple[str, ...] = MRKDWN, *, required: bool = False) -> None:
        """Check a text object under `key`."""
        value = self.value.get(key)
        if value is None:
            if required:
                self.missing(key)
            return
        self._text_object(value, f"/{key}", most, kinds)

    def text_at(self, key: str, index: int, most: int) -> None:
        self._text_object(self.list_of(key)[index], f"/{key}/{index}", most, MRKDWN)

    def own_text(self, most: int) -> None:
        self._text_object(self.value, "", most, MRKDWN)

    def child(self, key: str, *, required: bool = False) -> "Probe | None":
        value = self.value.get(key)
        if value is None:
            if required:
                self.missing(key)
            return None
        if not isinstance(value, dict):
            self.complain("must provide an object", f"/{key}")
            return None
        return Probe(value, f"{self._path}/{key}", self.complaints)

    def children(self, key: str, *, least: int = 0, most: int, required: bool = False) -> "list[Probe]":
        """Return the objects of a list. Complain about any other item and leave it out."""
        if key not in self.value and not required and not least:
            return []
        self.count(key, least=least, most=most, required=required)
        found = []
        for index, item in enumerate(self.list_of(key)):
            if isinstance(item, dict):
                found.append(Probe(item, f"{self._path}/{key}/{index}", self.complaints))
            else:
                self.complain("must provide an object", f"/{key}/{index}")
        return found

    def count(self, key: str, *, least: int = 0, most: int, required: bool = False) -> int:
        """Return how many items the list has. Complain if they are too few or too many."""
        value = self.value.get(key)
        if value is None:
            if required or key in self.value:
                self.missing(key)
            return 0
        if not isinstance(value, list):
            self.complain("must provide an array", f"/{key}")
            return 0
        if len(value) < least:
            self.complain(f"must contain at least {least} items", f"/{key}")
        if len(value) > most:
            self.complain(f"no more than {most} items allowed [input:{len(value)}]", f"/{key}")
        return len(value)

    def list_of(self, key: str) -> list[object]:
        value = self.value.get(key)
        return value if isinstance(value, list) else []

    def _text_object(self, value: object, at: str, most: int, kinds: tuple[str, ...]) -> None:
        if not isinstance(value, dict):
            self.complain("must provide an object", at)
            return
        if value.get("type") not in kinds:
            self.complain(f"must be one of: {', '.join(kinds)}", f"{at}/type")
        self._measured(value.get("text"), f"{at}/text", 1, most)

    def _measured(self, value: object, at: str, least: int, most: int | None) -> None:
        if not isinstance(value, str):
            self.complain("must provide a string", at)
        elif len(value) < least:
            self.complain(f"must be more than {least - 1} characters", at)
        elif most is not None and len(value) > most:
            self.complain(f"must be less than {most + 1} characters", at)
