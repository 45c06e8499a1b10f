"""Slack, as the product meets it: a stand-in workspace on Slack's own wire protocol."""

from connectors.sandbox.slack.files import Upload
from connectors.sandbox.slack.inputs import Choice
from connectors.sandbox.slack.interactions import Outcome
from connectors.sandbox.slack.oauth import Client
from connectors.sandbox.slack.shapes import Enterprise
from connectors.sandbox.slack.stand_in import SlackStandIn
from connectors.sandbox.slack.state import Channel, Ephemeral, Message, User
from connectors.sandbox.slack.tenants import Tenant
from connectors.sandbox.slack.together import together
from connectors.sandbox.slack.wire import CountedIds, Refused, Wire

__all__ = [
    "Channel",
    "Choice",
    "Client",
    "CountedIds",
    "Enterprise",
    "Ephemeral",
    "Message",
    "Outcome",
    "Refused",
    "SlackStandIn",
    "Tenant",
    "Upload",
    "User",
    "Wire",
    "together",
]
