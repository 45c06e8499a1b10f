"""mrkdwn to CommonMark and back: what is meant arrives, and nothing else is meant by it."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bot.turns.private import divide
from connectors.slack.reading import mentioned, to_commonmark
from connectors.slack.splitting import FENCE, cut, parts
from connectors.slack.writing import to_mrkdwn
from tests.lengths import times

EXAMPLES = times(1000)
MARKUP = st.text(
    alphabet=st.one_of(st.sampled_from("*_~`<>&|@#!:\\[]()\n -1.x"), st.characters()), max_size=200
)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("*bold* and _slanted_ and ~gone~", "**bold** and _slanted_ and ~~gone~~"),
        ("*_both_*", "**_both_**"),
        ("run `a < b` now", "run `a < b` now"),
        ("run `a &lt; b &amp;&amp; c` now", "run `a < b && c` now"),
        ("```if a &lt; b:\n  *x*```", "```\nif a < b:\n  *x*\n```"),
        ("see <https://a.b/c?d=1&amp;e=2|the page>", "see [the page](https://a.b/c?d=1&e=2)"),
        ("see <https://a.b/c>", "see <https://a.b/c>"),
        ("<mailto:a@b.c|a@b.c>", "a@b.c"),
        ("<@U1> and <@U2>", "@Ana and @U2"),
        ("<#C1|help> <!here> <!subteam^S1|@oncall>", "#help @here @oncall"),
        (":wave: hi :thumbsup::skin-tone-3: :custom:", "👋 hi 👍🏼 :custom:"),
        ("call __init__ and _this_ __dunder__", "call \\_\\_init\\_\\_ and _this_ \\_\\_dunder\\_\\_"),
        ("a &amp; b &lt; c &gt; d", "a & b < c > d"),
        ("&gt; quoted\nafter", "> quoted\n>\nafter"),
        ("&gt; quoted\n\nafter", "> quoted\n\nafter"),
        ("a\n```b```\nc", "a\n```\nb\n```\nc"),
        ("a ```b\n\nc``` d", "a \n```\nb\n\nc\n```\n d"),
        ("• one\n• two", "- one\n- two"),
        ("# not a heading", "\\# not a heading"),
        ("snake_case_name 2*3*4 2 * 3", "snake_case_name 2\\*3\\*4 2 * 3"),
        ("&lt;b&gt;x&lt;/b&gt;", "\\<b>x\\</b>"),
    ],
)
def test_text_of_staff_is_read_as_they_meant_it(written: str, read: str) -> None:
    assert to_commonmark(written, {"U1": "Ana"}) == read


@pytest.mark.parametrize(
    ("markdown", "mrkdwn"),
    [
        ("**bold** *slanted* ~~gone~~ `a<b`", "*bold* _slanted_ ~gone~ `a&lt;b`"),
        ("# Head **strong**\n\ntext", "*Head strong*\n\ntext"),
        ("- a\n  - b\n- c", "• a\n    • b\n• c"),
        ("3. x\n4. y", "3. x\n4. y"),
        ("[the|page](https://a.b/?c=1&d=2)", "<https://a.b/?c=1&amp;d=2|the¦page>"),
        ("go to https://a.b/c.", "go to <https://a.b/c>."),
        ("> quoted\n> more", "> quoted\n> more"),
        ("```py\na < b\n```", "```\na &lt; b\n```"),
        ("<!channel> <@U1> @here", "&lt;!channel&gt; &lt;@U1&gt; @here"),
        ("[x](javascript:alert)", "[x](javascript:alert)"),
        ("| a | bb |\n|---|----|\n| 1 | 2 |", "```\na  bb\n─  ──\n1  2\n```"),
        ("pre**fix**", "pre\u200b*fix*"),
    ],
)
def test_text_of_ours_is_written_as_slack_shows_it(markdown: str, mrkdwn: str) -> None:
    assert to_mrkdwn(markdown) == mrkdwn


def test_people_are_found_in_a_text_once_each() -> None:
    assert mentioned("<@U1> <@U2|ben> <@U1> <#C1>") == ["U1", "U2"]


@pytest.mark.long
@settings(max_examples=EXAMPLES, deadline=None)
@given(MARKUP)
def test_reading_never_raises_and_leaves_nothing_of_slacks_own(text: str) -> None:
    read = to_commonmark(text, {})
    assert not re.search("[\ue000-\ue003]", read)
    MarkdownIt("commonmark").parse(read)


@settings(max_examples=EXAMPLES, deadline=None)
@given(MARKUP)
def test_no_text_of_ours_can_mention_anybody(text: str) -> None:
    shown = to_mrkdwn(text)
    assert not re.search(r"<[@#!]", shown)
    for inside in re.findall(r"<([^>]*)>", shown):
        assert re.match(r"(?:https?|mailto|tel):", inside, re.IGNORECASE)


@settings(max_examples=EXAMPLES, deadline=None)
@given(MARKUP, st.integers(16, 90))
def test_parts_keep_to_the_limit_and_close_their_code(text: str, limit: int) -> None:
    shown = to_mrkdwn(text * 3)
    pieces = parts(shown, limit)
    assert all(0 < len(piece) <= limit for piece in pieces)
    if FENCE in shown:
        assert all(piece.count(FENCE) % 2 == 0 for piece in pieces) or shown.count(FENCE) % 2
    assert len(cut(shown, limit)) <= limit


@settings(max_examples=times(200), deadline=None)
@given(st.lists(st.text("abc", min_size=1, max_size=10), min_size=1, max_size=80))
def test_words_are_never_broken(words: list[str]) -> None:
    assert " ".join(parts(" ".join(words), 40)).split() == words


def test_links_and_escapes_are_never_broken() -> None:
    link = "<https://example.com/a/long/path|with a label>"
    assert any(link in piece for piece in parts("word " * 5 + link, 60))
    assert all(not re.search(r"&\w*$", piece) for piece in parts("&amp;" * 100, 33))


def test_a_code_block_goes_on_in_the_next_part() -> None:
    pieces = parts("before\n\n```\n" + "line of code\n" * 10 + "```\nafter", 80)
    assert len(pieces) > 2
    assert all(piece.count(FENCE) % 2 == 0 for piece in pieces)
    assert sum(piece.count("line of code") for piece in pieces) == 10


@pytest.mark.parametrize(
    "dress",
    ["<@U1>", "• <@U1>,", "<@U2|carla>:", "<@U1> <@U1>", "<#C1|general>", "<!here>", "• [x]", "&lt;b&gt;"],
)
def test_a_private_line_is_known_after_what_slack_makes_of_its_beginning(dress: str) -> None:
    read = to_commonmark(f"It is 90 EUR.\n{dress} // note", {"U1": "Carla Mendes de Sousa"})
    assert divide(read).public == "It is 90 EUR."
