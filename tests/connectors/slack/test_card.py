"""Cards and buttons within Block Kit's limits, judged by the stand-in's checker."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.errors import Refused
from bot.core.outbound import Button, Card, CardTone, Style
from connectors.sandbox.slack.blockkit import Surface, check_blocks, check_view
from connectors.slack.blocks import card, card_text, rows, time_left
from connectors.slack.forms import FORMS, view
from connectors.slack.parsing import Parser
from tests.lengths import times

EXAMPLES = times(1000)
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
TEXT = st.one_of(
    st.text(max_size=40),
    st.builds(lambda word, times: word * times, st.text(max_size=6), st.integers(0, 2000)),
)
BUTTONS = st.builds(
    Button,
    st.sampled_from(["take", "assign", "resolve"]),
    st.text(max_size=2000),
    TEXT,
    st.sampled_from(Style),
    TEXT,
)
CARDS = st.builds(
    Card,
    title=TEXT,
    speaking=TEXT,
    tone=st.sampled_from(CardTone),
    facts=st.lists(st.tuples(TEXT, TEXT), max_size=35).map(tuple),
    sections=st.lists(st.tuples(TEXT, TEXT), max_size=70).map(tuple),
    window=st.none() | st.datetimes(min_value=NOW.replace(tzinfo=None), timezones=st.just(UTC)),
    deadline=st.none() | st.datetimes(min_value=NOW.replace(tzinfo=None), timezones=st.just(UTC)),
    buttons=st.lists(BUTTONS, max_size=30).map(tuple),
)


@settings(max_examples=max(50, EXAMPLES // 5), deadline=None)
@given(CARDS, st.booleans())
def test_every_card_is_within_slacks_limits_and_keeps_its_buttons(content: Card, folds: bool) -> None:
    blocks = card(content, NOW, folds=folds)
    assert check_blocks(blocks, Surface.MESSAGE) == []
    elements = [element for block in blocks if block["type"] == "actions" for element in block["elements"]]
    assert [element.get("value", "") for element in elements] == [button.value for button in content.buttons]
    assert len({element["action_id"] for element in elements}) == len(elements)
    assert 0 < len(card_text(content)) <= 3000
    inside = [child for block in blocks for child in block.get("child_blocks", ())]
    assert len(blocks) + len(inside) <= 50
    assert sum(map(_characters, blocks)) <= 12_000


def _characters(block: object) -> int:
    match block:
        case {"type": "plain_text" | "mrkdwn", "text": str(text)}:
            return len(text)
        case {"type": "actions"}:
            return 0
        case dict():
            return sum(map(_characters, block.values()))
        case list():
            return sum(map(_characters, block))
        case _:
            return 0


def test_only_long_sections_of_a_card_are_folded() -> None:
    sections = (("Why", "They ask for a refund."), ("In short", "A long story. " * 40), ("", "x" * 400))
    content = Card(title="x", speaking="", tone=CardTone.CALM, facts=(), sections=sections)
    (_, why, folded, without_heading) = card(content, NOW, folds=True)
    assert why["text"]["text"] == "*Why*\nThey ask for a refund."  # type: ignore[index]
    assert (folded["type"], folded["is_collapsible"], folded["default_collapsed"]) == (
        "container",
        True,
        True,
    )
    assert folded["title"]["text"] == "In short"  # type: ignore[index]
    [inside] = folded["child_blocks"]  # type: ignore[misc]
    assert inside["text"]["text"] == ("A long story. " * 40).strip()
    assert without_heading["type"] == "section"
    assert [block["type"] for block in card(content, NOW)] == ["header", "section", "section", "section"]


def test_a_button_value_that_does_not_fit_is_refused_not_cut() -> None:
    with pytest.raises(Refused, match="button_too_long"):
        rows([Button("take", "x" * 2001, "Take")])


@pytest.mark.parametrize(
    ("ahead", "words"),
    [
        (timedelta(minutes=12), "12 minutes left"),
        (timedelta(hours=3), "3 hours left"),
        (timedelta(days=2), "2 days left"),
        (timedelta(minutes=-1), "1 minute overdue"),
        (timedelta(seconds=5), "now"),
    ],
)
def test_the_deadline_is_told_in_words_and_in_the_readers_time(ahead: timedelta, words: str) -> None:
    shown = time_left(NOW + ahead, NOW)
    assert shown.startswith(
        f"<!date^{int((NOW + ahead).timestamp())}^{{date_short_pretty}} {{time}}|2026-03-"
    )
    assert shown.endswith(f"({words})")


@settings(max_examples=times(200), deadline=None)
@given(st.text(max_size=600))
def test_every_form_is_a_view_slack_takes(value: str) -> None:
    for form in FORMS.values():
        assert check_view(view(form, value, Parser("slack").place("C1", "1.2"))) == []


def test_the_card_says_until_when_free_text_reaches_the_customer() -> None:
    content = Card(title="x", speaking="", tone=CardTone.CALM, facts=(), window=NOW + timedelta(hours=3))
    (_, context) = card(content, NOW)
    (element,) = context["elements"]  # type: ignore[misc]
    assert element["text"].startswith("💬 Free text reaches the customer until <!date^")
    assert element["text"].endswith("(3 hours left)")
    closed = card(replace(content, window=NOW), NOW)[1]["elements"]
    assert "does not reach the customer before they write again" in str(closed)
