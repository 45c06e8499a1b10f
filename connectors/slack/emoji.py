"""Translate Slack's short codes to emoji and back.

A message that people type contains the Unicode of each standard emoji in its blocks. The names here are for
what has no blocks, such as reactions. A workspace's own emoji stay as they were typed.
"""

import re
from unicodedata import category, lookup
from unicodedata import name as unicode_name

from bot.core.outbound import Mark

_PICTURES = {
    "+1": "👍", "thumbsup": "👍", "-1": "👎", "thumbsdown": "👎", "ok_hand": "👌", "wave": "👋",
    "clap": "👏", "raised_hands": "🙌", "pray": "🙏", "muscle": "💪", "point_right": "👉",
    "point_left": "👈", "point_up": "☝️", "point_down": "👇", "crossed_fingers": "🤞", "v": "✌️",
    "handshake": "🤝", "writing_hand": "✍️", "eyes": "👀", "brain": "🧠",
    "smile": "😄", "smiley": "😃", "grinning": "😀", "grin": "😁", "laughing": "😆", "satisfied": "😆",
    "joy": "😂", "rolling_on_the_floor_laughing": "🤣", "rofl": "🤣", "slightly_smiling_face": "🙂",
    "upside_down_face": "🙃", "wink": "😉", "blush": "😊", "innocent": "😇", "heart_eyes": "😍",
    "smiling_face_with_3_hearts": "🥰",
    "star-struck": "🤩", "kissing_heart": "😘", "yum": "😋", "stuck_out_tongue": "😛",
    "stuck_out_tongue_winking_eye": "😜", "hugging_face": "🤗", "hugs": "🤗", "thinking_face": "🤔",
    "thinking": "🤔", "shushing_face": "🤫", "zipper_mouth_face": "🤐", "neutral_face": "😐",
    "expressionless": "😑", "smirk": "😏", "face_with_rolling_eyes": "🙄", "grimacing": "😬",
    "relieved": "😌", "pensive": "😔", "sleepy": "😪", "sleeping": "😴", "mask": "😷",
    "exploding_head": "🤯", "partying_face": "🥳", "sunglasses": "😎", "nerd_face": "🤓",
    "confused": "😕", "worried": "😟", "slightly_frowning_face": "🙁", "open_mouth": "😮",
    "astonished": "😲", "flushed": "😳", "pleading_face": "🥺", "fearful": "😨", "cold_sweat": "😰",
    "disappointed_relieved": "😥", "cry": "😢", "sob": "😭", "scream": "😱", "confounded": "😖",
    "disappointed": "😞", "sweat": "😓", "sweat_smile": "😅", "weary": "😩", "tired_face": "😫",
    "rage": "😡", "angry": "😠", "skull": "💀", "robot_face": "🤖", "facepalm": "🤦", "shrug": "🤷",
    "heart": "❤️", "orange_heart": "🧡", "yellow_heart": "💛", "green_heart": "💚", "blue_heart": "💙",
    "purple_heart": "💜", "broken_heart": "💔", "100": "💯", "fire": "🔥", "sparkles": "✨", "star": "⭐",
    "star2": "🌟", "boom": "💥", "zap": "⚡", "sunny": "☀️", "rainbow": "🌈", "tada": "🎉",
    "confetti_ball": "🎊", "gift": "🎁", "birthday": "🎂", "trophy": "🏆", "medal": "🏅", "rocket": "🚀",
    "coffee": "☕", "pizza": "🍕", "beer": "🍺", "beers": "🍻", "champagne": "🍾",
    "white_check_mark": "✅", "heavy_check_mark": "✔️", "ballot_box_with_check": "☑️", "x": "❌",
    "heavy_multiplication_x": "✖️", "heavy_plus_sign": "➕", "warning": "⚠️", "no_entry": "⛔",
    "no_entry_sign": "🚫", "bangbang": "‼️", "exclamation": "❗", "question": "❓",
    "information_source": "ℹ️", "recycle": "♻️", "red_circle": "🔴", "large_blue_circle": "🔵",
    "large_green_circle": "🟢", "large_yellow_circle": "🟡", "large_orange_circle": "🟠",
    "arrow_right": "➡️", "arrow_left": "⬅️", "arrow_up": "⬆️", "arrow_down": "⬇️",
    "leftwards_arrow_with_hook": "↩️", "arrows_counterclockwise": "🔄", "rotating_light": "🚨",
    "hourglass": "⌛", "hourglass_flowing_sand": "⏳", "stopwatch": "⏱️", "alarm_clock": "⏰",
    "watch": "⌚", "calendar": "📆", "date": "📅", "lock": "🔒", "unlock": "🔓", "key": "🔑",
    "closed_lock_with_key": "🔐", "bell": "🔔", "no_bell": "🔕", "bulb": "💡", "wrench": "🔧",
    "hammer": "🔨", "hammer_and_wrench": "🛠️", "gear": "⚙️", "link": "🔗", "paperclip": "📎",
    "pushpin": "📌", "round_pushpin": "📍", "memo": "📝", "pencil": "📝", "pencil2": "✏️",
    "clipboard": "📋", "page_facing_up": "📄", "file_folder": "📁", "chart_with_upwards_trend": "📈",
    "chart_with_downwards_trend": "📉", "bar_chart": "📊", "mag": "🔍", "email": "📧", "envelope": "✉️",
    "inbox_tray": "📥", "outbox_tray": "📤", "package": "📦", "telephone_receiver": "📞",
    "phone": "☎️", "iphone": "📱", "computer": "💻", "desktop_computer": "🖥️", "printer": "🖨️",
    "floppy_disk": "💾", "camera": "📷", "movie_camera": "🎥", "microphone": "🎤", "speech_balloon": "💬",
    "thought_balloon": "💭", "loudspeaker": "📢", "mega": "📣", "moneybag": "💰", "dollar": "💵",
    "euro": "💶", "credit_card": "💳", "receipt": "🧾", "bug": "🐛", "construction": "🚧", "ticket": "🎫",
    "earth_africa": "🌍", "earth_americas": "🌎", "earth_asia": "🌏", "airplane": "✈️", "car": "🚗",
    "house": "🏠", "office": "🏢", "dog": "🐶", "cat": "🐱", "see_no_evil": "🙈",
}  # fmt: skip

