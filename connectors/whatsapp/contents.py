"""Turn one message of WhatsApp into the content of an event. Pure; never raises.

https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages
"""

import json
import re
from collections.abc import Callable, Mapping

from bot.core.events import (
    AddressChanged,
    Attachment,
    AttachmentKind,
    Content,
    Deleted,
    Edited,
    Ignored,
    Reacted,
    Said,
    Started,
    Submitted,
    Unsupported,
)
from connectors.payload import Node
from connectors.whatsapp.buttons import tapped

_MEDIA = {
    "image": AttachmentKind.PHOTO,
    "video": AttachmentKind.VIDEO,
    "audio": AttachmentKind.AUDIO,
    "voice": AttachmentKind.VOICE,
    "document": AttachmentKind.DOCUMENT,
    "sticker": AttachmentKind.STICKER,
}
_MOVED = frozenset({"user_changed_number", "customer_changed_number", "user_changed_user_id"})
# Messages of these types without content are not shown.
_NOBODYS = frozenset({"text", "system", "contacts", "order", "reaction", "edit", "revoke"})
# Messages that WhatsApp does not pass on, and that are nobody's words.
_POLLS = frozenset({"unsupported_poll_creation", "unsupported_poll_update", "poll_creation", "poll_update"})
_MAX_CONTACTS = 50
_MAX_ITEMS = 100
_MAX_FIELDS = 100
_FIELD_CHARS = 10_000
_KIND_CHARS = 80
_VCARD_CHARS = 10_000
_ABOUT_CHARS = 200


def content_of(message: Node) -> Content:
    kind = message.text("type")
    reader = _READERS.get(kind)
    content = reader(message) if reader else None
    if content == Said("") and not _told(message):
        content = None
    nobodys = kind in _NOBODYS or _kind(message) in _POLLS
    return content or (Ignored if nobodys else Unsupported)(_kind(message))


def described(message: Node) -> str:
    """Return in lines what comes with a message besides its own words."""
    return "\n".join(filter(None, (_about(message), _told(message))))


def _told(message: Node) -> str:
    """Return what is on cards without a number, or in an order."""
    match message.text("type"):
        case "contacts":
            return "\n".join(filter(None, (_card(card) for card in _cards(message) if not _numbers(card))))
        case "order":
            return _ordered(message.node("order"))
        case _:
            return ""


def _about(message: Node) -> str:
    """Return the ad or the product that the customer sees above the message, which says little without it."""
    product, referral = message.node("context").node("referred_product"), message.node("referral")
    if item := product.id("product_retailer_id"):
        return f"About the product {item[:_ABOUT_CHARS]}"
    told = (referral.text(name) for name in ("headline", "body", "source_url"))
    title = " ".join(next(filter(None, told), "").split())[:_ABOUT_CHARS]
    source = "post" if referral.text("source_type") == "post" else "ad"
    return f"From the {source} “{title}”" if title else ""


def _kind(message: Node) -> str:
    """Return the name of a message that cannot be shown, as exactly as WhatsApp tells it."""
    kind = message.text("type") or "unknown"
    inner = message.node(kind).text("type")
    return (f"{kind}_{inner}" if inner and inner != kind else kind)[:_KIND_CHARS]


def _text(message: Node) -> Content | None:
    text = message.node("text").text("body")
    return Said(text) if text else None


def _file(message: Node) -> Content | None:
    kind = message.text("type")
    file = message.node(kind)
    ref = file.id("id")
    if not ref:  # the message has an error instead: the file did not reach Meta
        caption = file.text("caption")
        return Said(caption) if caption else None
    sent_as = AttachmentKind.VOICE if kind == "audio" and file.flag("voice") else _MEDIA[kind]
    attachment = Attachment(
        kind=sent_as, ref=ref, mime_type=file.text("mime_type"), name=file.text("filename"), size=None
    )
    return Said(file.text("caption"), (attachment,))


def _location(message: Node) -> Content | None:
    location = message.node("location")
    latitude, longitude = location.number("latitude"), location.number("longitude")
    if latitude is None or longitude is None or abs(latitude) > 90 or abs(longitude) > 180:
        return None
    name = ", ".join(filter(None, (location.text("name"), location.text("address"))))
    ref = f"geo:{latitude:.6f},{longitude:.6f}"
    return Said("", (Attachment(kind=AttachmentKind.LOCATION, ref=ref, name=name),))


def _contacts(message: Node) -> Content | None:
    """Return one attachment for each number. A card without a number is described in words instead."""
    attachments = [
        Attachment(kind=AttachmentKind.CONTACT, ref=f"tel:{number}", name=_card_name(card))
        for card in _cards(message)
        for number in _numbers(card)
    ]
    return Said("", tuple(attachments[:_MAX_CONTACTS]))


def _cards(message: Node) -> list[Node]:
    return message.nodes("contacts")[:_MAX_CONTACTS]


def _numbers(card: Node) -> list[str]:
    return [number for phone in card.nodes("phones") if (number := _number(phone))]


