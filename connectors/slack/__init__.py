"""Slack: the staff's rooms, on slack_sdk and Bolt."""

from bot.core.connector import ChannelKind
from connectors.slack.connector import SlackConnector
from connectors.slack.parsing import CHANNEL

channel = ChannelKind(
    name=CHANNEL,
    secrets=("bot_token",),
    optional_secrets=("app_token", "signing_secret"),
    open=SlackConnector,
)
