"""Updates of the Bot API. https://core.telegram.org/bots/api#update"""

from tests.connectors.payloads.corpus import Json, Kind, Payload

MAYA = {"id": 7000000001, "is_bot": False, "first_name": "Maya", "language_code": "en"}
CHAT = {"id": 7000000001, "type": "private", "first_name": "Maya"}
GROUP = {"id": -100777, "type": "supergroup", "title": "Customers"}
SIZES = [{"file_id": "p1", "width": 90, "height": 60}, {"file_id": "p2", "width": 900, "height": 600}]


def said(**what: object) -> Json:
    return {"message": {"message_id": 11, "from": MAYA, "chat": CHAT, "date": 1795983000, **what}}


def edited(**what: object) -> Json:
    edit = {"message_id": 11, "from": MAYA, "chat": CHAT, "date": 1795983000, "edit_date": 1795983100}
    return {"edited_message": {**edit, **what}}


def pressed(data: str | None, **message: object) -> Json:
    bot = {"id": 700000001, "is_bot": True, "first_name": "Brightdesk"}
    shown = {"message_id": 9, "from": bot, "chat": CHAT, "date": 1795982000, **message}
    query: Json = {"id": "q1", "from": MAYA, "chat_instance": "1", "message": shown}
    return {"callback_query": query if data is None else {**query, "data": data}}


def member(status: str, chat: Json) -> Json:
    bot = {"id": 700000001, "is_bot": True, "first_name": "Brightdesk"}
    old, new = {"user": bot, "status": "member"}, {"user": bot, "status": status, "until_date": 0}
    return {"from": MAYA, "chat": chat, "date": 1795983000, "old_chat_member": old, "new_chat_member": new}


POLL = {"id": "1", "question": "Which?", "options": [{"text": "A", "voter_count": 1}]}
PINNED = {"message_id": 1, "date": 1, "chat": CHAT, "text": "x"}
KEYS = {"inline_keyboard": [[{"text": "Invite people", "callback_data": "option:article:invite"}]]}
_SERVICES: Json = {
    "pinned_message": PINNED,
    "message_auto_delete_timer_changed": {"message_auto_delete_time": 86400},
    "chat_background_set": {"type": {"type": "fill"}},
    "write_access_allowed": {"from_request": True},
    "connected_website": "brightdesk.example",
    "users_shared": {"request_id": 1, "users": [{"user_id": 5}]},
    "chat_shared": {"request_id": 1, "chat_id": -5},
    "successful_payment": {"currency": "EUR", "total_amount": 100, "invoice_payload": "x"},
    "gift": {"gift": {"id": "g"}},
    "boost_added": {"boost_count": 1},
    "proximity_alert_triggered": {"traveler": MAYA, "watcher": MAYA, "distance": 10},
    "checklist_tasks_done": {"marked_as_done_task_ids": [1]},
    "suggested_post_paid": {"currency": "XTR"},
    "web_app_data": {"data": "x", "button_text": "Open"},
    "video_chat_started": {},
    "poll_option_added": {"option_text": "C"},
    "forum_topic_edited": {"name": "x"},
}

TELEGRAM = [
    Payload("text", Kind.WORDS, said(text="How do I invite my team?")),
    Payload("text of one emoji", Kind.WORDS, said(text="👍")),
    Payload("photo with caption", Kind.WORDS, said(photo=SIZES, caption="Why does it look like this?")),
    Payload("photo", Kind.DESCRIPTION, said(photo=SIZES)),
    Payload("photo of one bare id", Kind.DESCRIPTION, said(photo=[{"file_id": "p1"}])),
    Payload("document, id alone", Kind.DESCRIPTION, said(document={"file_id": "d1"})),
    Payload("voice note, id alone", Kind.DESCRIPTION, said(voice={"file_id": "v1"})),
    Payload("audio, id alone", Kind.DESCRIPTION, said(audio={"file_id": "a1"})),
    Payload("video, id alone", Kind.DESCRIPTION, said(video={"file_id": "v2"})),
    Payload("video note, id alone", Kind.DESCRIPTION, said(video_note={"file_id": "v3"})),
    Payload("animation", Kind.DESCRIPTION, said(animation={"file_id": "g1"}, document={"file_id": "g1"})),
    Payload("sticker of an old version", Kind.DESCRIPTION, said(sticker={"file_id": "s1", "emoji": "👍"})),
    Payload("sticker, id alone", Kind.DESCRIPTION, said(sticker={"file_id": "s1"})),
    Payload(
        "voice note of today",
        Kind.DESCRIPTION,
        said(voice={"file_id": "v1", "file_unique_id": "u", "duration": 4, "mime_type": "audio/ogg"}),
    ),
    Payload("location", Kind.DESCRIPTION, said(location={"latitude": 52.5, "longitude": 13.4})),
    Payload("contact", Kind.DESCRIPTION, said(contact={"phone_number": "+4930123", "first_name": "Ines"})),
    Payload("dice", Kind.UNREADABLE, said(dice={"emoji": "🎲", "value": 3})),
    Payload("forwarded poll", Kind.NOBODY, said(poll=POLL)),
    Payload("forwarded story", Kind.UNREADABLE, said(story={"id": 1, "chat": GROUP})),
    Payload("edited text", Kind.EDIT, edited(text="How do I invite my whole team?")),
    Payload("replaced photo", Kind.EDIT, edited(photo=SIZES, caption="This one")),
    Payload("newest point", Kind.EDIT, edited(location={"latitude": 52.6, "longitude": 13.5})),
    Payload("edited game", Kind.NOBODY, edited(game={"title": "x", "description": "y", "photo": SIZES})),
    Payload("button of ours", Kind.TAP, pressed("option:article:invite", reply_markup=KEYS)),
    Payload("button of ours, label unknown", Kind.TAP, pressed("option:article:invite")),
    Payload("button of another program", Kind.NOBODY, pressed("menu_3"), foreign=True),
    Payload("button of a game", Kind.NOBODY, pressed(None)),
    *(Payload(name, Kind.NOBODY, said(**{name: what})) for name, what in _SERVICES.items()),
    Payload("poll closed", Kind.NOBODY, {"poll": POLL}),
    Payload("poll answered", Kind.NOBODY, {"poll_answer": {"poll_id": "1", "user": MAYA, "option_ids": [0]}}),
    Payload("inline query", Kind.NOBODY, {"inline_query": {"id": "1", "from": MAYA, "query": "x"}}),
    Payload("channel post", Kind.NOBODY, {"channel_post": {"message_id": 1, "chat": GROUP, "text": "x"}}),
    Payload("join request", Kind.NOBODY, {"chat_join_request": {"chat": GROUP, "from": MAYA, "date": 1}}),
    Payload("chat boost", Kind.NOBODY, {"chat_boost": {"chat": GROUP, "boost": {}}}),
    Payload("blocked", Kind.DEED, {"my_chat_member": member("kicked", CHAT)}),
    Payload("unblocked", Kind.DEED, {"my_chat_member": member("member", CHAT)}),
    Payload("opened", Kind.DEED, said(text="/start")),
    Payload(
        "reaction",
        Kind.DEED,
        {
            "message_reaction": {
                "chat": CHAT,
                "message_id": 9,
                "user": MAYA,
                "date": 1795983000,
                "old_reaction": [],
                "new_reaction": [{"type": "emoji", "emoji": "👍"}],
            }
        },
    ),
]
