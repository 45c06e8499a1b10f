"""Read values from untrusted JSON: each has the expected type, or MalformedPayload names the field."""

from datetime import datetime

from bot.core.errors import MalformedPayload
from connectors.payload import clean

ANONYMOUS = "anonymous:"  # prefix of the id of a chat in whose name somebody writes
INVISIBLE = "\u200b"  # the text of a link that nobody shall see
_LARGEST = 2**63  # ids of the Bot API fit a signed 64-bit integer


def whole(value: object, path: str) -> int:
    """Return the value if it is an integer of 64 bits, which True and 1.0 are not.

    Raises MalformedPayload.
    """
    if not isinstance(value, int) or isinstance(value, bool) or not -_LARGEST <= value < _LARGEST:
        raise MalformedPayload(path, "expected an integer of 64 bits")
    return value


def words(value: object, path: str) -> str:
    """Return the value as a string that every database and encoding accepts; "" for None.

    Raises MalformedPayload.
    """
    if value is None:
        return ""
    if not isinstance(value, str):
        raise MalformedPayload(path, "expected a string")
    return clean(value)


def number(value: object, path: str) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not abs(value) <= 180:
        raise MalformedPayload(path, "expected degrees")
    return float(value)


def moment(value: object, path: str) -> datetime:
    if not isinstance(value, datetime) or value.utcoffset() is None:
        raise MalformedPayload(path, "expected a Unix time")
    return value
