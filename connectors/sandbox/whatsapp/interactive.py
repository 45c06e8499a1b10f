"""Interactive messages: buttons, lists, and others that the phone only shows.

https://developers.facebook.com/docs/whatsapp/cloud-api/reference/messages#interactive-object
"""

from collections.abc import Sequence
from dataclasses import dataclass

from connectors.sandbox.meta.errors import GraphError, JsonObject
from connectors.sandbox.whatsapp.model import Choice
from connectors.sandbox.whatsapp.refusals import missing, refusal

BODY = 1024
LIST_BODY = 4096  # https://developers.facebook.com/docs/whatsapp/cloud-api/messages/interactive-list-messages
HEADER = 60
FOOTER = 60
BUTTONS = 3
BUTTON_TITLE = 20
BUTTON_ID = 256
ROWS = 10
SECTIONS = 10
ROW_TITLE = 24
ROW_ID = 200
ROW_DESCRIPTION = 72
_SHOWN_ONLY = (
    "request_contact_info",
    "flow",
    "product",
    "product_list",
    "catalog_message",
    "cta_url",
    "location_request_message",
    "address_message",
    "order_details",
    "order_status",
)
_MEDIA_HEADERS = ("image", "video", "document")


@dataclass(frozen=True, slots=True)
class Interactive:
    kind: str
    body: str
    header: str = ""
    header_media: JsonObject | None = None  # {"type": "image", "image": {…}}
    footer: str = ""
    choices: tuple[Choice, ...] = ()
    menu: str = ""


def read(value: object) -> Interactive:
    """Return an interactive message.

    Raise GraphError 131008 if something is missing, 131009 if something does not fit.
    """
    if not isinstance(value, dict):
        raise missing("interactive", "interactive")
    kind = value.get("type")
    if kind not in ("button", "list", *_SHOWN_ONLY):
        raise refusal(131009, f"Interactive type {str(kind)[:40]!r} is not valid")
    header, media = _header(value.get("header"), kind)
    body = _part(value.get("body"), "Body", LIST_BODY if kind == "list" else BODY, needed=kind != "product")
    footer = _part(value.get("footer"), "Footer", FOOTER, needed=False)
    action = value.get("action")
    if not isinstance(action, dict):
        raise missing("interactive['action']", "interactive")
    choices: list[Choice] = []
    menu = ""
    match kind:
        case "button":
            choices = _buttons(action.get("buttons"))
        case "list":
            menu = _sized(action.get("button"), "Button text", BUTTON_TITLE)
            choices = _rows(action.get("sections"))
        case "cta_url":
            choices = [_link(action.get("parameters"))]
        case "request_contact_info" if action.get("name") != kind:
            raise refusal(131009, "The action's name must be request_contact_info")
        case "flow":
            choices = [_flow(action.get("parameters"))]
    return Interactive(kind, body, header, media, footer, tuple(choices), menu)


def _header(value: object, kind: str) -> tuple[str, JsonObject | None]:
    if value is None:
        return "", None
    if not isinstance(value, dict):
        raise refusal(131009, "Header must be an object")
    form = value.get("type")
    if form == "text" or kind in ("product_list", "flow", "catalog_message"):
        return _sized(value.get("text"), "Header text", HEADER), None
    if kind == "list" or form not in _MEDIA_HEADERS:
        raise refusal(131009, f"Header type {str(form)[:40]!r} is not valid for interactive type {kind}")
    if not isinstance(value.get(str(form)), dict):
        raise missing(f"interactive['header']['{form}']", "interactive")
    return "", value


def _buttons(value: object) -> list[Choice]:
    buttons = _objects(value)
    if not 1 <= len(buttons) <= BUTTONS:
        raise refusal(
            131009, f"Invalid buttons count. Min allowed buttons: 1, Max allowed buttons: {BUTTONS}"
        )
    made = []
    for button in buttons:
        reply = button.get("reply")
        if button.get("type") != "reply" or not isinstance(reply, dict):
            raise refusal(131009, "Button type must be reply, with an id and a title")
        button_id = _sized(reply.get("id"), "Button id", BUTTON_ID)
        if button_id != button_id.strip():
            raise refusal(131009, "Button id must not have leading or trailing spaces")
        made.append(Choice("reply", _sized(reply.get("title"), "Button title", BUTTON_TITLE), button_id))
    _unique([each.id for each in made], "Duplicate button id")
    _unique([each.title for each in made], "Duplicate button title")
    return made


def _rows(value: object) -> list[Choice]:
    sections = _objects(value)
    if not 1 <= len(sections) <= SECTIONS:
        raise refusal(131009, f"Invalid sections count. Min allowed: 1, Max allowed: {SECTIONS}")
    made: list[Choice] = []
    for section in sections:
        title = _sized(section.get("title"), "Section title", ROW_TITLE, needed=len(sections) > 1)
        rows = _objects(section.get("rows"))
        if not rows:
            raise refusal(131009, "Section has no rows")
        made += [
            Choice(
                "row",
                _sized(row.get("title"), "Row title", ROW_TITLE),
                _sized(row.get("id"), "Row id", ROW_ID),
                _sized(row.get("description"), "Row description", ROW_DESCRIPTION, needed=False),
                title,
            )
            for row in rows
        ]
    if len(made) > ROWS:
        raise refusal(131009, f"Total row count exceed max allowed count: {ROWS}")
    _unique([each.id for each in made], "Duplicated row id")
    return made


def _link(value: object) -> Choice:
    parameters = value if isinstance(value, dict) else {}
    url = parameters.get("url")
    if not isinstance(url, str) or not url.startswith(("https://", "http://")):
        raise refusal(131009, "cta_url needs a url")
    return Choice("url", _sized(parameters.get("display_text"), "Button text", BUTTON_TITLE), url)


def _flow(value: object) -> Choice:
    parameters = value if isinstance(value, dict) else {}
    if not (parameters.get("flow_id") or parameters.get("flow_name")):
        raise missing("flow_id", "flow")
    return Choice(
        "flow", _sized(parameters.get("flow_cta"), "Flow CTA", 30), str(parameters.get("flow_token", ""))
    )


def _part(value: object, name: str, limit: int, *, needed: bool) -> str:
    text = value.get("text") if isinstance(value, dict) else None
    return _sized(text, f"{name} text", limit, needed=needed)


def _sized(value: object, name: str, limit: int, *, needed: bool = True) -> str:
    if value is None and not needed:
        return ""
    if not isinstance(value, str) or not (1 if needed else 0) <= len(value) <= limit:
        raise refusal(131009, f"{name} length invalid. Min length: {int(needed)}, Max length: {limit}")
    return value


def _unique(values: Sequence[str], problem: str) -> None:
    if len(set(values)) != len(values):
        raise _refused(problem)


def _refused(problem: str) -> GraphError:
    return refusal(131009, problem)


def _objects(value: object) -> list[JsonObject]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
