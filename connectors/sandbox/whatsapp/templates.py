"""Message templates that Meta has approved, and what a call must fill in.

https://developers.facebook.com/docs/whatsapp/business-management-api/message-templates/components
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from connectors.sandbox.meta.errors import JsonObject
from connectors.sandbox.whatsapp.model import Choice
from connectors.sandbox.whatsapp.refusals import missing, refusal

_PLACE = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_UNFIT = re.compile(r"[\n\t]| {5,}")  # what a text parameter must not contain
_MEDIA = ("IMAGE", "VIDEO", "DOCUMENT")
_LONGEST_BODY = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """One language of a template. `components` are as the Graph API lists them."""

    name: str
    language: str = "en_US"
    category: str = "UTILITY"
    status: str = "APPROVED"
    components: tuple[JsonObject, ...] = ()
    id: str = ""
    parameter_format: str = "POSITIONAL"

    def wire(self) -> JsonObject:
        return {
            "name": self.name,
            "parameter_format": self.parameter_format,
            "components": list(self.components),
            "language": self.language,
            "status": self.status,
            "category": self.category,
            "id": self.id,
        }

    def part(self, kind: str) -> JsonObject:
        return next((each for each in self.components if str(each.get("type")).upper() == kind), {})

    def buttons(self) -> list[JsonObject]:
        return _objects(self.part("BUTTONS").get("buttons"))


@dataclass(frozen=True, slots=True)
class Filled:
    """A template as the customer reads it."""

    text: str
    header: str
    header_media: JsonObject  # {"type": "image", "image": {…}}, or empty
    footer: str
    choices: tuple[Choice, ...]


def text_template(
    name: str,
    body: str,
    *,
    language: str = "en_US",
    category: str = "UTILITY",
    quick_replies: Sequence[str] = (),
    footer: str = "",
    template_id: str = "",
) -> Template:
    """Return a template with a body and perhaps a footer and quick replies."""
    components: list[JsonObject] = [{"type": "BODY", "text": body}]
    if footer:
        components.append({"type": "FOOTER", "text": footer})
    if quick_replies:
        buttons = [{"type": "QUICK_REPLY", "text": each} for each in quick_replies]
        components.append({"type": "BUTTONS", "buttons": buttons})
    return Template(
        name=name,
        language=language,
        category=category,
        components=tuple(components),
        id=template_id or str(sum(map(ord, name + language)) + 10**15),
    )


SAMPLES = (
    text_template(
        "hello_world",
        "Welcome and congratulations!! This message demonstrates your ability to send a WhatsApp message.",
        footer="WhatsApp Business Platform sample message",
    ),
    text_template(
        "case_update", "Hello {{1}}, there is news on your request: {{2}}", quick_replies=("Tell me",)
    ),
    text_template("case_update", "Hallo {{1}}, es gibt Neues zu Ihrer Anfrage: {{2}}", language="de"),
    text_template(
        "still_there", "Hello {{1}}, do you still need our help?", quick_replies=("Yes", "No, thanks")
    ),
)


def placeholders(text: str) -> list[str]:
    """Return the names of the placeholders in a text in order, each once."""
    return list(dict.fromkeys(_PLACE.findall(text)))


def choose(templates: Sequence[Template], asked: Mapping[str, object]) -> Template:
    """Return the template that a call names. Raise GraphError 132001, 132015, 132016 or 131008."""
    name, language = asked.get("name"), asked.get("language")
    if not isinstance(name, str) or not name:
        raise missing("template['name']", "template")
    code = language.get("code") if isinstance(language, Mapping) else None
    if not isinstance(code, str) or not code:
        raise missing("template['language']['code']", "template")
    found = next((each for each in templates if (each.name, each.language) == (name, code)), None)
    match found.status if found is not None else "":
        case "PAUSED":
            raise refusal(132015, f"Template {name[:80]} is paused due to low quality")
        case "DISABLED":
            raise refusal(132016, f"Template {name[:80]} is disabled due to low quality")
        case "APPROVED" if found is not None:
            return found
        case _:
            raise refusal(132001, f"template name ({name[:80]}) does not exist in {code[:20]}")


def fill(template: Template, asked: Mapping[str, object]) -> Filled:
    """Return the template with the call's parameters in their places.

    Raise GraphError 132000, 132005 or 132012.
    """
    given = _objects(asked.get("components"))
    header = template.part("HEADER")
    header_text, header_media = _header(header, _named(given, "header"))
    body = _filled("body", str(template.part("BODY").get("text", "")), _parameters(_named(given, "body")))
    if len(body) > _LONGEST_BODY:
        raise refusal(132005, f"body: translated text has {len(body)} characters, at most {_LONGEST_BODY}")
    choices = [
        _button(at, button, _button_parameters(given, at)) for at, button in enumerate(template.buttons())
    ]
    footer = str(template.part("FOOTER").get("text", ""))
    return Filled(body, header_text, header_media, footer, tuple(choices))


def _header(header: JsonObject, given: JsonObject) -> tuple[str, JsonObject]:
    parameters = _parameters(given)
    form = str(header.get("format", "TEXT")).upper()
    if not header or form == "TEXT":
        return _filled("header", str(header.get("text", "")), parameters), {}
    wanted = form.lower()
    if len(parameters) != 1:
        raise _wrong_count("header", len(parameters), 1)
    if parameters[0].get("type") != wanted:
        raise refusal(
            132012,
            f"header: Format mismatch, expected {form}, received {str(parameters[0].get('type')).upper()}",
        )
    return "", parameters[0] if form in _MEDIA else {}


def _button(at: int, button: JsonObject, parameters: Sequence[JsonObject]) -> Choice:
    title = str(button.get("text", ""))
    match str(button.get("type", "")).upper():
        case "QUICK_REPLY":
            payload = parameters[0].get("payload", parameters[0].get("text", title)) if parameters else title
            return Choice("quick_reply", title, str(payload))
        case "URL":
            url = str(button.get("url", ""))
            places = placeholders(url)
            if len(parameters) != len(places):
                raise _wrong_count(f"buttons: Button at index {at} of type Url", len(parameters), len(places))
            return Choice("url", title, _filled("button", url, parameters))
        case "PHONE_NUMBER":
            return Choice("phone", title, str(button.get("phone_number", "")))
        case _:
            return Choice("other", title)


def _filled(where: str, text: str, parameters: Sequence[JsonObject]) -> str:
    places = placeholders(text)
    if len(parameters) != len(places):
        raise _wrong_count(where, len(parameters), len(places))
    values = {
        str(each.get("parameter_name", place)): _value(where, each)
        for place, each in zip(places, parameters, strict=True)
    }
    if set(values) != set(places):
        raise refusal(132012, f"{where}: parameter names do not match those of the template")
    return _PLACE.sub(lambda found: values[found[1]], text)


def _value(where: str, parameter: JsonObject) -> str:
    match parameter.get("type"):
        case "text":
            value = parameter.get("text")
        case "currency" | "date_time" as kind:
            inner = parameter.get(kind)
            value = inner.get("fallback_value") if isinstance(inner, dict) else None
        case other:
            raise refusal(132012, f"{where}: parameter of type {str(other)[:20]} does not fit here")
    if not isinstance(value, str) or not value:
        raise missing(f"{where} parameter's text", "template")
    if _UNFIT.search(value):
        raise refusal(
            132012, "Param text cannot have new-line/tab characters or more than 4 consecutive spaces"
        )
    return value


def _wrong_count(where: str, given: int, wanted: int) -> Exception:
    return refusal(
        132000,
        f"{where}: number of localizable_params ({given}) does not match"
        f" the expected number of params ({wanted})",
    )


def _named(given: Sequence[JsonObject], kind: str) -> JsonObject:
    return next((each for each in given if str(each.get("type")).lower() == kind), {})


def _button_parameters(given: Sequence[JsonObject], at: int) -> list[JsonObject]:
    for each in given:
        if str(each.get("type")).lower() == "button" and str(each.get("index")) == str(at):
            return _parameters(each)
    return []


def _parameters(component: JsonObject) -> list[JsonObject]:
    return _objects(component.get("parameters"))


def _objects(value: object) -> list[JsonObject]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
