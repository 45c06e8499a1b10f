"""HTTP: who is let in, what is answered, and that only a failed commit is ever a 5xx."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.core.connector import MAX_BODY, RawRequest
from bot.core.errors import BodyTooLarge, DeskError, ForgedRequest, MalformedPayload, StorageUnavailable
from bot.core.events import Reference, Said
from connectors.sandbox.fault import Fault, FaultKind
from connectors.sandbox.slack import User

from .conftest import BOT, Desk, Hook
from .test_parse import EXAMPLES, MESSAGE, PAYLOADS

ENVELOPE: dict[str, Any] = {
    "type": "event_callback",
    "event_id": "Ev1",
    "event": MESSAGE,
    "authorizations": [{"user_id": BOT, "is_bot": True}],
}


async def test_the_challenge_is_answered(desk: Desk) -> None:
    assert await desk.slack.verify_events_url()


async def test_an_event_is_accepted_once_however_often_it_comes(desk: Desk, hook: Hook) -> None:
    for number in range(3):
        answer = await hook.post(json.dumps(ENVELOPE).encode(), x_slack_retry_num=str(number))
        assert answer.status == 200
    (event,) = desk.inbox.events
    assert event.content == Said("hello")


@pytest.mark.parametrize(
    "options",
    [
        {"secret": "another"},
        {"age": timedelta(minutes=6)},
        {"age": timedelta(minutes=-6)},
        {"x_slack_signature": ""},
        {"x_slack_signature": "v0=\u00e9"},
        {"x_slack_request_timestamp": "soon"},
        {"x_slack_request_timestamp": "\u0663"},
        {"x_slack_request_timestamp": "9" * 5000},
        {"x_slack_request_timestamp": ""},
    ],
)
async def test_a_request_without_a_right_and_recent_signature_is_forged(
    desk: Desk, hook: Hook, options: Any
) -> None:
    with pytest.raises(ForgedRequest):
        await hook.post(json.dumps(ENVELOPE).encode(), **options)
    assert desk.inbox.calls == 0


@pytest.mark.parametrize("body", [b"\xff\xfe{", b'{"type": "event_', b"[]", b"", b"null", b"[" * 100_000])
@pytest.mark.parametrize("content_type", ["application/json", "application/x-www-form-urlencoded", ""])
async def test_nonsense_that_is_signed_is_malformed_and_never_an_error_of_ours(
    desk: Desk, hook: Hook, body: bytes, content_type: str
) -> None:
    try:
        answer = await hook.post(body, content_type=content_type)
    except MalformedPayload:
        return
    assert (answer.status, content_type) == (200, "application/x-www-form-urlencoded")  # fields of no meaning
    assert desk.inbox.calls == 0


async def test_a_payload_field_that_is_no_json_is_malformed(hook: Hook) -> None:
    for body in (b"payload=%7B", b"payload=%FF", b"payload=[]"):
        with pytest.raises(MalformedPayload):
            await hook.post(body, content_type="application/x-www-form-urlencoded")


async def test_a_body_too_large_is_refused_unread(desk: Desk, hook: Hook) -> None:
    with pytest.raises(BodyTooLarge):
        await hook.handle(RawRequest({}, b"x" * (MAX_BODY + 1)))


async def test_no_200_before_the_commit(desk: Desk, hook: Hook) -> None:
    desk.inbox.failures = 1
    with pytest.raises(StorageUnavailable):
        await hook.send(ENVELOPE)
    assert (await hook.send(ENVELOPE)).status == 200
    assert len(desk.inbox.events) == 1


async def test_slack_sends_again_what_could_not_be_kept(desk: Desk) -> None:
    desk.inbox.failures = 2
    desk.slack.post_as("ana", "support", "hello <b> & *you*")
    event = await desk.inbox.event()
    assert event.sender.display_name == "ana"
    assert event.content == Said("hello \\<b> & **you**")
    assert desk.inbox.calls == 3


async def test_a_mention_is_read_with_the_persons_name(desk: Desk) -> None:
    desk.slack.post_as("ana", "support", "ask @ben please")
    assert (await desk.inbox.event()).content == Said("ask @ben please")


async def test_duplicates_of_the_network_are_one_event(desk: Desk) -> None:
    desk.script.copies = (0.0, 0.0, 0.0)
    desk.slack.post_as("ana", "support", "once")
    await desk.slack.settled()
    assert len(desk.inbox.events) == 1


async def test_names_that_cannot_be_had_do_not_stop_an_event(desk: Desk, hook: Hook) -> None:
    stranger = MESSAGE | {"user": "U0NOBODY", "text": "<@U0NOBODY2>"}
    assert (await hook.send(ENVELOPE | {"event": stranger})).status == 200
    (event,) = desk.inbox.events
    assert (event.sender.display_name, event.content) == ("", Said("@U0NOBODY2"))


async def test_a_post_of_an_app_in_a_persons_name_is_heard_as_forwarded(desk: Desk, hook: Hook) -> None:
    bot = User(id="U0DEPLOYS", name="deploys", team_id="T0ELSE", bot_id="B0DEPLOYS")
    desk.slack.connect_channel("support", [bot], [])
    await desk.slack.settled()
    desk.inbox.events.clear()
    profile = {"id": "B0ZAPS", "name": "Zaps"}
    for number, user in enumerate(("U0DEPLOYS", BOT, "U0ANA")):
        posted = MESSAGE | {"user": user, "bot_id": "B0ZAPS", "bot_profile": profile, "text": "Refunded."}
        assert (await hook.send(ENVELOPE | {"event_id": f"Ev{number}", "event": posted})).status == 200
    (event,) = desk.inbox.events
    assert (event.sender.external_id, event.content) == ("U0ANA", Said("Refunded."))
    assert event.reference == Reference(forwarded=True, origin="the app Zaps")


async def test_another_account_has_paths_of_its_own(desk: Desk) -> None:
    paths = [route.path for route in desk.connector.routes(desk.inbox)]
    assert paths == ["/hooks/slack/events", "/hooks/slack/commands", "/hooks/slack/interactions"]
    assert desk.other(mode="socket").routes(desk.inbox) == ()


@pytest.mark.long
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(payload=PAYLOADS, as_form=st.booleans())
async def test_any_signed_payload_is_answered_without_an_error_of_ours(
    desk: Desk, hook: Hook, payload: Any, as_form: bool
) -> None:
    desk.inbox.events.clear()
    try:
        answer = await hook.send(payload)
        assert answer.status == 200
    except MalformedPayload:
        assert not isinstance(payload, dict)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=300), headers=st.dictionaries(st.text(max_size=30), st.text(max_size=30)))
async def test_no_unsigned_bytes_get_further_than_the_door(
    desk: Desk, hook: Hook, body: bytes, headers: dict[str, str]
) -> None:
    with pytest.raises(DeskError) as raised:
        await hook.handle(RawRequest(headers, body))
    assert isinstance(raised.value, ForgedRequest)
    assert desk.inbox.calls == 0


async def test_closing_waits_for_nothing_when_nothing_is_under_way(desk: Desk) -> None:
    async with asyncio.timeout(120):
        await desk.other(mode="webhook").close()


async def test_an_address_names_a_colleague_and_nobody_from_elsewhere(desk: Desk) -> None:
    """The owner of another workspace decides what the addresses of its people are."""
    desk.slack.add_user("cleo", email="cleo@desk.example", user_id="U0CLEO")
    desk.slack.join("cleo", "support")
    other = User(id="U0ELSE", name="cleo", email="cleo@desk.example", team_id="T0ELSE")
    desk.slack.connect_channel("support", [other], [])
    await desk.slack.settled()
    desk.inbox.events.clear()
    for who in ("U0CLEO", "U0ELSE"):
        desk.slack.say(who, "support", "hello")
        await desk.inbox.event(1)
        event = desk.inbox.events.pop()
        assert (event.sender.external_id, event.sender.display_name) == (who, "cleo")
        assert event.sender.handle == ("cleo@desk.example" if who == "U0CLEO" else "")


async def test_the_first_message_is_heard_first_though_its_writer_must_be_asked_for(desk: Desk) -> None:
    desk.script.faults["users.info"] = [Fault(FaultKind.DELAY, 0.3)]
    first = desk.slack.say("ana", "support", "one")
    await desk.script.called("users.info", 1)
    desk.slack.say("ben", "support", "two", first)
    await desk.inbox.event(2)
    assert [event.content for event in desk.inbox.events] == [Said("one"), Said("two")]
