"""The stand-in held against Meta's Postman collection, and against webhooks that others recorded."""

import json
import re
from typing import Any

from connectors.sandbox.messenger import Phone
from tests.sandbox.messenger.conftest import PNG, Rig, shared_wire

# What Meta documents, and the samples at hand happen not to show.
_ALSO = {
    "message.reply_to",
    "message.reply_to.mid",
    "message.metadata",
    "message.referral",
    "postback.mid",
    "reaction",
    "message_edit",
}


async def test_every_send_example_of_metas_is_taken(rig: Rig, maya: Phone) -> None:
    collection = shared_wire("messenger-platform-api.postman_collection.json")
    maya.send_media(PNG, "image/png")
    picture = (await rig.told_of("message"))[-1]["attachments"][0]["payload"]["url"]
    _, uploaded = await rig.form("me/message_attachments", message={"attachment": {"type": "image"}})
    requests = [each for folder in collection["item"] for each in folder["item"]]
    for each in requests:
        raw = each["request"]["body"]["raw"]
        for name, value in {
            "{{page-scoped-id}}": maya.psid,
            "<PATH_TO_ASSET>": picture,
            "<ATTACHMENT_ID>": uploaded["attachment_id"],
            "<IS_REUSABLE?>": "true",
        }.items():
            raw = raw.replace(name, value)
        path = each["request"]["url"]["raw"].rsplit("/", 1)[-1]
        status, answer = await rig.call("POST", f"{rig.stand_in.page_id}/{path}", json.loads(raw))
        assert status == 200, (each["name"], answer)
        expected = set(json.loads(each["response"][0]["body"]))
        assert expected <= set(answer), each["name"]
    assert len(requests) == 7


async def test_our_webhooks_have_no_keys_that_nobody_has_seen(rig: Rig, maya: Phone) -> None:
    samples = [_snake(each) for each in shared_wire("webhook_events.bottender.json")["events"].values()]
    await play_everything(rig, maya)
    seen = set()
    for event in await rig.told():
        kind = next(key for key in event if key not in ("sender", "recipient", "timestamp"))
        seen.add(kind)
        alike = [each for each in samples if kind in each]
        unknown = _unknown(event[kind], [each[kind] for each in alike], kind)
        assert not unknown, unknown
        assert isinstance(event["timestamp"], int)
    assert seen == {"message", "postback", "delivery", "read", "reaction", "referral", "message_edit"}
    recorded = shared_wire("webhook_requests.botbuilder-community.json")["RequestResponse"]
    for body in rig.listener.bodies:
        assert body.keys() == recorded.keys()
        for entry in body["entry"]:
            assert entry.keys() == recorded["entry"][0].keys()


async def play_everything(rig: Rig, maya: Phone) -> None:
    """Each kind of event that a phone can make."""
    maya.start(ref="spring")
    maya.follow("autumn")
    maya.like()
    for mime in ("image/png", "audio/mpeg", "video/mp4", "application/pdf"):
        maya.send_media(PNG, mime)
    reply = {"content_type": "text", "title": "Yes", "payload": "y"}
    await rig.send(maya, {"text": "Well?", "quick_replies": [reply], "metadata": "m"})
    maya.choose(maya.chat[-1], 0)
    mid = await rig.text(maya)
    maya.react(mid, "👍")
    maya.edit(maya.say("Quoted", reply_to=mid), "Better")
    maya.read()


def _unknown(ours: Any, samples: list[Any], path: str) -> set[str]:
    """Keys that no sample has, by path."""
    if path in _ALSO:
        return set()
    if isinstance(ours, list):
        inner = [each for sample in samples if isinstance(sample, list) for each in sample]
        return {key for each in ours for key in _unknown(each, inner, path)}
    if not isinstance(ours, dict):
        return set() if samples else {path}
    known = [each for each in samples if isinstance(each, dict)]
    return {
        key
        for name, value in ours.items()
        for key in _unknown(value, [each[name] for each in known if name in each], f"{path}.{name}")
    }


def _snake(value: Any) -> Any:
    """Write keys in Meta's case: the library uses another one."""
    if isinstance(value, list):
        return [_snake(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {re.sub(r"(?<=[a-z])([A-Z])", r"_\1", key).lower(): _snake(each) for key, each in value.items()}
