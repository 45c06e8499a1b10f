"""Read Slack's JSON without trusting it: any field may be missing or of another type than promised."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

_MISSING: Final[object] = None


class Node:
    """One JSON value. Reading a field that is missing, or of another type, gives an empty value."""

    __slots__ = ("_value",)

    def __init__(self, value: object) -> None:
        self._value = value

    def __bool__(self) -> bool:
        return isinstance(self._value, dict) and bool(self._value)

    def __contains__(self, key: str) -> bool:
        return isinstance(self._value, dict) and key in self._value

    def _get(self, key: str) -> object:
        return self._value.get(key) if isinstance(self._value, dict) else _MISSING

    def text(self, key: str) -> str:
        """Return a string without NUL and lone surrogates, which JSON can contain and no database accepts."""
        value = self._get(key)
        return clean(value) if isinstance(value, str) else ""

    def number(self, key: str) -> int | None:
        value = self._get(key)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def flag(self, key: str) -> bool:
        return self._get(key) is True

    def node(self, key: str) -> "Node":
        return Node(self._get(key))

    def nodes(self, key: str) -> "list[Node]":
        value = self._get(key)
        return [Node(item) for item in value if isinstance(item, dict)] if isinstance(value, list) else []

    def texts(self, key: str) -> list[str]:
        value = self._get(key)
        return [clean(item) for item in value if isinstance(item, str)] if isinstance(value, list) else []

    def items(self) -> "Iterator[tuple[str, Node]]":
        if isinstance(self._value, dict):
            for key, value in self._value.items():
                yield clean(str(key)), Node(value)


def clean(text: str) -> str:
    """Return the text without NUL and lone surrogates, which neither UTF-8 nor PostgreSQL can keep."""
    if text.isascii():
        return text.replace("\0", "")
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "")


_LATEST = datetime(9999, 1, 1, tzinfo=UTC).timestamp()


def moment(ts: str) -> datetime | None:
    """Return a Slack timestamp, such as `1700000000.000100`, as a moment in UTC; None if it is none."""
    whole, _, rest = ts.partition(".")
    if not (whole.isascii() and whole.isdigit()) or not (rest.isascii() and (rest.isdigit() or not rest)):
        return None
    seconds = int(whole[:12])
    if len(whole) > 12 or seconds > _LATEST:
        return None
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=int((rest + "000000")[:6]))
