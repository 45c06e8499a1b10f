"""The stand-in held against what Meta published: its send examples, its webhooks, its answers."""

from collections.abc import Mapping
from typing import Any

import jsonschema
import pytest

from connectors.sandbox.whatsapp import Phone, Template
from connectors.sandbox.whatsapp.refusals import REFUSALS
from tests.sandbox.whatsapp.conftest import PNG, Rig, shared_wire

DESCRIPTION = "business-messaging-api_v23.0.excerpt.json"
SEND = "POST /{Version}/{Phone-Number-ID}/messages"
_MIME = {
    "audio": "audio/ogg",
    "document": "application/pdf",
    "image": "image/png",
    "sticker": "image/webp",
    "video": "video/mp4",
}


def template_for(asked: Mapping[str, Any]) -> Template:
    """A template into which the parameters of an example fit."""
    components: list[dict[str, object]] = []
    buttons: list[dict[str, object]] = []
    for part in asked.get("components", []):
        parameters = part["parameters"]
        if part["type"] == "body":
            components.append(
                {"type": "BODY", "text": " ".join(f"{{{{{n + 1}}}}}" for n in range(len(parameters)))}
            )
        elif part["type"] == "header":
            components.append({"type": "HEADER", "format": parameters[0]["type"].upper()})
        else:
            buttons.append({"type": part["sub_type"].upper(), "text": f"Button {part['index']}"})
    if buttons:
        components.append({"type": "BUTTONS", "buttons": buttons})
    return Template(name=asked["name"], language=asked["language"]["code"], components=tuple(components))


async def test_every_send_example_of_metas_is_taken(rig: Rig, maya: Phone) -> None:
    asked = maya.chat[0].id
    examples = shared_wire("meta_examples.json")[SEND]["request"]
    files = {}
    for kind, mime in _MIME.items():
        _, answer = await rig.upload(PNG, mime)
        files[kind] = answer["id"]
    templates = []
    for name, example in examples.items():
        body = dict(example)
        if "to" in body:
            body["to"] = maya.wa_id
        for kind, media_id in files.items():
            if kind in body:
                body[kind] = {
                    **body[kind],
                    **({"id": media_id} if "id" in body[kind] else {"link": rig.url("x")}),
                }
        if "template" in body:
            templates.append(template_for(body["template"]))
            rig.stand_in.templates = templates[-1:]
            body["template"] = _with_links(body["template"], rig.url("x"))
        if "message_id" in body:
            body["message_id"] = asked
        status, answer = await rig.call("POST", "106540352242922/messages", body)
        assert status == 200, (name, answer)
        expected = {"success"} if "status" in body else {"messaging_product", "contacts", "messages"}
        assert set(answer) == expected, name
    assert len(examples) == 50


# Ids that Meta tells since April 2026; the samples are older.
SINCE_2026 = {".from_user_id", ".from_parent_user_id", ".system.user_id", ".system.previous_user_id"}


async def test_our_webhooks_have_the_shape_that_meta_describes(rig: Rig, maya: Phone) -> None:
    schemas = shared_wire(DESCRIPTION)["components"]["schemas"]
    samples = _sample_messages()
    await play_everything(rig, maya)
    told = await rig.told()
    for body in told.bodies:
        _check(body, schemas, "WebhookPayload", loose=("Change",))
    for value in told.values():
        assert ("contacts" in value) == (bool(value.get("messages")) and not _is_system(value))
        _check(value["metadata"], schemas, "Metadata")
        for contact in value.get("contacts", []):
            _check(contact, schemas, "ContactProfile")
        for status in value.get("statuses", []):
            _check(status, schemas, "Statuses")
    seen = set()
    for message in told.messages():
        seen.add(message["type"])
        unknown = unknown_keys(message, samples[message["type"]]) - SINCE_2026
        assert not unknown, (message["type"], unknown)
        assert isinstance(message["timestamp"], str)
    assert seen == set(samples), "a kind of message was not played, or has no sample"


async def test_our_answers_have_the_keys_of_metas(rig: Rig, maya: Phone) -> None:
    examples = shared_wire("meta_examples.json")
    _, number = await rig.call(
        "GET", "106540352242922", fields="id,display_phone_number,verified_name,quality_rating"
    )
    assert (
        number.keys()
        == examples["GET /{Version}/{Phone-Number-ID}"]["response_200"]["default_response"].keys()
    )
    _, uploaded = await rig.upload()
    _, media = await rig.call("GET", uploaded["id"])
    assert media.keys() == examples["GET /{Version}/{Media-ID}"]["response_200"]["Retrieve Media URL"].keys()
    _, listed = await rig.call("GET", "102290129340398/message_templates", limit="2")
    listing = examples["GET /{Version}/{WABA-ID}/message_templates"]["response_200"]["Example response"]
    assert listing.keys() <= listed.keys()
    assert listing["data"][0].keys() - {"previous_category"} <= listed["data"][0].keys()
    assert len(listed["data"]) == 2
    _, rest = await rig.call(
        "GET", "102290129340398/message_templates", limit="2", after=listed["paging"]["cursors"]["after"]
    )
    assert {each["name"] for each in rest["data"]}.isdisjoint({"hello_world"})


