"""What is sent in the stead of what a channel cannot carry. Nothing is dropped."""

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
# A picture too large for a picture may still be carried as a file.
_INSTEAD = {
    AttachmentKind.PHOTO: (AttachmentKind.DOCUMENT,),
    AttachmentKind.STICKER: (AttachmentKind.PHOTO, AttachmentKind.DOCUMENT),
    AttachmentKind.VOICE: (AttachmentKind.AUDIO, AttachmentKind.DOCUMENT),
    AttachmentKind.AUDIO: (AttachmentKind.DOCUMENT,),
    AttachmentKind.VIDEO: (AttachmentKind.DOCUMENT,),
}
# Customers of any language read these.
_SIGNS = {
    AttachmentKind.PHOTO: "🖼",
    AttachmentKind.VOICE: "🎤",
    AttachmentKind.AUDIO: "🎵",
    AttachmentKind.VIDEO: "🎬",
    AttachmentKind.STICKER: "🖼",
}


def carried(attachment: Attachment, media: Sequence[Media]) -> Attachment | None:
    """The attachment as the channel can carry it, perhaps as another kind; None if it cannot."""
    if attachment.kind is AttachmentKind.ORIGINAL or (attachment.is_file and not attachment.file):
        return None
    for kind in (attachment.kind, *_INSTEAD.get(attachment.kind, ())):
        if any(kind is way.kind and _takes(way, attachment) for way in media):
            return attachment if kind is attachment.kind else replace(attachment, kind=kind)
    return None


def in_words(attachment: Attachment, link: Callable[[str], str]) -> str:
    """A line of CommonMark that says what it is and, where it can be, leads to it."""
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
    """Return a line of CommonMark with the name of a place, without where it is."""
    return f"📍 {_named(attachment.name)}"


def _nameless(attachment: Attachment) -> str:
    if attachment.kind is AttachmentKind.ORIGINAL:  # only staff are shown one
        return "Original message"
    sign, kind = _SIGNS.get(attachment.kind, ""), attachment.mime_type.partition(";")[0].rpartition("/")[2]
    return f"{sign} {kind.upper() if kind.isalnum() else '…'}".strip()


def _named(name: str) -> str:
    """Who named it may not be one of us: the name shows what it is called, and does nothing."""
    return escaped(harmless(name))


def numbered(buttons: Sequence[Button]) -> str:
    """Choices as lines; who types the number has tapped."""
    # The point is escaped, so that a list before it does not go on counting here.
    return "\n".join(f"{number}\\. {escaped(button.label)}" for number, button in enumerate(buttons, 1))


def choices(
    buttons: tuple[Button, ...], capabilities: Capabilities
) -> tuple[tuple[Button, ...], tuple[Button, ...], str]:
    """Buttons, or rows of a list, or numbered text: the first of these that the channel carries."""
    if not buttons:
        return (), (), ""
    if (shown := _fitting(buttons, capabilities.buttons, capabilities.button_label)) is not None:
        return shown, (), ""
    if (shown := _fitting(buttons, capabilities.list_rows, capabilities.list_label)) is not None:
        return (), shown, ""
    return (), (), numbered(buttons)


def _fitting(buttons: tuple[Button, ...], room: int, label: int) -> tuple[Button, ...] | None:
    """With labels of at most `label` characters (0: any); None if there are too many or two look alike."""
    if len(buttons) > room:
        return None
    shown = tuple(replace(one, label=shortened(one.label, label)) if label else one for one in buttons)
    # Choices that differ only in what was cut off could not be told apart.
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
