"""Webhooks of WhatsApp, read as events."""

import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from bot.core.connector import RawRequest
from bot.core.errors import ForgedRequest, MalformedPayload, StorageUnavailable
from bot.core.events import AddressChanged, Reacted, Said, SenderRole
from connectors.meta import sign
from connectors.payload import Node
from connectors.whatsapp import channel
from connectors.whatsapp.webhooks import WebhookReader
from tests.connectors.whatsapp.normal import in_a_word, load, normal
from tests.connectors.whatsapp.rig import (
    CUSTOMER,
    NOW,
    NUMBER,
    SECRET,
    VERIFY_TOKEN,
    Desk,
    Json,
    connector,
    message,
    only,
    parsed,
    said,
    webhook,
)
from tests.lengths import times

FUZZ_EXAMPLES = times(1000)
CASES = load("webhooks.json")
SAMPLES: dict[str, list[str]] = load("samples.json")


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_each_webhook_becomes_the_events_written_beside_it(case: Json) -> None:
    assert [normal(event) for event in parsed(webhook(case["value"]))] == case["events"]


def test_staff_are_told_the_number_or_the_id_of_a_customer_who_hides_it() -> None:
    told = {}
    for case in CASES:
        for event in parsed(webhook(case["value"])):
            told[event.sender.external_id] = event.sender.address
    assert told["16505551234"] == "+16505551234"
    assert {told[id_] for id_ in told if not id_.isdecimal()} == {
        f"user id {id_}" for id_ in told if not id_.isdecimal()
    }


def every_sample(shared: Path) -> Iterator[tuple[str, Json]]:
    folder = shared / "wire" / "whatsapp"
    webhooks = json.loads((folder / "meta_examples.json").read_text())["POST /whatsapp/webhooks"]["request"]
    for name, sample in webhooks.items():
        yield f"meta_examples.json: {name}", sample
    for name, sample in json.loads((folder / "webhooks_and_messages.bindambc.json").read_text()).items():
        if isinstance(sample, dict) and "entry" in sample:
            yield f"webhooks_and_messages.bindambc.json: {name}", sample


def test_every_sample_of_others_is_classified(shared_dir: Path) -> None:
    samples = dict(every_sample(shared_dir))
    found = {}
    for name, sample in samples.items():
        values = [change["value"] for entry in sample["entry"] for change in entry["changes"]]
        number = values[0].get("metadata", {}).get("phone_number_id", NUMBER)
        events = parsed(sample, number)
        found[name] = [in_a_word(event) for event in events]
        told = [entry for value in values for key in ("messages", "statuses") for entry in value.get(key, ())]
        assert len(events) == len(told), name  # what is no message and no status is of the account
    assert found == SAMPLES


def test_nothing_of_a_batch_is_passed_over() -> None:
    first = said(message(id="wamid.1", type="text", text={"body": "one"}))
    second = said(
        message(id="wamid.2", type="text", text={"body": "two"}),
        message(id="wamid.3", type="text", text={"body": "three"}),
    )
    payload = webhook(first, second)
    payload["entry"] += webhook(said(message(id="wamid.4", type="text", text={"body": "four"})))["entry"]
    assert [event.message for event in parsed(payload)] == ["wamid.1", "wamid.2", "wamid.3", "wamid.4"]


def test_an_unreadable_entry_does_not_keep_its_neighbours_back() -> None:
    broken: list[Any] = [{}, {"id": "wamid.2"}, {"from": "1"}, {"from": 1, "id": []}, {"id": "w", "from": ""}]
    good = message(id="wamid.9", type="text", text={"body": "here I am"})
    payload = webhook({"contacts": "?", "messages": [*broken, None, good], "statuses": [{"status": "read"}]})
    assert only(payload).content == Said("here I am")


def test_another_number_of_the_same_business_is_not_ours() -> None:
    theirs = said(message(type="text", text={"body": "for somebody else"}))
    assert parsed(webhook(theirs, number="999")) == ()


