"""What one Telegram message says, in the bus's words."""

import re
from collections.abc import Iterator, Mapping
from operator import itemgetter
from typing import Protocol

from telegram import Message, PhotoSize

from bot.core.events import Attachment, AttachmentKind, Said, Started, Unsupported
from connectors.telegram.fields import clean, number, whole, words

# Fields that frame a message; the first other key of an unknown message names its kind.
_FRAME = frozenset(
    """
    message_id message_thread_id direct_messages_topic from sender_chat sender_boost_count sender_business_bot
    sender_tag date business_connection_id chat forward_origin is_topic_message is_automatic_forward
    reply_to_message external_reply quote reply_to_story reply_to_checklist_task_id reply_to_poll_option_id
    guest_bot_caller_user guest_bot_caller_chat via_bot edit_date
    has_protected_content is_from_offline is_paid_post media_group_id author_signature paid_star_count
    entities link_preview_options suggested_post_info effect_id caption_entities show_caption_above_media
    has_media_spoiler reply_markup forward_from forward_from_chat forward_date guest_query_id
    """.split()  # noqa: SIM905
)
# Deep links: https://core.telegram.org/bots/features#deep-linking
_START = re.compile(r"/start(?:@\w+)?(?:\s+([A-Za-z0-9_-]{1,64}))?\s*")

_WEB = re.compile(r"https?://[^\s<>\\]{1,2000}")
_LINE_ENDS = (b"", "\n".encode("utf-16-le"))  # also that of the text


class _File(Protocol):
    """What the library's kinds of file have in common."""

    @property
    def file_id(self) -> str: ...

    @property
    def file_size(self) -> int | None: ...


def content_of(message: Message, raw: Mapping[str, object]) -> Said | Started | Unsupported:
    """`raw` is the JSON `message` was read from: it still has the kinds the library does not know."""
    if start := _START.fullmatch(words(message.text or message.caption, "message.text")):
        return Started(start[1] or "")
    said = said_of(message, raw)
    if said.text or said.attachments:
        return said
    return Unsupported(words(next((key for key in raw if key not in _FRAME), "empty"), "message"))


def said_of(message: Message, raw: Mapping[str, object]) -> Said:
    text, entities = words(message.text, "message.text"), raw.get("entities")
    if not text:
        text, entities = words(message.caption, "message.caption"), raw.get("caption_entities")
    return Said(_as_markdown(text, entities), attachments_of(message))


def _as_markdown(text: str, entities: object) -> str:
    """Return the text with its links and blocks of code as Markdown, or they would lose where they lead and
    where they end. Whoever is mentioned by name alone gets the sign of a mention. How the rest looked is left
    out.
    """
    if not isinstance(entities, list):
        return text
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)  # which nobody has typed
    coded = text.encode("utf-16-le")
    for start, end, url in sorted(_spans(coded, entities), key=itemgetter(0), reverse=True):
        shown = _decoded(coded[start:end])
        label = shown.strip()
        if url == "":
            written = f"@{shown.removeprefix('@')}"
        elif url is None:
            before, after = (
                "" if b in _LINE_ENDS else "\n" for b in (coded[start - 2 : start], coded[end:][:2])
            )
            written = f"{before}{fence}\n" + shown.strip("\n") + f"\n{fence}{after}"
        elif label and "\n" not in label:
            escaped = re.sub(r"([\\\[\]])", r"\\\1", label)
            link = f"[{escaped}]({url.replace('(', '%28').replace(')', '%29')})"
            written = shown.replace(label, link)  # with the line breaks that stand around it
        else:
            continue
        coded = coded[:start] + written.encode("utf-16-le") + coded[end:]
    return clean(coded.decode("utf-16-le", "replace"))


