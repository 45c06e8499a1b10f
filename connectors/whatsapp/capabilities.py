"""Declare what WhatsApp can carry, according to the documentation of its Cloud API."""

from datetime import timedelta

from bot.core.connector import Capabilities, Media, Unit
from bot.core.events import AttachmentKind, Channel, ReceiptStatus

CHANNEL = Channel("whatsapp")

TEXT_CHARS = 4096  # https://developers.facebook.com/docs/whatsapp/cloud-api/messages/text-messages
# A message with buttons and a caption hold less than a plain text or a message with a list.
# https://developers.facebook.com/docs/whatsapp/cloud-api/messages/interactive-reply-buttons-messages
# https://developers.facebook.com/docs/whatsapp/cloud-api/messages/interactive-list-messages
BODY_CHARS = 1024
LIST_CHARS = 4096
CAPTION_CHARS = 1024
MAX_FILE = 100 * 1024 * 1024  # bytes; Meta stores no larger file
_MB = 1024 * 1024

_AUDIO = ("audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg")
_DOCUMENTS = (
    "text/plain",
    "application/pdf",
    "application/msword",
    "application/vnd.ms-excel",
    "application/vnd.ms-powerpoint",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
)
# https://developers.facebook.com/docs/whatsapp/cloud-api/reference/media#supported-media-types
_BOTH_WAYS = (
    Media(AttachmentKind.PHOTO, ("image/jpeg", "image/png"), 5 * _MB),
    Media(AttachmentKind.VIDEO, ("video/mp4", "video/3gpp"), 16 * _MB),
    Media(AttachmentKind.AUDIO, _AUDIO, 16 * _MB),
    Media(AttachmentKind.VOICE, _AUDIO, 16 * _MB),
    Media(AttachmentKind.LOCATION, (), 0),
    Media(AttachmentKind.CONTACT, (), 0),
)

CAPABILITIES = Capabilities(
    text_limit=TEXT_CHARS,
    text_unit=Unit.CHARACTERS,
    formatting="WhatsApp's marks",
    buttons=3,
    button_label=20,
    list_rows=10,
    list_label=24,
    media_in=(
        *_BOTH_WAYS,
        Media(AttachmentKind.DOCUMENT, ("*/*",), MAX_FILE),
        Media(AttachmentKind.STICKER, ("image/webp",), 500 * 1024),
    ),
    media_out=(
        *_BOTH_WAYS,
        Media(AttachmentKind.DOCUMENT, _DOCUMENTS, MAX_FILE),
        Media(AttachmentKind.STICKER, ("image/webp",), 100 * 1024),  # 500 KB only if it is animated
    ),
    edits=False,
    erases=False,
    # Edits come only for numbers that are also used with the WhatsApp Business app.
    # https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages/edit
    hears_edits=False,
    hears_deletions=False,
    reacts=True,
    hears_reactions=True,
    receipts=frozenset(ReceiptStatus),
    typing=True,
    forms=False,
    # https://developers.facebook.com/docs/whatsapp/cloud-api/guides/send-messages#customer-service-windows
    window=timedelta(hours=24),
    # Service messages and utility templates are billed since 1 October 2026.
    # https://developers.facebook.com/documentation/business-messaging/whatsapp/pricing
    charges=True,
    # https://developers.facebook.com/documentation/business-messaging/whatsapp/business-scoped-user-ids
    asks_number=True,
    templates=True,
    reconciles=False,  # the API has no call that tells what was sent
    # https://developers.facebook.com/docs/whatsapp/throughput: 80 a second; 20 for a number that is used with
    # the app too, 1,000 for one that Meta has upgraded (`per_second` of the account).
    per_second=80.0,
    # The "pair rate limit": one message in 6 seconds to the same person. Up to 45 may be sent at once, and
    # then the wait is as long as if they had been sent one by one.
    # https://developers.facebook.com/docs/whatsapp/cloud-api/overview#pair-rate-limits
    chat_interval=timedelta(seconds=6),
    chat_burst=45,
)
