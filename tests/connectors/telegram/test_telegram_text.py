"""CommonMark as text and entities, and long texts as several messages."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from telegram import MessageEntity

from connectors.telegram.markdown import Rendered, escaped, rendered
from connectors.telegram.split import MAX_ENTITIES, shortened, split

FUZZ_EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "500"))


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def marked(content: Rendered) -> list[tuple[str, str]]:
    coded = content.text.encode("utf-16-le")
    return [
        (str(entity.type), coded[entity.offset * 2 : (entity.offset + entity.length) * 2].decode("utf-16-le"))
        for entity in content.entities
    ]


def test_markdown_becomes_entities_counted_in_utf16_units() -> None:
    content = rendered("😀 **bold** and [link](https://a.b/c) `x`\n\n- one\n- two")
    assert content.text == "😀 bold and link x\n\n• one\n• two"
    assert marked(content) == [("bold", "bold"), ("text_link", "link"), ("code", "x")]


@pytest.mark.parametrize(
    "text",
    [
        "It costs $5-$10, or \\$7, or $x$",
        "Write <your name> and List<String> <b>here</b>",
        "<div>\nblock\n</div>",
        "if a || b || c then",
        "\\(x^2\\)",
    ],
)
def test_what_is_no_commonmark_is_shown_as_written(text: str) -> None:
    assert rendered(text).text == text.replace("\\$", "$").replace("\\(", "(").replace("\\)", ")")
    assert rendered(text).entities == ()


def test_code_and_bare_links_keep_every_sign() -> None:
    content = rendered("`$a || <b>` <https://a.b/$c> $1\n\n```\n$x || <y>\n```")
    assert content.text == "$a || <b> https://a.b/$c $1\n\n$x || <y>"
    assert content.entities[1].url == "https://a.b/$c"


def test_only_links_that_telegram_opens_are_links() -> None:
    assert rendered("[a](javascript:x) [b](/relative)").entities == ()


@given(st.text(st.characters(exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp")), min_size=1, max_size=60))
def test_escaped_text_is_shown_as_it_is(text: str) -> None:
    assert rendered(escaped(text)).text == text


@settings(max_examples=FUZZ_EXAMPLES, deadline=None)
@given(st.text())
def test_any_text_is_rendered_with_entities_inside_it(text: str) -> None:
    content = rendered(text)
    for entity in content.entities:
        assert entity.offset >= 0
        assert entity.length > 0
        assert entity.offset + entity.length <= units(content.text)


WORDS = st.text(st.sampled_from("ab .\n!😀é\u0301`*_[](x)"), max_size=400)


@st.composite
def contents(draw: st.DrawFn) -> Rendered:
    text = draw(WORDS)
    total = units(text)
    boundaries = [0]
    for sign in text:
        boundaries.append(boundaries[-1] + units(sign))
    entities = []
    for _ in range(draw(st.integers(0, 5)) if total else 0):
        begin, end = sorted((draw(st.sampled_from(boundaries)), draw(st.sampled_from(boundaries))))
        if begin < end:
            entities.append(MessageEntity("bold", begin, end - begin))
    return Rendered(text, tuple(sorted(entities, key=lambda entity: entity.offset)))


@settings(max_examples=FUZZ_EXAMPLES, deadline=None)
@given(contents(), st.integers(2, 120))
def test_parts_are_the_whole_text_and_each_fits(whole: Rendered, limit: int) -> None:
    parts = split(whole, limit)
    assert "".join(part.text for part in parts) == whole.text
    position = 0
    covered: dict[tuple[str, int], int] = {}
    for part in parts:
        assert units(part.text) <= limit
        for entity in part.entities:
            assert entity.offset >= 0
            assert entity.length > 0
            assert entity.offset + entity.length <= units(part.text)
            covered[str(entity.type), 0] = covered.get((str(entity.type), 0), 0) + entity.length
        position += units(part.text)
    assert sum(covered.values()) == sum(entity.length for entity in whole.entities)


def test_a_cut_prefers_paragraphs_then_sentences_then_words() -> None:
    assert [part.text for part in split(Rendered("One two. Three.\n\nFour five six"), 24)] == [
        "One two. Three.\n\n",
        "Four five six",
    ]
    assert [part.text for part in split(Rendered("One two three. Four five six"), 20)] == [
        "One two three. ",
        "Four five six",
    ]
    assert [part.text for part in split(Rendered("One two three four"), 10)] == ["One two ", "three four"]


def test_no_cut_goes_through_an_entity_that_fits_a_message() -> None:
    whole = Rendered("aaaa bbbb cccc dddd", (MessageEntity("text_link", 5, 9, url="https://a.b"),))
    assert [part.text for part in split(whole, 12)] == ["aaaa ", "bbbb cccc ", "dddd"]


def test_an_entity_longer_than_a_message_goes_on_in_the_next() -> None:
    whole = Rendered("a" * 50, (MessageEntity("pre", 0, 50, language="py"),))
    parts = split(whole, 20)
    assert [len(part.text) for part in parts] == [20, 20, 10]
    assert all(part.entities[0].language == "py" for part in parts)


def test_no_part_has_more_entities_than_telegram_shows() -> None:
    count = MAX_ENTITIES * 2 + 5
    whole = Rendered("ab " * count, tuple(MessageEntity("bold", at * 3, 2) for at in range(count)))
    parts = split(whole)
    assert sum(len(part.entities) for part in parts) == count
    assert all(len(part.entities) <= MAX_ENTITIES for part in parts)


def test_a_character_of_several_code_points_is_not_cut() -> None:
    family = "👨\u200d👩\u200d👧"
    for part in split(Rendered(family * 9), 20):
        assert part.text.replace(family, "") == ""


def test_a_shortened_text_ends_in_an_ellipsis() -> None:
    assert shortened(Rendered("short")) == Rendered("short")
    cut = shortened(Rendered("word " * 2000, (MessageEntity("bold", 0, 9999),)))
    assert cut.text.endswith("word …")
    assert units(cut.text) <= 4096
    assert cut.entities[0].length <= units(cut.text)