async def test_our_refusals_have_the_shape_that_meta_describes(rig: Rig, maya: Phone) -> None:
    schemas = shared_wire(DESCRIPTION)["components"]["schemas"]
    for code in (100, 131009):
        content: Any = (
            {"text": {"body": ""}} if code == 100 else {"location": {"latitude": "x", "longitude": 1}}
        )
        status, answer = await rig.send(maya, next(iter(content)), **content)
        assert (status, answer["error"]["code"]) == (400, code)
        _check(answer, schemas, "GraphAPIError")
    known = {each for entry in shared_wire("error_codes.from-pywa.json") for each in entry["codes"]}
    # That library's table lacks 133010, "Account not registered", which Meta's has.
    assert {code for code in REFUSALS if code > 100_000} <= known | {133010}


async def play_everything(rig: Rig, maya: Phone) -> None:
    """Each kind of message that a phone can make."""
    wamid = await rig.text(maya)
    maya.react(wamid, "👍")
    maya.say("Quoted", reply_to=wamid)
    maya.say("From an ad", referral={"source_url": "https://fb.me/x", "source_id": "1", "source_type": "ad"})
    for kind, mime in _MIME.items():
        maya.send_media(PNG, mime, kind, name="a", caption="" if kind in ("audio", "sticker") else "c")
    maya.location(52.5, 13.4, "Home", "A street")
    maya.contact("Lucía Gómez", "+1 983 555 2319")
    maya.order([{"product_retailer_id": "a", "quantity": 2, "item_price": 30, "currency": "USD"}])
    maya.send_unsupported()
    choice = {"type": "reply", "reply": {"id": "y", "title": "Yes"}}
    interactive = {"type": "button", "body": {"text": "?"}, "action": {"buttons": [choice]}}
    await rig.send(maya, "interactive", interactive=interactive)
    maya.tap(maya.chat[-1], 0)
    words = [{"type": "text", "text": "a"}]
    template = {
        "name": "still_there",
        "language": {"code": "en_US"},
        "components": [{"type": "body", "parameters": words}],
    }
    await rig.send(maya, "template", template=template)
    maya.tap(maya.chat[-1], "Yes")
    maya.read()
    await rig.text("15005550000")
    maya.change_number("12195555358")


def _sample_messages() -> dict[str, list[Any]]:
    """Published messages by their type."""
    bodies = list(shared_wire("meta_examples.json")["POST /whatsapp/webhooks"]["request"].values())
    others = shared_wire("webhooks_and_messages.bindambc.json")
    bodies += [body for name, body in others.items() if name.startswith("deserialization/")]
    samples: dict[str, list[Any]] = {}
    for body in bodies:
        for entry in body["entry"]:
            for change in entry["changes"]:
                for message in change["value"].get("messages", []):
                    samples.setdefault(message["type"], []).append(message)
    return samples


# What Meta documents, and the samples at hand happen not to show.
_ALSO = {".text.body", ".document.caption", ".context.id", ".context.from", ".context"}


def unknown_keys(ours: Any, samples: list[Any], path: str = "") -> set[str]:
    """Keys that no sample of this type has, by path."""
    if isinstance(ours, list):
        inner = [each for sample in samples if isinstance(sample, list) for each in sample]
        return {key for each in ours for key in unknown_keys(each, inner, path + "[]")}
    if not isinstance(ours, dict):
        return set()
    inner = [each for each in samples if isinstance(each, dict)]
    found = set()
    for key, value in ours.items():
        here = [each[key] for each in inner if key in each]
        if not here and f"{path}.{key}" not in _ALSO:
            found.add(f"{path}.{key}")
        elif here:
            found |= unknown_keys(value, here, f"{path}.{key}")
    return found


def _check(value: Any, schemas: dict[str, Any], name: str, loose: tuple[str, ...] = ()) -> None:
    """By the published schema. `loose` schemas are not looked into: Meta's own samples do not fit them."""
    known = {each: ({} if each in loose else schema) for each, schema in schemas.items()}
    root = {"$ref": f"#/components/schemas/{name}", "components": {"schemas": known}}
    jsonschema.Draft202012Validator(root).validate(value)


def _with_links(template: Mapping[str, Any], link: str) -> dict[str, Any]:
    parts = []
    for part in template.get("components", []):
        parameters = [
            {**each, "image": {"link": link}} if each.get("type") == "image" else each
            for each in part["parameters"]
        ]
        parts.append({**part, "parameters": parameters})
    return {**template, **({"components": parts} if parts else {})}


def _is_system(value: Mapping[str, Any]) -> bool:
    return any(message["type"] == "system" for message in value.get("messages", []))


@pytest.mark.parametrize("version", ["v22.0", "v23.0", "v24.0"])
async def test_any_version_is_answered(rig: Rig, version: str) -> None:
    url = str(rig.server.make_url(f"/graph/{version}/106540352242922"))
    async with rig.session.get(url, headers={"Authorization": f"Bearer {rig.stand_in.token}"}) as answer:
        assert answer.status == 200
