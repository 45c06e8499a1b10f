"""Read and check what a call sends: text, media, location, contacts, reaction, interactive, template.

https://developers.facebook.com/docs/whatsapp/cloud-api/reference/messages
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from connectors.sandbox.meta.errors import JsonObject, invalid
from connectors.sandbox.meta.params import Params
from connectors.sandbox.whatsapp import interactive, templates
from connectors.sandbox.whatsapp.media import CAPTIONED, KINDS, MAX_CAPTION
from connectors.sandbox.whatsapp.model import ChatMessage
from connectors.sandbox.whatsapp.refusals import missing, refusal
from connectors.sandbox.whatsapp.templates import Template

MAX_TEXT = 4096
MAX_CONTACTS = 257
TYPES = ("text", *KINDS, "location", "contacts", "interactive", "template", "reaction")
_NEVER_SENT = ("button", "order", "system", "unsupported", "unknown", "poll")  # only customers have these


@dataclass(frozen=True, slots=True)
class Asset:
    """A file that a message needs: an uploaded one, or one to be fetched from a link."""

    kind: str
    media_id: str = ""
    link: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Draft:
    """A message without its id. `reacts_to` is set only for a reaction."""

    message: ChatMessage
    asset: Asset | None = None
    reacts_to: str = ""
    emoji: str = ""


def read(params: Params, now: datetime, approved: Sequence[Template]) -> Draft:
    """Return the message of a call. Raise GraphError if the platform refuses it at once."""
    # Meta's examples omit the type. The platform then uses the field that is there.
    kind = params.text("type").lower() or next((each for each in TYPES if each in params.values), "text")
    if kind in _NEVER_SENT:
        raise refusal(131051)
    if kind not in TYPES:
        names = ", ".join(each.upper() for each in TYPES)
        raise invalid(f"Param type must be one of {{{names}}} - got {params.text('type')[:60]!r}.")
    body: object = params.values.get(kind)
    if isinstance(body, str):
        body = params.object(kind)
    if not body:
        raise missing(kind, kind)
    context = params.object("context") or {}
    message = ChatMessage(
        id="", from_business=True, at=now, kind=kind, reply_to=str(context.get("message_id") or "")
    )
    match kind:
        case "text":
            return Draft(replace(message, text=_text(body)))
        case "location":
            return Draft(replace(message, content=_location(body)))
        case "contacts":
            return Draft(replace(message, contacts=_contacts(body)))
        case "reaction":
            return _reaction(message, body)
        case "interactive":
            return _interactive(message, body)
        case "template":
            return _template(message, body, approved)
        case _:
            return _media(message, kind, body)


def _text(body: object) -> str:
    value = body.get("body") if isinstance(body, dict) else None
    if not isinstance(value, str) or not value.strip():
        raise invalid("The parameter text['body'] is required.")
    if len(value) > MAX_TEXT:
        raise invalid(f"Param text['body'] must be at most {MAX_TEXT} characters long.")
    return value


def _media(message: ChatMessage, kind: str, body: object) -> Draft:
    asset = _asset(kind, body)
    caption = body.get("caption") if isinstance(body, dict) else None
    if caption is not None and kind not in CAPTIONED:
        raise invalid(f'Unexpected key "caption" on param "{kind}".')
    if caption is not None and (not isinstance(caption, str) or len(caption) > MAX_CAPTION):
        raise invalid(f"Param {kind}['caption'] must be at most {MAX_CAPTION} characters long.")
    return Draft(replace(message, text=caption or "", file_name=asset.name), asset)


def _asset(kind: str, body: object) -> Asset:
    if not isinstance(body, dict):
        raise invalid(f"Param {kind} must be a JSON object.")
    media_id, link = body.get("id"), body.get("link")
    if bool(media_id) == bool(link):
        raise invalid("Either one of media ID or link must be present", subcode=2494009)
    if link and not str(link).startswith(("http://", "https://")):
        raise invalid(f"Param {kind}['link'] is not a valid URL.")
    return Asset(kind, str(media_id or ""), str(link or ""), str(body.get("filename") or ""))


def _location(body: object) -> JsonObject:
    if not isinstance(body, dict):
        raise invalid("Param location must be a JSON object.")
    try:
        latitude, longitude = float(body["latitude"]), float(body["longitude"])
    except KeyError as error:
        raise missing(f"location['{error.args[0]}']", "location") from None
    except (TypeError, ValueError):
        raise refusal(131009, "Location coordinates must be numbers") from None
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise refusal(131009, "Location coordinates are out of range")
    return body


def _contacts(body: object) -> tuple[JsonObject, ...]:
    contacts = [each for each in body if isinstance(each, dict)] if isinstance(body, list) else []
    if not 1 <= len(contacts) <= MAX_CONTACTS:
        raise refusal(131009, f"Number of contacts must be between 1 and {MAX_CONTACTS}")
    for contact in contacts:
        name = contact.get("name")
        if not isinstance(name, dict) or not name.get("formatted_name"):
            raise missing("contacts['name']['formatted_name']", "contacts")
        others = ("first_name", "last_name", "middle_name", "suffix", "prefix")
        if not any(name.get(other) for other in others):
            raise refusal(131009, "At least one of the optional name parameters is needed")
    return tuple(contacts)


def _reaction(message: ChatMessage, body: object) -> Draft:
    given = body if isinstance(body, dict) else {}
    target, emoji = given.get("message_id"), given.get("emoji")
    if not isinstance(target, str) or not target:
        raise missing("reaction['message_id']", "reaction")
    if not isinstance(emoji, str):
        raise missing("reaction['emoji']", "reaction")
    return Draft(message, reacts_to=target, emoji=emoji)


def _interactive(message: ChatMessage, body: object) -> Draft:
    made = interactive.read(body)
    asset = None
    if made.header_media is not None:
        kind = str(made.header_media["type"])
        asset = _asset(kind, made.header_media[kind])
    shown = replace(
        message,
        text=made.body,
        header=made.header,
        footer=made.footer,
        choices=made.choices,
        menu=made.menu,
        content={"interactive": made.kind},
    )
    return Draft(shown, asset)


def _template(message: ChatMessage, body: object, approved: Sequence[Template]) -> Draft:
    asked = body if isinstance(body, dict) else {}
    chosen = templates.choose(approved, asked)
    filled = templates.fill(chosen, asked)
    asset = None
    if filled.header_media:
        kind = str(filled.header_media["type"])
        asset = _asset(kind, filled.header_media.get(kind))
    shown = replace(
        message,
        text=filled.text,
        header=filled.header,
        footer=filled.footer,
        choices=filled.choices,
        content={"template": chosen.name, "language": chosen.language},
        category=chosen.category.lower(),
    )
    return Draft(shown, asset)
