"""Declare what Slack can do, by its published documentation."""

from dataclasses import replace
from datetime import timedelta

from bot.core.connector import AccountSettings, Capabilities, Media, Unit
from bot.core.events import AttachmentKind, Channel
from connectors.slack.emoji import MARKS

CHANNEL = Channel("slack")
TEXT = 3000  # a section holds no more, and Slack advises 4000 for a text
LABEL = 75  # characters of a button: https://docs.slack.dev/reference/block-kit/block-elements/button-element
MAX_FILE = 1_000_000_000  # bytes: https://slack.com/help/articles/201330736
_KINDS = (
    AttachmentKind.PHOTO,
    AttachmentKind.DOCUMENT,
    AttachmentKind.VOICE,
    AttachmentKind.AUDIO,
    AttachmentKind.VIDEO,
)
_MEDIA = tuple(Media(kind, ("*/*",), MAX_FILE) for kind in _KINDS)

PUBLISHED = Capabilities(
    text_limit=TEXT,
    text_unit=Unit.CHARACTERS,
    formatting="mrkdwn",
    buttons=25,  # of one actions block
    button_label=LABEL,
    media_in=_MEDIA,
    media_out=_MEDIA,
    edits=True,
    erases=True,
    reacts=True,
    marks=tuple(MARKS.items()),
    hears_reactions=True,
    typing=True,  # in threads, also of direct messages
    typing_lasts=True,
    whispers=True,
    forms=True,
    emails=True,
    keeps="a note that only one person sees, until they load Slack again",
    reconciles=True,
    # https://docs.slack.dev/apis/web-api/rate-limits: one message a second in a channel, several hundred a
    # minute in a workspace; the calls beside posting have budgets of their own, from 20 a minute upwards.
    per_second=20.0,
    chat_interval=timedelta(seconds=1),
)


def of_account(settings: AccountSettings) -> Capabilities:
    """Return Slack's published capabilities with the limits that the account names.

    Only customers see that somebody is typing, and only staff get the forms that buttons open.
    """
    return replace(
        settings.limited(PUBLISHED),
        typing=settings.serves == "customers",
        typing_lasts=settings.serves == "customers",
        forms=settings.serves == "staff",
    )
