"""Arbitrary signed requests: each becomes events or a MalformedPayload, the same each time."""

import json
from datetime import UTC

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.errors import MalformedPayload
from bot.core.events import Event
from bot.core.outbound import Button
from connectors.messenger.media import may_fetch
from connectors.messenger.payloads import payload_of, tapped
from tests.connectors.messenger import rig
from tests.lengths import times

fuzzing = settings(max_examples=times(300), deadline=None, database=None, derandomize=True)

_KEYS = """
    sender recipient id timestamp message mid text attachments type payload url title coordinates lat
    long quick_reply reply_to is_echo metadata app_id postback referral ref reaction emoji action
    delivery mids watermark read message_edit num_edit optin user_ref pass_thread_control elements
    product buttons sticker_id is_deleted tags source ads_context_data ad_title
"""
KEYS = st.sampled_from(_KEYS.split())
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=True)
    | st.text(max_size=20)
    | st.sampled_from(
        [rig.PAGE, rig.PSID, "image", "template", "fallback", "location", "\ud800", "\0", "react"]
    )
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
ITEMS = st.dictionaries(KEYS, VALUES, max_size=5)


def parsed(body: bytes) -> tuple[Event, ...]:
    try:
        return rig.connector().parse(rig.signed(body))
    except MalformedPayload:
        return ()


@fuzzing
@given(st.lists(ITEMS, max_size=3), st.sampled_from(["messaging", "standby"]))
def test_every_item_is_one_event_that_can_be_kept(items: list[rig.Json], where: str) -> None:
    body = json.dumps({"object": "page", "entry": [{"id": rig.PAGE, where: items}]}).encode()

    events = parsed(body)

    assert len(events) == len(items)
    for event in events:
        assert 0 < len(event.external_id) <= 200
        assert event.occurred_at.tzinfo is UTC
        kept = repr(event)
        assert not any(code in kept for code in ("\\x00", "\\ud800"))
    assert [event.external_id for event in parsed(body)] == [event.external_id for event in events]


@fuzzing
@given(st.dictionaries(st.sampled_from(["object", "entry", "id", "messaging", "changes", "time"]), VALUES))
def test_an_envelope_of_any_kind_harms_nobody(envelope: rig.Json) -> None:
    parsed(json.dumps({**envelope, "object": "page"}).encode())


@fuzzing
@given(st.binary(max_size=200))
def test_bytes_of_any_kind_harm_nobody(body: bytes) -> None:
    parsed(body)


@fuzzing
@given(st.from_regex(r"[A-Za-z0-9_.-]{1,30}", fullmatch=True), st.text(max_size=200))
def test_a_button_brings_back_what_it_was_given(action: str, value: str) -> None:
    sent = payload_of(Button(action, value, "label"))

    tap = tapped(sent, "label")

    assert (tap.action, tap.value) == (action, value.replace("\0", ""))


@fuzzing
@given(st.text(alphabet="htps:/.@\\#?fbcdnetx %\r\n[]", max_size=60))
def test_only_metas_hosts_pass(url: str) -> None:
    if may_fetch(url, ""):
        host = url.removeprefix("https://").partition("/")[0]
        assert host == "fbcdn.net" or host.endswith(".fbcdn.net")
        assert not set(host) & set("@\\#?% :[]")
