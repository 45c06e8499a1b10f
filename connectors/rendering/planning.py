"""A post as the messages it takes on one channel: the same post, the same parts, on whichever replica."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

from bot.core.connector import Capabilities
from bot.core.errors import Refused
from bot.core.events import Attachment, AttachmentKind
from bot.core.outbound import Button, Post
from connectors.rendering.degrading import carried, choices, in_words, venue
from connectors.rendering.density import bounded
from connectors.rendering.splitting import joined, split
from connectors.rendering.units import length

# Where a post has choices and no words at all: platforms carry no buttons without a text.
_BELOW = "👇"


@dataclass(frozen=True, slots=True)
class TextPart:
    """`markdown` is CommonMark, `text` the same as it is sent. The choices, if any, are the last text's."""

    markdown: str
    text: str
    buttons: tuple[Button, ...] = ()  # at most `capabilities.buttons`
    rows: tuple[Button, ...] = ()  # instead of buttons: rows of a list, at most `capabilities.list_rows`


@dataclass(frozen=True, slots=True)
class FilePart:
    """A file that the channel carries (`attachment.file`), or a LOCATION or CONTACT that it knows."""

    attachment: Attachment


Part = TextPart | FilePart


def plan(
    post: Post,
    capabilities: Capabilities,
    *,
    render: Callable[[str], str],
    link: Callable[[str], str],
    choice_limit: int | None = None,
) -> tuple[Part, ...]:
    """Texts, each within `text_limit` as rendered, then files. Raises Refused when there is nothing to send.

    Choices are buttons, else rows of a list, else numbered lines. A file of a type or size which `media_out`
    does not carry is sent as a more general kind, else as a line with `link(file)`, else as its name. These
    lines stand in a quote where the post cites.
    `choice_limit` is the limit of a text with buttons or rows, where that is smaller. A template is one text.
    """
    if post.template is not None:
        return (TextPart(post.text, render(post.text)),)
    files: list[Part] = []
    lines: list[str] = []
    for attachment in post.attachments:
        if (fitting := carried(attachment, capabilities.media_out)) is not None:
            files.append(FilePart(fitting))
            if post.cites and fitting.kind is AttachmentKind.LOCATION and fitting.name:
                lines.append(venue(fitting))  # not every channel shows it beside a map
        else:
            lines.append(in_words(attachment, link))
    if post.cites:
        lines = [f"> {line}" for line in lines]
    buttons, rows, numbers = choices(post.buttons, capabilities)
    text = bounded(joined(post.text, "\n".join(lines), numbers))
    rendered = cache(render)  # each text is measured, and then sent

    def size(markdown: str) -> int:
        return length(rendered(markdown), capabilities.text_unit)

    pieces = list(split(text, capabilities.text_limit, size))
    if buttons or rows:
        pieces = pieces or [_BELOW]
        if choice_limit is not None:
            pieces[-1:] = split(pieces[-1], choice_limit, size)
    texts = [TextPart(piece, rendered(piece)) for piece in pieces]
    if texts:
        texts[-1] = replace(texts[-1], buttons=buttons, rows=rows)
    if not texts and not files:
        raise Refused("empty: there is nothing to send")
    return (*texts, *files)
