"""Read what one Telegram message says, as the types of `bot.core`."""

import re
from collections.abc import Iterator, Mapping
from operator import itemgetter

from bot.core.errors import MalformedPayload
from bot.core.events import Attachment, AttachmentKind, Ignored, Said, Started, Unsupported
from connectors.payload import clean
from connectors.telegram.fields import number, whole, words
from connectors.telegram.rich_words import rich_words

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
# Messages in which Telegram reports about a chat, a payment or an app. They are nobody's words.
_SERVICE = frozenset(
    """
    new_chat_members new_chat_member new_chat_participant left_chat_member left_chat_participant
    chat_owner_left chat_owner_changed new_chat_title new_chat_photo delete_chat_photo group_chat_created
    supergroup_chat_created channel_chat_created message_auto_delete_timer_changed migrate_to_chat_id
    migrate_from_chat_id pinned_message successful_payment refunded_payment users_shared user_shared
    chat_shared gift unique_gift gift_upgrade_sent connected_website write_access_allowed passport_data
    proximity_alert_triggered boost_added chat_background_set checklist_tasks_done checklist_tasks_added
    direct_message_price_changed forum_topic_created forum_topic_edited forum_topic_closed
    forum_topic_reopened general_forum_topic_hidden general_forum_topic_unhidden giveaway_created
    giveaway_winners giveaway_completed managed_bot_created paid_message_price_changed poll_option_added
    poll_option_deleted suggested_post_approved suggested_post_approval_failed suggested_post_declined
    suggested_post_paid suggested_post_refunded video_chat_scheduled video_chat_started video_chat_ended
    video_chat_participants_invited web_app_data voice_chat_scheduled voice_chat_started voice_chat_ended
    voice_chat_participants_invited
    """.split()  # noqa: SIM905
)
# New ones are known by their names: they say what was done.
_DONE = re.compile(r"\w+_(?:\w+ed|sent|set|paid|left|done|hidden|won)")
# Deep links: https://core.telegram.org/bots/features#deep-linking
_START = re.compile(r"/start(?:@\w+)?(?:\s+([A-Za-z0-9_-]{1,64}))?\s*")

_WEB = re.compile(r"https?://[^\s<>\\]{1,2000}")
_LINE_ENDS = (b"", "\n".encode("utf-16-le"))  # also that of the text


def content_of(raw: Mapping[str, object]) -> Said | Started | Unsupported | Ignored:
    """Return the content of a message, read from its JSON.

    The library does not know every kind of content, and rejects some messages that lack fields nobody here
    needs.
    """
    if start := _START.fullmatch(words(raw.get("text") or raw.get("caption"), "message.text")):
        return Started(start[1] or "")
    said = said_of(raw)
    if said.text or said.attachments:
        return said
    kind = next((key for key in raw if key not in _FRAME), "")
    if not kind or kind in _SERVICE or kind == "poll" or _DONE.fullmatch(kind):
        return Ignored(kind or "empty")
    return Unsupported(words(kind, "message"))


def said_of(raw: Mapping[str, object]) -> Said:
    text, entities = words(raw.get("text"), "message.text"), raw.get("entities")
    if not text:
        text, entities = words(raw.get("caption"), "message.caption"), raw.get("caption_entities")
    text = text or clean(rich_words(raw.get("rich_message")))
    return Said(_as_markdown(text, entities), attachments_of(raw))


