"""Read what is attached to a message: files and places as attachments, everything shared as text.

https://developers.facebook.com/documentation/business-messaging/messenger-platform/webhooks/webhook-events/messages
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from bot.core.events import Attachment, AttachmentKind
from connectors.payload import Node, clean

_FILES = {
    "image": AttachmentKind.PHOTO,
    "video": AttachmentKind.VIDEO,
    "audio": AttachmentKind.AUDIO,
    "file": AttachmentKind.DOCUMENT,
    "sticker": AttachmentKind.STICKER,
}
# The "like" button beside the text field, small, larger and largest.
_THUMBS = frozenset({"369239263222822", "369239343222814", "369239383222810"})
_MAX_REF = 4096
_MAX_NAME = 200
_UNSAFE = re.compile(r'[\x00-\x1f\x7f"\\/]')


@dataclass(slots=True)
class Shown:
    """The attachments of a message. `words` are lines that describe what is shared."""

    attachments: list[Attachment] = field(default_factory=list)
    words: list[str] = field(default_factory=list)


def shown(attachments: Iterable[Node], text: str) -> Shown:
    """Return what is attached. Do not repeat a shared link that stands in `text` already."""
    found = Shown()
    for node in attachments:
        kind = node.text("type")
        if attachment := _attachment(kind, node.node("payload")):
            _add(found.attachments, attachment)
        elif kind not in _FILES and kind != "location":
            found.words += [line for line in _words(node) if line not in text and line not in found.words]
    return found


def _attachment(kind: str, payload: Node) -> Attachment | None:
    if kind == "location":
        return _location(payload)
    ref = payload.text("url")
    if kind not in _FILES or not ref or len(ref) > _MAX_REF:
        return None
    sticker = payload.id("sticker_id")
    attached = AttachmentKind.STICKER if sticker else _FILES[kind]
    name = file_name(ref) if kind == "file" else "👍" if sticker in _THUMBS else ""
    return Attachment(kind=attached, ref=ref, name=name)


def _add(found: list[Attachment], attachment: Attachment) -> None:
    """Add an attachment unless it is there.

    For some months of 2026 each sticker comes twice, also as an image.
    """
    if all(attachment.ref != known.ref for known in found):
        found.append(attachment)


def _location(payload: Node) -> Attachment | None:
    coordinates = payload.node("coordinates")
    latitude, longitude = coordinates.number("lat"), coordinates.number("long")
    if latitude is None or longitude is None or abs(latitude) > 90 or abs(longitude) > 180:
        return None
    return Attachment(
        kind=AttachmentKind.LOCATION, ref=f"geo:{latitude:.6f},{longitude:.6f}", name=payload.text("title")
    )


def _words(node: Node) -> Iterator[str]:
    """Yield the lines of a shared link, post or reel, of a template (buttons, cards, products), or of a
    booking.
    """
    payload = node.node("payload")
    yield from _filled(node.text("title") or payload.text("title"))
    yield from _filled(payload.text("text"))
    for element in _elements(payload):
        yield from _filled(element.text("title"), element.text("subtitle"), element.text("text"))
    # A `fallback` has its link beside the payload; newer versions have it in the payload, as `url`.
    yield from _filled(payload.text("url") or node.text("url") or node.text("URL"))
    for button in payload.nodes("buttons"):
        yield from (f"[{title}]" for title in _filled(button.text("title")))
    if node.text("type") == "appointment_booking":
        yield " ".join(_filled("appointment", payload.text("status")))


def _elements(payload: Node) -> list[Node]:
    """Return the elements of a template. Those of a shared product are one level deeper, in `product`."""
    return payload.nodes("elements") or payload.node("product").nodes("elements")


def _filled(*texts: str) -> list[str]:
    return [text for text in texts if text]


def file_name(url: str) -> str:
    """Return the file name in a URL, the last part of its path: Meta stores files under the names that
    people gave them.
    """
    try:
        path = urlsplit(url).path
    except ValueError:
        return ""
    return _UNSAFE.sub("_", clean(unquote(path.rsplit("/", 1)[-1]))).strip(". ")[:_MAX_NAME]
