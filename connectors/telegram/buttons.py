"""Buttons of ours as inline keyboards, and what a press of one brings back.

Telegram returns `callback_data`, at most 64 bytes. What fits is put there as `action:value`. What does not
fit travels in the message itself, which every press brings along: an invisible first character carries a
link whose fragment lists the long pairs, and the button's data is `@` and the place in that list. So
nothing need be remembered, and buttons keep working through restarts and on every replica.
"""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass

from telegram import InlineKeyboardButton, InlineKeyboardMarkup, Message

from bot.core.errors import MalformedPayload, Refused
from bot.core.events import Ignored, Tapped
from bot.core.outbound import Button, Style
from connectors.payload import clean
from connectors.telegram.capabilities import MAX_BUTTONS
from connectors.telegram.fields import words

ASKS = "?"  # prefix of the data of a button that asks for confirmation
_DATA_BYTES = 64  # https://core.telegram.org/bots/api#inlinekeyboardbutton
_LINK = "https://t.me/#"
_LINK_CHARS = 2000
_ROW_CHARS = 28  # a phone shows about this much in one row without cutting labels
_STYLES = {Style.PLAIN: None, Style.PRIMARY: "primary", Style.DANGER: "danger"}


@dataclass(frozen=True, slots=True)
class Keyboard:
    """An inline keyboard.

    Unless `link` is "", the message's text must begin with an INVISIBLE character that links to it.
    """

    markup: InlineKeyboardMarkup
    link: str = ""


def keyboard(buttons: Sequence[Button]) -> Keyboard | None:
    """Return the inline keyboard for the buttons; None without buttons.

    Raises Refused when Telegram cannot carry them.
    """
    if not buttons:
        return None
    if len(buttons) > MAX_BUTTONS:
        raise Refused(f"too many buttons: {len(buttons)}, at most {MAX_BUTTONS}")
    long: list[tuple[str, str]] = []
    rows: list[list[InlineKeyboardButton]] = []
    room = 0
    for button in buttons:
        label = clean(button.label).strip() or button.action
        pressed = InlineKeyboardButton(label, callback_data=_data(button, long), style=_STYLES[button.style])
        if not rows or len(label) > room:
            rows.append([])
            room = _ROW_CHARS
        rows[-1].append(pressed)
        room -= len(label) + 4  # the frame around a label
    link = _LINK + base64.urlsafe_b64encode(json.dumps(long).encode()).decode().rstrip("=") if long else ""
    if len(link) > _LINK_CHARS:
        raise Refused("button values too long")
    return Keyboard(InlineKeyboardMarkup(rows), link)


def _data(button: Button, long: list[tuple[str, str]]) -> str:
    action, value = clean(button.action), clean(button.value)
    asks = ASKS if button.confirm else ""
    data = f"{asks}{action}:{value}"
    if len(data.encode()) <= _DATA_BYTES and ":" not in action and not action.startswith(("@", ASKS)):
        return data
    long.append((action, value))
    return f"{asks}@{len(long) - 1}"


def tapped(data: str, message: Message | None, message_id: str) -> Tapped | Ignored:
    """Return the action and value of a pressed button.

    `message` is None when Telegram no longer shows the message. A value too long for `callback_data` is lost
    then, and the press is Ignored.
    """
    plain = data.removeprefix(ASKS)
    action, _, value = plain.partition(":")
    if plain.startswith("@"):
        pair = _hidden(message, plain[1:])
        if pair is None:
            return Ignored("callback_query")
        action, value = pair
    return Tapped(action=action, value=value, label=_label(message, data), message=message_id)


def _hidden(message: Message | None, position: str) -> tuple[str, str] | None:
    entities = message.entities if message else ()
    link = next((entity.url for entity in entities if entity.url and entity.url.startswith(_LINK)), None)
    if link is None:
        return None
    coded = link.removeprefix(_LINK)
    try:
        pairs = json.loads(base64.urlsafe_b64decode(coded + "=" * (-len(coded) % 4)))
        action, value = pairs[int(position)]
    except (ValueError, TypeError, LookupError, RecursionError):
        raise MalformedPayload("callback_query.data", "the values of the buttons cannot be read") from None
    return words(action, "callback_query.data"), words(value, "callback_query.data")


def _label(message: Message | None, data: str) -> str:
    rows = message.reply_markup.inline_keyboard if message and message.reply_markup else ()
    for row in rows:
        for button in row:
            if button.callback_data == data:
                return words(button.text, "reply_markup")
    return ""
