"""Read knowledge: Markdown files with a small front matter, as frozen articles.

---
title: Reset your password        (required, here or as the first heading)
id: reset-password                (else the file's name)
tags: [login, password]
updated: 2026-10-02
---
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Final

from pydantic import Field, ValidationError

from orgs.specification.fields import Fields, Line, Name, Tag
from orgs.specification.hours import CalendarDate
from orgs.tree import MAX_BYTES, Tree, Unreadable, decode, read_tree

MAX_ARTICLES: Final = 5_000
MAX_ARTICLE_BYTES: Final = MAX_BYTES
_HEADING = re.compile(r"(#{1,6})[ \t]+(.+?)[ \t]*#*")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")


@dataclass(frozen=True, slots=True)
class ArticleSection:
    """The text under one heading. Text before the first heading has the article's title and level 1."""

    heading: str
    level: int
    anchor: str  # unique within its article
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    slug: str  # unique within the organization
    folder: str  # the id of its knowledge folder
    title: str
    tags: tuple[str, ...]
    updated: date | None
    body: str  # Markdown, without front matter
    sections: tuple[ArticleSection, ...]


class FrontMatter(Fields):
    id: Name | None = None
    title: Line | None = None
    tags: Annotated[tuple[Tag, ...], Field(max_length=30)] = ()
    updated: CalendarDate | None = None


class NoTitle(Exception):
    """The article has no title: neither in its front matter nor as its first heading."""


class BadFrontMatter(Exception):
    """The front matter is well-formed, but invalid. `tree` has the positions."""

    def __init__(self, tree: Tree, cause: ValidationError) -> None:
        super().__init__(str(cause))
        self.tree, self.cause = tree, cause


def read_article(data: bytes, *, name: str, folder: str) -> Article:
    """Read an article. `name` is the file's name without its ending.

    Raise Unreadable, BadFrontMatter or NoTitle.
    """
    text = decode(data).replace("\r\n", "\n")
    head, body = _split(text)
    front = _front_matter(head)
    body = body.strip("\n")
    first, _, rest = body.partition("\n")
    heading = re.fullmatch(r"#[ \t]+(.+?)[ \t]*#*", first)
    title = front.title or (heading.group(1) if heading else None)
    if title is None:
        raise NoTitle
    if heading:  # do not repeat the title in the body
        body = rest.strip("\n")
    slug = front.id or slugify(name)
    return Article(
        slug=slug,
        folder=folder,
        title=title,
        tags=front.tags,
        updated=front.updated,
        body=body,
        sections=tuple(_sections(title, body)),
    )


def slugify(text: str) -> str:
    """Return the text as lower-case words joined by `-`. The result is never empty."""
    return re.sub(r"[^a-z0-9]+", "-", text.casefold()).strip("-")[:64].strip("-") or "section"


def _split(text: str) -> tuple[str, str]:
    if not text.startswith("---\n"):
        return "", text
    head, end, body = text[4:].partition("\n---\n")
    if not end:
        raise Unreadable("article.front-matter", (1, 1), "front matter without an end", "a closing line ---")
    return head, body


def _front_matter(head: str) -> FrontMatter:
    if not head.strip():
        return FrontMatter()
    tree = read_tree(b"\n" + head.encode())  # the first line is the opening ---
    swallowing = next((c for c in tree.comments.values() if c.lost), None)
    if swallowing is not None:
        raise Unreadable("yaml.comment", swallowing.mark, swallowing.found, swallowing.expected)
    if not isinstance(tree.root, dict):
        raise Unreadable("article.front-matter", tree.mark(()), "no keys", "keys such as title and tags")
    try:
        return FrontMatter.model_validate_json(json.dumps(tree.root))
    except ValidationError as error:
        raise BadFrontMatter(tree, error) from None


def _sections(title: str, body: str) -> Iterator[ArticleSection]:
    taken: dict[str, int] = {}
    heading, level, lines = title, 1, list[str]()
    fence = ""
    for line in body.split("\n"):
        fence = _fence_after(fence, line)
        match = None if fence else _HEADING.fullmatch(line)
        if match is None:
            lines.append(line)
            continue
        yield from _section(heading, level, lines, taken)
        heading, level, lines = match.group(2), len(match.group(1)), []
    yield from _section(heading, level, lines, taken)


def _section(
    heading: str, level: int, lines: Sequence[str], taken: dict[str, int]
) -> Iterator[ArticleSection]:
    """Yield the section of a heading. A heading without text yields nothing: it only groups those
    below it.
    """
    body = "\n".join(lines).strip()
    if not body:
        return
    anchor = slugify(heading)
    taken[anchor] = taken.get(anchor, 0) + 1
    if taken[anchor] > 1:
        anchor = f"{anchor}-{taken[anchor]}"
    yield ArticleSection(heading, level, anchor, body)


def _fence_after(fence: str, line: str) -> str:
    """Return the code fence that is open after this line, or ""."""
    match = _FENCE.match(line)
    if match is None:
        return fence
    mark = match.group(1)
    if not fence:
        return mark
    closes = mark[0] == fence[0] and len(mark) >= len(fence) and not line.strip().strip(mark[0])
    return "" if closes else fence
