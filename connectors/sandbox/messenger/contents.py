"""Read and check what a call sends: text, quick replies, templates, attachments.

https://developers.facebook.com/docs/messenger-platform/reference/send-api
"""

from dataclasses import dataclass

from connectors.sandbox.messenger.model import Choice
from connectors.sandbox.messenger.refusals import EMPTY, refusal, too_long
from connectors.sandbox.meta.errors import JsonObject, invalid

TEXT = 2000
QUICK_REPLIES = 13
QUICK_TITLE = 20
PAYLOAD = 1000
TEMPLATE_TEXT = 640
BUTTONS = 3
BUTTON_TITLE = 20
ELEMENTS = 10
ELEMENT_TEXT = 80
METADATA = 1000
FILES = ("image", "audio", "video", "file")
_BUTTONS = ("postback", "web_url", "phone_number", "account_link", "account_unlink", "game_play")
_QUICK = ("text", "user_phone_number", "user_email")


@dataclass(frozen=True, slots=True)
class Source:
    """The source of a message's file: a link, a stored attachment, or the form of the call itself."""

    kind: str
    url: str = ""
    attachment_id: str = ""
    reusable: bool = False


@dataclass(frozen=True, slots=True)
class Content:
    text: str = ""
    source: Source | None = None
    template: JsonObject | None = None
    buttons: tuple[Choice, ...] = ()
    quick_replies: tuple[Choice, ...] = ()
    metadata: str = ""


def read(message: JsonObject) -> Content:
    """Return the content of a message. Raise GraphError if the platform refuses it."""
    text, attachment = message.get("text"), message.get("attachment")
    if text is not None and not isinstance(text, str):
        raise invalid("Param message[text] must be a string.")
    if not text and not attachment:
        raise refusal(EMPTY)
    if text and attachment:
        raise invalid("Cannot specify both text and attachment in a message.")
    if text and len(text) > TEXT:
        raise too_long("message[text]", TEXT)
    metadata = message.get("metadata", "")
    if not isinstance(metadata, str) or len(metadata) > METADATA:
        raise too_long("message[metadata]", METADATA)
    quick = _quick_replies(message.get("quick_replies"))
    if not attachment:
        return Content(text or "", quick_replies=quick, metadata=metadata)
    if not isinstance(attachment, dict):
        raise invalid("Param message[attachment] must be a JSON object.")
    if attachment.get("type") == "template":
        template, shown, buttons = _template(attachment.get("payload"))
        return Content(shown, None, template, buttons, quick, metadata)
    return Content("", source(attachment), None, (), quick, metadata)


def source(attachment: JsonObject) -> Source:
    kind, payload = attachment.get("type"), attachment.get("payload")
    if kind not in FILES:
        raise invalid(f"Param message[attachment][type] must be one of {', '.join(FILES)}, template.")
    given = payload if isinstance(payload, dict) else {}
    reusable = str(given.get("is_reusable", "")).lower() in ("true", "1")
    url, kept = given.get("url"), given.get("attachment_id")
    if url and not str(url).startswith(("https://", "http://")):
        raise invalid("Param message[attachment][payload][url] should represent a valid URL")
    return Source(str(kind), str(url or ""), str(kept or ""), reusable)


def _quick_replies(value: object) -> tuple[Choice, ...]:
    replies = _objects(value)
    if len(replies) > QUICK_REPLIES:
        raise invalid(f"Param message[quick_replies] must have at most {QUICK_REPLIES} elements.")
    made = []
    for reply in replies:
        kind = reply.get("content_type")
        if kind not in _QUICK:
            raise invalid("Param message[quick_replies][content_type] is not valid.")
        needed = kind == "text"
        title = _sized(reply.get("title"), "message[quick_replies][title]", QUICK_TITLE, needed=needed)
        payload = _sized(reply.get("payload"), "message[quick_replies][payload]", PAYLOAD, needed=needed)
        made.append(Choice("quick_reply", title or str(kind), payload))
    return tuple(made)


def _template(payload: object) -> tuple[JsonObject, str, tuple[Choice, ...]]:
    """Return the payload of a template, its text, and its buttons."""
    if not isinstance(payload, dict):
        raise invalid("Param message[attachment][payload] is required.")
    match payload.get("template_type"):
        case "button":
            text = _sized(payload.get("text"), "text", TEMPLATE_TEXT)
            return payload, text, _buttons(payload.get("buttons"), needed=True)
        case "generic":
            elements = _objects(payload.get("elements"))
            if not 1 <= len(elements) <= ELEMENTS:
                raise invalid(f"Param elements must have 1 to {ELEMENTS} elements.")
            made: list[Choice] = []
            titles = []
            for element in elements:
                title = _sized(element.get("title"), "title", ELEMENT_TEXT)
                _sized(element.get("subtitle"), "subtitle", ELEMENT_TEXT, needed=False)
                titles.append(title)
                made += _buttons(element.get("buttons"), section=title)
            return payload, "\n".join(titles), tuple(made)
        case "media":
            elements = _objects(payload.get("elements"))
            if len(elements) != 1 or elements[0].get("media_type") not in ("image", "video"):
                raise invalid("Param elements must have one element, an image or a video.")
            return payload, "", _buttons(elements[0].get("buttons"))
        case other:
            raise invalid(f"Invalid template_type {str(other)[:40]!r}.")


def _buttons(value: object, *, section: str = "", needed: bool = False) -> tuple[Choice, ...]:
    buttons = _objects(value)
    if len(buttons) > BUTTONS or (needed and not buttons):
        raise invalid(f"Param buttons must have 1 to {BUTTONS} elements.")
    made = []
    for button in buttons:
        kind = button.get("type")
        if kind not in _BUTTONS:
            raise invalid(f"Invalid button type {str(kind)[:40]!r}.")
        title = _sized(button.get("title"), "buttons[title]", BUTTON_TITLE)
        name = "url" if kind == "web_url" else "payload"
        needs = kind in ("postback", "web_url", "phone_number")
        made.append(
            Choice(
                str(kind), title, _sized(button.get(name), f"buttons[{name}]", PAYLOAD, needed=needs), section
            )
        )
    return tuple(made)


def _sized(value: object, name: str, most: int, *, needed: bool = True) -> str:
    if not value and not needed:
        return ""
    if not isinstance(value, str) or not value:
        raise invalid(f"Param {name} must be a non-empty string.")
    if len(value) > most:
        raise too_long(name, most)
    return value


def _objects(value: object) -> list[JsonObject]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
