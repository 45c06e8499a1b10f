"""Divide a post into the messages it takes on one channel.

The same post gives the same parts on any replica.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache

from bot.core.connector import Capabilities
from bot.core.errors import Refused
from bot.core.events import Attachment, AttachmentKind
from bot.core.outbound import Button, Post
from connectors.rendering.degrading import carried, choices, in_words, venue
from connectors.rendering.density import bounded
from connectors.rendering.document import escaped
from connectors.rendering.splitting import Size, joined, split
from connectors.rendering.units import length

# The text of a post that has only choices: platforms refuse buttons without a text.
_BELOW = "👇"
_BETWEEN = 2  # line breaks between two paragraphs


@dataclass(frozen=True, slots=True)
class TextPart:
    """A text message. `markdown` is CommonMark, `text` the rendered form. Only the last text has choices."""

    markdown: str
    text: str
    buttons: tuple[Button, ...] = ()  # at most `capabilities.buttons`
    rows: tuple[Button, ...] = ()  # instead of buttons: rows of a list, at most `capabilities.list_rows`


@dataclass(frozen=True, slots=True)
class FilePart:
    """A file that the channel carries (`attachment.file`), or a LOCATION or CONTACT that it supports."""

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
    """Return the parts of a post: texts, each within `text_limit` as rendered, then files.

    Raise Refused if there is nothing to send. A post with sections is one text: see `fitted`. A template is
    one text.

    Choices are buttons, else list rows, else numbered lines. A file whose type or size `media_out` does not
    allow is sent as a more general kind, else as a line with `link(file)`, else as its name. These lines are
    quoted if the post cites. `choice_limit` is the limit of a text with buttons or rows, if it is smaller.
    """
    if post.template is not None:
        return (TextPart(post.text, render(post.text)),)
    files: list[Part] = []
    lines: list[str] = []
    for attachment in post.attachments:
        if (fitting := carried(attachment, capabilities.media_out)) is not None:
            files.append(FilePart(fitting))
            if post.cites and fitting.kind is AttachmentKind.LOCATION and fitting.name:
                lines.append(venue(fitting))  # not every channel shows the name beside a map
        else:
            lines.append(in_words(attachment, link))
    if post.cites:
        lines = [f"> {line}" for line in lines]
    buttons, rows, numbers = choices(post.buttons, capabilities)
    rendered = cache(render)  # each text is measured, and then sent

    def size(markdown: str) -> int:
        return length(rendered(markdown), capabilities.text_unit)

    if post.sections or post.foot:
        text = fitted(post, capabilities.text_limit, size)
        return (TextPart(text, rendered(text)),)
    text = bounded(joined(post.text, "\n".join(lines), numbers))
    pieces = list(split(text, capabilities.text_limit, size))
    if not pieces and text.strip():  # only marks, such as "-": they mark nothing, but somebody wrote them
        pieces = list(split(escaped(text.strip()), capabilities.text_limit, size))
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


def fitted(post: Post, limit: int, size: Size) -> str:
    """Return a post with sections as CommonMark that fits one message: `size(text) <= limit`.

    The sections take turns: each adds its newest line, then the one before, while there is room. If the
    newest line of all is too long alone, it is cut. Head and foot are always kept.
    """
    shown: list[tuple[str, ...]] = [() for _ in post.sections]
    used = size(_written(post, [() for _ in post.sections]))
    order = _newest_first(post)
    for number, line in order:
        heading = 0 if shown[number] else size(post.sections[number].heading) + _BETWEEN
        used += heading + size(line) + _BETWEEN
        if used > limit:
            break
        shown[number] = (line, *shown[number])
    while size(text := _written(post, shown)) > limit and any(shown):
        number, _ = order[sum(map(len, shown)) - 1]
        shown[number] = shown[number][1:]
    if order and not any(shown):
        text = _with_some(post, *order[0], limit, size)
    return text if size(text) <= limit else split(text, limit, size)[0]


def _newest_first(post: Post) -> list[tuple[int, str]]:
    """Return lines with the number of their section: the newest of each section, then the one before of
    each, and so on.
    """
    last = len(post.sections) - 1
    ranked = [
        (age, last - number, number, line)
        for number, section in enumerate(post.sections)
        for age, line in enumerate(reversed(section.lines))
    ]
    return [(number, line) for _, _, number, line in sorted(ranked)]


def _written(post: Post, shown: Sequence[tuple[str, ...]]) -> str:
    told = [post.text]
    for section, lines in zip(post.sections, shown, strict=True):
        told += (section.heading, *lines) if lines else ()
    return bounded(joined(*told, post.foot))


def _with_some(post: Post, number: int, line: str, limit: int, size: Size) -> str:
    """Return the post with as much of one line as fits."""
    room = limit
    while room > 0:
        begin = next(iter(split(line, room, size)), "")
        shown = [(begin,) if at == number and begin else () for at in range(len(post.sections))]
        text = _written(post, shown)
        if size(text) <= limit:
            return text
        room -= max(size(text) - limit, 1)
    return _written(post, [() for _ in post.sections])
