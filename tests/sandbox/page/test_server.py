"""The sandbox as a server: the control API, the live feed, who may use them, and what is kept."""

import asyncio
import json
import logging
import sys
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from connectors.sandbox.people import SHARED_CHANNEL, TEAM
from connectors.sandbox.server import Sandbox
from connectors.sandbox.staff import NIGHT_WATCH
from tests.sandbox.page.conftest import Stage
from tests.story.rig import until

ROOT = Path(__file__).resolve().parents[3]


async def test_the_page_allows_nothing_from_outside(stage: Stage) -> None:
    async with stage.client.get(stage.url) as response:
        assert response.status == 200
        assert response.headers["Content-Security-Policy"].startswith("default-src 'self'")
        words = await response.text()
    assert "http://" not in words
    assert "https://" not in words
    async with stage.client.get(f"{stage.url}/page/..%2Fserver.py") as response:
        assert response.status == 404


async def test_people_can_be_played_over_http(stage: Stage) -> None:
    async with stage.client.post(
        f"{stage.url}/api/telegram/say", json={"user": "Maya Fischer", "text": "hi"}
    ) as said:
        assert (await said.json())["text"] == "hi"
    async with stage.client.get(f"{stage.url}/api/telegram/chat", params={"user": "Maya Fischer"}) as chat:
        assert [each["text"] for each in (await chat.json())["messages"]] == ["hi"]
    post = {"user": "hugo", "channel": "billing-team", "text": "hello"}
    async with stage.client.post(f"{stage.url}/api/slack/post", json=post) as posted:
        assert posted.status == 200
    where = {"user": "hugo", "channel": stage.sandbox.slack.channels()[0]["id"]}
    async with stage.client.get(f"{stage.url}/api/slack/messages", params=where) as shown:
        assert shown.status == 200


@pytest.mark.parametrize(
    ("name", "body", "problem"),
    [
        ("telegram/say", {"user": "Nobody", "text": "x"}, "Nobody"),
        ("telegram/say", {"user": "Maya Fischer"}, "'text' is missing"),
        ("telegram/say", {"user": "Maya Fischer", "text": 5}, "'text' is wrong"),
        ("telegram/say", {"user": "Maya Fischer", "text": "x", "loud": True}, "takes no 'loud'"),
        ("slack/post", {"user": "hugo", "channel": "c", "text": "", "files": [{}]}, "'files' is wrong"),
        ("telegram/edit", {"user": "Maya Fischer", "message_id": 9, "text": "x"}, "no message 9"),
        ("telegram/send_media", {"user": "Maya Fischer", "kind": "photo", "content": "%"}, "base64"),
        ("slack/post", {"user": "hugo", "channel": "supervisors", "text": "x"}, "not_in_channel"),
        ("faults/add", {"platform": "fax", "kind": "delay"}, "fax"),
        ("faults/add", {"platform": "slack", "kind": "flood"}, "'kind'"),
        ("whatsapp/say", {"user": "1", "text": "x"}, "Nobody on WhatsApp"),
        ("whatsapp/tap", {"user": "Maya Fischer", "message_id": "1", "button": None}, "'button'"),
        ("messenger/say", {"user": "Maya Fischer", "text": ""}, "needs some text"),
        ("email/write", {"user": "Maya Fischer", "text": "x", "program": "pine"}, "'program'"),
        ("email/reply", {"user": "Maya Fischer", "text": "x", "message_id": "<1@x>"}, "no such mail"),
        ("slack-customers/post", {"user": "u", "channel": "c", "text": "x", "team": "T1"}, "no workspace"),
        ("faults/switch_trouble", {"platform": "slack", "kind": "batches"}, "'platform'"),
        ("clock/move", {"seconds": -1}, "forward only"),
        ("customers/add", {"name": " "}, "1 to 60"),
    ],
)
async def test_a_command_that_cannot_be_done_is_refused_in_a_sentence(
    stage: Stage, name: str, body: dict[str, object], problem: str
) -> None:
    async with stage.client.post(f"{stage.url}/api/{name}", json=body) as response:
        assert response.status == 400
        assert problem in (await response.json())["error"]


