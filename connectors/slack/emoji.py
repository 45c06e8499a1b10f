"""Translate Slack's names of emoji to pictures and back.

A message that people type contains the Unicode of each standard emoji in its blocks. The names here are for
what has no blocks, such as reactions. A workspace's own emoji stay as they were typed.

Slack's names are as old as the emoji: the first are GitHub's, later ones Unicode's or CLDR's, and people have
some made of CLDR's. The library `emoji` has all of these; `_OWN` has the names that follow no rule.
"""

import re
from collections.abc import Collection, Mapping
from functools import cache
from typing import NamedTuple
from unicodedata import category, lookup, normalize
from unicodedata import name as unicode_name

from bot.core.outbound import Mark

MARKS = {
    Mark.WAITING: "⏳",
    Mark.SENT: "✔️",
    Mark.DELIVERED: "✅",
    Mark.READ: "👀",
    Mark.FAILED: "❌",
    Mark.INSIDE: "🔒",
    Mark.WITHDRAWN: "↩️",
}

# First the name that Slack gives back, then others that it takes.
_OWN = {
    "*⃣": "keycap_star", "🇨🇳": "cn flag-cn", "🇨🇶": "flag-sark", "🇩🇪": "de flag-de", "🇪🇸": "es flag-es",
    "🇫🇷": "fr flag-fr", "🇬🇧": "gb flag-gb", "🇮🇹": "it flag-it", "🇯🇵": "jp flag-jp", "🇰🇷": "kr flag-kr",
    "🇷🇺": "ru flag-ru", "🇺🇸": "us flag-us", "🌤": "mostly_sunny sun_small_cloud", "🌦": "partly_sunny_rain",
    "🌥": "barely_sunny sun_behind_cloud", "🌧": "rain_cloud", "🌨": "snow_cloud", "🍊": "tangerine",
    "🌩": "lightning lightning_cloud", "🌪": "tornado tornado_cloud", "🍳": "fried_egg", "🎖": "medal",
    "🍽": "knife_fork_plate", "🏅": "sports_medal", "🐈": "cat2", "🐕": "dog2", "🐞": "ladybug", "👍": "+1",
    "🐬": "dolphin", "👊": "facepunch", "👎": "-1", "👕": "shirt", "👨‍🦯": "man_with_probing_cane",
    "👨‍⚕": "male-doctor", "👩‍🦯": "woman_with_probing_cane", "👩‍⚕": "female-doctor", "👰": "bride_with_veil",
    "👫": "man_and_woman_holding_hands", "👯‍♂": "men-with-bunny-ears-partying man-with-bunny-ears-partying",
    "👯‍♀": "women-with-bunny-ears-partying woman-with-bunny-ears-partying", "👱": "person_with_blond_hair",
    "👳": "man_with_turban", "💁": "information_desk_person", "💂": "guardsman", "💩": "hankey",
    "📝": "memo pencil", "📡": "satellite_antenna", "📧": "e-mail", "📬": "mailbox_with_mail", "🧑": "adult",
    "📭": "mailbox_with_no_mail", "📸": "camera_with_flash", "🔟": "keycap_ten", "🖕": "middle_finger",
    "🖖": "spock-hand", "🗞": "rolled_up_newspaper", "😆": "laughing", "🙄": "face_with_rolling_eyes",
    "🙆": "ok_woman", "🙍": "person_frowning", "🙎": "person_with_pouting_face", "🚱": "non-potable_water",
    "🛌": "sleeping_accommodation", "🛫": "airplane_departure", "🤔": "thinking_face", "🤘": "the_horns",
    "🤞": "crossed_fingers", "🤟": "i_love_you_hand_sign", "🤵": "person_in_tuxedo", "🤶": "mrs_claus",
    "🥰": "smiling_face_with_3_hearts", "🥿": "womans_flat_shoe", "🦒": "giraffe_face", "🦓": "zebra_face",
    "🧀": "cheese_wedge", "🧑‍🦯": "person_with_probing_cane", "🧓": "older_adult", "🧔‍♀": "woman_with_beard",
    "🧔‍♂": "man_with_beard", "🧔": "bearded_person", "🧕": "person_with_headscarf", "🧩": "jigsaw",
    "🧱": "bricks", "⏏": "eject", "⏮": "black_left_pointing_double_triangle_with_vertical_bar",
    "☔": "umbrella_with_rain_drops", "⛄": "snowman_without_snow", "✉": "email", "❗": "exclamation",
    "❣": "heavy_heart_exclamation_mark_ornament",
}  # fmt: skip
_SEXES = {"man": "male", "woman": "female"}
_PEOPLE = (
    ("^family_(?=man|woman)", ""),
    ("^(?:couple_with_)?(heart|kiss)_((?:wo)?man)_", r"\2_\1_"),
    (r"^(man|woman|person)_(\w+)_hair$", r"\2_haired_\1"),
    ("^(man|woman|person)_bald$", r"bald_\1"),
    ("^(wo)?men_", r"\1man_"),
)
_FIRST_LETTER = 0x1F1E6  # of flags
_FIRST_TONE = 0x1F3FB  # Slack counts them from 2
_TONE = re.compile("[\U0001f3fb-\U0001f3ff]")
_TONED = re.compile("(_person_person)?(_(medium-)?(light|medium|dark)_skin_tone)+$")  # in CLDR's names
_VARIANT = re.compile("[\U0001f3fb-\U0001f3ff\ufe0e\ufe0f]")
_NAME = "[a-z0-9_+'-]{1,60}"
_NAMED = re.compile(f":({_NAME}):")
# What has letters or digits on both sides, as in 00:ab:12 and b:a:c, was not meant as an emoji.
_CODE = re.compile(rf"(?:(?<![^\W_])|(?=:{_NAME}:(?![^\W_]))):({_NAME}):(?::skin-tone-([2-6](?:-[2-6])?):)?")
_LONGEST = 15  # code points of one emoji


