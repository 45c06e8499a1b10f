"""Declare what an email can carry, and how much of it the big providers accept."""

from datetime import timedelta

from bot.core.connector import Capabilities, Media, Unit
from bot.core.events import AttachmentKind, Channel, ReceiptStatus

CHANNEL = Channel("email")
MAX_BYTES = 25 * 1024 * 1024  # the largest mail that we read
MAX_FILES = 18 * 1024 * 1024  # of all files of one mail; big providers accept 25 MB in base64
_HEARD = (AttachmentKind.DOCUMENT, AttachmentKind.PHOTO, AttachmentKind.AUDIO, AttachmentKind.VIDEO)
_SENT = (*_HEARD, AttachmentKind.VOICE, AttachmentKind.STICKER)
CAPABILITIES = Capabilities(
    text_limit=100_000,
    text_unit=Unit.CHARACTERS,
    formatting="HTML and plain text",
    buttons=0,
    media_in=tuple(Media(kind, ("*/*",), MAX_BYTES) for kind in _HEARD),
    media_out=tuple(Media(kind, ("*/*",), MAX_FILES) for kind in _SENT),
    edits=False,
    erases=False,
    hears_edits=False,
    hears_deletions=False,
    receipts=frozenset({ReceiptStatus.FAILED}),
    typing=False,
    addresses=True,
    robots=True,
    reconciles=False,  # True of an account whose provider files what it sends: the option `sent`
    per_second=1.0,  # our choice: the big providers limit mails per day
    chat_interval=timedelta(seconds=1),
)
