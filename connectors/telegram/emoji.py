"""The emoji that Telegram lets a bot react with: 73 of them, and the nearest one for any other.

https://core.telegram.org/bots/api#reactiontypeemoji
"""

import re
import unicodedata

from telegram.constants import ReactionEmoji

_DRESS = re.compile("[\ufe0f\U0001f3fb-\U0001f3ff]")  # the sign for a coloured picture, and skin tones
_ALLOWED = {_DRESS.sub("", emoji): str(emoji) for emoji in ReactionEmoji}
_SAME = {
    "✅": "👍",
    "☑": "👍",
    "✔": "👍",
    "😂": "🤣",
    "😅": "😁",
    "⭐": "🤩",
    "🌟": "🤩",
    "✨": "🤩",
    "❓": "🤔",
}
# Patterns for the character's Unicode name. The first one that matches counts.
_NEAREST = (
    (re.compile(r"BROKEN|CROSS MARK|THUMBS DOWN|NO ENTRY|PROHIBITED"), "👎"),
    (re.compile(r"HEART|KISS"), "❤"),
    (re.compile(r"CRY|TEAR|SAD|FROWN|DISAPPOINTED|PENSIVE|WORRIED|WEARY|CONFUSED|UNAMUSED"), "😢"),
    (re.compile(r"ANGRY|POUTING|STEAM|SYMBOLS OVER MOUTH"), "😡"),
    (re.compile(r"SMIL|GRIN|LAUGH|JOY|HUGGING"), "😁"),
    (re.compile(r"PARTY|CONFETTI|BALLOON|CAKE|GIFT|TADA|SPARKL"), "🎉"),
    (re.compile(r"FEARFUL|ASTONISHED|ANXIOUS|OPEN MOUTH"), "😱"),
    (re.compile(r"FACE|QUESTION|MAGNIFYING"), "🤔"),
)


def reaction(emoji: str) -> str:
    """Return the emoji if Telegram accepts it as a reaction, else the nearest accepted one, else 👍."""
    plain = _DRESS.sub("", emoji)
    if found := _ALLOWED.get(plain) or _SAME.get(plain):
        return found
    name = unicodedata.name(plain[:1], "")
    return next((near for pattern, near in _NEAREST if pattern.search(name)), "👍")
