"""Hostile texts: their messages cost about as much as plain words do, and show all of the text."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.outbound import Post
from connectors.rendering import bounded, to_plain
from connectors.rendering.units import graphemes
from connectors.whatsapp.parts import parts_of
from tests.bench.texts import CHANNELS, TEXTS
from tests.tools.counting import calls

# Of Python and of what it calls: plain words take up to 200,000.
MOST_CALLS = 650_000


@pytest.mark.long
@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("name", TEXTS)
def test_ten_thousand_characters_cost_so_much_at_most(channel: str, name: str) -> None:
    assert calls(CHANNELS[channel], TEXTS[name]) < MOST_CALLS


@pytest.mark.long
@pytest.mark.parametrize("name", ["list items", "newlines", "`[`", "`*a*`", "rules"])
def test_as_much_markup_as_is_read_costs_no_more(name: str) -> None:
    """The same, thinned with words until it is read as markup."""
    unit = TEXTS[name][:40]
    words, text = 0, TEXTS[name]
    while bounded(text) != text:
        words += 1
        text = (unit + "word " * words + "\n") * (10_000 // (len(unit) + 5 * words))
    assert calls(CHANNELS["WhatsApp"], text) < MOST_CALLS


@pytest.mark.parametrize("name", [name for name in TEXTS if name not in ("spaces", "empty lines", "rules")])
def test_all_of_a_hostile_text_is_shown(name: str) -> None:
    """In a code block, sign by sign, where nobody means so much markup."""
    text = TEXTS[name]
    if bounded(text) == text:
        return
    shown = to_plain(bounded(text))
    assert _visible(shown) == _visible(re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", text))


def _visible(text: str) -> str:
    return "".join(text.split()).replace("\u200b", "")


def test_an_escaped_text_is_shown_without_its_backslashes() -> None:
    dense = "\n".join(r"- \*5\* \[a\]" for _ in range(500))
    assert "- *5* [a]" in to_plain(dense)
    assert "\\" not in to_plain(dense)


@pytest.mark.long
@given(st.text(alphabet="`~a\n*", min_size=2000, max_size=4000))
def test_no_fence_ends_early(text: str) -> None:
    once = bounded(text)
    assert bounded(once) == once
    if once != text:
        assert _visible(to_plain(once)) == _visible(text)


def test_a_message_that_people_write_keeps_its_markup() -> None:
    """Hundreds of items, and a page of prose with all its signs escaped."""
    items = "\n".join(f"- **{n}.** what there is to do about it" for n in range(90))
    prose = r"It costs 5 \*each\*\, as agreed \(see 1\.2\)\: please pay\. " * 60
    assert bounded(items) == items
    assert bounded(prose) == prose


def test_flags_are_counted_one_by_one() -> None:
    assert list(graphemes("🇩🇪🇫🇷a🇩🇪\u200d🇫")) == ["🇩🇪", "🇫🇷", "a", "🇩🇪\u200d", "🇫"]


def test_a_cut_is_never_made_within_a_character() -> None:
    family = "👨\u200d👩\u200d👧\u200d👦"
    parts = parts_of(Post(family * 2000), lambda _: "")
    assert "".join(part.text for part in parts) == family * 2000  # type: ignore[union-attr]
    assert all(part.text.startswith(family) and part.text.endswith(family) for part in parts)  # type: ignore[union-attr]