async def test_an_unknown_call_is_refused_with_its_name(stage: Stage) -> None:
    for name in ("telegram/shout", "telegram/chat", "fax/say", "telegram/_user"):
        async with stage.client.post(f"{stage.url}/api/{name}", json={}) as response:
            assert response.status == 404
            assert name in (await response.json())["error"]


@pytest.mark.parametrize("body", ["{", "[]", '"x"', "[1]"])
async def test_a_call_takes_nothing_but_a_json_object(stage: Stage, body: str) -> None:
    headers = {"Content-Type": "application/json"}
    async with stage.client.post(f"{stage.url}/api/clock/move", data=body, headers=headers) as response:
        assert response.status == 400
        assert "JSON" in (await response.json())["error"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://elsewhere.example", "Content-Type": "application/json"}, 403),
        ({"Host": "rebound.example", "Content-Type": "application/json"}, 403),
        ({"Content-Type": "text/plain"}, 415),
    ],
)
async def test_other_sites_in_the_browser_cannot_use_the_control_api(
    stage: Stage, headers: dict[str, str], status: int
) -> None:
    body = json.dumps({"user": "Maya Fischer", "text": "hi"})
    async with stage.client.post(f"{stage.url}/api/telegram/say", data=body, headers=headers) as response:
        assert response.status == status
    assert stage.sandbox.telegram.chat(stage.sandbox.telegram.user("Maya Fischer")) == []


async def test_changes_are_told_to_every_listener(stage: Stage) -> None:
    async with stage.client.ws_connect(f"{stage.url}/live") as socket:
        assert await socket.receive_json(timeout=60) == [{"platform": "hello"}]
        maya = stage.sandbox.telegram.user("Maya Fischer")
        stage.sandbox.telegram.say(maya, "hi")
        assert await socket.receive_json(timeout=60) == [{"platform": "telegram", "user": maya.id}]
        stage.sandbox.slack.post_as("hugo", "billing-team", "hi")
        news = await socket.receive_json(timeout=60)
        assert news[0]["platform"] == "slack"
        assert news[0]["type"] == "message_posted"


async def test_uploaded_pages_are_never_shown_as_pages(stage: Stage) -> None:
    maya = stage.sandbox.telegram.user("Maya Fischer")
    sent = stage.sandbox.telegram.send_media(
        maya, "document", b"<script>", name="x.html", mime_type="text/html"
    )
    async with stage.client.get(f"{stage.url}/api/telegram/file/{sent.file_id}") as response:
        assert response.headers["Content-Disposition"] == "attachment"
        assert response.content_type == "application/octet-stream"
        assert await response.read() == b"<script>"


async def _serve_once(state: Path) -> Sandbox:
    sandbox = Sandbox(state_file=state)
    root = web.Application()
    root.add_subapp("/sandbox", sandbox.app())
    async with TestServer(root):
        sandbox.telegram.say(sandbox.telegram.user("Kim Lee"), "remember me")
        sandbox.slack.post_as("hugo", "billing-team", "me too")
    return sandbox


async def test_the_state_outlives_the_process(tmp_path: Path) -> None:
    state = tmp_path / "folder" / "sandbox.json"
    await _serve_once(state)
    again = Sandbox(state_file=state)
    assert [each.text for each in again.telegram.chat(again.telegram.user("Kim Lee"))] == ["remember me"]
    assert [each["text"] for each in again.slack.messages("billing-team")] == ["me too"]


