"""Private lines: what begins with two slashes stays inside, whatever dresses it."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.turns.private import divide
from tests.turns.dresses import DRESSES, NAMES, SLASHES

BLANKS = ["", "  ", "\u200b", "\u00a0\u2060", "\t", "\u3000"]
BREAKS = ["\n", "\r\n", "\r", "\u2028", "\u2029", "\x85", "\v"]


@pytest.mark.long
@pytest.mark.parametrize("slashes", SLASHES)
def test_a_private_line_stays_inside_whatever_precedes_its_slashes(slashes: str) -> None:
    for dress in [*DRESSES, *NAMES]:
        line = f"{dress}{slashes} she always complains"
        parts = divide(f"It is 90 EUR.\n{line}\nAnything else?")
        assert parts == ("It is 90 EUR.", f"{line}\nAnything else?")
        assert divide(f"\n{line}\n\nIt is 90 EUR.").public == ""


@pytest.mark.parametrize(
    "line",
    [
        "fyi: //she always complains",
        "Carla:// she always complains",
        "Carla://she always complains",
        "note://she always complains",
        "Note:／／she always complains",
        "Slack: //she always complains",
        "http: // she always complains",
        "注意：//她总是抱怨",
        "ملاحظة: //تشتكي دائما",
    ],
)
def test_a_name_or_a_label_before_the_slashes_is_no_link(line: str) -> None:
    assert divide(f"It is 90 EUR.\n\n{line}\n\nBye.") == ("It is 90 EUR.\n\nBye.", line)


@pytest.mark.parametrize("blank", BLANKS)
@pytest.mark.parametrize("ends", BREAKS)
def test_text_after_the_next_blank_line_is_public_again(ends: str, blank: str) -> None:
    text = ends.join(["One.", "// two", "three", blank, blank, "Four.", "Five."])
    assert divide(text) == ("One.\n\nFour.\nFive.", "// two\nthree")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "See https://shop.example//cart",
        "https://shop.example is ours",
        "<https://shop.example>",
        "- https://shop.example\n- http://two.example",
        "Either // or",
        "and/or\nhalf // 3/4",
        "file:///tmp",
        "s3://bucket",
        "[it](https://shop.example//cart) is ours",
        "@Maya https://shop.example",
        "@Maya: <https://shop.example//cart>",
        "@Maya see [it](https://shop.example//cart)",
        "# See https://shop.example",
        "#1 https://shop.example",
        "1.1 http://shop.example//a",
        "Today: https://shop.example",
        "Https://shop.example",
        "http: //shop.example",
        "https：//shop.example",
        "ftp://shop.example",
        "tg://resolve?domain=shop",
        "desk://open/cart",
        "https:// must stand before it",
        "git+ssh://git@shop.example/x",
        "view-source:https://shop.example",
        "Note: https://shop.example//cart",
        "Maya, https://shop.example",
        "Our shop:https://shop.example//cart",
        "Carla & Hugo see https://shop.example//cart",
        "In that language a comment begins with: // x",
        "Maya // Hugo",
        "We have 90 EUR // 80 GBP",
        "90 EUR // 80 GBP",
        "The price: 90 EUR // 80 GBP a month",
        "For you it is 90 EUR // 80 GBP",
        "Please note that it is 90 EUR in the first year and then // 80 GBP",
        "Do not send it to https://shop.example//cart",
        "30 November 2026: https://shop.example//cart",
        "carla@shop.example https://shop.example//cart",
        "<https://shop.example//cart> <https://two.example>",
        "Our shop :https://shop.example//cart",
        ":link:https://shop.example//cart",
        "Node.js // Deno",
        "x = 5 // 2",
        "Open: 9 // 17",
        "Monday is fine // Tuesday is not",
        "https:// or http:// is the same",
        "@Maya this is what we have found so far: one // two",
        "/",
        "/ 2",
        "/var/log/desk.log holds it",
        "`/etc/hosts`",
        "./run it",
        "2/month",
        "€/month is what we charge by",
        "Type /help to see more",
        "It is 90 EUR and/or free // 3/4",
        "Please note: https://shop.example",
        "note https://shop.example//cart",
        "cc Carla ssh://git@shop.example//x",
        "\n\n  Two\n\n\nThree  \n",
        "```\nx = 1 // 2\n```",
    ],
)
def test_a_text_without_a_private_line_is_unchanged(text: str) -> None:
    assert divide(text) == (text, "")


@pytest.mark.parametrize("fence", ["```", "~~~", "````", "> ```"])
def test_a_fenced_block_that_holds_a_private_line_stays_inside_whole(fence: str) -> None:
    block = f"{fence}\nfirst\n\n// private\n\nlast\n{fence}"
    assert divide(f"Before.\n\n{block}\n\nAfter.") == ("Before.\n\nAfter.", block)


def test_a_block_that_is_never_closed_stays_inside_to_the_end() -> None:
    assert divide("Before.\n\n```\nfirst\n\n// private\n\nlast").public == "Before."


def test_a_private_line_takes_a_block_below_it_along_whole() -> None:
    text = "Before.\n// this is how:\n```\nfirst\n\nlast\n```\nstill\n\nAfter."
    assert divide(text).public == "Before.\n\nAfter."


@pytest.mark.parametrize(
    "text", ["```\n// note\n```\n\nAfter.", "```// note\n```\n\nAfter.", "```\n\n// note"]
)
def test_a_message_that_begins_with_a_private_block_stays_inside_whole(text: str) -> None:
    assert divide(text) == ("", text)


def test_other_blocks_are_left_whole() -> None:
    text = "One.\n// two\n\n```\nx\n\ny\n```"
    assert divide(text).public == "One.\n\n```\nx\n\ny\n```"
    text = "One.\n\n```\nx\n```\n\n// two\n\nIt`s ``` here ``` and `there`.\n\n~~~\ny\n~~~"
    assert divide(text).public == text.replace("// two\n\n", "")


@pytest.mark.parametrize(
    "block",
    [
        "See: ```\nfirst\n\n// x\n\nsecret\n```",
        "See: ~~~\nfirst\n\n// x\n\nsecret\n~~~",
        "See ```first\n\n// x\n\nsecret``` here",
        "One ```a``` and ```first\n\n// x\n\nsecret``` here",
        "> See: ```\n> first\n>\n> // x\n>\n> secret\n> ```",
        "- See: ```\n  first\n\n  // x\n\n  secret\n  ```",
        "1. ```\n   first\n\n// x\n\n   secret\n   ```",
        "See: ```first\n\n// x\n\nsecret",
        "````\n```\nfirst\n```\n\n// x\n\nsecret\n````",
        "```\n````\nfirst\n\n// x\n\nsecret\n````",
        "~~~ ```\n\n// x\n\nsecret\n~~~",
        "`first\n\n// x\n\nsecret`",
        "See ``first\n\n// x\n\nsecret``",
        "\\`\\`\\`first\n\n// x\n\nsecret",
        "    first\n\n    // x\n\n    secret",
        "\tfirst\n\n\t// x\n\n\tsecret",
        ">     first\n>\n>     // x\n>\n>     secret",
    ],
)
def test_wherever_a_block_begins_and_ends_it_stays_inside_whole(block: str) -> None:
    assert divide(f"Before.\n\n{block}\n\nAfter.").public in ("Before.\n\nAfter.", "Before.")


@pytest.mark.parametrize(
    "line",
    [
        "[//](https://shop.example) note",
        "/[/](https://shop.example) note",
        "[/](https://shop.example)/ note",
        "[/](https://shop.example)[/](https://shop.example) note",
        "[// note](https://shop.example)",
        "[Carla: // note](https://shop.example)",
        "**[//](https://shop.example)** note",
        "[Carla \\[EMEA\\]](https://shop.example) // note",
        "[Carla](https://shop.example)// note",
        "slack:// note",
        "file:// note",
        " " * 2000 + "// note",
        "\u200b" * 2000 + "// note",
    ],
)
def test_a_line_that_is_displayed_as_private_is_private(line: str) -> None:
    assert divide(f"It is 90 EUR.\n{line}").public == "It is 90 EUR."
    assert divide(line).public == ""


def test_an_empty_line_of_a_quotation_is_a_blank_line() -> None:
    assert divide("> One.\n> // two\n> three\n>\n> Four.").public == "> One.\n\n> Four."
    assert divide("One.\n> // two\n>\nthree\n\nFour.").public == "One.\n\nFour."


@pytest.mark.parametrize(
    "text",
    [
        "/desk resolve",
        " /take",
        "/start@a_bot now\n\nmore",
        "\u200b/desk",
        "/resolve, please",
        "/resolve!",
        "/resolve: done",
        "/take-over now",
        "/résoudre",
        "`/resolve`",
        "**/resolve**",
        "```\n/resolve\n```",
        "> /resolve",
        "&gt; /resolve",
        "- /resolve",
        "1. /resolve",
        "“/resolve”",
        "🔒 /resolve",
        "@desk /resolve",
        "<@U123> /resolve",
        "／desk resolve",
        "[/resolve](https://shop.example)",
        "\\/resolve",
    ],
)
def test_a_command_stays_inside_whole(text: str) -> None:
    assert divide(text) == ("", text)


# Any text, with what matters here more often than chance would bring it.
pieces = st.one_of(
    st.sampled_from(
        [
            "/",
            "／",
            "//",
            "\n",
            "\n\n",
            "\r\n",
            "\u2028",
            ">",
            "> ",
            "*",
            "`",
            "```",
            "~~~",
            "- ",
            "1. ",
            "\u200b",
        ]
    ),
    st.text(max_size=6),
    st.sampled_from(["word", "https://a.example", " "]),
)
texts = st.lists(pieces, max_size=25).map("".join)
secret_lines = st.tuples(
    st.sampled_from([*DRESSES, *NAMES]),
    st.sampled_from(SLASHES),
    st.sampled_from([" secret", "secret", "\u200bsecret"]),
).map("".join)


@settings(deadline=None)
@given(
    texts,
    secret_lines,
    st.sampled_from(BREAKS),
    st.sampled_from(["", "\nsecret too", "\r\n> secret too"]),
    texts,
)
@example("", ":slack:///secret", "\n", "", "")
def test_nothing_of_a_private_line_ever_goes_out(
    before: str, line: str, ends: str, more: str, after: str
) -> None:
    divided = divide(before + ends + line + more + "\n\n" + after)
    assert "secret" not in divided.public
    assert "secret" in divided.private


@pytest.mark.long
@settings(deadline=None)
@given(texts)
def test_the_public_part_holds_nothing_private_and_nothing_new(text: str) -> None:
    public, private = divide(text)
    assert divide(public) == (public, ""), "what is public stays public"
    if not private:
        assert public == text
    lines = text.splitlines()
    assert all(line in lines for line in filter(None, public.splitlines()))
    assert public == text or public == public.strip("\r\n")


names = st.tuples(
    st.lists(st.from_regex(r"[^\W\d_]{1,12}", fullmatch=True), min_size=1, max_size=3).map(" ".join),
    st.sampled_from(
        [":", ",", " :", " -", " –", "!", "…", ";", " |", " →", "：", "，", "、", "،", "՝", " 🔒"]
    ),
    st.sampled_from([" ", "  ", "\t", "\u00a0", "\u3000", "\u200b ", "\u200f "]),
).map("".join)


@pytest.mark.long
@settings(deadline=None)
@given(names, st.sampled_from(SLASHES), texts)
@example("Room A²: ", "//", "")
def test_a_private_line_stays_inside_whoever_is_named_before_its_slashes(
    name: str, slashes: str, after: str
) -> None:
    assert "secret" not in divide(f"Before.\n{name}{slashes} secret\n\n{after}").public


words = st.from_regex(r"[^\W_]{1,12}[,.;:!?)…：，]?", fullmatch=True)
links = st.tuples(
    st.sampled_from(
        [
            "https://",
            "http://",
            "HTTPS://",
            "Https://",
            "ftp://",
            "ssh://git@",
            "s3://",
            "http: //",
            "desk://x/",
        ]
    ),
    st.from_regex(r"[a-z0-9]{1,9}(\.[a-z]{2,6}){1,2}(//?[a-z0-9]{1,5}){0,3}", fullmatch=True),
).map("".join)


@pytest.mark.long
@settings(deadline=None)
@given(
    st.lists(words, max_size=8).map(" ".join),
    st.sampled_from([" ", ": ", ", ", " - ", " (", " <", "\n", "\n- ", "\n> "]),
    links,
    st.lists(words, max_size=3).map(" ".join),
)
def test_a_link_leaves_at_the_beginning_of_a_line_and_after_words(
    before: str, between: str, link: str, after: str
) -> None:
    text = f"{before}{between}{link} {after}"
    assert divide(text) == (text, "")


@settings(deadline=None)
@given(
    st.sampled_from([dress for dress in DRESSES if not any(sign.isalnum() for sign in dress)]),
    st.sampled_from(["/desk", "／take-over", "/resolve"]),
    texts,
)
def test_a_command_stays_inside_whatever_precedes_it(dress: str, command: str, after: str) -> None:
    assert divide(f"{dress}{command} {after}").public == ""


@pytest.mark.parametrize("piece", ["\u200b", "a\u200b", "a ", "A ", "note ", "@a ", "(a) ", "1. ", "a/"])
def test_a_long_line_is_divided_at_once(piece: str) -> None:
    text = "@Carla " + piece * 20_000
    assert divide(text) == (text, "")
    assert "".join(divide(text + " // x")) == text + " // x"
    assert divide("cc " + text).public == "cc " + text
