"""Long texts in parts: nothing lost, nothing too long, nothing cut where it hurts."""

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.core.connector import Unit
from connectors.rendering import length, shortened, split, to_html, to_plain, to_whatsapp
from connectors.rendering.document import atoms
from connectors.rendering.splitting import faithful
from tests.lengths import times

WORDS = st.text(
    alphabet=st.characters(codec="utf-8", exclude_characters="\x00\r"), min_size=1, max_size=12
) | st.sampled_from(
    [
        "one.",
        "two!",
        "e.g.",
        "三。",
        "نعم؟",
        "है।",
        "👨‍👩‍👧‍👦",
        "🇩🇪",
        "*",
        "_x_",
        "`",
        "~~",
        "1.",
        "-",
        "#",
        "|",
        ">",
    ]
)
SENTENCES = st.lists(WORDS, min_size=1, max_size=12).map(" ".join)


def _marked(inside: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    marks = st.sampled_from(
        ["**{}**", "*{}*", "_{}_", "~~{}~~", "`{}`", "[{}](https://example.org/a_b?c=d&e)"]
    )
    return st.builds(lambda mark, text: mark.format(text), marks, inside)


LINES = st.lists(SENTENCES | _marked(SENTENCES) | _marked(_marked(SENTENCES)), min_size=1, max_size=4).map(
    " ".join
)
BLOCKS = st.one_of(
    LINES,
    LINES.map(lambda line: f"## {line}"),
    st.lists(LINES, min_size=1, max_size=4).map("\n".join),
    st.lists(LINES, min_size=1, max_size=4).map(lambda lines: "\n".join(f"- {line}" for line in lines)),
    st.lists(LINES, min_size=1, max_size=4).map(
        lambda lines: "\n".join(f"{number}. {line}\n   - {line}" for number, line in enumerate(lines, 7))
    ),
    st.lists(LINES, min_size=1, max_size=3).map(lambda lines: "\n".join(f"> {line}" for line in lines)),
    st.lists(SENTENCES, min_size=1, max_size=4).map(lambda lines: "```py\n" + "\n".join(lines) + "\n```"),
    st.lists(SENTENCES, min_size=1, max_size=3).map(
        lambda cells: "| a | b |\n|---|---|\n" + "\n".join(f"| {cell} | x |" for cell in cells)
    ),
)
DOCUMENTS = st.lists(BLOCKS, max_size=6).map("\n\n".join) | st.text(max_size=300)


def _letters(markdown: str) -> str:
    """All that is shown, white space and repeated addresses aside."""
    shown = "".join(atom.text for atom in atoms(markdown))
    return "".join(shown.split())


@pytest.mark.long
@settings(deadline=None)
@given(DOCUMENTS, st.integers(40, 400), st.sampled_from(Unit))
@example("*a **b** " + "word " * 40 + "*", 60, Unit.CHARACTERS)
@example("```\n" + "x" * 300, 50, Unit.BYTES)
def test_no_part_is_too_long_and_no_word_is_lost(text: str, limit: int, unit: Unit) -> None:
    def size(markdown: str) -> int:
        return length(to_whatsapp(markdown), unit)

    parts = split(text, limit, size)

    assert all(size(part) <= limit for part in parts)
    together = "".join(_letters(part) for part in parts)
    addresses = "(https://example.org/a_b?c=d&e)"  # of links that are longer than half a message
    assert together.replace(addresses, "") == _letters(text).replace(addresses, "")


@pytest.mark.long
@settings(deadline=None)
@given(DOCUMENTS, st.integers(40, 400))
def test_the_same_text_makes_the_same_parts(text: str, limit: int) -> None:
    assert split(text, limit, len) == split(text, limit, len)


@pytest.mark.long
@settings(deadline=None)
@given(DOCUMENTS)
def test_a_text_that_was_written_again_reads_the_same(text: str) -> None:
    assert _letters(faithful(atoms(text))) == _letters(text)


@pytest.mark.long
@settings(deadline=None)
@given(DOCUMENTS)
def test_no_text_stops_a_renderer(text: str) -> None:
    for render in (to_whatsapp, to_plain, to_html):
        assert render(text) == render(text)


def test_a_text_that_fits_is_left_as_it_was_written() -> None:
    text = "Dear *Maya*,\n\n* one\n* two"

    assert split(text, 100, len) == (text,)


def test_a_text_that_shows_nothing_makes_no_part() -> None:
    for text in ("", " \n\n \t", "&nbsp;", "\u2003"):
        assert split(text, 100, lambda part: len(to_plain(part))) == ()


def test_a_rule_alone_is_shown() -> None:
    assert split("---", 100, lambda part: len(to_plain(part))) == ("---",)


def test_paragraphs_stay_whole_where_they_can() -> None:
    first, second = "One two three. " * 4, "Four five six. " * 4

    assert split(f"{first}\n\n{second}", 70, len) == (first.strip(), second.strip())


@pytest.mark.parametrize(
    ("text", "first"),
    [
        (
            "This is the first sentence. And here comes another one that is long",
            "This is the first sentence.",
        ),
        (
            "Is this the first sentence? And here comes another one that is long",
            "Is this the first sentence?",
        ),
        ("これは最初の文です。" + "そしてこれは二番目の文であり、とても長いものです", "これは最初の文です。"),
        ("هل هذه هي الجملة الأولى؟ وهنا تأتي جملة أخرى طويلة جدا جدا", "هل هذه هي الجملة الأولى؟"),
        ("यह पहला वाक्य है। और यहाँ एक और वाक्य आता है जो लंबा है", "यह पहला वाक्य है।"),
    ],
)
def test_a_sentence_ends_where_its_language_ends_it(text: str, first: str) -> None:
    assert split(text, len(first) + 12, len)[0] == first


def test_an_abbreviation_or_an_initial_ends_no_sentence() -> None:
    assert split("It can hold many things, e.g. apples and pears", 38, len)[0].endswith("apples")
    assert split("It was written by one J. Smith of our company", 35, len)[0].endswith("Smith of")


def test_a_code_block_is_closed_and_opened_again() -> None:
    code = "\n".join(f"line {number} of the program" for number in range(20))

    parts = split(f"Look:\n\n```python\n{code}\n```\n\nThat is all.", 200, len)

    assert len(parts) > 2
    for part in parts[1:-1]:
        assert part.startswith("```python\n")
        assert part.endswith("\n```")
    assert parts[-1].endswith("That is all.")


def test_a_code_block_that_was_never_closed_swallows_nothing() -> None:
    parts = split("```\n" + "a = 1\n" * 60, 100, len)

    assert all(part.startswith("```\n") and part.endswith("\n```") for part in parts)


def test_a_link_is_not_cut() -> None:
    text = "Some words before it, and then [the long label of a link](https://example.org/path) after it."

    parts = split(text, 70, len)

    assert any("[the long label of a link](" in part for part in parts)


def test_bold_words_are_not_cut_apart() -> None:
    text = "There is something to say and **these words stand together** here"

    assert "**these words stand together**" in "\n".join(split(text, 45, len))


def test_bold_that_is_longer_than_a_message_goes_on_in_the_next() -> None:
    parts = split("**" + "word " * 50 + "end**", 80, len)

    assert all(part.startswith("**") and part.endswith("**") for part in parts)


def test_a_list_goes_on_counting_and_the_rest_of_an_item_has_no_number() -> None:
    text = "\n".join(f"{number}. " + f"item {number} is long. " * 3 for number in range(1, 5))

    parts = split(text, 90, len)

    assert parts[0].startswith("1. ")
    assert all(re.match(r"\d\. item \d|item \d", part) for part in parts)
    assert sum(part.count(". item") for part in parts) >= 4


def test_an_address_longer_than_a_message_is_not_lost() -> None:
    address = "https://example.org/" + "a1b2" * 60

    parts = split(f"Please [pay here]({address}) today", 100, len)

    assert "pay here" in parts[0]
    assert address in "".join(atom.text for part in parts for atom in atoms(part))


def test_families_and_flags_stay_together() -> None:
    parts = split("👨‍👩‍👧‍👦" * 40, 64, lambda text: length(text, Unit.UTF16))

    assert all(set(to_plain(part).replace("👨‍👩‍👧‍👦", "")) == set() for part in parts)


def test_a_hundred_levels_of_quotation_lose_nothing() -> None:
    assert "deep" in to_plain(">" * 300 + " deep")


@settings(deadline=None)
@given(st.text(max_size=60), st.integers(0, 30), st.sampled_from(Unit))
def test_a_shortened_text_fits_and_is_shortened_once(text: str, limit: int, unit: Unit) -> None:
    short = shortened(text, limit, unit)

    assert length(short, unit) <= limit
    assert shortened(short, limit, unit) == short
    assert short in (text, "") or short.endswith("…")


def test_a_label_is_cut_between_characters_and_not_within_one() -> None:
    assert shortened("Yes 👨‍👩‍👧‍👦 please", 12) == "Yes 👨‍👩‍👧‍👦…"
    assert shortened("Yes 👨‍👩‍👧‍👦 please", 9) == "Yes…"


@settings(deadline=None, max_examples=times(100))
@given(
    st.one_of(
        st.lists(BLOCKS, min_size=1, max_size=40).map("\n\n".join),
        st.builds(lambda sign, count: sign * count, WORDS, st.integers(1, 3_000)),
    ),
    st.sampled_from([100, 500, 1_000]),
)
@example("𝄢" * 9_000, 4_096)
def test_the_work_of_measuring_grows_with_the_text_and_not_with_its_square(text: str, limit: int) -> None:
    """A piece is rendered to be measured: the number of characters that are is what a text costs."""
    measured: list[int] = []

    def size(markdown: str) -> int:
        measured.append(len(markdown))
        return len(to_plain(markdown))

    parts = split(text, limit, size)

    assert len(parts) < 2 or sum(measured) <= 16 * (sum(map(len, parts)) + len(text))


def test_marks_within_each_other_are_shown_however_deep_they_are() -> None:
    text = "*a " * 1_600 + "b* " * 1_600

    assert sum(len(part) for part in split(text, 1_000, len)) >= len("a" * 1_600 + "b" * 1_600)
    assert to_plain(text).count("a") == 1_600
