"""Slack's names of emoji, and the pictures that people see."""

import re
import subprocess
import sys

import pytest
from emoji import EMOJI_DATA

from connectors.slack.emoji import code_for, picture, pictured

# Each name is the one that Slack gives back when somebody reacts.
NAMED = {
    "people at work": {
        "male-technologist": "👨‍💻",
        "female-doctor": "👩‍⚕️",
        "health_worker": "🧑‍⚕️",
        "male-police-officer": "👮‍♂️",
        "female-construction-worker": "👷‍♀️",
        "female-detective": "🕵️‍♀️",
        "male_mage": "🧙‍♂️",
        "female_superhero": "🦸‍♀️",
    },
    "people who do something": {
        "shrug": "🤷",
        "woman-shrugging": "🤷‍♀️",
        "man-playing-water-polo": "🤽‍♂️",
        "man-wrestling": "🤼‍♂️",
        "women-with-bunny-ears-partying": "👯‍♀️",
        "woman_climbing": "🧗‍♀️",
        "man_in_tuxedo": "🤵‍♂️",
        "man_dancing": "🕺",
        "woman_running_facing_right": "🏃‍♀️‍➡️",
    },
    "people as they look": {
        "red_haired_woman": "👩‍🦰",
        "bald_person": "🧑‍🦲",
        "blond-haired-man": "👱‍♂️",
        "woman_with_beard": "🧔‍♀️",
        "man_with_probing_cane": "👨‍🦯",
    },
    "families and couples": {
        "family": "👪",
        "man-woman-girl-boy": "👨‍👩‍👧‍👦",
        "woman-boy": "👩‍👦",
        "family_adult_child": "🧑‍🧒",
        "man-heart-man": "👨‍❤️‍👨",
        "woman-kiss-man": "👩‍❤️‍💋‍👨",
        "couplekiss": "💏",
        "man_and_woman_holding_hands": "👫",
    },
    "flags": {
        "de": "🇩🇪",
        "gb": "🇬🇧",
        "flag-at": "🇦🇹",
        "flag-eu": "🇪🇺",
        "flag-scotland": "🏴󠁧󠁢󠁳󠁣󠁴󠁿",
        "rainbow-flag": "🏳️‍🌈",
        "waving_white_flag": "🏳️",
        "transgender_flag": "🏳️‍⚧️",
    },
    "keys": {"one": "1️⃣", "hash": "#️⃣", "keycap_star": "*️⃣", "keycap_ten": "🔟"},
    "circles and squares": {
        "red_circle": "🔴",
        "large_blue_circle": "🔵",
        "large_green_circle": "🟢",
        "large_orange_square": "🟧",
        "white_large_square": "⬜",
    },
    "names that mean another picture elsewhere": {
        "mouse": "🐭",
        "mouse2": "🐁",
        "medal": "🎖️",
        "sports_medal": "🏅",
        "email": "✉️",
        "e-mail": "📧",
        "satellite": "🛰️",
        "satellite_antenna": "📡",
        "snowman": "☃️",
        "umbrella": "☂️",
        "kiss": "💋",
        "memo": "📝",
        "pencil2": "✏️",
        "octagonal_sign": "🛑",
    },
    "the oldest and the youngest": {
        "+1": "👍",
        "-1": "👎",
        "joy": "😂",
        "clock130": "🕜",
        "t-rex": "🦖",
        "star-struck": "🤩",
        "pinata": "🪅",
        "skin-tone-4": "🏽",
        "melting_face": "🫠",
        "head_shaking_vertically": "🙂‍↕️",
        "face_with_bags_under_eyes": "🫩",
    },
}


@pytest.mark.parametrize("kind", NAMED)
def test_a_name_of_slack_is_a_picture_and_back(kind: str) -> None:
    assert {name: picture(name) for name in NAMED[kind]} == NAMED[kind]
    assert {code_for(shown): shown for shown in NAMED[kind].values()} == NAMED[kind]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("thumbsup", "👍"),
        ("flag-de", "🇩🇪"),
        ("uk", "🇬🇧"),
        ("pencil", "📝"),
        ("mother_christmas", "🤶"),
        ("sun_behind_cloud", "🌥️"),
        ("woman-with-bunny-ears-partying", "👯‍♀️"),
        ("rofl", "🤣"),  # GitHub's, as the next two
        ("thinking", "🤔"),
        ("hugs", "🤗"),
        ("man_farmer", "👨‍🌾"),
        ("+1::skin-tone-3", "👍"),
    ],
)
def test_other_names_of_an_emoji_are_understood(name: str, shown: str) -> None:
    assert picture(name) == shown


def test_every_emoji_has_a_name_that_leads_back_to_it() -> None:
    plain = [shown for shown in EMOJI_DATA if not re.search("[\U0001f3fb-\U0001f3ff]", shown)]
    lost = {shown: code_for(shown) for shown in plain if bare(picture(code_for(shown))) != bare(shown)}
    assert lost == {}


def bare(emoji: str) -> str:
    return emoji.replace("\ufe0f", "")


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        (":wave::skin-tone-3:", "👋🏼"),
        (":woman-shrugging::skin-tone-6:", "🤷🏿‍♀️"),
        (":male-doctor::skin-tone-2:", "👨🏻‍⚕️"),
        (":sleuth_or_spy::skin-tone-4:", "🕵🏽"),
        (":woman-heart-man::skin-tone-4:", "👩🏽‍❤️‍👨🏽"),  # both of them
        (":people_holding_hands::skin-tone-2-6:", "🧑🏻‍🤝‍🧑🏿"),
        (":handshake::skin-tone-2-6:", "🫱🏻‍🫲🏿"),
        (":heart::skin-tone-2:", "❤️"),
        (":our_logo::skin-tone-2:", ":our_logo::skin-tone-2:"),
    ],
)
def test_a_skin_tone_is_on_everybody_in_the_picture(code: str, shown: str) -> None:
    assert pictured(f"So {code}!") == f"So {shown}!"


@pytest.mark.parametrize("shown", ["👋🏼", "👩🏽‍❤️‍👨🏽", "🧑🏻‍🤝‍🧑🏿", "🫱🏻‍🫲🏿", "💏🏾", "🧑🏻‍❤️‍💋‍🧑🏿"])
def test_a_reaction_with_skin_tones_is_named_without_them(shown: str) -> None:
    names = {"wave", "woman-heart-man", "people_holding_hands", "handshake", "couplekiss"}
    assert code_for(shown) in names


@pytest.mark.parametrize("name", ["our_logo", "dög", "日本", "flag-zz"])
def test_an_emoji_of_the_workspace_stays_as_it_is(name: str) -> None:
    assert picture(name) == f":{name}:"


def test_addresses_and_times_hold_no_emoji() -> None:
    assert pictured("00:1b:ab:cd:de:ef at 10:30:45") == "00:1b:ab:cd:de:ef at 10:30:45"
    assert pictured("Thanks:wave:") == "Thanks👋"
    assert pictured(":wave:Maya") == "👋Maya"


def test_importing_the_connector_does_not_load_the_emoji() -> None:
    load = "import sys, connectors.slack, connectors.slack.connector; sys.exit('emoji' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", load], check=False).returncode == 0
