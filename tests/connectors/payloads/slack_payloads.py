"""Events of the Events API and interactions. https://docs.slack.dev/reference/events/message"""

from tests.connectors.payloads.corpus import Json, Kind, Payload

FILE = {"id": "F1", "name": "a.png", "mimetype": "image/png", "url_private": "https://files.slack.com/a"}


def said(subtype: str = "", **what: object) -> Json:
    frame: Json = {"type": "message", "channel": "C0SHARED", "user": "U0ZOE", "ts": "1795983000.000100"}
    frame |= {"subtype": subtype} if subtype else {}
    return {"type": "event_callback", "event_id": "Ev1", "event": {**frame, "user_team": "T0ACME", **what}}


def changed(before: Json, after: Json) -> Json:
    frame = {"user": "U0ZOE", "ts": "1795983000.000100"}
    return said("message_changed", message={**frame, **after}, previous_message={**frame, **before})


def pressed(action: str, **what: object) -> Json:
    button = {"type": "button", "action_id": action, "action_ts": "1795983001.0", "block_id": "b", **what}
    return {
        "type": "block_actions",
        "user": {"id": "U0ZOE", "team_id": "T0ACME"},
        "trigger_id": "1",
        "container": {"type": "message", "message_ts": "1795983000.000200", "channel_id": "C0SHARED"},
        "channel": {"id": "C0SHARED"},
        "message": {"ts": "1795983000.000200", "thread_ts": "1795983000.000100"},
        "actions": [button],
    }


_SERVICES = """
    channel_join channel_leave channel_topic channel_purpose channel_name channel_archive
    channel_unarchive channel_convert_to_private pinned_item bot_add bot_remove reminder_add
    huddle_thread sh_room_created tabbed_canvas_updated document_mention group_topic
    channel_posting_permissions ekm_access_denied assistant_app_thread
"""

SLACK = [
    Payload("text", Kind.WORDS, said(text="How do I invite my team?")),
    Payload("text with file", Kind.WORDS, said("file_share", text="What is this?", files=[FILE])),
    Payload("me", Kind.WORDS, said("me_message", text="wonders")),
    Payload("file", Kind.DESCRIPTION, said("file_share", text="", files=[FILE])),
    Payload(
        "recording",
        Kind.DESCRIPTION,
        said("file_share", text="", files=[{**FILE, "subtype": "slack_audio", "mimetype": "audio/webm"}]),
    ),
    Payload(
        "file kept elsewhere",
        Kind.DESCRIPTION,
        said("file_share", text="", files=[{**FILE, "is_external": True, "title": "Plan"}]),
    ),
    Payload(
        "forwarded message",
        Kind.WORDS,
        said(text="", attachments=[{"is_share": True, "author_name": "Bo", "text": "It is down"}]),
    ),
    Payload("forwarded, nothing told", Kind.UNREADABLE, said(text="", attachments=[{"is_share": True}])),
    Payload("edited text", Kind.EDIT, changed({"text": "x"}, {"text": "y"})),
    Payload("edited file", Kind.EDIT, changed({"text": "x", "files": [FILE]}, {"text": "x", "files": []})),
    Payload("preview added", Kind.NOBODY, changed({"text": "x"}, {"text": "x", "attachments": [{"id": 1}]})),
    Payload("button of ours", Kind.TAP, pressed("option:0", value="x", text={"text": "Invite"})),
    Payload("button of ours, label unknown", Kind.TAP, pressed("option:0", value="x")),
    Payload("button of another program", Kind.NOBODY, pressed("approve_deal", value="x"), foreign=True),
    Payload("nameless action", Kind.NOBODY, pressed("")),
    *(Payload(name, Kind.NOBODY, said(name, text="<@U0ZOE> did something")) for name in _SERVICES.split()),
    Payload("bot", Kind.NOBODY, said("bot_message", text="Deployed", bot_id="B1")),
    Payload(
        "deletion",
        Kind.DEED,
        said(
            "message_deleted",
            deleted_ts="1795983000.000100",
            previous_message={"user": "U0ZOE", "ts": "1795983000.000100"},
        ),
    ),
]
