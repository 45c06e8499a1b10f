"""Ten thousand payloads that are signed as they should be, and as wrong as they can be.

Of FUZZ_EXAMPLES batches (100, half for each platform) each holds a hundred payloads: some as the platform's
published schema allows them, the others bent from those. Never a 5xx, and what is accepted is stored once.
"""

import asyncio
import json
import os
import random
from collections import Counter
from pathlib import Path
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from bot.core.connector import RawRequest
from bot.core.entries import is_nobodys
from bot.core.errors import MalformedPayload
from bot.core.events import Edited, ReachabilityChanged, Reacted
from connectors.telegram.connector import TelegramConnector
from connectors.telegram.updates import ALLOWED_UPDATES
from tests.conftest import ROOT
from tests.lengths import times
from tests.webhooks.conftest import FORM, Webhooks, envelope, tap, update
from tests.webhooks.schemas import Json, TelegramTypes, believable, broken, of_schema

BATCHES = times(100)
SIZE = 100
AT_ONCE = 20
WIRE = Path(os.environ.get("SHARED_DIR", ROOT.parent / "shared")) / "wire"
TELEGRAM = WIRE / "telegram" / "bot_api_10.1.min.json"
SLACK = WIRE / "slack" / "slack_common_event_wrapper_schema.json"
fuzzing = settings(
    max_examples=BATCHES // 2,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate],  # a failure shows its payload; the webhooks remembers too much to shrink it
    suppress_health_check=list(HealthCheck),
)


def _said() -> st.SearchStrategy[Json]:
    """Without the published schemas: our own messages, to be bent."""
    return st.builds(lambda text: update(1, text=text), st.text(max_size=30))


def telegram_payloads() -> st.SearchStrategy[Json]:
    return TelegramTypes(TELEGRAM).updates(ALLOWED_UPDATES) if TELEGRAM.is_file() else _said()


def slack_payloads() -> st.SearchStrategy[Json]:
    """Envelopes of events, presses of buttons, forms sent, and slash commands."""
    texts = st.text(max_size=30)
    edited = {"type": "message", "user": "U0HUGO0008", "ts": "1700000000.000300", "text": "after"}
    item = {"type": "message", "channel": "C0SANDBOX11", "ts": "1700000000.000300"}
    hidden = json.dumps({"value": "1", "chat": "C0SANDBOX11", "thread": "1700000000.000100"})
    person = {"type": "users_select", "selected_user": "U0CARLA003"}
    state = {"values": {"person": {"answer": person}}}
    form = {"id": "V1", "callback_id": "assign", "private_metadata": hidden, "state": state}
    command = {"command": "/desk", "user_id": "U0HUGO0008", "user_name": "hugo", "channel_id": "C0SANDBOX11"}
    own = st.one_of(
        st.builds(lambda text: envelope(1, text=text), texts),
        st.builds(lambda text: envelope(1, text=text, files=[{"id": "F1", "name": text}]), texts),
        st.just(envelope(1, subtype="message_changed", message=edited, previous_message=edited)),
        st.just(envelope(1, subtype="message_deleted", deleted_ts="1700000000.000300")),
        st.just(envelope(1, type="reaction_added", reaction="eyes", item=item, item_user="U0SANDBOX")),
        st.just(tap(1)),
        st.just({"type": "view_submission", "user": {"id": "U0HUGO0008"}, "view": form}),
        st.builds(lambda text: {**command, "text": text}, texts),
    )
    if not SLACK.is_file():
        return own
    published = of_schema(json.loads(SLACK.read_text(encoding="utf-8")))
    enveloped = st.builds(lambda drawn: {**drawn, "type": "event_callback"}, published)  # type: ignore[dict-item]
    return st.one_of(own, own, own, published, enveloped)


@st.composite
def batches(draw: st.DrawFn, payloads: st.SearchStrategy[Json]) -> list[Json]:
    """A few payloads drawn from the schema, then the same ones bent more and more."""
    rng = random.Random(draw(st.integers(0, 2**32)))  # noqa: S311  # a fuzz that can be repeated
    drawn = [believable(draw(payloads), rng) for _ in range(5)]
    bent = [broken(rng.choice(drawn), rng, rng.choice((0, 1, 1, 2, 5))) for _ in range(SIZE - len(drawn))]
    return [*drawn, *bent]


