"""The notice above the first automatic words of a conversation, told apart from the words."""

import re

from orgs.translations import SHIPPED, shipped

_ABOVE = re.compile(
    "|".join(
        re.escape(shipped(one).disclosure).replace(re.escape("{organization}"), r"[^\n]{1,80}?")
        for one in SHIPPED
    )
)


def disclosed(text: str) -> str:
    """Return what says that an AI writes, as the customer reads it; "" if a message does not say it."""
    said = _ABOVE.match(text)
    return said[0] if said else ""


def undisclosed(text: str) -> str:
    """Return the words below it."""
    return text.removeprefix(disclosed(text)).lstrip("\n") if disclosed(text) else text
