"""Further workspaces on the wire: OAuth, Slack Connect, the assistant's pane, and what is kept of them."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from aiohttp import ClientSession, encode_basic_auth, web
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.core.errors import CommandError
from connectors.sandbox.control.slack import Guest, SlackControl
from connectors.sandbox.slack import Client, Enterprise, SlackStandIn, Upload, User

from .conftest import APP_TOKEN, BOT_TOKEN, SECRET, HandClock, Server

ACME = "T0ACME"
BACK = "https://desk.example/slack/oauth"
ASKED = {"client_id": "1.2", "scope": "chat:write", "redirect_uri": BACK, "state": "s"}


@dataclass
class Slack:
    standin: SlackStandIn
    url: str
    clock: HandClock
    events: list[dict[str, Any]]

    def client(self, token: str) -> AsyncWebClient:
        return AsyncWebClient(token=token, base_url=f"{self.url}/api/")

    async def access(self, *, right: bool = True, **arguments: str) -> dict[str, Any]:
        headers = {"Authorization": encode_basic_auth("1.2", "client-secret" if right else "wrong")}
        url = f"{self.url}/api/oauth.v2.access"
        async with ClientSession() as session, session.post(url, data=arguments, headers=headers) as answer:
            found: dict[str, Any] = await answer.json()
            return found

    async def allowed(self, **query: str) -> tuple[int, str]:
        url = f"{self.url}/oauth/v2/allow"
        async with (
            ClientSession() as session,
            session.get(url, params={**ASKED, **query}, allow_redirects=False) as answer,
        ):
            return answer.status, answer.headers.get("Location", await answer.text())

    async def code(self, team: str = ACME) -> str:
        status, location = await self.allowed(team=team)
        assert status == 302
        assert location.startswith(f"{BACK}?")
        query = dict(parse_qsl(urlsplit(location).query))
        assert query["state"] == "s"
        return query["code"]

    async def installed(self, team: str = ACME) -> dict[str, Any]:
        answer = await self.access(code=await self.code(team), redirect_uri=BACK)
        assert answer["ok"], answer
        return answer


@pytest.fixture
async def slack() -> AsyncIterator[Slack]:
    clock, events = HandClock(), []
    standin = SlackStandIn(
        bot_token=BOT_TOKEN,
        app_token=APP_TOKEN,
        signing_secret=SECRET,
        clock=clock,
        client=Client("1.2", "client-secret", rotates=True),
    )
    standin.add_user("ana", user_id="U0ANA")
    standin.workspace(ACME, "Acme").add_user("zoe", user_id="U0ZOE")

    async def note(request: web.Request) -> web.Response:
        events.append(await request.json())
        return web.Response()

    app = web.Application()
    app.add_subapp("/slack", standin.app())
    app.router.add_post("/events", note)
    server = Server(app)
    url = await server.start()
    standin.configure_http(events_url=f"{url}/events", interactions_url="", commands_url="")
    yield Slack(standin, f"{url}/slack", clock, events)
    await server.stop()


async def test_the_page_offers_every_workspace_and_refuses_another_app(slack: Slack) -> None:
    page = f"{slack.url}/oauth/v2/authorize"
    async with ClientSession() as session:
        async with session.get(page, params=ASKED) as answer:
            text = await answer.text()
            assert ("Allow for Acme" in text, "Allow for Sandbox" in text) == (True, True)
        for wrong in ({"client_id": "x"}, {"scope": ""}, {"redirect_uri": "javascript:alert(1)"}):
            async with session.get(page, params={**ASKED, **wrong}) as answer:
                assert answer.status == 400
    assert await slack.allowed(team="T0NONE") == (400, "invalid_team")


async def test_a_code_is_a_token_once_and_for_the_right_app(slack: Slack) -> None:
    code = await slack.code()
    assert (await slack.access(right=False, code=code))["error"] == "bad_client_secret"
    assert (await slack.access(code=code, redirect_uri="https://evil.example"))["error"] == "bad_redirect_uri"
    answer = await slack.access(code=code, redirect_uri=BACK)
    assert (answer["team"], answer["token_type"]) == ({"id": ACME, "name": "Acme"}, "bot")
    assert (await slack.access(code=code, redirect_uri=BACK))["error"] == "code_already_used"
    assert (await slack.access(code="x"))["error"] == "invalid_code"
    late = await slack.code()
    slack.clock.push(700)
    assert (await slack.access(code=late))["error"] == "invalid_code"
    test = await slack.client(answer["access_token"]).auth_test()
    assert (test["team_id"], test["user_id"]) == (ACME, answer["bot_user_id"])


async def test_a_token_expires_and_is_refreshed_once(slack: Slack) -> None:
    answer = await slack.installed()
    slack.clock.push(answer["expires_in"])
    with pytest.raises(SlackApiError, match="token_expired"):
        await slack.client(answer["access_token"]).auth_test()
    fresh = await slack.access(grant_type="refresh_token", refresh_token=answer["refresh_token"])
    assert (await slack.client(fresh["access_token"]).auth_test())["team_id"] == ACME
    again = await slack.access(grant_type="refresh_token", refresh_token=answer["refresh_token"])
    assert again["error"] == "invalid_refresh_token"


async def test_an_organization_is_named_in_the_token_the_events_and_the_people(slack: Slack) -> None:
    acme = slack.standin.workspace(ACME)
    acme.belong_to(Enterprise("E0ACME", "Acme Group"))
    answer = await slack.installed()
    whole = {"id": "E0ACME", "name": "Acme Group"}
    assert (answer["team"], answer["enterprise"], answer["is_enterprise_install"]) == (None, whole, True)
    client = slack.client(answer["access_token"])
    assert (await client.auth_test())["enterprise_id"] == "E0ACME"
    user = (await client.users_info(user="U0ZOE"))["user"]
    assert user["enterprise_user"]["enterprise_id"] == "E0ACME"
    acme.say("zoe", acme.open_direct("zoe").id, "hello")
    await slack.standin.settled()
    (grant,) = slack.events[-1]["authorizations"]
    assert (grant["enterprise_id"], grant["is_enterprise_install"]) == ("E0ACME", True)


async def test_an_app_that_is_not_listed_looks_back_once_a_minute_and_not_far(slack: Slack) -> None:
    slack.standin.installs.client = replace(slack.standin.installs.client, listed=False)
    client, direct = slack.client(BOT_TOKEN), slack.standin.open_direct("ana").id
    for number in range(20):
        slack.standin.say("ana", direct, str(number))
    found = await client.conversations_history(channel=direct, limit=200)
    assert (len(found["messages"]), found["has_more"]) == (15, True)
    cursor = found["response_metadata"]["next_cursor"]
    with pytest.raises(SlackApiError, match="ratelimited"):
        await client.conversations_history(channel=direct, cursor=cursor)
    slack.clock.push(60)
    found = await client.conversations_history(channel=direct, cursor=cursor)
    assert (len(found["messages"]), found["has_more"]) == (5, False)


async def test_questions_stand_in_direct_messages_without_a_pane(slack: Slack) -> None:
    direct = slack.standin.open_direct("ana").id
    prompts = [{"title": "a", "message": "b"}]
    await slack.client(BOT_TOKEN).assistant_threads_setSuggestedPrompts(channel_id=direct, prompts=prompts)
    assert slack.standin.pane(direct, "") == {"prompts": prompts}


async def test_a_workspace_without_the_app_tells_it_nothing_and_uninstalling_is_told(slack: Slack) -> None:
    acme = slack.standin.workspace(ACME)
    direct = acme.open_direct("zoe").id
    acme.say("zoe", direct, "too early")
    await slack.standin.settled()
    assert slack.events == []
    token = (await slack.installed())["access_token"]
    acme.say("zoe", direct, "hello")
    await slack.standin.settled()
    (event,) = slack.events
    assert (event["team_id"], event["authorizations"][0]["team_id"]) == (ACME, ACME)
    slack.standin.uninstall(ACME)
    acme.say("zoe", direct, "too late")
    await slack.standin.settled()
    assert {each["event"]["type"] for each in slack.events[1:]} == {"tokens_revoked", "app_uninstalled"}
    with pytest.raises(SlackApiError, match="account_inactive"):
        await slack.client(token).auth_test()


async def test_people_of_another_workspace_in_a_shared_channel_are_known_as_such(slack: Slack) -> None:
    standin, client = slack.standin, slack.client(BOT_TOKEN)
    ada = User(id="U0ADA", name="ada", team_id=ACME)
    channel = standin.connect_channel("acme", [ada], ["ana"])
    standin.post_as("U0ADA", "acme", "see", files=[Upload("a.txt", b"abc")])
    standin.say("ana", "acme", "hi")
    await standin.settled()
    theirs, ours = [each for each in slack.events if each["event"]["type"] == "message"]
    assert theirs["is_ext_shared_channel"] is True
    assert (theirs["event"]["user_team"], theirs["event"]["source_team"]) == (ACME, ACME)
    (file,) = theirs["event"]["files"]
    assert (file["file_access"], "url_private" in file) == ("check_file_info", False)
    assert (await client.files_info(file=file["id"]))["file"]["name"] == "a.txt"
    assert "user_team" not in ours["event"]
    user = (await client.users_info(user="U0ADA"))["user"]
    assert (user["team_id"], user["is_stranger"]) == (ACME, True)
    info = (await client.conversations_info(channel=channel.id))["channel"]
    assert (info["is_ext_shared"], info["shared_team_ids"]) == (True, ["T0SANDBOX", ACME])


async def test_the_pane_takes_questions_a_title_and_a_status(slack: Slack) -> None:
    client = slack.client(BOT_TOKEN)
    direct, thread = slack.standin.open_pane("ana")
    pane = {"channel_id": direct, "thread_ts": thread}
    await client.assistant_threads_setStatus(**pane, status="is thinking…")
    await client.assistant_threads_setTitle(**pane, title="Invoices")
    prompts = [{"title": "a", "message": "b"}]
    await client.assistant_threads_setSuggestedPrompts(**pane, prompts=prompts)
    shown = slack.standin.pane(direct, thread)
    assert shown == {"status": "is thinking…", "title": "Invoices", "prompts": prompts}
    with pytest.raises(SlackApiError, match="invalid_arguments"):
        await client.assistant_threads_setSuggestedPrompts(**pane, prompts=prompts * 5)
    plain = slack.standin.say("ana", direct, "no pane")
    with pytest.raises(SlackApiError, match="method_not_supported"):
        await client.assistant_threads_setTitle(channel_id=direct, thread_ts=plain, title="x")
    await client.assistant_threads_setStatus(channel_id=direct, thread_ts=plain, status="x")
    with pytest.raises(SlackApiError, match="thread_not_found"):
        await client.assistant_threads_setStatus(channel_id=direct, thread_ts="1.000100", status="x")


async def test_a_stream_grows_until_it_is_stopped(slack: Slack) -> None:
    client = slack.client(BOT_TOKEN)
    direct, thread = slack.standin.open_pane("ana")
    begun = await client.chat_startStream(channel=direct, thread_ts=thread, markdown_text="a")
    here = {"channel": direct, "ts": begun["ts"]}
    await client.chat_appendStream(**here, markdown_text="b")
    with pytest.raises(SlackApiError, match="msg_too_long"):
        await client.chat_appendStream(**here, markdown_text="x" * 12_001)
    await client.chat_stopStream(**here, metadata={"event_type": "t", "event_payload": {"delivery_id": "d"}})
    assert slack.standin.messages(direct, thread)[-1]["text"] == "ab"
    for late in (client.chat_appendStream(**here, markdown_text="c"), client.chat_stopStream(**here)):
        with pytest.raises(SlackApiError, match="message_not_in_streaming_state"):
            await late


async def test_the_state_of_further_workspaces_is_restored(slack: Slack) -> None:
    slack.standin.installs.grant("xoxb-for-ever", ACME)
    direct, thread = slack.standin.workspace(ACME).open_pane("zoe")
    kept = json.loads(json.dumps(slack.standin.snapshot()))
    other = SlackStandIn(bot_token=BOT_TOKEN, app_token=APP_TOKEN, signing_secret=SECRET)
    other.restore(kept)
    assert other.teams() == ["T0SANDBOX", ACME]
    assert len(other.workspace(ACME).messages(direct, thread)) == 1
    assert other.installs.installed(ACME)


async def test_the_page_plays_other_workspaces_by_naming_them(slack: Slack) -> None:
    control = SlackControl(slack.standin, lambda *_: None)
    control.add_workspace("T0NEW", "New")
    control.add_user("kim", team="T0NEW")
    opened = control.open_pane("kim", team="T0NEW")
    assert isinstance(opened, dict)
    control.post("kim", text="hi", team="T0NEW", **opened)
    shown = control.messages("kim", team="T0NEW", **opened)
    assert isinstance(shown, dict)
    assert [message["text"] for message in shown["messages"]][-1] == "hi"
    assert control.pane(team="T0NEW", **opened) == {}
    control.connect_channel("new", [Guest(id="U0ADA", name="ada", team="T0NEW")], ["ana"])
    control.post("U0ADA", "new", "hello")
    control.uninstall("T0NEW")
    with pytest.raises(CommandError, match="no workspace"):
        control.workspace("T0NONE")


async def test_a_file_of_one_workspace_is_not_another_ones(slack: Slack) -> None:
    token = (await slack.installed())["access_token"]
    slack.standin.add_channel("here", members=["ana"])
    slack.standin.post_as("ana", "here", "", files=[Upload("a.txt", b"abc")])
    (file,) = slack.standin.messages("here")[-1]["files"]
    async with ClientSession() as session:
        for bearer, status in ((BOT_TOKEN, 200), (token, 404), ("xoxb-none", 302)):
            headers = {"Authorization": f"Bearer {bearer}"}
            url = f"{slack.url}/files/{file['id']}/a.txt"
            async with session.get(url, headers=headers, allow_redirects=False) as answer:
                assert answer.status == status