def named(payloads: list[Json], key: str, webhooks: Webhooks) -> list[Json]:
    """Most of them with an id of their own; one in twenty keeps what it has."""
    first = len(webhooks.statuses)
    for n, payload in enumerate(payloads):
        if isinstance(payload, dict) and key in payload and n % 20:
            payload[key] = first + n + 1_000 if key == "update_id" else f"Ev{first + n}"
    return payloads


def accidents(payloads: list[bytes], statuses: list[int]) -> list[tuple[int, bytes]]:
    return [(s, p) for p, s in zip(payloads, statuses, strict=True) if s not in (200, 400)]


async def all_at_once(calls: list[object]) -> list[int]:
    statuses: list[int] = []
    for at in range(0, len(calls), AT_ONCE):
        statuses += await asyncio.gather(*calls[at : at + AT_ONCE])  # type: ignore[call-overload]
    return statuses


@pytest.mark.long
@fuzzing
@given(batch=batches(telegram_payloads()))
async def test_no_update_makes_an_accident_and_each_accepted_one_is_stored_once(
    webhooks: Webhooks, batch: list[Json]
) -> None:
    account = next(each for each in webhooks.services.directory if each.account == "telegram")
    connector = await webhooks.services.connections.get(account.id)
    assert isinstance(connector, TelegramConnector)
    before = set(await webhooks.stored("telegram"))
    bodies = [json.dumps(payload).encode() for payload in named(batch, "update_id", webhooks)]
    statuses = await all_at_once([webhooks.telegram(body) for body in [*bodies, *bodies[:10]]])
    assert accidents([*bodies, *bodies[:10]], statuses) == []
    told, unless_unknown = set(), set()
    for body, status in zip(bodies, statuses, strict=False):
        try:
            events = connector.parse(RawRequest(headers={}, body=body))
        except MalformedPayload:
            assert status == 400, body
        else:
            assert status == 200, body
            for event in events:
                if is_nobodys(event, customers=True):
                    continue
                # What is about something said before begins nothing where nobody ever wrote.
                begins = not isinstance(event.content, Reacted | Edited | ReachabilityChanged)
                (told if begins else unless_unknown).add(webhooks.key("telegram", event.external_id))
    stored = Counter(await webhooks.stored("telegram"))
    assert before | told <= set(stored) <= before | told | unless_unknown
    assert set(stored.values()) <= {1}


@pytest.mark.long
@fuzzing
@given(batch=batches(slack_payloads()))
async def test_no_payload_of_slack_makes_an_accident_and_none_is_stored_twice(
    webhooks: Webhooks, batch: list[Json]
) -> None:
    metrics = await webhooks.metrics()
    payloads = named(batch, "event_id", webhooks)
    calls, bodies, commands = [], [], 0
    for payload in payloads:
        interaction = isinstance(payload, dict) and ("actions" in payload or "view" in payload)
        if isinstance(payload, dict) and "command" in payload:
            commands += 1
            body = urlencode({key: str(value) for key, value in payload.items()}, errors="replace").encode()
            calls.append(webhooks.slack(body, "commands", FORM))
        elif interaction:
            body = urlencode({"payload": json.dumps(payload)}).encode()
            calls.append(webhooks.slack(body, "interactions", FORM))
        else:
            body = json.dumps(payload).encode()
            calls.append(webhooks.slack(body))
        bodies.append(body)
    held = len(await webhooks.stored("slack"))
    statuses = await all_at_once(calls)
    assert accidents(bodies, statuses) == []
    stored = Counter(await webhooks.stored("slack"))
    assert set(stored.values()) <= {1}
    after = await webhooks.metrics()

    def more(name: str) -> float:
        return after.get(name, 0.0) - metrics.get(name, 0.0)

    accepted = more('desk_accepted_total{channel="slack"}')
    known, unheard = more("desk_duplicates_total{}"), more("desk_ignored_total{}")
    assert len(stored) - held == accepted - known - unheard
    assert accepted + commands <= SIZE
