"""Read a platform's JSON without trust: every field may be missing or of another kind than documented."""

from collections.abc import Iterator
from datetime import UTC, datetime

_LATEST = int(datetime(9999, 1, 1, tzinfo=UTC).timestamp())


class Node:
    """One JSON value. Reading a field that is missing, or of another kind, gives an empty value."""

    __slots__ = ("_value",)

    def __init__(self, value: object) -> None:
        self._value = value

    def __bool__(self) -> bool:
        return isinstance(self._value, dict) and bool(self._value)

    def __contains__(self, key: str) -> bool:
        return isinstance(self._value, dict) and key in self._value

    def _get(self, key: str) -> object:
        return self._value.get(key) if isinstance(self._value, dict) else None

    def text(self, key: str) -> str:
        """Return a string without characters that cannot be stored, or "" if the field has none."""
        value = self._get(key)
        return clean(value) if isinstance(value, str) else ""

    def id(self, key: str) -> str:
        """Return an identifier as text. Meta sometimes writes it as a string and sometimes as a number."""
        number = self.whole(key)
        return self.text(key) if number is None else str(number)

    def whole(self, key: str) -> int | None:
        """Return an integer of 64 bits, or None."""
        value = self._get(key)
        plain = isinstance(value, int) and not isinstance(value, bool)
        return value if plain and isinstance(value, int) and abs(value) < 2**63 else None

    def number(self, key: str) -> float | None:
        """Return a finite number below 1e15, also one written as a string, or None."""
        value = self._get(key)
        if isinstance(value, str) and len(value) <= 40:
            try:
                value = float(value)
            except ValueError:
                return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e15:
            return None
        return float(value)

    def flag(self, key: str) -> bool:
        return self._get(key) is True

    def node(self, key: str) -> "Node":
        return Node(self._get(key))

    def nodes(self, key: str) -> "list[Node]":
        """Return the objects of a list. Skip items that are no objects."""
        value = self._get(key)
        return [Node(item) for item in value if isinstance(item, dict)] if isinstance(value, list) else []

    def texts(self, key: str) -> tuple[str, ...]:
        """Return the strings of a list. Skip items that are no strings."""
        value = self._get(key)
        return (
            tuple(clean(item) for item in value if isinstance(item, str)) if isinstance(value, list) else ()
        )

    def items(self) -> "Iterator[tuple[str, Node]]":
        if isinstance(self._value, dict):
            for key, value in self._value.items():
                yield clean(str(key)), Node(value)

    def fields(self) -> "Iterator[tuple[str, str]]":
        """Yield each field as text: strings, numbers, and booleans as "true" or "false". Skip all others."""
        if not isinstance(self._value, dict):
            return
        for key, value in self._value.items():
            if isinstance(value, str):
                yield clean(str(key)), clean(value)
            elif isinstance(value, bool):
                yield clean(str(key)), "true" if value else "false"
            elif isinstance(value, int | float) and abs(value) < 1e15:
                yield clean(str(key)), str(value)

    def moment(self, key: str, *, per_second: int = 1) -> datetime | None:
        """Return a Unix time, which may be a number or a string, or None.

        `per_second` is how many units a second has: 1000 for Messenger.
        """
        value = self._get(key)
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 16:
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _LATEST * per_second:
            return None
        seconds, rest = divmod(value, per_second)
        return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest * 1_000_000 // per_second)


def clean(text: str) -> str:
    """Return a text without NUL and lone surrogates: neither UTF-8 nor PostgreSQL can store them."""
    if text.isascii():
        return text.replace("\0", "")
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "")
