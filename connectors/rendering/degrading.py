"""Replace what a channel cannot carry. Nothing is dropped."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from bot.core.connector import Capabilities, Media
from bot.core.events import Attachment, AttachmentKind
from bot.core.lines import harmless
from bot.core.outbound import Button
from connectors.rendering.document import escaped
from connectors.rendering.units import shortened

_GEO = re.compile(r"geo:(?P<lat>-?\d+(?:\.\d+)?),(?P<lon>-?\d+(?:\.\d+)?)", re.IGNORECASE)
# A picture that is too large to send as a picture may be sent as a file.
_INSTEAD = {
    AttachmentKind.PHOTO: (AttachmentKind.DOCUMENT,),
    AttachmentKind.STICKER: (AttachmentKind.PHOTO, AttachmentKind.DOCUMENT),
    AttachmentKind.VOICE: (AttachmentKind.AUDIO, AttachmentKind.DOCUMENT),
    AttachmentKind.AUDIO: (AttachmentKind.DOCUMENT,),
    AttachmentKind.VIDEO: (AttachmentKind.DOCUMENT,),
}
# Symbols, because customers of any language read them.
_SIGNS = {
    AttachmentKind.PHOTO: "🖼",
    AttachmentKind.VOICE: "🎤",
    AttachmentKind.AUDIO: "🎵",
    AttachmentKind.VIDEO: "🎬",
    AttachmentKind.STICKER: "🖼",
}


def carried(attachment: Attachment, media: Sequence[Media]) -> Attachment | None:
    """Return the attachment as the channel can carry it, perhaps as another kind, or None if it cannot."""
    if attachment.kind is AttachmentKind.ORIGINAL or (attachment.is_file and not attachment.file):
        return None
    for kind in (attachment.kind, *_INSTEAD.get(attachment.kind, ())):
        if any(kind is way.kind and _takes(way, attachment) for way in media):
            return attachment if kind is attachment.kind else replace(attachment, kind=kind)
    return None


def in_words(attachment: Attachment, link: Callable[[str], str]) -> str:
    """Return a line of CommonMark that describes an attachment and, if possible, links to it."""
    match attachment.kind:
        case AttachmentKind.LOCATION:
            return _location(attachment)
        case AttachmentKind.CONTACT:
            number = attachment.ref.removeprefix("tel:")
            return f"👤 {_named(': '.join(part for part in (attachment.name, number) if part))}"
        case _:
            name = _named(attachment.name) or _nameless(attachment)
            address = link(attachment.file) if attachment.file else ""
            return f"📄 [{name}](<{address}>)" if address else f"📄 {name}"


def venue(attachment: Attachment) -> str:
    """Return a line of CommonMark with the name of a place, without its position."""
    return f"📍 {_named(attachment.name)}"


def _nameless(attachment: Attachment) -> str:
    if attachment.kind is AttachmentKind.ORIGINAL:  # only staff see an original
        return "Original message"
    sign, kind = _SIGNS.get(attachment.kind, ""), attachment.mime_type.partition(";")[0].rpartition("/")[2]
    return f"{sign} {kind.upper() if kind.isalnum() else '…'}".strip()


def _named(name: str) -> str:
    """Return a name made harmless: a stranger may have chosen it, so it must not act as markup or link."""
    return escaped(harmless(name))


def numbered(buttons: Sequence[Button]) -> str:
    """Return choices as numbered lines. A customer who types the number has chosen."""
    # The point is escaped, so that a list above does not continue here.
    return "\n".join(f"{number}\\. {escaped(button.label)}" for number, button in enumerate(buttons, 1))


def choices(
    buttons: tuple[Button, ...], capabilities: Capabilities
) -> tuple[tuple[Button, ...], tuple[Button, ...], str]:
    """Return choices as buttons, list rows or numbered text: the first of these that the channel carries."""
    if not buttons:
        return (), (), ""
    if (shown := _fitting(buttons, capabilities.buttons, capabilities.button_label)) is not None:
        return shown, (), ""
    if (shown := _fitting(buttons, capabilities.list_rows, capabilities.list_label)) is not None:
        return (), shown, ""
    return (), (), numbered(buttons)


def _fitting(buttons: tuple[Button, ...], room: int, label: int) -> tuple[Button, ...] | None:
    """Return buttons with labels of at most `label` characters (0: any).

    Return None if too many, or two look alike.
    """
    if len(buttons) > room:
        return None
    shown = tuple(replace(one, label=shortened(one.label, label)) if label else one for one in buttons)
    # Choices that differ only in the part cut off would look the same.
    as_different = len({one.label for one in shown}) == len({one.label for one in buttons})
    return shown if as_different else None


def _location(attachment: Attachment) -> str:
    name = _named(attachment.name)
    if not (at := _GEO.match(attachment.ref)):
        return f"📍 {name or escaped(attachment.ref)}"
    address = f"https://www.openstreetmap.org/?mlat={at['lat']}&mlon={at['lon']}"
    return f"📍 {name} <{address}>" if name else f"📍 <{address}>"


def _takes(way: Media, attachment: Attachment) -> bool:
    if not attachment.is_file:
        return True
    if attachment.size is not None and attachment.size > way.max_bytes:
        return False
    return any(_matches(pattern, attachment.mime_type) for pattern in way.types)


def _matches(pattern: str, mime_type: str) -> bool:
    kind, _, detail = pattern.lower().partition("/")
    has_kind, _, has_detail = mime_type.lower().partition(";")[0].strip().partition("/")
    return kind in ("*", has_kind) and detail in ("*", "", has_detail)
