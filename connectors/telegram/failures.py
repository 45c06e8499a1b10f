"""Translate the library's exceptions into the contract's errors.
https://core.telegram.org/bots/api#making-requests
"""

from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    RetryAfter,
    TelegramError,
)

from bot.core.errors import (
    AccountSuspended,
    OutcomeUnknown,
    PlaceGone,
    PlatformDown,
    RateLimited,
    Refused,
    SendError,
    Unreachable,
)
from connectors.telegram.request import AnswerLost, NotDone, TooFast

_REASON_CHARS = 200
REVOKED = "unauthorized: Telegram refuses the bot token; make a new one with @BotFather and set it"
NO_TOPICS = (
    "no_topics: the group has no topics; turn them on in its settings, and make the bot an administrator"
    ' with "manage topics"'
)
NO_RIGHT = 'no_right: the bot may not do that in the group; make it an administrator with "manage topics"'
WRITE_FORBIDDEN = "write_forbidden: the bot may not write in the group; make it an administrator"
NO_EARS = (
    "not_heard: privacy mode keeps what people write there from the bot; make it an administrator, or turn"
    " that mode off (/setprivacy with @BotFather) and add the bot to the group again"
)
NO_REACTIONS = "no_reactions: the group allows few reactions; allow all of them in its settings"
TOPIC_GONE = "topic_gone: somebody has deleted the topic"
TOPIC_CLOSED = 'topic_closed: somebody has closed the topic, and the bot lacks "manage topics" to open it'
CARD_GONE = "card_gone: somebody has deleted the card"
TOO_OLD = "too_old: Telegram lets a bot delete its messages for 48 hours"
NOT_THERE = "not_there: the message has been deleted in the chat"
# Telegram has no codes for these, only descriptions, whose wording has been stable for years.
_UNREACHABLE = (
    ("bot was blocked", "blocked"),
    ("user is deactivated", "user_deactivated"),
    ("chat not found", "chat_not_found"),
    ("user not found", "user_not_found"),
    ("peer_id_invalid", "chat_not_found"),
    ("can't initiate conversation", "not_started"),
    ("bot was kicked", "kicked"),
    ("bot is not a member", "not_a_member"),
    ("group chat was deactivated", "chat_deactivated"),
    ("chat was deleted", "chat_deleted"),
    ("channel_private", "chat_private"),
    ("chat_write_forbidden", WRITE_FORBIDDEN),
    ("chat_restricted", WRITE_FORBIDDEN),
    ("chat_send_plain_forbidden", WRITE_FORBIDDEN),
    ("not enough rights to send text messages", WRITE_FORBIDDEN),
    ("have no rights to send a message", WRITE_FORBIDDEN),
)
_REFUSED = (
    ("not a forum", NO_TOPICS),
    ("not enough rights", NO_RIGHT),
    ("need administrator rights", NO_RIGHT),
    ("reaction_invalid", NO_REACTIONS),
    ("message can't be deleted", TOO_OLD),
    ("message to edit not found", NOT_THERE),
    ("message can't be edited", "cannot_be_edited: Telegram does not let this message be changed"),
)
_GONE = (
    ("message thread not found", TOPIC_GONE),
    ("topic_id_invalid", TOPIC_GONE),
    ("topic_deleted", TOPIC_GONE),
    ("topic_closed", TOPIC_CLOSED),
)


def as_send_error(error: TelegramError, *, idempotent: bool = False) -> SendError:
    """Return the contract's error for an exception of the library.

    `idempotent`: repeating the call does no harm, so a lost answer counts as PlatformDown, not
    OutcomeUnknown.
    """
    match error:
        case TooFast(retry_after=wait):
            return RateLimited("too_many_requests", retry_after=wait)
        case RetryAfter():
            return RateLimited("too_many_requests")
        case AnswerLost() if not idempotent:
            return OutcomeUnknown(error.message)
        case AnswerLost() | NotDone():
            return PlatformDown(error.message)
        case Forbidden() | BadRequest():
            return _refusal(error)
        case InvalidToken():
            return AccountSuspended(REVOKED)
        case ChatMigrated():
            return Refused("chat_migrated")
        case Conflict():
            return PlatformDown(_short(error.message))
        case _:  # any other failure status: the call was not carried out
            return Refused(_short(error.message))


def unknown_method(error: InvalidToken) -> bool:
    """Return whether a call failed because the server is too old for the method, not because of the token.

    The library raises the same error for both, as both may be answered with a 404.
    """
    cause = error.__cause__
    return isinstance(cause, InvalidToken) and "not found" in cause.message.lower()


def _refusal(error: Forbidden | BadRequest) -> SendError:
    text = error.message.lower()
    for words, reason in _UNREACHABLE:
        if words in text:
            return Unreachable(reason)
    for words, reason in _REFUSED:
        if words in text:
            return Refused(reason)
    for words, reason in _GONE:
        if words in text:
            return PlaceGone(reason)
    return Unreachable("forbidden") if isinstance(error, Forbidden) else Refused(_short(error.message))


def _short(message: str) -> str:
    return message[:_REASON_CHARS]