MARKS = {
    Mark.WAITING: "hourglass_flowing_sand",
    Mark.SENT: "heavy_check_mark",
    Mark.DELIVERED: "white_check_mark",
    Mark.READ: "eyes",
    Mark.FAILED: "x",
    Mark.INSIDE: "lock",
    Mark.WITHDRAWN: "leftwards_arrow_with_hook",
}

_TONES = re.compile("[\U0001f3fb-\U0001f3ff\ufe0e\ufe0f]")
_NAMED = re.compile(r":([a-z0-9_+'-]{1,60}):")
# Of several names of one picture, the first.
_NAMES = {_TONES.sub("", shown): name for name, shown in reversed(_PICTURES.items())}
_CODE = re.compile(r":([a-z0-9_+'-]{1,60}):(?::skin-tone-([2-6]):)?")
_FIRST_TONE = 0x1F3FB  # Slack counts them from 2
_LONGEST = 15  # code points of one emoji
_BARE_FLAGS = {name: name for name in ("de", "es", "fr", "it", "jp", "kr", "ru", "us", "cn", "eu")} | {
    "gb": "gb",
    "uk": "gb",
}
_STATES = {"england": "gbeng", "scotland": "gbsct", "wales": "gbwls"}
_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_KEYS = {name: str(digit) for digit, name in enumerate(_DIGITS)} | {"hash": "#", "keycap_star": "*"}
_WHO = {"man": ("👨", "♂"), "woman": ("👩", "♀")}
_DOING = {
    "shrugging": "🤷", "facepalming": "🤦", "running": "🏃", "walking": "🚶", "raising-hand": "🙋",
    "gesturing-ok": "🙆", "gesturing-no": "🙅", "bowing": "🙇", "pouting": "🙎", "frowning": "🙍",
    "tipping-hand": "💁", "getting-massage": "💆", "getting-haircut": "💇", "swimming": "🏊", "surfing": "🏄",
    "rowing-boat": "🚣", "biking": "🚴", "mountain-biking": "🚵", "cartwheeling": "🤸", "juggling": "🤹",
    "climbing": "🧗", "standing": "🧍", "kneeling": "🧎", "police-officer": "👮", "guard": "💂",
    "detective": "🕵️", "construction-worker": "👷", "superhero": "🦸", "mage": "🧙",
}  # fmt: skip
_WORK = {
    "technologist": "💻", "office-worker": "💼", "student": "🎓", "teacher": "🏫", "cook": "🍳",
    "farmer": "🌾", "factory-worker": "🏭", "mechanic": "🔧", "scientist": "🔬", "artist": "🎨",
    "singer": "🎤", "firefighter": "🚒", "astronaut": "🚀", "doctor": "⚕️", "judge": "⚖️", "pilot": "✈️",
}  # fmt: skip


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


