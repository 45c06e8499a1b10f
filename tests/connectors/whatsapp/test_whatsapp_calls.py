"""Calls, who has the word where several programs serve a number, prices, and the ids of one person."""

import pytest

from bot.core.events import (
    MISSED_CALL,
    Called,
    Event,
    Ignored,
    Price,
    Receipt,
    ReceiptStatus,
    Said,
    SenderRole,
    ThreadControl,
)
from tests.connectors.whatsapp.rig import CUSTOMER, NUMBER, Json, message, only, parsed, webhook

SCOPED, PARENT = "US.13491208655302741918", "US.ENT.11815799212886844830"


def called(event: str, **more: object) -> Json:
    call = {
        "id": "wacid.HBgLMTY1MDU1NTEyMzQ",
        "from": CUSTOMER,
        "from_user_id": SCOPED,
        "from_parent_user_id": PARENT,
        "to": "15550783881",
        "event": event,
        "timestamp": "1749416383",
        "direction": "USER_INITIATED",
        **more,
    }
    contact = {"profile": {"name": "Sheena Nelson"}, "wa_id": CUSTOMER, "user_id": SCOPED}
    return webhook({"contacts": [contact], "calls": [call]}, field="calls")


def controlled(kind: str, number: str = NUMBER, *, role: str = "meta_business_agent") -> Json:
    value = {
        "type": kind,
        "recipient": {"display_phone_number": "15550783881", "phone_number_id": number},
        "sender": {"phone_number": CUSTOMER},
        "timestamp": "1749416383",
        kind: {"previous_owner_app_role": role},
    }
    change = {"field": "messaging_handovers", "value": {"messaging_product": "whatsapp", **value}}
    return {"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [change]}]}


def test_a_call_that_rings_is_told_before_anybody_answers() -> None:
    event = only(called("connect", session={"sdp_type": "offer", "sdp": "v=0"}))
    assert (event.content, event.place.chat, event.sender_role) == (Called(), CUSTOMER, SenderRole.CUSTOMER)
    assert (event.sender.display_name, event.sender.aliases) == ("Sheena Nelson", (SCOPED, PARENT))


def test_a_call_that_nobody_took_is_a_message_without_words() -> None:
    event = only(called("terminate", status="FAILED"))
    assert (event.content, event.reference.described) == (Said(""), MISSED_CALL)
    assert event.external_id != only(called("connect")).external_id


def test_a_call_that_was_taken_tells_how_long_it_was_and_when_it_began() -> None:
    times = {"start_time": "1749416300", "end_time": "1749416383", "duration": 83}
    event = only(called("terminate", status="COMPLETED", **times))
    assert event.content == Called(83)
    assert event.occurred_at.timestamp() == 1749416300


@pytest.mark.parametrize(
    ("event", "more", "content"),
    [
        ("connect", {}, Ignored("call_connect")),
        ("terminate", {"status": "FAILED"}, Ignored("call_terminate")),
        ("terminate", {"status": "COMPLETED", "start_time": "1749416300", "duration": 5}, Called(5)),
    ],
)
def test_only_calls_of_ours_that_the_customer_took_count(event: str, more: Json, content: object) -> None:
    ends = {"from": "15550783881", "to": CUSTOMER, "direction": "BUSINESS_INITIATED"}
    heard = only(called(event, **ends, **more))
    assert (heard.content, heard.place.chat) == (content, CUSTOMER)


def test_a_call_of_nobody_we_can_name_is_passed_over() -> None:
    calls = [{"id": "wacid.A", "event": "connect"}, {"from": CUSTOMER, "event": "connect"}]
    assert parsed(webhook({"calls": calls}, field="calls")) == ()


@pytest.mark.parametrize(("kind", "ours"), [("control_passed", True), ("control_taken", False)])
def test_thread_control_is_told_by_the_number_of_the_customer(kind: str, ours: bool) -> None:
    event = only(controlled(kind))
    assert (event.content, event.place.chat) == (ThreadControl(ours), CUSTOMER)
    assert parsed(controlled(kind, "999")) == ()
    assert parsed(controlled("control_lost")) == ()


def test_two_changes_of_thread_control_within_a_second_are_two_events() -> None:
    twice = controlled("control_taken"), controlled("control_taken", role="another_app")
    first, second = (only(payload).external_id for payload in twice)
    assert first != second


def priced(status: str, **pricing: object) -> Receipt:
    told = {"id": "wamid.S", "status": status, "timestamp": "1749416383", "recipient_id": CUSTOMER}
    event: Event = only(webhook({"statuses": [told | ({"pricing": pricing} if pricing else {})]}))
    assert isinstance(event.content, Receipt)
    return event.content


def test_the_price_of_a_message_is_told_with_its_receipt() -> None:
    told = priced("delivered", billable=True, pricing_model="PMP", category="service", type="regular")
    assert (told.status, told.price) == (ReceiptStatus.DELIVERED, Price("service", "regular", billed=True))
    free = {"pricing_model": "PMP", "category": "utility", "type": "free_entry_point"}
    assert priced("delivered", **free).price == Price("utility", "free_entry_point", billed=False)
    assert priced("sent", pricing_model="PMP", category="service", type="regular").price == Price(
        "service", "regular", billed=True
    )
    assert priced("read").price is None
    assert priced("read", category=7, billable="yes").price is None


def test_a_customer_may_be_named_by_the_id_that_all_portfolios_know() -> None:
    words = message(type="text", text={"body": "?"}, from_user_id=SCOPED, from_parent_user_id=PARENT)
    event = only(webhook({"messages": [words]}))
    assert (event.place.chat, event.sender.aliases) == (CUSTOMER, (SCOPED, PARENT))
    del words["from"]
    event = only(webhook({"messages": [words], "contacts": [{"parent_user_id": PARENT}]}))
    assert (event.place.chat, event.sender.aliases) == (SCOPED, (PARENT,))
    del words["from_user_id"]
    event = only(webhook({"messages": [words]}))
    assert (event.place.chat, event.sender.aliases) == (PARENT, ())
    status = {"id": "w", "status": "read", "recipient_parent_user_id": PARENT}
    assert only(webhook({"statuses": [status]})).place.chat == PARENT


def test_the_number_that_we_asked_for_is_the_customers_own() -> None:
    def gave(origin: str) -> Event:
        card = {"origin": origin, "phones": [{"phone": "+1 650-555-1234", "wa_id": CUSTOMER}]}
        words = {"id": "wamid.A", "from_user_id": SCOPED, "type": "contacts", "contacts": [card]}
        return only(webhook({"messages": [words]}))

    assert (gave("contact_request").place.chat, gave("contact_request").sender.aliases) == (
        SCOPED,
        (CUSTOMER,),
    )
    assert gave("other").sender.aliases == ()
    assert isinstance(gave("other").content, Said)
