"""A payload of the corpus, read by the connector of its platform."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from bot.core.entries import is_nobodys
from bot.core.events import Edited, Event, Said, Tapped, Unsupported
from connectors.payload import Node
from connectors.slack.customers.placing import placed
from connectors.slack.parsing import Parser
from tests.connectors.messenger import rig as messenger
from tests.connectors.payloads.corpus import Json, Kind, Payload
from tests.connectors.payloads.messenger_payloads import MESSENGER
from tests.connectors.payloads.slack_payloads import SLACK
from tests.connectors.payloads.telegram_payloads import TELEGRAM
from tests.connectors.payloads.whatsapp_payloads import WHATSAPP
from tests.connectors.telegram import rig as telegram
from tests.connectors.whatsapp import rig as whatsapp

NOW = datetime(2026, 11, 30, tzinfo=UTC)


def on_slack(body: Json) -> Sequence[Event]:
    parser = Parser("slack-customers", refer=lambda file: file.text("id"))
    if body["type"] == "block_actions":
        return parser.taps(Node(body), "", NOW)
    found = parser.callback(Node(body), "U0US", NOW)
    heard = placed(found, Node(body["event"]), "T0ACME") if found else None
    return [heard.event] if heard else []


def on_telegram(body: Json) -> Sequence[Event]:
    connector = telegram.connector(account="telegram")
    return connector.parse(telegram.signed(json.dumps({"update_id": 77, **body}).encode()))


def on_whatsapp(body: Json) -> Sequence[Event]:
    return whatsapp.parsed(whatsapp.webhook(body))


def on_messenger(body: Json) -> Sequence[Event]:
    return messenger.parsed(body)


CORPUS: Mapping[str, tuple[Sequence[Payload], Callable[[Json], Sequence[Event]]]] = {
    "slack": (SLACK, on_slack),
    "telegram": (TELEGRAM, on_telegram),
    "whatsapp": (WHATSAPP, on_whatsapp),
    "messenger": (MESSENGER, on_messenger),
}


def kind_of(events: Sequence[Event]) -> Kind:
    """Return what the desk takes a payload for."""
    if not events or is_nobodys(events[0], customers=True):
        return Kind.NOBODY
    match events[0].content:
        case Said(text=text):
            return Kind.WORDS if text else Kind.DESCRIPTION
        case Edited():
            return Kind.EDIT
        case Tapped():
            return Kind.TAP
        case Unsupported():
            return Kind.UNREADABLE
        case _:
            return Kind.DEED