class _Known(NamedTuple):
    names: Mapping[str, str]  # by the bare emoji
    pictures: Mapping[str, str]  # by each name, with underscores only
    toned: Mapping[str, str]  # by the bare emoji and its tones, each once


def pictured(text: str) -> str:
    """Return a text with pictures in place of codes: `:wave:` becomes 👋, `:wave::skin-tone-3:` 👋🏼."""
    return _CODE.sub(lambda code: _toned(code[1], code[2]) or code[0], text)


def picture(name: str) -> str:
    """Return the emoji for a name that a reaction uses, without its skin tone: `wave` becomes 👋.

    A name without a picture becomes `:name:`.
    """
    bare = name.partition("::")[0]
    return _picture(bare) or f":{bare}:"


def told(unicode: str) -> str:
    """Return the picture that Slack tells by its code points: `1f1e9-1f1ea` is 🇩🇪; "" for what is none."""
    try:
        points = [int(point, 16) for point in unicode.split("-")]
        shown = "".join(map(chr, points))
    except (ValueError, OverflowError):
        return ""
    surrogate = any(0xD800 <= point < 0xE000 for point in points)
    return "" if surrogate or len(points) > _LONGEST or not shown.strip() or shown.isascii() else shown


def code_for(emoji: str) -> str:
    """Return Slack's name of an emoji, or the name in a `:name:` of the workspace; "" if there is none."""
    if named := _NAMED.fullmatch(emoji):
        return named[1]
    bare = _bare(emoji)
    # What is younger than the library has Unicode's name.
    return _known().names.get(bare) or _unicode_name(bare).replace("-", "_")


def _toned(name: str, numbers: str | None) -> str:
    shown = _picture(name)
    tones = "".join(chr(_FIRST_TONE + int(number) - 2) for number in (numbers or "").split("-") if number)
    return _known().toned.get(_bare(shown) + tones, shown)


def _picture(name: str) -> str:
    if shown := _known().pictures.get(_underscored(name)):
        return shown
    try:
        found = lookup(name.replace("_", " "))
    except KeyError:
        return ""
    return found if _unicode_name(found) else ""


@cache
def _known() -> _Known:
    from emoji import EMOJI_DATA, STATUS  # noqa: PLC0415 (60 ms, which most commands need not spend)

    whole, part = STATUS["fully_qualified"], STATUS["component"]  # part: a tone or hair by itself
    full = {shown: about for shown, about in EMOJI_DATA.items() if about["status"] in (whole, part)}
    by_cldr = {_plain(about["en"]): _bare(shown) for shown, about in full.items() if about["status"] == whole}
    plain = {_bare(shown): shown for shown in full if not _TONE.search(shown[1:])}
    listed = {bare: [*map(_plain, (full[e]["en"], *full[e].get("alias", ())))] for bare, e in plain.items()}
    names = {bare: _slack_name(bare, listed[bare], full[e]["E"], by_cldr) for bare, e in plain.items()}
    own = {bare: [name, *_OWN.get(bare, "").split()] for bare, name in names.items()}
    # Of two emoji with one name, Slack's own is the one that is meant.
    pictures = {_underscored(name): plain[bare] for by in (listed, own) for bare in by for name in by[bare]}
    toned = {}
    for shown in filter(lambda shown: _TONE.search(shown[1:]), full):
        base = by_cldr.get(_TONED.sub("", _plain(full[shown]["en"])), shown)
        toned[base + "".join(dict.fromkeys(_TONE.findall(shown)))] = shown
        names.setdefault(_bare(shown), names.get(base, ""))
    return _Known(names, pictures, toned)


def _slack_name(bare: str, listed: list[str], version: float, roles: Collection[str]) -> str:
    """Return the name that Slack gives an emoji that came with a version of Unicode's list."""
    if bare in _OWN:
        return _OWN[bare].split()[0]
    if _FIRST_LETTER <= ord(bare[0]) < _FIRST_LETTER + 26:
        return "flag-" + "".join(chr(ord(letter) - _FIRST_LETTER + ord("a")) for letter in bare)
    if _TONE.match(bare):
        return f"skin-tone-{ord(bare) - _FIRST_TONE + 2}"
    [cldr, *aliases], official = listed, _unicode_name(bare)
    if bare.endswith("\U000e007f"):  # a region: England, Scotland or Wales
        return f"flag-{cldr}"
    if "\u200d" in bare:  # people and things that are joined
        who, _, role = cldr.partition("_")
        if who in _SEXES and role in roles:
            cldr = f"{_SEXES[who]}_{role}"
        for pattern, name in _PEOPLE:
            cldr = re.sub(pattern, name, cldr)
        return cldr.replace("_", "-") if version <= 4 else cldr  # from 2017 on without hyphens
    # Those of 2016 and 2019 are Unicode's; most of 2014, too, where GitHub has several.
    if version in (3, 12) or (version == 0.7 and official in listed):
        return official or cldr
    return aliases[0] if aliases and version <= 1 else cldr


def _plain(name: str) -> str:
    return normalize("NFKD", name).encode("ascii", "ignore").decode().strip(":").lower()


def _unicode_name(emoji: str) -> str:
    symbol = len(emoji) == 1 and category(emoji) == "So"
    return unicode_name(emoji, "").lower().replace(" ", "_") if symbol else ""


def _underscored(name: str) -> str:
    return name.lower().replace("-", "_")


def _bare(emoji: str) -> str:
    """Return an emoji without skin tones and without the sign that asks for a coloured picture."""
    return _VARIANT.sub("", emoji) or emoji
