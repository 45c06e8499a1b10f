"""Messages and statuses of the Cloud API, each as the value of one change.

https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages
"""

from tests.connectors.payloads.corpus import Json, Kind, Payload
from tests.connectors.whatsapp.rig import CUSTOMER, message, said


def came(kind: str, **what: object) -> Json:
    return said(message(type=kind, **what))


def system(kind: str, **what: object) -> Json:
    return came("system", system={"type": kind, "body": "User changed", **what})


def interactive(kind: str, reply: Json) -> Json:
    context = {"from": "15550783881", "id": "wamid.OURS"}
    return came("interactive", context=context, interactive={"type": kind, kind: reply})


def status(**what: object) -> Json:
    return {
        "statuses": [{"status": "delivered", "timestamp": "1749416383", "recipient_id": CUSTOMER, **what}]
    }


IMAGE = {"id": "1003383421387256", "mime_type": "image/jpeg", "sha256": "x"}
AD = {"source_type": "ad", "source_url": "https://fb.me/x", "headline": "Chat with us"}
ORDER = {"catalog_id": "7", "product_items": [{"product_retailer_id": "mug", "quantity": 2}]}

WHATSAPP = [
    Payload("text", Kind.WORDS, came("text", text={"body": "How do I invite my team?"})),
    Payload("text below an ad", Kind.WORDS, came("text", text={"body": "Hello"}, referral=AD)),
    Payload("image with caption", Kind.WORDS, came("image", image={**IMAGE, "caption": "What is this?"})),
    Payload(
        "quick reply of a template", Kind.WORDS, came("button", button={"payload": "Yes", "text": "Yes"})
    ),
    Payload("order with words", Kind.WORDS, came("order", order={**ORDER, "text": "By Friday?"})),
    Payload("image", Kind.DESCRIPTION, came("image", image=IMAGE)),
    Payload("image below an ad", Kind.DESCRIPTION, came("image", image=IMAGE, referral=AD)),
    Payload("voice note", Kind.DESCRIPTION, came("audio", audio={"id": "1", "voice": True})),
    Payload("audio", Kind.DESCRIPTION, came("audio", audio={"id": "1"})),
    Payload("video", Kind.DESCRIPTION, came("video", video={"id": "1"})),
    Payload("document", Kind.DESCRIPTION, came("document", document={"id": "1", "filename": "a.pdf"})),
    Payload("sticker", Kind.DESCRIPTION, came("sticker", sticker={"id": "1", "animated": False})),
    Payload("location", Kind.DESCRIPTION, came("location", location={"latitude": 1, "longitude": 2})),
    Payload(
        "contact",
        Kind.DESCRIPTION,
        came("contacts", contacts=[{"name": {"formatted_name": "Ines"}, "phones": [{"phone": "+4930123"}]}]),
    ),
    Payload(
        "contact without a number",
        Kind.DESCRIPTION,
        came(
            "contacts", contacts=[{"name": {"formatted_name": "Ines"}, "emails": [{"email": "i@a.example"}]}]
        ),
    ),
    Payload(
        "contact as a vCard",
        Kind.DESCRIPTION,
        came(
            "contacts",
            contacts=[{"vcard": "BEGIN:VCARD\nFN:Ines Meyer\nEND:VCARD", "phones": [{"phone": "+4930"}]}],
        ),
    ),
    Payload("order", Kind.DESCRIPTION, came("order", order=ORDER)),
    Payload("image that did not arrive", Kind.UNREADABLE, came("image", errors=[{"code": 131052}])),
    Payload("unsupported", Kind.UNREADABLE, came("unsupported", errors=[{"code": 131051}])),
    Payload("poll", Kind.NOBODY, came("unsupported", unsupported={"type": "poll_creation"})),
    Payload(
        "edited text",
        Kind.EDIT,
        came(
            "edit",
            edit={"original_message_id": "wamid.1", "message": {"type": "text", "text": {"body": "x"}}},
        ),
    ),
    Payload(
        "edited image",
        Kind.EDIT,
        came("edit", edit={"original_message_id": "wamid.1", "message": {"type": "image", "image": IMAGE}}),
    ),
    Payload("edit of nothing", Kind.NOBODY, came("edit", edit={"message": {"type": "text"}})),
    Payload("button of ours", Kind.TAP, interactive("button_reply", {"id": "option:x", "title": "Invite"})),
    Payload("button of ours, label unknown", Kind.TAP, interactive("list_reply", {"id": "option:x"})),
    Payload(
        "button of another program",
        Kind.NOBODY,
        interactive("button_reply", {"id": "menu_3", "title": "Prices"}),
        foreign=True,
    ),
    Payload("security code changed", Kind.NOBODY, system("customer_identity_changed", identity="h")),
    Payload("system message of a new kind", Kind.NOBODY, system("user_joined_something")),
    Payload("system message without type", Kind.NOBODY, came("system", system={"body": "x"})),
    Payload(
        "call permission",
        Kind.NOBODY,
        interactive("call_permission_reply", {"response": "accept", "response_source": "user_action"}),
    ),
    Payload("empty text", Kind.NOBODY, came("text", text={"body": ""})),
    Payload("no text", Kind.NOBODY, came("text")),
    Payload("no contacts", Kind.NOBODY, came("contacts", contacts=[])),
    Payload("empty order", Kind.NOBODY, came("order", order={})),
    Payload("empty reaction", Kind.NOBODY, came("reaction", reaction={"emoji": "👍"})),
    Payload("deletion of nothing", Kind.NOBODY, came("revoke", revoke={})),
    Payload(
        "message without id", Kind.NOBODY, said({"from": CUSTOMER, "type": "text", "text": {"body": "x"}})
    ),
    Payload("status without id", Kind.NOBODY, status()),
    Payload("number changed", Kind.DEED, system("user_changed_number", wa_id="16505559999")),
    Payload("reaction", Kind.DEED, came("reaction", reaction={"message_id": "wamid.1", "emoji": "👍"})),
    Payload("deletion", Kind.DEED, came("revoke", revoke={"original_message_id": "wamid.1"})),
    Payload("opened", Kind.DEED, came("request_welcome")),
    Payload("delivered", Kind.DEED, status(id="wamid.OURS")),
]
