"""Answers against Slack's own descriptions, and what every call has in common."""

from typing import Any

import jsonschema
import pytest
from aiohttp import ClientSession
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from connectors.sandbox.slack.files import Upload

from .conftest import APP_TOKEN, BOT_TOKEN, Sandbox
from .shared_wire import read, response_schema, unknown_keys

MODAL = {
    "type": "modal",
    "title": {"type": "plain_text", "text": "Title"},
    "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "Hi"}}],
}
HOME = {"type": "home", "blocks": MODAL["blocks"]}


async def answers(sandbox: Sandbox) -> dict[str, dict[str, Any]]:
    """One good answer of every method, by name."""
    slack, client, channel = sandbox.slack, sandbox.client, sandbox.support
    ts = slack.post_as("ana", "support", "hello")
    slack.post_as("ben", "support", "reply", thread_ts=ts)
    slack.react_as("ben", "support", ts, "wave")
    sent = await client.chat_postMessage(channel=channel, text="x", blocks=MODAL["blocks"], thread_ts=ts)
    ours = sent["ts"]
    upload = await client.files_getUploadURLExternal(filename="a.txt", length=3)
    async with ClientSession() as session, session.post(upload["upload_url"], data=b"abc") as uploaded:
        assert uploaded.status == 200
    trigger = slack.trigger("U0ANA")
    view = await client.views_open(trigger_id=trigger, view=MODAL)
    pushing = slack.trigger("U0ANA", view["view"]["id"])
    done = {
        "files.getUploadURLExternal": upload,
        "views.open": view,
        "chat.postMessage": sent,
        "views.update": await client.views_update(view_id=view["view"]["id"], view=MODAL),
        "views.push": await client.views_push(trigger_id=pushing, view=MODAL),
        "views.publish": await client.views_publish(user_id="U0ANA", view=HOME),
        "api.test": await client.api_test(),
        "auth.test": await client.auth_test(),
        "apps.connections.open": await client.apps_connections_open(app_token=APP_TOKEN),
        "chat.update": await client.chat_update(channel=channel, ts=ours, text="y"),
        "chat.postEphemeral": await client.chat_postEphemeral(channel=channel, user="U0ANA", text="x"),
        "chat.getPermalink": await client.chat_getPermalink(channel=channel, message_ts=ours),
        "conversations.list": await client.conversations_list(types="public_channel,private_channel,im"),
        "conversations.info": await client.conversations_info(channel=channel),
        "conversations.members": await client.conversations_members(channel=channel),
        "conversations.history": await client.conversations_history(channel=channel),
        "conversations.replies": await client.conversations_replies(channel=channel, ts=ts),
        "conversations.open": await client.conversations_open(users="U0ANA"),
        "conversations.join": await client.conversations_join(channel=sandbox.random),
        "conversations.create": await client.conversations_create(name="new-one"),
        "conversations.invite": await client.conversations_invite(channel=sandbox.random, users="U0BEN"),
        "reactions.add": await client.reactions_add(channel=channel, timestamp=ts, name="eyes"),
        "reactions.get": await client.reactions_get(channel=channel, timestamp=ts),
        "reactions.remove": await client.reactions_remove(channel=channel, timestamp=ts, name="eyes"),
        "users.info": await client.users_info(user="U0ANA"),
        "users.list": await client.users_list(),
        "users.lookupByEmail": await client.users_lookupByEmail(email="ana@example.com"),
        "team.info": await client.team_info(),
        "bots.info": await client.bots_info(bot="B0SANDBOX"),
        "files.completeUploadExternal": await client.files_completeUploadExternal(
            files=[{"id": upload["file_id"], "title": "A"}], channel_id=channel, initial_comment="here"
        ),
        "files.info": await client.files_info(file=upload["file_id"]),
        "files.delete": await client.files_delete(file=upload["file_id"]),
        "chat.delete": await client.chat_delete(channel=channel, ts=ours),
    }
    return {method: answer.data for method, answer in done.items()}


# Places where the description contradicts itself and Slack: blocks are a list everywhere else.
_SLIPS = {"chat.update $.message.blocks"}


async def test_every_answer_has_the_shape_slack_describes(sandbox: Sandbox) -> None:
    openapi = read("slack_web_openapi_v2.excerpt.json")
    described = {
        method: answer
        for method, answer in (await answers(sandbox)).items()
        if f"/{method}" in openapi["paths"]
    }
    assert len(described) >= 28
    complaints = [
        f"{method} {error.json_path}: {error.message}"
        for method, answer in described.items()
        for error in jsonschema.Draft4Validator(response_schema(openapi, method)).iter_errors(answer)
        if f"{method} {error.json_path}" not in _SLIPS
    ]
    assert complaints == []


# Sent by Slack, and not in the blanked samples of its Java SDK.
_NOT_SAMPLED = {
    "chat.postMessage.message.parent_user_id",
    "files.info.file.shares.private.C000000001",  # the id of the channel
    "users.info.user.profile.fields",
    "users.list.members[].profile.fields",
    "users.lookupByEmail.user.profile.fields",
}


