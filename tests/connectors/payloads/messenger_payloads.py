"""Items of a Page's webhook.

https://developers.facebook.com/documentation/business-messaging/messenger-platform/webhooks/webhook-events
"""

from tests.connectors.messenger.rig import item
from tests.connectors.payloads.corpus import Json, Kind, Payload


def said(**what: object) -> Json:
    return item(message={"mid": "m_1", **what})


def attached(kind: str, **payload: object) -> Json:
    return said(attachments=[{"type": kind, "payload": payload}])


URL = "https://cdn.example/x"

MESSENGER = [
    Payload("text", Kind.WORDS, said(text="How do I invite my team?")),
    Payload(
        "text with image",
        Kind.WORDS,
        said(text="What is this?", attachments=[{"type": "image", "payload": {"url": URL}}]),
    ),
    Payload("quick reply of another program", Kind.WORDS, said(text="Prices", quick_reply={"payload": "P"})),
    Payload("image", Kind.DESCRIPTION, attached("image", url=URL)),
    Payload("thumb", Kind.DESCRIPTION, attached("image", url=URL, sticker_id=369239263222822)),
    Payload("audio", Kind.DESCRIPTION, attached("audio", url=URL)),
    Payload("video", Kind.DESCRIPTION, attached("video", url=URL)),
    Payload("file", Kind.DESCRIPTION, attached("file", url=URL)),
    Payload("location", Kind.DESCRIPTION, attached("location", coordinates={"lat": 1, "long": 2})),
    Payload("shared link", Kind.DESCRIPTION, attached("fallback", url=URL, title="Ten tips")),
    Payload("shared reel", Kind.DESCRIPTION, attached("reel", url=URL, title="A reel")),
    Payload(
        "shared template", Kind.DESCRIPTION, attached("template", text="Buy", buttons=[{"title": "Now"}])
    ),
    Payload("unsupported", Kind.UNREADABLE, said(is_unsupported=True)),
    Payload("image that did not arrive", Kind.UNREADABLE, attached("image")),
    Payload("edited text", Kind.EDIT, item(message_edit={"mid": "m_1", "text": "x", "num_edit": 1})),
    Payload("edit of nothing", Kind.NOBODY, item(message_edit={"text": "x"})),
    Payload("quick reply of ours", Kind.TAP, said(text="Invite", quick_reply={"payload": "option:x"})),
    Payload(
        "button of ours", Kind.TAP, item(postback={"mid": "m_2", "title": "Invite", "payload": "option:x"})
    ),
    Payload("button of ours, label unknown", Kind.TAP, item(postback={"mid": "m_2", "payload": "option:x"})),
    Payload(
        "button of another program",
        Kind.NOBODY,
        item(postback={"mid": "m_2", "title": "Prices", "payload": "PRICES"}),
        foreign=True,
    ),
    Payload("opt-in", Kind.NOBODY, item(optin={"type": "notification_messages", "payload": "x"})),
    Payload("plug-in opt-in", Kind.NOBODY, item(optin={"ref": "x", "user_ref": "r"})),
    Payload(
        "account linked", Kind.NOBODY, item(account_linking={"status": "linked", "authorization_code": "x"})
    ),
    Payload("account unlinked", Kind.NOBODY, item(account_linking={"status": "unlinked"})),
    Payload("policy", Kind.NOBODY, item(policy_enforcement={"action": "warning", "reason": "x"})),
    Payload("app roles", Kind.NOBODY, item(app_roles={"1": ["primary_receiver"]})),
    Payload("thread passed", Kind.DEED, item(pass_thread_control={})),
    Payload("thread passed to some app", Kind.NOBODY, item(pass_thread_control={"new_owner_app_id": "1"})),
    Payload("thread taken", Kind.DEED, item(take_thread_control={"previous_owner_app_id": "1"})),
    Payload("game", Kind.NOBODY, item(game_play={"game_id": "1"})),
    Payload("payment", Kind.NOBODY, item(payment={"payload": "x"})),
    Payload("feedback", Kind.NOBODY, item(messaging_feedback={"feedback_screens": []})),
    Payload("empty message", Kind.NOBODY, said()),
    Payload("empty text", Kind.NOBODY, said(text="")),
    Payload("empty item", Kind.NOBODY, item()),
    Payload("delivery of nothing", Kind.NOBODY, item(delivery={})),
    Payload("read of nothing", Kind.NOBODY, item(read={})),
    Payload("reaction to nothing", Kind.NOBODY, item(reaction={"action": "react", "emoji": "👍"})),
    Payload("postback of nothing", Kind.NOBODY, item(postback={})),
    Payload("reaction", Kind.DEED, item(reaction={"mid": "m_0", "action": "react", "emoji": "👍"})),
    Payload("deletion", Kind.DEED, said(is_deleted=True)),
    Payload("opened", Kind.DEED, item(postback={"title": "Get Started", "payload": "GET_STARTED"})),
    Payload("came by a link", Kind.DEED, item(referral={"ref": "x", "source": "SHORTLINK"})),
    Payload("read", Kind.DEED, item(read={"watermark": 1795348770250})),
]
