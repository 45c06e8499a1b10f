"""CommonMark as text and entities, and long texts as several messages."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.outbound import Button, Post
from connectors.rendering import escaped
from connectors.telegram.markdown import Rendered, rendered
from connectors.telegram.parts import TextPart, parts_of, revised
from tests.lengths import times

FUZZ_EXAMPLES = times(500)


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
def test_text_that_is_no_commonmark_is_shown_as_written(text: str) -> None:
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


WORDS = st.text(st.sampled_from("ab .\n!😀é\u0301`*_[](x)"), min_size=1, max_size=60)


@settings(max_examples=FUZZ_EXAMPLES // 10, deadline=None)
@given(WORDS, st.integers(1, 400))
def test_any_text_goes_in_messages_that_telegram_takes(text: str, times: int) -> None:
    post = Post(text * times, buttons=(Button("pick", "v" * 200, "Pick"),))
    parts = parts_of(post, lambda _: "")
    assert all(isinstance(part, TextPart) and 0 < units(part.content.text) <= 4096 for part in parts)
    assert [part.markup is not None for part in parts if isinstance(part, TextPart)][-1]


@settings(max_examples=FUZZ_EXAMPLES // 10, deadline=None)
@given(WORDS, st.integers(1, 400))
def test_a_revision_is_one_message_that_telegram_takes(text: str, times: int) -> None:
    assert 0 < units(revised(Post(text * times, (Button("a", "b", "c"),)), lambda _: "").content.text) <= 4096
