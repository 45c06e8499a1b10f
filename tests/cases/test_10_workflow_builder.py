"""A customer fills in a form of the Workflow Builder in a shared channel."""

import json
from datetime import UTC, datetime
from pathlib import Path

from bot.core.events import Said
from connectors.payload import Node
from connectors.slack.customers.placing import placed
from connectors.slack.parsing import Parser


def test_a_filled_in_form_is_a_request_where_the_account_listens_to_workflows(case: Path) -> None:
    event = json.loads((case / "slack-customers-event.json").read_text())
    told = event | {"channel": "C0SHARED", "ts": "1795983000.000100"}
    envelope = Node({"type": "event_callback", "event_id": "Ev1", "event": told})
    found = Parser("slack", workflows=True).callback(envelope, "U0US", datetime.now(UTC))
    assert found is not None
    heard = placed(found, Node(told), "T0ACME")
    assert heard is not None
    assert heard.is_root
    assert heard.event.content == Said(event["text"])
    assert heard.event.sender.display_name == event["username"]