@pytest.mark.parametrize("field", ["account_update", "message_template_status_update", "calls", ""])
def test_news_of_the_account_are_no_events_of_customers(field: str) -> None:
    assert parsed(webhook(said(message(type="text", text={"body": "?"})), field=field)) == ()


def test_a_message_of_a_colleague_in_the_app_is_an_insiders() -> None:
    echo = {
        "from": "15550783881",
        "to": CUSTOMER,
        "to_user_id": "US.1",
        "id": "wamid.E",
        "timestamp": "1749416383",
        "type": "image",
        "image": {"caption": "Like this one?", "id": "4490709327384033", "mime_type": "image/jpeg"},
    }
    field = "smb_message_echoes"
    event = only(webhook({"message_echoes": [echo]}, field=field))
    assert (event.sender_role, event.sender.display_name) == (SenderRole.INSIDER, "The WhatsApp Business app")
    assert (event.place.chat, event.message, event.external_id) == (CUSTOMER, "wamid.E", "wamid.E")
    assert isinstance(event.content, Said)
    assert event.content.text == "Like this one?"
    assert parsed(webhook({"message_echoes": [echo]}, field=field, number="999")) == ()
    assert parsed(webhook({"message_echoes": [{"id": "w"}, {"to": CUSTOMER}]}, field=field)) == ()


def test_messages_while_another_app_has_control_are_overheard() -> None:
    standby = {
        "messages": [message(type="text", text={"body": "hello robot"})],
        "message_echoes": [
            {"from": "15550783881", "to": CUSTOMER, "id": "wamid.E", "type": "text", "text": {"body": "Hi"}}
        ],
        "statuses": [{"id": "wamid.E", "status": "read", "recipient_id": CUSTOMER}],
    }
    asked, answered = parsed(webhook({"standby": standby}, field="standby"))
    assert (asked.content, asked.overheard, asked.sender_role) == (
        Said("hello robot"),
        True,
        SenderRole.CUSTOMER,
    )
    assert (answered.content, answered.sender_role) == (Said("Hi"), SenderRole.INSIDER)


async def test_news_of_the_account_and_of_other_numbers_are_told_to_operators(desk: Desk) -> None:
    banned = webhook({"event": "DISABLED_UPDATE"}, field="account_update")
    paused = {"event": "PAUSED", "message_template_name": "still_there"}
    theirs = said(message(type="text", text={"body": "for another number"}))
    with capture_logs() as logs:
        await desk.hook(json.dumps(banned).encode())
        await desk.hook(json.dumps(webhook(paused, field="message_template_status_update")).encode())
        await desk.hook(json.dumps(webhook(theirs, number="999")).encode())
    assert [log.get("news") for log in logs] == [
        ["account_update DISABLED_UPDATE"],
        ["message_template_status_update PAUSED still_there"],
        None,
    ]
    assert (logs[-1]["event"], logs[-1]["changes"]) == ("webhook of another number", 1)
    assert desk.inbox.events == []


def test_a_reaction_and_its_message_are_two_events_even_if_they_share_an_id() -> None:
    text = only(webhook(said(message(type="text", text={"body": "hi"}))))
    reaction = only(webhook(said(message(type="reaction", reaction={"message_id": "m", "emoji": "👍"}))))
    assert isinstance(reaction.content, Reacted)
    assert text.external_id != reaction.external_id


def test_an_id_of_any_length_is_kept_short_and_the_same_each_time() -> None:
    long = webhook(said(message(id="wamid." + "A" * 500, type="text", text={"body": "hi"})))
    assert only(long).external_id == only(long).external_id
    assert len(only(long).external_id) <= 200
    assert len(only(long).message) > 200