async def test_every_side_is_in_the_state(tmp_path: Path) -> None:
    state = tmp_path / "sandbox.json"
    sandbox = Sandbox(state_file=state)
    root = web.Application()
    root.add_subapp("/sandbox", sandbox.app())
    async with TestServer(root):
        maya = sandbox.customer("Maya Fischer")
        phone = sandbox.whatsapp.phone(maya["whatsapp"])
        assert phone is not None
        phone.say("on WhatsApp")
        sandbox.messenger.customer("Maya Fischer").say("on Messenger")
        await sandbox.mail.customer(maya["email"]).write("Hello", "by mail", to="support@brightdesk.example")
        sandbox.slack_customers.say(maya["slack"], SHARED_CHANNEL, "in Slack")
        group = sandbox.telegram_staff.group(NIGHT_WATCH)
        group.say(group.members()[0], "on Telegram")
        sandbox.clock.move(timedelta(hours=1))
    again = Sandbox(state_file=state)
    assert again.customer("Maya Fischer") == maya
    assert [each.text for each in again.whatsapp.phones()[0].chat] == ["on WhatsApp"]
    assert [each.text for each in again.messenger.phones()[0].chat] == ["on Messenger"]
    assert [each.subject for each in again.mail.customers[0].sent] == ["Hello"]
    assert [each["text"] for each in again.slack_customers.messages(SHARED_CHANNEL)] == ["in Slack"]
    assert [each.text for each in again.telegram_staff.group(NIGHT_WATCH).messages(0)] == ["on Telegram"]
    assert again.clock.moved == timedelta(hours=1)


async def test_the_state_is_written_as_soon_as_it_can_be_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    state = tmp_path / "folder" / "sandbox.json"
    sandbox = Sandbox(state_file=state, calm=timedelta(milliseconds=1))
    state.parent.write_text("where the folder should be: nothing can be written there")
    root = web.Application()
    root.add_subapp("/sandbox", sandbox.app())
    async with TestServer(root):
        sandbox.telegram.say(sandbox.telegram.user("Kim Lee"), "remember me")
        await until(lambda: "cannot be written" in caplog.text, what="a warning")
        state.parent.unlink()
        await until(state.exists, what="the state")
        assert "remember me" in state.read_text()
    assert caplog.text.count("cannot be written") == 1


async def test_a_state_that_cannot_be_written_at_the_end_ends_in_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    state = tmp_path / "folder" / "sandbox.json"
    sandbox = Sandbox(state_file=state)
    state.parent.write_text("where the folder should be: nothing can be written there")
    root = web.Application()
    root.add_subapp("/sandbox", sandbox.app())
    async with TestServer(root):
        pass
    assert "cannot be written" in caplog.text


async def test_no_id_is_used_twice_although_the_state_is_older_than_what_was_said(tmp_path: Path) -> None:
    state = tmp_path / "sandbox.json"
    await _serve_once(state)
    told = []
    for later in (1, 2):
        sandbox = Sandbox(state_file=state, clock=partial(_later, timedelta(seconds=later)))
        said = sandbox.telegram.say(sandbox.telegram.user("Kim Lee"), "again")
        updates = sandbox.snapshot()["stand_ins"]["telegram"]["updates"]["pending"]  # type: ignore[index]
        told.append((said.message_id, updates[-1]["update_id"]))
    (message, update), (next_message, next_update) = told
    assert next_message > message
    assert next_update > update


def _later(by: timedelta) -> datetime:
    return datetime.now(UTC) + by


async def test_an_event_that_slack_could_not_deliver_is_delivered_after_a_restart(tmp_path: Path) -> None:
    state = tmp_path / "sandbox.json"
    heard: list[str] = []
    status = 503

    async def app(request: web.Request) -> web.Response:
        heard.append((await request.json())["event_id"])
        return web.Response(status=status)

    ours = web.Application()
    ours.router.add_post("/events", app)
    async with TestServer(ours) as server:
        for status in (503, 200):
            sandbox = Sandbox(state_file=state)
            root = web.Application()
            root.add_subapp("/sandbox", sandbox.app())
            async with TestServer(root):
                if status == 503:
                    sandbox.configure_slack(str(server.make_url("/events")), "", "")
                    sandbox.slack.post_as("hugo", "billing-escalations", "are you there?")
                    await until(lambda: len(heard) == 2, what="a try and the first retry")
                else:
                    await sandbox.slack.settled()
    assert len(heard) == 3
    assert len(set(heard)) == 1