def _toned(name: str, tone: str | None) -> str:
    shown = _picture(name)
    if not shown or tone is None:
        return shown
    # The tone stands behind the person, and before what they do or are.
    return shown[0] + chr(_FIRST_TONE + int(tone) - 2) + shown[1:].removeprefix("\ufe0f")


def _picture(name: str) -> str:
    return _PICTURES.get(name) or _flag(name) or _keycap(name) or _person(name) or _by_unicode(name)


def _flag(name: str) -> str:
    """Return the flag of a name, "" if it is none. A country's flag consists of its two letters.

    Those of England, Scotland and Wales are a black flag with tags.
    """
    country = name.removeprefix("flag-") if name.startswith("flag-") else _BARE_FLAGS.get(name, "")
    if tags := _STATES.get(country):
        return "🏴" + "".join(chr(0xE0000 + ord(letter)) for letter in tags) + "\U000e007f"
    if re.fullmatch("[a-z]{2}", country):
        return "".join(chr(0x1F1E6 + ord(letter) - ord("a")) for letter in country)
    return ""


def _keycap(name: str) -> str:
    sign = _KEYS.get(name)
    return f"{sign}\ufe0f\u20e3" if sign else ""


def _person(name: str) -> str:
    """Return the emoji of a person's name, "" if it is none: `man-technologist` is 👨 and a tool.

    `woman-shrugging` is 🤷 and a sign of the person's sex.
    """
    who, _, what = name.replace("female-", "woman-").replace("male-", "man-").partition("-")
    if who not in _WHO:
        return ""
    person, sign = _WHO[who]
    if tool := _WORK.get(what):
        return f"{person}\u200d{tool}"
    return f"{doing}\u200d{sign}\ufe0f" if (doing := _DOING.get(what)) else ""


def code_for(emoji: str) -> str:
    """Return Slack's name of an emoji, or the name in a `:name:` of the workspace; "" if there is none."""
    if named := _NAMED.fullmatch(emoji):
        return named[1]
    bare = _bare(emoji)
    if bare in _NAMES:
        return _NAMES[bare]
    # Slack names younger emoji as Unicode does.
    if len(bare) == 1 and category(bare) == "So":
        return unicode_name(bare, "").lower().replace(" ", "_").replace("-", "_")
    return ""


def _by_unicode(name: str) -> str:
    try:
        found = lookup(name.replace("_", " "))
    except KeyError:
        return ""
    return found if len(found) == 1 and category(found) == "So" else ""


def _bare(emoji: str) -> str:
    """Return an emoji without skin tones and without the sign that asks for a coloured picture."""
    return _TONES.sub("", emoji)
