"""Make one safe line of what somebody typed: no line breaks, no hidden direction, no endless length."""

import re
import unicodedata

NAME = 80  # characters of a name as it is shown
FILE_NAME = 120
_BIDI = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # characters that change the order of a text
JOINER = "\u2060"  # invisible; a name or a command that it divides is none for a platform
WEB_ADDRESS = r"https?://[^\s<>]+"
_ACTS = re.compile(
    rf"(?P<kept>{WEB_ADDRESS}|^@\w{{1,32}}(?= \(id \d+\)$))"  # a handle that the channel guarantees
    r"|(?<!\w)(?P<mention>@)(?=\w)"
    r"|(?<![\w/])(?P<command>/)(?=\w)"
    r"|(?P<scheme>\b[A-Za-z][A-Za-z0-9+.-]*)(?=://)"
)
_UNSEEN = re.compile(
    "[\u00ad\u034f\u115f\u1160\u180e\u200b\u2060-\u206f\u2800\u3164\ufeff\uffa0\ufff9-\ufffb]"
)
_REORDERS = re.compile(f"[{_BIDI}]")
_JOINERS = "\u200c\u200d"  # used within emoji, and within words of many scripts


def visible(text: str) -> str:
    """Return the text in the order in which it was typed, without control characters; lines end with \\n."""
    lines = _REORDERS.sub("", text).splitlines()
    return "\n".join("".join(_printed(sign) for sign in line) for line in lines)


def one_line(text: str, longest: int = NAME) -> str:
    """Return a name on one line, cut in the middle if it is too long; "" if nothing is visible."""
    flat = " ".join(_UNSEEN.sub("", visible(text)).split())
    if not flat.strip(_JOINERS):
        return ""
    if len(flat) <= longest:
        return flat
    tail = min(longest // 4, 20)  # the end of a file name shows its type
    return f"{flat[: longest - tail - 1].rstrip()}…{flat[-tail:].lstrip()}"


def harmless(text: str) -> str:
    """Return the text so that a platform finds no mentions, commands or links of its own in it."""
    return _ACTS.sub(lambda found: found[0] + ("" if found["kept"] else JOINER), text)


def _printed(sign: str) -> str:
    if sign == "\t":
        return sign
    return "" if unicodedata.category(sign) in ("Cc", "Cs") else sign