async def test_no_answer_has_a_key_that_slacks_own_samples_lack(sandbox: Sandbox) -> None:
    samples = read("java-sdk-samples/web_api_responses.json")
    compared = 0
    unknown: set[str] = set()
    for method, answer in (await answers(sandbox)).items():
        if method in samples:
            compared += 1
            unknown |= unknown_keys(answer, samples[method], method)
    assert compared >= 20
    assert unknown - _NOT_SAMPLED == set()


async def test_an_unknown_method_is_called_that(sandbox: Sandbox) -> None:
    with pytest.raises(SlackApiError) as caught:
        await sandbox.client.api_call("chat.sing")
    assert caught.value.response["error"] == "unknown_method"


@pytest.mark.parametrize(
    ("method", "token", "code"),
    [
        ("auth.test", "", "not_authed"),
        ("auth.test", "xoxb-stolen", "invalid_auth"),
        ("auth.test", APP_TOKEN, "not_allowed_token_type"),
        ("apps.connections.open", BOT_TOKEN, "not_allowed_token_type"),
    ],
)
async def test_a_token_that_does_not_fit_is_refused(
    sandbox: Sandbox, method: str, token: str, code: str
) -> None:
    with pytest.raises(SlackApiError) as caught:
        await AsyncWebClient(token=token, base_url=sandbox.client.base_url).api_call(method)
    assert caught.value.response["error"] == code


@pytest.mark.parametrize(
    ("body", "content_type", "code"),
    [
        (b"{", "application/json", "invalid_json"),
        (b"[]", "application/json", "json_not_object"),
        (b"\xff\xfe=1", "application/x-www-form-urlencoded", "invalid_charset"),
        (b"<a/>", "application/xml", "invalid_post_type"),
    ],
)
async def test_a_body_slack_cannot_read_is_refused_in_its_words(
    sandbox: Sandbox, body: bytes, content_type: str, code: str
) -> None:
    headers = {"Content-Type": content_type, "Authorization": f"Bearer {BOT_TOKEN}"}
    url = f"{sandbox.url}/api/auth.test"
    async with ClientSession() as session, session.post(url, data=body, headers=headers) as response:
        assert (response.status, await response.json()) == (200, {"ok": False, "error": code})


@pytest.mark.parametrize("how", ["query", "form", "json"])
async def test_arguments_are_read_from_query_form_and_json_alike(sandbox: Sandbox, how: str) -> None:
    arguments = {"channel": sandbox.support, "text": "Grüße"}
    headers = {"Authorization": f"Bearer {BOT_TOKEN}"}
    sent = {{"query": "params", "form": "data", "json": "json"}[how]: arguments}
    url = f"{sandbox.url}/api/chat.postMessage"
    async with ClientSession() as session, session.post(url, headers=headers, **sent) as response:
        assert (await response.json())["message"]["text"] == "Grüße"


async def test_a_private_channel_without_the_app_does_not_exist_for_it(sandbox: Sandbox) -> None:
    sandbox.slack.add_channel("board", private=True, members=["ana"], with_app=False, channel_id="C0BOARD")
    with pytest.raises(SlackApiError) as caught:
        await sandbox.client.conversations_info(channel="C0BOARD")
    assert caught.value.response["error"] == "channel_not_found"
    listed = await sandbox.client.conversations_list(types="private_channel")
    assert [channel["name"] for channel in listed["channels"]] == ["support"]


async def test_a_file_goes_up_and_comes_down_with_the_token_alone(sandbox: Sandbox) -> None:
    sent = await sandbox.client.files_upload_v2(
        filename="note.txt", content="as said", title="Note", channel=sandbox.support, initial_comment="see"
    )
    (shown,) = sandbox.slack.messages("support")
    assert (shown["subtype"], shown["files"][0]["title"]) == ("file_share", "Note")
    url = sent["file"]["url_private"]
    headers = {"Authorization": f"Bearer {BOT_TOKEN}"}
    async with ClientSession() as session:
        async with session.get(url, headers=headers) as response:
            assert (response.content_type, await response.read()) == ("text/plain", b"as said")
        async with session.get(url) as response:
            assert response.content_type == "text/html"


@pytest.mark.parametrize("name", ["2026/11 invoice.pdf", "a?b#c%2F.txt", "../../x.txt", "ü 1.txt"])
async def test_a_file_is_served_whatever_signs_its_name_has(sandbox: Sandbox, name: str) -> None:
    sandbox.slack.post_as("ana", "support", "look", files=[Upload(name, b"as it is")])
    history = await sandbox.client.conversations_history(channel=sandbox.support)
    [file] = history["messages"][0]["files"]
    headers = {"Authorization": f"Bearer {BOT_TOKEN}"}
    async with ClientSession() as session, session.get(file["url_private"], headers=headers) as response:
        assert (response.status, await response.read()) == (200, b"as it is")
    assert file["name"] == name


async def test_an_upload_of_another_length_than_announced_is_refused(sandbox: Sandbox) -> None:
    upload = await sandbox.client.files_getUploadURLExternal(filename="a.txt", length=3)
    async with ClientSession() as session, session.post(upload["upload_url"], data=b"abcd") as response:
        assert response.status == 400
    with pytest.raises(SlackApiError) as caught:
        await sandbox.client.files_info(file=upload["file_id"])
    assert caught.value.response["error"] == "file_not_found"
