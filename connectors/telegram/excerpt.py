"""Reduce an update to the part that we read.

The library fails on some fields, deep inside a message, that Telegram adds or leaves out and that nobody here
needs.
"""

from collections.abc import Mapping

Json = Mapping[str, object]

_MESSAGE = frozenset(
    """
    message_id message_thread_id is_topic_message date edit_date chat from text
    """.split()  # noqa: SIM905
)
_ANSWERED = frozenset({"message_id", "date", "chat", "from", "forum_topic_created"})


def excerpt(kind: str, payload: object) -> object:
    """Return the part of `payload` that the library gets.

    What is no object is returned as it is, to be rejected.
    """
    if not isinstance(payload, dict):
        return payload
    match kind:
        case "message" | "edited_message":
            return _message(payload)
        case "callback_query":
            return _people(payload) | {"message": _tapped(payload.get("message"))}
        case _:
            return _people(payload)


def _message(message: Json) -> dict[str, object]:
    seen = _people({key: value for key, value in message.items() if key in _MESSAGE})
    answered = message.get("reply_to_message")
    if isinstance(answered, dict):
        seen["reply_to_message"] = _people({key: answered[key] for key in answered if key in _ANSWERED})
    return seen


def _tapped(message: object) -> object:
    """Return the excerpt of a tapped message with its buttons, and the links that may hold their values."""
    if not isinstance(message, dict):
        return message
    seen = _message(message)
    if "reply_markup" in message:
        seen["reply_markup"] = message["reply_markup"]
    entities = message.get("entities")
    if isinstance(entities, list):
        seen["entities"] = [
            entity for entity in entities if isinstance(entity, dict) and entity.get("type") == "text_link"
        ]
    return seen


def _people(value: Json) -> dict[str, object]:
    """Return the value with the fields that early versions of the Bot API left out: `is_bot` and the chat's
    type.

    The sign of the chat's id tells its type: the ids of groups are negative.
    """
    seen = dict(value)
    for name in ("from", "user"):
        person = seen.get(name)
        if isinstance(person, dict):
            seen[name] = {"is_bot": False, **person}
    chat = seen.get("chat")
    if isinstance(chat, dict) and isinstance(chat.get("id"), int):
        seen["chat"] = {"type": "private" if chat["id"] > 0 else "group", **chat}
    return seen
