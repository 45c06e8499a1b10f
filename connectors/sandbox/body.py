"""Read the values of one request to the control API."""

import base64
import binascii
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from bot.core.errors import CommandError


@dataclass(frozen=True, slots=True)
class Body:
    """A JSON object, or the query of a GET.

    A wrong value raises CommandError, which becomes an answer with 400.
    """

    values: Mapping[str, object]

    def text(self, name: str, default: str | None = None) -> str:
        value = self.values.get(name, default)
        if isinstance(value, str):
            return value
        raise CommandError(f"{name!r} is missing, or no text.")

    def number(self, name: str) -> int:
        value = self.values.get(name)
        if isinstance(value, str) and value.isdecimal():
            return int(value)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        raise CommandError(f"{name!r} is missing, or no number.")

    def maybe_number(self, name: str) -> int | None:
        return None if self.values.get(name) is None else self.number(name)

    def fraction(self, name: str, default: float) -> float:
        value = self.values.get(name, default)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return float(value)
        raise CommandError(f"{name!r} is no number.")

    def flag(self, name: str, default: bool = False) -> bool:
        value = self.values.get(name, default)
        if isinstance(value, bool):
            return value
        raise CommandError(f"{name!r} is true or false.")

    def choice(self, name: str) -> str | int:
        """Return the label, the id or the number of what is tapped or chosen."""
        value = self.values.get(name)
        if isinstance(value, (str, int)) and not isinstance(value, bool):
            return value
        raise CommandError(f"{name!r} is a label, an id, or a number from 0.")

    def content(self, name: str) -> bytes:
        try:
            return base64.b64decode(self.text(name, ""), validate=True)
        except binascii.Error:
            raise CommandError(f"{name!r} is not base64.") from None

    def objects(self, name: str) -> list["Body"]:
        value = self.values.get(name) or []
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise CommandError(f"{name!r} is no list of objects.")
        return [Body(item) for item in value]

    def object(self, name: str) -> Mapping[str, object]:
        value = self.values.get(name) or {}
        if not isinstance(value, dict):
            raise CommandError(f"{name!r} is no object.")
        return value


Deed = Callable[[Body], Awaitable[object]]
