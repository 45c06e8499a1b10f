"""Convert CommonMark to HTML for mails. markdown-it writes it, and nh3 removes everything that we do not
mean to send.
"""

from collections.abc import Iterable, Iterator

import nh3
from markdown_it.token import Token

from connectors.rendering.document import parser, tokens

_BLOCKS = {"blockquote", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "ul"}
_TABLES = {"table", "tbody", "td", "th", "thead", "tr"}
_WORDS = {"a", "br", "code", "em", "s", "strong"}
_CLEANER = nh3.Cleaner(
    tags=_BLOCKS | _TABLES | _WORDS,
    attributes={"a": {"href"}, "ol": {"start"}},
    url_schemes={"http", "https", "mailto", "tel"},
    link_rel="noopener noreferrer",
)


def to_html(markdown: str) -> str:
    """Return CommonMark as a safe HTML fragment. Pictures become links: a mail loads nothing from elsewhere.

    Never raise. Return "" if there is nothing to show.
    """
    found = tokens(markdown)
    for token in found:
        token.children = list(_without_pictures(token.children)) if token.children else token.children
    return _CLEANER.clean(parser().renderer.render(found, parser().options, {})).strip()


def _without_pictures(children: Iterable[Token]) -> Iterator[Token]:
    in_link = False
    for token in children:
        in_link = token.type == "link_open" or (in_link and token.type != "link_close")
        if token.type != "image":
            yield token
            continue
        source = str(token.attrGet("src") or "")
        text = Token("text", "", 0, content=token.content or source)
        if in_link:
            yield text
        else:
            yield from (
                Token("link_open", "a", 1, attrs={"href": source}),
                text,
                Token("link_close", "a", -1),
            )
