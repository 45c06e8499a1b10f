"""Build our buttons and list rows, and read what a tap on one returns.

WhatsApp returns the id that we gave: `action:value`. So nothing needs to be stored, and buttons work after
restarts and on every replica.
"""

from collections.abc import Mapping, Sequence

from bot.core.errors import Refused
from bot.core.events import Tapped
from bot.core.outbound import Button
from connectors.payload import Node, clean
from connectors.rendering import shortened

# https://developers.facebook.com/docs/whatsapp/cloud-api/reference/messages#interactive-object
_BUTTON_ID, _BUTTON_TITLE = 256, 20
_ROW_ID, _ROW_TITLE = 200, 24
_OPEN_LIST = "☰"  # understood in any language

Json = Mapping[str, object]


def button_action(buttons: Sequence[Button]) -> Json:
    """Return the `action` of a message with reply buttons. Raise Refused if WhatsApp cannot carry them."""
    titles = _titles(buttons, _BUTTON_TITLE)
    return {
        "buttons": [
            {"type": "reply", "reply": {"id": _id(button, _BUTTON_ID), "title": title}}
            for button, title in zip(buttons, titles, strict=True)
        ]
    }


def list_action(rows: Sequence[Button]) -> Json:
    """Return the `action` of a message with a list. Raise Refused if WhatsApp cannot carry it."""
    titles = _titles(rows, _ROW_TITLE)
    shown = [{"id": _id(row, _ROW_ID), "title": title} for row, title in zip(rows, titles, strict=True)]
    return {"button": _OPEN_LIST, "sections": [{"rows": shown}]}


def fits_row(button: Button) -> bool:
    """Return True if a row of a list can show as much of the label as a button."""
    return len(button.label) <= _ROW_TITLE and len(f"{button.action}:{button.value}") <= _ROW_ID


def _id(button: Button, limit: int) -> str:
    action, value = clean(button.action), clean(button.value)
    if not action or ":" in action:
        raise Refused("button_action: the action of a button is empty or has a colon")
    # WhatsApp accepts no spaces at either end, and returns none.
    if len(coded := f"{action}:{value}") > limit or coded != coded.strip():
        raise Refused(
            f"button_value: the value of a button is more than WhatsApp carries ({limit} characters)"
        )
    return coded


def _titles(buttons: Sequence[Button], limit: int) -> list[str]:
    """Return a label for each button: never empty, and all different, otherwise WhatsApp refuses them all."""
    taken: list[str] = []
    for button in buttons:
        label = clean(button.label).strip() or clean(button.action)
        title = shortened(label, limit)
        number = 2
        while title in taken:
            sign = f" {number}"
            title = shortened(label, limit - len(sign)) + sign
            number += 1
        taken.append(title)
    return taken


def tapped(reply: Node, key: str, label: str, message: str) -> Tapped:
    """Return the tap on a button. `key` is the field with its id.

    An id that is not ours becomes an action without value.
    """
    action, _, value = reply.text(key).partition(":")
    return Tapped(action=action, value=value, label=reply.text(label), message=message)
