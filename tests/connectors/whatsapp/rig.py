"""A connector between a Graph API that plays along on one side and a bus that takes notes on the other."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from bot.core.commands import CommandAnswer
from bot.core.connector import AccountSettings, ChatCommand, RawRequest, RawResponse
from bot.core.errors import StorageUnavailable
from bot.core.events import Event, Place
from bot.core.ids import DeliveryId
from bot.core.outbound import Operation, Outbound
from connectors.meta import sign
from connectors.whatsapp.capabilities import CHANNEL
from connectors.whatsapp.connector import WhatsAppConnector
from tests.connectors.meta.graph_server import GraphServer, graph_server, says
from tests.connectors.resources import MemoryMeans, memory_resources

NUMBER, BUSINESS, CUSTOMER = "106540352242922", "102290129340398", "16505551234"
SECRET, VERIFY_TOKEN = "an-app-secret", "a-verify-token"
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
DELIVERY = DeliveryId(UUID(int=7))
Json = dict[str, Any]


def settings(api_url: str = "http://127.0.0.1:1", **changes: object) -> AccountSettings:
    values: Json = {
        "account": "support-number",
        "serves": "customers",
        "mode": "webhook",
        "api_url": api_url,
        "path": "/hooks/whatsapp/support-number",
        "secrets": {"access_token": "TOKEN", "app_secret": SECRET, "verify_token": VERIFY_TOKEN},
        "options": {"phone_number_id": NUMBER, "business_account_id": BUSINESS},
    }
    return AccountSettings(**(values | changes))


def connector(number: str = NUMBER, **changes: object) -> WhatsAppConnector:
    options = {"phone_number_id": number}
    return WhatsAppConnector(
        settings(**({"options": options} | changes)),  # type: ignore[arg-type]
        memory_resources(clock=lambda: NOW),
    )


def webhook(*values: Json, field: str = "messages", number: str = NUMBER) -> Json:
    """One entry with a change for each value."""
    metadata = {"display_phone_number": "15550783881", "phone_number_id": number}
    changes = [
        {"field": field, "value": {"messaging_product": "whatsapp", "metadata": metadata, **value}}
        for value in values
    ]
    return {"object": "whatsapp_business_account", "entry": [{"id": BUSINESS, "changes": changes}]}


def message(**fields: object) -> Json:
    return {"from": CUSTOMER, "id": "wamid.A", "timestamp": "1749416383", **fields}


def said(*messages: Json) -> Json:
    contact = {"profile": {"name": "Sheena Nelson"}, "wa_id": CUSTOMER}
    return {"contacts": [contact], "messages": list(messages)}


def parsed(payload: object, number: str = NUMBER) -> tuple[Event, ...]:
    return connector(number).parse(RawRequest({}, json.dumps(payload).encode()))


def only(payload: object) -> Event:
    (event,) = parsed(payload)
    return event


@dataclass
class Inbox:
    """Keeps what it accepts, once for each id; first it fails as often as it is told to."""

    failures: int = 0
    events: list[Event] = field(default_factory=list)

    async def accept(self, events: Sequence[Event]) -> None:
        if self.failures:
            self.failures -= 1
            raise StorageUnavailable("the database is away")
        known = {event.external_id for event in self.events}
        self.events += [event for event in events if event.external_id not in known]

    async def command(self, command: ChatCommand) -> CommandAnswer:
        raise AssertionError(f"no command is typed on WhatsApp: {command.text}")


@dataclass
class Desk:
    graph: GraphServer
    connector: WhatsAppConnector
    resources: MemoryMeans
    inbox: Inbox = field(default_factory=Inbox)

    async def hook(self, body: bytes, *, secret: str = SECRET, **headers: str) -> RawResponse:
        (route,) = self.connector.routes(self.inbox)
        signed = {"x-hub-signature-256": sign(secret, body)} | headers
        return await route.handle(RawRequest(signed, body))

    async def ask(self, query: Mapping[str, str]) -> RawResponse:
        (route,) = self.connector.routes(self.inbox)
        return await route.handle(RawRequest({}, b"", "GET", query))


def outbound(operation: Operation, *, part: int = 0, chat: str = CUSTOMER) -> Outbound:
    return Outbound(DELIVERY, Place(CHANNEL, "support-number", chat), operation, part)


TAKEN = {
    "messaging_product": "whatsapp",
    "contacts": [{"input": CUSTOMER, "wa_id": CUSTOMER}],
    "messages": [{"id": "wamid.SENT"}],
}


@asynccontextmanager
async def a_desk() -> AsyncIterator[Desk]:
    async with graph_server() as graph:
        graph.on(f"POST /{NUMBER}/messages", says(TAKEN))
        graph.on(f"POST /{NUMBER}/media", says({"id": "4490709327384033"}))
        resources = memory_resources(clock=lambda: NOW)
        made = WhatsAppConnector(settings(graph.url), resources)
        yield Desk(graph, made, resources)
        await made.close()