def _card(card: Node) -> str:
    mails = [mail.text("email") for mail in card.nodes("emails")]
    return ", ".join(filter(None, (_card_name(card), *mails)))


def _card_name(card: Node) -> str:
    """Return the name on a contact card; of a card that is only a vCard, its FN (RFC 6350) or else its N."""
    name = card.node("name")
    parts = (name.text("first_name"), name.text("last_name"))
    told = name.text("formatted_name") or " ".join(filter(None, parts)) or card.node("org").text("company")
    return told or _vcard_name(card.text("vcard"))


def _vcard_name(vcard: str) -> str:
    unfolded = re.sub(r"\r?\n[ \t]", "", vcard[:_VCARD_CHARS])
    lines = re.findall(r"(?im)^(?:item\d+\.)?(FN|N)(?:;[^:\r\n]*)?:(.+?)\s*$", unfolded)
    found = {name.upper(): value for name, value in reversed(lines)}
    if full := found.get("FN"):
        return _plain_value(full)
    family, _, given = found.get("N", "").partition(";")
    return " ".join(filter(None, (_plain_value(given.partition(";")[0]), _plain_value(family))))


def _plain_value(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value).strip()


def _number(phone: Node) -> str:
    if known := re.sub(r"\D", "", phone.text("wa_id")):
        return f"+{known}"
    return re.sub(r"[^0-9+]", "", phone.text("phone"))


def _interactive(message: Node) -> Content | None:
    interactive = message.node("interactive")
    kind = interactive.text("type")
    answered = message.node("context").text("id")
    match kind:
        case "button_reply" | "list_reply" if reply := interactive.node(kind):
            return tapped(reply, "id", "title", answered)
        case "nfm_reply":
            return _submitted(interactive.node(kind))
        case "call_permission_reply":
            return Ignored(kind)
        case _:
            return None


def _button(message: Node) -> Content | None:
    """Return a quick reply of a template as a tap of ours or as text.

    The template's authors chose its payload, so a payload that is not like ours is replaced by the button's
    text.
    """
    button = message.node("button")
    tap = tapped(button, "payload", "text", message.node("context").text("id"))
    if tap.value and tap.action.isidentifier():
        return tap
    return Said(tap.label) if tap.label else None


def _submitted(reply: Node) -> Content | None:
    """Return a flow that the customer filled in. https://developers.facebook.com/docs/whatsapp/flows"""
    try:
        values: object = json.loads(reply.text("response_json"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(values, dict):
        return None
    answers = Node({key: _flat(value) for key, value in values.items() if key != "flow_token"})
    fields = tuple((name, value[:_FIELD_CHARS]) for name, value in answers.fields())[:_MAX_FIELDS]
    return Submitted(reply.text("name") or "flow", Node(values).text("flow_token"), fields)


def _flat(value: object) -> object:
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value


def _reaction(message: Node) -> Content | None:
    reaction = message.node("reaction")
    target, emoji = reaction.text("message_id"), reaction.text("emoji")
    # An empty reaction removes one. WhatsApp does not say which: a person has at most one.
    return Reacted(target, emoji, added=bool(emoji)) if target else None


def _order(message: Node) -> Content | None:
    return Said(message.node("order").text("text"))


def _ordered(order: Node) -> str:
    lines = [_item(item) for item in order.nodes("product_items")[:_MAX_ITEMS]]
    if not lines:
        return ""
    head = f"Order from the catalog {order.id('catalog_id')}:" if order.id("catalog_id") else "Order:"
    return "\n".join((head, *lines))


def _item(item: Node) -> str:
    quantity, price = item.whole("quantity"), item.number("item_price")
    counted = f"{quantity} × " if quantity is not None else ""
    each = f", {price:g} {item.text('currency')} each" if price is not None else ""
    return f"- {counted}{item.id('product_retailer_id')}{each}"


def _system(message: Node) -> Content | None:
    system = message.node("system")
    if system.text("type") not in _MOVED:
        return None
    # API versions before 12 call it `new_wa_id`.
    address = system.text("wa_id") or system.text("new_wa_id") or system.text("user_id")
    return AddressChanged(address) if address and address != message.text("from") else None


def _edit(message: Node) -> Content | None:
    edit = message.node("edit")
    original, new = edit.text("original_message_id"), content_of(edit.node("message"))
    if not original or not isinstance(new, Said):
        return None
    return Edited(original, new.text, new.attachments)


def _revoke(message: Node) -> Content | None:
    original = message.node("revoke").text("original_message_id")
    return Deleted(original) if original else None


def _welcome(message: Node) -> Content:  # noqa: ARG001 - the chat was opened, and that is all there is to it
    return Started()


_READERS: Mapping[str, Callable[[Node], Content | None]] = {
    "text": _text,
    **dict.fromkeys(_MEDIA, _file),
    "location": _location,
    "contacts": _contacts,
    "interactive": _interactive,
    "button": _button,
    "reaction": _reaction,
    "order": _order,
    "system": _system,
    "edit": _edit,
    "revoke": _revoke,
    "request_welcome": _welcome,
}
