"""Faults on the way, and what Slack does then."""

import asyncio
from datetime import timedelta

import pytest
from aiohttp import ClientError, ClientSession, WSMsgType, web
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from connectors.sandbox.fault import Fault, FaultKind
from connectors.sandbox.slack import SlackStandIn

from .app_under_test import MODAL, HttpApp, Noted, desk_app
from .conftest import APP_TOKEN, Sandbox, Server


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        (FaultKind.RATE_LIMITED, 429, "ratelimited"),
        (FaultKind.SERVER_ERROR, 500, "internal_error"),
    ],
)
async def test_a_refused_call_has_no_effect(
    sandbox: Sandbox, kind: FaultKind, status: int, code: str
) -> None:
    sandbox.script.calls = [Fault(kind, 7)]
    with pytest.raises(SlackApiError) as caught:
        await sandbox.client.chat_postMessage(channel=sandbox.support, text="x")
    assert (caught.value.response.status_code, caught.value.response["error"]) == (status, code)
    assert sandbox.slack.messages("support") == []
    if kind is FaultKind.RATE_LIMITED:
        assert caught.value.response.headers["Retry-After"] == "7"


@pytest.mark.parametrize(("kind", "posts"), [(FaultKind.RESET, 0), (FaultKind.LOST_RESPONSE, 1)])
async def test_a_cut_connection_leaves_the_effect_or_none(
    sandbox: Sandbox, kind: FaultKind, posts: int
) -> None:
    sandbox.client.retry_handlers.clear()
    sandbox.script.calls = [Fault(kind)]
    with pytest.raises(ClientError):
        await sandbox.client.chat_postMessage(channel=sandbox.support, text="x")
    assert len(sandbox.slack.messages("support")) == posts


async def test_a_delayed_call_still_happens(sandbox: Sandbox) -> None:
    sandbox.script.calls = [Fault(FaultKind.DELAY, 0.01)]
    await sandbox.client.chat_postMessage(channel=sandbox.support, text="x")
    assert len(sandbox.slack.messages("support")) == 1


async def test_a_trigger_is_good_for_three_seconds(sandbox: Sandbox) -> None:
    trigger = sandbox.slack.trigger("U0ANA")
    sandbox.clock.push(3.1)
    with pytest.raises(SlackApiError) as caught:
        await sandbox.client.views_open(trigger_id=trigger, view=MODAL)
    assert caught.value.response["error"] == "expired_trigger_id"


async def test_an_update_with_an_old_hash_is_refused(sandbox: Sandbox) -> None:
    trigger = sandbox.slack.trigger("U0ANA")
    view = (await sandbox.client.views_open(trigger_id=trigger, view=MODAL))["view"]
    await sandbox.client.views_update(view_id=view["id"], hash=view["hash"], view=MODAL)
    with pytest.raises(SlackApiError) as caught:
        await sandbox.client.views_update(view_id=view["id"], hash=view["hash"], view=MODAL)
    assert caught.value.response["error"] == "hash_conflict"


@pytest.fixture
async def real_time() -> SlackStandIn:
    """bolt checks the age of a signature by the wall clock."""
    slack = SlackStandIn(
        bot_token="xoxb-sandbox",
        app_token=APP_TOKEN,
        signing_secret="secret",
        retry_delays=(timedelta(0),) * 3,
    )
    slack.add_user("ana")
    return slack


async def test_an_event_the_app_refuses_is_sent_again_three_times(sandbox: Sandbox) -> None:
    http = HttpApp(desk_app(sandbox.client, Noted()))
    await http.connect(sandbox.slack)
    http.answers = [500, 404, 302, 500]
    await sandbox.slack.settled()  # what happened before the URLs were known is gone
    given_up = sandbox.slack.undelivered
    sandbox.slack.post_as("ana", "support", "hello")
    await sandbox.slack.settled()
    retries = [
        (seen.headers.get("X-Slack-Retry-Num"), seen.headers.get("X-Slack-Retry-Reason"))
        for seen in http.seen
    ]
    assert retries == [(None, None), ("1", "http_error"), ("2", "http_error"), ("3", "http_error")]
    assert sandbox.slack.undelivered == given_up + 1
    await http.server.stop()


