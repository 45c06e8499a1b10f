"""Declare what Messenger can carry, according to its published documentation."""

from datetime import timedelta

from bot.core.connector import Capabilities, Media, Unit
from bot.core.events import AttachmentKind, Channel, ReceiptStatus

CHANNEL = Channel("messenger")

MEGABYTE = 1024 * 1024
# https://developers.facebook.com/documentation/business-messaging/messenger-platform/send-messages/saving-assets
MAX_FILE = 25 * MEGABYTE
# https://developers.facebook.com/documentation/business-messaging/messenger-platform/send-messages/template/button
TEMPLATE_TEXT = 640
TEMPLATE_BUTTONS = 3
# https://developers.facebook.com/documentation/business-messaging/messenger-platform/send-messages/quick-replies
QUICK_REPLIES = 13
LABEL = 20
# https://developers.facebook.com/documentation/business-messaging/messenger-platform/send-messages/buttons/postback
PAYLOAD = 1000

# "When the user action is a person sending their first message after clicking a Click-to-Messenger ad, the
# window may last up to 7 days from that message". Messenger itself refuses what is too late.
# https://developers.facebook.com/documentation/business-messaging/messenger-platform/policy/
AFTER_AN_AD = timedelta(days=7)

# The webhook fields to subscribe to, so that the connector gets everything that it can read.
# https://developers.facebook.com/documentation/business-messaging/messenger-platform/webhooks/webhook-events
FIELDS = (
    "messages",
    "messaging_postbacks",
    "messaging_referrals",
    "messaging_optins",
    "messaging_handovers",
    "messaging_policy_enforcement",
    "message_deliveries",
    "message_reads",
    "message_reactions",
    "message_echoes",
    "message_edits",
    "standby",
)

CAPABILITIES = Capabilities(
    # https://developers.facebook.com/docs/messenger-platform/reference/send-api
    text_limit=2000,
    text_unit=Unit.CHARACTERS,
    formatting="none",
    # Few choices are buttons of a template, which stay. More choices, or those under a text that is too long
    # for a template, are quick replies, which disappear after the next message: see `sending.py`.
    buttons=TEMPLATE_BUTTONS,
    button_label=LABEL,
    list_rows=QUICK_REPLIES,
    list_label=LABEL,
    media_in=(
        Media(AttachmentKind.PHOTO, ("image/*",), MAX_FILE),
        Media(AttachmentKind.VIDEO, ("video/*",), MAX_FILE),
        Media(AttachmentKind.AUDIO, ("audio/*",), MAX_FILE),
        Media(AttachmentKind.STICKER, ("image/*",), MAX_FILE),
        Media(AttachmentKind.DOCUMENT, ("*/*",), MAX_FILE),
    ),
    media_out=(
        Media(AttachmentKind.PHOTO, ("image/jpeg", "image/png", "image/gif"), MAX_FILE),
        Media(AttachmentKind.VIDEO, ("video/*",), MAX_FILE),
        Media(AttachmentKind.AUDIO, ("audio/*",), MAX_FILE),
        Media(AttachmentKind.VOICE, ("audio/*",), MAX_FILE),
        Media(AttachmentKind.DOCUMENT, ("*/*",), MAX_FILE),
    ),
    edits=False,
    erases=False,
    hears_edits=True,
    hears_deletions=False,  # Messenger does not report that a person unsent a message
    reacts=True,
    hears_reactions=True,
    receipts=frozenset({ReceiptStatus.DELIVERED, ReceiptStatus.READ}),
    typing=True,
    # https://developers.facebook.com/documentation/business-messaging/messenger-platform/policy/
    window=timedelta(hours=24),
    human_window=timedelta(days=7),
    reconciles=False,  # the conversations edge has no metadata that identifies a delivery
    # 300 calls a second are allowed, but a Page that sends more than 40 messages a second loses its inbox:
    # https://developers.facebook.com/docs/messenger-platform/overview/rate-limiting, "High-volume messaging".
    # No interval between two messages into one thread is published.
    per_second=40.0,
    chat_interval=timedelta(),
)