async def test_a_state_of_another_version_is_set_aside_with_a_sentence(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    state = tmp_path / "sandbox.json"
    sandbox = await _serve_once(state)
    state.write_text(json.dumps({**sandbox.snapshot(), "version": 2}))
    again = Sandbox(state_file=state)
    assert "another version of the sandbox wrote it" in caplog.text
    assert again.telegram.chat(again.telegram.user("Kim Lee")) == []
    assert (tmp_path / "sandbox.json.broken").exists()


async def test_each_app_and_each_bot_is_known_by_its_token(stage: Stage) -> None:
    known = stage.sandbox.credentials
    names = {}
    for token in (known.telegram_token, known.telegram_staff_token):
        async with stage.client.get(f"{stage.url}/telegram/bot{token}/getMe") as response:
            names[token] = (await response.json())["result"]["username"]
    assert list(names.values()) == [known.telegram_username, known.telegram_staff_username]
    theirs = stage.sandbox.slack_customers
    theirs.installs.grant("xoxb-harbor", TEAM)
    teams = []
    for token in (known.slack_bot_token, "xoxb-harbor"):
        headers = {"Authorization": f"Bearer {token}"}
        async with stage.client.post(f"{stage.url}/slack/api/auth.test", headers=headers) as response:
            teams.append((await response.json())["team_id"])
    assert teams == [stage.sandbox.slack.installation.team_id, TEAM]


async def test_a_mail_is_shown_as_designed_where_nothing_of_it_can_run(stage: Stage) -> None:
    maya = stage.sandbox.mail.customer("maya.fischer@harbor.example")
    to = stage.sandbox.credentials.email_address
    await maya.write("Hello", "hi", to=to, html="<script>alert(1)</script><b>hi</b>")
    base = f"{stage.url}/api/email/file/{maya.address}/sent"
    async with stage.client.get(f"{base}/0/design") as response:
        policy = response.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert policy.endswith("sandbox")
        assert "<b>hi</b>" in await response.text()
    for missing in (f"{base}/9/design", f"{base}/0/0", f"{base}/design", f"{base}s/0/design"):
        async with stage.client.get(missing) as response:
            assert response.status == 404


@pytest.mark.parametrize(
    "broken", ["{", "[]", "{}", '{"version": 3, "stand_ins": {"telegram": {}}, "slack_urls": {}}']
)
async def test_a_broken_state_file_is_set_aside_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, broken: str
) -> None:
    state = tmp_path / "sandbox.json"
    state.write_text(broken)
    with caplog.at_level(logging.WARNING):
        sandbox = Sandbox(state_file=state)
    assert "cannot be used" in caplog.text
    assert (tmp_path / "sandbox.json.broken").read_text() == broken
    assert [user.name for user in sandbox.telegram.users()] == ["Maya Fischer"]
    assert {channel["name"] for channel in sandbox.slack.channels()} >= {"general", "escalation"}


async def test_the_sandbox_runs_in_a_process_of_its_own() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "connectors.sandbox", cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        ready = json.loads(await asyncio.wait_for(process.stdout.readline(), 60))
        async with aiohttp.ClientSession() as client:
            url = f"{ready['telegram_api_url']}/bot{ready['telegram_token']}/getMe"
            async with client.get(url) as response:
                assert (await response.json())["ok"] is True
    finally:
        process.terminate()
        assert await process.wait() == 0


async def test_the_sandbox_opens_no_address_but_loopback() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "connectors.sandbox", "--host", "0.0.0.0", cwd=ROOT,  # noqa: S104
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, complaint = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 2
    assert b"not a loopback address" in complaint
