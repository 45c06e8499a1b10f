"""Build the JSON of outgoing messages. Pure.

https://developers.facebook.com/docs/whatsapp/cloud-api/reference/messages
"""

import re
from collections.abc import Mapping

from bot.core.errors import Refused
from bot.core.events import Attachment, AttachmentKind
from bot.core.outbound import Template
from connectors.payload import clean
from connectors.rendering import TextPart
from connectors.whatsapp.buttons import button_action, list_action

Json = Mapping[str, object]

SENT_AS = {
    AttachmentKind.PHOTO: "image",
    AttachmentKind.VIDEO: "video",
    AttachmentKind.AUDIO: "audio",
    AttachmentKind.VOICE: "audio",
    AttachmentKind.DOCUMENT: "document",
    AttachmentKind.ORIGINAL: "document",
    AttachmentKind.STICKER: "sticker",
}
_GEO = re.compile(r"geo:(-?[0-9]{1,3}(?:\.[0-9]+)?),(-?[0-9]{1,3}(?:\.[0-9]+)?)")
_TEL = re.compile(r"tel:(\+?[0-9][0-9().-]{0,30})")
_NAME_CHARS = 200


def message_to(chat: str, content: Json, *, reply_to: str = "") -> Json:
    context = {"context": {"message_id": reply_to}} if reply_to else {}
    return {"messaging_product": "whatsapp", **_address(chat), **context, **content}


def _address(chat: str) -> Json:
    """Return the recipient as JSON: a number, Meta's id of a person who hides theirs (`DE.1234…`), or a
    group.

    In `to`, such an id is taken for a number, and the message is lost without an error.
    https://developers.facebook.com/documentation/business-messaging/whatsapp/business-scoped-user-ids
    """
    if re.fullmatch(r"\+?[0-9]{1,30}", chat):
        return {"recipient_type": "individual", "to": chat}
    if re.fullmatch(r"[A-Z]{2}\.[A-Za-z0-9.]{1,140}", chat):
        return {"recipient_type": "individual", "recipient": chat}
    return {"recipient_type": "group", "to": chat}


def text(part: TextPart) -> Json:
    body = clean(part.text)
    if part.buttons:
        return _interactive("button", body, button_action(part.buttons))
    if part.rows:
        return _interactive("list", body, list_action(part.rows))
    return {"type": "text", "text": {"body": body, "preview_url": False}}


def number_request(body: str) -> Json:
    """Return a message with a button by which customers share their own number.

    The answer is a contact whose origin is this request.
    https://developers.facebook.com/documentation/business-messaging/whatsapp/business-scoped-user-ids
    """
    return _interactive("request_contact_info", clean(body), {"name": "request_contact_info"})


def _interactive(kind: str, body: str, action: Json) -> Json:
    # Buttons need a text above them: WhatsApp refuses an empty body.
    return {
        "type": "interactive",
        "interactive": {"type": kind, "body": {"text": body.strip() or "…"}, "action": action},
    }


def file(attachment: Attachment, media_id: str, caption: str) -> Json:
    kind = SENT_AS[attachment.kind]
    media: dict[str, object] = {"id": media_id}
    if caption:
        media["caption"] = clean(caption)
    if kind == "document":
        media["filename"] = file_name(attachment)
    if attachment.kind is AttachmentKind.VOICE and mime_type(attachment) == "audio/ogg":
        media["voice"] = True  # shown with the sender's picture and a transcript; only this format can be
    return {"type": kind, kind: media}


def fact(attachment: Attachment) -> Json:
    """Return a location or a contact as JSON. Raise Refused if the attachment is neither."""
    if attachment.kind is AttachmentKind.LOCATION and (geo := _GEO.match(attachment.ref)):
        named = {"name": clean(attachment.name)[:_NAME_CHARS]} if attachment.name else {}
        return {"type": "location", "location": {"latitude": geo[1], "longitude": geo[2], **named}}
    if attachment.kind is AttachmentKind.CONTACT and (tel := _TEL.match(attachment.ref)):
        # A formatted name alone is refused: it must come with one part of a name.
        name = clean(attachment.name)[:_NAME_CHARS] or tel[1]
        card = {"name": {"formatted_name": name, "first_name": name}, "phones": [{"phone": tel[1]}]}
        return {"type": "contacts", "contacts": [card]}
    raise Refused(f"{attachment.kind.value}_unreadable: what should be sent says neither where nor who")


def template(approved: Template) -> Json:
    """Return a template message as JSON.

    https://developers.facebook.com/docs/whatsapp/cloud-api/guides/send-message-templates
    """
    # Values with line breaks, tabs or runs of spaces are refused (132018).
    values = [
        {"type": "text", "text": " ".join(clean(value).split()) or "-"} for value in approved.parameters
    ]
    if approved.names:
        named = zip(values, approved.names, strict=True)
        values = [value | {"parameter_name": name} for value, name in named]
    components = {"components": [{"type": "body", "parameters": values}]} if values else {}
    return {
        "type": "template",
        "template": {
            "name": approved.name,
            "language": {"policy": "deterministic", "code": approved.language},
            **components,
        },
    }


def reaction(message: str, emoji: str) -> Json:
    """Return a reaction to a message as JSON. An empty emoji removes ours."""
    return {"type": "reaction", "reaction": {"message_id": message, "emoji": emoji}}


def seen_and_typing(message: str) -> Json:
    """Return a call that marks a message as read and shows that we type, for at most 25 seconds.

    https://developers.facebook.com/docs/whatsapp/cloud-api/typing-indicators
    """
    return {
        "messaging_product": "whatsapp",
        "status": "read",
        "message_id": message,
        "typing_indicator": {"type": "text"},
    }


def mime_type(attachment: Attachment) -> str:
    return attachment.mime_type.partition(";")[0].strip().lower()


def file_name(attachment: Attachment) -> str:
    return clean(attachment.name).strip()[:_NAME_CHARS] or attachment.kind.value
