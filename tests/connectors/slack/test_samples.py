"""Every sample of Slack's that is at hand: an event, Ignored by its kind, or of no conversation."""

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.core.events import Content, Deleted, Edited, Ignored, Reacted, Said
from connectors.payload import Node
from connectors.slack.customers.placing import placed
from connectors.slack.parsing import Parser

SHARED = Path(os.environ.get("SHARED_DIR", Path(__file__).resolve().parents[4] / "shared"))
WIRE = SHARED / "wire" / "slack"
FILES = (
    "sample_events.json",
    "java-sdk-samples/events.json",
    "java-sdk-samples/interactive_and_commands.json",
)
NOW = datetime(2026, 1, 1, tzinfo=UTC)

SAID: Mapping[str, type[Content]] = {
    "message": Said,
    "message/file_share": Said,
    "message/me_message": Said,
    "message/thread_broadcast": Said,
    "message/message_changed": Edited,
    "message/message_deleted": Deleted,
    "reaction_added": Reacted,
    "reaction_removed": Reacted,
}
_UNSUPPORTED = (
    "channel_archive channel_join channel_leave channel_name channel_posting_permissions channel_purpose"
    " channel_topic channel_unarchive ekm_access_denied group_topic"
)
# Written by a program, or said again of what was told already.
UNHEARD = frozenset({"message/bot_message", "message/message_replied"})
# Of the workspace, its people or the app, and of no conversation; or an answer to what we never show.
_ELSEWHERE = """
    app_home_opened app_mention app_rate_limited app_requested app_uninstalled block_actions call_rejected
    channel_archive channel_created channel_deleted channel_history_changed channel_id_changed channel_left
    channel_rename channel_shared channel_unarchive channel_unshared dialog_cancellation dialog_submission
    dialog_suggestion dnd_updated dnd_updated_user email_domain_changed emoji_changed file_change
    file_created file_deleted file_public file_shared file_unshared goodbye grid_migration_finished
    grid_migration_started group_archive group_close group_deleted group_history_changed group_left
    group_open group_rename group_unarchive im_close im_created im_history_changed im_open
    interactive_message invite_requested link_shared member_joined_channel member_left_channel message_action
    pin_added pin_removed resources_added resources_removed scope_denied scope_granted star_added
    star_removed subteam_created subteam_members_changed subteam_self_added subteam_self_removed
    subteam_updated team_access_granted team_access_revoked team_domain_change team_join team_rename
    tokens_revoked url_verification user_change user_huddle_changed user_profile_changed user_resource_denied
    user_resource_granted user_resource_removed user_status_changed view_closed view_submission
    workflow_deleted workflow_published workflow_step_deleted workflow_step_execute workflow_unpublished
"""
UNSUPPORTED, ELSEWHERE = frozenset(_UNSUPPORTED.split()), frozenset(_ELSEWHERE.split())
# The samples' values were blanked; these are what makes an event of them.
FILLED = {
    "user": "U0SOMEONE",
    "channel": "C0HERE",
    "ts": "1700000000.000200",
    "event_ts": "1700000000.000300",
    "deleted_ts": "1700000000.000200",
    "event_id": "Ev0SAMPLE",
    "reaction": "eyes",
    "url_private": "https://files.slack.com/x",
}


def filled(value: Any, key: str = "", *, words: str = "words") -> Any:
    if isinstance(value, dict):
        return {
            name: filled(part, name, words="other" if name == "previous_message" else words)
            for name, part in value.items()
        }
    if isinstance(value, list):
        return [filled(part, words=words) for part in value]
    if value == "":
        return words if key == "text" else FILLED.get(key, "")
    return value


def samples() -> list[tuple[str, Node]]:
    found = []
    for file in FILES:
        if not (WIRE / file).exists():
            pytest.skip(f"{file} is not at hand (SHARED_DIR names its folder)")
        for sample in json.loads((WIRE / file).read_text()).values():
            payload = sample.get("payload", sample)
            if not isinstance(payload, dict):
                continue
            event = payload.get("event") or {}
            kind = event.get("type") or payload.get("type") or ("command" if "command" in payload else "")
            subtype = event.get("subtype") or ""
            found.append((f"{kind}/{subtype}" if subtype else kind, Node(filled(payload))))
    return [(kind, node) for kind, node in found if kind]


def test_no_sample_is_left_unclassified() -> None:
    found = samples()
    known = {*SAID, *UNHEARD, *ELSEWHERE, *(f"message/{kind}" for kind in UNSUPPORTED), "command"}
    assert len(found) > 100
    assert {kind for kind, _ in found} - known == set()


def test_every_sample_becomes_what_it_is_classified_as() -> None:
    for kind, sample in samples():
        event = Parser("slack").callback(sample, "U0US", NOW)
        if kind in SAID:
            assert event is not None, kind
            assert isinstance(event.content, SAID[kind]), kind
            if not isinstance(event.content, Reacted):
                heard = placed(event, sample.node("event"), "T0HOME")
                assert heard is not None
                assert heard.event.place.thread, kind
        elif kind.removeprefix("message/") in UNSUPPORTED and kind.startswith("message/"):
            assert event is not None
            assert event.content == Ignored(kind.removeprefix("message/"))
            assert placed(event, sample.node("event"), "T0HOME") is None  # nothing that a customer says
        else:
            assert event is None, kind
