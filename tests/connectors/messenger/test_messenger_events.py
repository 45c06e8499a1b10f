"""Webhooks of a Page, read as events."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.core.events import (
    Attachment,
    AttachmentKind,
    Content,
    Deleted,
    Edited,
    Ignored,
    Place,
    Reacted,
    Receipt,
    ReceiptStatus,
    Reference,
    Said,
    Sender,
    SenderRole,
    Started,
    Tapped,
    ThreadControl,
    Unsupported,
)
from connectors.messenger.capabilities import CHANNEL
from tests.connectors.messenger import rig

CDN = "https://scontent.xx.fbcdn.net/v/t1/photo.jpg?oe=58ECF78B"

TOKEN = "go-" + "a" * 22


def attached(*attachments: rig.Json, **more: object) -> Content:
    return rig.one(message={"mid": "m_1", "attachments": list(attachments), **more}).content


def described(attachment: rig.Json, text: str = "") -> str:
    message = {"mid": "m_1", "attachments": [attachment]} | ({"text": text} if text else {})
    return rig.one(message=message).reference.described


def file(kind: str, url: str = CDN, **payload: object) -> rig.Json:
    return {"type": kind, "payload": {"url": url, **payload}}


def test_a_text_is_said_by_a_customer_at_metas_time() -> None:
    event = rig.one(message={"mid": "m_AG5Hz2", "text": "Where is my order?", "seq": 4})

    assert event.content == Said("Where is my order?")
    assert event.place == Place(CHANNEL, rig.ACCOUNT, rig.PSID)
    assert event.sender == Sender(rig.PSID)
    assert (event.external_id, event.message, event.reply_to) == ("m_AG5Hz2", "m_AG5Hz2", "")
    assert event.occurred_at == rig.SENT_AT
    assert event.sender_role is SenderRole.CUSTOMER


def test_a_reply_names_the_message_it_answers() -> None:
    event = rig.one(message={"mid": "m_2", "text": "this one", "reply_to": {"mid": "m_1"}})

    assert event.reply_to == "m_1"
    assert event.reference == Reference()


def test_a_reply_to_a_story_says_so() -> None:
    story = {"url": "https://cdn.example/s", "id": "17"}
    event = rig.one(message={"mid": "m_2", "text": "nice", "reply_to": {"story": story}})
    assert (event.reply_to, event.reference) == ("", Reference(kind="story"))


@pytest.mark.parametrize(
    ("sent_as", "kind"),
    [
        ("image", AttachmentKind.PHOTO),
        ("video", AttachmentKind.VIDEO),
        ("audio", AttachmentKind.AUDIO),
        ("file", AttachmentKind.DOCUMENT),
    ],
)
def test_a_file_is_an_attachment_of_its_kind(sent_as: str, kind: AttachmentKind) -> None:
    name = "photo.jpg" if kind is AttachmentKind.DOCUMENT else ""

    assert attached(file(sent_as)) == Said("", (Attachment(kind=kind, ref=CDN, name=name),))


def test_a_file_keeps_its_name_and_a_name_is_no_path() -> None:
    url = "https://cdn.fbsbx.com/v/t59/..%2F..%2Fetc%2Frechnung%20m%C3%A4rz.pdf?x=1"

    content = attached(file("file", url))

    assert isinstance(content, Said)
    assert content.attachments[0].name == "_.._etc_rechnung märz.pdf"


def test_several_pictures_and_their_text_are_one_message() -> None:
    content = attached(file("image", CDN + "1"), file("image", CDN + "2"), text="look")

    assert isinstance(content, Said)
    assert content.text == "look"
    assert [picture.ref for picture in content.attachments] == [CDN + "1", CDN + "2"]


def test_a_sticker_that_comes_twice_is_one_sticker() -> None:
    content = attached(file("sticker", sticker_id=3692), file("image", sticker_id=3692))

    assert content == Said("", (Attachment(kind=AttachmentKind.STICKER, ref=CDN),))


def test_a_place_is_a_location() -> None:
    coordinates = {"lat": 52.370216, "long": 4.895168}

    content = attached({"type": "location", "payload": {"title": "Dam", "coordinates": coordinates}})

    assert content == Said(
        "", (Attachment(kind=AttachmentKind.LOCATION, ref="geo:52.370216,4.895168", name="Dam"),)
    )


def test_a_place_off_the_globe_is_unsupported() -> None:
    content = attached({"type": "location", "payload": {"coordinates": {"lat": 91, "long": "nan"}}})

    assert content == Unsupported("location")


def test_a_shared_link_is_read_as_its_title_and_address_once() -> None:
    shared: rig.Json = {
        "type": "fallback",
        "title": "Shoes",
        "url": "https://shop.example/7",
        "payload": None,
    }

    assert described(shared) == "Shoes\nhttps://shop.example/7"
    assert described(shared, text="https://shop.example/7 fits?") == "Shoes"
    assert attached(shared, text="https://shop.example/7 fits?") == Said("https://shop.example/7 fits?")


@pytest.mark.parametrize("kind", ["reel", "ig_reel", "post", "ig_post"])
def test_a_shared_reel_or_post_is_a_link(kind: str) -> None:
    shared = file(kind, "https://facebook.example/1", title="New!")
    assert described(shared) == "New!\nhttps://facebook.example/1"
    assert attached(shared) == Said("")


def test_a_shared_product_and_a_template_are_described() -> None:
    product = {"elements": [{"id": "1", "title": "Red shoe", "subtitle": "€ 40", "image_url": CDN}]}
    buttons = [{"type": "postback", "title": "Yes"}, {"type": "postback", "title": "No"}]

    assert described({"type": "template", "payload": {"product": product}}) == "Red shoe\n€ 40"
    template = {"template_type": "button", "text": "Sure?", "buttons": buttons}
    assert described({"type": "template", "payload": template}) == "Sure?\n[Yes]\n[No]"


def test_a_booking_is_described() -> None:
    booking: rig.Json = {"type": "appointment_booking", "payload": {"booking_id": "1", "status": "requested"}}

    assert described(booking) == "appointment requested"


def test_an_attachment_that_says_nothing_is_unsupported_by_its_kind() -> None:
    assert attached({"type": "image", "payload": {}}) == Unsupported("image")
    assert attached({"type": "hologram", "payload": None}) == Unsupported("hologram")
    assert rig.one(message={"mid": "m_1", "dance": {"steps": 3}}).content == Unsupported("dance")
    assert rig.one(message={"mid": "m_1", "is_unsupported": True}).content == Unsupported("message")


def test_a_quick_reply_is_a_tap() -> None:
    event = rig.one(message={"mid": "m_3", "text": "Talk to us", "quick_reply": {"payload": "call:billing"}})

    assert event.content == Tapped("call", "billing", "Talk to us")
    assert event.external_id == "m_3"


def test_a_postback_is_a_tap() -> None:
    event = rig.one(postback={"mid": "m_4", "title": "Yes", "payload": "csat:5:c1"})

    assert event.content == Tapped("csat", "5:c1", "Yes")


def test_two_taps_on_one_message_are_two_events() -> None:
    first = rig.item(postback={"mid": "m_4", "title": "Yes", "payload": "csat:5"})

    one, two, again = rig.parsed(first, {**first, "timestamp": rig.STAMP + 1}, first)

    assert one.external_id != two.external_id
    assert one.external_id == again.external_id


def test_a_button_of_the_pages_menu_is_a_tap_with_its_words() -> None:
    assert rig.one(postback={"title": "Opening hours", "payload": "HOURS"}).content == Tapped(
        "HOURS", "", "Opening hours"
    )
    assert rig.one(postback={"title": "Hi", "payload": '{"type":"menu"}'}).content == Tapped(
        '{"type":"menu"}', "", "Hi"
    )


def test_a_tap_on_another_apps_button_is_heard_as_its_label() -> None:
    assert rig.one(postback={"title": "Track my order"}).content == Said("Track my order")


@pytest.mark.parametrize(
    "what",
    [
        {"message": {"mid": "m_1", "text": "Hello", "referral": {"ref": TOKEN}}},
        {"postback": {"title": "Where is my order?", "payload": "ORDER", "referral": {"ref": TOKEN}}},
    ],
)
def test_first_words_that_come_by_an_invitation_bring_it_along(what: rig.Json) -> None:
    started, spoken = rig.parsed(rig.item(**what))
    assert started.content == Started(TOKEN)
    assert isinstance(spoken.content, Said | Tapped)
    assert started.place == spoken.place
    assert started.external_id != spoken.external_id
    assert rig.parsed(rig.item(**what))[0].external_id == started.external_id


def test_get_started_brings_an_invitation_once() -> None:
    button = {"title": "Start", "payload": "GET_STARTED", "referral": {"ref": TOKEN}}
    assert rig.one(postback=button).content == Started(TOKEN)


@pytest.mark.parametrize(
    "payload", ["GET_STARTED", "<GET_STARTED_PAYLOAD>", "__GET_STARTED__", "get_started"]
)
def test_get_started_starts_with_what_the_link_carried(payload: str) -> None:
    referral = {"ref": "order-7", "source": "SHORTLINK", "type": "OPEN_THREAD"}

    event = rig.one(postback={"title": "Loslegen", "payload": payload, "referral": referral})

    assert event.content == Started("order-7")
    assert rig.one(postback={"title": "Loslegen", "payload": payload}).content == Started("")


def test_a_link_into_a_known_chat_starts_it_again() -> None:
    event = rig.one(referral={"ref": "link-9", "source": "SHORTLINK", "type": "OPEN_THREAD"})

    assert event.content == Started("link-9")


def test_an_ad_that_led_to_a_message_is_kept_with_it() -> None:
    ad = {"ref": "spring", "ad_id": 6045246247433, "source": "ADS", "ads_context_data": {"ad_title": "Sale"}}

    event = rig.one(message={"mid": "m_5", "text": "Is this still on?", "referral": ad})

    assert event.content == Said("Is this still on?")
    assert event.reference.described == "From the ad “Sale”"


def test_reactions_come_and_go() -> None:
    love = {"reaction": "love", "emoji": "❤️", "mid": "m_1"}

    assert rig.one(reaction={**love, "action": "react"}).content == Reacted("m_1", "❤️", True)
    assert rig.one(reaction={**love, "action": "unreact"}).content == Reacted("m_1", "❤️", False)
    assert rig.one(reaction={"reaction": "like", "action": "react", "mid": "m_1"}).content == Reacted(
        "m_1", "👍", True
    )
    assert rig.one(reaction={"action": "react"}).content == Ignored("reaction")


def test_a_delivery_names_messages_and_a_watermark() -> None:
    event = rig.one(delivery={"mids": ["m_1", "m_2", 7], "watermark": rig.STAMP})

    assert event.content == Receipt(
        status=ReceiptStatus.DELIVERED, messages=("m_1", "m_2"), until=rig.SENT_AT
    )
    assert event.place.chat == rig.PSID


def test_a_read_mark_says_until_when() -> None:
    event = rig.one(read={"watermark": rig.STAMP})

    assert event.content == Receipt(status=ReceiptStatus.READ, until=rig.SENT_AT)


def test_a_receipt_is_the_customers_whichever_way_round_it_comes() -> None:
    read = rig.item(sender=rig.PAGE, recipient=rig.PSID, read={"watermark": rig.STAMP})

    (event,) = rig.parsed(read)

    assert (event.place.chat, event.sender, event.sender_role) == (
        rig.PSID,
        Sender(rig.PSID),
        SenderRole.CUSTOMER,
    )


def test_an_edit_is_an_edit_and_each_one_is_its_own() -> None:
    first = rig.item(message_edit={"mid": "m_1", "text": "four shoes", "num_edit": 1})
    second = rig.item(message_edit={"mid": "m_1", "text": "five shoes", "num_edit": 2})

    one, two = rig.parsed(first, second)

    assert one.content == Edited("m_1", "four shoes")
    assert two.content == Edited("m_1", "five shoes")
    assert len({one.external_id, two.external_id, "m_1"}) == 3


def test_an_unsent_message_is_deleted_under_an_id_of_its_own() -> None:
    event = rig.one(message={"mid": "m_1", "is_deleted": True})

    assert event.content == Deleted("m_1")
    assert (event.external_id[:5], event.message) == ("item:", "")


def test_a_message_of_a_colleague_in_the_pages_inbox_is_an_insiders() -> None:
    message = {"mid": "m_9", "is_echo": True, "app_id": 26390203743090, "text": "I have sent it again."}

    (event,) = rig.parsed(rig.item(sender=rig.PAGE, recipient=rig.PSID, message=message))

    assert event.content == Said("I have sent it again.")
    assert event.sender_role is SenderRole.INSIDER
    assert event.place.chat == rig.PSID
    assert event.sender == Sender(rig.PSID, display_name="The Page's inbox")
    assert (event.external_id, event.message) == ("m_9", "m_9")


def test_an_echo_with_metadata_of_another_app_is_an_insiders() -> None:
    message = {"mid": "m_9", "is_echo": True, "metadata": "bot:7", "text": "Hi"}

    (event,) = rig.parsed(rig.item(sender=rig.PAGE, recipient=rig.PSID, message=message))

    assert event.content == Said("Hi")


@pytest.mark.parametrize(
    ("what", "ours"),
    [
        ({"pass_thread_control": {"metadata": "m"}}, True),
        ({"pass_thread_control": {"new_owner_app_id": 263902037430900}}, False),  # the Page's own inbox
        ({"take_thread_control": {"previous_owner_app_id": "123"}}, False),
        ({"take_thread_control": {"previous_owner_app_id": "123", "new_owner_app_id": "456"}}, False),
    ],
)
def test_a_change_of_thread_control_is_an_event_in_the_customers_chat(what: rig.Json, ours: bool) -> None:
    event = rig.one(**what)

    assert event.content == ThreadControl(ours)
    assert (event.sender_role, event.place.chat) == (SenderRole.CUSTOMER, rig.PSID)


@pytest.mark.parametrize("did", ["pass_thread_control", "take_thread_control"])
@pytest.mark.parametrize(("owner", "ours"), [("123", True), ("456", False), ("263902037430900", False)])
def test_thread_control_is_ours_only_when_our_app_gets_it(did: str, owner: str, *, ours: bool) -> None:
    page = rig.connector(options={"page_id": rig.PAGE, "app_id": "123"})
    named = rig.item(**{did: {"new_owner_app_id": owner, "previous_owner_app_id": "9"}})
    [event] = rig.parsed(named, page=page)

    assert event.content == ThreadControl(ours)


def test_thread_control_passed_to_an_unknown_app_changes_nothing() -> None:
    assert rig.one(pass_thread_control={"new_owner_app_id": "123"}).content == Ignored("pass_thread_control")


def test_a_wish_for_the_thread_is_recorded_as_the_pages_doing() -> None:
    event = rig.one(request_thread_control={"requested_owner_app_id": 123})

    assert event.content == Ignored("request_thread_control")
    assert (event.sender_role, event.place.chat) == (SenderRole.INSIDER, rig.PSID)


AD = {"ref": "x", "ad_id": "6", "source": "ADS", "type": "OPEN_THREAD"}


@pytest.mark.parametrize(
    ("what", "opens"),
    [
        ({"message": {"mid": "m_1", "text": "Is it there?", "referral": AD}}, timedelta(days=7)),
        ({"postback": {"title": "Start", "payload": "GET_STARTED", "referral": AD}}, timedelta(days=7)),
        ({"message": {"mid": "m_1", "text": "Is it there?", "referral": {"source": "SHORTLINK"}}}, None),
        ({"message": {"mid": "m_1", "text": "Is it there?"}}, None),
        ({"referral": AD}, None),  # they have said nothing yet
        ({"message": {"mid": "m_1", "is_echo": True, "text": "Hi", "referral": AD}}, None),
    ],
)
def test_a_customer_who_writes_by_an_ad_may_be_answered_for_seven_days(
    what: rig.Json, opens: timedelta | None
) -> None:
    assert rig.one(**what).opens == opens


def test_a_policy_notice_has_no_customer() -> None:
    notice: rig.Json = {
        "recipient": {"id": rig.PAGE},
        "timestamp": rig.STAMP,
        "policy_enforcement": {"action": "block", "reason": "…"},
    }

    (event,) = rig.parsed(notice)

    assert event.content == Ignored("policy_enforcement")
    assert (event.sender_role, event.place.chat) == (SenderRole.INSIDER, rig.PAGE)


@pytest.mark.parametrize("kind", ["optin", "account_linking", "game_play", "messaging_feedback", "new-2027"])
def test_other_kinds_are_nobodys_words_by_their_names(kind: str) -> None:
    event = rig.one(**{kind: {"ref": "x"}})

    assert event.content == Ignored(kind)
    assert event.sender_role is SenderRole.CUSTOMER


def test_somebody_whom_only_a_plug_in_knows_has_a_place_too() -> None:
    optin: rig.Json = {"recipient": {"id": rig.PAGE}, "timestamp": rig.STAMP, "optin": {"user_ref": "ref-1"}}

    (event,) = rig.parsed(optin)

    assert (event.place.chat, event.content) == ("ref-1", Ignored("optin"))


def test_the_dashboards_test_button_is_heard_and_the_feed_is_not() -> None:
    value = rig.item(message={"mid": "test_message_id", "text": "test_message"})
    changes = [
        {"field": "messages", "value": value},
        {"field": "messaging_customer_information", "value": {"page_id": rig.PAGE}},
        {"field": "feed", "value": {"item": "comment"}},
    ]
    request = rig.signed(rig.body({"id": rig.PAGE, "time": 1795348770, "changes": changes}))

    events = rig.connector().parse(request)

    assert [event.content for event in events] == [
        Said("test_message"),
        Ignored("messaging_customer_information"),
    ]
    assert events[1].occurred_at == datetime(2026, 11, 22, 11, 59, 30, tzinfo=UTC)


def test_an_item_without_a_time_has_its_entrys_and_else_the_clocks() -> None:
    bare: rig.Json = {"sender": {"id": rig.PSID}, "recipient": {"id": rig.PAGE}, "message": {"text": "hi"}}
    entry: rig.Json = {"id": rig.PAGE, "messaging": [bare]}

    (timed,) = rig.parsed(bare)
    (untimed,) = rig.connector().parse(rig.signed(rig.body(entry)))

    assert timed.occurred_at > rig.SENT_AT
    assert untimed.occurred_at == rig.NOW


def test_an_id_longer_than_a_key_is_shortened_the_same_way_each_time() -> None:
    message = rig.item(message={"mid": "m" * 500, "text": "hi"})

    one, two = rig.parsed(message, message)

    assert one.external_id == two.external_id
    assert len(one.external_id) <= 200


def test_a_message_to_another_page_is_ignored() -> None:
    (event,) = rig.parsed(rig.item(recipient="998877", message={"mid": "m_1", "text": "Hello"}))

    assert event.content == Ignored("another_page")


def test_ids_that_are_numbers_are_read_as_ids() -> None:
    said: rig.Json = {"sender": {"id": 24871550012345678}, "recipient": {"id": int(rig.PAGE)}}
    (event,) = rig.parsed({**said, "timestamp": rig.STAMP, "message": {"mid": 77, "text": "Hello"}})

    assert (event.place.chat, event.external_id, event.content) == (rig.PSID, "77", Said("Hello"))


def test_a_quick_reply_with_files_keeps_them() -> None:
    message = {"mid": "m_1", "text": "Invite", "quick_reply": {"payload": "option:x"}}
    (event,) = rig.parsed(rig.item(message={**message, "attachments": [file("image", CDN)]}))

    assert event.content == Said("Invite", (Attachment(kind=AttachmentKind.PHOTO, ref=CDN),))


@pytest.mark.parametrize(
    ("app", "automatic"), [({}, False), ({"app_id": 263902037430900}, False), ({"app_id": 5}, True)]
)
def test_an_echo_of_another_app_is_marked_as_automatic(app: rig.Json, automatic: bool) -> None:
    echo = {"mid": "m_9", "is_echo": True, "text": "Hi", **app}
    (event,) = rig.parsed(rig.item(sender=rig.PAGE, recipient=rig.PSID, message=echo))

    assert (event.sender_role, event.automatic) == (SenderRole.INSIDER, automatic)
