"""A slack-bolt app against the stand-in: the same story by HTTP and by Socket Mode."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import jsonschema
import pytest
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from connectors.sandbox.slack import SlackStandIn, Upload

from .app_under_test import CARD, MODAL, HttpApp, Noted, desk_app
from .conftest import APP_TOKEN, BOT_TOKEN, SECRET, Script, Server
from .shared_wire import read, unknown_keys


@dataclass
class Story:
    slack: SlackStandIn
    client: AsyncWebClient
    noted: Noted
    script: Script
    http: HttpApp
    channel: str

    async def card(self) -> str:
        """The app's card in the support channel."""
        sent = await self.client.chat_postMessage(channel=self.channel, text="A matter", blocks=CARD)
        assert (await self.noted.next())[0] == "message"
        return str(sent["ts"])

    async def modal(self) -> str:
        """A modal the app opened for Ana."""
        outcome = await self.slack.click("ana", "support", await self.card(), "assign", "U0BEN")
        assert outcome.taken
        assert (await self.noted.next())[0] == "assign"
        return str(self.slack.views("ana")[0]["id"])


@pytest.fixture(params=["http", "socket"])
async def story(request: pytest.FixtureRequest, script: Script) -> AsyncIterator[Story]:
    slack = SlackStandIn(
        bot_token=BOT_TOKEN,
        app_token=APP_TOKEN,
        signing_secret=SECRET,
        faults=script,
        ack_timeout=timedelta(seconds=5),
        retry_delays=(timedelta(0),) * 3,
    )
    slack.add_user("ana", user_id="U0ANA")
    slack.add_user("ben", user_id="U0BEN")
    server = Server(slack.app())
    client = AsyncWebClient(token=BOT_TOKEN, base_url=f"{await server.start()}/api/")
    noted = Noted()
    bolt = desk_app(client, noted)
    http = HttpApp(bolt)
    handler: AsyncSocketModeHandler | None = None
    if request.param == "http":
        await http.connect(slack)
    else:
        handler = AsyncSocketModeHandler(bolt, APP_TOKEN)
        await handler.connect_async()
        await slack.socket_connected()
    channel = slack.add_channel("support", private=True, members=["ana", "ben"]).id
    assert (await noted.next())[0] == "member_joined_channel"
    yield Story(slack, client, noted, script, http, channel)
    if handler is not None:
        await handler.close_async()
    await http.server.stop()
    await server.stop()


async def test_everything_people_do_to_messages_reaches_the_app(story: Story) -> None:
    slack = story.slack
    ts = slack.post_as("ana", "support", "hello")
    kind, body = await story.noted.next()
    assert (kind, body["event"]["text"], body["event"]["user"]) == ("message", "hello", "U0ANA")
    assert body["event"]["channel_type"] == "group"
    slack.post_as("ben", "support", "reply", thread_ts=ts)
    _, body = await story.noted.next()
    assert (body["event"]["thread_ts"], body["event"]["parent_user_id"]) == (ts, "U0ANA")
    slack.edit_as("ana", "support", ts, "hello again")
    kind, body = await story.noted.next()
    assert (kind, body["event"]["message"]["text"]) == ("message_changed", "hello again")
    assert body["event"]["previous_message"]["text"] == "hello"
    slack.react_as("ben", "support", ts, "wave")
    kind, body = await story.noted.next()
    assert (kind, body["event"]["item"]["ts"]) == ("reaction_added", ts)
    slack.unreact_as("ben", "support", ts, "wave")
    assert (await story.noted.next())[0] == "reaction_removed"
    doomed = slack.post_as("ana", "support", "oops")
    await story.noted.next()
    slack.delete_as("ana", "support", doomed)
    kind, body = await story.noted.next()
    assert (kind, body["event"]["deleted_ts"]) == ("message_deleted", doomed)
    slack.post_as("ana", "support", "", files=[Upload("a.png", b"png")])
    kind, body = await story.noted.next()
    assert (kind, body["event"]["files"][0]["mimetype"]) == ("file_share", "image/png")
    slack.open_home("ana")
    assert (await story.noted.next())[0] == "app_home_opened"


async def test_a_mention_is_told_as_message_and_as_mention(story: Story) -> None:
    story.slack.post_as("ana", "support", "@desk help")
    kinds = {(await story.noted.next())[0], (await story.noted.next())[0]}
    assert kinds == {"message", "app_mention"}


async def test_the_apps_own_posts_come_back_with_its_bot_id(story: Story) -> None:
    await story.client.chat_postMessage(channel=story.channel, text="mine")
    _, body = await story.noted.next()
    assert (body["event"]["bot_id"], body["event"]["user"]) == ("B0SANDBOX", "U0SANDBOX")


async def test_a_channel_without_the_app_is_silent(story: Story) -> None:
    story.slack.add_channel("random", members=["ana"], with_app=False)
    story.slack.post_as("ana", "random", "unheard")
    await story.slack.settled()
    assert story.noted.rest() == []


async def test_a_button_replaces_its_message_through_the_response_url(story: Story) -> None:
    ts = await story.card()
    outcome = await story.slack.click("ana", "support", ts, "take")
    assert outcome.taken
    kinds = {}
    for _ in range(2):
        kind, body = await story.noted.next()
        kinds[kind] = body
    assert kinds["take"]["actions"][0]["value"] == "e-1"
    assert kinds["take"]["message"]["ts"] == ts
    assert story.slack.messages("support")[0]["text"] == "Taken"