def _as_markdown(text: str, entities: object) -> str:
    """Return the text with its links and code blocks as Markdown. Other formatting is left out.

    Without it, a link would lose its address, and code its bounds. A person mentioned by name alone gets the
    sign of a mention.
    """
    if not isinstance(entities, list):
        return text
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)  # longer than any fence in the text
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
    """Yield the spans of links, mentions by name and code in the UTF-16 text: first byte, end and address.

    The address is "" for a mention and None for code. Code of several lines is a block, however it was
    marked.
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


def attachments_of(raw: Mapping[str, object]) -> tuple[Attachment, ...]:
    """Return the attachment of a message, at most one: Telegram sends an album as one message per picture.

    Of a file only its id is required.
    """
    for sent_as, (kind, usual) in _FILES.items():
        if file := raw.get(sent_as):
            if sent_as == "photo":
                file = _largest(file)
            return (_file(kind, sent_as, _object(file, sent_as), usual),)
    return _fact(raw)


# The animation comes first, because a document repeats it.
_FILES: Mapping[str, tuple[AttachmentKind, str]] = {
    "photo": (AttachmentKind.PHOTO, "image/jpeg"),
    "animation": (AttachmentKind.VIDEO, ""),
    "document": (AttachmentKind.DOCUMENT, ""),
    "voice": (AttachmentKind.VOICE, ""),
    "audio": (AttachmentKind.AUDIO, ""),
    "video": (AttachmentKind.VIDEO, ""),
    "video_note": (AttachmentKind.VIDEO, "video/mp4"),
    "sticker": (AttachmentKind.STICKER, "image/webp"),
}


def _largest(sizes: object) -> object:
    """Return the largest size of a photo.

    Where the sizes are not told, it is the last: Telegram lists them in order.
    """
    if not isinstance(sizes, list):
        return sizes
    return max(reversed(sizes), key=_area, default=None)


def _area(size: object) -> int:
    width, height = (_object(size, "photo").get(side, 0) for side in ("width", "height"))
    return whole(width, "photo.width") * whole(height, "photo.height")


def _object(value: object, path: str) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise MalformedPayload(path, "expected an object")
    return value


def _file(kind: AttachmentKind, sent_as: str, file: Mapping[str, object], usual: str) -> Attachment:
    """Return a file as an attachment. `usual`: its media type where Telegram does not tell one."""
    file_id = words(file.get("file_id"), "file_id")
    if not file_id:
        raise MalformedPayload("file_id", "missing")
    name = next(filter(None, (words(file.get(key), key) for key in ("file_name", "title", "emoji"))), "")
    if sent_as == "sticker" and file.get("is_animated"):
        usual = "application/x-tgsticker"
    elif sent_as == "sticker" and file.get("is_video"):
        usual = "video/webm"
    size = file.get("file_size")
    return Attachment(
        kind=kind,
        # A file_id can be sent again only as the kind it came as, so the handle keeps that kind.
        ref=f"{sent_as}:{file_id}",
        mime_type=words(file.get("mime_type"), "mime_type") or usual,
        name=name,
        size=None if size is None else whole(size, "file_size"),
    )


def _fact(raw: Mapping[str, object]) -> tuple[Attachment, ...]:
    if venue := raw.get("venue"):  # first, because a location repeats the venue's
        venue = _object(venue, "venue")
        names = (words(venue.get("title"), "venue.title"), words(venue.get("address"), "venue.address"))
        name = ", ".join(filter(None, names))
        return (Attachment(kind=AttachmentKind.LOCATION, ref=_geo(venue.get("location")), name=name),)
    if location := raw.get("location"):
        return (Attachment(kind=AttachmentKind.LOCATION, ref=_geo(location)),)
    if contact := raw.get("contact"):
        contact = _object(contact, "contact")
        names = (words(contact.get("first_name"), "first_name"), words(contact.get("last_name"), "last_name"))
        name = " ".join(filter(None, names))
        digits = re.sub(r"[^0-9+]", "", words(contact.get("phone_number"), "contact.phone_number"))
        return (Attachment(kind=AttachmentKind.CONTACT, ref=f"tel:{digits}", name=name),) if digits else ()
    return ()


def _geo(location: object) -> str:
    where = _object(location, "location")
    latitude = number(where.get("latitude"), "location.latitude")
    longitude = number(where.get("longitude"), "location.longitude")
    return f"geo:{latitude:.6f},{longitude:.6f}"