def _spans(text: bytes, entities: list[object]) -> Iterator[tuple[int, int, str | None]]:
    """Yield where in the UTF-16 text links, mentions by name and blocks of code are: first byte, end, and the
    address: "" for a mention, None for code. Code of several lines is a block, however it was marked.
    """
    for entity in entities:
        if not isinstance(entity, dict):
            continue
        at, length, url = entity.get("offset"), entity.get("length"), entity.get("url")
        if not isinstance(at, int) or not isinstance(length, int):
            continue
        start, end = at * 2, (at + length) * 2
        if not 0 <= start < end <= len(text):
            continue
        kind = entity.get("type")
        if kind in ("pre", "code"):
            code = _decoded(text[start:end])
            if any(map(str.isalnum, code)) and (kind == "pre" or len(code.splitlines()) > 1):
                yield start, end, None
        elif kind == "text_mention":
            yield start, end, ""
        elif kind == "text_link" and isinstance(url, str) and _WEB.fullmatch(url):
            yield start, end, url


def _decoded(coded: bytes) -> str:
    return coded.decode("utf-16-le", "ignore")


def attachments_of(message: Message) -> tuple[Attachment, ...]:
    """At most one: Telegram sends an album as a message per picture."""
    if message.photo:
        largest = max(message.photo, key=_area)
        return (_file(AttachmentKind.PHOTO, "photo", largest, "image/jpeg"),)
    if animation := message.animation:  # before the document, which repeats it
        name, mime_type = words(animation.file_name, "file_name"), words(animation.mime_type, "mime_type")
        return (_file(AttachmentKind.VIDEO, "animation", animation, mime_type, name),)
    if document := message.document:
        name, mime_type = words(document.file_name, "file_name"), words(document.mime_type, "mime_type")
        return (_file(AttachmentKind.DOCUMENT, "document", document, mime_type, name),)
    if voice := message.voice:
        return (_file(AttachmentKind.VOICE, "voice", voice, words(voice.mime_type, "mime_type")),)
    if audio := message.audio:
        name = words(audio.file_name, "file_name") or words(audio.title, "title")
        return (_file(AttachmentKind.AUDIO, "audio", audio, words(audio.mime_type, "mime_type"), name),)
    if video := message.video:
        name, mime_type = words(video.file_name, "file_name"), words(video.mime_type, "mime_type")
        return (_file(AttachmentKind.VIDEO, "video", video, mime_type, name),)
    if message.video_note:
        return (_file(AttachmentKind.VIDEO, "video_note", message.video_note, "video/mp4"),)
    if sticker := message.sticker:
        moving = (
            "application/x-tgsticker" if sticker.is_animated else "video/webm" if sticker.is_video else ""
        )
        mime_type = moving or "image/webp"
        return (_file(AttachmentKind.STICKER, "sticker", sticker, mime_type, words(sticker.emoji, "emoji")),)
    return _fact(message)


def _area(photo: PhotoSize) -> int:
    return whole(photo.width, "photo.width") * whole(photo.height, "photo.height")


def _file(kind: AttachmentKind, sent_as: str, file: _File, mime_type: str, name: str = "") -> Attachment:
    # A file_id can be sent again only as the kind it came as, so the handle keeps that kind.
    ref = f"{sent_as}:{words(file.file_id, 'file_id')}"
    size = None if file.file_size is None else whole(file.file_size, "file_size")
    return Attachment(kind=kind, ref=ref, mime_type=mime_type, name=name, size=size)


def _fact(message: Message) -> tuple[Attachment, ...]:
    if venue := message.venue:  # before the location, which repeats its own
        names = (words(venue.title, "venue.title"), words(venue.address, "venue.address"))
        name = ", ".join(filter(None, names))
        return (Attachment(kind=AttachmentKind.LOCATION, ref=_geo(venue.location), name=name),)
    if message.location:
        return (Attachment(kind=AttachmentKind.LOCATION, ref=_geo(message.location)),)
    if contact := message.contact:
        names = (words(contact.first_name, "first_name"), words(contact.last_name, "last_name"))
        name = " ".join(filter(None, names))
        digits = re.sub(r"[^0-9+]", "", words(contact.phone_number, "contact.phone_number"))
        return (Attachment(kind=AttachmentKind.CONTACT, ref=f"tel:{digits}", name=name),) if digits else ()
    return ()


def _geo(location: object) -> str:
    latitude = number(getattr(location, "latitude", None), "location.latitude")
    longitude = number(getattr(location, "longitude", None), "location.longitude")
    return f"geo:{latitude:.6f},{longitude:.6f}"