async def test_a_view_is_refused_with_errors_until_it_is_filled_in_rightly(story: Story) -> None:
    view = await story.modal()
    empty = await story.slack.submit_view("ana", view)
    assert (empty.taken, list(empty.errors)) == (False, ["why"])
    wrong = await story.slack.submit_view("ana", view, {"why": {"reason": "wrong"}})
    assert wrong.errors == {"why": "Not that"}
    right = await story.slack.submit_view(
        "ana", view, {"why": {"reason": "right"}, "who": {"person": "U0BEN"}}
    )
    assert right.taken
    assert story.slack.views("ana") == []
    await story.noted.next()
    _, body = await story.noted.next()
    values = body["view"]["state"]["values"]
    assert values["who"]["person"] == {"type": "users_select", "selected_user": "U0BEN"}


async def test_a_submission_may_push_update_and_clear(story: Story) -> None:
    view = await story.modal()
    assert (await story.slack.submit_view("ana", view, {"why": {"reason": "update"}})).taken
    assert story.slack.views("ana")[0]["title"]["text"] == "Changed"
    assert (await story.slack.submit_view("ana", view, {"why": {"reason": "more"}})).taken
    stack = story.slack.views("ana")
    assert [v["callback_id"] for v in stack] == ["assign", "second"]
    assert (stack[1]["root_view_id"], stack[1]["previous_view_id"]) == (view, view)
    await story.slack.close_view("ana", stack[1]["id"])
    assert (await story.slack.submit_view("ana", view, {"why": {"reason": "clear"}})).taken
    assert story.slack.views("ana") == []


async def test_closing_a_view_is_told_when_the_view_asked_for_it(story: Story) -> None:
    assert (await story.slack.close_view("ana", await story.modal())).taken
    assert (await story.noted.next())[0] == "close"


async def test_a_command_answers_one_person_or_the_channel(story: Story) -> None:
    assert (await story.slack.slash("ana", "support", "/desk", "status")).taken
    assert [item.text for item in story.slack.ephemerals("ana")] == ["Only you"]
    assert (await story.slack.slash("ana", "support", "/desk", "loud")).taken
    assert story.slack.messages("support")[-1]["text"] == "Hear!"


async def test_an_event_may_come_twice_or_late_with_the_same_id(story: Story) -> None:
    story.script.events = [(0.0, 0.0)]
    story.slack.post_as("ana", "support", "hello")
    first, second = await story.noted.next(), await story.noted.next()
    assert first[1]["event_id"] == second[1]["event_id"]


async def test_a_lost_event_comes_again(story: Story) -> None:
    story.script.events = [()]
    story.slack.post_as("ana", "support", "hello")
    kind, _ = await story.noted.next()
    assert kind == "message"
    assert story.slack.undelivered == 0


async def test_payloads_have_the_keys_slack_sends(story: Story) -> None:
    events = read("java-sdk-samples/events.json")
    wrapper = read("slack_common_event_wrapper_schema.json")
    ts = story.slack.post_as("ana", "support", "@desk hello")
    story.slack.react_as("ben", "support", ts, "wave")
    story.slack.edit_as("ana", "support", ts, "bye")
    story.slack.delete_as("ana", "support", ts)
    samples = {
        "message": "MessagePayload",
        "app_mention": "AppMentionPayload",
        "reaction_added": "ReactionAddedPayload",
        "message_changed": "MessageChangedPayload",
        "message_deleted": "MessageDeletedPayload",
    }
    for _ in samples:
        kind, body = await story.noted.next()
        jsonschema.Draft7Validator(wrapper).validate(body)
        unknown = unknown_keys(body, events[samples[kind]])
        assert (kind, unknown - _NOT_IN_EVERY_SAMPLE) == (kind, set())


# The envelope is one for all events; each sample was taken at another time and lacks some of it.
_NOT_IN_EVERY_SAMPLE = {
    ".authed_users",
    ".context_team_id",
    ".context_enterprise_id",
    ".event.message.reactions",
    ".event.previous_message.reactions",
}


async def test_a_response_url_wears_out_after_five_uses(story: Story) -> None:
    await story.slack.slash("ana", "support", "/desk", "status")
    _, body = await story.noted.next()
    webhook = AsyncWebhookClient(body["response_url"])
    for number in range(5):
        answer = await webhook.send(text=str(number))
        assert (answer.status_code, answer.body) == (200, "ok")
    worn = await webhook.send(text="once more")
    assert (worn.status_code, worn.body) == (404, "used_url")
    assert len(story.slack.ephemerals("ana")) == 6


async def test_a_trigger_opens_one_view(story: Story) -> None:
    await story.slack.slash("ana", "support", "/desk", "status")
    _, body = await story.noted.next()
    await story.client.views_open(trigger_id=body["trigger_id"], view=MODAL)
    with pytest.raises(SlackApiError) as caught:
        await story.client.views_open(trigger_id=body["trigger_id"], view=MODAL)
    assert caught.value.response["error"] == "exchanged_trigger_id"
