"""Declare what Telegram lets a bot do, and how fast."""

from dataclasses import replace
from datetime import timedelta

from bot.core.connector import AccountSettings, Capabilities, Media, Unit
from bot.core.events import AttachmentKind, Channel
from bot.core.outbound import Mark

CHANNEL = Channel("telegram")
MARKS = {
    Mark.WAITING: "✍",
    Mark.SENT: "👌",
    Mark.DELIVERED: "👍",
    Mark.READ: "👀",
    Mark.FAILED: "💔",
    Mark.INSIDE: "🙈",
    Mark.WITHDRAWN: "🕊",
}
MAX_BUTTONS = 24  # Telegram publishes no limit and takes 100, which no phone can show
MAX_UNITS = 4096  # https://core.telegram.org/bots/api#sendmessage
MAX_UPLOAD = 50 * 1024 * 1024  # https://core.telegram.org/bots/api#sending-files, also for the next
MAX_PHOTO = 10 * 1024 * 1024
MAX_STICKER = 512 * 1024  # https://core.telegram.org/stickers
MAX_DOWNLOAD = 20 * 1024 * 1024  # https://core.telegram.org/bots/api#getfile
_ANY = ("*/*",)
_VOICES = ("audio/ogg", "audio/mpeg", "audio/mp3", "audio/mp4", "audio/x-m4a")
_IN = (
    AttachmentKind.PHOTO,
    AttachmentKind.DOCUMENT,
    AttachmentKind.VOICE,
    AttachmentKind.AUDIO,
    AttachmentKind.VIDEO,
    AttachmentKind.STICKER,
)
# Only these formats are shown as their kind. Any other file arrives as a document.
_OUT = (
    Media(AttachmentKind.PHOTO, ("image/jpeg", "image/png", "image/webp"), MAX_PHOTO),
    Media(AttachmentKind.VOICE, _VOICES, MAX_UPLOAD),
    Media(AttachmentKind.AUDIO, _VOICES[1:], MAX_UPLOAD),
    Media(AttachmentKind.VIDEO, ("video/mp4",), MAX_UPLOAD),
    Media(AttachmentKind.STICKER, ("image/webp",), MAX_STICKER),
    Media(AttachmentKind.DOCUMENT, _ANY, MAX_UPLOAD),
    Media(AttachmentKind.LOCATION, (), 0),
    Media(AttachmentKind.CONTACT, (), 0),
)

CAPABILITIES = Capabilities(
    text_limit=MAX_UNITS,
    text_unit=Unit.UTF16,
    formatting="entities",
    buttons=MAX_BUTTONS,
    button_label=64,  # no limit is published; a phone shows about this much of a button that fills a row
    media_in=tuple(Media(kind, _ANY, MAX_DOWNLOAD) for kind in _IN),
    media_out=_OUT,
    edits=True,
    erases=True,
    hears_deletions=False,  # no update reports them
    reacts=True,
    marks=tuple(MARKS.items()),
    hears_reactions=True,
    typing=True,
    whispers=True,  # in a group; with an older server, in private to people who have started the bot
    keeps="the lines of a topic that tell its earlier names, until the topic is deleted",
    reconciles=False,
    # https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this
    per_second=30.0,
    chat_interval=timedelta(seconds=1),
)
# The same page: 20 messages a minute into one group. A new room opens at once, and no minute has more.
GROUP_INTERVAL, GROUP_BURST = timedelta(seconds=4), 5
GROUP_REST = timedelta(seconds=3)  # after a post in a customers' group; private chats need none


def capabilities_of(settings: AccountSettings) -> Capabilities:
    """Return Telegram's published capabilities with the account's own limits.

    Staff accounts get the slower limits of groups.
    """
    known = CAPABILITIES
    if settings.serves == "staff":
        known = replace(known, chat_interval=GROUP_INTERVAL, chat_burst=GROUP_BURST)
    if settings.chat_interval is not None:
        known = replace(known, chat_interval=settings.chat_interval, chat_burst=1)
    return known if settings.per_second is None else replace(known, per_second=settings.per_second)
