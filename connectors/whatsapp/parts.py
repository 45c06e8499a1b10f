"""Divide a post into the messages that it takes on WhatsApp. Pure and deterministic."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from bot.core.events import Attachment, AttachmentKind
from bot.core.outbound import Post
from connectors.rendering import FilePart, TextPart, plan, to_whatsapp
from connectors.whatsapp.buttons import fits_row
from connectors.whatsapp.capabilities import BODY_CHARS, CAPABILITIES, CAPTION_CHARS, LIST_CHARS

_LISTS = replace(CAPABILITIES, buttons=0)
_CAPTIONED = frozenset({AttachmentKind.PHOTO, AttachmentKind.VIDEO, AttachmentKind.DOCUMENT})


@dataclass(frozen=True, slots=True)
class Shown:
    """A file, a location or a contact, with a text under it if WhatsApp allows one."""

    attachment: Attachment
    caption: str = ""


@dataclass(frozen=True, slots=True)
class NumberRequest:
    """A question for the customer's phone number, with the button that shares it."""

    text: str


Part = TextPart | NumberRequest | Shown


def parts_of(post: Post, link: Callable[[str], str]) -> tuple[Part, ...]:
    """Return the messages of a post. Never return none: raise Refused if there is nothing to send."""
    planned = plan(post, CAPABILITIES, render=to_whatsapp, link=link, choice_limit=BODY_CHARS)
    texts = [part for part in planned if isinstance(part, TextPart)]
    if post.buttons and len(texts) > 1 and all(map(fits_row, post.buttons)):
        # Each message costs money. A list has room for a question that is too long for buttons.
        listed = plan(post, _LISTS, render=to_whatsapp, link=link, choice_limit=LIST_CHARS)
        if len(listed) < len(planned) and any(isinstance(p, TextPart) and p.rows for p in listed):
            planned = listed
        texts = [part for part in planned if isinstance(part, TextPart)]
    files = [Shown(part.attachment) for part in planned if isinstance(part, FilePart)]
    if post.asks_number and texts and len(texts[-1].text) <= BODY_CHARS and not post.buttons:
        return (*texts[:-1], NumberRequest(texts[-1].text), *files)
    if texts and files and _can_be_caption(texts[-1], files[0]):
        files[0] = replace(files[0], caption=texts.pop().text)
    return (*texts, *files)


def _can_be_caption(text: TextPart, file: Shown) -> bool:
    plain = not (text.buttons or text.rows)
    return plain and len(text.text) <= CAPTION_CHARS and file.attachment.kind in _CAPTIONED
