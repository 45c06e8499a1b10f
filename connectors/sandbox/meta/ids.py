"""Make identifiers in the forms that Meta uses, from random hexadecimal digits."""

import base64
import secrets
from collections.abc import Callable

HexIds = Callable[[], str]


def random_hex() -> str:
    return secrets.token_hex(10).upper()


def wamid(phone: str, hex_id: str, *, from_customer: bool) -> str:
    """Return a WhatsApp message id: a Thrift structure of the customer's number and the phone's own id."""
    number, tail = phone.encode(), hex_id.encode()
    direction = 0x12 if from_customer else 0x11
    raw = (
        bytes((0x1C, 0x18, len(number)))
        + number
        + bytes((0x15, 0x02, 0x00, direction, 0x18, len(tail)))
        + tail
        + b"\x00"
    )
    return "wamid." + base64.b64encode(raw).decode()


def numeric(hex_id: str, digits: int = 16) -> str:
    """Return an object id: decimal digits without a leading zero."""
    lowest: int = 10 ** (digits - 1)
    return str(lowest + int(hex_id, 16) % (9 * lowest))


def mid(hex_id: str) -> str:
    """Return a Messenger message id."""
    return "m_" + base64.urlsafe_b64encode(bytes.fromhex(hex_id) * 2).decode().rstrip("=")