def test_in_a_batch_each_message_has_the_name_of_its_own_sender() -> None:
    contacts = [
        {"wa_id": "111", "profile": {"name": "Ann"}},
        {"wa_id": "222", "profile": {"name": "Ben"}, "user_id": "DE.9"},
    ]
    messages = [
        {"id": "w1", "from": "222", "type": "text", "text": {"body": "x"}},
        {"id": "w2", "from": "111", "type": "text", "text": {"body": "y"}},
        {"id": "w3", "from": "333", "type": "text", "text": {"body": "z"}},
        {"id": "w4", "from_user_id": "DE.9", "type": "text", "text": {"body": "again"}},
    ]
    events = parsed(webhook({"contacts": contacts, "messages": messages}))
    assert [(event.sender.external_id, event.sender.display_name) for event in events] == [
        ("222", "Ben"),
        ("111", "Ann"),
        ("333", ""),
        ("222", "Ben"),
    ]


def test_a_number_that_is_written_otherwise_than_the_id_is_one_person() -> None:
    # Brazil and Mexico: what was dialled and how WhatsApp knows it differ by a digit.
    value = {
        "contacts": [{"wa_id": "5511999999999", "profile": {"name": "Bia"}}],
        "messages": [message(**{"from": "551199999999", "type": "text", "text": {"body": "oi"}})],
    }
    assert only(webhook(value)).place.chat == "5511999999999"


# The webhook


async def test_an_event_is_accepted_once_however_often_it_comes(desk: Desk) -> None:
    body = json.dumps(webhook(said(message(type="text", text={"body": "hello"})))).encode()
    for _ in range(3):
        assert (await desk.hook(body)).status == 200
    (event,) = desk.inbox.events
    assert event.content == Said("hello")


async def test_no_200_before_the_commit(desk: Desk) -> None:
    desk.inbox.failures = 1
    body = json.dumps(webhook(said(message(type="text", text={"body": "hello"})))).encode()
    with pytest.raises(StorageUnavailable):
        await desk.hook(body)
    assert (await desk.hook(body)).status == 200
    assert len(desk.inbox.events) == 1


async def test_an_empty_batch_is_acknowledged(desk: Desk) -> None:
    assert (await desk.hook(b'{"object": "whatsapp_business_account", "entry": []}')).status == 200
    trouble = webhook({"errors": [{"code": 131031, "title": "locked"}]})
    assert (await desk.hook(json.dumps(trouble).encode())).status == 200
    assert desk.inbox.events == []


async def test_a_forgery_gets_no_further_than_the_door(desk: Desk) -> None:
    body = json.dumps(webhook(said(message(type="text", text={"body": "hello"})))).encode()
    for headers in (
        {"x-hub-signature-256": ""},
        {"x-hub-signature-256": sign(SECRET, body + b" ")},
        {"x-hub-signature-256": sign(SECRET, body).removeprefix("sha256=")},
    ):
        with pytest.raises(ForgedRequest):
            await desk.hook(body, **headers)
    with pytest.raises(ForgedRequest):
        await desk.hook(body, secret="another")
    assert desk.inbox.events == []


async def test_metas_question_is_answered(desk: Desk) -> None:
    query = {"hub.mode": "subscribe", "hub.verify_token": VERIFY_TOKEN, "hub.challenge": "1158201444"}
    assert (await desk.ask(query)).body == b"1158201444"
    with pytest.raises(ForgedRequest):
        await desk.ask(query | {"hub.verify_token": "another"})


