"""One Markdown in each markup: what it looks like, and that what a customer is called stays what it is."""

import re

import pytest
from bs4 import BeautifulSoup
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.rendering import escaped, to_html, to_plain, to_whatsapp

ZERO_WIDTH = "\u200b"


@pytest.mark.parametrize(
    ("markdown", "whatsapp", "plain"),
    [
        ("**bold**", "*bold*", "bold"),
        ("*italic* and _italic_", "_italic_ and _italic_", "italic and italic"),
        ("~~gone~~", "~gone~", "gone"),
        ("***both***", "_*both*_", "both"),
        ("a `code` b", "a `code` b", "a code b"),
        ("```py\nx = 1\n```", "```\nx = 1\n```", "x = 1"),
        ("# Title with **bold**", "*Title with bold*", "Title with bold"),
        ("- one\n- two", "- one\n- two", "- one\n- two"),
        ("3. three\n4. four", "3. three\n4. four", "3. three\n4. four"),
        ("- one\n  - inner", "- one\n  - inner", "- one\n  - inner"),
        ("> quoted\n> words", "> quoted\n> words", "> quoted\n> words"),
        ("[words](https://a.test/x_y_z)", "words (https://a.test/x_y_z)", "words (https://a.test/x_y_z)"),
        ("<https://a.test>", "https://a.test", "https://a.test"),
        ("[a.test](https://a.test/)", "a.test", "a.test"),
        ("[mail us](mailto:help@a.test)", "mail us (mailto:help@a.test)", "mail us (mailto:help@a.test)"),
        ("[help@a.test](mailto:help@a.test)", "help@a.test", "help@a.test"),
        ("![a cat](https://a.test/c.png)", "a cat (https://a.test/c.png)", "a cat (https://a.test/c.png)"),
        ("![](https://a.test/c.png)", "https://a.test/c.png", "https://a.test/c.png"),
        ("[guide](../guide.md)", "guide", "guide"),
        ("one\ntwo  \nthree", "one\ntwo\nthree", "one\ntwo\nthree"),
        ("| a | b |\n|---|---|\n| 1 | 2 |", "a | b\n1 | 2", "a | b\n1 | 2"),
        ("**two\nlines**", "*two*\n*lines*", "two\nlines"),
        ("a<b> &amp; c", "a<b> & c", "a<b> & c"),
        ("2 * 3 * 4 and order_id_7", "2 * 3 * 4 and order_id_7", "2 * 3 * 4 and order_id_7"),
        ("~/notes", "~/notes", "~/notes"),
        ("", "", ""),
    ],
)
def test_markdown_reads_the_same_on_whatsapp_and_without_markup(
    markdown: str, whatsapp: str, plain: str
) -> None:
    assert to_whatsapp(markdown).replace(ZERO_WIDTH, "") == whatsapp
    assert to_plain(markdown) == plain


def test_bold_inside_a_word_is_parted_from_it_for_whatsapp() -> None:
    assert to_whatsapp("foo**bar**baz") == f"foo{ZERO_WIDTH}*bar*{ZERO_WIDTH}baz"


CODE = re.compile(r"```(.+?)```|`([^`]+)`")


def copied(shown: str) -> str:
    """Return what is copied out of a message: code without its marks."""
    return CODE.sub(lambda code: code[1] or code[2], shown).replace(ZERO_WIDTH, "")


@pytest.mark.parametrize(
    "text", ["_x9*K~Q7*", "a_b_c *d*e", "3 * 4 * 5 = 60", "https://a.test/_b_/*c* and https://a.test/*d*_"]
)
def test_nothing_invisible_stands_in_what_people_copy_from_whatsapp(text: str) -> None:
    shown = to_whatsapp(escaped(text))
    assert shown.isascii()
    assert copied(shown) == text


@pytest.mark.parametrize(
    "name", ["*x*", "_", "_x_", "~x~", "`x`", "__init__", "**", "* Anna", "> me", "- me", "# me"]
)
def test_a_name_made_of_signs_is_shown_as_such(name: str) -> None:
    markdown = f"Hello {escaped(name)}, and {escaped(name)}"

    assert to_plain(markdown) == f"Hello {name}, and {name}"
    assert copied(to_whatsapp(markdown)) == f"Hello {name}, and {name}"
    assert BeautifulSoup(to_html(markdown), "html.parser").get_text() == f"Hello {name}, and {name}"
    assert to_plain(escaped(name)) == name


@settings(deadline=None)
@given(st.text(alphabet="ab *_~`>-.1", max_size=40))
def test_no_sign_of_a_plain_text_marks_anything_on_whatsapp(text: str) -> None:
    shown = to_whatsapp(escaped(text))

    assert copied(shown) == " ".join(text.split())
    shown = CODE.sub("x", shown)
    # As WhatsApp reads: from a sign that does not stand in a word up to its like, and words beside both.
    for sign in "*_~`":
        opened = rf"(?<![^\W_]){re.escape(sign)}(?=[^\s{ZERO_WIDTH}])"
        closed = rf"(?<=[^\s{ZERO_WIDTH}]){re.escape(sign)}(?![^\W_])"
        assert not re.search(f"{opened}.+?{closed}", shown)


@settings(deadline=None)
@given(st.text(max_size=80))
def test_escaped_text_is_shown_as_it_is(text: str) -> None:
    shown = " ".join(text.replace("\x00", "\ufffd").split())

    assert to_plain(escaped(shown)).split() == shown.split()


@settings(deadline=None)
@given(st.text(max_size=200))
def test_html_carries_nothing_but_what_we_mean(text: str) -> None:
    page = BeautifulSoup(to_html(text), "html.parser")

    assert not page.find_all(["script", "style", "iframe", "img", "object", "form", "input", "svg"])
    for tag in page.find_all(True):
        assert set(tag.attrs) <= {"href", "rel", "start"}
        assert str(tag.get("href", "https:")).startswith(("http:", "https:", "mailto:", "tel:", "#", "/", ""))


@pytest.mark.parametrize(
    "attack",
    [
        "<script>alert(1)</script>",
        "[x](javascript:alert(1))",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "<img src=x onerror=alert(1)>",
        '[x](https://a.test "onmouseover=alert(1)")',
        "[x](vbscript:x)",
    ],
)
def test_html_runs_nothing(attack: str) -> None:
    page = BeautifulSoup(to_html(attack), "html.parser")

    assert page.find(["script", "img"]) is None
    assert all(str(link["href"]).startswith("https://") for link in page.find_all("a"))
    assert not any(name.startswith("on") for tag in page.find_all(True) for name in tag.attrs)


def test_html_of_the_whole_vocabulary() -> None:
    html = to_html(
        "# T\n\n**b** *i* ~~s~~ `c`\nline\n\n3. x\n\n> q\n\n| a |\n|---|\n| 1 |\n\n![p](https://a.test/p.png)"
    )

    for piece in (
        "<h1>T</h1>",
        "<strong>b</strong> <em>i</em> <s>s</s> <code>c</code><br>",
        '<ol start="3">',
        "<blockquote>",
        "<td>1</td>",
        '<a href="https://a.test/p.png" rel="noopener noreferrer">p</a>',
    ):
        assert piece in html
