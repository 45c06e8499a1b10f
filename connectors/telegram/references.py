"""Read what a Telegram message answers, and who wrote its words, where that was not its sender.

https://core.telegram.org/bots/api#externalreplyinfo, https://core.telegram.org/bots/api#messageorigin
"""

from collections.abc import Mapping

from bot.core.events import Reference
from connectors.payload import clean
from connectors.telegram.rich_words import rich_words

Json = Mapping[str, object]
# Each of them marks somebody else's words. Those from "forward_date" on are older than Bot API 7.0.
FORWARDED = (
    "forward_origin",
    "via_bot",  # an inline bot composed it
    "is_automatic_forward",
    "forward_date",
    "forward_from",
    "forward_from_chat",
    "forward_sender_name",
)
_KINDS = {
    "animation": "video",
    "audio": "audio file",
    "contact": "contact",
    "document": "document",
    "live_photo": "photo",
    "location": "location",
    "photo": "photo",
    "poll": "poll",
    "sticker": "sticker",
    "story": "story",
    "venue": "place",
    "video": "video",
    "video_note": "video",
    "voice": "voice message",
}


def reference_of(raw: Json) -> Reference:
    """Return what the JSON of a message tells; never raises, since a reference only explains a message."""
    quote = _text(_object(raw.get("quote")), "text")
    answered, external = _object(raw.get("reply_to_message")), _object(raw.get("external_reply"))
    story = _object(raw.get("reply_to_story"))
    if "forum_topic_created" in answered:  # in a topic, every message answers the one that opened it
        answered = {}
    author = ""
    if external:
        author, answered = _origin(_object(external.get("origin"))), external
    elif story:
        author, answered = _chat(_object(story.get("chat"))), {"story": story}
    passed_on = _object(raw.get("forward_origin"))
    return Reference(
        quote=quote or _text(answered, "text") or _text(answered, "caption") or _rich(answered),
        kind=next((kind for name, kind in _KINDS.items() if name in answered), ""),
        author=author,
        forwarded=any(raw.get(field) for field in FORWARDED),
        origin=_origin(passed_on) or _inline_bot(_object(raw.get("via_bot"))),
    )


def _inline_bot(bot: Json) -> str:
    name = _text(bot, "username")
    return f"the bot @{name}" if name else _text(bot, "first_name")


def _origin(origin: Json) -> str:
    """Return who wrote a message first: a person, one who hides, a group or a channel; "" if unknown."""
    person, chat = (
        _object(origin.get("sender_user")),
        _object(origin.get("sender_chat") or origin.get("chat")),
    )
    if person:
        return " ".join(filter(None, (_text(person, "first_name"), _text(person, "last_name"))))
    signature = _text(origin, "author_signature")
    names = (signature, _chat(chat)) if chat else (_text(origin, "sender_user_name"),)
    return ", ".join(filter(None, names))


def _chat(chat: Json) -> str:
    names = (_text(chat, "first_name"), _text(chat, "last_name"))
    return _text(chat, "title") or " ".join(filter(None, names)) or _text(chat, "username")


def _rich(answered: Json) -> str:
    return clean(rich_words(answered.get("rich_message")))


def _text(value: Json, name: str) -> str:
    found = value.get(name)
    return clean(found) if isinstance(found, str) else ""


def _object(value: object) -> Json:
    return value if isinstance(value, dict) else {}