async def test_a_request_with_another_secret_is_turned_away_by_the_app(real_time: SlackStandIn) -> None:
    http = HttpApp(desk_app(_client(), Noted()))
    await real_time.start()
    await http.connect(real_time)
    assert not await real_time.verify_events_url()
    assert http.statuses == [401]
    await real_time.close()
    await http.server.stop()


def _client() -> AsyncWebClient:
    return AsyncWebClient(token="xoxb-sandbox", base_url="http://127.0.0.1:9/api/")


async def test_the_events_url_is_verified_by_a_challenge(sandbox: Sandbox) -> None:
    async def echo(request: web.Request) -> web.Response:
        return web.Response(text=(await request.json())["challenge"])

    application = web.Application()
    application.router.add_post("/", echo)
    server = Server(application)
    url = await server.start()
    sandbox.slack.configure_http(events_url=url, interactions_url=url, commands_url=url)
    assert await sandbox.slack.verify_events_url()
    await server.stop()


async def test_a_person_learns_that_nobody_took_the_command(sandbox: Sandbox) -> None:
    outcome = await sandbox.slack.slash("ana", "support", "/desk", "help")
    assert (outcome.taken, outcome.reason) == (False, "dispatch_failed")


async def test_an_unacknowledged_envelope_comes_again_on_the_next_connection(sandbox: Sandbox) -> None:
    await sandbox.slack.settled()
    async with ClientSession() as session, session.ws_connect(await _socket_url(sandbox)) as first:
        assert (await first.receive_json())["type"] == "hello"
        sandbox.slack.post_as("ana", "support", "hello")
        envelope = await first.receive_json()
        assert (envelope["type"], envelope["retry_attempt"]) == ("events_api", 0)
        async with session.ws_connect(await _socket_url(sandbox)) as second:
            assert (await second.receive_json())["num_connections"] == 2
            await first.close()
            again = await second.receive_json()
            assert (again["retry_attempt"], again["retry_reason"]) == (1, "timeout")
            assert again["payload"]["event_id"] == envelope["payload"]["event_id"]
            assert again["envelope_id"] != envelope["envelope_id"]
            await second.send_json({"envelope_id": again["envelope_id"]})
            await sandbox.slack.settled()
    assert sandbox.slack.messages("support")[0]["text"] == "hello"


async def test_a_socket_ticket_is_good_once(sandbox: Sandbox) -> None:
    url = await _socket_url(sandbox)
    async with ClientSession() as session:
        async with session.ws_connect(url) as socket:
            await socket.receive_json()
        async with session.get(url) as response:
            assert response.status == 401


async def test_a_disconnect_is_announced_and_the_app_comes_back(sandbox: Sandbox) -> None:
    noted = Noted()
    handler = AsyncSocketModeHandler(desk_app(sandbox.client, noted), APP_TOKEN, ping_interval=0.1)
    await handler.connect_async()
    await sandbox.slack.socket_connected()
    await sandbox.slack.disconnect_sockets()
    async with asyncio.timeout(120):
        await sandbox.slack.socket_connected()
    sandbox.slack.post_as("ana", "support", "still there?")
    while (await noted.next())[1]["event"].get("text") != "still there?":
        pass  # what waited for a connection comes first
    await handler.close_async()


async def test_a_socket_hears_the_announcement_before_its_end(sandbox: Sandbox) -> None:
    async with ClientSession() as session, session.ws_connect(await _socket_url(sandbox)) as socket:
        await socket.receive_json()
        ending = asyncio.create_task(sandbox.slack.disconnect_sockets("warning"))
        assert (await socket.receive_json())["reason"] == "warning"
        assert (await socket.receive()).type is WSMsgType.CLOSE
        await ending


async def _socket_url(sandbox: Sandbox) -> str:
    answer = await sandbox.client.apps_connections_open(app_token=APP_TOKEN)
    return str(answer["url"])
