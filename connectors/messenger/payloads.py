"""Build the payload of our buttons, and read the payload that comes back when one is pressed."""

import re

from bot.core.errors import Refused
from bot.core.events import Tapped
from bot.core.outbound import Button
from connectors.messenger.capabilities import PAYLOAD
from connectors.payload import clean

_OURS = re.compile(r"([A-Za-z0-9_.-]{1,64}):(.*)", re.DOTALL)


def payload_of(button: Button) -> str:
    """Return the payload of a button: `action:value`.

    Raise Refused if Messenger could not return it unchanged.
    """
    payload = clean(f"{button.action}:{button.value}")
    if not _OURS.fullmatch(payload) or ":" in button.action:
        raise Refused("button_action: the action of a button may have letters, digits, and _ . -")
    if len(payload) > PAYLOAD:
        raise Refused(f"button_too_long: a button carries at most {PAYLOAD} characters")
    return payload


def is_ours(payload: str) -> bool:
    """Return True if a payload has the form of those of our buttons."""
    return _OURS.fullmatch(payload) is not None


def tapped(payload: str, label: str) -> Tapped:
    """Return the tap with a payload.

    A payload unlike ours (a menu of the Page, another tool's button) is an action as a whole.

    Messenger does not say which message had the button.
    """
    ours = _OURS.fullmatch(payload)
    return Tapped(ours[1], ours[2], label) if ours else Tapped(payload, "", label)