def test_each_account_has_a_path_of_its_own(desk: Desk) -> None:
    (route,) = desk.connector.routes(desk.inbox)
    assert (route.path, route.methods) == ("/hooks/whatsapp/support-number", ("GET", "POST"))


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{}", b"\xff\xfe{", b'{"entry":', b"[" * 100_000])
async def test_nonsense_that_is_signed_is_malformed(desk: Desk, body: bytes) -> None:
    with pytest.raises(MalformedPayload):
        await desk.hook(body)
    assert desk.inbox.events == []


def test_the_registration_line_says_what_is_needed() -> None:
    (way,) = channel.modes
    assert way.secrets == ("access_token", "app_secret", "verify_token")
    assert channel.capabilities.window == timedelta(hours=24)
    for media in (*channel.capabilities.media_in, *channel.capabilities.media_out):
        assert media.max_bytes <= 100 * 1024 * 1024


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(
        ["text", "image", "interactive", "nfm_reply", "system", "edit", "1e400", "-", "\ud800\0"]
    ),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                """
                type id from text body timestamp context image caption interactive button_reply list_reply
                title nfm_reply response_json reaction message_id emoji order product_items quantity
                item_price contacts phones phone name location latitude longitude system wa_id edit message
                original_message_id revoke errors code referral profile user_id status recipient_id
                """.split()  # noqa: SIM905
            )
            | st.text(max_size=8),
            inner,
            max_size=6,
        )
    ),
    max_leaves=30,
)
MESSAGES = st.lists(
    st.dictionaries(
        st.sampled_from(["context", "errors", "referral", "from_user_id", "group_id"]), JSON
    ).flatmap(
        lambda frame: st.sampled_from(
            [
                kind
                for case in CASES
                for entry in case["value"].get("messages", [])
                for kind in [entry["type"]]
            ]
        ).flatmap(
            lambda kind: st.fixed_dictionaries(
                {
                    "id": st.just("wamid.A") | JSON,
                    "from": st.just("1650") | JSON,
                    "type": st.just(kind),
                    kind: JSON,
                }
            ).map(lambda built: {**frame, **built})
        )
    ),
    max_size=3,
)


@pytest.mark.long
@settings(max_examples=FUZZ_EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(messages=MESSAGES | JSON, contacts=JSON, statuses=JSON)
def test_any_content_of_a_webhook_is_read_or_passed_over(messages: Any, contacts: Any, statuses: Any) -> None:
    payload = webhook({"messages": messages, "contacts": contacts, "statuses": statuses})
    for event in parsed(payload):
        assert 0 < len(event.external_id) <= 200
        json.dumps(normal(event), ensure_ascii=False).encode()  # no lone surrogate is left
        assert "\\u0000" not in json.dumps(normal(event))


@pytest.mark.long
@settings(max_examples=FUZZ_EXAMPLES, deadline=None)
@given(body=st.binary(max_size=300) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_body_is_read_or_malformed_and_nothing_else(body: bytes) -> None:
    with suppress(MalformedPayload):
        connector().parse(RawRequest({}, body))


@pytest.mark.parametrize("sender", ["", "status@broadcast", "+16505551234", "us.1", "US.", "1" * 21])
def test_a_sender_of_no_known_form_is_nobody(sender: str) -> None:
    payload = webhook({"messages": [message(**{"from": sender}, type="text", text={"body": "?"})]})
    assert parsed(payload) == ()


@pytest.mark.parametrize("sender", ["16505551234", "US.13491208655302741918", "US.ENT.11815799212886844830"])
def test_a_number_and_both_forms_of_metas_ids_are_somebody(sender: str) -> None:
    payload = webhook({"messages": [message(**{"from": sender}, type="text", text={"body": "?"})]})
    assert only(payload).place.chat == sender


def test_an_error_of_code_zero_is_told() -> None:
    read = WebhookReader("support-number", NUMBER).read(Node(webhook({"errors": [{"code": 0}]})), NOW)
    assert read.errors == [0]


def test_a_card_that_comes_as_a_vcard_keeps_its_name() -> None:
    lines = ["BEGIN:VCARD", "N:Meyer;Ines;;;", "FN;CHARSET=UTF-8:Ines", "  Meyer\\, Ltd", "END:VCARD"]
    card = {"vcard": "\r\n".join(lines), "phones": [{"phone": "+49 30 123"}]}
    content = only(webhook(said(message(type="contacts", contacts=[card])))).content
    assert isinstance(content, Said)
    assert [a.name for a in content.attachments] == ["Ines Meyer, Ltd"]


def test_a_changed_id_that_is_told_by_itself_is_followed() -> None:
    update = {"wa_id": CUSTOMER, "user_id": {"previous": "US.1", "current": "US.2"}, "timestamp": "1"}
    event = only(webhook({"user_id_update": [update]}, field="user_id_update"))
    assert (event.place.chat, event.sender.aliases, event.content) == (
        "US.1",
        (CUSTOMER,),
        AddressChanged("US.2"),
    )
