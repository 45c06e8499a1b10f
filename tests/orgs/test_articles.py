"""Reading an article's Markdown."""

from datetime import date

import pytest

from orgs.articles import NoTitle, read_article
from orgs.changes import diff_articles, render_changes
from orgs.tree import Unreadable, read_tree


def test_an_article_has_its_front_matter_and_its_sections() -> None:
    front = b"---\nid: reset\ntitle: Reset it\ntags: [login, 429]\nupdated: 2026-10-02\n---\n"
    text = front + b"First.\n\n## How\n\nSo.\n"
    article = read_article(text, name="file", folder="help")
    assert (article.slug, article.folder, article.title) == ("reset", "help", "Reset it")
    assert (article.tags, article.updated) == (("login", "429"), date(2026, 10, 2))
    found = [(section.heading, section.level, section.anchor, section.body) for section in article.sections]
    assert found == [("Reset it", 1, "reset-it", "First."), ("How", 2, "how", "So.")]


def test_an_article_without_front_matter_has_its_heading_as_title_and_its_file_as_id() -> None:
    article = read_article(b"\xef\xbb\xbf# My Title\r\n\r\nText.\r\n", name="My File", folder="help")
    assert (article.slug, article.title, article.body) == ("my-file", "My Title", "Text.")


def test_a_heading_inside_a_code_block_is_code() -> None:
    article = read_article(
        b"# T\n\n```\n# not a heading\n```\n\n## Same\na\n## Same\nb\n", name="t", folder="f"
    )
    assert [section.anchor for section in article.sections] == ["t", "same", "same-2"]


def test_an_article_without_any_title_is_refused() -> None:
    with pytest.raises(NoTitle):
        read_article(b"Text.\n", name="t", folder="f")


def test_a_changed_article_is_part_of_the_difference() -> None:
    one = read_article(b"# One\n\nText.\n", name="one", folder="f")
    other = read_article(b"# Uno\n\nText.\n", name="one", folder="f")
    two = read_article(b"# Two\n\nText.\n", name="two", folder="f")
    assert render_changes(diff_articles([one], [other, two])).splitlines() == [
        '~ articles[one] "One" → "Uno"',
        '+ articles[two] "Two"',
    ]
    assert diff_articles([one], [one]) == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("09:00", "09:00"),
        ("2026-11-30", "2026-11-30"),
        ("no", "no"),
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        ("~", None),
        ("12", 12),
        ("1.5", 1.5),
        ('"\\ud83d\\ude00"', "😀"),
        ("'12'", "12"),
    ],
)
def test_a_word_means_what_a_reader_takes_it_for(text: str, value: object) -> None:
    assert read_tree(f"key: {text}\n".encode()).root == {"key": value}


def test_half_a_character_is_refused() -> None:
    with pytest.raises(Unreadable, match=r"yaml\.character"):
        read_tree(b'key: "\\ud83d"\n')
