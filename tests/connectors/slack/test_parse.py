"""Payloads as events: Slack's samples, the kinds we know, and whatever a fuzzer makes of them."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.events import (
    AttachmentKind,
    Deleted,
    Edited,
    Event,
    Ignored,
    Reacted,
    Reference,
    Said,
    Submitted,
    Tapped,
    Unsupported,
)
from connectors.payload import Node
from connectors.slack.parsing import Parser
from connectors.slack.timestamp import moment
from tests.lengths import times

EXAMPLES = times(1000)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
US = "U0BOT"
PARSER = Parser("slack")
TS = "1700000000.000100"
ROOT = "1699999999.000100"

MESSAGE: dict[str, Any] = {
    "type": "message",
    "user": "U1",
    "text": "hello",
    "ts": TS,
    "channel": "C1",
    "event_ts": TS,
}
REPLY = MESSAGE | {"thread_ts": ROOT, "parent_user_id": US}
FILE = {"url_private": "https://files.slack.com/x", "mimetype": "image/png", "name": "x.png", "size": 3}


def parsed(event: dict[str, Any], parser: Parser = PARSER) -> Event | None:
    envelope = {"type": "event_callback", "event_id": "Ev1", "event": event}
    return parser.callback(Node(envelope), US, NOW)


def some(event: dict[str, Any], parser: Parser = PARSER) -> Event:
    found = parsed(event, parser)
    assert found is not None
    return found


def test_a_message_in_a_channel_stands_outside_of_threads() -> None:
    event = some(MESSAGE)
    assert (event.place.chat, event.place.thread, event.message) == ("C1", "", TS)
    assert (event.external_id, event.sender.external_id) == ("Ev1", "U1")
    assert event.content == Said("hello")
    assert event.occurred_at == moment(TS)
    assert not event.in_our_thread


def test_a_reply_is_in_its_thread_and_we_know_our_own_threads() -> None:
    assert some(REPLY).place.thread == ROOT
    assert some(REPLY).in_our_thread
    assert not some(REPLY | {"parent_user_id": "U2"}).in_our_thread


@pytest.mark.parametrize("subtype", ["thread_broadcast", "me_message", "file_share"])
def test_words_are_words_however_they_were_sent(subtype: str) -> None:
    event = some(REPLY | {"subtype": subtype})
    assert (event.content, event.place.thread, event.message) == (Said("hello"), ROOT, TS)


@pytest.mark.parametrize(
    ("mime_type", "kind"),
    [
        ("image/png", AttachmentKind.PHOTO),
        ("audio/mp4", AttachmentKind.AUDIO),
        ("video/mp4", AttachmentKind.VIDEO),
        ("application/pdf", AttachmentKind.DOCUMENT),
        ("", AttachmentKind.DOCUMENT),
    ],
)
def test_files_become_attachments(mime_type: str, kind: AttachmentKind) -> None:
    content = some(MESSAGE | {"subtype": "file_share", "files": [FILE | {"mimetype": mime_type}]}).content
    assert isinstance(content, Said)
    (file,) = content.attachments
    assert (file.kind, file.ref, file.name, file.size) == (kind, FILE["url_private"], "x.png", 3)


def test_edits_are_events_and_previews_are_not() -> None:
    changed = {"type": "message", "subtype": "message_changed", "channel": "C1", "event_ts": TS}
    edit = changed | {"message": REPLY | {"text": "new"}, "previous_message": REPLY}
    assert some(edit).content == Edited(TS, "new")
    assert some(edit).place.thread == ROOT
    assert parsed(changed | {"message": REPLY, "previous_message": REPLY}) is None
    assert (
        parsed(changed | {"message": REPLY | {"text": "new", "bot_id": "B1"}, "previous_message": REPLY})
        is None
    )


FORWARD = {"is_share": True, "is_msg_unfurl": True, "author_name": "Bo <b>", "text": "It *fell*\nover"}


def test_a_forwarded_message_is_read_with_the_words_around_it_and_its_files() -> None:
    assert some(MESSAGE | {"text": "", "attachments": [FORWARD]}).content == Said(
        "&gt; Bo &lt;b&gt;:\n&gt; It *fell*\n&gt; over"
    )
    both = MESSAGE | {
        "text": "please look",
        "attachments": [FORWARD | {"files": [FILE]}, {"text": "preview"}],
    }
    content = some(both).content
    assert isinstance(content, Said)
    assert content.text == "please look\n\n&gt; Bo &lt;b&gt;:\n&gt; It *fell*\n&gt; over"
    assert [file.name for file in content.attachments] == ["x.png"]
    changed = {"type": "message", "subtype": "message_changed", "channel": "C1", "event_ts": TS}
    edit = changed | {"message": both | {"text": "please"}, "previous_message": both}
    edited = some(edit).content
    assert isinstance(edited, Edited)
    assert edited.text.startswith("please\n\n&gt; Bo")
    unfurled = changed | {"message": MESSAGE | {"attachments": [FORWARD]}, "previous_message": MESSAGE}
    assert parsed(unfurled) is None  # a preview that Slack puts under a link later on


def test_a_forwarded_message_says_whose_it_was() -> None:
    told = some(MESSAGE | {"text": "please look", "attachments": [FORWARD, FORWARD]})
    assert told.reference == Reference(forwarded=True, origin="Bo <b>")


def test_a_forward_without_a_text_shows_the_fallback_of_slack() -> None:
    told = {"is_share": True, "fallback": "[10:00] Bo: hi"}
    assert some(MESSAGE | {"text": "", "attachments": [told]}).content == Said("&gt; [10:00] Bo: hi")


def _is_forwarded(message: dict[str, object]) -> bool:
    return some(MESSAGE | message).reference.forwarded


def test_a_text_or_file_of_somebody_else_is_marked_as_forwarded() -> None:
    link = "https://acme.slack.com/archives/C2/p17?thread_ts=1.2&cid=C2"
    unfurled = {"is_msg_unfurl": True, "from_url": link, "text": "theirs"}
    assert _is_forwarded({"text": "please look", "attachments": [FORWARD]})
    assert _is_forwarded({"text": "", "attachments": [unfurled]})
    assert _is_forwarded({"subtype": "file_share", "files": [FILE | {"user": "U2"}]})
    assert not _is_forwarded({"subtype": "file_share", "files": [FILE | {"user": MESSAGE["user"]}]})
    own = f"see <{link.replace('&', '&amp;')}>"
    assert not _is_forwarded({"text": own, "attachments": [unfurled]}), "they wrote the link"
    assert some(MESSAGE | {"text": own, "attachments": [unfurled]}).content == Said(own)
    assert not _is_forwarded({"text": "hi", "attachments": [{"text": "preview of a page"}]})


def test_a_file_that_others_keep_is_a_link_and_nothing_to_fetch() -> None:
    drive = {"id": "F9", "mode": "external", "is_external": True, "name": "Plan <2>"}
    drive["url_private"] = "https://docs.example/d/1?a=1&b=2"
    shared = MESSAGE | {"subtype": "file_share", "text": "see", "files": [drive, FILE]}
    content = some(shared).content
    assert isinstance(content, Said)
    assert content.text == "see"
    assert some(shared).reference.described == "Plan <2> https://docs.example/d/1?a=1&b=2"
    staffs = some(shared, Parser("slack", apps=True)).content
    link = "<https://docs.example/d/1?a=1&amp;b=2|Plan &lt;2&gt;>"
    assert staffs == Said(f"see\n\n{link}", content.attachments)
    assert [file.name for file in content.attachments] == ["x.png"]
    told = "<https://docs.example/d/1?a=1&amp;b=2>"
    assert some(shared | {"text": told, "files": [drive]}).content == Said(told)


def test_deletions_are_events_also_of_a_root_that_leaves_a_tombstone() -> None:
    deleted = {
        "type": "message",
        "subtype": "message_deleted",
        "channel": "C1",
        "deleted_ts": TS,
        "previous_message": REPLY,
        "event_ts": TS,
    }
    assert some(deleted).content == Deleted(TS)
    assert some(deleted).place.thread == ROOT
    tombstone = {"subtype": "tombstone", "ts": TS, "user": "USLACKBOT"}
    gone = deleted | {"subtype": "message_changed", "message": tombstone}
    assert some(gone).content == Deleted(TS)


def test_reactions_name_their_message() -> None:
    reaction = {
        "type": "reaction_added",
        "user": "U1",
        "reaction": "eyes",
        "item": {"type": "message", "channel": "C1", "ts": TS},
        "event_ts": TS,
    }
    assert some(reaction).content == Reacted(TS, "👀", True)
    for name, shown in (("+1::skin-tone-3", "👍"), ("melting_face", "🫠"), ("our_logo", ":our_logo:")):
        assert some(reaction | {"reaction": name}).content == Reacted(TS, shown, True)
    assert some(reaction | {"type": "reaction_removed"}).content == Reacted(TS, "👀", False)
    assert parsed(reaction | {"user": US}) is None


def test_bots_are_not_heard_and_we_ourselves_least() -> None:
    assert parsed(MESSAGE | {"user": US}) is None
    assert parsed(MESSAGE | {"bot_id": "B9"}) is None
    assert parsed(MESSAGE | {"user": "USLACKBOT"}) is None
    assert parsed(MESSAGE | {"subtype": "bot_message"} | {"user": ""}) is None


def test_a_known_person_doing_something_unknown_says_nothing() -> None:
    assert some(MESSAGE | {"subtype": "channel_topic"}).content == Ignored("channel_topic")
    assert some(MESSAGE | {"text": "", "attachments": [{}]}).content == Unsupported("forwarded")
    assert parsed({"type": "team_join", "user": {"id": "U1"}}) is None


def test_a_tap_gives_back_what_the_button_carried() -> None:
    payload = {
        "type": "block_actions",
        "user": {"id": "U1", "username": "ana"},
        "trigger_id": "t1",
        "container": {"message_ts": TS, "channel_id": "C1"},
        "message": {"user": US, "ts": TS},
        "actions": [
            {
                "type": "button",
                "action_id": "take:0",
                "value": "e-1",
                "text": {"type": "plain_text", "text": "Take"},
                "action_ts": TS,
            }
        ],
    }
    (tap,) = PARSER.taps(Node(payload), US, NOW)
    assert tap.content == Tapped("take", "e-1", "Take", TS)
    assert (tap.place.chat, tap.place.thread, tap.in_our_thread) == ("C1", TS, True)
    assert tap.external_id == PARSER.taps(Node(payload), US, NOW)[0].external_id


def test_a_form_sent_brings_back_its_subject_and_place() -> None:
    payload = {
        "type": "view_submission",
        "user": {"id": "U1"},
        "trigger_id": "t2",
        "view": {
            "id": "V1",
            "callback_id": "assign",
            "private_metadata": json.dumps({"value": "e-1", "chat": "C1", "thread": ROOT}),
            "state": {"values": {"person": {"answer": {"type": "users_select", "selected_user": "U2"}}}},
        },
    }
    event = PARSER.submission(Node(payload), NOW)
    assert event is not None
    assert event.content == Submitted("assign", "e-1", (("person", "U2"),))
    assert (event.place.chat, event.place.thread) == ("C1", ROOT)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@st.composite
def bent(draw: st.DrawFn, whole: Any) -> Any:
    """A payload with some of its parts missing, or replaced by anything."""
    match draw(st.integers(0, 12)):
        case 0:
            return draw(JSON)
        case 1:
            return draw(st.sampled_from(["", "\ud800", "\0", "9" * 40, "-1.5", "<@U1>"]))
        case _:
            pass
    if isinstance(whole, dict):
        return {key: draw(bent(part)) for key, part in whole.items() if draw(st.integers(0, 15))}
    if isinstance(whole, list):
        return [draw(bent(part)) for part in whole]
    return whole


WHOLE: list[dict[str, Any]] = [
    {
        "type": "event_callback",
        "event_id": "Ev1",
        "event": REPLY | {"files": [FILE], "subtype": "file_share"},
    },
    {
        "type": "event_callback",
        "event_id": "Ev1",
        "authorizations": [{"user_id": US, "is_bot": True}],
        "event": {
            "type": "message",
            "subtype": "message_changed",
            "channel": "C1",
            "message": REPLY | {"text": "*new* <@U1>"},
            "previous_message": REPLY,
            "event_ts": TS,
        },
    },
    {
        "type": "event_callback",
        "event_id": "Ev1",
        "event": {
            "type": "reaction_added",
            "user": "U1",
            "item": {"type": "message", "channel": "C", "ts": TS},
        },
    },
    {
        "type": "block_actions",
        "user": {"id": "U1", "username": "ana"},
        "trigger_id": "t1",
        "container": {"message_ts": TS, "channel_id": "C1", "thread_ts": ROOT},
        "message": {"user": US, "ts": TS},
        "actions": [
            {"type": "button", "action_id": "take:0", "value": "e", "text": {"text": "T"}, "action_ts": TS}
        ],
    },
    {
        "type": "view_submission",
        "user": {"id": "U1"},
        "view": {
            "id": "V1",
            "callback_id": "assign",
            "private_metadata": '{"value": "e", "chat": "C1", "thread": ""}',
            "state": {"values": {"person": {"a": {"selected_user": "U2"}}}},
        },
    },
]
PAYLOADS = st.sampled_from(WHOLE).flatmap(bent)


@pytest.mark.long
@settings(max_examples=EXAMPLES, deadline=None)
@given(PAYLOADS)
def test_parsing_never_raises_and_its_events_can_be_stored(payload: Any) -> None:
    node = Node(payload)
    found = [PARSER.callback(node, US, NOW), PARSER.submission(node, NOW), *PARSER.taps(node, US, NOW)]
    for event in filter(None, found):
        repr(event).encode()
        assert "\\x00" not in repr(event)


def test_a_form_of_the_workflow_builder_is_heard_where_the_account_says_so() -> None:
    form = {
        "type": "message",
        "subtype": "bot_message",
        "bot_id": "B777",
        "username": "Support request form",
        "workflow_id": "Wf1",
        "channel": "C1",
        "text": "*New request* of <@U0INES|ines>\nHow do I invite my team?",
        "ts": TS,
    }
    listening = Parser("slack", workflows=True)
    assert parsed(form) is None
    assert (some(form, listening).sender.external_id, some(form, listening).content) == (
        "U0INES",
        Said(form["text"]),
    )
    unnamed = some(form | {"text": "How do I invite my team?"}, listening)
    assert (unnamed.sender.external_id, unnamed.sender.display_name) == ("Wf1", "Support request form")
    assert parsed(MESSAGE | {"bot_id": "B9"}, listening) is None


def test_standard_emoji_are_those_that_the_blocks_tell() -> None:
    def emoji(name: str, unicode: str, **more: object) -> dict[str, Any]:
        return {"type": "emoji", "name": name, "unicode": unicode, **more}

    line = [
        emoji("flag-de", "1f1e9-1f1ea"),
        emoji("wave", "1f44b-1f3fc", skin_tone=3),
        emoji("wave", "1f44b"),
        emoji("smiling_face_with_3_hearts", "1f970"),
        emoji("broken", "zz"),
    ]
    quote = {"type": "rich_text_quote", "elements": line}
    blocks = [{"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [quote]}]}]
    text = ":flag-de: :wave::skin-tone-3: :wave: :smiling_face_with_3_hearts: `:wave:` :broken: :our_logo:"
    assert some(MESSAGE | {"text": text, "blocks": blocks}).content == Said(
        "🇩🇪 👋🏼 👋 🥰 `:wave:` :broken: :our_logo:"
    )
